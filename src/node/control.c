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
#include "node/facts.h"
#include "node/json.h"
#include "node/node_private.h"
#include "node/orders.h"
#include "node/scribe.h"
#include "node/sentinel.h"

/* ---- status ---- */

static void put_span(json_t *o, const char *begins, const char *ends, const struct shared_span *of)
{
    struct certificate_span span = shared_span_get(of);

    if (span.ends_unix_ms == 0) /* there is none */
        return;
    set_count(o, begins, span.begins_unix_ms);
    set_count(o, ends, span.ends_unix_ms);
}

/* The @i-th. */
static json_t *listener_json(const struct node *n, const struct node_facts *f, size_t i)
{
    const struct config_listener *l = &n->started->listeners[i];
    json_t *o =
        json_pack("{s:s,s:s,s:s,s:b,s:b,s:b,s:b,s:I}", "name", l->name, "address", l->address,
                  "plane", l->plane == CONFIG_PLANE_CONTROL ? "control" : "delivery", "tls",
                  l->has_tls, "websocket", l->websocket, "proxy_protocol", l->proxy_protocol,
                  "anonymous", l->anonymous, "connections", (json_int_t)f->connections[i]);

    if (l->port > 0) /* a unix socket has none */
        set_count(o, "port", l->port);
    put_span(o, "certificate_not_before_unix_ms", "certificate_not_after_unix_ms",
             &n->certificate_spans[i]);
    put_span(o, "crl_this_update_unix_ms", "crl_next_update_unix_ms", &n->crl_spans[i]);
    return o;
}

static json_t *listeners_json(const struct node *n, const struct node_facts *f)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n->started->n_listeners; i++)
        json_array_append_new(all, listener_json(n, f, i));
    return all;
}

static json_t *detectors_json(const struct node_facts *f)
{
    json_t *all = json_array();

    for (size_t i = 0; i < f->n_detectors; i++) {
        const struct detector_counters *c = &f->detectors[i];

        json_array_append_new(
            all, json_pack("{s:s,s:I,s:I,s:I,s:I}", "detector", c->detector->name, "events",
                           (json_int_t)c->events, "fired", (json_int_t)c->fired, "suppressed",
                           (json_int_t)c->suppressed, "shed", (json_int_t)c->shed));
    }
    return all;
}

static json_t *events_json(const struct node_facts *f)
{
    json_t *all = json_object();

    for (unsigned i = 0; i < EVENT_KIND_N; i++)
        json_object_set_new(all, event_kind_text(i), json_integer((json_int_t)f->n_events[i]));
    return all;
}

static json_t *journal_json(const struct node_facts *f)
{
    return json_pack(
        "{s:s,s:I,s:I,s:I}", "state", scribe_state_text((enum scribe_state)f->journal_state),
        "bytes", (json_int_t)f->journal.bytes, "bytes_needed", (json_int_t)f->journal.bytes_needed,
        "records", (json_int_t)f->journal.n_records);
}

static json_t *respond_json(struct node *n, const struct node_facts *f, bool enforce)
{
    return json_pack("{s:s,s:I,s:b,s:I,s:b,s:f}", "posture", in_force_posture(n), "waiting",
                     (json_int_t)f->actions_waiting + (json_int_t)f->commands_waiting, "enforce",
                     enforce, "suspended_until_unix_ms", (json_int_t)f->suspended_until_unix_ms,
                     "kept", (int)f->is_kept, "time_scale", n->started->detect_time_scale);
}

/** node_status_json() - see node.h */
json_t *node_status_json(struct node *n)
{
    struct node_facts f = facts_take(n);
    json_t *o = json_object();
    bool enforce;

    set_text(o, "node", n->started->node_name);
    set_text(o, "location", n->started->location);
    set_text(o, "version", BASTIDE_VERSION);
    set_count(o, "pid", (uint64_t)getpid());
    set_text(o, "config", n->started->path);
    set_count(o, "started_unix_ms", n->started_unix_ms);
    set_count(o, "loaded_unix_ms", atomic_load(&n->loaded_unix_ms));
    set_count(o, "workers", n->n_workers);
    set_count(o, "clients_connected", f.connected);
    set_count(o, "sessions", f.sessions);
    set_count(o, "subscriptions", f.subscriptions);
    set_count(o, "retained_messages", f.retained);
    set_count(o, "retained_bytes", f.retained_bytes);
    set_count(o, "messages_received", f.counters.messages_received);
    set_count(o, "messages_sent", f.counters.messages_sent);
    set_count(o, "messages_dropped", f.counters.messages_dropped);
    set_count(o, "bytes_received", f.counters.bytes_received);
    set_count(o, "bytes_sent", f.counters.bytes_sent);
    pthread_mutex_lock(&n->config_lock);
    set_count(o, "users", n->config->policy.n_users);
    set_count(o, "roles", n->config->policy.n_roles);
    enforce = n->config->respond_enforce;
    pthread_mutex_unlock(&n->config_lock);
    set_count(o, "assets", f.identify.n_assets);
    set_count(o, "bans", f.bans);
    set_count(o, "incidents_open", f.incidents_open);
    json_object_set_new(o, "respond", respond_json(n, &f, enforce));
    if (f.has_journal)
        json_object_set_new(o, "journal", journal_json(&f));
    json_object_set_new(o, "events", events_json(&f));
    json_object_set_new(o, "detectors", detectors_json(&f));
    json_object_set_new(o, "listeners", listeners_json(n, &f));
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
    set_count(o, "subscriptions_suspended", s->subscriber.n_suspended);
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
        set_text(o, "tls_version", peer->tls != NULL ? peer->tls->version : NULL);
        set_count(o, "keep_alive_s", c->link->keep_alive_s);
    }
    return o;
}

#define PART 256 /* sessions at once: some milliseconds */

struct clients_call {
    json_t *array;
    size_t limit;
    size_t n_before; /* of the workers before this one */
};

static void no_client(void *arg)
{
    struct clients_call *call = arg;

    while (json_array_size(call->array) > call->n_before)
        json_array_remove(call->array, json_array_size(call->array) - 1);
}

static bool list_client(const struct resident *c, void *arg)
{
    struct clients_call *call = arg;

    if (call->limit > 0 && json_array_size(call->array) >= call->limit)
        return false;
    json_array_append_new(call->array, client_json(c));
    return true;
}

/** node_clients_json() - see node.h */
json_t *node_clients_json(struct node *n, size_t limit)
{
    struct clients_call call = {json_array(), limit, 0};

    for (unsigned i = 0; i < n->n_workers; i++) {
        call.n_before = json_array_size(call.array);
        survey_worker(n, i, &(struct survey){PART, no_client, list_client, &call});
    }
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

        json_t *o = json_pack("{s:s%,s:i,s:b}", "filter", sub->filter, (size_t)sub->filter_len,
                              "qos", (int)sub->qos, "suspended", sub->is_suspended);

        if (sub->group_len > 0) {
            struct bytes group = subscription_group(sub);

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
    if (c->session->will != NULL) {
        struct bytes topic = c->session->will->message->topic;

        json_object_set_new(call->found, "will_topic",
                            json_stringn((const char *)topic.at, topic.len));
    }
    if (c->link != NULL) {
        const struct stream_peer *peer = stream_peer(c->link->stream);

        set_text(call->found, "tls_cipher", peer->tls != NULL ? peer->tls->cipher : NULL);
        if (peer->has_certificate) {
            set_text(call->found, "certificate_cn", peer->tls->certificate.cn);
            set_text(call->found, "certificate_serial", peer->tls->certificate.serial);
            set_text(call->found, "certificate_issuer", peer->tls->certificate.issuer);
            set_text(call->found, "certificate_fingerprint", peer->tls->certificate.fingerprint);
            set_count(call->found, "certificate_not_after_unix_ms",
                      peer->tls->certificate.not_after_unix_ms);
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

static void list_crypto(struct sentinel *s, void *arg)
{
    ((struct json_call *)arg)->answer = identify_crypto_json(s->identify, clock_unix_ms());
}

static void list_network(struct sentinel *s, void *arg)
{
    ((struct json_call *)arg)->answer = identify_network_json(s->identify, clock_unix_ms());
}

static void list_ban(void *arg, const struct respond_ban *b)
{
    json_array_append_new(arg, respond_ban_json(b));
}

static void list_bans(struct sentinel *s, void *arg)
{
    json_t *all = ((struct json_call *)arg)->answer = json_array();

    respond_bans_each(s->respond, list_ban, all);
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

/** node_crypto_json() - see node.h */
json_t *node_crypto_json(struct node *n)
{
    return ask(n, list_crypto);
}

/** node_network_json() - see node.h */
json_t *node_network_json(struct node *n)
{
    json_t *network = ask(n, list_network);

    (void)json_object_set_new(network, "node", json_pack("{s:s}", "name", n->started->node_name));
    return network;
}

/** node_inventory_check() - see node.h */
bool node_inventory_check(const char *path, char **ret_error)
{
    struct identify *id = identify_new(NULL);
    bool ok = identify_inventory_load(id, path, clock_unix_ms(), ret_error);

    identify_free(id);
    return ok;
}

/** node_bans_json() - see node.h */
json_t *node_bans_json(struct node *n)
{
    return ask(n, list_bans);
}
