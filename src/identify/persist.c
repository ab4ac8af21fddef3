/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/persist.c - what was learned, in the control store
 *
 * A row an asset, by its id, and a row a flow, by both ids and the topic.  In table "seen":
 * "address:TEXT" and "principal:NAME" with the time in "unix_ms"; "state:NAME", of lifecycle.c;
 * "since"; and "retired" and "online", the rings of days.  Only what has changed is written.
 *
 * A flow that is live was seen now; so that not all of them change each time, this is
 * kept to the hour.
 */
#include "identify/private.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"

#define SAVE_ROWS_MAX 20000 /* at once; the rest the next time */
#define HOUR_MS       3600000ULL

struct saving {
    struct control *control;
    size_t n_rows;
};

static bool has_room(const struct saving *s)
{
    return s->n_rows < SAVE_ROWS_MAX;
}

/* @o is consumed.  @saved: of what was written last; written again only when it is another. */
static void save_row(struct saving *s, enum control_table t, const char *key, uint64_t at_unix_ms,
                     json_t *o, uint32_t *saved)
{
    char *text = json_dumps(o, JSON_COMPACT);
    uint32_t hash;

    json_decref(o);
    check(text != NULL);
    hash = (uint32_t)hash_keyed(bytes_str(text));
    if (hash != *saved && has_room(s)) {
        control_put(s->control, t, key, at_unix_ms, text);
        *saved = hash;
        s->n_rows++;
    }
    free(text);
}

static void save_assets(struct saving *s, const struct identify *id)
{
    for (size_t i = 0; i < id->counts.n_assets && has_room(s); i++) {
        struct asset *a = id->assets[i];

        save_row(s, CONTROL_ASSET, a->id, a->last_seen_unix_ms, asset_json(a), &a->saved);
    }
}

static void save_flow(struct saving *s, struct flow *f, uint64_t unix_ms)
{
    uint64_t last = flow_is_live(f) ? unix_ms - unix_ms % HOUR_MS : f->last_seen_unix_ms;
    CLEANUP(buf_done) struct buf key = {0};
    uint32_t written = 0;

    last = MAX(last, f->last_seen_unix_ms);
    if (f->saved_unix_ms == last)
        return;
    buf_addf(&key, "%s\n%s\n%s", f->from->id, f->to->id, f->topic);
    buf_add_u8(&key, 0);
    save_row(s, CONTROL_FLOW, (const char *)key.at, last,
             json_pack("{s:s, s:s, s:s, s:I, s:I}", "from", f->from->id, "topic", f->topic, "to",
                       f->to->id, "first_seen_unix_ms", (json_int_t)f->first_seen_unix_ms,
                       "last_seen_unix_ms", (json_int_t)last),
             &written);
    if (written != 0)
        f->saved_unix_ms = last;
}

static void save_time(struct saving *s, const char *kind, const char *name, uint64_t unix_ms,
                      uint32_t *saved)
{
    CLEANUP(buf_done) struct buf key = {0};

    if (unix_ms == 0)
        return;
    buf_addf(&key, "%s%s", kind, name);
    buf_add_u8(&key, 0);
    save_row(s, CONTROL_SEEN, (const char *)key.at, unix_ms,
             json_pack("{s:I}", "unix_ms", (json_int_t)unix_ms), saved);
}

static json_t *days_json(const struct day_count *days)
{
    json_t *list = json_array();

    for (size_t i = 0; i < RETIRED_DAYS; i++)
        if (days[i].n > 0)
            (void)json_array_append_new(list,
                                        json_pack("{s:I, s:I}", "day", (json_int_t)days[i].day, "n",
                                                  (json_int_t)days[i].n));
    return list;
}

static void save_seen(struct saving *s, struct identify *id)
{
    size_t cursor = 0;
    struct peer *a;
    struct principal *p;

    while ((a = map_next(&id->peers, &cursor)) != NULL && has_room(s))
        save_time(s, ADDRESS_KEY, a->seen.text, a->seen.last_unix_ms, &a->saved);
    cursor = 0;
    while ((p = map_next(&id->principals, &cursor)) != NULL && has_room(s))
        save_time(s, PRINCIPAL_KEY, p->name, p->shared_unix_ms, &p->saved);
    save_time(s, "since", "", id->since_unix_ms, &id->saved_since);
    save_row(s, CONTROL_SEEN, "retired", 0, days_json(id->retired), &id->saved_retired);
    save_row(s, CONTROL_SEEN, "online", 0, days_json(id->online), &id->saved_online);
}

/**
 * identify_save() - ask the store to keep what was learned since the last time
 * @unix_ms:  now: flows that are live count as seen until then
 *
 * Does not wait.  Return: false when there is more, for the next call.
 */
bool identify_save(struct identify *id, struct control *control, uint64_t unix_ms)
{
    struct saving s = {.control = control};
    size_t cursor = 0;
    struct flow *f;

    save_assets(&s, id);
    save_seen(&s, id);
    while (has_room(&s) && (f = map_next(&id->flows, &cursor)) != NULL)
        save_flow(&s, f, unix_ms);
    return has_room(&s);
}
