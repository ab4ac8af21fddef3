/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/queue.c - what waits for one session: two lanes, one bound
 *
 * The control lane is emptied before the delivery lane.  The drop rule: QoS 0 is
 * queued while the queue is less than half full, QoS 1 and 2 until it is full;
 * past that the newest is refused.  So QoS 0 never crowds out what was promised,
 * and what is in the queue stays until it expires.  The control lane may fill the queue to twice
 * its bound: telemetry cannot crowd out commands of the control plane.
 *
 * MQ.PR.SP-05
 */
#include "queue/queue.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "queue/queue_private.h"

#define RING_CAP_MIN  8
#define RING_CAP_KEEP 16 /* an empty ring larger than this gives its memory back */
/* A queue is not looked through again within LOOK_AGAIN_NS, nor within LOOK_NS_EACH for each that
 * waits, so that it takes a hundredth of the time at most. */
#define LOOK_AGAIN_NS NS_PER_S
#define LOOK_NS_EACH  UINT64_C(5000)

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
        uint32_t cap = r->cap > 0 ? r->cap * 2 : RING_CAP_MIN;
        struct delivery *at;

        check(cap > r->cap);
        at = mem_alloc(cap * sizeof(*at));

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
    queue_drop_tail(q);
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
    return q->n < messages_max && q->bytes + delivery_bytes(d) <= bytes_max;
}

/**
 * queue_admits() - may @d be put into the queue?
 * @q:       the session's queue; its worker's only
 * @now_ns:  CLOCK_MONOTONIC
 *
 * A message whose expiry has passed is not queued [MQTT5-3.3.2-5].
 *
 * Return: QUEUE_OK, QUEUE_E_FULL (see the drop rule above) or QUEUE_E_EXPIRED.
 */
enum queue_outcome queue_admits(const struct queue *q, const struct queue_limits *limits,
                                const struct delivery *d, uint64_t now_ns)
{
    if (d->message->expires_ns <= now_ns)
        return QUEUE_E_EXPIRED;
    return has_room(q, limits, d) ? QUEUE_OK : QUEUE_E_FULL;
}

/** queue_put() - append without asking for room; @d's references move into the queue */
void queue_put(struct queue *q, const struct delivery *d)
{
    struct queue_ring *lane = &q->lanes[d->message->is_control ? QUEUE_CONTROL : QUEUE_DELIVERY];

    q->n++;
    q->bytes += delivery_bytes(d);
    queue_note_expiry(q, d->message->expires_ns);
    if (!d->message->is_control && queue_is_shelving(q))
        queue_shelve(q, d);
    else
        ring_push(lane, d);
}

typedef bool pick_delivery_fn(const void *arg, const struct delivery *d);

/* Move what @pick says to the end of @ret; in its place is a delivery without a message. */
static void take_out(struct queue *q, struct queue_ring *r, pick_delivery_fn *pick, const void *arg,
                     struct queue_ring *ret)
{
    for (size_t i = 0; i < r->n; i++) {
        struct delivery *d = ring_at(r, i);

        if (d->message == NULL || !pick(arg, d))
            continue;
        q->n--;
        q->bytes -= delivery_bytes(d);
        ring_push(ret, d);
        *d = (struct delivery){0};
    }
}

static void close_gaps(struct queue_ring *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->n; i++) {
        if (ring_at(r, i)->message != NULL)
            *ring_at(r, n++) = *ring_at(r, i);
    }
    r->n = n;
    if (n == 0)
        ring_forget(r);
}

/* The order of the rest stays. */
static void take_if(struct queue *q, pick_delivery_fn *pick, const void *arg,
                    struct queue_ring *ret)
{
    for (size_t lane = 0; lane < QUEUE_LANE_N; lane++) {
        take_out(q, &q->lanes[lane], pick, arg, ret);
        close_gaps(&q->lanes[lane]);
    }
    if (q->tail != NULL) /* the shelf knows how many there are */
        take_out(q, &q->tail->aside, pick, arg, ret);
}

static bool is_shared(const void *arg, const struct delivery *d)
{
    (void)arg;
    return d->share != 0;
}

/** queue_take_shared() - move what came by shared subscriptions to the end of @ret, in order */
void queue_take_shared(struct queue *q, struct queue_ring *ret)
{
    take_if(q, is_shared, NULL, ret);
}

static size_t count_shared_in(const struct queue_ring *r, queue_share_fn *fn, const void *arg)
{
    size_t n = 0;

    for (uint32_t i = 0; i < r->n; i++) {
        const struct delivery *d = ring_at(r, i);

        n += d->message != NULL && d->share != 0 && fn(arg, d->share);
    }
    return n;
}

/** queue_count_shared() - how many came by a shared subscription of which @fn is true */
size_t queue_count_shared(const struct queue *q, queue_share_fn *fn, const void *arg)
{
    size_t n = 0;

    for (size_t lane = 0; lane < QUEUE_LANE_N; lane++)
        n += count_shared_in(&q->lanes[lane], fn, arg);
    return n + (q->tail != NULL ? count_shared_in(&q->tail->aside, fn, arg) : 0);
}

struct pick {
    queue_pick_fn *fn;
    const void *arg;
};

static bool picks_message(const void *arg, const struct delivery *d)
{
    const struct pick *p = arg;

    return p->fn(p->arg, d->message);
}

/** queue_take_if() - move what @pick says to the end of @ret, but for what is on the shelf; the
 * order of the rest stays */
void queue_take_if(struct queue *q, queue_pick_fn *pick, const void *arg, struct queue_ring *ret)
{
    take_if(q, picks_message, &(struct pick){pick, arg}, ret);
}

static size_t count_in(const struct queue_ring *r, queue_pick_fn *pick, const void *arg,
                       size_t *n_seen)
{
    size_t n = 0;

    for (uint32_t i = 0; i < r->n; i++) {
        const struct message *m = ring_at(r, i)->message;

        *n_seen += m != NULL;
        n += m != NULL && pick(arg, m);
    }
    return n;
}

/**
 * queue_count_if() - how many wait of those that @pick says
 * @n_unseen:  what waits on the shelf alone, whose messages were not looked at, is added
 */
size_t queue_count_if(const struct queue *q, queue_pick_fn *pick, const void *arg, size_t *n_unseen)
{
    size_t n_seen = 0;
    size_t n = 0;

    for (size_t lane = 0; lane < QUEUE_LANE_N; lane++)
        n += count_in(&q->lanes[lane], pick, arg, &n_seen);
    if (q->tail != NULL)
        n += count_in(&q->tail->aside, pick, arg, &n_seen);
    *n_unseen += q->n - n_seen;
    return n;
}

static struct queue_ring *head_lane(struct queue *q)
{
    return &q->lanes[q->lanes[QUEUE_CONTROL].n > 0 ? QUEUE_CONTROL : QUEUE_DELIVERY];
}

static void drop_head(struct queue *q)
{
    struct queue_ring *r = head_lane(q);

    q->n--;
    q->bytes -= delivery_bytes(ring_at(r, 0));
    ring_drop_first(r);
}

/**
 * queue_head() - what queue_take() would take: the control lane's before the delivery lane's
 *
 * What has expired before it is dropped [MQTT5-3.3.2-5].
 *
 * Return: borrowed until the queue changes; NULL if nothing waits, or it is on the shelf.
 */
const struct delivery *queue_head(struct queue *q, uint64_t now_ns)
{
    for (;;) {
        struct delivery *d;
        struct delivery expired;

        queue_take_aside(q, now_ns);
        if (head_lane(q)->n == 0)
            return NULL;
        d = ring_at(head_lane(q), 0);
        if (d->message->expires_ns > now_ns)
            return d;
        expired = *d;
        q->n_expired++;
        drop_head(q);
        delivery_done(&expired);
    }
}

/** queue_take() - queue_head(), whose references move to @ret; Return: false if it is NULL. */
bool queue_take(struct queue *q, uint64_t now_ns, struct delivery *ret)
{
    const struct delivery *d = queue_head(q, now_ns);

    if (d == NULL)
        return false;
    *ret = *d;
    drop_head(q);
    return true;
}

/* ---- what has expired ---- */

static bool has_expired(const void *arg, const struct delivery *d)
{
    const uint64_t *now_ns = arg;

    return d->message->expires_ns <= *now_ns;
}

static void note_expiries(struct queue *q, const struct queue_ring *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct message *m = ring_at(r, i)->message;

        if (m != NULL)
            queue_note_expiry(q, m->expires_ns);
    }
}

static void look_through(struct queue *q, uint64_t now_ns)
{
    struct queue_ring expired = {0};
    uint32_t before = q->n;

    q->look_ns = now_ns + MAX(LOOK_AGAIN_NS, q->n * LOOK_NS_EACH);
    take_if(q, has_expired, &now_ns, &expired);
    ring_done(&expired);
    q->expires_ns = 0;
    for (size_t lane = 0; lane < QUEUE_LANE_N; lane++)
        note_expiries(q, &q->lanes[lane]);
    if (q->tail != NULL)
        note_expiries(q, &q->tail->aside);
    queue_expire_shelved(q, now_ns);
    q->n_expired += before - q->n;
}

/**
 * queue_expire() - drop what has expired [MQTT5-3.3.2-5], so that it takes no place of others
 *
 * First what stands in front, as it does where all expires after the same time; if that is
 * nothing, the whole queue is looked through, if it was not a moment ago.
 *
 * Return: how many were dropped.
 */
size_t queue_expire(struct queue *q, uint64_t now_ns)
{
    uint32_t before = q->n;

    if (q->expires_ns == 0 || now_ns < q->expires_ns)
        return 0;
    queue_head(q, now_ns);
    if (q->n == before && now_ns >= q->look_ns)
        look_through(q, now_ns);
    return before - q->n;
}

/** queue_take_expired() - how many messages have expired in it since this was asked last */
size_t queue_take_expired(struct queue *q)
{
    size_t n = q->n_expired;

    q->n_expired = 0;
    return n;
}
