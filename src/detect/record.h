/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/record.h - what is known of one client, address or user name; private to detect
 *
 * A client has a record from its first CONNECT on that was accepted, an address from
 * its first event.  Each detector may have a slot in it, of a fixed size, zero at first;
 * a slot takes memory when it is first used, so that a client costs what it does.
 */
#pragma once

#include "detect/counters.h"
#include "detect/detect.h"
#include "detect/wheel.h"

#define PACK_SLOTS_MAX 64

/* Some of PACK_SLOTS_MAX slots, one behind the other in the order of their numbers. */
struct pack {
    uint64_t has; /* BIT64(number) */
    uint8_t *at;  /* owned */
};

/* How large each slot is, a multiple of 8. */
struct pack_layout {
    uint16_t bytes[PACK_SLOTS_MAX];
};

void *pack_find(const struct pack *p, const struct pack_layout *l, size_t number);
void *pack_take(struct pack *p, const struct pack_layout *l, size_t number);
size_t pack_bytes(const struct pack *p, const struct pack_layout *l);
void pack_done(struct pack *p);

/* Slots of what was learned; those of detectors come behind them. */
#define LEARNED_KNOWLEDGE    0
#define LEARNED_TOPICS       1 /* a struct bloom, once there are more than TOPICS_FEW */
#define LEARNED_OF(detector) ((detector) + 2)

#define TOPICS_FEW 4

/* What a client is used to; topics and filters by topic_hash(). */
struct knowledge {
    uint64_t events; /* that taught it */
    uint32_t age_s;  /* since the first of them */
    uint16_t is_learned;
    uint16_t n_few;
    uint64_t few[TOPICS_FEW]; /* its topics while they are few */
};

struct record {
    uint64_t key;
    uint64_t since_ns; /* first event of this run; of a client that was learned before: less */
    struct wheel_timer timer;
    uint32_t told;           /* hash of .learned as detect_habits_each() has told it */
    uint32_t guilt_s;        /* when it was last judged; */
    float guilt;             /* the worst ratio of count to limit then */
    uint32_t role : 16;      /* index in the rule book */
    uint32_t n_standing : 8; /* findings, at most one a detector */
    enum subject_kind kind : 8;
    struct pack slots;   /* by detector */
    struct pack learned; /* LEARNED_...; numbers only, kept over a restart */
    char name[];
};

struct record *record_new(enum subject_kind kind, uint64_t key, struct bytes name);
void record_gone(void *record);
double record_guilt(const void *record, uint64_t now_ns);

const struct knowledge *knowledge_of(const struct record *r);
bool knows_topic(const struct record *r, uint64_t topic);
double topics_known(const struct record *r);
void learn_topic(struct record *r, const struct pack_layout *l, uint64_t topic);
