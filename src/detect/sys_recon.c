/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/sys_recon.c - D38: a client asks about the node itself
 *
 * $SYS is for monitors and those who run the node; others look around.
 *
 * MQ.DE.ID-02
 */
#include "detect/tally.h"

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D38_LOW, RULE_D38_MEDIUM, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    static const char *const roots[] = {"$SYS", "$CONTROL", "$bastide"};

    if (s->role->traits & TRAIT_READS_ALL)
        return;
    for (size_t i = 0; i < COUNT_OF(roots); i++) {
        if (bytes_has_prefix(s->e->topic, bytes_str(roots[i])))
            tally(j, s, s->client, RULE_D38_LOW, 1);
    }
}

const struct detector detect_sys_recon = {
    .info =
        {
            .name = "sys-recon",
            .id = "D38",
            .subcategory = "MQ.DE.ID-02",
            .counts = "topics and filters of the node's own",
            .attck = {"T0888"},
            .what = "a client asks about the node itself",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_SUBSCRIBED) | BIT64(EVENT_SUBSCRIBE_DENIED) |
                       BIT64(EVENT_PUBLISH_DENIED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
