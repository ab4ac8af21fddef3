/* SPDX-License-Identifier: Apache-2.0 */
/* store/live.c - open addressing, linear probing, backward-shift deletion */
#include "store/live.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define CAP_MIN       1024
#define SEEN          BIT(31)
#define SIZE_MAX_KEPT (SEEN - 1)

/** live_done() - forget all; @l is empty and usable again */
void live_done(struct live *l)
{
    free(l->ids);
    free(l->sizes);
    *l = (struct live){0};
}

static size_t home(const struct live *l, uint64_t id)
{
    uint64_t block = (id >> 2) * 0x9e3779b97f4a7c15ULL;

    return (size_t)((block >> 20) + (id & 3)) & (l->cap - 1);
}

/* The slot of @id, or the free one where it would go. */
static size_t find(const struct live *l, uint64_t id)
{
    size_t i = home(l, id);

    while (l->ids[i] != 0 && l->ids[i] != id)
        i = (i + 1) & (l->cap - 1);
    return i;
}

static void resize(struct live *l, size_t cap)
{
    struct live before = *l;

    l->cap = cap;
    l->ids = mem_zero(cap * sizeof(*l->ids));
    l->sizes = mem_alloc(cap * sizeof(*l->sizes));
    for (size_t i = 0; i < before.cap; i++) {
        size_t to;

        if (before.ids[i] == 0)
            continue;
        to = find(l, before.ids[i]);
        l->ids[to] = before.ids[i];
        l->sizes[to] = before.sizes[i];
    }
    free(before.ids);
    free(before.sizes);
}

/** live_put() - @id is needed; fine if it is in already */
void live_put(struct live *l, uint64_t id, size_t size)
{
    size_t i;

    check(id != 0);
    if (l->n >= l->cap / 4 * 3)
        resize(l, MAX(l->cap * 2, (size_t)CAP_MIN));
    i = find(l, id);
    if (l->ids[i] == 0) {
        l->ids[i] = id;
        l->sizes[i] = (uint32_t)MIN(size, (size_t)SIZE_MAX_KEPT);
        l->bytes += l->sizes[i];
        l->n++;
    }
}

static void close_gap(struct live *l, size_t gap)
{
    size_t mask = l->cap - 1;

    for (size_t i = (gap + 1) & mask; l->ids[i] != 0; i = (i + 1) & mask) {
        if (((i - home(l, l->ids[i])) & mask) < ((i - gap) & mask))
            continue; /* it would stand before its home */
        l->ids[gap] = l->ids[i];
        l->sizes[gap] = l->sizes[i];
        gap = i;
    }
    l->ids[gap] = 0;
}

/** live_drop() - @id is not needed any more; fine if it is not in */
void live_drop(struct live *l, uint64_t id)
{
    size_t i;

    if (!live_has(l, id))
        return;
    i = find(l, id);
    l->bytes -= l->sizes[i] & ~SEEN;
    l->n--;
    close_gap(l, i);
    if (l->cap > CAP_MIN && l->n < l->cap / 8)
        resize(l, l->cap / 2);
}

/** live_has() - is it needed? */
bool live_has(const struct live *l, uint64_t id)
{
    return l->n > 0 && l->ids[find(l, id)] == id;
}

/** live_see() - see live.h */
bool live_see(struct live *l, uint64_t id)
{
    size_t i;

    if (!live_has(l, id))
        return false;
    i = find(l, id);
    if (l->sizes[i] & SEEN)
        return false;
    l->sizes[i] |= SEEN;
    return true;
}

/** live_unsee_all() - live_see() begins anew */
void live_unsee_all(struct live *l)
{
    for (size_t i = 0; i < l->cap; i++)
        l->sizes[i] &= ~SEEN;
}
