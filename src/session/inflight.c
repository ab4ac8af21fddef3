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
    ring_done(&w->aside);
    packet_ids_done(&w->ids_aside);
    ring_done(&w->recent);
}

static bool is_open(const struct delivery *d)
{
    return d->state != INFLIGHT_DONE;
}

static size_t find_aside(const struct inflight *w, uint16_t id)
{
    for (size_t i = 0; packet_ids_has(&w->ids_aside, id) && i < w->aside.n; i++) {
        const struct delivery *d = ring_at(&w->aside, i);

        if (d->packet_id == id && is_open(d))
            return i;
    }
    return INFLIGHT_NONE;
}

/** inflight_find() - the place of what is in flight as @id; INFLIGHT_NONE: nothing is */
size_t inflight_find(const struct inflight *w, uint16_t id)
{
    unsigned first = w->recent.n > 0 ? ring_at(&w->recent, 0)->packet_id : 0;
    size_t i = id >= first ? id - first : id + PACKET_ID_MAX - first;

    if (i < w->recent.n && is_open(ring_at(&w->recent, i)))
        return w->aside.n + i;
    return find_aside(w, id);
}

/* What is at @place has none any more. */
static void forget_place(struct inflight *w, size_t place)
{
    w->release_at -= w->release_at > place;
    w->resend_at -= w->resend_at > place;
}

/* Was acknowledged out of order; before a reconnect also, and is not sent again. */
static void drop_finished(struct inflight *w)
{
    while (w->recent.n > 0 && !is_open(ring_at(&w->recent, 0))) {
        ring_drop_first(&w->recent);
        forget_place(w, w->aside.n);
    }
}

/* Nothing changes its place but those behind it that are finished. */
static void put_oldest_aside(struct inflight *w)
{
    packet_ids_add(&w->ids_aside, ring_at(&w->recent, 0)->packet_id);
    ring_push(&w->aside, ring_at(&w->recent, 0));
    ring_drop_first(&w->recent);
    drop_finished(w);
}

/* No id can be there twice, and hardly more than half of the places are of what is finished. */
static uint32_t span_max(const struct inflight *w)
{
    return MIN(MAX(2 * w->n, (uint32_t)INFLIGHT_SPAN_MIN), (uint32_t)PACKET_ID_MAX - 1);
}

/* As the newest, whose id is the next one; all before it has been sent. */
static void put(struct inflight *w, const struct delivery *d)
{
    while (w->recent.n >= span_max(w))
        put_oldest_aside(w);
    ring_push(&w->recent, d);
    w->next_id = w->next_id == PACKET_ID_MAX ? 1 : (uint16_t)(w->next_id + 1);
    w->release_at = w->resend_at = (uint32_t)inflight_places(w);
}

/* Nothing is sent with the next id. */
static void skip_id(struct inflight *w)
{
    const struct delivery d = {.packet_id = w->next_id, .state = INFLIGHT_DONE};

    put(w, &d);
    drop_finished(w); /* if it is the only one */
}

/** inflight_next_id() - for what is sent next; fewer than PACKET_ID_MAX are in flight */
uint16_t inflight_next_id(struct inflight *w)
{
    while (packet_ids_has(&w->ids_aside, w->next_id))
        skip_id(w);
    return w->next_id;
}

/** inflight_push() - @d was sent, after all others, as inflight_next_id(); its references move */
void inflight_push(struct inflight *w, const struct delivery *d)
{
    put(w, d);
    w->n++;
}

/** inflight_restore() - @d was in flight, and was sent after those that were restored before it
 *
 * Ids may be in any order.  inflight_begin_again() is to follow.  Its references move.
 */
void inflight_restore(struct inflight *w, const struct delivery *d)
{
    unsigned n_skipped = (d->packet_id + PACKET_ID_MAX - w->next_id) % PACKET_ID_MAX;

    if (n_skipped >= INFLIGHT_SPAN_MIN) {
        while (w->recent.n > 0)
            put_oldest_aside(w);
        w->next_id = d->packet_id;
    }
    while (w->next_id != d->packet_id)
        skip_id(w);
    inflight_push(w, d);
}

/** inflight_begin_again() - a network connection has begun: nothing was sent on it yet */
void inflight_begin_again(struct inflight *w)
{
    w->release_at = 0;
    w->resend_at = 0;
}

/* The older ones move up. */
static void drop_aside(struct inflight *w, size_t place)
{
    packet_ids_remove(&w->ids_aside, ring_at(&w->aside, place)->packet_id);
    for (size_t i = place; i > 0; i--)
        *ring_at(&w->aside, i) = *ring_at(&w->aside, i - 1);
    ring_drop_first(&w->aside);
    forget_place(w, place);
}

/** inflight_finish() - what is at @place is done with; its references have been taken over */
void inflight_finish(struct inflight *w, size_t place)
{
    w->n--;
    if (place < w->aside.n) {
        drop_aside(w, place);
        return;
    }
    ring_at(&w->recent, place - w->aside.n)->state = INFLIGHT_DONE;
    drop_finished(w);
}
