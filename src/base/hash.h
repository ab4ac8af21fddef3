/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hash.h - SipHash-1-3 under a key that is drawn once a process
 *
 * Peers choose topics and client ids; a keyed hash keeps them from choosing
 * collisions.  The same bytes give the same hash on every thread of a process
 * and another one after a restart.
 */
#pragma once

#include "base/bytes.h"

uint64_t hash_keyed(struct bytes b);
void hash_key_set(uint64_t k0, uint64_t k1);

struct hash_key {
    uint64_t k[2];
};

uint64_t hash_with(const struct hash_key *k, struct bytes b);
