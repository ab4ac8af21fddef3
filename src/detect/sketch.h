/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/sketch.h - counting by name without keeping the names
 *
 * For what a stranger can make up without end.  Hashes must be keyed, or the
 * stranger chooses whom to collide with.
 */
#pragma once

#include "base/bytes.h"

/*
 * Count-min (Cormode, Muthukrishnan 2005): how often was this one counted in this window and the
 * one before?  Never too few; too many by more than e/4096 = 0.07 % of all that was counted only
 * with a chance of e^-4 = 2 %.
 */
#define COUNT_MIN_ROWS    4
#define COUNT_MIN_COLUMNS 4096

struct count_min {
    uint32_t cells[2][COUNT_MIN_ROWS][COUNT_MIN_COLUMNS]; /* this window and the one before */
    uint32_t index;
};

uint32_t count_min_add(struct count_min *c, uint64_t length_ns, uint64_t now_ns, uint64_t hash);

/*
 * Space-saving (Metwally 2005), in sets: the names that are counted most, with how many different
 * sources each had, of up to 64.  Of the newest name in a full set it says at most what the one
 * that had to go had, so that a frequent one is never missed.
 */
#define HEAVY_SETS 64
#define HEAVY_WAYS 8

struct heavy_item {
    uint64_t hash; /* of the name */
    uint64_t at_ns;
    uint32_t count;
    uint32_t error;   /* of it so many may have been another's */
    uint64_t sources; /* linear counting, 64 bits */
};

struct heavy {
    struct heavy_item items[HEAVY_SETS][HEAVY_WAYS];
};

struct heavy_item *heavy_add(struct heavy *h, uint64_t now_ns, uint64_t hash, uint64_t source);
const struct heavy_item *heavy_find(const struct heavy *h, uint64_t hash);
double heavy_sources(const struct heavy_item *i);
