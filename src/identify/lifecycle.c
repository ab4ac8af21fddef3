/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/lifecycle.c - the states of devices, as the inventory has them and as people set them
 *
 * What is set on the running node is kept in table "seen", as "state:NAME", and stands until the
 * inventory gives that record a state of a later date.  MQ.ID.AM-04
 */
#include "identify/private.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

/* One that was set. */
struct set_state {
    enum lifecycle lifecycle;
    uint64_t since_unix_ms;
    char name[]; /* of the record; key */
};

/** lifecycle_key() - of a map of what was set */
struct bytes lifecycle_key(const void *item)
{
    return bytes_str(((const struct set_state *)item)->name);
}

/** identify_lifecycle() - Return: the @i-th state; static; NULL after the last. */
const char *identify_lifecycle(size_t i)
{
    return i < LIFECYCLE_N ? lifecycle_names[i] : NULL;
}

static bool parse(const char *text, enum lifecycle *ret)
{
    for (size_t i = 0; i < LIFECYCLE_N; i++) {
        if (text != NULL && strcmp(text, lifecycle_names[i]) == 0) {
            *ret = (enum lifecycle)i;
            return true;
        }
    }
    return false;
}

/** record_named() - of the inventory; NULL: there is none */
struct record *record_named(const struct inventory *v, const char *name)
{
    for (size_t i = 0; i < v->n_records; i++)
        if (strcmp(v->records[i].name, name) == 0)
            return &v->records[i];
    return NULL;
}

static void apply(const struct set_state *s, struct record *r)
{
    if (s->since_unix_ms < r->state_since_unix_ms)
        return;
    r->has_lifecycle = true;
    r->lifecycle = s->lifecycle;
    r->state_since_unix_ms = s->since_unix_ms;
}

/** lifecycles_apply() - after a new inventory: what was set later than its dates */
void lifecycles_apply(struct identify *id)
{
    for (size_t i = 0; i < id->inventory->n_records && id->states.n > 0; i++) {
        struct record *r = &id->inventory->records[i];
        const struct set_state *s = map_find(&id->states, bytes_str(r->name));

        if (s != NULL)
            apply(s, r);
    }
}

static struct set_state *keep(struct identify *id, const char *name, enum lifecycle lifecycle,
                              uint64_t unix_ms)
{
    size_t len = strlen(name) + 1;
    struct set_state *s = mem_zero(sizeof(*s) + len);

    s->lifecycle = lifecycle;
    s->since_unix_ms = unix_ms;
    memcpy(s->name, name, len);
    free(map_put(&id->states, s));
    return s;
}

/** lifecycle_read() - a row of table "seen"; one that is none is passed over */
void lifecycle_read(struct identify *id, const char *name, uint64_t at_unix_ms, const json_t *doc)
{
    enum lifecycle lifecycle;

    if (parse(json_string_value(json_object_get(doc, "state")), &lifecycle))
        (void)keep(id, name, lifecycle, at_unix_ms);
}

/** lifecycles_done() - free what was set */
void lifecycles_done(struct identify *id)
{
    size_t cursor = 0;
    void *item;

    while ((item = map_next(&id->states, &cursor)) != NULL)
        free(item);
    map_done(&id->states);
}

static void put(const struct set_state *s, struct control *control)
{
    CLEANUP(buf_done) struct buf key = {0};
    CLEANUP(buf_done) struct buf doc = {0};

    buf_addf(&key, STATE_KEY "%s", s->name);
    buf_add_u8(&key, 0);
    buf_addf(&doc, "{\"state\":\"%s\"}", lifecycle_names[s->lifecycle]);
    buf_add_u8(&doc, 0);
    control_put(control, CONTROL_SEEN, (const char *)key.at, s->since_unix_ms,
                (const char *)doc.at);
}

/** identify_lifecycle_set() - see identify.h */
enum identify_answer identify_lifecycle_set(struct identify *id, struct control *control,
                                            const char *name, const char *state, uint64_t unix_ms)
{
    struct record *r = record_named(id->inventory, name);
    enum lifecycle lifecycle;
    struct set_state *s;

    if (r == NULL)
        return IDENTIFY_E_NOT_FOUND;
    if (!parse(state, &lifecycle))
        return IDENTIFY_E_INVALID;
    s = keep(id, name, lifecycle, MAX(unix_ms, r->state_since_unix_ms));
    apply(s, r);
    put(s, control);
    return IDENTIFY_OK;
}

/* ---- what it means for who is watched ---- */

static unsigned flags_of(const struct asset *a)
{
    if (a->record == NULL || (BIT(a->record->lifecycle) & LIFECYCLE_BIT_IN_SERVICE) != 0)
        return 0;
    return LIFECYCLE_MAY_BE_SILENT |
           ((BIT(a->record->lifecycle) & LIFECYCLE_BIT_GONE) != 0 ? LIFECYCLE_MUST_BE_GONE : 0);
}

static void tell(const struct asset *a, identify_lifecycle_fn *fn, void *arg)
{
    const struct conn *c =
        !list_is_empty(&a->conns) ? list_item(a->conns.prev, struct conn, in_asset) : NULL;

    fn(arg, a->client_id, c != NULL ? c->number : 0, flags_of(a),
       a->record != NULL ? lifecycle_names[a->record->lifecycle] : "");
}

/** identify_lifecycles_each() - see identify.h */
void identify_lifecycles_each(const struct identify *id, identify_lifecycle_fn *fn, void *arg)
{
    for (size_t i = 0; i < id->counts.n_assets; i++)
        tell(id->assets[i], fn, arg);
}

/** identify_lifecycle_of() - see identify.h */
void identify_lifecycle_of(const struct identify *id, uint64_t conn, identify_lifecycle_fn *fn,
                           void *arg)
{
    const struct conn *c = map_find(&id->conns, bytes_of(&conn, sizeof(conn)));

    if (c != NULL && c->asset->record != NULL)
        tell(c->asset, fn, arg);
}
