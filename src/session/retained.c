/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/retained.c - what new subscriptions find, at the client's pace
 *
 * A subscription that wants retained messages waits in a list until all else has been
 * sent; then its owner looks for it and offers what it found.  So the session holds the
 * findings of one subscription at a time, however often the client subscribes.  What
 * was replaced after the subscription has come, or will, as a live message: it is
 * passed over, so that an old value never comes after a newer one.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "session/session_private.h"

/** retained_batch_done() - forget what was found; @b is empty and usable again */
void retained_batch_done(struct retained_batch *b)
{
    while (b->at < b->n)
        message_unref(b->messages[b->at++]);
    free(b->messages);
    *b = (struct retained_batch){0};
}

/**
 * session_want_retained() - @sub, of this session, wants what is retained now
 * @serial:  router_retained_serial(): what comes later comes live
 */
void session_want_retained(struct session *s, struct subscription *sub, uint64_t serial)
{
    list_remove(&sub->in_wanting);
    list_append(&s->retained_wanting, &sub->in_wanting);
    sub->retained_after = 0;
    sub->retained_until = serial;
    sub->retained_scans = false;
}

/**
 * session_offer_retained() - @sub found these; they are sent after what waits already
 * @messages:  array and references taken over; n may be 0
 *
 * When session_retained_next() has asked for it.  They keep the RETAIN flag [MQTT3-3.3.1-8].
 */
void session_offer_retained(struct session *s, const struct subscription *sub,
                            struct message **messages, size_t n)
{
    check(s->retained.at == s->retained.n);
    retained_batch_done(&s->retained);
    s->retained = (struct retained_batch){
        .messages = messages,
        .n = n,
        .subscription_id = sub->id,
        .qos = sub->qos,
    };
}

/** retained_batch_take() - the next one that still stands; Return: false if there is none. */
bool retained_batch_take(struct retained_batch *b, uint64_t now_ns, struct delivery *ret)
{
    while (b->at < b->n) {
        struct message *m = b->messages[b->at++];

        if (m->expires_ns <= now_ns || message_is_replaced(m)) {
            message_unref(m);
            continue;
        }
        *ret = (struct delivery){
            .message = m,
            .qos = MIN(m->qos, b->qos),
            .retain = true,
            .subids = {b->subscription_id},
            .n_subids = b->subscription_id != 0,
        };
        return true;
    }
    retained_batch_done(b);
    return false;
}

/**
 * session_drop_waiting() - forget of what is not sent yet the messages that @drop says
 *
 * In the queue, but for its shelf, and among the retained ones that were found.  What was sent and
 * is not acknowledged stays: its packet id is in use.
 *
 * Return: how many.
 */
size_t session_drop_waiting(struct session *s, queue_pick_fn *drop, const void *arg)
{
    struct retained_batch *b = &s->retained;
    struct queue_ring out = {0};
    size_t n_dropped;
    size_t kept = b->at;

    queue_take_if(&s->queue, drop, arg, &out);
    for (size_t i = b->at; i < b->n; i++) {
        if (drop(arg, b->messages[i]))
            message_unref(b->messages[i]);
        else
            b->messages[kept++] = b->messages[i];
    }
    n_dropped = out.n + b->n - kept;
    b->n = kept;
    s->n_dropped += n_dropped;
    ring_done(&out);
    return n_dropped;
}
