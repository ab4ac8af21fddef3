/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/connection_pileup.c - D11: connections on which nothing is said pile up from one address
 *
 * SlowITe: one packet each holds a slot for as long as the keep alive lets it.  Those
 * whose job is to wait are not counted.
 *
 * MQ.DE.ID-04
 */
#include "detect/silence.h"

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    silence_measure(j, r, RULE_D11_MEDIUM, RULE_D11_HIGH, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    silence_observe(j, s, MARK_PILED_UP, !(s->role->traits & TRAIT_SERVER));
}

const struct detector detect_connection_pileup = {
    .info =
        {
            .name = "connection-pileup",
            .id = "D11",
            .subcategory = "MQ.DE.ID-04",
            .counts = "silent connections",
            .attck = {"T0814"},
            .what = "connections on which nothing is said pile up from one address",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = SILENCE_WATCHES,
        },
    .bytes[SUBJECT_ADDRESS] = sizeof(struct silence),
    .observe = observe,
    .measure = measure,
};
