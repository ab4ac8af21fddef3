/* SPDX-License-Identifier: Apache-2.0 */
/* detect/wheel.c - see wheel.h */
#include "detect/wheel.h"

#include "base/bytes.h"

#define PLACE_BITS 6
#define AHEAD_MAX  ((uint32_t)(1U << (PLACE_BITS * WHEEL_LEVELS)) - 1)

/** wheel_init() - nothing is pending */
void wheel_init(struct wheel *w, uint32_t now_s)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        for (unsigned i = 0; i < WHEEL_PLACES; i++)
            list_init(&w->places[level][i]);
    }
    list_init(&w->due);
    w->now_s = now_s;
}

static struct list *place_of(struct wheel *w, uint32_t due_s)
{
    uint32_t ahead = due_s > w->now_s ? due_s - w->now_s : 0;
    unsigned level = 0;

    if (ahead == 0)
        return &w->due;
    while (level + 1 < WHEEL_LEVELS && ahead >> (PLACE_BITS * (level + 1)) != 0)
        level++;
    return &w->places[level][(due_s >> (PLACE_BITS * level)) % WHEEL_PLACES];
}

/** wheel_set() - to fire at @due_s, whether it was set before or not; what is past is due at once
 */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint32_t due_s)
{
    wheel_clear(t);
    t->due_s = due_s > w->now_s ? w->now_s + MIN(due_s - w->now_s, AHEAD_MAX) : w->now_s;
    list_append(place_of(w, t->due_s), &t->link);
}

/** wheel_clear() - not to fire; fine if it is not set */
void wheel_clear(struct wheel_timer *t)
{
    if (t->link.next != NULL)
        list_remove(&t->link);
    t->link.next = NULL;
}

/* What stands in a place of a higher wheel is near enough for a lower one now. */
static void cascade(struct wheel *w, unsigned level)
{
    struct list *from = &w->places[level][(w->now_s >> (PLACE_BITS * level)) % WHEEL_PLACES];
    struct list moving;

    list_init(&moving);
    list_splice(&moving, from);
    list_each (it, &moving) {
        struct wheel_timer *t = list_item(it, struct wheel_timer, link);

        list_remove(it);
        list_append(place_of(w, t->due_s), it);
    }
}

/** wheel_advance() - it is @now_s; what is due by then can be taken; time does not go back */
void wheel_advance(struct wheel *w, uint32_t now_s)
{
    while (w->now_s < now_s) {
        w->now_s++;
        for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
            if (w->now_s % (1U << (PLACE_BITS * level)) == 0)
                cascade(w, level);
        }
        list_splice(&w->due, &w->places[0][w->now_s % WHEEL_PLACES]);
    }
}

/** wheel_take() - Return: the next that is due, no longer set; NULL: none. */
struct wheel_timer *wheel_take(struct wheel *w)
{
    struct wheel_timer *t;

    if (list_is_empty(&w->due))
        return NULL;
    t = list_item(w->due.next, struct wheel_timer, link);
    wheel_clear(t);
    return t;
}
