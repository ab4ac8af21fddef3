/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/keepalive_abuse.c - D13: silent connections from one address asked for an endless keep
 * alive
 *
 * 0, or more than two hours.  The node holds them to keep_alive_max_s anyway; battery
 * sensors ask for long ones too, but each is one, and speaks.
 *
 * MQ.DE.ID-04
 */
#include "detect/silence.h"

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    silence_measure(j, r, RULE_D13_MEDIUM, RULE_D13_HIGH, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    const struct conn_record *c = s->conn;

    silence_observe(j, s, MARK_KEEP_ALIVE,
                    c != NULL && (c->keep_alive_s == 0 || c->keep_alive_s > KEEP_ALIVE_MAX_S));
}

const struct detector detect_keepalive_abuse = {
    .info =
        {
            .name = "keepalive-abuse",
            .id = "D13",
            .subcategory = "MQ.DE.ID-04",
            .counts = "silent connections with an endless keep alive",
            .attck = {"T0814"},
            .what = "silent connections from one address asked for an endless keep alive",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = SILENCE_WATCHES,
        },
    .bytes[SUBJECT_ADDRESS] = sizeof(struct silence),
    .observe = observe,
    .measure = measure,
};
