/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/share_steal.c - D40: a client takes part of what a group of another role works off
 *
 * Whose role no member of the $share group had so far takes messages away from them.  Which roles
 * a group had is kept over a restart.
 *
 * MQ.PR.IA-05
 */
#include <stdlib.h>

#include "base/mem.h"
#include "detect/tally.h"

#define GROUPS 1024
#define ROLES  7 /* of one group; a further one takes the place of the last */

/* Texts as parts of their topic_hash(). */
struct group {
    uint32_t tag;
    uint32_t roles[ROLES]; /* 0: none */
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

/* Return: whether it was there. */
static bool remember(struct group *g, uint32_t role)
{
    size_t i = 0;

    while (i < ROLES - 1 && g->roles[i] != 0 && g->roles[i] != role)
        i++;
    if (g->roles[i] == role)
        return true;
    g->roles[i] = role;
    return false;
}

static void observe(struct judge *j, const struct sight *s)
{
    uint64_t hash = topic_hash(j, s->e->text) ^ s->topic;
    struct group *g = &((struct own *)own_of(j))->groups[hash % GROUPS];
    uint32_t tag = (uint32_t)(hash >> 32) | 1;
    uint32_t role = (uint32_t)topic_hash(j, s->e->role) | 1;

    if (s->client == NULL || s->e->text.len == 0)
        return;
    if (g->tag != tag)
        *g = (struct group){.tag = tag, .roles = {role}};
    if (!remember(g, role))
        tally(j, s, s->client, RULE_D40_MEDIUM, 1);
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
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .new = new,
    .free = free,
    .kept_bytes = sizeof(struct own),
    .observe = observe,
    .measure = measure,
};
