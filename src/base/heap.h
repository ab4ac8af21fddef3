/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/heap.h - what is due next: a binary heap of timers inside other objects
 *
 * Zero-initialised timers and heaps are valid: not set, empty.
 */
#pragma once

#include "base/bytes.h"

struct timer {
    uint64_t at_ns; /* CLOCK_MONOTONIC */
    uint32_t place; /* index in the heap plus one; 0 when not set */
    uint32_t kind;  /* its owner's, to tell what is due */
};

struct heap {
    struct timer **at; /* owned; the timers are borrowed */
    size_t n;
    size_t cap;
};

#define TIMER_NEVER UINT64_MAX

void heap_done(struct heap *h);
void heap_set(struct heap *h, struct timer *t, uint64_t at_ns);
void heap_clear(struct heap *h, struct timer *t);
struct timer *heap_take_due(struct heap *h, uint64_t now_ns);

static inline bool timer_is_set(const struct timer *t)
{
    return t->place != 0;
}

static inline uint64_t heap_next_ns(const struct heap *h)
{
    return h->n > 0 ? h->at[0]->at_ns : TIMER_NEVER;
}
