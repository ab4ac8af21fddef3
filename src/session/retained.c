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

/** session_forget_found() - what was found is not sent */
void session_forget_found(struct session *s)
{
    struct retained_batch *b = s->retained;

    if (b == NULL)
        return;
    while (b->at < b->n)
        message_unref(b->messages[b->at++]);
    free(b->messages);
    free(b);
    s->retained = NULL;
}

/**
 * session_want_retained() - @sub, of this session, wants what is retained now
 * @serial:  router_retained_serial(): what comes later comes live
 *
 * Each SUBSCRIBE, also in the same packet [MQTT5-3.8.4-5] [MQTT3-3.8.4-4], finds all of it.  Of
 * those that wait, RETAINED_WANTS_MAX do; then the newest takes the place of the one before it.
 */
void session_want_retained(struct session *s, struct subscription *sub, uint64_t serial)
{
    struct retained_want *want;

    if (sub->want != NULL && sub->want->n == RETAINED_WANTS_MAX) {
        sub->want->last->until = serial;
        return;
    }
    want = mem_new(struct retained_want);
    want->subscription = sub;
    want->until = serial;
    want->last = want;
    want->n = 1;
    list_init(&want->in_session);
    if (sub->want != NULL) {
        sub->want->last->next = want;
        sub->want->last = want;
        sub->want->n++;
        return;
    }
    sub->want = want;
    list_append(&s->retained_wanting, &want->in_session);
}

/** session_found_retained() - all that @sub, of this session, wanted by its first SUBSCRIBE; what
 * it wants by the next one comes behind the others */
void session_found_retained(struct session *s, struct subscription *sub)
{
    struct retained_want *first = sub->want;
    struct retained_want *next = first->next;

    if (next != NULL) {
        next->last = first->last;
        next->n = first->n - 1;
        list_append(&s->retained_wanting, &next->in_session);
    }
    list_remove(&first->in_session);
    free(first);
    sub->want = next;
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
    check(s->retained == NULL);
    if (n == 0) {
        free(messages);
        return;
    }
    s->retained = mem_new(struct retained_batch);
    *s->retained = (struct retained_batch){
        .messages = messages,
        .n = n,
        .subscription_id = sub->id,
        .qos = sub->qos,
    };
}

/* NULL: there is none. */
static struct message *next_found(struct session *s)
{
    struct retained_batch *b = s->retained;
    struct message *m;

    if (b == NULL)
        return NULL;
    m = b->messages[b->at++];
    if (b->at == b->n)
        session_forget_found(s);
    return m;
}

/** session_take_found() - the next one that still stands; Return: false if there is none. */
bool session_take_found(struct session *s, uint64_t now_ns, struct delivery *ret)
{
    const struct retained_batch b = s->retained != NULL ? *s->retained : (struct retained_batch){0};
    struct message *m;

    while ((m = next_found(s)) != NULL) {
        if (m->expires_ns <= now_ns || message_is_replaced(m)) {
            message_unref(m);
            continue;
        }
        *ret = (struct delivery){
            .message = m,
            .qos = MIN(m->qos, b.qos),
            .retain = true,
            .subids = {b.subscription_id},
            .n_subids = b.subscription_id != 0,
        };
        return true;
    }
    return false;
}

/* Return: how many. */
static size_t drop_found(struct session *s, queue_pick_fn *drop, const void *arg)
{
    struct retained_batch *b = s->retained;
    size_t kept, n;

    if (b == NULL)
        return 0;
    kept = b->at;
    n = b->n;
    for (size_t i = b->at; i < n; i++) {
        if (drop(arg, b->messages[i]))
            message_unref(b->messages[i]);
        else
            b->messages[kept++] = b->messages[i];
    }
    b->n = kept;
    if (b->at == b->n)
        session_forget_found(s);
    return n - kept;
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
    struct queue_ring out = {0};
    size_t n_dropped;

    queue_take_if(&s->queue, drop, arg, &out);
    n_dropped = out.n + drop_found(s, drop, arg);
    s->n_dropped += n_dropped;
    ring_done(&out);
    return n_dropped;
}
