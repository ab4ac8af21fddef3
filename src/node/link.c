/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/link.c - a network connection: accepted, watched, moved
 *
 * link_read.c has what comes, link_write.c what goes, link_close.c the end.
 *
 * MQ.PR.SP-02 MQ.PR.SP-05
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/link_private.h"
#include "node/self_test.h"

#define ACCEPT_PAUSE_NS       (100 * NS_PER_MS)
#define SUSPECT_NS            NS_PER_MS /* a turn later */
#define STRANGERS_MAX         10        /* lines, in so long a time */
#define STRANGERS_NS          (60 * NS_PER_S)
#define KEEP_ALIVE_FACTOR_NUM 3 /* one and a half times [MQTT5-3.1.2-22] [MQTT3-3.1.2-24] */
#define KEEP_ALIVE_FACTOR_DEN 2

static void on_ready(struct loop_file *f, uint32_t ready);

static struct link *link_of_due(struct due *d)
{
    return list_item(d, struct link, due);
}

/** link_find() - the network connection with this number, or NULL if it is gone or elsewhere */
struct link *link_find(const struct worker *w, uint64_t number)
{
    return map_find(&w->links_by_number, bytes_of(&number, sizeof(number)));
}

static void adopt(struct worker *w, struct link *l)
{
    l->worker = w;
    list_append(&w->links, &l->in_worker);
    map_put(&w->links_by_number, l);
}

/** link_name() - the client id as far as known, for logs; "-" before CONNECT */
const char *link_name(const struct link *l)
{
    return l->client_id != NULL ? l->client_id : "-";
}

/* Before a CONNECT was read anybody can cause lines without end: a worker writes so many a minute,
 * and the event and the counter tell of all. */
static bool may_tell_of_stranger(struct worker *w)
{
    if (w->now_ns >= w->strangers_since_ns + STRANGERS_NS) {
        w->strangers_since_ns = w->now_ns;
        w->n_strangers = 0;
    }
    return w->n_strangers++ < STRANGERS_MAX;
}

/* The node's own trials are no news. */
static enum log_level level_of(const struct link *l)
{
    struct worker *w = l->worker;

    if (self_test_is_from(w->node->self_test, bytes_str(l->client_id), bytes_str(l->address),
                          w->now_ns))
        return LOG_DEBUG;
    return l->client_id != NULL || may_tell_of_stranger(w) ? LOG_INFO : LOG_DEBUG;
}

/**
 * link_log() - a line about this connection: its address, the client id as far as known, the text;
 * before CONNECT the listener, too
 */
void link_log(const struct link *l, const char *area, const char *format, ...)
{
    bool is_stranger = l->client_id == NULL;
    char text[LOG_LINE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_line(level_of(l), area, "%s %s: %s%s%s%s", l->address, link_name(l),
             is_stranger ? "listener \"" : "", is_stranger ? l->listener->name : "",
             is_stranger ? "\": " : "", text);
}

/* Has the whole CONNECT still to come, or the answer to a challenge?  While a CONNECT's answer is
 * delayed, or a password is verified, it is here. */
static bool awaits_connect(const struct link *l)
{
    return (l->conn.state == CONN_AWAIT_CONNECT && l->read_again_ns == 0) ||
           l->conn.state == CONN_CHALLENGED;
}

static uint64_t connect_due_ns(const struct link *l)
{
    uint64_t since_ns =
        l->conn.state == CONN_CHALLENGED ? exchange_challenged_ns(l->exchange) : l->opened_ns;

    return since_ns + policy_limits(l->worker->policy)->connect_timeout_ms * NS_PER_MS;
}

static uint64_t keep_alive_due_ns(const struct link *l)
{
    return l->alive_ns + l->keep_alive_s * NS_PER_S * KEEP_ALIVE_FACTOR_NUM / KEEP_ALIVE_FACTOR_DEN;
}

/* The time by which the next thing has to have happened. */
static void arm(struct link *l)
{
    struct worker *w = l->worker;
    uint64_t at_ns = TIMER_NEVER;

    l->is_suspect = false;
    if (l->phase == LINK_LINGERING)
        at_ns = l->heard_ns + LINGER_NS;
    else if (awaits_connect(l))
        at_ns = connect_due_ns(l);
    else if (l->keep_alive_s > 0)
        at_ns = keep_alive_due_ns(l);
    if (l->read_again_ns != 0)
        at_ns = MIN(at_ns, l->read_again_ns);
    if (at_ns == TIMER_NEVER)
        heap_clear(&w->timers, &l->due.timer);
    else
        worker_due(w, &l->due, at_ns, DUE_LINK);
}

/** link_heard() - a deadline of this connection has moved */
void link_heard(struct link *l)
{
    arm(l);
}

/**
 * link_owes_much() - is it not to be read, for what is owed to it?
 *
 * Many answers that the client has not read, or that wait for the journal, or some that wait for
 * one that is far behind.
 */
bool link_owes_much(const struct link *l)
{
    size_t gated = conn_gated_bytes(&l->conn);

    return l->out.len - l->out_at + gated >= LINK_OUT_MAX_BYTES ||
           (gated > 0 && note_is_behind(l->worker));
}

/** link_may_process() - may its next packet be taken now? */
bool link_may_process(const struct link *l)
{
    return l->phase == LINK_OPEN && l->conn.state != CONN_AUTHENTICATING && l->read_again_ns == 0;
}

/** link_is_control() - did it come in at a listener of the control plane? */
bool link_is_control(const struct link *l)
{
    return l->listener->plane == CONFIG_PLANE_CONTROL;
}

/** link_has_turn() - what the control plane sends is taken at once; others have so much of a turn
 */
bool link_has_turn(const struct link *l)
{
    return link_is_control(l) || !worker_is_spent(l->worker);
}

/** link_count_bytes() - @n bytes went in @direction, a counter of this worker */
void link_count_bytes(struct link *l, uint64_t *direction, size_t n)
{
    struct counters *c = &l->worker->counters;
    const struct stream_peer *peer = stream_peer(l->stream);

    *direction += n;
    if (peer->is_loopback)
        return;
    c->bytes_remote += n;
    if (peer->is_tls)
        c->bytes_remote_tls += n;
}

/** link_again() - look at it in the next turn, too: there is more to do than its file tells */
void link_again(struct link *l)
{
    if (!list_is_linked(&l->again))
        list_append(&l->worker->again, &l->again);
}

/**
 * link_watch() - have its file watched for what can be done now
 *
 * What TLS holds of a connection that is read again, the file does not tell.
 */
void link_watch(struct link *l)
{
    uint32_t watches = 0;

    if (l->phase == LINK_HANDSHAKE) {
        watches = stream_wants(l->stream);
    } else {
        bool authenticating = l->conn.state == CONN_AUTHENTICATING;

        if (l->read_again_ns == 0 && !authenticating && !link_owes_much(l) && !l->has_closed) {
            watches |= LOOP_READ;
            if (stream_has_pending(l->stream))
                link_again(l);
        }
        if (l->read_again_ns != 0 && l->conn.state == CONN_AWAIT_CONNECT)
            watches |= LOOP_END; /* who gives up waiting leaves */
        if (l->out_at < l->out.len || (stream_wants(l->stream) & LOOP_WRITE))
            watches |= LOOP_WRITE;
    }
    loop_watch(l->worker->loop, &l->file, watches);
}

static void expect_websocket(struct link *l)
{
    const struct websocket_settings settings = {
        .path = l->listener->websocket_path,
        .origins = l->listener->websocket_origins,
        .n_origins = l->listener->n_websocket_origins,
    };

    stream_expect_websocket(l->stream, &settings);
}

static struct link *link_new(struct worker *w, struct worker_listener *from, struct stream *s)
{
    struct link *l = mem_new(struct link);

    l->stream = s;
    l->listener = from->config;
    if (from->config->websocket)
        expect_websocket(l);
    l->number = atomic_fetch_add(&w->node->next_link, 1);
    l->phase = LINK_HANDSHAKE;
    l->opened_ns = l->heard_ns = l->alive_ns = l->wrote_ns = w->now_ns;
    l->address = stream_peer(l->stream)->address;
    list_init(&l->dirty);
    list_init(&l->again);
    list_init(&l->in_pace);
    list_init(&l->in_worker);
    conn_init(&l->conn, &l->out);
    l->file.fd = stream_fd(l->stream);
    l->file.on_ready = on_ready;
    return l;
}

/** link_watch_again() - connections of this listener are taken again */
void link_watch_again(struct worker *w, struct due *d)
{
    loop_watch(w->loop, &list_item(d, struct worker_listener, watch_again)->file, LOOP_READ);
}

/** link_accept() - take all connections that wait at a listener of this worker */
void link_accept(struct worker *w, struct worker_listener *from)
{
    struct stream *s;
    int r;

    while ((r = stream_accept(from->file.fd, from->tls, &s)) == 0) {
        struct link *l = link_new(w, from, s);

        l->worker = w;
        if (!admit_connection(from, l)) {
            w->counters.connections_refused++;
            link_free(l);
            continue;
        }
        r = loop_add(w->loop, &l->file, LOOP_READ);
        if (r < 0) {
            link_free(l);
            continue;
        }
        w->counters.connections_accepted++;
        adopt(w, l);
        arm(l);
    }
    if (r == -EAGAIN)
        return;
    log_warning("listener", "\"%s\": accept: %s; trying again in %llu ms", from->config->name,
                strerror(-r), (unsigned long long)(ACCEPT_PAUSE_NS / NS_PER_MS));
    loop_watch(w->loop, &from->file, 0);
    worker_due(w, &from->watch_again, w->now_ns + ACCEPT_PAUSE_NS, DUE_LISTENER);
}

/** link_dirty() - there is output, or something to pump, at the end of this turn */
void link_dirty(struct link *l)
{
    if (!list_is_linked(&l->dirty) && l->phase != LINK_DOOMED)
        list_append(&l->worker->dirty, &l->dirty);
}

/* ---- handshake ---- */

static void shake_hands(struct link *l)
{
    if (l->listener->has_tls)
        l->worker->work_beside += HANDSHAKE_WORK;
    switch (admit_handshake(l)) {
    case STREAM_OK:
        l->phase = LINK_OPEN;
        link_watch(l);
        link_read(l);
        return;
    case STREAM_AGAIN:
        link_watch(l);
        return;
    case STREAM_BAD:
        link_linger(l);
        return;
    case STREAM_END:
    case STREAM_FAILED:
        link_end_now(l);
        return;
    }
}

/* Go on with what is there, and with what has come. */
static void take_input(struct link *l)
{
    if (l->phase == LINK_HANDSHAKE)
        shake_hands(l);
    else if (l->in.len == 0 || link_process(l)) /* else it has moved to another worker */
        link_read(l);
}

/**
 * link_read_again() - connections with something to do that epoll does not know of; in each turn
 *
 * The first are those that have waited longest; who finds the turn spent stays before who comes
 * later.
 */
void link_read_again(struct worker *w)
{
    struct list now = LIST_INIT(now);

    list_splice(&now, &w->again);
    while (!list_is_empty(&now) && !worker_is_spent(w)) {
        struct link *l = list_item(now.next, struct link, again);

        list_remove(&l->again);
        link_dirty(l);
        take_input(l);
    }
    list_splice(&now, &w->again);
    list_splice(&w->again, &now);
}

/* ---- ready ---- */

/* It hung up while it was held back.  What it had sent is still to be read, since DISCONNECT may be
 * among it [MQTT5-3.14.4-3] [MQTT3-3.14.4-3]; one that is not in yet is gone. */
static void hung_up(struct link *l)
{
    if (l->conn.state != CONN_ACTIVE)
        link_lost(l, LINK_CLOSED_TEXT);
}

static void on_ready(struct loop_file *f, uint32_t ready)
{
    struct link *l = list_item(f, struct link, file);
    bool is_open = l->phase != LINK_HANDSHAKE;

    if (is_open && (ready & LOOP_WRITE))
        link_dirty(l);
    if (is_open && !(ready & (LOOP_READ | LOOP_HUP)))
        return;
    if ((ready & LOOP_HUP) && !link_may_process(l) && l->phase == LINK_OPEN)
        hung_up(l);
    else if (link_has_turn(l) && (list_is_empty(&l->worker->again) || link_is_control(l)))
        take_input(l);
    else
        link_again(l); /* others have waited longer */
}

/* ---- time ---- */

/* Of the client's silence nothing is known while the node does not read it [MQTT5-3.1.2-22]
 * [MQTT3-3.1.2-24]: the time begins anew while it is held back, and when it takes something of
 * the much that is owed to it. */
static void excuse_silence(struct link *l)
{
    uint64_t now_ns = l->worker->now_ns;

    if (l->read_again_ns != 0 || (conn_gated_bytes(&l->conn) > 0 && note_is_behind(l->worker)))
        l->alive_ns = now_ns;
    else if (link_owes_much(l))
        l->alive_ns = MAX(l->alive_ns, l->wrote_ns);
}

/* What has come, and was not read since others had their turn, is taken before the client is
 * judged. */
static void keep_alive_is_due(struct link *l)
{
    struct worker *w = l->worker;
    bool was_read = l->is_suspect && !list_is_linked(&l->again);

    excuse_silence(l);
    if (keep_alive_due_ns(l) > w->now_ns) {
        arm(l);
    } else if (!was_read) {
        l->is_suspect = true;
        link_again(l);
        worker_due(w, &l->due, w->now_ns + SUSPECT_NS, DUE_LINK);
    } else {
        w->counters.keep_alive_timeouts++;
        link_log(l, "link",
                 "closed: nothing has come for one and a half times the Keep Alive of %u s",
                 l->keep_alive_s);
        link_close(l, REASON_KEEP_ALIVE_TIMEOUT, "keep alive timeout");
    }
}

/* What has to come next for its CONNECT to be whole, or its proof. */
static const char *awaited(const struct link *l)
{
    if (l->phase == LINK_HANDSHAKE)
        return admit_awaited(l);
    if (l->conn.state == CONN_CHALLENGED)
        return "AUTH";
    return l->in.len > 0 ? "rest of the CONNECT" : "CONNECT";
}

static void connect_is_due(struct link *l)
{
    struct worker *w = l->worker;

    w->counters.connect_timeouts++;
    worker_event_of(w, l, EVENT_LIMIT_HIT, 0, BYTES_NONE, "connect_timeout_ms");
    link_log(l, "link", "closed: the %s has not come in the %llu ms of connect_timeout_ms",
             awaited(l), (unsigned long long)policy_limits(w->policy)->connect_timeout_ms);
    link_end_now(l);
}

/* What could not be had in this time is not waited for; the client is still told why it was
 * closed. */
static void linger_is_over(struct link *l)
{
    if (l->has_left || !conn_owes(&l->conn)) {
        link_end_now(l);
        return;
    }
    conn_forget_owed(&l->conn);
    link_linger(l);
}

/** link_is_due() - a deadline of this connection has come */
void link_is_due(struct worker *w, struct due *d)
{
    struct link *l = link_of_due(d);

    if (l->read_again_ns != 0 && l->read_again_ns <= w->now_ns) {
        l->read_again_ns = 0;
        l->alive_ns = w->now_ns;
        if (l->conn.state == CONN_AWAIT_CONNECT)
            l->delay_served = true;
        if (!link_process(l) || l->phase == LINK_DOOMED)
            return;
        link_dirty(l);
        link_again(l);
        arm(l);
        return;
    }
    if (l->phase == LINK_LINGERING && l->heard_ns + LINGER_NS <= w->now_ns) {
        linger_is_over(l);
    } else if (l->phase != LINK_LINGERING && awaits_connect(l) && connect_due_ns(l) <= w->now_ns) {
        connect_is_due(l);
    } else if (l->phase == LINK_OPEN && l->keep_alive_s > 0) {
        keep_alive_is_due(l);
    } else {
        arm(l);
    }
}

/* ---- moving to the home worker ---- */

struct arrival {
    struct post post;
    struct link *link;
};

static void arrive(struct worker *w, struct post *p)
{
    struct arrival *a = list_item(p, struct arrival, post);
    struct link *l = a->link;

    free(a);
    if (w->stopping || loop_add(w->loop, &l->file, LOOP_READ) < 0) { /* [MQTT3-4.8.0-2] */
        link_free(l);
        return;
    }
    adopt(w, l);
    arm(l);
    if (link_process(l) && l->phase != LINK_DOOMED) {
        link_dirty(l); /* then it is watched for what else has come */
        if (l->in.len > 0 || stream_has_pending(l->stream))
            link_again(l);
    }
}

/** link_move_home() - hand the connection, TLS and all, over; it must not be touched any more */
void link_move_home(struct link *l)
{
    struct arrival *a = mem_new(struct arrival);
    struct worker *w = l->worker;
    struct worker *to = l->moves_to;

    link_leave_worker(l);
    l->moves_to = NULL;
    l->worker = to;
    a->post.take = arrive;
    a->link = l;
    outlet_add_control(w, to->index, &a->post);
}
