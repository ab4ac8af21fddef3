/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/csv.c - see csv.h
 *
 * What devices say of themselves ends in spreadsheets.  A text that a spreadsheet
 * would take for a formula gets a ' in front, which reading takes off again.
 */
#include "cli/csv.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define COLUMNS_MAX 64
#define FORMULA     "=+-@\t\r"

static bool is_formula(const char *text)
{
    return text[0] != '\0' && strchr(FORMULA, text[0]) != NULL;
}

static void add_text(struct buf *to, const char *text)
{
    bool is_quoted = strpbrk(text, "\",\r\n") != NULL || is_formula(text) || text[0] == '\'';

    if (!is_quoted) {
        buf_addf(to, "%s", text);
        return;
    }
    buf_add_u8(to, '"');
    if (is_formula(text) || text[0] == '\'')
        buf_add_u8(to, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            buf_add_u8(to, '"');
        buf_add_u8(to, (uint8_t)*text);
    }
    buf_add_u8(to, '"');
}

static bool is_date(const char *key)
{
    static const char end[] = "_unix_ms";
    size_t len = strlen(key);

    return len > sizeof(end) - 1 && strcmp(key + len - (sizeof(end) - 1), end) == 0;
}

static void add_value(struct buf *to, const char *key, const json_t *v)
{
    char date[CLOCK_TEXT_LEN];

    if (json_is_string(v))
        add_text(to, json_string_value(v));
    else if (json_is_boolean(v))
        buf_addf(to, json_is_true(v) ? "yes" : "no");
    else if (json_is_integer(v) && is_date(key) && json_integer_value(v) > 0)
        buf_addf(to, "%s", clock_format((uint64_t)json_integer_value(v), date));
    else if (json_is_number(v))
        buf_addf(to, "%.10g", json_number_value(v));
}

/** csv_write() - a line of titles, then one an object; dates as RFC 3339 */
void csv_write(struct buf *to, const json_t *array, const struct csv_column *columns, size_t n)
{
    const json_t *o;
    size_t i;

    for (size_t k = 0; k < n; k++)
        buf_addf(to, "%s%s", columns[k].title, k + 1 < n ? "," : "\r\n");
    json_array_foreach(array, i, o)
    {
        for (size_t k = 0; k < n; k++) {
            add_value(to, columns[k].key, json_object_get(o, columns[k].key));
            buf_addf(to, k + 1 < n ? "," : "\r\n");
        }
    }
}

/* ---- reading ---- */

struct csv {
    struct bytes text;
    size_t at;
    unsigned line;
    char separator;
};

/* A spreadsheet writes ; where a comma stands in numbers. */
static char separator_of(struct bytes text)
{
    bool has_other = false;

    for (size_t i = 0; i < text.len && text.at[i] != '\n'; i++) {
        if (text.at[i] == ',')
            return ',';
        has_other |= text.at[i] == ';';
    }
    return has_other ? ';' : ',';
}

/* Does a field end with @b? */
static bool is_end(const struct csv *c, uint8_t b)
{
    return b == (uint8_t)c->separator || b == '\r' || b == '\n';
}

static bool is_at(const struct csv *c, char what)
{
    return c->at < c->text.len && c->text.at[c->at] == (uint8_t)what;
}

/* One field, appended to @ret.  False: a quote that is not closed, or text behind one. */
static bool take_field(struct csv *c, struct buf *ret)
{
    bool is_quoted = is_at(c, '"');

    c->at += is_quoted;
    for (; c->at < c->text.len; c->at++) {
        uint8_t b = c->text.at[c->at];

        c->line += b == '\n';
        if (is_quoted && b == '"') {
            c->at++;
            if (!is_at(c, '"'))
                return c->at == c->text.len || is_end(c, c->text.at[c->at]);
        } else if (!is_quoted && is_end(c, b)) {
            c->line -= b == '\n';
            return true;
        }
        buf_add_u8(ret, b);
    }
    return !is_quoted;
}

/* Behind a field: true when another one comes in the same line. */
static bool take_separator(struct csv *c)
{
    if (is_at(c, c->separator)) {
        c->at++;
        return true;
    }
    c->at += is_at(c, '\r');
    c->line += is_at(c, '\n');
    c->at += is_at(c, '\n');
    return false;
}

static json_t *text_json(struct buf *field)
{
    size_t skip = field->len > 1 && field->at[0] == '\'' &&
                  (strchr(FORMULA, field->at[1]) != NULL || field->at[1] == '\'');
    json_t *text =
        json_stringn((const char *)field->at + skip, field->len > 0 ? field->len - skip : 0);

    buf_done(field);
    return text;
}

static char *wrong(const struct csv *c, const char *what)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_addf(&text, "line %u: %s", c->line, what);
    return bytes_dup_str(buf_view(&text));
}

/* The next line as an array of texts; NULL with @ret_error. */
static json_t *take_line(struct csv *c, char **ret_error)
{
    json_t *line = json_array();
    bool more = true;

    while (more) {
        struct buf field = {0};
        json_t *text;

        if (!take_field(c, &field)) {
            *ret_error = wrong(c, "a quote is not closed, or text stands behind it");
            buf_done(&field);
            json_decref(line);
            return NULL;
        }
        text = field.len > 0 ? text_json(&field) : json_string("");
        buf_done(&field);
        if (text == NULL || json_array_size(line) == COLUMNS_MAX) {
            *ret_error = wrong(c, text == NULL ? "it is no UTF-8" : "too many columns");
            json_decref(text);
            json_decref(line);
            return NULL;
        }
        (void)json_array_append_new(line, text);
        more = take_separator(c);
    }
    return line;
}

static json_t *object_of(const json_t *titles, const json_t *line)
{
    json_t *o = json_object();
    const json_t *title;
    size_t i;

    json_array_foreach(titles, i, title)
    {
        json_t *v = json_array_get(line, i);

        if (json_string_length(title) > 0 && json_string_length(v) > 0)
            (void)json_object_set(o, json_string_value(title), v);
    }
    return o;
}

/**
 * csv_read() - an array of objects of texts, their members named by the first line
 *
 * Empty fields are left out.  Values are separated by commas or, when the first line has none, by
 * semicolons.  Return: a new reference; NULL with @ret_error, owned by the caller.
 */
json_t *csv_read(struct bytes text, char **ret_error)
{
    struct csv c = {.text = text, .line = 1, .separator = separator_of(text)};
    json_t *titles, *line;
    json_t *all = json_array();

    if (bytes_has_prefix(text, BYTES("\xef\xbb\xbf")))
        c.at = 3; /* a byte order mark, as spreadsheets write it */
    titles = take_line(&c, ret_error);
    while (titles != NULL && c.at < text.len) {
        line = take_line(&c, ret_error);
        if (line == NULL) {
            json_decref(titles);
            titles = NULL;
            break;
        }
        if (json_array_size(line) > 1 || json_string_length(json_array_get(line, 0)) > 0)
            (void)json_array_append_new(all, object_of(titles, line));
        json_decref(line);
    }
    if (titles == NULL) {
        json_decref(all);
        return NULL;
    }
    json_decref(titles);
    return all;
}
