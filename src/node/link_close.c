/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/link_close.c - the end of a network connection
 *
 * A connection that is closed gets what is owed to it, also what waits for the journal and for
 * other workers, and is told why; its sending side is shut down, and what still arrives is read and
 * thrown away for a moment, so that a reset does not swallow the reason.  One that its client has
 * ended is closed as soon as what is owed is written; of one that was reset what was sent before is
 * taken first.  Memory is freed at the end of the turn.
 */
#include <stdlib.h>

#include "base/log.h"
#include "node/link_private.h"

/** link_leave_worker() - it is watched by nobody; freed or adopted by another worker next */
void link_leave_worker(struct link *l)
{
    struct worker *w = l->worker;

    loop_remove(w->loop, &l->file);
    heap_clear(&w->timers, &l->due.timer);
    list_remove(&l->dirty);
    list_remove(&l->again);
    list_remove(&l->in_pace);
    list_remove(&l->in_worker);
    map_remove(&w->links_by_number, bytes_of(&l->number, sizeof(l->number)));
}

/* What was read and not taken yet: a CONNECT with a password, perhaps. */
static void wipe_input(struct link *l)
{
    if (l->in.len > 0)
        explicit_bzero(l->in.at, l->in.len);
    l->in.len = 0;
}

/** link_free() - of a connection that no worker has any more */
void link_free(struct link *l)
{
    admit_leave(l);
    conn_done(&l->conn);
    grant_free(l->grant);
    exchange_free(l->exchange);
    free(l->publishing);
    stream_free(l->stream);
    wipe_input(l);
    buf_done(&l->in);
    buf_done(&l->out);
    memory_of_link(l);
    if (l->resident == NULL)
        free((char *)(uintptr_t)l->client_id);
    free(l);
}

/** link_end_now() - nothing is sent any more; freed at the end of the turn */
void link_end_now(struct link *l)
{
    if (l->phase == LINK_DOOMED)
        return;
    if (l->resident != NULL)
        resident_disconnected(l->worker, l->resident, true);
    if (l->counts_as != ADMISSION_ACCEPTED && !l->awaits_proxy)
        worker_event_of(l->worker, l, EVENT_ENDED_EARLY, 0, BYTES_NONE, NULL);
    link_leave_worker(l);
    l->phase = LINK_DOOMED;
    list_append(&l->worker->doomed, &l->in_worker);
}

/** link_free_doomed() - at the end of a turn, when nobody looks at them any more */
void link_free_doomed(struct worker *w)
{
    list_each (it, &w->doomed) {
        struct link *l = list_item(it, struct link, in_worker);

        list_remove(it);
        link_free(l);
    }
}

/** link_linger() - no more is taken; what is owed is still sent, then the rest is read and thrown
 * away */
void link_linger(struct link *l)
{
    l->phase = LINK_LINGERING;
    l->heard_ns = l->worker->now_ns;
    l->read_again_ns = 0;
    wipe_input(l);
    link_heard(l);
    link_dirty(l);
}

/** link_has_closed() - of one that lingers: nothing more comes; it ends when what is owed is
 * written
 */
void link_has_closed(struct link *l)
{
    l->has_closed = true;
    link_dirty(l);
}

/** link_log_lost() - it was not this side that has ended it */
void link_log_lost(const struct link *l, const char *why)
{
    log_debug("link", "%s %s: lost: %s", l->address, link_name(l), why);
}

static void tell_lost(struct link *l, const char *why)
{
    if (l->phase == LINK_OPEN)
        link_log_lost(l, why);
    if (l->conn.state != CONN_ACTIVE)
        return;
    notice_end(l, REASON_UNSPECIFIED_ERROR, why);
    l->worker->counters.disconnects_abnormal++;
}

/**
 * link_ended() - the client has closed its sending side without DISCONNECT
 *
 * The Will is published.  What is owed is still sent: the client may be reading yet
 * [MQTT5-4.3.2-4] [MQTT5-4.3.3-8] [MQTT3-4.3.2-2].
 */
void link_ended(struct link *l)
{
    if (l->is_unheard) {
        link_lost(l, stream_error(l->stream));
        return;
    }
    tell_lost(l, LINK_CLOSED_TEXT);
    conn_become(&l->conn, CONN_CLOSED);
    if (l->resident != NULL)
        resident_disconnected(l->worker, l->resident, true);
    l->has_left = true;
    l->has_closed = true;
    link_linger(l);
}

/** link_redirect_reason() - with what clients are sent to another server, 0x9C or 0x9D */
uint8_t link_redirect_reason(const struct worker *w)
{
    return policy_answers(w->policy)->redirect == REDIRECT_MOVED ? REASON_SERVER_MOVED
                                                                 : REASON_USE_ANOTHER_SERVER;
}

/** link_server_reference() - which other server goes with @reason; NULL: none; borrowed */
const char *link_server_reference(const struct link *l, uint8_t reason)
{
    if (reason != REASON_USE_ANOTHER_SERVER && reason != REASON_SERVER_MOVED)
        return NULL;
    return policy_answers(l->worker->policy)->server_reference;
}

/**
 * link_close() - end a network connection from our side
 * @reason:  for a 5.0 client's DISCONNECT; REASON_SUCCESS: the client ended it by DISCONNECT,
 *           nothing is sent
 * @why:     for the log, the event and the reason string; static or kept until return
 *
 * The Will is published unless the client said DISCONNECT [MQTT5-3.1.2-8]
 * [MQTT5-3.14.4-3] [MQTT3-3.1.2-8] [MQTT3-3.14.4-3].  What still comes is thrown away
 * [MQTT5-3.1.4-6] [MQTT3-3.1.4-5], and nothing is sent after what is in the output
 * buffer; then the connection is closed [MQTT5-3.14.4-2] [MQTT5-4.13.2-1].
 */
void link_close(struct link *l, uint8_t reason, const char *why)
{
    struct worker *w = l->worker;
    bool is_clean = reason == REASON_SUCCESS;

    if (l->phase == LINK_LINGERING || l->phase == LINK_DOOMED)
        return;
    log_debug("link", "%s %s: closed: %s", l->address, link_name(l), why);
    if (l->conn.state == CONN_ACTIVE) {
        notice_end(l, reason, why);
        if (is_clean)
            w->counters.disconnects_clean++;
        else
            w->counters.disconnects_abnormal++;
    }
    if (is_clean)
        conn_become(&l->conn, CONN_CLOSED);
    else if (l->conn.state != CONN_CLOSED)
        conn_send_disconnect(&l->conn, reason, why, link_server_reference(l, reason));
    if (l->resident != NULL)
        resident_disconnected(w, l->resident, !is_clean);
    if (l->phase == LINK_HANDSHAKE) {
        link_end_now(l);
        return;
    }
    l->has_left = is_clean;
    link_linger(l);
}

/** link_lost() - the connection is gone: reset, TLS alert */
void link_lost(struct link *l, const char *why)
{
    tell_lost(l, why);
    link_end_now(l);
}
