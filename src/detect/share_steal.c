/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/share_steal.c - D40: a client takes part of what a group of another role works off
 *
 * Whose role no member of the $share group had so far takes messages away from them.
 *
 * MQ.PR.IA-05
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "detect/tally.h"

#define GROUPS 1024

struct group {
    uint32_t tag;
    uint64_t roles; /* bits of their indexes; of more than 64 some fall together */
};

struct own {
    struct group groups[GROUPS];
};

static void *new (void)
{
    return mem_new(struct own);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D40_MEDIUM, RULE_D40_MEDIUM, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    uint64_t hash = hash_keyed(s->e->text) ^ s->topic;
    struct own *me = own_of(j);
    struct group *g = &me->groups[hash % GROUPS];
    uint32_t tag = (uint32_t)(hash >> 32) | 1;
    uint64_t role = BIT64(s->role->index % 64);

    if (s->client == NULL || s->e->text.len == 0)
        return;
    if (g->tag != tag)
        *g = (struct group){.tag = tag, .roles = role};
    if (!(g->roles & role))
        tally(j, s, s->client, RULE_D40_MEDIUM, 1);
    g->roles |= role;
}

const struct detector detect_share_steal = {
    .info =
        {
            .name = "shared-subscription-steal",
            .id = "D40",
            .subcategory = "MQ.PR.IA-05",
            .counts = "joins of a group of others",
            .attck = {"T0804"},
            .what = "a client takes part of what a group of another role works off",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_SUBSCRIBED),
        },
    .part = PART_RARE,
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .new = new,
    .free = free,
    .observe = observe,
    .measure = measure,
};
