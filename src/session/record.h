/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/record.h - what the journal keeps of sessions and messages, as values and as bytes
 *
 * An id is (count << 8 | worker << 2 | part).  The parts of one thing stand side by
 * side: a message (0) is retained (1), is a Will (2); a delivery (0) was sent (1).
 * Two kinds have an id that follows from what they are about, with one of the top two
 * bits set.
 *
 * Pure.
 */
#pragma once

#include "router/router.h"
#include "store/batch.h"

/* clang-format off */
/*    name            kind  what */
#define RECORDS(X)                                                                                  \
    X(MESSAGE,        1,    "an application message")                                               \
    X(RETAINED,       2,    "the message whose id is one less is retained")                         \
    X(WILL,           3,    "the message whose id is two less is a session's Will")                 \
    X(SESSION,        4,    "a session")                                                            \
    X(SUBSCRIPTION,   5,    "a subscription of a session")                                          \
    X(DELIVERY,       6,    "a message in the queue of a session; in the order of ids")             \
    X(SENT,           7,    "the delivery whose id is one less has this packet id")                 \
    X(RELEASED,       8,    "PUBREC came: PUBREL is to be sent until PUBCOMP comes")                \
    X(RECEIVED,       9,    "a packet id of QoS 2 that the client has not released")                \
    X(INTENT,         10,   "a message that a worker has not taken from another one")               \
    X(SHARE_INTENT,   11,   "the same, for one member of a shared subscription")                    \
    X(WANT,           12,   "what is retained is still to be found for a subscription")
/* clang-format on */

enum record_kind {
#define X(name, kind, what) RECORD_##name = (kind),
    RECORDS(X)
#undef X
};

#define RECORD_WORKERS_MAX 32
#define RECORD_COUNT_BITS  46
/* Parts of a message, and of a delivery. */
#define RECORD_IS_RETAINED 1
#define RECORD_IS_WILL     2
#define RECORD_WAS_SENT    1

const char *record_kind_text(uint8_t kind); /* NULL: not known */

static inline uint64_t record_id(uint64_t count, unsigned worker)
{
    return count << 8 | (uint64_t)worker << 2;
}

static inline uint64_t record_count(uint64_t id)
{
    return id >> 8;
}

static inline unsigned record_worker(uint64_t id)
{
    return id >> 2 & (RECORD_WORKERS_MAX - 1);
}

/* @session: its number, below 2^45 */
static inline uint64_t received_id(uint64_t session, uint16_t packet_id)
{
    return BIT64(63) | session << 16 | packet_id;
}

static inline uint64_t received_session(uint64_t id)
{
    return (id & ~BIT64(63)) >> 16;
}

static inline uint64_t intent_id(uint64_t message, unsigned outlet)
{
    return BIT64(62) | message >> 2 << 5 | outlet;
}

static inline uint64_t intent_message(uint64_t id)
{
    return (id & ~BIT64(62)) >> 5 << 2;
}

static inline unsigned intent_outlet(uint64_t id)
{
    return id & 31;
}

struct message_record {
    uint64_t expires_unix_ms; /* UINT64_MAX: never */
    uint8_t qos;
    bool retain;
    bool is_control;
    struct bytes publisher; /* client id; empty: the node itself */
    struct bytes topic;
    struct bytes forward;
    struct bytes payload;
};

struct will_record {
    uint64_t session;
    uint64_t expiry_ns;
    uint32_t delay_s;
};

struct session_record {
    uint64_t number;       /* others name the session by it */
    uint64_t left_unix_ms; /* disconnected since; 0: it was connected */
    uint32_t expiry_s;
    uint8_t level;
    uint8_t home; /* worker */
    bool by_password;
    bool is_control;
    bool has_certificate;
    struct bytes client_id;
    struct bytes principal;
    struct bytes certificate_cn;
};

struct subscription_record {
    uint64_t session;
    uint32_t id; /* Subscription Identifier */
    uint8_t qos;
    bool no_local;
    bool retain_as_published;
    struct bytes group; /* empty: not shared */
    struct bytes filter;
};

struct delivery_record {
    uint64_t session;
    uint64_t message;
    uint8_t qos;
    uint8_t retain; /* enum retain_flag */
    uint32_t n_subids;
    struct bytes subids; /* 4 bytes each */
    struct bytes group;  /* it came by a shared subscription; empty: it did not */
    struct bytes filter;
};

struct want_record {
    uint64_t session;
    struct bytes filter;
    uint8_t n_lanes;
    struct bytes lanes; /* 16 bytes each */
};

struct released_record {
    uint64_t session;
    uint16_t packet_id;
};

struct share_intent_record {
    uint64_t message;
    struct bytes group;
    struct bytes filter;
};

void record_put_message(struct batch *b, uint64_t id, const struct message_record *r);
void record_put_retained(struct batch *b, uint64_t id, uint64_t stamp);
void record_put_will(struct batch *b, uint64_t id, const struct will_record *r);
void record_put_session(struct batch *b, uint64_t id, const struct session_record *r);
void record_put_subscription(struct batch *b, uint64_t id, const struct subscription_record *r);
void record_put_delivery(struct batch *b, uint64_t id, const struct delivery_record *r,
                         const uint32_t *subids);
void record_put_sent(struct batch *b, uint64_t id, uint16_t packet_id);
void record_put_released(struct batch *b, uint64_t id, const struct released_record *r);
void record_put_share_intent(struct batch *b, uint64_t id, const struct share_intent_record *r);
void record_put_want(struct batch *b, uint64_t id, const struct want_record *r,
                     const struct retained_lane *lanes);

/* What is read borrows from @in.  False: not such a record. */
MUST_CHECK bool record_get_message(struct bytes in, struct message_record *ret);
MUST_CHECK bool record_get_retained(struct bytes in, uint64_t *ret_stamp);
MUST_CHECK bool record_get_will(struct bytes in, struct will_record *ret);
MUST_CHECK bool record_get_session(struct bytes in, struct session_record *ret);
MUST_CHECK bool record_get_subscription(struct bytes in, struct subscription_record *ret);
MUST_CHECK bool record_get_delivery(struct bytes in, struct delivery_record *ret);
uint32_t delivery_record_subid(const struct delivery_record *r, size_t i);
MUST_CHECK bool record_get_sent(struct bytes in, uint16_t *ret_packet_id);
MUST_CHECK bool record_get_released(struct bytes in, struct released_record *ret);
MUST_CHECK bool record_get_share_intent(struct bytes in, struct share_intent_record *ret);
MUST_CHECK bool record_get_want(struct bytes in, struct want_record *ret);
struct retained_lane want_record_lane(const struct want_record *r, size_t i);
