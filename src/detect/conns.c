/* SPDX-License-Identifier: Apache-2.0 */
/* detect/conns.c - see conns.h */
#include "detect/conns.h"

#include <stdlib.h>

#include "base/mem.h"

static struct bytes number_of(const void *item)
{
    return bytes_of(&((const struct conn_record *)item)->number, sizeof(uint64_t));
}

/** conns_init() - none */
void conns_init(struct conns *c)
{
    map_init(&c->by_number, number_of);
    list_init(&c->in_order);
}

/** conns_done() - forget them all */
void conns_done(struct conns *c)
{
    list_each (it, &c->in_order)
        conns_drop(c, list_item(it, struct conn_record, in_order));
    map_done(&c->by_number);
}

/** conns_find() - Return: NULL if it is not known. */
struct conn_record *conns_find(const struct conns *c, uint64_t number)
{
    return map_find(&c->by_number, bytes_of(&number, sizeof(number)));
}

/** conns_add() - a new one, or the one of this number as if it were new */
struct conn_record *conns_add(struct conns *c, uint64_t number)
{
    struct conn_record *r = conns_find(c, number);

    if (r != NULL)
        conns_drop(c, r);
    if (c->by_number.n >= CONNS_MAX)
        conns_drop(c, list_item(c->in_order.next, struct conn_record, in_order));
    r = mem_new(struct conn_record);
    r->number = number;
    list_init(&r->in_order);
    list_append(&c->in_order, &r->in_order);
    map_put(&c->by_number, r);
    return r;
}

/** conns_drop() - it has ended; @r is freed */
void conns_drop(struct conns *c, struct conn_record *r)
{
    wheel_clear(&r->timer);
    list_remove(&r->in_order);
    map_remove(&c->by_number, number_of(r));
    free(r);
}
