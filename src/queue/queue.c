/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/queue.c - what waits for one session: two lanes, one bound
 *
 * The control lane is emptied before the delivery lane.  The drop rule: QoS 0 is
 * queued while the queue is less than half full, QoS 1 and 2 until it is full;
 * past that the newest is refused.  So QoS 0 never crowds out what was promised,
 * and what is in the queue stays.  The control lane may fill the queue to twice its
 * bound: telemetry cannot crowd out commands of the control plane.
 *
 * MQ.PR.SP-05
 */
#include "queue/queue.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define RING_CAP_MIN  8
#define RING_CAP_KEEP 16 /* an empty ring larger than this gives its memory back */

/* Give the memory back; the deliveries are elsewhere by now. */
static void ring_forget(struct queue_ring *r)
{
    memory_count(-(ptrdiff_t)(r->cap * sizeof(*r->at)));
    free(r->at);
    r->at = NULL;
    r->first = 0;
    r->cap = 0;
}

/** ring_push() - append; @d's references move into the ring */
void ring_push(struct queue_ring *r, const struct delivery *d)
{
    if (r->n == r->cap) {
        size_t cap = r->cap > 0 ? r->cap * 2 : RING_CAP_MIN;
        struct delivery *at = mem_alloc(cap * sizeof(*at));

        for (size_t i = 0; i < r->n; i++)
            at[i] = *ring_at(r, i);
        ring_forget(r);
        r->at = at;
        r->cap = cap;
        memory_count((ptrdiff_t)(cap * sizeof(*at)));
    }
    r->at[(r->first + r->n) & (r->cap - 1)] = *d;
    r->n++;
}

/** ring_at() - the @i-th from the front; borrowed until the ring changes */
struct delivery *ring_at(const struct queue_ring *r, size_t i)
{
    check(i < r->n);
    return &r->at[(r->first + i) & (r->cap - 1)];
}

/** ring_drop_first() - forget the first; the caller has taken over its references */
void ring_drop_first(struct queue_ring *r)
{
    check(r->n > 0);
    r->first = (r->first + 1) & (r->cap - 1);
    r->n--;
    if (r->n == 0 && r->cap > RING_CAP_KEEP)
        ring_forget(r);
}

/** ring_done() - release all deliveries and the ring */
void ring_done(struct queue_ring *r)
{
    for (size_t i = 0; i < r->n; i++)
        delivery_done(ring_at(r, i));
    ring_forget(r);
    r->n = 0;
}

/** queue_done() - release everything that waits; @q is empty and usable again */
void queue_done(struct queue *q)
{
    for (size_t lane = 0; lane < QUEUE_LANE_N; lane++)
        ring_done(&q->lanes[lane]);
    *q = (struct queue){0};
}

static bool has_room(const struct queue *q, const struct queue_limits *limits,
                     const struct delivery *d)
{
    size_t messages_max = limits->messages_max;
    size_t bytes_max = limits->bytes_max;

    if (d->message->is_control) {
        messages_max *= 2;
        bytes_max *= 2;
    } else if (d->qos == 0) {
        messages_max /= 2;
        bytes_max /= 2;
    }
    return q->n < messages_max && q->bytes + message_bytes(d->message) <= bytes_max;
}

/**
 * queue_offer() - append one delivery, or say why not
 * @q:       the session's queue; its worker's only
 * @d:       its references move into the queue on QUEUE_OK, still the caller's otherwise
 * @now_ns:  CLOCK_MONOTONIC
 *
 * A message whose expiry has passed is not queued [MQTT5-3.3.2-5].
 *
 * Return: QUEUE_OK, QUEUE_E_FULL (see the drop rule above) or QUEUE_E_EXPIRED.
 */
enum queue_outcome queue_offer(struct queue *q, const struct queue_limits *limits,
                               struct delivery *d, uint64_t now_ns)
{
    if (d->message->expires_ns <= now_ns)
        return QUEUE_E_EXPIRED;
    if (!has_room(q, limits, d))
        return QUEUE_E_FULL;
    queue_put_back(q, d);
    return QUEUE_OK;
}

/** queue_put_back() - append without asking for room: what was in the queue before */
void queue_put_back(struct queue *q, const struct delivery *d)
{
    ring_push(&q->lanes[d->message->is_control ? QUEUE_CONTROL : QUEUE_DELIVERY], d);
    q->n++;
    q->bytes += message_bytes(d->message);
}

/** queue_take_shared() - move what came by shared subscriptions to the end of @ret, in order */
void queue_take_shared(struct queue *q, struct queue_ring *ret)
{
    struct queue rest = {0};

    for (size_t lane = 0; lane < QUEUE_LANE_N; lane++) {
        for (size_t i = 0; i < q->lanes[lane].n; i++) {
            const struct delivery *d = ring_at(&q->lanes[lane], i);

            if (d->share != 0)
                ring_push(ret, d);
            else
                queue_put_back(&rest, d);
        }
        q->lanes[lane].n = 0;
        ring_done(&q->lanes[lane]);
    }
    *q = rest;
}

/** queue_take_if() - move what @pick says to the end of @ret; the order of the rest stays */
void queue_take_if(struct queue *q, queue_pick_fn *pick, const void *arg, struct queue_ring *ret)
{
    struct queue rest = {0};

    for (size_t lane = 0; lane < QUEUE_LANE_N; lane++) {
        for (size_t i = 0; i < q->lanes[lane].n; i++) {
            const struct delivery *d = ring_at(&q->lanes[lane], i);

            if (pick(arg, d->message))
                ring_push(ret, d);
            else
                queue_put_back(&rest, d);
        }
        q->lanes[lane].n = 0;
        ring_done(&q->lanes[lane]);
    }
    *q = rest;
}

static struct queue_ring *head_lane(struct queue *q)
{
    return &q->lanes[q->lanes[QUEUE_CONTROL].n > 0 ? QUEUE_CONTROL : QUEUE_DELIVERY];
}

static void drop_head(struct queue *q)
{
    struct queue_ring *r = head_lane(q);

    q->n--;
    q->bytes -= message_bytes(ring_at(r, 0)->message);
    ring_drop_first(r);
}

/**
 * queue_head() - what queue_take() would take: the control lane's before the delivery lane's
 *
 * What has expired before it is dropped [MQTT5-3.3.2-5].
 *
 * Return: borrowed until the queue changes; NULL if nothing waits.
 */
const struct delivery *queue_head(struct queue *q, uint64_t now_ns)
{
    while (q->n > 0) {
        struct delivery *d = ring_at(head_lane(q), 0);
        struct delivery expired;

        if (d->message->expires_ns > now_ns)
            return d;
        expired = *d;
        drop_head(q);
        delivery_done(&expired);
    }
    return NULL;
}

/** queue_take() - queue_head(), whose references move to @ret; Return: false if nothing waits. */
bool queue_take(struct queue *q, uint64_t now_ns, struct delivery *ret)
{
    const struct delivery *d = queue_head(q, now_ns);

    if (d == NULL)
        return false;
    *ret = *d;
    drop_head(q);
    return true;
}
