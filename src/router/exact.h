/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/exact.h - which other outlets want a topic by its very name; private to router
 *
 * A filter without wildcards matches one topic, and most filters are such: for what other
 * outlets want by them the hash of the text will do, in place of a node of the tree for each of its
 * levels.  The hash is keyed; two texts that had the same one would send an outlet a message
 * that it matches itself, and drops.
 */
#pragma once

#include "base/bytes.h"

/* Open addressing, linear probing, backward-shift deletion.  Zero-initialised: nobody wants any. */
struct exact {
    struct exact_place *places; /* owned */
    size_t n;
    size_t cap; /* zero or a power of two */
};

void exact_done(struct exact *e);
void exact_set(struct exact *e, uint64_t hash, unsigned outlet, bool wanted);
uint64_t exact_outlets(const struct exact *e, uint64_t hash);
