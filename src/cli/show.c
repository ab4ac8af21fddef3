/* SPDX-License-Identifier: Apache-2.0 */
/* cli/show.c - see show.h */
#include "cli/show.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/shown.h"
#include "cli/human.h"

#define CUT_COLUMNS_MIN 16 /* a text is not cut to less */
#define CUT_MARK        "…"
#define PAD_COLUMNS_MAX 48 /* where nothing is cut, one long name must not widen every line */

/* Counts of detectors decay, so they are no whole numbers. */
static uint64_t whole_number(const json_t *v)
{
    if (json_is_real(v))
        return json_real_value(v) > 0 ? (uint64_t)(json_real_value(v) + 0.5) : 0;
    return json_is_integer(v) ? (uint64_t)json_integer_value(v) : 0;
}

/** show_value() - append one member of @object in its format; "-" when it has none */
void show_value(struct buf *to, const json_t *object, const struct show_field *f,
                uint64_t now_unix_ms)
{
    const json_t *v = json_object_get(object, f->key);
    uint64_t number = whole_number(v);
    char date[CLOCK_TEXT_LEN];

    if (v == NULL || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0)) {
        buf_addf(to, "-");
        return;
    }
    switch (f->format) {
    case SHOW_TEXT:
        shown_add(to, bytes_of(json_string_value(v), json_string_length(v)));
        break;
    case SHOW_NUMBER:
        buf_addf(to, "%llu", (unsigned long long)number);
        break;
    case SHOW_DECIMAL:
        human_decimal(to, json_number_value(v));
        break;
    case SHOW_BYTES:
        human_bytes(to, number);
        break;
    case SHOW_AGO:
        human_ago(to, number, now_unix_ms);
        break;
    case SHOW_DATE:
        buf_addf(to, "%s", clock_format(number, date));
        break;
    case SHOW_BOTH:
        buf_addf(to, "%s, ", clock_format(number, date));
        human_ago(to, number, now_unix_ms);
        break;
    case SHOW_UNTIL:
        human_until(to, number, now_unix_ms, "-");
        break;
    case SHOW_LIFTED:
        human_until(to, number, now_unix_ms, "when lifted");
        break;
    case SHOW_YES:
        buf_addf(to, json_is_true(v) ? "yes" : "no");
        break;
    }
}

static bool is_right(enum show_format f)
{
    return f == SHOW_NUMBER || f == SHOW_DECIMAL || f == SHOW_BYTES;
}

static void pad(struct buf *to, size_t columns)
{
    while (columns-- > 0)
        buf_add_u8(to, ' ');
}

/* A cell is put to its width, but for the last of a line, which ends it. */
static void add_cell(struct buf *to, struct bytes text, size_t wide, bool right, bool last)
{
    size_t columns = human_columns(text);
    size_t gap = columns < wide ? wide - columns : 0;

    if (right)
        pad(to, gap);
    buf_add(to, text);
    if (last)
        buf_add_u8(to, '\n');
    else
        pad(to, (right ? 0 : gap) + 2);
}

/* The first line, then one an object; each cell is made once, measured, then written. */
struct grid {
    struct buf *cells; /* owned */
    size_t n_lines;
};

static struct grid grid_make(const json_t *array, const struct show_field *fields, size_t n,
                             uint64_t now_unix_ms)
{
    struct grid g = {.n_lines = json_array_size(array) + 1};

    g.cells = mem_zero(g.n_lines * n * sizeof(*g.cells));
    for (size_t j = 0; j < n; j++)
        buf_add(&g.cells[j], bytes_str(fields[j].title));
    for (size_t i = 1; i < g.n_lines; i++) {
        for (size_t j = 0; j < n; j++)
            show_value(&g.cells[i * n + j], json_array_get(array, i - 1), &fields[j], now_unix_ms);
    }
    return g;
}

/* A text that does not fit ends in a mark that something is missing. */
static void cut_cell(struct buf *cell, size_t wide)
{
    struct buf cut = {0};

    if (human_columns(buf_view(cell)) <= wide)
        return;
    buf_add(&cut, human_cut(buf_view(cell), wide - 1));
    buf_addf(&cut, CUT_MARK);
    buf_done(cell);
    *cell = cut;
}

static size_t column_width(const struct grid *g, size_t n, size_t column)
{
    size_t wide = 0;

    for (size_t i = 0; i < g->n_lines; i++)
        wide = MAX(wide, human_columns(buf_view(&g->cells[i * n + column])));
    return wide;
}

static size_t line_width(const size_t *wide, size_t n)
{
    size_t sum = 0;

    for (size_t j = 0; j < n; j++)
        sum += wide[j] + (j + 1 < n ? 2 : 0);
    return sum;
}

/* Take from the widest text column until all fit.  The last one is left: where it wraps, nothing
 * that is aligned comes after it. */
static void fit(struct grid *g, const struct show_field *fields, size_t n, size_t *wide,
                size_t columns)
{
    while (line_width(wide, n) > columns) {
        size_t widest = n;

        for (size_t j = 0; j + 1 < n; j++)
            if (fields[j].format == SHOW_TEXT && wide[j] > CUT_COLUMNS_MIN &&
                (widest == n || wide[j] > wide[widest]))
                widest = j;
        if (widest == n)
            break;
        wide[widest]--;
    }
    for (size_t i = 0; i < g->n_lines * n; i++)
        if (i % n + 1 < n && fields[i % n].format == SHOW_TEXT)
            cut_cell(&g->cells[i], wide[i % n]);
}

/** show_table() - append one line for each object of @array under the titles of @fields */
void show_table(struct buf *to, const json_t *array, const struct show_field *fields, size_t n,
                uint64_t now_unix_ms, size_t columns)
{
    struct grid g = grid_make(array, fields, n, now_unix_ms);
    size_t *wide = mem_zero(n * sizeof(*wide));

    for (size_t j = 0; j < n; j++)
        wide[j] = column_width(&g, n, j);
    if (columns > 0)
        fit(&g, fields, n, wide, columns);
    for (size_t j = 0; j < n && columns == 0; j++)
        wide[j] = MIN(wide[j], PAD_COLUMNS_MAX);
    for (size_t i = 0; i < g.n_lines * n; i++) {
        size_t j = i % n;

        add_cell(to, buf_view(&g.cells[i]), wide[j], is_right(fields[j].format), j + 1 == n);
        buf_done(&g.cells[i]);
    }
    free(wide);
    free(g.cells);
}

static bool has_any(const json_t *array, const char *key)
{
    const json_t *one;
    size_t i;

    json_array_foreach(array, i, one)
    {
        if (json_object_get(one, key) != NULL)
            return true;
    }
    return false;
}

/** show_used() - as show_table(), without the columns in which nothing stands */
void show_used(struct buf *to, const json_t *array, const struct show_field *fields, size_t n,
               uint64_t now_unix_ms, size_t columns)
{
    struct show_field *used = mem_zero(n * sizeof(*used));
    size_t n_used = 0;

    for (size_t i = 0; i < n; i++) {
        if (has_any(array, fields[i].key))
            used[n_used++] = fields[i];
    }
    show_table(to, array, used, n_used, now_unix_ms, columns);
    free(used);
}

/** show_object() - append "title  value" lines; a field that @object does not have is left out */
void show_object(struct buf *to, const json_t *object, const struct show_field *fields, size_t n,
                 uint64_t now_unix_ms)
{
    size_t wide = 0;

    for (size_t i = 0; i < n; i++)
        wide = MAX(wide, human_columns(bytes_str(fields[i].title)));
    for (size_t i = 0; i < n; i++) {
        if (json_object_get(object, fields[i].key) == NULL)
            continue;
        add_cell(to, bytes_str(fields[i].title), wide, false, false);
        show_value(to, object, &fields[i], now_unix_ms);
        buf_add_u8(to, '\n');
    }
}
