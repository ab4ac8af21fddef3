/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/malformed_packets.c - D17: packets break the protocol
 *
 * Of an address, and of a client that was let in: firmware that makes one error each
 * time it connects is worth knowing as well.
 *
 * MQ.PR.SP-01
 */
#include "detect/tally.h"

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    if (r->kind == SUBJECT_CLIENT)
        measure_tally(j, r, RULE_D17_CLIENT, RULE_D17_CLIENT, m);
    else
        measure_tally(j, r, RULE_D17_MEDIUM, RULE_D17_HIGH, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    tally(j, s, s->address, RULE_D17_MEDIUM, 1);
    tally(j, s, s->client, RULE_D17_CLIENT, 1);
}

const struct detector detect_malformed_packets = {
    .info =
        {
            .name = "malformed-packets",
            .id = "D17",
            .subcategory = "MQ.PR.SP-01",
            .counts = "protocol errors",
            .attck = {"T0819", "T0866", "T0814"},
            .what = "packets break the protocol",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 90,
            .watches = BIT64(EVENT_PROTOCOL_ERROR),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .bytes[SUBJECT_ADDRESS] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
