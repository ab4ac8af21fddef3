/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/property_abuse.c - D18: packets carry far more properties than any honest one
 *
 * More than 16 KiB of them, or more user properties than the node takes, which it answers with
 * 0x97.
 *
 * MQ.PR.SP-05
 */
#include "detect/tally.h"

#define REASON_QUOTA_EXCEEDED 0x97

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D18_LOW, RULE_D18_MEDIUM, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    if (s->e->kind == EVENT_ODD_PACKET || s->e->value == REASON_QUOTA_EXCEEDED)
        tally(j, s, s->client, RULE_D18_LOW, 1);
}

const struct detector detect_property_abuse = {
    .info =
        {
            .name = "property-abuse",
            .id = "D18",
            .subcategory = "MQ.PR.SP-05",
            .counts = "packets with too many properties",
            .attck = {"T0814"},
            .what = "packets carry far more properties than any honest one",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_ODD_PACKET) | BIT64(EVENT_PROTOCOL_ERROR),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
