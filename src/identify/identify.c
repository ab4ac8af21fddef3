/* SPDX-License-Identifier: Apache-2.0 */
/* identify/identify.c - see identify.h; what events teach */
#include "identify/private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "wire/wire.h"

const struct identify_limits identify_limits_default = {
    .assets_max = 100000,
    .flows_max = 200000,
    .conns_max = 100000,
    .addresses_max = 20000,
    .topics_per_conn_max = 256,
    .filters_per_conn_max = 512,
    .visits_per_event_max = 1000,
};

static struct bytes asset_key(const void *item)
{
    return bytes_str(((const struct asset *)item)->id);
}

static struct bytes principal_key(const void *item)
{
    return bytes_str(((const struct principal *)item)->name);
}

static struct bytes role_key(const void *item)
{
    return bytes_str(item);
}

static struct bytes conn_key(const void *item)
{
    const struct conn *c = item;

    return bytes_of(&c->number, sizeof(c->number));
}

static struct bytes flow_key(const void *item)
{
    return ((const struct flow *)item)->key;
}

static struct bytes peer_key(const void *item)
{
    return bytes_str(((const struct peer *)item)->seen.text);
}

/** identify_new() - nothing declared, nothing learned; @limits NULL: the default ones */
struct identify *identify_new(const struct identify_limits *limits)
{
    struct identify *id = mem_new(struct identify);

    id->limits = limits != NULL ? *limits : identify_limits_default;
    check(id->limits.topics_per_conn_max <= UINT16_MAX &&
          id->limits.filters_per_conn_max <= UINT16_MAX);
    id->inventory = inventory_load(NULL, NULL);
    map_init(&id->by_id, asset_key);
    map_init(&id->principals, principal_key);
    map_init(&id->roles, role_key);
    map_init(&id->conns, conn_key);
    map_init(&id->flows, flow_key);
    map_init(&id->peers, peer_key);
    map_init(&id->states, lifecycle_key);
    map_init(&id->inspections, inspection_key);
    id->topics = graph_new();
    return id;
}

static void leaves_drop(struct list *leaves)
{
    list_each (it, leaves)
        graph_remove(list_item(it, struct leaf, in_conn));
}

static void conn_free(struct conn *c)
{
    leaves_drop(&c->uses);
    leaves_drop(&c->interests);
    asset_conn_remove(c);
    free(c);
}

/** identify_free() - Return: NULL. */
struct identify *identify_free(struct identify *id)
{
    size_t cursor = 0;
    void *item;

    if (id == NULL)
        return NULL;
    while ((item = map_next(&id->conns, &cursor)) != NULL)
        conn_free(item);
    for (cursor = 0; (item = map_next(&id->flows, &cursor)) != NULL;)
        flow_free(item);
    for (cursor = 0; (item = map_next(&id->principals, &cursor)) != NULL;) {
        free(((struct principal *)item)->name);
        free(item);
    }
    for (cursor = 0; (item = map_next(&id->peers, &cursor)) != NULL;)
        free(item);
    for (cursor = 0; (item = map_next(&id->roles, &cursor)) != NULL;)
        free(item);
    for (size_t i = 0; i < id->counts.n_assets; i++)
        asset_free(id->assets[i]);
    map_done(&id->by_id);
    map_done(&id->principals);
    map_done(&id->roles);
    map_done(&id->conns);
    map_done(&id->flows);
    map_done(&id->peers);
    lifecycles_done(id);
    inspections_done(id);
    graph_free(id->topics);
    inventory_free(id->inventory);
    free(id->assets);
    free(id);
    return NULL;
}

/**
 * identify_inventory_load() - declare what there should be, in place of what was declared before
 * @path:      YAML; framework/inventory-example.yaml documents it
 * @unix_ms:   now: what it declares counts as declared from here on, unless it was before
 * @ret_error: one line an error; owned by the caller; written on failure
 *
 * Return: false when the file has errors; the old declaration stays then.
 */
bool identify_inventory_load(struct identify *id, const char *path, uint64_t unix_ms,
                             char **ret_error)
{
    struct inventory *fresh = inventory_load(path, ret_error);

    if (fresh == NULL)
        return false;
    inventory_free(id->inventory);
    id->inventory = fresh;
    lifecycles_apply(id);
    inspections_apply(id);
    assets_bind_all(id, unix_ms);
    return true;
}

/* MQ.ID.AM-03: which addresses take part. */
static void peer_seen(struct identify *id, struct bytes address, uint64_t unix_ms)
{
    struct peer *p;

    if (address.len == 0 || address.len >= ADDRESS_TEXT_MAX)
        return;
    p = map_find(&id->peers, address);
    if (p == NULL) {
        if (id->peers.n >= id->limits.addresses_max) {
            id->counts.n_addresses_dropped++;
            return;
        }
        p = mem_new(struct peer);
        memcpy(p->seen.text, address.at, address.len);
        (void)map_put(&id->peers, p);
    }
    p->seen.last_unix_ms = MAX(p->seen.last_unix_ms, unix_ms);
}

static struct conn *conn_of(const struct identify *id, const struct event *e)
{
    return map_find(&id->conns, bytes_of(&e->conn, sizeof(e->conn)));
}

static void on_accepted(struct identify *id, const struct event *e, uint64_t unix_ms)
{
    struct asset *a;
    struct conn *c;

    peer_seen(id, e->address, unix_ms);
    if (conn_of(id, e) != NULL)
        return;
    a = asset_get(id, e->client_id, e->user_name, e->cert.len > 0, unix_ms);
    if (a == NULL)
        return;
    asset_connected(id, a, e, unix_ms);
    if (id->conns.n >= id->limits.conns_max) { /* its topics are not followed */
        id->counts.n_conns_dropped++;
        return;
    }

    c = mem_new(struct conn);
    c->number = e->conn;
    c->client_hash = (uint32_t)hash_keyed(e->client_id);
    c->address_hash = (uint32_t)hash_keyed(e->address);
    list_init(&c->uses);
    list_init(&c->interests);
    list_init(&c->in_asset);
    asset_conn_add(a, c, unix_ms);
    (void)map_put(&id->conns, c);
}

static float per_s(uint64_t n, uint32_t span_ms)
{
    return (float)n * 1000 / (float)span_ms;
}

static void on_traffic(struct conn *c, const struct event *e)
{
    struct event_traffic t;

    if (e->text.len != sizeof(t))
        return;
    memcpy(&t, e->text.at, sizeof(t));
    if (t.span_ms == 0)
        return;
    c->messages_per_s = per_s(t.n_messages, t.span_ms);
    c->bytes_in_per_s = per_s(t.bytes_in, t.span_ms);
    c->bytes_out_per_s = per_s(t.bytes_out, t.span_ms);
}

/* What one event makes known: which pairs stood together at that time. */
struct sighting {
    struct pair_walk walk;
    struct identify *id;
    uint64_t unix_ms;
};

static void pair(struct pair_walk *w, const struct leaf *use, const struct leaf *interest)
{
    struct sighting *s = list_item(w, struct sighting, walk);

    if (use->conn->asset != interest->conn->asset) /* talking to itself is no flow */
        (void)flow_seen(s->id, use->conn->asset, bytes_str(use->text), interest->conn->asset,
                        s->unix_ms);
}

static struct sighting sighting_begin(struct identify *id, uint64_t unix_ms)
{
    return (struct sighting){{pair, id->limits.visits_per_event_max, false}, id, unix_ms};
}

static void sighting_end(const struct sighting *s)
{
    s->id->counts.n_walks_cut += s->walk.is_cut;
}

/* Each time, not only the first: a subscription whose walk was cut meets the topic now. */
static void on_publish_topic(struct identify *id, struct conn *c, const struct event *e,
                             uint64_t unix_ms)
{
    struct sighting s = sighting_begin(id, unix_ms);
    struct leaf *l;
    bool is_new;
    char *topic;

    asset_seen(c->asset, unix_ms);
    if (e->topic.len > IDENTIFY_TEXT_MAX || c->n_uses >= id->limits.topics_per_conn_max) {
        id->counts.n_topics_dropped++;
        return;
    }
    topic = text_clean(e->topic);
    l = graph_add(id->topics, c, bytes_str(topic), true, &is_new);
    free(topic);
    if (is_new)
        c->n_uses++;
    c->asset->publishes = true;
    graph_pairs_of_use(id->topics, l, &s.walk);
    sighting_end(&s);
}

/* What is subscribed, without "$share/group/". */
static struct bytes plain_filter(const struct event *e)
{
    struct bytes group, filter;

    return wire_filter_split_share(e->topic, &group, &filter) ? filter : e->topic;
}

static void on_subscribed(struct identify *id, struct conn *c, const struct event *e,
                          uint64_t unix_ms)
{
    struct sighting s = sighting_begin(id, unix_ms);
    struct bytes filter = plain_filter(e);
    struct leaf *l;
    bool is_new;

    asset_seen(c->asset, unix_ms);
    if (filter.len > IDENTIFY_TEXT_MAX || c->n_interests >= id->limits.filters_per_conn_max) {
        id->counts.n_filters_dropped++;
        return;
    }
    l = graph_add(id->topics, c, filter, false, &is_new);
    if (!is_new)
        return;
    c->n_interests++;
    c->asset->subscribes = true;
    graph_pairs_of_interest(id->topics, l, &s.walk);
    sighting_end(&s);
}

static void on_unsubscribed(struct identify *id, struct conn *c, const struct event *e,
                            uint64_t unix_ms)
{
    struct sighting s = sighting_begin(id, unix_ms);
    struct bytes filter = plain_filter(e);

    asset_seen(c->asset, unix_ms);
    list_each (it, &c->interests) {
        struct leaf *l = list_item(it, struct leaf, in_conn);

        if (!bytes_equal(bytes_str(l->text), filter))
            continue;
        graph_pairs_of_interest(id->topics, l, &s.walk); /* seen up to now */
        sighting_end(&s);
        graph_remove(l);
        c->n_interests--;
        return;
    }
}

static void on_disconnected(struct identify *id, struct conn *c, uint64_t unix_ms)
{
    struct sighting s = sighting_begin(id, unix_ms);

    asset_seen(c->asset, unix_ms);
    list_each (it, &c->uses)
        graph_pairs_of_use(id->topics, list_item(it, struct leaf, in_conn), &s.walk);
    list_each (it, &c->interests)
        graph_pairs_of_interest(id->topics, list_item(it, struct leaf, in_conn), &s.walk);
    sighting_end(&s);
    (void)map_remove(&id->conns, bytes_of(&c->number, sizeof(c->number)));
    conn_free(c);
}

/**
 * identify_event() - learn from one event
 * @unix_ms: now; ms since 1970
 *
 * Sentinel thread.  Bounded: an event visits at most visits_per_event_max nodes and
 * pairs of the topic tree.  Where that was not enough, flows are learned when
 * their topics are used next, and seen less exactly; n_walks_cut counts it.
 */
void identify_event(struct identify *id, const struct event *e, uint64_t unix_ms)
{
    struct conn *c;

    if (bytes_has_prefix(e->client_id, BYTES(IDENTIFY_TEST_PREFIX)))
        return;
    if (id->since_unix_ms == 0)
        id->since_unix_ms = unix_ms;
    if (e->kind == EVENT_CONNECT_ACCEPTED || e->kind == EVENT_STANDING) {
        on_accepted(id, e, unix_ms);
        return;
    }
    c = conn_of(id, e);
    if (c == NULL)
        return;
    if (e->kind == EVENT_DEVICE_TRAITS)
        asset_traits(c->asset, e->topic, e->text, unix_ms);
    else if (e->kind == EVENT_TRAFFIC)
        on_traffic(c, e);
    else if (e->kind == EVENT_PUBLISH_TOPIC)
        on_publish_topic(id, c, e, unix_ms);
    else if (e->kind == EVENT_SUBSCRIBED)
        on_subscribed(id, c, e, unix_ms);
    else if (e->kind == EVENT_UNSUBSCRIBED)
        on_unsubscribed(id, c, e, unix_ms);
    else if (e->kind == EVENT_DISCONNECTED)
        on_disconnected(id, c, unix_ms);
}

/** day_add() - @n more on the day of @unix_ms, in a ring of RETIRED_DAYS */
void day_add(struct day_count *ring, uint64_t unix_ms, uint64_t n)
{
    uint64_t day = unix_ms / DAY_MS;
    struct day_count *slot = &ring[day % RETIRED_DAYS];

    if (slot->day != day)
        *slot = (struct day_count){.day = day};
    slot->n += n;
}

/**
 * identify_tick() - time has passed
 *
 * Whole seconds are counted.  A jump of the clock counts for no more than a minute.
 */
void identify_tick(struct identify *id, uint64_t unix_ms)
{
    uint64_t past_s = unix_ms > id->ticked_unix_ms ? (unix_ms - id->ticked_unix_ms) / 1000 : 0;

    if (id->ticked_unix_ms == 0 || unix_ms < id->ticked_unix_ms) {
        id->ticked_unix_ms = unix_ms;
        return;
    }
    if (past_s == 0)
        return;
    day_add(id->online, unix_ms, id->conns.n * MIN(past_s, (uint64_t)60));
    id->ticked_unix_ms += past_s * 1000;
}

/** identify_client_days() - see identify.h */
double identify_client_days(const struct identify *id, uint64_t unix_ms, unsigned days)
{
    uint64_t seconds = 0;

    for (size_t i = 0; i < RETIRED_DAYS; i++)
        if (id->online[i].day + days > unix_ms / DAY_MS)
            seconds += id->online[i].n;
    return (double)seconds * 1000 / (double)DAY_MS;
}

/** identify_counts() - for the metrics page */
struct identify_counts identify_counts(const struct identify *id)
{
    struct identify_counts c = id->counts;

    c.n_records = id->inventory->n_records;
    c.n_flows = id->flows.n;
    for (size_t i = 0; i < c.n_assets; i++)
        c.n_connected += !list_is_empty(&id->assets[i]->conns);
    return c;
}
