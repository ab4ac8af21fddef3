/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/declare.c - new records at the head of one of the inventory's lists
 *
 * Works on the text, so that comments and all else in the file stay.  A copy beside it
 * is read as the node would read it before it takes the file's place: all or nothing.
 * What is wrong with a record is said of what it was made of: nobody has seen that copy.
 */
#include "cli/declare.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "node/node.h"

#define FILE_BYTES_MAX (64U << 20)
#define FILE_MODE      0644

struct declared {
    char *what; /* for a person; owned */
    size_t at;  /* in the added text */
};

/**
 * declare_open() - begin with the inventory as it is
 * @path, @list: borrowed until declare_done()
 *
 * A file that is not there is empty.  Return: false with @ret_error, owned by the caller.
 */
bool declare_open(struct declare *d, const char *path, const char *list, char **ret_error)
{
    *d = (struct declare){.path = path, .list = list};
    return access(path, F_OK) != 0 || file_read(path, FILE_BYTES_MAX, &d->text, ret_error);
}

/** declare_record() - the pairs that follow are of another record; @what: says which to a person */
void declare_record(struct declare *d, const char *what)
{
    struct declared r = {.what = text_dup(what), .at = d->added.len};

    buf_add(&d->records, bytes_of(&r, sizeof(r)));
    d->is_begun = true;
}

/** declare_pair() - a value of the record; a JSON text is a quoted text of YAML, too */
void declare_pair(struct declare *d, const char *key, const char *value)
{
    json_t *text = json_string(value);
    char *quoted = text != NULL ? json_dumps(text, JSON_ENCODE_ANY) : NULL;

    if (quoted != NULL) {
        buf_addf(&d->added, "%s%s: %s\n", d->is_begun ? "  - " : "    ", key, quoted);
        d->is_begun = false;
    }
    free(quoted);
    json_decref(text);
}

/* Where @list begins a line, and ':' follows; NULL: nowhere. */
static const uint8_t *find_list(struct bytes text, const char *list)
{
    size_t head = strlen(list);
    size_t at = 0;

    while (at < text.len) {
        const uint8_t *end = memchr(text.at + at, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - text.at) - at : text.len - at;

        if (len > head && memcmp(text.at + at, list, head) == 0 && text.at[at + head] == ':')
            return text.at + at;
        at += len + 1;
    }
    return NULL;
}

/* The new text, and where in it what was added begins; false: the list cannot be added to. */
static bool put_in(const struct declare *d, struct buf *ret, size_t *ret_at)
{
    struct bytes text = buf_view(&d->text);
    const uint8_t *at = find_list(text, d->list);
    size_t head, line;

    if (at == NULL) {
        buf_add(ret, text);
        if (text.len > 0 && text.at[text.len - 1] != '\n')
            buf_add_u8(ret, '\n');
        buf_addf(ret, "%s:\n", d->list);
        *ret_at = ret->len;
        buf_add(ret, buf_view(&d->added));
        return true;
    }
    head = (size_t)(at - text.at) + strlen(d->list) + 1;
    line = head;
    while (line < text.len && text.at[line] != '\n')
        line++;
    buf_add(ret, bytes_of(text.at, head));
    for (size_t i = head; i < line && text.at[i] != '#'; i++)
        if (strchr(" \t[]\r", text.at[i]) == NULL)
            return false;
    buf_add_u8(ret, '\n');
    *ret_at = ret->len;
    buf_add(ret, buf_view(&d->added));
    buf_add(ret, line < text.len ? bytes_of(text.at + line + 1, text.len - line - 1) : BYTES_NONE);
    return true;
}

static size_t lines_of(struct bytes text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '\n';
    return n;
}

/* The record in whose lines @line of the added text is, counted from 0; NULL: in none's. */
static const struct declared *record_at(const struct declare *d, size_t line)
{
    const struct declared *r = (const struct declared *)d->records.at;
    const struct declared *last = NULL;

    if (line >= lines_of(buf_view(&d->added)))
        return NULL;
    for (size_t i = 0; i < d->records.len / sizeof(*r); i++)
        if (lines_of(bytes_of(d->added.at, r[i].at)) <= line)
            last = &r[i];
    return last;
}

/* An error of the copy, in words of what the caller knows; @first: the first line that was added.
 */
static void add_error(const struct declare *d, size_t first, const char *copy, const char *error,
                      struct buf *to)
{
    const struct declared *r;
    unsigned line, column;
    int len = 0;

    if (!bytes_has_prefix(bytes_str(error), bytes_str(copy)) ||
        sscanf(error + strlen(copy), ":%u:%u: %n", &line, &column, &len) != 2 || len == 0) {
        buf_addf(to, "%s", error);
        return;
    }
    r = line > first ? record_at(d, line - 1 - first) : NULL;
    if (r != NULL)
        buf_addf(to, "%s", r->what);
    else
        buf_addf(to, "%s:%zu:%u", d->path,
                 line <= first ? line : line - lines_of(buf_view(&d->added)), column);
    buf_addf(to, ": %s", error + strlen(copy) + len);
}

/* @error, a line each, taken over. */
static char *in_our_words(const struct declare *d, size_t first, const char *copy, char *error)
{
    CLEANUP(buf_done) struct buf text = {0};
    char *rest = NULL;

    for (char *one = strtok_r(error, "\n", &rest); one != NULL; one = strtok_r(NULL, "\n", &rest)) {
        if (text.len > 0)
            buf_add_u8(&text, '\n');
        add_error(d, first, copy, one, &text);
    }
    free(error);
    return bytes_dup_str(buf_view(&text));
}

/**
 * declare_try() - would the inventory be good with the records?
 * @is_kept:   if so, it takes the old one's place
 * @ret_error: one line an error; owned by the caller
 *
 * Return: false when not, or when it cannot be written; the old one is as it was.
 */
bool declare_try(struct declare *d, bool is_kept, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(buf_done) struct buf copy = {0};
    char *error = NULL;
    size_t at;
    bool ok;

    if (!put_in(d, &text, &at)) {
        buf_addf(&copy, "its %s are a list in one line; write one item (- ) a line", d->list);
        *ret_error = bytes_dup_str(buf_view(&copy));
        return false;
    }
    buf_addf(&copy, "%s.import%c", d->path, 0);
    ok = file_replace((const char *)copy.at, buf_view(&text), FILE_MODE, ret_error);
    if (ok && !node_inventory_check((const char *)copy.at, &error)) {
        *ret_error = in_our_words(d, lines_of(bytes_of(text.at, at)), (const char *)copy.at, error);
        ok = false;
    }
    ok = ok && (!is_kept || file_replace(d->path, buf_view(&text), FILE_MODE, ret_error));
    (void)unlink((const char *)copy.at);
    return ok;
}

/** declare_done() - free what it holds */
void declare_done(struct declare *d)
{
    struct declared *r = (struct declared *)d->records.at;

    for (size_t i = 0; i < d->records.len / sizeof(*r); i++)
        free(r[i].what);
    buf_done(&d->records);
    buf_done(&d->added);
    buf_done(&d->text);
}
