/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/history.c - state/assessments.jsonl: runs, recorded changes, indicators
 *
 *   {"kind": "run", "at": unix ms, "node", "organisation": tier, "subcategories": {id: tier}}
 *   {"kind": "change", "at", "category", "cause", "text", "by"}, cause being one of indicator,
 *    lesson, shared, review
 *   {"kind": "indicator", "at", "category", "indicator", "since": unix ms of its first data}
 *
 * The gates of tiers 3 and 4 ask for it.  A last line that is cut (the machine
 * went down while it was written) is left out.
 */
#include "assess/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/crypto.h"

#define HISTORY_BYTES_MAX (256U << 20)

static char *dup_text(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return bytes_dup_str(bytes_str(text != NULL ? text : ""));
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

static void read_lines(struct history *h, const char *path, struct bytes text, struct buf *error)
{
    size_t number = 0;

    while (text.len > 0 && error->len == 0) {
        const uint8_t *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;
        json_error_t why;
        json_t *o;

        number++;
        if (end == NULL) /* cut */
            return;
        o = json_loadb((const char *)text.at, len, 0, &why);
        if (o == NULL && len > 0) {
            buf_addf(error, "%s:%zu: %s", path, number, why.text);
        } else if (o != NULL) {
            const char *what = read_line(h, o);

            if (what != NULL)
                buf_addf(error, "%s:%zu: %s", path, number, what);
        }
        json_decref(o);
        text = bytes_of(text.at + len + 1, text.len - len - 1);
    }
}

/**
 * assess_history_load() - read what was assessed and recorded before
 * @path:      a file that is missing is an empty history
 * @ret_error: owned by the caller; written on failure
 */
struct history *assess_history_load(const char *path, char **ret_error)
{
    struct history *h = mem_new(struct history);
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(buf_done) struct buf error = {0};

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return h;
    if (!file_read(path, HISTORY_BYTES_MAX, &text, ret_error))
        return assess_history_free(h);
    read_lines(h, path, buf_view(&text), &error);
    if (error.len == 0)
        return h;
    *ret_error = bytes_dup_str(buf_view(&error));
    return assess_history_free(h);
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

/** assess_history_append() - record a run.  Return: 0 once it is on disk, or -errno. */
int assess_history_append(const char *path, const struct assessment *a)
{
    json_t *tiers = json_object();

    for (size_t i = 0; i < a->n_subs; i++)
        if (a->subs[i].in_profile && !a->subs[i].not_applicable)
            (void)json_object_set_new(tiers, a->subs[i].sub->id,
                                      json_integer((json_int_t)a->subs[i].tier));
    return jsonl_append(path,
                        json_pack("{s:s, s:I, s:s, s:i, s:o}", "kind", "run", "at",
                                  (json_int_t)a->at_unix_ms, "node", a->node_name, "organisation",
                                  (int)a->organisation.tier, "subcategories", tiers));
}

/**
 * assess_history_change() - record a change of profile, plan or threshold, or a review
 * @category: id of a category, of a Function, or MQ
 * @cause:    "indicator", "lesson", "shared" or "review"
 *
 * Return: 0 once it is on disk, -EINVAL for another cause, or -errno.
 */
int assess_history_change(const char *path, const char *category, const char *cause,
                          const char *text, const char *by, uint64_t now_unix_ms)
{
    static const char *const causes[] = {"indicator", "lesson", "shared", "review"};

    for (size_t i = 0; i < COUNT_OF(causes); i++)
        if (strcmp(causes[i], cause) == 0)
            return jsonl_append(path, json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "kind", "change",
                                                "at", (json_int_t)now_unix_ms, "category", category,
                                                "cause", cause, "text", text, "by", by));
    return err_origin(-EINVAL);
}
