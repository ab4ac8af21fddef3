/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/control.c - the control plane's calls: what is, as JSON
 *
 * Each asks the threads that own the facts, one after the other; they answer before
 * messages that wait.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/sentinel.h"

/* ---- sums over the workers ---- */

struct totals {
    struct counters counters;
    size_t sessions;
    size_t connected;
    size_t subscriptions;
    size_t retained;
    size_t retained_bytes;
    size_t connections[64]; /* by listener */
};

static void add_totals(struct worker *w, void *arg)
{
    struct totals *t = arg;
    size_t cursor = 0;
    const struct resident *c;

#define X(name, help) t->counters.name += w->counters.name;
    COUNTERS(X)
#undef X
    t->sessions += w->residents.n;
    while ((c = map_next(&w->residents, &cursor)) != NULL) {
        t->connected += c->link != NULL;
        t->subscriptions += c->session->subscriber.n_subscriptions;
    }
    t->retained = router_n_retained(w->router); /* every worker has all */
    t->retained_bytes = router_retained_bytes(w->router);
    list_each (it, &w->links) {
        size_t i =
            (size_t)(list_item(it, struct link, in_worker)->listener - w->listeners[0].config);

        if (i < COUNT_OF(t->connections))
            t->connections[i]++;
    }
}

static struct totals totals_of(struct node *n)
{
    struct totals t = {0};

    for (unsigned i = 0; i < n->n_workers; i++)
        node_call_worker(n, i, add_totals, &t);
    return t;
}

struct sentinel_facts {
    struct identify_counts identify;
    size_t bans;
    unsigned incidents_open;
    uint64_t suspended_until_unix_ms;
    bool is_kept;
    struct respond_counters respond;
    uint64_t shed_blocks;
    json_t *detectors;
    json_t *events;
};

static void ask_sentinel(struct sentinel *s, void *arg)
{
    struct sentinel_facts *f = arg;

    f->identify = identify_counts(s->identify);
    f->bans = s->n_bans;
    f->incidents_open = respond_incidents_open(s->respond);
    f->suspended_until_unix_ms = respond_suspended_until_unix_ms(s->respond);
    f->is_kept = respond_is_kept(s->respond);
    f->respond = respond_counters(s->respond);
    f->shed_blocks = atomic_load(&s->n_shed_blocks);
    f->detectors = json_array();
    for (size_t i = 0; i < detect_detectors(); i++) {
        struct detector_counters c = detect_counters(s->detect, i);

        json_array_append_new(f->detectors,
                              json_pack("{s:s,s:I,s:I,s:I,s:I}", "detector", c.detector->name,
                                        "events", (json_int_t)c.events, "fired",
                                        (json_int_t)c.fired, "suppressed", (json_int_t)c.suppressed,
                                        "shed", (json_int_t)c.shed));
    }
    f->events = json_object();
    for (unsigned i = 0; i < EVENT_KIND_N; i++)
        json_object_set_new(f->events, event_kind_text(i),
                            json_integer((json_int_t)s->n_events[i]));
}

/* ---- status ---- */

static json_t *listeners_json(const struct node *n, const struct totals *t)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n->started->n_listeners; i++) {
        const struct config_listener *l = &n->started->listeners[i];

        json_array_append_new(
            all, json_pack("{s:s,s:s,s:i,s:s,s:b,s:b,s:b,s:b,s:I}", "name", l->name, "address",
                           l->address, "port", (int)l->port, "plane",
                           l->plane == CONFIG_PLANE_CONTROL ? "control" : "delivery", "tls",
                           l->has_tls, "websocket", l->websocket, "proxy_protocol",
                           l->proxy_protocol, "anonymous", l->anonymous, "connections",
                           (json_int_t)(i < COUNT_OF(t->connections) ? t->connections[i] : 0)));
    }
    return all;
}

static void set_count(json_t *o, const char *key, uint64_t value)
{
    json_object_set_new(o, key, json_integer((json_int_t)value));
}

static void set_text(json_t *o, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        json_object_set_new(o, key, json_string(value));
}

/** node_status_json() - see node.h */
json_t *node_status_json(struct node *n)
{
    struct totals t = totals_of(n);
    struct sentinel_facts f = {0};
    json_t *o = json_object();
    bool enforce;

    sentinel_call(n->sentinel, ask_sentinel, &f);
    set_text(o, "node", n->started->node_name);
    set_text(o, "location", n->started->location);
    set_text(o, "version", BASTIDE_VERSION);
    set_count(o, "pid", (uint64_t)getpid());
    set_text(o, "config", n->started->path);
    set_count(o, "started_unix_ms", n->started_unix_ms);
    set_count(o, "loaded_unix_ms", atomic_load(&n->loaded_unix_ms));
    set_count(o, "workers", n->n_workers);
    set_count(o, "clients_connected", t.connected);
    set_count(o, "sessions", t.sessions);
    set_count(o, "subscriptions", t.subscriptions);
    set_count(o, "retained_messages", t.retained);
    set_count(o, "retained_bytes", t.retained_bytes);
    set_count(o, "messages_received", t.counters.messages_received);
    set_count(o, "messages_sent", t.counters.messages_sent);
    set_count(o, "messages_dropped", t.counters.messages_dropped);
    set_count(o, "bytes_received", t.counters.bytes_received);
    set_count(o, "bytes_sent", t.counters.bytes_sent);
    pthread_mutex_lock(&n->config_lock);
    set_count(o, "users", n->config->policy.n_users);
    set_count(o, "roles", n->config->policy.n_roles);
    enforce = n->config->respond_enforce;
    pthread_mutex_unlock(&n->config_lock);
    set_count(o, "assets", f.identify.n_assets);
    set_count(o, "bans", f.bans);
    set_count(o, "incidents_open", f.incidents_open);
    json_object_set_new(o, "respond",
                        json_pack("{s:b,s:I,s:b}", "enforce", enforce, "suspended_until_unix_ms",
                                  (json_int_t)f.suspended_until_unix_ms, "kept", (int)f.is_kept));
    json_object_set_new(o, "events", f.events);
    json_object_set_new(o, "detectors", f.detectors);
    json_object_set_new(o, "listeners", listeners_json(n, &t));
    return o;
}

/* ---- clients ---- */

static const char *protocol_text(enum wire_level level)
{
    return level == WIRE_V5 ? "5.0" : level == WIRE_V311 ? "3.1.1" : "3.1";
}

static json_t *client_json(const struct resident *c)
{
    const struct session *s = c->session;
    json_t *o = json_pack("{s:s%,s:b}", "client_id", (const char *)s->client_id.at,
                          s->client_id.len, "connected", c->link != NULL);

    set_text(o, "user", c->principal);
    set_text(o, "role", grant_role(resident_grant(c)));
    set_count(o, "since_unix_ms", c->since_unix_ms);
    set_text(o, "protocol", protocol_text(c->level));
    set_count(o, "session_expiry_s", s->expiry_s);
    set_count(o, "subscriptions", s->subscriber.n_subscriptions);
    set_count(o, "queue_messages", s->queue.n);
    set_count(o, "queue_bytes", s->queue.bytes);
    set_count(o, "inflight", s->inflight.n);
    set_count(o, "messages_received", c->n_received);
    set_count(o, "messages_sent", s->n_delivered);
    set_count(o, "messages_dropped", s->n_dropped);
    if (c->link != NULL) {
        const struct stream_peer *peer = stream_peer(c->link->stream);

        set_text(o, "address", c->link->address);
        set_count(o, "port", peer->port);
        set_text(o, "listener", c->link->listener->name);
        set_count(o, "conn", c->link->number);
        set_text(o, "tls_version", peer->tls_version);
        set_count(o, "keep_alive_s", c->link->keep_alive_s);
    }
    return o;
}

struct clients_call {
    json_t *array;
    size_t limit;
};

static void list_clients(struct worker *w, void *arg)
{
    struct clients_call *call = arg;
    size_t cursor = 0;
    const struct resident *c;

    while ((call->limit == 0 || json_array_size(call->array) < call->limit) &&
           (c = map_next(&w->residents, &cursor)) != NULL)
        json_array_append_new(call->array, client_json(c));
}

/** node_clients_json() - see node.h */
json_t *node_clients_json(struct node *n, size_t limit)
{
    struct clients_call call = {json_array(), limit};

    for (unsigned i = 0; i < n->n_workers; i++)
        node_call_worker(n, i, list_clients, &call);
    return call.array;
}

struct client_call {
    struct bytes client_id;
    json_t *found;
};

static json_t *subscriptions_json(const struct resident *c)
{
    json_t *all = json_array();

    list_each (it, (struct list *)&c->session->subscriber.subscriptions) {
        const struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        json_t *o = json_pack("{s:s%,s:i}", "filter", (const char *)sub->filter.at, sub->filter.len,
                              "qos", (int)sub->qos);

        if (sub->share != NULL) {
            struct bytes group = share_group(sub->share);

            json_object_set_new(o, "group", json_stringn((const char *)group.at, group.len));
        }
        json_array_append_new(all, o);
    }
    return all;
}

static void show_client(struct worker *w, void *arg)
{
    struct client_call *call = arg;
    const struct resident *c = resident_find(w, call->client_id);

    if (c == NULL)
        return;
    call->found = client_json(c);
    json_object_set_new(call->found, "subscription_list", subscriptions_json(c));
    if (c->session->will.message != NULL) {
        struct bytes topic = c->session->will.message->topic;

        json_object_set_new(call->found, "will_topic",
                            json_stringn((const char *)topic.at, topic.len));
    }
    if (c->link != NULL) {
        const struct stream_peer *peer = stream_peer(c->link->stream);

        set_text(call->found, "tls_cipher", peer->tls_cipher);
        if (peer->has_certificate) {
            set_text(call->found, "certificate_cn", peer->certificate_cn);
            set_text(call->found, "certificate_fingerprint", peer->certificate_fingerprint);
            set_count(call->found, "certificate_not_after_unix_ms",
                      peer->certificate_not_after_unix_ms);
        }
    }
}

/** node_client_json() - see node.h */
json_t *node_client_json(struct node *n, const char *client_id)
{
    struct client_call call = {.client_id = bytes_str(client_id)};

    node_call_worker(n, (unsigned)(client_key(call.client_id) % n->n_workers), show_client, &call);
    return call.found != NULL ? call.found : json_null();
}

/* ---- from the sentinel ---- */

struct json_call {
    json_t *answer;
};

static void list_assets(struct sentinel *s, void *arg)
{
    ((struct json_call *)arg)->answer = identify_assets_json(s->identify, clock_unix_ms());
}

static void list_flows(struct sentinel *s, void *arg)
{
    ((struct json_call *)arg)->answer = identify_flows_json(s->identify, clock_unix_ms());
}

static void list_bans(struct sentinel *s, void *arg)
{
    json_t *all = ((struct json_call *)arg)->answer = json_array();

    for (size_t i = 0; i < s->n_bans; i++) {
        const struct ban *b = &s->bans[i];
        json_t *o = json_object();

        set_text(o, "kind", ban_kind_text(b->kind));
        set_text(o, "subject", b->subject);
        set_text(o, "address", b->address);
        set_count(o, "created_unix_ms", b->created_unix_ms);
        set_count(o, "expires_unix_ms", b->expires_unix_ms);
        set_text(o, "reason", b->reason);
        set_text(o, "author", b->author);
        json_array_append_new(all, o);
    }
}

static json_t *ask(struct node *n, void (*fn)(struct sentinel *s, void *arg))
{
    struct json_call call = {0};

    sentinel_call(n->sentinel, fn, &call);
    return call.answer;
}

/** node_assets_json() - see node.h */
json_t *node_assets_json(struct node *n)
{
    return ask(n, list_assets);
}

/** node_flows_json() - see node.h */
json_t *node_flows_json(struct node *n)
{
    return ask(n, list_flows);
}

/** node_bans_json() - see node.h */
json_t *node_bans_json(struct node *n)
{
    return ask(n, list_bans);
}

/* ---- metrics ---- */

static void add_metric(json_t *all, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:I}", "name", name, "type", type, "help",
                                         help, "value", (json_int_t)value));
}

static void add_gauges(json_t *all, const struct totals *t, const struct sentinel_facts *f)
{
    add_metric(all, "clients_connected", "gauge", "clients connected now", t->connected);
    add_metric(all, "sessions", "gauge", "sessions, connected or not", t->sessions);
    add_metric(all, "subscriptions", "gauge", "subscriptions of all sessions", t->subscriptions);
    add_metric(all, "retained_messages", "gauge", "retained messages", t->retained);
    add_metric(all, "retained_bytes", "gauge", "memory of retained messages and their topics",
               t->retained_bytes);
    add_metric(all, "assets", "gauge", "assets known", f->identify.n_assets);
    add_metric(all, "flows", "gauge", "data flows known", f->identify.n_flows);
    add_metric(all, "bans", "gauge", "bans in force", f->bans);
    add_metric(all, "incidents_open", "gauge", "incidents not closed", f->incidents_open);
    add_metric(all, "incidents_total", "counter", "incidents opened since the start",
               f->respond.incidents);
    add_metric(all, "event_blocks_shed_total", "counter",
               "blocks of events that detection did not look at", f->shed_blocks);
    add_metric(all, "flow_walks_cut_total", "counter",
               "events whose data flows are learned later, since there were too many at once",
               f->identify.n_walks_cut);
}

static void add_by_label(json_t *all, const char *name, const char *help, const char *label,
                         const char *value, json_int_t count)
{
    json_array_append_new(all,
                          json_pack("{s:s,s:s,s:s,s:I,s:{s:s}}", "name", name, "type", "counter",
                                    "help", help, "value", count, "labels", label, value));
}

static void add_labelled(json_t *all, const struct sentinel_facts *f)
{
    const char *kind;
    json_t *count;
    json_t *d;
    size_t i;

    json_object_foreach(f->events, kind, count) add_by_label(
        all, "events_total", "events by kind", "kind", kind, json_integer_value(count));
    json_array_foreach(f->detectors, i, d)
        add_by_label(all, "findings_total", "findings by detector", "detector",
                     json_string_value(json_object_get(d, "detector")),
                     json_integer_value(json_object_get(d, "fired")));
}

/** node_metrics_json() - see node.h */
json_t *node_metrics_json(struct node *n)
{
    struct totals t = totals_of(n);
    struct sentinel_facts f = {0};
    json_t *all = json_array();

    sentinel_call(n->sentinel, ask_sentinel, &f);
#define X(name, help) add_metric(all, #name "_total", "counter", help, t.counters.name);
    COUNTERS(X)
#undef X
    add_gauges(all, &t, &f);
    add_labelled(all, &f);
    json_decref(f.events);
    json_decref(f.detectors);
    return all;
}
