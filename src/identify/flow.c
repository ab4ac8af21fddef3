/* SPDX-License-Identifier: Apache-2.0 */
/* identify/flow.c - publisher -> topic -> subscriber; MQ.ID.IC-01 */
#include "identify/private.h"

#include <stdlib.h>

#include "base/mem.h"
#include "wire/wire.h"

static void key_format(const struct asset *from, struct bytes topic, const struct asset *to,
                       struct buf *ret)
{
    buf_add(ret, bytes_of(&from->number, sizeof(from->number)));
    buf_add(ret, bytes_of(&to->number, sizeof(to->number)));
    buf_add(ret, topic);
}

/**
 * flow_seen() - note that @from's @topic goes to @to
 *
 * Return: the flow; NULL when flows_max is reached, which is counted.
 */
struct flow *flow_seen(struct identify *id, struct asset *from, struct bytes topic,
                       struct asset *to, uint64_t unix_ms)
{
    CLEANUP(buf_done) struct buf key = {0};
    struct flow *f;

    key_format(from, topic, to, &key);
    f = map_find(&id->flows, buf_view(&key));
    if (f == NULL) {
        if (id->flows.n >= id->limits.flows_max) {
            id->counts.n_flows_dropped++;
            return NULL;
        }
        f = mem_new(struct flow);
        f->key = bytes_dup(buf_view(&key));
        f->from = from;
        f->to = to;
        f->topic = text_clean(topic);
        f->first_seen_unix_ms = unix_ms;
        (void)map_put(&id->flows, f);
    }
    f->last_seen_unix_ms = MAX(f->last_seen_unix_ms, unix_ms);
    return f;
}

/** flow_free() - Return: NULL. */
struct flow *flow_free(struct flow *f)
{
    if (f == NULL)
        return NULL;
    bytes_free(f->key);
    free(f->topic);
    free(f);
    return NULL;
}

/** conn_uses() - has this connection published to @topic? */
bool conn_uses(const struct conn *c, const char *topic)
{
    list_each (leaf, &c->uses)
        if (strcmp(list_item(leaf, struct leaf, in_conn)->text, topic) == 0)
            return true;
    return false;
}

static bool conn_writes(const struct conn *c, struct bytes filter)
{
    list_each (it, &c->uses)
        if (wire_filter_matches(filter, bytes_str(list_item(it, struct leaf, in_conn)->text)))
            return true;
    return false;
}

/** identify_writers_each() - see identify.h */
void identify_writers_each(const struct identify *id, struct bytes filter, identify_writer_fn *fn,
                           void *arg)
{
    const struct conn *c;
    size_t cursor = 0;

    while ((c = map_next(&id->conns, &cursor)) != NULL)
        if (conn_writes(c, filter))
            fn(arg, c->number);
}

static bool asset_uses(const struct asset *a, const char *topic)
{
    list_each (it, &a->conns)
        if (conn_uses(list_item(it, struct conn, in_asset), topic))
            return true;
    return false;
}

static bool asset_wants(const struct asset *a, struct bytes topic)
{
    list_each (it, &a->conns) {
        const struct conn *c = list_item(it, struct conn, in_asset);

        list_each (leaf, &c->interests) {
            const char *filter = list_item(leaf, struct leaf, in_conn)->text;

            if (wire_filter_matches(bytes_str(filter), topic))
                return true;
        }
    }
    return false;
}

/** flow_is_live() - both ends are connected, the topic was used and the subscription stands */
bool flow_is_live(const struct flow *f)
{
    return asset_uses(f->from, f->topic) && asset_wants(f->to, bytes_str(f->topic));
}

/** end_matches() - is @a what a declared flow calls @end? */
bool end_matches(const char *end, const struct asset *a)
{
    static const char role[] = "role:";

    if (strcmp(end, "any") == 0)
        return true;
    if (strncmp(end, role, sizeof(role) - 1) == 0)
        return strcmp(end + sizeof(role) - 1, a->role) == 0;
    if (a->record != NULL && strcmp(end, a->record->name) == 0)
        return true;
    if (a->principal[0] != '\0')
        return strcmp(end, a->principal) == 0;
    return strcmp(end, a->client_id) == 0; /* anonymous: nothing else is known */
}

/** end_name() - what a declared flow has to call @a: the name that end_matches() finds it by */
const char *end_name(const struct asset *a)
{
    if (a->record != NULL)
        return a->record->name;
    return a->principal[0] != '\0' ? a->principal : a->client_id;
}

/** flow_declared() - the declared flow that covers @f; NULL when there is none */
struct declared_flow *flow_declared(const struct inventory *v, const struct flow *f)
{
    for (size_t i = 0; i < v->n_flows; i++) {
        struct declared_flow *d = &v->flows[i];

        if (wire_filter_matches(bytes_str(d->topic), bytes_str(f->topic)) &&
            end_matches(d->from, f->from) && end_matches(d->to, f->to))
            return d;
    }
    return NULL;
}

/** topic_declared() - the declared topic that @topic falls under, first in the file; NULL: none */
const struct declared_topic *topic_declared(const struct inventory *v, struct bytes topic)
{
    for (size_t i = 0; i < v->n_topics; i++)
        if (wire_filter_matches(bytes_str(v->topics[i].filter), topic))
            return &v->topics[i];
    return NULL;
}
