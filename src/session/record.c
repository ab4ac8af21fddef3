/* SPDX-License-Identifier: Apache-2.0 */
/* session/record.c - records as bytes, both ways: fixed fields first, then strings with lengths */
#include "session/record.h"

#include "base/err.h"

/** record_kind_text() - "MESSAGE", ...; static */
const char *record_kind_text(uint8_t kind)
{
    switch (kind) {
#define X(name, kind, what)                                                                        \
    case kind:                                                                                     \
        return #name;
        RECORDS(X)
#undef X
    default:
        return NULL;
    }
}

/* ---- writing ---- */

static void put(struct batch *b, uint64_t n, size_t n_bytes)
{
    le_put(buf_reserve(&b->bytes, n_bytes), n, n_bytes);
    b->bytes.len += n_bytes;
}

static void put_string(struct batch *b, struct bytes s)
{
    check(s.len <= UINT16_MAX);
    put(b, s.len, 2);
    buf_add(&b->bytes, s);
}

/* Two bytes, or four behind them if they are not enough. */
static void put_count(struct batch *b, uint32_t n)
{
    put(b, MIN(n, (uint32_t)UINT16_MAX), 2);
    if (n >= UINT16_MAX)
        put(b, n, 4);
}

/* ---- reading: a cursor that remembers the first failure ---- */

struct cursor {
    struct bytes left;
    bool failed;
};

static struct bytes take(struct cursor *c, size_t n)
{
    struct bytes taken = bytes_of(c->left.at, n);

    if (c->left.len < n) {
        c->failed = true;
        c->left.len = 0;
        return BYTES_NONE;
    }
    c->left = bytes_of(c->left.at + n, c->left.len - n);
    return taken;
}

static uint64_t get(struct cursor *c, size_t n_bytes)
{
    struct bytes b = take(c, n_bytes);

    return b.len == n_bytes ? le_get(b.at, n_bytes) : 0;
}

static struct bytes get_string(struct cursor *c)
{
    return take(c, (size_t)get(c, 2));
}

static uint32_t get_count(struct cursor *c)
{
    uint64_t n = get(c, 2);

    return (uint32_t)(n < UINT16_MAX ? n : get(c, 4));
}

static bool is_whole(const struct cursor *c)
{
    return !c->failed && c->left.len == 0;
}

/* ---- each kind ---- */

#define MESSAGE_RETAIN  1
#define MESSAGE_CONTROL 2

void record_put_message(struct batch *b, uint64_t id, const struct message_record *r)
{
    size_t begun = batch_begin(b, RECORD_MESSAGE, id);

    put(b, r->expires_unix_ms, 8);
    put(b, r->qos, 1);
    put(b, (r->retain ? MESSAGE_RETAIN : 0) | (r->is_control ? MESSAGE_CONTROL : 0), 1);
    put_string(b, r->publisher);
    put_string(b, r->topic);
    put(b, r->forward.len, 4);
    buf_add(&b->bytes, r->forward);
    buf_add(&b->bytes, r->payload);
    batch_end(b, begun);
}

bool record_get_message(struct bytes in, struct message_record *ret)
{
    struct cursor c = {.left = in};
    uint64_t flags;

    ret->expires_unix_ms = get(&c, 8);
    ret->qos = (uint8_t)get(&c, 1);
    flags = get(&c, 1);
    ret->retain = flags & MESSAGE_RETAIN;
    ret->is_control = flags & MESSAGE_CONTROL;
    ret->publisher = get_string(&c);
    ret->topic = get_string(&c);
    ret->forward = take(&c, (size_t)get(&c, 4));
    ret->payload = c.left;
    return !c.failed && ret->topic.len > 0 && ret->qos <= 2;
}

void record_put_retained(struct batch *b, uint64_t id, uint64_t stamp)
{
    size_t begun = batch_begin(b, RECORD_RETAINED, id);

    put(b, stamp, 8);
    batch_end(b, begun);
}

bool record_get_retained(struct bytes in, uint64_t *ret_stamp)
{
    struct cursor c = {.left = in};

    *ret_stamp = get(&c, 8);
    return is_whole(&c);
}

void record_put_will(struct batch *b, uint64_t id, const struct will_record *r)
{
    size_t begun = batch_begin(b, RECORD_WILL, id);

    put(b, r->session, 8);
    put(b, r->expiry_ns, 8);
    put(b, r->delay_s, 4);
    batch_end(b, begun);
}

bool record_get_will(struct bytes in, struct will_record *ret)
{
    struct cursor c = {.left = in};

    ret->session = get(&c, 8);
    ret->expiry_ns = get(&c, 8);
    ret->delay_s = (uint32_t)get(&c, 4);
    return is_whole(&c);
}

#define SESSION_PASSWORD    1
#define SESSION_CONTROL     2
#define SESSION_CERTIFICATE 4

void record_put_session(struct batch *b, uint64_t id, const struct session_record *r)
{
    size_t begun = batch_begin(b, RECORD_SESSION, id);

    put(b, r->number, 8);
    put(b, r->left_unix_ms, 8);
    put(b, r->expiry_s, 4);
    put(b, r->level, 1);
    put(b, r->home, 1);
    put(b,
        (r->by_password ? SESSION_PASSWORD : 0) | (r->is_control ? SESSION_CONTROL : 0) |
            (r->has_certificate ? SESSION_CERTIFICATE : 0),
        1);
    put_string(b, r->client_id);
    put_string(b, r->principal);
    put_string(b, r->certificate_cn);
    batch_end(b, begun);
}

bool record_get_session(struct bytes in, struct session_record *ret)
{
    struct cursor c = {.left = in};
    uint64_t flags;

    ret->number = get(&c, 8);
    ret->left_unix_ms = get(&c, 8);
    ret->expiry_s = (uint32_t)get(&c, 4);
    ret->level = (uint8_t)get(&c, 1);
    ret->home = (uint8_t)get(&c, 1);
    flags = get(&c, 1);
    ret->by_password = flags & SESSION_PASSWORD;
    ret->is_control = flags & SESSION_CONTROL;
    ret->has_certificate = flags & SESSION_CERTIFICATE;
    ret->client_id = get_string(&c);
    ret->principal = get_string(&c);
    ret->certificate_cn = get_string(&c);
    return is_whole(&c) && ret->client_id.len > 0;
}

#define SUBSCRIPTION_NO_LOCAL     1
#define SUBSCRIPTION_AS_PUBLISHED 2

void record_put_subscription(struct batch *b, uint64_t id, const struct subscription_record *r)
{
    size_t begun = batch_begin(b, RECORD_SUBSCRIPTION, id);

    put(b, r->session, 8);
    put(b, r->id, 4);
    put(b, r->qos, 1);
    put(b,
        (r->no_local ? SUBSCRIPTION_NO_LOCAL : 0) |
            (r->retain_as_published ? SUBSCRIPTION_AS_PUBLISHED : 0),
        1);
    put_string(b, r->group);
    put_string(b, r->filter);
    batch_end(b, begun);
}

bool record_get_subscription(struct bytes in, struct subscription_record *ret)
{
    struct cursor c = {.left = in};
    uint64_t flags;

    ret->session = get(&c, 8);
    ret->id = (uint32_t)get(&c, 4);
    ret->qos = (uint8_t)get(&c, 1);
    flags = get(&c, 1);
    ret->no_local = flags & SUBSCRIPTION_NO_LOCAL;
    ret->retain_as_published = flags & SUBSCRIPTION_AS_PUBLISHED;
    ret->group = get_string(&c);
    ret->filter = get_string(&c);
    return is_whole(&c) && ret->filter.len > 0 && ret->qos <= 2;
}

#define DELIVERY_QOS    3U
#define DELIVERY_RETAIN 4U
#define DELIVERY_FOUND  8U

static const uint8_t flags_of_retain[] = {
    [RETAIN_FLAG_AS_PUBLISHED] = DELIVERY_RETAIN,
    [RETAIN_FLAG_FOUND] = DELIVERY_RETAIN | DELIVERY_FOUND,
};

static enum retain_flag retain_of_flags(uint64_t flags)
{
    if (flags & DELIVERY_FOUND)
        return RETAIN_FLAG_FOUND;
    return flags & DELIVERY_RETAIN ? RETAIN_FLAG_AS_PUBLISHED : RETAIN_FLAG_NOT;
}

void record_put_delivery(struct batch *b, uint64_t id, const struct delivery_record *r,
                         const uint32_t *subids)
{
    size_t begun = batch_begin(b, RECORD_DELIVERY, id);

    put(b, r->session, 8);
    put(b, r->message, 8);
    put(b, r->qos | flags_of_retain[r->retain], 1);
    put_count(b, r->n_subids);
    for (size_t i = 0; i < r->n_subids; i++)
        put(b, subids[i], 4);
    if (r->group.len > 0) {
        put_string(b, r->group);
        put_string(b, r->filter);
    }
    batch_end(b, begun);
}

bool record_get_delivery(struct bytes in, struct delivery_record *ret)
{
    struct cursor c = {.left = in};
    uint64_t flags;
    bool is_shared;

    ret->session = get(&c, 8);
    ret->message = get(&c, 8);
    flags = get(&c, 1);
    ret->qos = flags & DELIVERY_QOS;
    ret->retain = (uint8_t)retain_of_flags(flags);
    ret->n_subids = get_count(&c);
    ret->subids = take(&c, ret->n_subids * sizeof(uint32_t));
    is_shared = c.left.len > 0;
    ret->group = is_shared ? get_string(&c) : BYTES_NONE;
    ret->filter = is_shared ? get_string(&c) : BYTES_NONE;
    return is_whole(&c) && ret->qos > 0 && ret->qos <= 2 &&
           is_shared == (ret->group.len > 0 && ret->filter.len > 0);
}

uint32_t delivery_record_subid(const struct delivery_record *r, size_t i)
{
    check(i < r->n_subids);
    return (uint32_t)le_get(r->subids.at + i * sizeof(uint32_t), sizeof(uint32_t));
}

void record_put_sent(struct batch *b, uint64_t id, uint16_t packet_id)
{
    size_t begun = batch_begin(b, RECORD_SENT, id);

    put(b, packet_id, 2);
    batch_end(b, begun);
}

bool record_get_sent(struct bytes in, uint16_t *ret_packet_id)
{
    struct cursor c = {.left = in};

    *ret_packet_id = (uint16_t)get(&c, 2);
    return is_whole(&c) && *ret_packet_id != 0;
}

void record_put_released(struct batch *b, uint64_t id, const struct released_record *r)
{
    size_t begun = batch_begin(b, RECORD_RELEASED, id);

    put(b, r->session, 8);
    put(b, r->packet_id, 2);
    batch_end(b, begun);
}

bool record_get_released(struct bytes in, struct released_record *ret)
{
    struct cursor c = {.left = in};

    ret->session = get(&c, 8);
    ret->packet_id = (uint16_t)get(&c, 2);
    return is_whole(&c) && ret->packet_id != 0;
}

void record_put_share_intent(struct batch *b, uint64_t id, const struct share_intent_record *r)
{
    size_t begun = batch_begin(b, RECORD_SHARE_INTENT, id);

    put(b, r->message, 8);
    put_string(b, r->group);
    put_string(b, r->filter);
    batch_end(b, begun);
}

bool record_get_share_intent(struct bytes in, struct share_intent_record *ret)
{
    struct cursor c = {.left = in};

    ret->message = get(&c, 8);
    ret->group = get_string(&c);
    ret->filter = get_string(&c);
    return is_whole(&c) && ret->group.len > 0 && ret->filter.len > 0;
}

void record_put_want(struct batch *b, uint64_t id, const struct want_record *r,
                     const struct retained_lane *lanes)
{
    size_t begun = batch_begin(b, RECORD_WANT, id);

    put(b, r->session, 8);
    put_string(b, r->filter);
    put(b, r->n_lanes, 1);
    for (size_t i = 0; i < r->n_lanes; i++) {
        put(b, lanes[i].after, 8);
        put(b, lanes[i].until, 8);
    }
    batch_end(b, begun);
}

bool record_get_want(struct bytes in, struct want_record *ret)
{
    struct cursor c = {.left = in};

    ret->session = get(&c, 8);
    ret->filter = get_string(&c);
    ret->n_lanes = (uint8_t)get(&c, 1);
    ret->lanes = take(&c, ret->n_lanes * sizeof(struct retained_lane));
    return is_whole(&c) && ret->filter.len > 0 && ret->n_lanes > 0 && ret->n_lanes % 2 == 0;
}

struct retained_lane want_record_lane(const struct want_record *r, size_t i)
{
    const uint8_t *at = r->lanes.at + i * sizeof(struct retained_lane);

    check(i < r->n_lanes);
    return (struct retained_lane){.after = le_get(at, 8), .until = le_get(at + 8, 8)};
}
