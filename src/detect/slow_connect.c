/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/slow_connect.c - D12: connections from one address do not come to a CONNECT in time
 *
 * The handshake and the packet have connect_timeout_ms together, which is above what TLS by
 * satellite takes (3 to 8 s).  Health checks that send nothing are in health_check_sources.
 *
 * MQ.PR.SP-05
 */
#include "detect/tally.h"

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D12_MEDIUM, RULE_D12_HIGH, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    if (bytes_equal(s->e->text, BYTES("connect_timeout_ms")))
        tally(j, s, s->address, RULE_D12_MEDIUM, 1);
}

const struct detector detect_slow_connect = {
    .info =
        {
            .name = "slow-connect",
            .id = "D12",
            .subcategory = "MQ.PR.SP-05",
            .counts = "connections without a CONNECT in time",
            .attck = {"T0814"},
            .what = "connections from one address do not come to a CONNECT in time",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_LIMIT_HIT),
        },
    .bytes[SUBJECT_ADDRESS] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
