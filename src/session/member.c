/* SPDX-License-Identifier: Apache-2.0 */
/* session/member.c - what came to a session as a member of a group goes to another, or comes back
 */
#include "session/session_private.h"

/**
 * session_take_shared() - what came by shared subscriptions and may go to another member
 * @in_flight_too:  the session ends: also what was sent at QoS 1 and not acknowledged; QoS 2
 *                  messages that were sent go to nobody else [MQTT5-4.8.2-5]
 * @ret:            gets the deliveries, the older first
 */
void session_take_shared(struct session *s, bool in_flight_too, struct queue_ring *ret)
{
    for (size_t i = 0; in_flight_too && i < inflight_places(&s->inflight); i++) {
        struct delivery *d = inflight_at(&s->inflight, i);

        if (d->share == 0 || d->state != INFLIGHT_PUBACK)
            continue;
        ring_push(ret, d);
        d->message = NULL; /* moved */
        d->more_subids = NULL;
        d->record = 0;
        d->state = INFLIGHT_DONE;
        s->inflight.n--;
    }
    queue_take_shared(&s->queue, ret);
}

/** session_count_shared() - how many of those that session_take_shared() takes as the session ends
 * came by a share of which @fn is true */
size_t session_count_shared(const struct session *s, queue_share_fn *fn, const void *arg)
{
    size_t n = queue_count_shared(&s->queue, fn, arg);

    for (size_t i = 0; i < inflight_places(&s->inflight); i++) {
        const struct delivery *d = inflight_at(&s->inflight, i);

        n += d->share != 0 && d->state == INFLIGHT_PUBACK && fn(arg, d->share);
    }
    return n;
}

/** session_put_back() - nobody else wants it: @d waits here again */
void session_put_back(struct session *s, const struct delivery *d)
{
    queue_put(&s->queue, d);
}
