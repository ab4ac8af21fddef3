/* SPDX-License-Identifier: Apache-2.0 */
/* queue/fair.c - see fair.h */
#include "queue/fair.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

/* Of one who has something waiting. */
struct fair_turn {
    struct list in_order;
    struct list waiting; /* items, oldest first */
    size_t n;
    size_t len;
    uint8_t who[]; /* key */
};

static struct bytes turn_key(const void *item)
{
    const struct fair_turn *t = item;

    return bytes_of(t->who, t->len);
}

/** fair_init() - nothing waits */
void fair_init(struct fair *f)
{
    map_init(&f->turns, turn_key);
    list_init(&f->order);
    f->n = 0;
}

/** fair_done() - when all was handed out */
void fair_done(struct fair *f)
{
    check(f->n == 0);
    map_done(&f->turns);
}

static struct fair_turn *turn_of(struct fair *f, struct bytes who)
{
    struct fair_turn *t = map_find(&f->turns, who);

    if (t != NULL)
        return t;
    t = mem_zero(sizeof(*t) + who.len);
    list_init(&t->in_order);
    list_init(&t->waiting);
    t->len = who.len;
    if (who.len > 0)
        memcpy(t->who, who.at, who.len);
    (void)map_put(&f->turns, t);
    list_append(&f->order, &t->in_order);
    return t;
}

/** fair_add() - @item waits behind what else of @who does; borrowed until it is handed out */
void fair_add(struct fair *f, struct bytes who, struct fair_item *item)
{
    item->turn = turn_of(f, who);
    list_append(&item->turn->waiting, &item->in_turn);
    item->turn->n++;
    f->n++;
}

static struct fair_item *hand_out(struct fair *f, struct fair_item *item)
{
    struct fair_turn *t = item->turn;

    list_remove(&item->in_turn);
    item->turn = NULL;
    f->n--;
    if (--t->n == 0) {
        list_remove(&t->in_order);
        (void)map_remove(&f->turns, turn_key(t));
        free(t);
    }
    return item;
}

/** fair_next() - the oldest of who is next, whose turn then is behind all others'; NULL: nothing
 * waits */
struct fair_item *fair_next(struct fair *f)
{
    struct fair_turn *t;

    if (f->n == 0)
        return NULL;
    t = list_item(f->order.next, struct fair_turn, in_order);
    list_remove(&t->in_order);
    list_append(&f->order, &t->in_order);
    return hand_out(f, list_item(t->waiting.next, struct fair_item, in_turn));
}

/**
 * fair_displace() - make room for one more of @who
 *
 * Visits all who have something waiting.
 *
 * Return: the newest of who has the most waiting; NULL if nobody would still have as much as @who
 *         then, so that it is @who's own turn to be refused.
 */
struct fair_item *fair_displace(struct fair *f, struct bytes who)
{
    const struct fair_turn *mine = map_find(&f->turns, who);
    const struct fair_turn *most = NULL;

    list_each (it, &f->order) {
        const struct fair_turn *t = list_item(it, struct fair_turn, in_order);

        if (most == NULL || t->n > most->n)
            most = t;
    }
    if (most == NULL || most->n <= (mine != NULL ? mine->n : 0) + 1)
        return NULL;
    return hand_out(f, list_item(most->waiting.prev, struct fair_item, in_turn));
}
