/* SPDX-License-Identifier: Apache-2.0 */
/* assess/evidence.c - measured values by test id */
#include "assess/private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define EVIDENCE_MAX 10000 /* entries of one array */

/** assess_evidence_new() - none yet */
struct evidence_set *assess_evidence_new(void)
{
    return mem_new(struct evidence_set);
}

static void item_done(struct evidence_item *i)
{
    free(i->test);
    free(i->window);
    free(i->detail);
}

/** assess_evidence_free() - Return: NULL. */
struct evidence_set *assess_evidence_free(struct evidence_set *e)
{
    if (e == NULL)
        return NULL;
    for (size_t i = 0; i < e->n; i++)
        item_done(&e->items[i]);
    free(e->items);
    free(e);
    return NULL;
}

/** evidence_find() - what was measured for a test; NULL: nothing */
const struct evidence_item *evidence_find(const struct evidence_set *e, const char *test)
{
    for (size_t i = 0; e != NULL && i < e->n; i++)
        if (strcmp(e->items[i].test, test) == 0)
            return &e->items[i];
    return NULL;
}

/**
 * assess_evidence_add() - add one value; copies
 *
 * Of two for the same test the later one counts.
 */
void assess_evidence_add(struct evidence_set *e, const struct evidence *one)
{
    struct evidence_item *to = (struct evidence_item *)(uintptr_t)evidence_find(e, one->test);

    check(isfinite(one->value));
    if (to != NULL && to->at_unix_ms > one->at_unix_ms)
        return;
    if (to != NULL) {
        item_done(to);
    } else {
        if (e->n == e->cap) {
            e->cap = MAX(e->cap * 2, 64);
            e->items = mem_resize(e->items, e->cap * sizeof(*e->items));
        }
        to = &e->items[e->n++];
    }
    *to = (struct evidence_item){
        .test = text_dup(one->test),
        .value = one->value,
        .samples = one->samples,
        .window = text_dup(one->window),
        .at_unix_ms = one->at_unix_ms,
        .detail = text_dup(one->detail),
    };
}

static const char *read_entry(const json_t *o, const struct catalog *c, struct evidence *ret)
{
    const json_t *value = json_object_get(o, "value");
    json_int_t samples = json_integer_value(json_object_get(o, "samples"));
    json_int_t at = json_integer_value(json_object_get(o, "at"));

    ret->test = json_string_value(json_object_get(o, "test"));
    if (ret->test == NULL || assess_catalog_test(c, bytes_str(ret->test)) == NULL)
        return "\"test\" is no test of the catalogue";
    if (!json_is_number(value) || !isfinite(json_number_value(value)))
        return "\"value\" is no number";
    if (samples < 0 || at <= 0)
        return "\"samples\" and \"at\" (ms since 1970) are needed";
    ret->value = json_number_value(value);
    ret->samples = (uint64_t)samples;
    ret->at_unix_ms = (uint64_t)at;
    ret->window = json_string_value(json_object_get(o, "window"));
    ret->detail = json_string_value(json_object_get(o, "detail"));
    return NULL;
}

/**
 * assess_evidence_parse() - an array of evidence, as a node gives it
 * @ret_error: owned by the caller; written on failure
 *
 * Return: NULL when an entry is not in order.
 */
struct evidence_set *assess_evidence_parse(const json_t *array, const struct catalog *c,
                                           char **ret_error)
{
    struct evidence_set *e = assess_evidence_new();
    CLEANUP(buf_done) struct buf error = {0};
    const json_t *v;
    size_t i;

    if (!json_is_array(array) || json_array_size(array) > EVIDENCE_MAX)
        buf_addf(&error, "evidence: an array of at most %d entries is expected", EVIDENCE_MAX);
    json_array_foreach(array, i, v)
    {
        struct evidence one = {0};
        const char *what = read_entry(v, c, &one);

        if (what != NULL && error.len == 0)
            buf_addf(&error, "evidence, entry %zu (%s): %s", i + 1,
                     one.test != NULL ? one.test : "no test", what);
        if (error.len > 0)
            break;
        assess_evidence_add(e, &one);
    }
    if (error.len == 0)
        return e;
    *ret_error = bytes_dup_str(buf_view(&error));
    return assess_evidence_free(e);
}

/** assess_evidence_json() - the array that assess_evidence_parse() reads; a new reference */
json_t *assess_evidence_json(const struct evidence_set *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->n; i++) {
        const struct evidence_item *it = &e->items[i];
        json_t *o = json_pack("{s:s, s:f, s:I, s:I}", "test", it->test, "value", it->value,
                              "samples", (json_int_t)it->samples, "at", (json_int_t)it->at_unix_ms);

        if (it->window != NULL)
            (void)json_object_set_new(o, "window", json_string(it->window));
        if (it->detail != NULL)
            (void)json_object_set_new(o, "detail", json_string(it->detail));
        (void)json_array_append_new(list, o);
    }
    return list;
}
