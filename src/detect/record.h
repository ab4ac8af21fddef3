/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/record.h - what is known of one client, address or user name; private to detect
 *
 * A client has a record from its first CONNECT on that was accepted, an address from
 * its first event.  Each detector has a slot in it, of a fixed size, zero at first.
 * Slots lie together in parts, and a part takes memory when the first slot of it is
 * used: one that is connected and says nothing has the first part only.
 */
#pragma once

#include "detect/counters.h"
#include "detect/detect.h"
#include "detect/wheel.h"

enum part {
    PART_CONNECTION, /* of everyone who connects */
    PART_TRAFFIC,    /* of who publishes or subscribes */
    PART_RARE,       /* of who does something odd */
    PART_LEARNED,    /* what is kept over a restart */
    PART_N,
};

/* What a client is used to; begins its PART_LEARNED. */
struct knowledge {
    struct bloom topics; /* hashes of topics and filters, see topic_hash() */
    uint64_t events;     /* that taught it */
    uint32_t age_s;      /* since the first of them */
    uint32_t is_learned;
};

struct record {
    uint64_t key;
    uint64_t seen_ns;
    uint64_t since_ns; /* first event of this run; of a client that was learned before: less */
    enum subject_kind kind;
    uint32_t role;       /* index in the rule book */
    uint64_t told;       /* hash of PART_LEARNED as detect_habits_each() has told it */
    uint32_t n_standing; /* findings */
    float guilt;         /* the worst ratio of count to limit when it was last judged ... */
    uint64_t guilt_ns;   /* ... which was then */
    char *name;          /* owned */
    struct wheel_timer timer;
    uint8_t *parts[PART_N]; /* owned; NULL until used */
};

void record_gone(void *record);
double record_guilt(const void *record, uint64_t now_ns);
