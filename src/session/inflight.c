/* SPDX-License-Identifier: Apache-2.0 */
/* session/inflight.c - see inflight.h */
#include "session/inflight.h"

/** inflight_init() - nothing is in flight; the first packet id is 1 */
void inflight_init(struct inflight *w)
{
    *w = (struct inflight){.next_id = 1};
}

/** inflight_done() - release what is in flight */
void inflight_done(struct inflight *w)
{
    ring_done(&w->recent);
}

static bool is_open(const struct delivery *d)
{
    return d->state != INFLIGHT_DONE;
}

/** inflight_find() - the place of what is in flight as @id; INFLIGHT_NONE: nothing is */
size_t inflight_find(const struct inflight *w, uint16_t id)
{
    unsigned first = w->recent.n > 0 ? ring_at(&w->recent, 0)->packet_id : 0;
    size_t i = id >= first ? id - first : id + PACKET_ID_MAX - first;

    return i < w->recent.n && is_open(ring_at(&w->recent, i)) ? i : INFLIGHT_NONE;
}

/* It is the newest, and its id is the next one. */
static void put(struct inflight *w, const struct delivery *d)
{
    ring_push(&w->recent, d);
    w->next_id = w->next_id == PACKET_ID_MAX ? 1 : (uint16_t)(w->next_id + 1);
}

/** inflight_push() - @d was sent as next_id, after all others; its references move */
void inflight_push(struct inflight *w, const struct delivery *d)
{
    put(w, d);
    w->n++;
    w->release_at = w->resend_at = (uint32_t)inflight_places(w);
}

/* What had the next id was finished before an older one. */
static void skip_id(struct inflight *w)
{
    const struct delivery d = {.packet_id = w->next_id, .state = INFLIGHT_DONE};

    put(w, &d);
}

/** inflight_restore() - @d was in flight, its id behind those that were restored before it
 *
 * Its references move.
 */
void inflight_restore(struct inflight *w, const struct delivery *d)
{
    if (w->n == 0)
        w->next_id = d->packet_id;
    while (w->next_id != d->packet_id)
        skip_id(w);
    put(w, d);
    w->n++;
}

/** inflight_begin_again() - a network connection has begun: nothing was sent on it yet */
void inflight_begin_again(struct inflight *w)
{
    w->release_at = 0;
    w->resend_at = 0;
}

/* The first place is no more. */
static void forget_first(struct inflight *w)
{
    ring_drop_first(&w->recent);
    w->release_at -= w->release_at > 0; /* what was done before a reconnect is not sent again */
    w->resend_at -= w->resend_at > 0;
}

/** inflight_finish() - what is at @place is done with; its references have been taken over */
void inflight_finish(struct inflight *w, size_t place)
{
    inflight_at(w, place)->state = INFLIGHT_DONE;
    w->n--;
    while (w->recent.n > 0 && !is_open(ring_at(&w->recent, 0)))
        forget_first(w);
}
