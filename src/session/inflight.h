/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/inflight.h - what was sent to a client above QoS 0 and is not finished
 *
 * Packet ids count up from 1, and none is given while it is in flight [MQTT5-2.2.1-4]
 * [MQTT5-4.3.2-1] [MQTT5-4.3.3-1] [MQTT3-2.3.1-4].  So those of the recent deliveries are
 * contiguous, and one is found by the difference of its id to the oldest one's.  What a client
 * leaves open while it finishes thousands that came later goes aside, and its id is passed over.
 *
 * Deliveries have places, counted from 0 in the order in which they were sent.  Places of what is
 * finished go when the older ones do, at the latest; release_at and resend_at then still mean what
 * they meant.
 */
#pragma once

#include "queue/queue.h"
#include "session/packet_ids.h"

/* [MQTT5-4.3.2-3] [MQTT5-4.3.3-3] [MQTT5-4.3.3-5] [MQTT5-4.3.3-6] [MQTT3-4.3.2-1] [MQTT3-4.3.3-1]
 */
enum inflight_state {
    INFLIGHT_PUBACK,  /* QoS 1, waits for PUBACK */
    INFLIGHT_PUBREC,  /* QoS 2, waits for PUBREC */
    INFLIGHT_PUBCOMP, /* QoS 2, PUBREL sent, waits for PUBCOMP; the message is released */
    INFLIGHT_DONE,    /* acknowledged out of order; leaves when the older ones do */
};

struct inflight {
    struct queue_ring aside; /* sent before all that is recent, with any packet ids */
    struct packet_ids ids_aside;
    struct queue_ring recent; /* contiguous packet ids */
    uint32_t n;               /* not finished */
    uint32_t release_at;      /* from this place on no PUBREL was sent again yet, */
    uint32_t resend_at;       /* and from this one on no PUBLISH */
    uint16_t next_id;         /* never 0; that of something aside is passed over */
};

#define INFLIGHT_NONE SIZE_MAX

/* So many recent places, or twice as many as are in flight, before the oldest one goes aside. */
#define INFLIGHT_SPAN_MIN 4096

void inflight_init(struct inflight *w);
void inflight_done(struct inflight *w);

/* How many places there are. */
static inline size_t inflight_places(const struct inflight *w)
{
    return (size_t)w->aside.n + w->recent.n;
}

/* What is at @place, finished or not; borrowed until one is pushed or finished. */
static inline struct delivery *inflight_at(const struct inflight *w, size_t place)
{
    return place < w->aside.n ? ring_at(&w->aside, place) : ring_at(&w->recent, place - w->aside.n);
}

uint16_t inflight_next_id(struct inflight *w);
size_t inflight_find(const struct inflight *w, uint16_t id);
void inflight_push(struct inflight *w, const struct delivery *d);
void inflight_restore(struct inflight *w, const struct delivery *d);
void inflight_begin_again(struct inflight *w);
void inflight_finish(struct inflight *w, size_t place);
