/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/map.h - from a key of bytes to an item that holds the key
 *
 * Open addressing, linear probing, backward-shift deletion, keyed hash.  The
 * map borrows its items; the key of an item must not change while it is in.
 */
#pragma once

#include "base/bytes.h"

typedef struct bytes map_key_fn(const void *item);

struct map {
    void **items; /* owned; borrowed each, NULL where free; their hashes stand behind them */
    map_key_fn *key_of;
    size_t n;
    size_t cap; /* zero or a power of two, at most 2^32 */
};

void map_init(struct map *m, map_key_fn *key_of);
void map_done(struct map *m);
void *map_find(const struct map *m, struct bytes key);
void *map_find_hashed(const struct map *m, struct bytes key, uint64_t hash);
void *map_put(struct map *m, void *item);
void *map_remove(struct map *m, struct bytes key);
void *map_next(const struct map *m, size_t *cursor);
