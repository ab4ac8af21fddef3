/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/shelf.h - deliveries whose messages the journal has, packed
 *
 * First in, first out.  Of each delivery there are the ids of its record and of its message's,
 * what the message is charged for, QoS, RETAIN, subscription identifiers and when it expires; ids
 * and times as differences to the one before, so that five to twelve bytes are enough.  A delivery
 * that stays in memory has a place here too, of one byte.
 *
 * Knows nothing of holders and of journals.  Pure.
 */
#pragma once

#include "base/bytes.h"

#define SHELVED_SUBIDS_INLINE 2

/* Is the RETAIN flag set? */
enum retain_flag {
    RETAIN_FLAG_NOT,
    RETAIN_FLAG_AS_PUBLISHED, /* for who has that option [MQTT5-3.3.1-13] */
    RETAIN_FLAG_FOUND,        /* by a subscription, among what is retained [MQTT3-3.3.1-8] */
};

struct shelved {
    uint64_t record;    /* of the delivery; its two low bits are 0, as those of @message are */
    uint64_t message;   /* record of the message */
    uint32_t bytes;     /* delivery_bytes() of it */
    uint32_t expires_s; /* shelf_expiry() of it */
    uint8_t qos;        /* not 0 */
    uint8_t retain;     /* enum retain_flag */
    bool is_aside;      /* it is kept in memory elsewhere; nothing else is set */
    uint32_t n_subids;
    uint32_t subids[SHELVED_SUBIDS_INLINE];
    uint32_t *more_subids; /* all of them when they are more: owned if it was popped, see there */
};

struct shelf_cursor {
    const struct shelf_chunk *chunk; /* borrowed; NULL: the end */
    size_t at;
    uint64_t record; /* of the one before */
    uint64_t message;
    uint32_t expires_s; /* of the last one before that expires */
};

struct shelf {
    struct shelf_chunk *first; /* owned, and those that follow */
    struct shelf_chunk *last;
    struct shelf_cursor front; /* before the first that was not taken */
    uint64_t record;           /* of the last */
    uint64_t message;
    uint32_t expires_s; /* of the last that expires */
    size_t n;
};

/* CLOCK_MONOTONIC in seconds, rounded up; 0: never, or in more than a century. */
uint32_t shelf_expiry(uint64_t expires_ns);
/* The other way. */
uint64_t shelved_expires_ns(const struct shelved *d);

void shelf_done(struct shelf *s);
/* Of @d all is copied. */
void shelf_push(struct shelf *s, const struct shelved *d);
/* @ret is to be given to shelved_done(). */
bool shelf_pop(struct shelf *s, struct shelved *ret);
void shelved_done(struct shelved *d);
const uint32_t *shelved_subids(const struct shelved *d);
/* From a copy of s->front on, without taking; until the shelf changes.  Of more than
 * SHELVED_SUBIDS_INLINE subscription identifiers there is their number alone.  False: the end. */
bool shelf_next(struct shelf_cursor *c, struct shelved *ret);
