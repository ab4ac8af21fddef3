/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/tap.c - what the workers leave for those who watch, and the tap on the control plane
 *
 * Records go to the monitor's thread; its lines come back as messages on
 * $bastide/tap/mqtt_connect, .../mqtt_subscribe and .../mqtt_publish, which roles with
 * control_plane may subscribe to on a control listener.  They are of QoS 0, go behind
 * all other messages, hold no publisher back, and are dropped and counted where a
 * worker is behind.
 */
#include "base/hash.h"
#include "node/node_private.h"
#include "node/self_test.h"

#define TAP_TOPIC       "$bastide/tap/"
#define TAP_BACKLOG_MAX 4194304 /* bytes on the way to a worker; then it gets no more of this */

/* ---- records ---- */

static void flush_full(struct worker *w)
{
    monitor_take(w->node->monitor, w->watched);
    w->watched = monitor_block_new();
}

/* What the node does to itself is nobody's traffic. */
static void leave(struct link *l, struct monitor_record *r)
{
    struct worker *w = l->worker;
    const struct stream_peer *peer = stream_peer(l->stream);

    if (self_test_is_own(w->node->self_test, bytes_str(l->client_id)))
        return;
    r->at_ns = w->now_ns;
    r->conn = l->number;
    r->client_address = bytes_str(l->address);
    r->client_port = peer->port;
    r->listener_address = bytes_str(l->listener->address);
    r->listener_port = l->listener->port;
    r->client_id = bytes_str(l->client_id);
    if (l->grant != NULL)
        r->user = bytes_str(grant_principal(l->grant));
    if (w->watched == NULL)
        w->watched = monitor_block_new();
    if (monitor_leave(w->watched, r))
        return;
    flush_full(w);
    if (!monitor_leave(w->watched, r))
        monitor_dropped(w->node->monitor, 1); /* it is larger than a block */
}

static struct bytes shown(const struct link *l, struct bytes payload)
{
    return bytes_of(payload.at, MIN(payload.len, (size_t)l->worker->shown_bytes_max));
}

/** tap_connect() - a CONNECT and how it was answered */
void tap_connect(struct link *l, const struct wire_connect *p, uint8_t reason)
{
    struct monitor_record r = {
        .kind = MONITOR_CONNECT,
        .level = p->level,
        .status =
            bytes_str(reason == REASON_SUCCESS ? "Connection Accepted" : wire_reason_text(reason)),
    };

    if (!l->worker->is_watched)
        return;
    if (p->has_will) {
        r.topic = p->will_topic;
        r.payload = shown(l, p->will_payload);
        r.payload_len = (uint32_t)p->will_payload.len;
    }
    leave(l, &r);
}

/** tap_subscribe() - one filter and its answer */
void tap_subscribe(struct link *l, const struct wire_subscription *in, uint8_t reason)
{
    struct monitor_record r = {
        .kind = MONITOR_SUBSCRIBE,
        .topic = in->filter,
        .qos = in->qos,
        .granted = reason,
    };

    if (l->worker->is_watched)
        leave(l, &r);
}

/** tap_unsubscribe() - one filter and its answer */
void tap_unsubscribe(struct link *l, struct bytes filter, uint8_t reason)
{
    struct monitor_record r = {
        .kind = MONITOR_SUBSCRIBE,
        .topic = filter,
        .granted = reason,
        .is_unsubscribe = true,
    };

    if (l->worker->is_watched)
        leave(l, &r);
}

/** tap_publish() - a PUBLISH, and whether it was let through; only where somebody watches, which
 * the caller asks once a message */
void tap_publish(struct link *l, const struct wire_publish *p, bool is_allowed)
{
    struct monitor_record r = {
        .kind = MONITOR_PUBLISH,
        .topic = p->topic,
        .qos = p->qos,
        .retain = p->retain,
        .status = is_allowed ? BYTES("ok") : BYTES("refused"),
        .payload_len = (uint32_t)p->payload.len,
    };

    r.payload = shown(l, p->payload);
    leave(l, &r);
}

/** tap_flush() - at the end of a turn */
void tap_flush(struct worker *w)
{
    if (w->watched == NULL || w->watched->n == 0)
        return;
    monitor_take(w->node->monitor, w->watched);
    w->watched = NULL;
}

/* ---- lines, on the monitor's thread ---- */

static uint64_t count_lines(struct bytes lines)
{
    uint64_t n = 0;

    for (size_t i = 0; i < lines.len; i++)
        n += lines.at[i] == '\n';
    return n;
}

static void publish_lines(void *arg, enum monitor_kind kind, struct bytes lines)
{
    struct node *n = arg;
    struct buf topic = {0};
    struct publication p = {
        .payload = lines,
        .expires_ns = EXPIRES_NEVER,
    };

    buf_addf(&topic, TAP_TOPIC "%s", monitor_kind_text(kind));
    p.topic = buf_view(&topic);
    p.topic_hash = hash_keyed(p.topic);
    for (unsigned i = 0; i < n->n_workers; i++)
        if (!outlet_post_spare(n->workers[i], &p, TAP_BACKLOG_MAX))
            monitor_dropped(n->monitor, count_lines(lines));
    publication_done(&p);
    buf_done(&topic);
}

static void confine(void *arg)
{
    node_confine(arg, SANDBOX_MONITOR);
}

static bool is_wanted(const struct config *c)
{
    return c->monitor_log_dir != NULL || c->monitor_tap;
}

static struct monitor_settings settings_of(struct node *n, const struct config *c)
{
    return (struct monitor_settings){
        .log_dir = c->monitor_log_dir,
        .log_bytes_max = c->monitor_log_bytes_max,
        .log_files = c->monitor_log_files,
        .started_unix_ms = n->started_unix_ms,
        .tap = c->monitor_tap ? publish_lines : NULL,
        .begin = confine,
        .arg = n,
    };
}

/** tap_monitor() - as the configuration asks for */
struct monitor *tap_monitor(struct node *n)
{
    const struct monitor_settings s = settings_of(n, n->config);

    return monitor_new(&s);
}

/** tap_change() - as another configuration asks for; the workers learn it by tap_learn() */
void tap_change(struct node *n, const struct config *c)
{
    const struct monitor_settings s = settings_of(n, c);

    monitor_change(n->monitor, &s);
}

/** tap_learn() - what the worker is to leave for those who watch; its thread, or none yet */
void tap_learn(struct worker *w, const struct config *c)
{
    w->is_watched = is_wanted(c);
    w->shown_bytes_max = c->monitor_payload_bytes_max;
}
