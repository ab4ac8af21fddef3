/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/restore.h - sessions, queues and retained messages out of the journal, at the start
 *
 * restore.c reads the records; restore_link.c puts them together: every session on its home
 * worker of now, what was in flight, and what was on its way between workers;
 * restore_queue.c the queues, in the order of ids.  What waits is not read but counted: it goes
 * on the shelves.  Of messages that are needed at once the records are read a second time.
 * Records whose other half is missing are dropped.
 *
 * By the main thread, before there are others.  Private to restore*.c and node.c.
 */
#pragma once

#include "node/node_private.h"
#include "store/journal.h"

/* A record that is looked at when all have been read. */
struct restored {
    uint64_t id;
    struct bytes record; /* owned */
};

struct restored_list {
    struct restored *at; /* owned */
    size_t n;
    size_t cap;
};

/* The record of a message. */
struct restored_message {
    uint64_t id;
    uint32_t bytes;      /* message_bytes() of it */
    uint32_t n_holders;  /* deliveries on shelves */
    uint32_t expires_s;  /* shelf_expiry() of it */
    bool is_control : 1; /* does not wait on a shelf */
    bool is_wanted : 1;  /* in memory */
    bool is_retained : 1;
};

/* Those of one worker of the former run. */
struct restored_messages {
    struct restored_message *at; /* owned; ascending when all have been read */
    size_t n;
    size_t cap;
    size_t last; /* that was found */
};

/* What waits for one session, or was sent to it; as it was read. */
struct restored_queue {
    uint64_t session;
    uint64_t last; /* record of the last one */
    bool is_unsorted;
    struct shelf shelf;
};

/* A delivery whose message is needed at once, as others may get it or it was sent, or what is left
 * of one (no message: PUBREC has come). */
struct restored_delivery {
    uint64_t session;
    uint64_t message;
    struct delivery delivery; /* its record; more_subids owned */
    struct bytes group;       /* owned, as the next one; empty: it did not come by a share */
    struct bytes filter;
};

struct restored_deliveries {
    struct restored_delivery *at; /* owned */
    size_t n;
    size_t cap;
};

struct restored_sent {
    uint64_t delivery;
    uint16_t packet_id;
};

/* A session that was restored. */
struct home {
    uint64_t number;
    struct worker *worker;
    struct resident *resident;
    unsigned was_on; /* worker of the former run */
    uint64_t left_unix_ms;
};

struct homes {
    struct map by_number;
};

struct restoring {
    struct node *node;
    uint64_t now_ns;
    uint64_t now_unix_ms;
    struct restored_messages messages[RECORD_WORKERS_MAX];
    struct map made;   /* struct message by record; a reference each */
    struct map queues; /* struct restored_queue by session */
    struct restored_list sessions;
    struct restored_list subscriptions;
    struct restored_list wills;
    struct restored_list retained;
    struct restored_list intents;
    struct restored_list share_intents;
    struct restored_list received;
    struct restored_list wants;
    struct restored_deliveries deliveries; /* not those that wait */
    struct restored_deliveries left;       /* by members whose sessions are gone */
    struct restored_sent *sent;            /* owned */
    struct buf subids;                     /* of the delivery that is read */
    size_t n_sent;
    size_t sent_cap;
    size_t n_dropped; /* records that belong to nothing */
    size_t n_sessions;
    size_t n_queued;
};

/* Return: 0 or -errno. */
MUST_CHECK int restore_all(struct node *n);
MUST_CHECK int restore_link(struct restoring *r);
struct message *restored_message(const struct restoring *r, uint64_t record);
struct restored_delivery *restore_add_delivery(struct restored_deliveries *l);
struct home *restored_home(const struct homes *all, uint64_t number); /* NULL: there is none */

/* A record that belongs to nothing. */
void restore_drop(struct restoring *r, uint64_t id);

/* ---- restore_message.c, after each other ---- */

/* A message is there; false: it cannot be read. */
bool restore_take_message(struct restoring *r, uint64_t id, struct bytes record);
void restore_sort_messages(struct restoring *r);
struct restored_message *restore_find_message(struct restoring *r, uint64_t id);
/* It is needed at once, by this or by others. */
void restore_want(struct restoring *r, uint64_t message);
/* Read what is wanted a second time, and count all holders.  Return: 0 or -errno. */
MUST_CHECK int restore_messages(struct restoring *r);
void restore_messages_done(struct restoring *r);

/* ---- restore_queue.c, after each other ---- */

bool restore_take_delivery(struct restoring *r, uint64_t id, struct bytes record);
/* When all records have been read: what waits goes on the shelves, the rest to r->deliveries. */
void restore_queues(struct restoring *r, const struct homes *all);
/* After restore_messages(): what was in flight, and what waits in memory; r->left for others. */
void restore_deliveries(struct restoring *r, const struct homes *all);
void restore_queues_done(struct restoring *r);
