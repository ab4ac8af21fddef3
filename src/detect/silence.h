/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/silence.h - connections of an address on which nothing is said; shared by
 * connection_pileup.c and keepalive_abuse.c
 *
 * A connection counts from SILENT_SOON_S after its CONNECT on, until it speaks or ends.
 */
#pragma once

#include "detect/detector.h"

#define SILENCE_WATCHES                                                                            \
    (BIT64(EVENT_SILENT) | BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_SUBSCRIBED) |                  \
     BIT64(EVENT_PUBLISH_DENIED) | BIT64(EVENT_SUBSCRIBE_DENIED) | BIT64(EVENT_COMMAND_HELD) |     \
     BIT64(EVENT_DISCONNECTED))

struct silence {
    uint32_t n; /* connections */
};

void silence_observe(struct judge *j, const struct sight *s, uint8_t mark, bool is_meant);
void silence_measure(const struct judge *j, const struct record *r, enum rule medium,
                     enum rule high, struct measure *m);
