/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.c - see map.h */
#include "base/map.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#define MAP_CAP_MIN 4 /* a tree may have a map at each node */

/* Half of a key's hash, that of the item at the same place: beside them and not between, so that a
 * place takes 12 bytes, and 16 of them are looked at for one cache line. */
static uint32_t *hashes(const struct map *m)
{
    return (uint32_t *)(void *)(m->items + m->cap);
}

/** map_init() - empty, no memory taken yet */
void map_init(struct map *m, map_key_fn *key_of)
{
    *m = (struct map){.key_of = key_of};
}

/** map_done() - free the table; the items are the caller's */
void map_done(struct map *m)
{
    free(m->items);
    m->items = NULL;
    m->n = 0;
    m->cap = 0;
}

/* The place that holds @key, or the free one where it would go. */
static size_t place_of(const struct map *m, struct bytes key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);

    while (m->items[i] != NULL &&
           !(hashes(m)[i] == (uint32_t)hash && bytes_equal(m->key_of(m->items[i]), key)))
        i = (i + 1) & (m->cap - 1);
    return i;
}

static void grow(struct map *m)
{
    struct map old = *m;

    m->cap = old.cap > 0 ? old.cap * 2 : MAP_CAP_MIN;
    m->items = mem_zero(m->cap * (sizeof(*m->items) + sizeof(uint32_t)));
    for (size_t i = 0; i < old.cap; i++) {
        size_t to;

        if (old.items[i] == NULL)
            continue;
        to = hashes(&old)[i] & (m->cap - 1);
        while (m->items[to] != NULL)
            to = (to + 1) & (m->cap - 1);
        m->items[to] = old.items[i];
        hashes(m)[to] = hashes(&old)[i];
    }
    map_done(&old);
}

/** map_find() - Return: the item with @key, or NULL. */
void *map_find(const struct map *m, struct bytes key)
{
    return m->cap == 0 ? NULL : map_find_hashed(m, key, hash_keyed(key));
}

/** map_find_hashed() - map_find() for a caller that has hash_keyed(@key) already */
void *map_find_hashed(const struct map *m, struct bytes key, uint64_t hash)
{
    return m->cap == 0 ? NULL : m->items[place_of(m, key, hash)];
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
    i = place_of(m, key, hash);
    old = m->items[i];
    m->items[i] = item;
    hashes(m)[i] = (uint32_t)hash;
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
    hole = place_of(m, key, hash_keyed(key));
    item = m->items[hole];
    if (item == NULL)
        return NULL;

    /* Close the gap, so that probing needs no tombstones. */
    for (size_t i = (hole + 1) & mask; m->items[i] != NULL; i = (i + 1) & mask) {
        size_t home = hashes(m)[i] & mask;

        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->items[hole] = m->items[i];
        hashes(m)[hole] = hashes(m)[i];
        hole = i;
    }
    m->items[hole] = NULL;
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
        void *item = m->items[(*cursor)++];

        if (item != NULL)
            return item;
    }
    return NULL;
}
