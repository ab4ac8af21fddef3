/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/live.h - which records are needed: a set of ids with the size of each
 *
 * 12 bytes a slot, at most three quarters of them in use.  Ids that differ in the last
 * two bits only, which belong together, stand side by side.  Private to store.
 */
#pragma once

#include "base/bytes.h"

struct live {
    uint64_t *ids;   /* owned; 0: free */
    uint32_t *sizes; /* owned; of the entry in bytes; the top bit: seen */
    size_t n;
    size_t cap; /* zero or a power of two */
    uint64_t bytes;
};

void live_done(struct live *l);
void live_put(struct live *l, uint64_t id, size_t size);
void live_drop(struct live *l, uint64_t id);
bool live_has(const struct live *l, uint64_t id);
/* True once for each id that is in. */
bool live_see(struct live *l, uint64_t id);
void live_unsee_all(struct live *l);
