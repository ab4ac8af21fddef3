/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/connection_pileup.c - D11: connections on which nothing is said pile up from one address
 *
 * SlowITe: one packet each holds a slot for as long as the keep alive lets it.  Those
 * whose job is to wait are not counted.  Of a small node a few are much already.
 *
 * MQ.DE.ID-04
 */
#include "detect/silence.h"

#define SHARE_MIN 5 /* connections */

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct silence *me = slot_peek(j, r);

    silence_measure(j, r, RULE_D11_MEDIUM, RULE_D11_HIGH, m);
    if (me != NULL && me->n >= SHARE_MIN && places_of(j) > 0)
        measure_rule(j, r, RULE_D11_SHARE, 100.0 * me->n / (double)places_of(j), m);
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
