/* SPDX-License-Identifier: Apache-2.0 */
/* router/exact.c - see exact.h */
#include "router/exact.h"

#include <stdlib.h>

#include "base/mem.h"

#define CAP_MIN 16

struct exact_place {
    uint64_t hash;
    uint64_t outlets; /* BIT64(outlet); 0 where free */
};

/** exact_done() - nobody wants any */
void exact_done(struct exact *e)
{
    free(e->places);
    *e = (struct exact){0};
}

/* The place of @hash, or the free one where it would go. */
static size_t place_of(const struct exact *e, uint64_t hash)
{
    size_t i = hash & (e->cap - 1);

    while (e->places[i].outlets != 0 && e->places[i].hash != hash)
        i = (i + 1) & (e->cap - 1);
    return i;
}

static void grow(struct exact *e)
{
    struct exact old = *e;

    e->cap = MAX(old.cap * 2, (size_t)CAP_MIN);
    e->places = mem_zero(e->cap * sizeof(*e->places));
    for (size_t i = 0; i < old.cap; i++) {
        if (old.places[i].outlets != 0)
            e->places[place_of(e, old.places[i].hash)] = old.places[i];
    }
    free(old.places);
}

/* Close the gap, so that probing needs no tombstones. */
static void take_out(struct exact *e, size_t hole)
{
    size_t mask = e->cap - 1;

    for (size_t i = (hole + 1) & mask; e->places[i].outlets != 0; i = (i + 1) & mask) {
        size_t home = e->places[i].hash & mask;

        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        e->places[hole] = e->places[i];
        hole = i;
    }
    e->places[hole].outlets = 0;
    e->n--;
}

/** exact_set() - @outlet wants, or no longer wants, the topic whose hash_keyed() is @hash */
void exact_set(struct exact *e, uint64_t hash, unsigned outlet, bool wanted)
{
    size_t i;

    if (!wanted && e->cap == 0)
        return;
    if (wanted && e->n * 4 >= e->cap * 3)
        grow(e);
    i = place_of(e, hash);
    if (wanted) {
        e->n += e->places[i].outlets == 0;
        e->places[i].hash = hash;
        e->places[i].outlets |= BIT64(outlet);
    } else if (e->places[i].outlets != 0) {
        e->places[i].outlets &= ~BIT64(outlet);
        if (e->places[i].outlets == 0)
            take_out(e, i);
    }
}

/** exact_outlets() - who wants the topic: BIT64(outlet) */
uint64_t exact_outlets(const struct exact *e, uint64_t hash)
{
    return e->cap > 0 ? e->places[place_of(e, hash)].outlets : 0;
}
