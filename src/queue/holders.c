/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/holders.c - counts by record: open addressing, backward-shift deletion, in parts that have
 * a lock each
 *
 * Records that are given one after another are in the same part for a while, and side by side.
 */
#include "queue/holders.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define PARTS      16
#define PART_SHIFT 14 /* so many low bits of a record do not decide over its part */
#define CAP_MIN    64

struct part {
    pthread_mutex_t lock;
    uint64_t *records; /* owned; 0: free */
    uint32_t *counts;  /* owned; beyond the first */
    size_t n;
    size_t cap; /* zero or a power of two */
};

static struct part parts[PARTS] = {
#define LOCK                                                                                       \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                          \
    }
    LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, LOCK,
#undef LOCK
};
static atomic_size_t n_counted;

static struct part *part_of(uint64_t record)
{
    return &parts[(record >> PART_SHIFT) % PARTS];
}

/* Eight counts of all workers side by side. */
static size_t home(const struct part *p, uint64_t record)
{
    uint64_t group = (record >> 11) * 0x9e3779b97f4a7c15ULL;

    return (size_t)((group >> 24) + (record >> 8 & 7)) & (p->cap - 1);
}

/* The slot of @record, or the free one where it would go. */
static size_t find(const struct part *p, uint64_t record)
{
    size_t i = home(p, record);

    while (p->records[i] != 0 && p->records[i] != record)
        i = (i + 1) & (p->cap - 1);
    return i;
}

static void resize(struct part *p, size_t cap)
{
    struct part before = *p;

    p->cap = cap;
    p->records = mem_zero(cap * sizeof(*p->records));
    p->counts = mem_alloc(cap * sizeof(*p->counts));
    for (size_t i = 0; i < before.cap; i++) {
        size_t to;

        if (before.records[i] == 0)
            continue;
        to = find(p, before.records[i]);
        p->records[to] = before.records[i];
        p->counts[to] = before.counts[i];
    }
    free(before.records);
    free(before.counts);
}

/** holders_add() - see holders.h; @record not 0 */
void holders_add(uint64_t record, uint32_t n)
{
    struct part *p = part_of(record);
    size_t i;

    check(record != 0);
    if (n == 0)
        return;
    pthread_mutex_lock(&p->lock);
    if (p->n >= p->cap / 4 * 3)
        resize(p, MAX(p->cap * 2, (size_t)CAP_MIN));
    i = find(p, record);
    if (p->records[i] == 0) {
        p->records[i] = record;
        p->counts[i] = 0;
        p->n++;
        atomic_fetch_add_explicit(&n_counted, 1, memory_order_relaxed);
    }
    p->counts[i] += n;
    pthread_mutex_unlock(&p->lock);
}

static void give_back(struct part *p)
{
    free(p->records);
    free(p->counts);
    p->records = NULL;
    p->counts = NULL;
    p->cap = 0;
}

static void close_gap(struct part *p, size_t gap)
{
    size_t mask = p->cap - 1;

    for (size_t i = (gap + 1) & mask; p->records[i] != 0; i = (i + 1) & mask) {
        if (((i - home(p, p->records[i])) & mask) < ((i - gap) & mask))
            continue; /* it would stand before its home */
        p->records[gap] = p->records[i];
        p->counts[gap] = p->counts[i];
        gap = i;
    }
    p->records[gap] = 0;
    p->n--;
    atomic_fetch_sub_explicit(&n_counted, 1, memory_order_relaxed);
    if (p->n == 0)
        give_back(p);
    else if (p->cap > CAP_MIN && p->n < p->cap / 8)
        resize(p, p->cap / 2);
}

/**
 * holders_release() - the caller holds @record, not 0, no more
 *
 * Whoever has let go of a message before this thread did has added what it holds besides
 * before, so that a table that looks empty here is empty as far as this record goes.
 */
bool holders_release(uint64_t record)
{
    struct part *p = part_of(record);
    bool was_last;
    size_t i;

    if (holders_counted() == 0)
        return true;
    pthread_mutex_lock(&p->lock);
    i = p->cap > 0 ? find(p, record) : 0;
    was_last = p->cap == 0 || p->records[i] == 0;
    if (!was_last && --p->counts[i] == 0)
        close_gap(p, i);
    pthread_mutex_unlock(&p->lock);
    return was_last;
}

/** holders_counted() - see holders.h */
size_t holders_counted(void)
{
    return atomic_load_explicit(&n_counted, memory_order_relaxed);
}
