/* SPDX-License-Identifier: Apache-2.0 */
/* detect/record.c - see record.h */
#include "detect/record.h"

#include <stdlib.h>

#define GUILT_HALF_LIFE_NS 600000000000ULL
#define STANDING_GUILT     1000.0
#define LEARNED_GUILT      0.1 /* what was learned is worth keeping, but less than what is going on */

/** record_gone() - free what a record owns; it is about to be forgotten */
void record_gone(void *record)
{
    struct record *r = record;

    wheel_clear(&r->timer);
    for (enum part p = 0; p < PART_N; p++)
        free(r->parts[p]);
    free(r->name);
}

/** record_guilt() - Return: whether it is worth keeping when there is no room; the larger, the
 * more. */
double record_guilt(const void *record, uint64_t now_ns)
{
    const struct record *r = record;
    struct decay worst = {.level = (double)r->guilt, .at_ns = r->guilt_ns};

    return STANDING_GUILT * r->n_standing + decay_level(&worst, GUILT_HALF_LIFE_NS, now_ns) +
           (r->parts[PART_LEARNED] != NULL ? LEARNED_GUILT : 0);
}
