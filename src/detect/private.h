/* SPDX-License-Identifier: Apache-2.0 */
/* detect/private.h - the detectors' common ground; for detect.c, judge.c, persist.c */
#pragma once

#include "base/address.h"
#include "base/hash.h"
#include "detect/alarm.h"
#include "detect/detector.h"
#include "detect/samples.h"
#include "detect/sketch.h"
#include "detect/subjects.h"

#define CLIENTS_MAX   131072
#define ADDRESSES_MAX 65536
#define USERS_MAX     16384
#define READ_TOPICS   65536

/* One detector's place. */
struct bench {
    void *own;        /* of detector.new */
    size_t more;      /* number of its second slot, behind the first ones of all; 0: none */
    uint64_t *told;   /* owned; a hash of each piece of it that is kept */
    size_t yields[2]; /* indexes; DETECT_DETECTORS_MAX: none */
    uint64_t events;
    uint64_t fired;
    uint64_t suppressed;
    uint64_t shed;
    unsigned standing;
};

struct detect {
    struct detect_settings settings;
    struct rule_book book;
    struct address *health_sources; /* owned */
    size_t n_health_sources;
    size_t connections_max;
    unsigned startup_grace_s;
    struct hash_key key;    /* of topics; kept with what was learned */
    struct subjects let_in; /* without a state, by (address, client id) that were let in */
    struct heavy *patterns; /* owned; what is new to learned clients, and to how many */
    double shared;          /* by so many, in the event that is being looked at */
    uint32_t *read_topics;  /* owned; tags of topics that had a reader */
    struct subjects clients;
    struct subjects addresses;
    struct subjects users;
    struct record *fleet; /* owned */
    struct conns conns;
    struct wheel awaited;    /* clients */
    struct wheel silent;     /* connections */
    struct samples *samples; /* owned */
    struct alarms alarms;
    size_t
        piece_due; /* the next one that detect_habits_each() tells of though it has not changed */
    struct pack_layout slots[SUBJECT_KIND_N];            /* by detector */
    struct pack_layout learned;                          /* LEARNED_... */
    uint8_t by_kind[EVENT_KIND_N][DETECT_DETECTORS_MAX]; /* detectors that watch such events */
    uint8_t n_by_kind[EVENT_KIND_N];
    struct bench benches[DETECT_DETECTORS_MAX];
};

/* One event or tick before one detector. */
struct judge {
    struct detect *d;
    size_t detector;
    uint64_t at_ns;       /* not scaled */
    uint64_t now_ns;      /* scaled */
    unsigned n_refreshed; /* in this tick */
    detect_found_fn *found;
    void *arg;
};

const struct detector *detector_at(size_t i);
uint64_t detect_scaled(const struct detect *d, uint64_t at_ns);
uint64_t name_key(struct bytes name);
struct record *record_of(struct detect *d, enum subject_kind kind, struct bytes name,
                         uint64_t now_ns);
struct record *record_find(const struct detect *d, enum subject_kind kind, uint64_t key);

/* sight.c */
struct sight sight_of(struct detect *d, const struct event *e);
void sight_learn(struct detect *d, const struct sight *s);

/* warm.c */
void warm_start(struct detect *d, struct record *r);

/* persist.c */
size_t pieces_of(const struct detector *row);

/* judge.c */
void judge_tick(struct judge *j);
