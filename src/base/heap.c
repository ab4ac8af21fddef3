/* SPDX-License-Identifier: Apache-2.0 */
/* base/heap.c - see heap.h */
#include "base/heap.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

static void put(struct heap *h, size_t i, struct timer *t)
{
    h->at[i] = t;
    t->place = (uint32_t)i + 1;
}

static void sift_up(struct heap *h, size_t i)
{
    struct timer *t = h->at[i];

    while (i > 0 && h->at[(i - 1) / 2]->at_ns > t->at_ns) {
        put(h, i, h->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, t);
}

static void sift_down(struct heap *h, size_t i)
{
    struct timer *t = h->at[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < h->n && h->at[child + 1]->at_ns < h->at[child]->at_ns)
            child++;
        if (child >= h->n || h->at[child]->at_ns >= t->at_ns)
            break;
        put(h, i, h->at[child]);
        i = child;
    }
    put(h, i, t);
}

/** heap_done() - free the table; timers still in it are forgotten, not reset */
void heap_done(struct heap *h)
{
    free(h->at);
    *h = (struct heap){0};
}

/** heap_set() - @t falls due at @at_ns, whether it was set before or not */
void heap_set(struct heap *h, struct timer *t, uint64_t at_ns)
{
    if (timer_is_set(t)) {
        size_t i = t->place - 1;
        bool later = at_ns > t->at_ns;

        check(h->at[i] == t);
        t->at_ns = at_ns;
        if (later)
            sift_down(h, i);
        else
            sift_up(h, i);
        return;
    }
    if (h->n == h->cap) {
        h->cap = h->cap > 0 ? h->cap * 2 : 16;
        h->at = mem_resize(h->at, h->cap * sizeof(*h->at));
    }
    t->at_ns = at_ns;
    h->at[h->n++] = t;
    sift_up(h, h->n - 1);
}

/** heap_clear() - @t does not fall due; fine if it was not set */
void heap_clear(struct heap *h, struct timer *t)
{
    struct timer *last;
    size_t i;

    if (!timer_is_set(t))
        return;
    i = t->place - 1;
    check(h->at[i] == t);
    t->place = 0;
    last = h->at[--h->n];
    if (last == t)
        return;
    put(h, i, last);
    sift_down(h, i);
    sift_up(h, last->place - 1);
}

/**
 * heap_take_due() - take out the first timer that is due
 *
 * Return: the timer, no longer set, or NULL if none is due at @now_ns.
 */
struct timer *heap_take_due(struct heap *h, uint64_t now_ns)
{
    struct timer *t;

    if (h->n == 0 || h->at[0]->at_ns > now_ns)
        return NULL;
    t = h->at[0];
    heap_clear(h, t);
    return t;
}
