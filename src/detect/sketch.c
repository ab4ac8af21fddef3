/* SPDX-License-Identifier: Apache-2.0 */
/* detect/sketch.c - see sketch.h */
#include "detect/sketch.h"

#include <math.h>

#define SOURCE_BITS 64

static void turn_page(struct count_min *c, uint32_t index)
{
    if (index == c->index + 1)
        memcpy(c->cells[1], c->cells[0], sizeof(c->cells[0]));
    else
        memset(c->cells[1], 0, sizeof(c->cells[1]));
    memset(c->cells[0], 0, sizeof(c->cells[0]));
    c->index = index;
}

/**
 * count_min_add() - count @hash once more
 * @length_ns:  of a window; the same at each call for @c
 *
 * Return: how often it was counted in this window and the one before, at least.
 */
uint32_t count_min_add(struct count_min *c, uint64_t length_ns, uint64_t now_ns, uint64_t hash)
{
    uint32_t index = (uint32_t)(now_ns / length_ns);
    uint32_t least = UINT32_MAX;

    if (index > c->index)
        turn_page(c, index);
    for (unsigned row = 0; row < COUNT_MIN_ROWS; row++) {
        /* Kirsch and Mitzenmacher 2006: two hashes are as good as many. */
        uint32_t column = ((uint32_t)hash + row * ((uint32_t)(hash >> 32) | 1)) % COUNT_MIN_COLUMNS;
        uint32_t n = ++c->cells[0][row][column] + c->cells[1][row][column];

        least = MIN(least, n);
    }
    return least;
}

/**
 * heavy_add() - count @hash once more, from @source
 *
 * Return: its item; valid until the next call.
 */
struct heavy_item *heavy_add(struct heavy *h, uint64_t now_ns, uint64_t hash, uint64_t source)
{
    struct heavy_item *set = h->items[hash % HEAVY_SETS];
    struct heavy_item *it = &set[0];

    for (unsigned i = 0; i < HEAVY_WAYS && it->hash != hash; i++) {
        if (set[i].hash == hash || set[i].count < it->count)
            it = &set[i];
    }
    if (it->hash != hash) {
        uint32_t before = it->count;

        *it = (struct heavy_item){.hash = hash, .count = before, .error = before};
    }
    it->count++;
    it->at_ns = MAX(it->at_ns, now_ns);
    it->sources |= BIT64(source >> 58);
    return it;
}

/** heavy_find() - Return: the item of @hash, or NULL. */
const struct heavy_item *heavy_find(const struct heavy *h, uint64_t hash)
{
    const struct heavy_item *set = h->items[hash % HEAVY_SETS];

    for (unsigned i = 0; i < HEAVY_WAYS; i++) {
        if (set[i].hash == hash && set[i].count > 0)
            return &set[i];
    }
    return NULL;
}

/** heavy_sources() - Return: about how many different sources; at most 64 ln 64 = 266. */
double heavy_sources(const struct heavy_item *i)
{
    int zeros = SOURCE_BITS - __builtin_popcountll(i->sources);

    return SOURCE_BITS * log((double)SOURCE_BITS / MAX(zeros, 1));
}
