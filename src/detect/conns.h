/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/conns.h - the network connections whose CONNECT was accepted; private to detect
 *
 * Bounded: events may have been shed, and an end that nobody told of must not stay
 * for ever; of more than CONNS_MAX the oldest is forgotten.
 */
#pragma once

#include "base/map.h"
#include "detect/wheel.h"

#define CONNS_MAX 1048576

/* Silent since CONNECT: told after the first, and then after the second, or 1.5 times its keep
 * alive. */
#define SILENT_SOON_S    120
#define SILENT_LONG_S    900
#define KEEP_ALIVE_MAX_S 7200 /* more counts as so much */

struct conn_record {
    uint64_t number;
    uint64_t client; /* key */
    uint64_t address;
    uint64_t accepted_ns;
    uint32_t keep_alive_s; /* as asked for */
    uint32_t silent_s;     /* it was told that it is silent for so long; 0: not */
    bool is_productive;    /* it has published or subscribed, and was allowed to */
    uint8_t marks;         /* MARK_...: who counts it as silent */
    struct list in_order;
    struct wheel_timer timer;
};

/* Detectors that count a silent connection by its address until it breaks its silence. */
#define MARK_PILED_UP   1U
#define MARK_KEEP_ALIVE 2U

struct conns {
    struct map by_number;
    struct list in_order;
};

void conns_init(struct conns *c);
void conns_done(struct conns *c);
struct conn_record *conns_find(const struct conns *c, uint64_t number);
struct conn_record *conns_add(struct conns *c, uint64_t number);
void conns_drop(struct conns *c, struct conn_record *r);
