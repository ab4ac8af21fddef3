/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/queue.h - application messages, and the bounded two-lane queue of a session
 *
 * A publication is a PUBLISH on its way through one worker; it borrows.  What has
 * to outlive the turn (a queue, the retained store, another worker) makes a
 * message of it, once: immutable but for the mark of a retained one that was
 * replaced, counted atomically, one allocation.  A delivery
 * points to a message for one session and is charged to that session's queue.
 *
 * Pure: no clock, no socket.
 */
#pragma once

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/list.h"
#include "queue/holders.h"
#include "queue/shelf.h"

#define EXPIRES_NEVER   UINT64_MAX
#define EXPIRES_AT_ONCE 1 /* long ago, but for who can be sent it now */

/* What is published at @now_ns with a Message Expiry Interval; EXPIRES_NEVER: with none.  One of 0
 * has passed when it comes, and delivery has begun to those that have room for it
 * [MQTT5-3.3.2-5]. */
static inline uint64_t expires_at(uint64_t now_ns, uint64_t interval_ns)
{
    if (interval_ns == EXPIRES_NEVER)
        return EXPIRES_NEVER;
    return interval_ns > 0 ? now_ns + interval_ns : EXPIRES_AT_ONCE;
}

/* An application message. */
struct message {
    atomic_uint refs;
    atomic_bool is_replaced; /* it was retained, and its topic has another one now or none */
    uint8_t qos;             /* as published */
    bool retain;             /* as published */
    bool is_control;         /* goes by the control lane */
    uint64_t record;         /* id by which the journal has it; 0: it does not */
    uint64_t expires_ns;     /* CLOCK_MONOTONIC, or one of EXPIRES_* */
    uint64_t publisher;      /* client_key() of who published it; 0: the node itself */
    uint64_t topic_hash;
    uint64_t stamp;     /* order among retained messages of a topic; see router/retained.c */
    struct bytes topic; /* these three stand in @data */
    struct bytes forward;
    struct bytes payload;
    uint8_t data[];
};

/* A PUBLISH passing through.  Borrows from the input buffer. */
struct publication {
    struct bytes topic;
    struct bytes forward; /* encoded properties that travel with the message */
    struct bytes payload;
    uint8_t qos;
    bool retain;
    bool is_control;
    bool is_durable; /* what has to keep it has the journal keep it too */
    uint64_t expires_ns;
    uint64_t publisher;
    struct bytes publisher_id; /* client id; of use to the journal only */
    uint64_t topic_hash;
    uint64_t stamp;          /* of one that is retained; else 0 */
    bool may_not_wait;       /* at QoS 0 it is dropped where it cannot be sent at once */
    struct message *message; /* owned once made; NULL until somebody has to keep it */
};

struct message *message_ref(struct message *m);
struct message *message_unref(struct message *m);
size_t message_bytes(const struct message *m);
void message_set_replaced(struct message *m);
bool message_is_replaced(const struct message *m);
size_t publication_bytes(const struct publication *p);
struct message *publication_keep(struct publication *p);
struct publication publication_of(struct message *m);
void publication_done(struct publication *p);

/* What messages on their way take in this process; any thread. */
void memory_count(ptrdiff_t bytes);
size_t memory_counted(void);
/* Who is told on this thread which record is not needed any more, since what it stands for has
 * gone.  NULL: nobody. */
typedef void record_forget_fn(void *arg, uint64_t record);

void record_forget_by(record_forget_fn *fn, void *arg);
/* Who is told on threads that have nobody; NULL: nobody.  Set while there are no other threads. */
void record_forget_elsewhere_by(record_forget_fn *fn, void *arg);
void record_forget(uint64_t record);

enum queue_lane {
    QUEUE_CONTROL,
    QUEUE_DELIVERY,
    QUEUE_LANE_N,
};

#define DELIVERY_SUBIDS_INLINE SHELVED_SUBIDS_INLINE

/* One message for one session. */
struct delivery {
    struct message *message; /* owned reference */
    uint32_t *more_subids;   /* owned; only when n_subids > DELIVERY_SUBIDS_INLINE */
    uint64_t record;         /* id by which the journal has it; 0: it does not */
    uint32_t subids[DELIVERY_SUBIDS_INLINE];
    uint32_t share; /* id of the share it came by; 0: none */
    uint32_t n_subids;
    uint16_t packet_id; /* 0 until sent */
    uint8_t qos;
    uint8_t state;  /* of the session's inflight window */
    uint8_t retain; /* enum retain_flag */
    bool dup;
};

void delivery_done(struct delivery *d);
size_t delivery_bytes(const struct delivery *d);
size_t subids_bytes(size_t n);
void subids_free(uint32_t *more, size_t n);
void delivery_set_subids(struct delivery *d, const uint32_t *subids, size_t n);
const uint32_t *delivery_subids(const struct delivery *d);

struct queue_ring {
    struct delivery *at; /* owned */
    uint32_t first;
    uint32_t n;
    uint32_t cap; /* zero or a power of two */
};

/* Where the delivery lane goes on when it has become long.  What is on the shelf and stays in
 * memory all the same is aside, in the same order. */
struct queue_tail {
    struct shelf shelf;
    struct queue_ring aside; /* without a message: it was taken out of its place */
};

struct queue {
    struct queue_ring lanes[QUEUE_LANE_N];
    struct queue_tail *tail; /* owned; NULL: nothing is on the shelf, as with most */
    uint32_t lane_max;       /* in memory, before the rest goes on the shelf; 0: all of it */
    uint32_t n;
    size_t bytes;
    uint64_t expires_ns; /* nothing in it expires before; 0: nothing expires */
    uint64_t look_ns;    /* before this it is not looked through again for what has */
    size_t n_expired;    /* see queue_take_expired() */
};

struct queue_limits {
    size_t messages_max;
    size_t bytes_max;
};

enum queue_outcome {
    QUEUE_OK,
    QUEUE_E_FULL, /* the drop rule */
    QUEUE_E_EXPIRED,
};

void queue_done(struct queue *q);
enum queue_outcome queue_admits(const struct queue *q, const struct queue_limits *limits,
                                const struct delivery *d, uint64_t now_ns);
void queue_put(struct queue *q, const struct delivery *d);
size_t queue_expire(struct queue *q, uint64_t now_ns);
size_t queue_take_expired(struct queue *q);
typedef bool queue_pick_fn(const void *arg, const struct message *m);
void queue_take_if(struct queue *q, queue_pick_fn *pick, const void *arg, struct queue_ring *ret);
size_t queue_count_if(const struct queue *q, queue_pick_fn *pick, const void *arg,
                      size_t *n_unseen);
void queue_take_shared(struct queue *q, struct queue_ring *ret);
typedef bool queue_share_fn(const void *arg, uint32_t share);
size_t queue_count_shared(const struct queue *q, queue_share_fn *fn, const void *arg);
const struct delivery *queue_head(struct queue *q, uint64_t now_ns);
bool queue_take(struct queue *q, uint64_t now_ns, struct delivery *ret);

/* ---- what is on the shelf: queue_shelf.c ---- */

size_t queue_n_shelved(const struct queue *q);
/* Of those, about which is known already what its message takes; the caller has counted it as a
 * holder of its record. */
void queue_put_shelved(struct queue *q, const struct shelved *d);
/* The records of the messages of the first deliveries on the shelf, of at most @n_max of about
 * @bytes_max.  Return: how many. */
size_t queue_wants(const struct queue *q, uint64_t *ret, size_t n_max, size_t bytes_max);
/* These, or as far as the queue is still as it was when it said so, come into the delivery lane;
 * one that is NULL is lost.  References are taken over.  Return: how many were lost. */
size_t queue_unshelve(struct queue *q, const uint64_t *records, struct message **messages,
                      size_t n);
/* Forget what is on the shelf of these messages, but for deliveries whose record is greater than
 * @until.  @records: ascending.  Return: how many. */
size_t queue_drop_shelved(struct queue *q, const uint64_t *records, size_t n, uint64_t until);

/* The ring by itself; sessions keep their inflight window in one. */
/* The @i-th from the front; borrowed until the ring changes. */
static inline struct delivery *ring_at(const struct queue_ring *r, size_t i)
{
    check(i < r->n);
    return &r->at[(r->first + i) & (r->cap - 1)];
}

void ring_push(struct queue_ring *r, const struct delivery *d);
void ring_drop_first(struct queue_ring *r);
void ring_done(struct queue_ring *r);
