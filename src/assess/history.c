/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/history.c - rows of the store's table "assessment": runs, recorded changes, indicators
 *
 *   {"kind": "run", "at": unix ms, "node", "organisation": tier, "subcategories": {id: tier}}
 *   {"kind": "change", "at", "category", "cause", "text", "by"}, cause being one of indicator,
 *    lesson, shared, review
 *   {"kind": "indicator", "at", "category", "indicator", "since": unix ms of its first data}
 *
 * The gates of tiers 3 and 4 ask for it.
 */
#include "assess/private.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

static char *dup_text(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text_dup(text_or_empty(text));
}

static uint64_t date_of(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));

    return n > 0 ? (uint64_t)n : 0;
}

/* Return: what is wrong with the line; NULL. */
static const char *read_line(struct history *h, const json_t *o)
{
    const char *kind = json_string_value(json_object_get(o, "kind"));
    uint64_t at = date_of(o, "at");

    if (kind == NULL || at == 0)
        return "\"kind\" and \"at\" are needed";
    if (strcmp(kind, "run") == 0) {
        h->runs_unix_ms = mem_resize(h->runs_unix_ms, (h->n_runs + 1) * sizeof(uint64_t));
        h->runs_unix_ms[h->n_runs++] = at;
        return NULL;
    }
    if (strcmp(kind, "change") != 0 && strcmp(kind, "indicator") != 0)
        return "\"kind\" is none of run, change, indicator";
    h->entries = mem_resize(h->entries, (h->n_entries + 1) * sizeof(*h->entries));
    h->entries[h->n_entries++] = (struct history_entry){
        .covers = dup_text(o, "category"),
        .is_indicator = strcmp(kind, "indicator") == 0,
        .cause = dup_text(o, "cause"),
        .at_unix_ms = at,
        .since_unix_ms = date_of(o, "since"),
    };
    return NULL;
}

/**
 * assess_history_read() - what was assessed and recorded before
 * @rows:      array of them, oldest first
 * @ret_error: owned by the caller; written on failure
 */
struct history *assess_history_read(const json_t *rows, char **ret_error)
{
    struct history *h = mem_new(struct history);
    const json_t *o;
    size_t i;

    json_array_foreach(rows, i, o)
    {
        const char *what = read_line(h, o);
        CLEANUP(buf_done) struct buf error = {0};

        if (what == NULL)
            continue;
        buf_addf(&error, "assessment %zu of the store: %s", i + 1, what);
        *ret_error = bytes_dup_str(buf_view(&error));
        return assess_history_free(h);
    }
    return h;
}

/** assess_history_free() - Return: NULL. */
struct history *assess_history_free(struct history *h)
{
    if (h == NULL)
        return NULL;
    for (size_t i = 0; i < h->n_entries; i++) {
        free(h->entries[i].covers);
        free(h->entries[i].cause);
    }
    free(h->entries);
    free(h->runs_unix_ms);
    free(h);
    return NULL;
}

/** id_covers() - is @id @covers itself, or under it? */
bool id_covers(const char *covers, const char *id)
{
    size_t len = strlen(covers);

    return len > 0 && strncmp(covers, id, len) == 0 &&
           (id[len] == '\0' || id[len] == '.' || id[len] == '-');
}

/** assess_history_run() - the row that records a run; a new reference */
json_t *assess_history_run(const struct assessment *a)
{
    json_t *tiers = json_object();

    for (size_t i = 0; i < a->n_subs; i++)
        if (a->subs[i].in_profile && !a->subs[i].not_applicable)
            (void)json_object_set_new(tiers, a->subs[i].sub->id,
                                      json_integer((json_int_t)a->subs[i].tier));
    return json_pack("{s:s, s:I, s:s, s:i, s:o}", "kind", "run", "at", (json_int_t)a->at_unix_ms,
                     "node", a->node_name, "organisation", (int)a->organisation.tier,
                     "subcategories", tiers);
}
