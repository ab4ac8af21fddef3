/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/link_write.c - a network connection: what goes
 *
 * Output gathers in one buffer and is written once a turn, and before that only when the
 * buffer is full.  Buffers that are empty go back to the worker.
 */
#include "base/err.h"
#include "node/link_private.h"

/**
 * link_stream_owes() - has a layer of the stream something to say that is not in our output?
 *
 * The socket was full.
 */
bool link_stream_owes(const struct link *l)
{
    return l->phase != LINK_HANDSHAKE && l->out_at == l->out.len &&
           (stream_wants(l->stream) & LOOP_WRITE);
}

static void give_back_buffer(struct link *l)
{
    struct worker *w = l->worker;

    l->out.len = 0;
    l->out_at = 0;
    if (w->n_spares < SPARE_BUFFERS_MAX && l->out.cap <= SPARE_BUFFER_BYTES_MAX) {
        w->spares[w->n_spares++] = l->out;
        l->out = (struct buf){0};
    } else {
        buf_done(&l->out);
    }
}

/* Its network connection was reset.  What it sent before can still be read, and DISCONNECT may be
 * among it [MQTT5-3.14.4-3] [MQTT3-3.14.4-3]. */
static void write_failed(struct link *l)
{
    if (l->phase != LINK_OPEN || l->conn.state != CONN_ACTIVE) {
        link_lost(l, stream_error(l->stream));
        return;
    }
    l->is_unheard = true;
    give_back_buffer(l);
    link_again(l);
}

/* Return: whether all was written. */
static bool write_out(struct link *l)
{
    struct worker *w = l->worker;

    w->counters.packets_sent += l->conn.n_packets;
    l->conn.n_packets = 0;
    while (!l->is_unheard && l->out_at < l->out.len) {
        size_t n = 0;

        switch (stream_write(l->stream, l->out.at + l->out_at, l->out.len - l->out_at, &n)) {
        case STREAM_OK:
            l->out_at += (uint32_t)n;
            l->wrote_ns = w->now_ns;
            link_count_bytes(l, &w->counters.bytes_sent, n);
            notice_sent(l, n);
            break;
        case STREAM_AGAIN:
            return false;
        case STREAM_END:
        case STREAM_FAILED:
        case STREAM_BAD:
            write_failed(l);
            return false;
        }
    }
    if (l->out.cap > 0)
        give_back_buffer(l);
    return true;
}

/* Make room; what is left is moved only if it is less than what was written. */
static void drop_written(struct link *l)
{
    if (l->out_at < l->out.len - l->out_at)
        return;
    buf_drop_front(&l->out, l->out_at);
    l->out_at = 0;
}

/**
 * link_relieve() - the output buffer is full in the middle of a turn: write what the socket takes
 *
 * So that a burst goes out as it comes in instead of through the queue.  A connection
 * that has failed is found out at the end of the turn, when nobody walks over receivers.
 */
void link_relieve(struct link *l)
{
    size_t n = 0;

    if (l->phase != LINK_OPEN || l->is_blocked)
        return;
    while (l->out_at < l->out.len && stream_write(l->stream, l->out.at + l->out_at,
                                                  l->out.len - l->out_at, &n) == STREAM_OK) {
        l->out_at += (uint32_t)n;
        l->wrote_ns = l->worker->now_ns;
        link_count_bytes(l, &l->worker->counters.bytes_sent, n);
        notice_sent(l, n);
    }
    l->is_blocked = l->out_at < l->out.len;
    drop_written(l);
}

static void flush_stream(struct link *l)
{
    bool owes = link_stream_owes(l) && !l->is_unheard;
    enum stream_outcome outcome = owes ? stream_flush(l->stream) : STREAM_OK;

    if (outcome != STREAM_OK && outcome != STREAM_AGAIN)
        write_failed(l);
}

/* All is written: what is left to do for one that takes nothing any more? */
static void end_sending(struct link *l)
{
    /* A layer has its own goodbye, and the other side's is read: a reset could swallow ours. */
    bool has_layer = stream_peer(l->stream)->is_tls || l->listener->websocket;
    bool waits = !l->has_closed && (!l->has_left || has_layer);

    if (waits || has_layer)
        stream_shutdown(l->stream);
    if (!waits)
        link_end_now(l);
}

/* The session that waits for room in the output; NULL: nobody takes what it has. */
static struct session *session_served(const struct link *l)
{
    return l->is_unheard ? NULL : l->conn.session;
}

/* Pump and write in turn, until nothing waits or the socket is full. */
static void flush(struct link *l)
{
    struct worker *w = l->worker;
    bool more = true;

    l->is_blocked = false;
    if (l->phase == LINK_LINGERING)
        conn_finish(&l->conn);
    while (more && l->phase != LINK_DOOMED && l->phase != LINK_HANDSHAKE) {
        struct session *s = session_served(l);

        drop_written(l);
        more = false;
        if (s != NULL) {
            uint64_t before = s->n_delivered;
            uint64_t bytes_before = s->payload_bytes_delivered;
            uint64_t dropped_before = s->n_dropped;

            more = session_pump(s, w->now_ns) || retained_find(w, s);
            if (s->has_refused)
                share_member_sent(w, s);
            w->counters.messages_sent += s->n_delivered - before;
            w->counters.payload_bytes_sent += s->payload_bytes_delivered - bytes_before;
            w->counters.messages_dropped += s->n_dropped - dropped_before;
            w->counters.messages_expired += queue_take_expired(&s->queue);
        }
        if (!write_out(l))
            break;
        if (more && !link_has_turn(l)) {
            link_again(l);
            break;
        }
    }
    if (l->phase != LINK_DOOMED)
        flush_stream(l);
    if (l->phase == LINK_LINGERING && l->out.len == 0 && !link_stream_owes(l) &&
        !conn_owes(&l->conn))
        end_sending(l);
    if (l->phase == LINK_DOOMED)
        return;
    if (session_served(l) != NULL) {
        fetch_wanted(w, l->conn.session);
        if (session_retained_next(l->conn.session) != NULL)
            link_again(l);
    }
    link_watch(l);
}

/** link_flush_all() - once at the end of a turn: one write per connection that has something */
void link_flush_all(struct worker *w)
{
    list_each (it, &w->dirty) {
        struct link *l = list_item(it, struct link, dirty);

        list_remove(it);
        flush(l);
        memory_of_link(l);
    }
}
