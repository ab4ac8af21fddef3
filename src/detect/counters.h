/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/counters.h - counting in fixed memory
 *
 * All take the time as a parameter.  Events of several workers arrive slightly
 * out of order, so an age is never below zero.  Zero-initialised is valid and
 * empty for each of them.
 */
#pragma once

#include "base/bytes.h"

/* How many in the last so long, W2(n): this window, and of the one before the part that overlaps.
 */
struct window {
    float current;
    float previous;
    uint32_t index; /* which window the current one is, counted from time zero */
};

void window_add(struct window *w, uint64_t length_ns, uint64_t now_ns, double n);
double window_level(const struct window *w, uint64_t length_ns, uint64_t now_ns);

/* Rare events over a long time, D(n): what was counted halves with each half-life. */
struct decay {
    double level;
    uint64_t at_ns;
};

void decay_add(struct decay *d, uint64_t half_life_ns, uint64_t now_ns, double n);
double decay_level(const struct decay *d, uint64_t half_life_ns, uint64_t now_ns);

/* How many different ones, by linear counting (Whang 1990): 256 bits, about 5 % off at 64. */
#define LINEAR_BITS 256
#define LINEAR_MAX  1419.0 /* 256 ln 256: all that it can tell from fewer */

struct linear {
    uint64_t bits[LINEAR_BITS / 64];
};

void linear_add(struct linear *l, uint64_t hash);
double linear_estimate(const struct linear *l);

/* How many different ones in the last so long: as struct window. */
struct linear_window {
    struct linear current;
    struct linear previous;
    uint32_t index;
};

void linear_window_add(struct linear_window *w, uint64_t length_ns, uint64_t now_ns, uint64_t hash);
double linear_window_level(const struct linear_window *w, uint64_t length_ns, uint64_t now_ns);

/* The same while they are few, and of one window: which bits they set. */
struct linear_few {
    uint32_t index;
    uint8_t n;
    uint8_t bits[3];
};

bool linear_few_add(struct linear_few *f, uint64_t length_ns, uint64_t now_ns, uint64_t hash);
struct linear_window linear_few_window(const struct linear_few *f);

/* Seen before?  1024 bits, 4 hashes: with 64 in it, 0.24 % of what is new seems known; 128: 2.4 %.
 */
#define BLOOM_BITS   1024
#define BLOOM_HASHES 4

struct bloom {
    uint64_t bits[BLOOM_BITS / 64];
};

void bloom_add(struct bloom *b, uint64_t hash);
bool bloom_has(const struct bloom *b, uint64_t hash);
double bloom_estimate(const struct bloom *b);

/* Mean and deviation of what comes one after another, the new weighing 1/16 (the first ones more).
 */
#define EWMA_WEIGHT 16

struct ewma {
    float mean;
    float variance;
    uint32_t n;
};

void ewma_add(struct ewma *e, double x);
double ewma_deviation(const struct ewma *e);

/* A token bucket: so many a second, and what was not used is kept, up to a capacity. */
struct bucket {
    double spent; /* of the capacity; so that zero is a full bucket */
    uint64_t at_ns;
};

bool bucket_take(struct bucket *b, double per_s, double capacity, uint64_t now_ns, double n);
double bucket_spent(const struct bucket *b, double per_s, uint64_t now_ns);

/* Was this number seen before?  As the anti-replay window of IPsec (RFC 4303, 3.4.3): the last 1024
 * up to the highest; what is older counts as seen. */
#define REPLAY_BITS 1024

struct replay {
    uint64_t highest;
    uint64_t bits[REPLAY_BITS / 64];
};

bool replay_is_new(struct replay *r, uint64_t number);
