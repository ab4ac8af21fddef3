/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/restore.h - sessions, queues and retained messages out of the journal, at the start
 *
 * restore.c reads the records; restore_link.c puts them together: every session on its home
 * worker of now, its queue in the order of ids, what was in flight, and what was on its way
 * between workers.  Records whose other half is missing are dropped.
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

/* A delivery, or what is left of one (no message: PUBREC has come). */
struct restored_delivery {
    uint64_t session;
    uint64_t message;
    struct delivery delivery; /* its record; more_subids owned */
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

struct restoring {
    struct node *node;
    uint64_t now_ns;
    uint64_t now_unix_ms;
    struct map messages; /* by record; a reference each */
    struct restored_list sessions;
    struct restored_list subscriptions;
    struct restored_list wills;
    struct restored_list retained;
    struct restored_list intents;
    struct restored_list share_intents;
    struct restored_list received;
    struct restored_deliveries deliveries;
    struct restored_sent *sent; /* owned */
    size_t n_sent;
    size_t sent_cap;
    size_t n_dropped; /* records that belong to nothing */
    size_t n_sessions;
    size_t n_queued;
};

/* Return: 0 or -errno. */
MUST_CHECK int restore_all(struct node *n);
void restore_link(struct restoring *r);
struct message *restored_message(const struct restoring *r, uint64_t record);
/* A record that belongs to nothing. */
void restore_drop(struct restoring *r, uint64_t id);
