/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/wildcard_snoop.c - D37: a client listens to everything
 *
 * A filter whose first level is + or #.  Dashboards and historians have the kind of role
 * monitor, and it is their job.
 *
 * MQ.DE.ID-02
 */
#include "detect/tally.h"

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D37_MEDIUM, RULE_D37_MEDIUM, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    bool is_wide = s->e->topic.len > 0 && (s->e->topic.at[0] == '#' || s->e->topic.at[0] == '+');

    if (is_wide && !(s->role->traits & TRAIT_READS_ALL))
        tally(j, s, s->client, RULE_D37_MEDIUM, 1);
}

const struct detector detect_wildcard_snoop = {
    .info =
        {
            .name = "wildcard-snoop",
            .id = "D37",
            .subcategory = "MQ.DE.ID-02",
            .counts = "filters that begin with a wildcard",
            .attck = {"T0842", "T0802", "T0882"},
            .what = "a client listens to everything",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_SUBSCRIBED),
        },
    .part = PART_RARE,
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
