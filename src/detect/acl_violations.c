/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/acl_violations.c - D39: a client tries what it may not, again and again
 *
 * A wrong configuration does that as well, and is worth knowing; each refusal has been answered
 * with 0x87 where MQTT 5 allows.
 *
 * MQ.DE.ID-02
 */
#include "detect/tally.h"

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D39_LOW, RULE_D39_MEDIUM, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    tally(j, s, s->client, RULE_D39_LOW, 1);
}

const struct detector detect_acl_violations = {
    .info =
        {
            .name = "acl-violations",
            .id = "D39",
            .subcategory = "MQ.DE.ID-02",
            .counts = "refused operations",
            .attck = {"T0855", "T0861"},
            .what = "a client tries what it may not, again and again",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_PUBLISH_DENIED) | BIT64(EVENT_SUBSCRIBE_DENIED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
