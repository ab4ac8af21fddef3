/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/queue_shelf.c - the long end of a queue: on the shelf, and back
 *
 * While something is on the shelf, all that comes goes behind it.  A queue has a tail for
 * as long as that: most never have one.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "queue/queue_private.h"

/** queue_n_shelved() - places on the shelf, those of what is or was aside among them */
size_t queue_n_shelved(const struct queue *q)
{
    return q->tail != NULL ? q->tail->shelf.n : 0;
}

static void push(struct queue *q, const struct shelved *d)
{
    if (q->tail == NULL)
        q->tail = mem_new(struct queue_tail);
    shelf_push(&q->tail->shelf, d);
}

/* The tail goes with the last that was on the shelf. */
static void settle(struct queue *q)
{
    if (q->tail->shelf.n > 0)
        return;
    ring_done(&q->tail->aside);
    free(q->tail);
    q->tail = NULL;
}

static void pop(struct queue *q, struct shelved *ret)
{
    check(shelf_pop(&q->tail->shelf, ret));
    settle(q);
}

/** queue_is_shelving() - see queue_private.h */
bool queue_is_shelving(const struct queue *q)
{
    return q->tail != NULL || (q->lane_max > 0 && q->lanes[QUEUE_DELIVERY].n >= q->lane_max);
}

/* Can it be read back, and is nobody else to have it meanwhile? */
static bool may_leave_memory(const struct delivery *d)
{
    return d->record != 0 && d->message->record != 0 && d->share == 0;
}

static void put_aside(struct queue *q, const struct delivery *d)
{
    push(q, &(struct shelved){.is_aside = true});
    ring_push(&q->tail->aside, d);
}

/** queue_shelve() - the message leaves memory, unless others refer to it or it cannot be read back
 */
void queue_shelve(struct queue *q, const struct delivery *d)
{
    struct shelved s;

    if (!may_leave_memory(d)) {
        put_aside(q, d);
        return;
    }
    s.is_aside = false;
    s.record = d->record;
    s.message = d->message->record;
    s.bytes = (uint32_t)delivery_bytes(d);
    s.expires_s = shelf_expiry(d->message->expires_ns);
    s.qos = d->qos;
    s.retain = d->retain;
    s.n_subids = d->n_subids;
    memcpy(s.subids, d->subids, sizeof(s.subids));
    s.more_subids = d->more_subids;
    push(q, &s);
    holders_add(s.message, 1);
    message_unref(d->message);
    subids_free(d->more_subids, d->n_subids);
}

/** queue_put_shelved() - see queue.h */
void queue_put_shelved(struct queue *q, const struct shelved *d)
{
    push(q, d);
    q->n++;
    q->bytes += d->bytes;
    queue_note_expiry(q, shelved_expires_ns(d));
}

/* The delivery and its message are not needed any more. */
static void forget(const struct shelved *d)
{
    record_forget(d->record);
    if (holders_release(d->message))
        record_forget(d->message);
}

/** queue_drop_tail() - see queue_private.h */
void queue_drop_tail(struct queue *q)
{
    struct shelved d;

    while (q->tail != NULL) {
        pop(q, &d);
        if (!d.is_aside)
            forget(&d);
        shelved_done(&d);
    }
}

/* It does not wait any more. */
static void drop(struct queue *q, const struct shelved *d)
{
    q->n--;
    q->bytes -= d->bytes;
    forget(d);
}

/* Of one that is aside its place is the first on the shelf. */
static void take_first_aside(struct queue *q)
{
    struct delivery *d = ring_at(&q->tail->aside, 0);
    struct shelved place;

    if (d->message != NULL)
        ring_push(&q->lanes[QUEUE_DELIVERY], d);
    ring_drop_first(&q->tail->aside);
    pop(q, &place);
    check(place.is_aside);
}

static struct shelf_cursor front(const struct queue *q)
{
    return q->tail != NULL ? q->tail->shelf.front : (struct shelf_cursor){0};
}

static bool first_shelved(const struct queue *q, struct shelved *ret)
{
    struct shelf_cursor c = front(q);

    return shelf_next(&c, ret);
}

/** queue_take_aside() - see queue_private.h */
void queue_take_aside(struct queue *q, uint64_t now_ns)
{
    struct shelved d;

    while (q->lanes[QUEUE_DELIVERY].n == 0 && first_shelved(q, &d)) {
        if (d.is_aside) {
            take_first_aside(q);
        } else if (shelved_expires_ns(&d) <= now_ns) {
            q->n_expired++;
            pop(q, &d);
            drop(q, &d);
            shelved_done(&d);
        } else {
            return;
        }
    }
}

/** queue_wants() - see queue.h */
size_t queue_wants(const struct queue *q, uint64_t *ret, size_t n_max, size_t bytes_max)
{
    struct shelf_cursor c = front(q);
    struct shelved d;
    size_t n = 0;
    size_t bytes = 0;

    while (n < n_max && bytes < bytes_max && shelf_next(&c, &d)) {
        if (d.is_aside)
            continue;
        ret[n++] = d.message;
        bytes += d.bytes;
    }
    return n;
}

static struct delivery delivery_of(const struct shelved *s, struct message *m)
{
    struct delivery d = {
        .message = m,
        .record = s->record,
        .qos = s->qos,
        .retain = s->retain,
    };

    delivery_set_subids(&d, shelved_subids(s), s->n_subids);
    return d;
}

/* The next on the shelf, if it is of @record; what is aside before it comes into the lane. */
static bool pop_of(struct queue *q, uint64_t record, struct shelved *ret)
{
    while (first_shelved(q, ret) && ret->is_aside)
        take_first_aside(q);
    if (!first_shelved(q, ret) || ret->message != record)
        return false;
    pop(q, ret);
    return true;
}

/* It was made for a delivery that has gone since. */
static void refuse(struct message *m)
{
    if (m == NULL)
        return;
    m->record = 0; /* it is nobody's to forget */
    message_unref(m);
}

/** queue_unshelve() - see queue.h; a message stands for the delivery in the count of holders */
size_t queue_unshelve(struct queue *q, const uint64_t *records, struct message **messages, size_t n)
{
    size_t n_lost = 0;
    struct shelved s;
    size_t i;

    for (i = 0; i < n && pop_of(q, records[i], &s); i++) {
        q->bytes -= s.bytes;
        if (messages[i] != NULL) {
            struct delivery d = delivery_of(&s, messages[i]);

            q->bytes += delivery_bytes(&d);
            queue_note_expiry(q, messages[i]->expires_ns);
            ring_push(&q->lanes[QUEUE_DELIVERY], &d);
        } else {
            q->n--;
            n_lost++;
            forget(&s);
        }
        shelved_done(&s);
    }
    for (; i < n; i++)
        refuse(messages[i]);
    return n_lost;
}

static int by_record(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

typedef bool pick_shelved_fn(const void *arg, const struct shelved *d);

/* Drop what @pick says; the order of the rest stays.  There is a tail.  Return: how many. */
static size_t drop_if(struct queue *q, pick_shelved_fn *pick, const void *arg)
{
    struct shelf rest = {0};
    struct shelved d;
    size_t n_dropped = 0;

    while (shelf_pop(&q->tail->shelf, &d)) {
        if (d.is_aside || !pick(arg, &d)) {
            shelf_push(&rest, &d);
        } else {
            drop(q, &d);
            n_dropped++;
        }
        shelved_done(&d);
    }
    q->tail->shelf = rest;
    settle(q);
    return n_dropped;
}

struct records {
    const uint64_t *at;
    size_t n;
    uint64_t until;
};

static bool is_among(const void *arg, const struct shelved *d)
{
    const struct records *r = arg;

    return d->record <= r->until &&
           bsearch(&d->message, r->at, r->n, sizeof(*r->at), by_record) != NULL;
}

/** queue_drop_shelved() - see queue.h */
size_t queue_drop_shelved(struct queue *q, const uint64_t *records, size_t n, uint64_t until)
{
    if (n == 0 || q->tail == NULL)
        return 0;
    return drop_if(q, is_among, &(struct records){records, n, until});
}

static bool has_expired(const void *arg, const struct shelved *d)
{
    const uint64_t *now_ns = arg;

    return shelved_expires_ns(d) <= *now_ns;
}

/** queue_expire_shelved() - see queue_private.h */
void queue_expire_shelved(struct queue *q, uint64_t now_ns)
{
    struct shelf_cursor c;
    struct shelved d;

    if (q->tail == NULL)
        return;
    drop_if(q, has_expired, &now_ns);
    c = front(q);
    while (shelf_next(&c, &d)) {
        if (!d.is_aside)
            queue_note_expiry(q, shelved_expires_ns(&d));
    }
}
