/* SPDX-License-Identifier: Apache-2.0 */
/* store/live.c - open addressing, linear probing, backward-shift deletion; a block that is empty is
 * a free slot, and blocks of one key in several segments are in one run */
#include "store/live.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/segment.h"

#define CAP_MIN       1024
#define SIZE_MAX_KEPT (BIT(26) - 1) /* 32 of them fit */
#define COUNT_SHIFT   8             /* where the count of an id begins */
#define BLOCK_BITS    5

struct live_block {
    uint64_t key;
    uint32_t needed; /* a bit for each id; 0: a free slot */
    uint32_t seen;
    uint32_t bytes;
    uint32_t segment;
    uint32_t from; /* in units of FRAME_ALIGN */
    uint32_t last;
};

/** live_done() - forget all; @l is empty and usable again */
void live_done(struct live *l)
{
    free(l->blocks);
    *l = (struct live){0};
}

static uint64_t key_of(uint64_t id)
{
    return id >> (COUNT_SHIFT + BLOCK_BITS) << COUNT_SHIFT | (id & (BIT(COUNT_SHIFT) - 1));
}

static uint32_t bit_of(uint64_t id)
{
    return BIT(id >> COUNT_SHIFT & (BIT(BLOCK_BITS) - 1));
}

/* What belongs together, by worker and part, stands side by side. */
static size_t home(const struct live *l, uint64_t key)
{
    uint64_t group = (key >> COUNT_SHIFT) * 0x9e3779b97f4a7c15ULL;

    return (size_t)((group >> 20) + (key & (BIT(COUNT_SHIFT) - 1))) & (l->cap - 1);
}

static size_t next(const struct live *l, size_t i)
{
    return (i + 1) & (l->cap - 1);
}

/* The block that has @id; NULL: it is not in. */
static struct live_block *block_with(const struct live *l, uint64_t id)
{
    uint64_t key = key_of(id);
    uint32_t bit = bit_of(id);

    if (l->n == 0)
        return NULL;
    for (size_t i = home(l, key); l->blocks[i].needed != 0; i = next(l, i)) {
        if (l->blocks[i].key == key && (l->blocks[i].needed & bit))
            return &l->blocks[i];
    }
    return NULL;
}

/* The block of @key in @segment, or the free slot where it would go. */
static struct live_block *slot_for(const struct live *l, uint64_t key, uint32_t segment)
{
    size_t i = home(l, key);

    while (l->blocks[i].needed != 0 && (l->blocks[i].key != key || l->blocks[i].segment != segment))
        i = next(l, i);
    return &l->blocks[i];
}

static void resize(struct live *l, size_t cap)
{
    struct live_block *before = l->blocks;
    size_t n = l->cap;

    l->cap = cap;
    l->blocks = mem_zero(cap * sizeof(*l->blocks));
    for (size_t i = 0; i < n; i++) {
        if (before[i].needed != 0)
            *slot_for(l, before[i].key, before[i].segment) = before[i];
    }
    free(before);
}

static void close_gap(struct live *l, struct live_block *block)
{
    size_t mask = l->cap - 1;
    size_t gap = (size_t)(block - l->blocks);

    for (size_t i = next(l, gap); l->blocks[i].needed != 0; i = next(l, i)) {
        if (((i - home(l, l->blocks[i].key)) & mask) < ((i - gap) & mask))
            continue; /* it would stand before its home */
        l->blocks[gap] = l->blocks[i];
        gap = i;
    }
    l->blocks[gap].needed = 0;
    l->n_blocks--;
}

static void take_out(struct live *l, struct live_block *b, uint32_t bit)
{
    uint32_t bytes = b->bytes / (uint32_t)__builtin_popcount(b->needed);

    b->needed &= ~bit;
    b->seen &= ~bit;
    if (b->needed == 0)
        bytes = b->bytes;
    b->bytes -= bytes;
    l->bytes -= bytes;
    l->n--;
    if (b->needed == 0)
        close_gap(l, b);
}

/** live_put() - see live.h; of one that is in already the place may change, and its size is as
 * given
 */
void live_put(struct live *l, uint64_t id, size_t size, uint64_t segment, uint64_t offset)
{
    uint32_t frame = (uint32_t)(offset / FRAME_ALIGN);
    struct live_block *b = block_with(l, id);

    check(id != 0 && offset / FRAME_ALIGN <= UINT32_MAX);
    if (b != NULL)
        take_out(l, b, bit_of(id));
    if (l->n_blocks >= l->cap / 4 * 3)
        resize(l, MAX(l->cap * 2, (size_t)CAP_MIN));
    b = slot_for(l, key_of(id), (uint32_t)segment);
    if (b->needed == 0) {
        *b = (struct live_block){.key = key_of(id), .segment = (uint32_t)segment, .from = frame};
        l->n_blocks++;
    }
    size = MIN(size, (size_t)SIZE_MAX_KEPT);
    b->needed |= bit_of(id);
    b->from = MIN(b->from, frame);
    b->last = MAX(b->last, frame);
    b->bytes += (uint32_t)size;
    l->bytes += size;
    l->n++;
}

/** live_drop() - @id is not needed any more; fine if it is not in */
void live_drop(struct live *l, uint64_t id)
{
    struct live_block *b = block_with(l, id);

    if (b == NULL)
        return;
    take_out(l, b, bit_of(id));
    if (l->cap > CAP_MIN && l->n_blocks < l->cap / 8)
        resize(l, l->cap / 2);
}

/** live_has() - is it needed? */
bool live_has(const struct live *l, uint64_t id)
{
    return block_with(l, id) != NULL;
}

/** live_find() - where it stands; Return: false if it is not needed. */
bool live_find(const struct live *l, uint64_t id, struct live_place *ret)
{
    const struct live_block *b = block_with(l, id);

    if (b == NULL)
        return false;
    *ret = (struct live_place){
        .segment = b->segment,
        .from = (uint64_t)b->from * FRAME_ALIGN,
        .last = (uint64_t)b->last * FRAME_ALIGN,
    };
    return true;
}

/** live_is_in() - is it needed, and does it stand in @segment? */
bool live_is_in(const struct live *l, uint64_t id, uint64_t segment)
{
    const struct live_block *b = block_with(l, id);

    return b != NULL && b->segment == (uint32_t)segment;
}

/** live_see() - see live.h */
bool live_see(struct live *l, uint64_t id, uint64_t segment)
{
    struct live_block *b = block_with(l, id);
    bool is_new = b != NULL && b->segment == (uint32_t)segment && !(b->seen & bit_of(id));

    if (is_new)
        b->seen |= bit_of(id);
    return is_new;
}

/** live_unsee_all() - live_see() begins anew */
void live_unsee_all(struct live *l)
{
    for (size_t i = 0; i < l->cap; i++)
        l->blocks[i].seen = 0;
}
