/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.c - see map.h */
#include "base/map.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#define MAP_CAP_MIN 4 /* a tree may have a map at each node */

struct map_slot {
    uint64_t hash;
    void *item; /* borrowed; NULL where free */
};

/** map_init() - empty, no memory taken yet */
void map_init(struct map *m, map_key_fn *key_of)
{
    *m = (struct map){.key_of = key_of};
}

/** map_done() - free the table; the items are the caller's */
void map_done(struct map *m)
{
    free(m->slots);
    m->slots = NULL;
    m->n = 0;
    m->cap = 0;
}

/* The slot that holds @key, or the free one where it would go. */
static size_t slot_of(const struct map *m, struct bytes key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);

    while (m->slots[i].item != NULL &&
           !(m->slots[i].hash == hash && bytes_equal(m->key_of(m->slots[i].item), key)))
        i = (i + 1) & (m->cap - 1);
    return i;
}

static void grow(struct map *m)
{
    struct map_slot *old = m->slots;
    size_t old_cap = m->cap;

    m->cap = old_cap > 0 ? old_cap * 2 : MAP_CAP_MIN;
    m->slots = mem_zero(m->cap * sizeof(*m->slots));
    for (size_t i = 0; i < old_cap; i++) {
        size_t to;

        if (old[i].item == NULL)
            continue;
        to = old[i].hash & (m->cap - 1);
        while (m->slots[to].item != NULL)
            to = (to + 1) & (m->cap - 1);
        m->slots[to] = old[i];
    }
    free(old);
}

/** map_find() - Return: the item with @key, or NULL. */
void *map_find(const struct map *m, struct bytes key)
{
    return m->cap == 0 ? NULL : map_find_hashed(m, key, hash_keyed(key));
}

/** map_find_hashed() - map_find() for a caller that has hash_keyed(@key) already */
void *map_find_hashed(const struct map *m, struct bytes key, uint64_t hash)
{
    return m->cap == 0 ? NULL : m->slots[slot_of(m, key, hash)].item;
}

/**
 * map_put() - insert @item, in place of one with the same key
 *
 * Return: the item that it replaced, or NULL.
 */
void *map_put(struct map *m, void *item)
{
    struct bytes key = m->key_of(item);
    uint64_t hash = hash_keyed(key);
    void *old;
    size_t i;

    check(item != NULL);
    if (m->n * 4 >= m->cap * 3)
        grow(m);
    i = slot_of(m, key, hash);
    old = m->slots[i].item;
    m->slots[i] = (struct map_slot){hash, item};
    m->n += old == NULL;
    return old;
}

/** map_remove() - Return: the item that had @key, or NULL. */
void *map_remove(struct map *m, struct bytes key)
{
    size_t mask = m->cap - 1;
    size_t hole;
    void *item;

    if (m->cap == 0)
        return NULL;
    hole = slot_of(m, key, hash_keyed(key));
    item = m->slots[hole].item;
    if (item == NULL)
        return NULL;

    /* Close the gap, so that probing needs no tombstones. */
    for (size_t i = (hole + 1) & mask; m->slots[i].item != NULL; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;

        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole].item = NULL;
    m->n--;
    return item;
}

/**
 * map_next() - walk all items in no order
 * @cursor:  0 at first
 *
 * The map must not change meanwhile.
 * Return: the next item, or NULL at the end.
 */
void *map_next(const struct map *m, size_t *cursor)
{
    while (*cursor < m->cap) {
        void *item = m->slots[(*cursor)++].item;

        if (item != NULL)
            return item;
    }
    return NULL;
}
