/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/order.c - see order.h
 *
 * A place has a node, which knows its serial, or the serial of one that has gone: shifted, with
 * the lowest bit set, which no node's address has.
 */
#include "router/order.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "router/trie.h"

#define GONE       1U
#define PLACES_MIN 16

/** order_done() - forget all; @o is empty and usable again */
void order_done(struct order *o)
{
    free(o->at);
    *o = (struct order){0};
}

/** order_node() - what stands in the place @i; NULL: it has gone */
struct trie_node *order_node(const struct order *o, size_t i)
{
    return o->at[i] & GONE ? NULL : (struct trie_node *)(uintptr_t)o->at[i];
}

/** order_serial() - of what stands in the place @i, or stood there */
uint64_t order_serial(const struct order *o, size_t i)
{
    const struct trie_node *n = order_node(o, i);

    return n != NULL ? n->retained_serial : o->at[i] >> 1;
}

static void resize(struct order *o, size_t cap)
{
    o->cap = cap;
    o->at = mem_resize(o->at, cap * sizeof(*o->at));
}

/** order_add() - at the end; @n->retained_serial is the next after the one that was added last */
void order_add(struct order *o, struct trie_node *n)
{
    check(((uintptr_t)n & GONE) == 0);
    if (o->n == o->cap)
        resize(o, MAX(o->cap * 2, (size_t)PLACES_MIN));
    o->at[o->n++] = (uintptr_t)n;
}

static void close_gaps(struct order *o)
{
    size_t n = 0;

    for (size_t i = 0; i < o->n; i++) {
        if (order_node(o, i) != NULL)
            o->at[n++] = o->at[i];
    }
    o->n = n;
    o->n_gone = 0;
    if (n == 0)
        order_done(o);
    else if (n < o->cap / 4)
        resize(o, o->cap / 2);
}

/* What came since gaps were closed has a place each, so that its serial says which. */
static size_t place_of(const struct order *o, const struct trie_node *n)
{
    uint64_t from_end = order_serial(o, o->n - 1) - n->retained_serial + 1;

    if (from_end <= o->n && order_node(o, o->n - from_end) == n)
        return o->n - from_end;
    return order_behind(o, n->retained_serial - 1);
}

/** order_remove() - @n, which is there, leaves its serial */
void order_remove(struct order *o, const struct trie_node *n)
{
    size_t i = place_of(o, n);

    check(i < o->n && order_node(o, i) == n);
    o->at[i] = n->retained_serial << 1 | GONE;
    if (++o->n_gone > o->n / 2)
        close_gaps(o);
}

/** order_behind() - Return: the first place whose serial is above @serial; o->n: there is none. */
size_t order_behind(const struct order *o, uint64_t serial)
{
    size_t first = 0;
    size_t end = o->n;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (order_serial(o, middle) > serial)
            end = middle;
        else
            first = middle + 1;
    }
    return first;
}

/** order_bytes() - Return: the memory that it takes. */
size_t order_bytes(const struct order *o)
{
    return o->cap * sizeof(*o->at);
}
