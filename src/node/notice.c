/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/notice.c - what a worker notes of a client for the detectors
 *
 * A message adds to counters of its connection.  They become one event when there are
 * NOTICE_MESSAGES or NOTICE_BYTES of them, with the first message after NOTICE_NS, and when the
 * connection ends.  When they came within NOTICE_DENSE_NS, the next event is of twice as many, up
 * to NOTICE_MESSAGES_MAX: so a flood is known by its first hundred, what is not told of it yet is
 * never more than what was, and the more messages there are, the less the sentinel has to do for
 * each.  Besides, a topic that was not used lately, a command, and what is odd leave an event each.
 *
 * MQ.DE.* MQ.PR.SP-03
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "detect/detect.h"
#include "node/node_private.h"

#define NOTICE_MESSAGES     100
#define NOTICE_MESSAGES_MAX 1600
#define NOTICE_DENSE_NS     (10 * NS_PER_MS)
#define NOTICE_NS           (5 * NS_PER_S)
#define NOTICE_BYTES        262144 /* to the client, since the last event */
#define PROPERTIES_BYTES    16384
#define QOS2_SOME           20
#define QOS2_STEP           10
#define QUEUE_STEP          500
#define QUEUE_STEP_BYTES    1048576
#define STUCK_S             60
#define STUCK_NS            (20 * NS_PER_S) /* between two notices of it */
#define DECIMAL_MAX         20              /* digits of 64 bits */

static void leave_traffic(struct link *l, struct event_traffic *t, uint64_t since_ns)
{
    t->span_ms = (uint32_t)((l->worker->now_ns - since_ns) / NS_PER_MS);
    t->bytes_out = l->bytes_untold;
    l->bytes_untold = 0;
    worker_event(l->worker, l,
                 &(struct event){
                     .kind = EVENT_TRAFFIC,
                     .number = (uint32_t)MIN(router_n_retained(l->worker->router), UINT32_MAX),
                     .text = bytes_of(t, sizeof(*t)),
                 });
}

static void tell(struct link *l)
{
    struct publishing *p = l->publishing;
    bool is_dense = p->traffic.n_messages >= p->tell_at &&
                    l->worker->now_ns < p->traffic_since_ns + NOTICE_DENSE_NS;

    leave_traffic(l, &p->traffic, p->traffic_since_ns);
    p->traffic = (struct event_traffic){0};
    p->traffic_since_ns = l->worker->now_ns;
    p->tell_at = is_dense ? MIN(2 * p->tell_at, NOTICE_MESSAGES_MAX) : NOTICE_MESSAGES;
}

/** notice_sent() - so many bytes were written to the client */
void notice_sent(struct link *l, size_t n)
{
    struct event_traffic t = {0};

    l->bytes_untold += n;
    if (l->bytes_untold < NOTICE_BYTES || l->conn.state != CONN_ACTIVE)
        return;
    if (l->publishing != NULL)
        tell(l);
    else
        leave_traffic(l, &t, l->worker->now_ns);
}

/* It was not the client's doing, nor the network's. */
static bool is_by_node(uint8_t reason)
{
    return reason == REASON_ADMINISTRATIVE_ACTION || reason == REASON_NOT_AUTHORIZED ||
           reason == REASON_SERVER_SHUTTING_DOWN;
}

/** notice_end() - the connection ends, for @reason; REASON_SUCCESS: by DISCONNECT; after what was
 * not told yet */
void notice_end(struct link *l, uint8_t reason, const char *why)
{
    const struct event e = {
        .kind = EVENT_DISCONNECTED,
        .value = reason == REASON_SUCCESS,
        .flags = is_by_node(reason) ? ENDED_BY_NODE : 0,
        .text = bytes_str(why),
    };

    if (l->publishing != NULL && l->publishing->traffic.n_messages > 0)
        tell(l);
    worker_event(l->worker, l, &e);
}

/* A topic this connection has not used in the last minute is worth an event. */
static bool publishing_is_fresh(struct publishing *p, uint64_t hash, uint64_t now_ns)
{
    bool seen = true;

    if (now_ns - p->topics_since_ns > TOPIC_BLOOM_FRESH_NS) {
        memset(p->topics, 0, sizeof(p->topics));
        p->topics_since_ns = now_ns;
    }
    for (unsigned i = 0; i < 4; i++) {
        unsigned bit = (unsigned)(hash >> (10 * i)) & (64 * TOPIC_BLOOM_WORDS - 1);

        seen = seen && (p->topics[bit / 64] & BIT64(bit % 64));
        p->topics[bit / 64] |= BIT64(bit % 64);
    }
    return !seen;
}

static void tell_topic(struct link *l, const struct wire_publish *p, uint32_t value)
{
    const struct detect_shape s = detect_shape(p->payload);
    const struct event e = {
        .kind = EVENT_PUBLISH_TOPIC,
        .value = value | (p->retain ? EVENT_RETAINED : 0),
        .number = s.shape,
        .flags = s.entropy,
        .topic = p->topic,
    };

    worker_event(l->worker, l, &e);
    introduce_birth(l, p);
}

/**
 * notice_publish() - a PUBLISH was accepted and routed
 * @n_matched:  sessions here and outlets elsewhere that it went to
 *
 * On the way of each message: additions, and once a minute and topic an event.
 */
void notice_publish(struct link *l, const struct wire_publish *p, const struct verdict *v,
                    size_t n_matched)
{
    struct publishing *me = l->publishing;
    struct event_traffic *t = &me->traffic;
    bool unmatched = n_matched == 0 && !v->is_unread;
    uint64_t now_ns = l->worker->now_ns;

    if (publishing_is_fresh(me, unmatched ? ~v->topic_hash : v->topic_hash, now_ns))
        tell_topic(l, p, (v->is_foreign ? EVENT_COMMAND : 0) | (unmatched ? EVENT_UNMATCHED : 0));
    if (p->props.len > PROPERTIES_BYTES)
        worker_event_of(l->worker, l, EVENT_ODD_PACKET, (uint32_t)p->props.len, p->topic,
                        "bytes of properties");
    t->n_messages++;
    t->n_matched += (uint32_t)n_matched;
    t->n_unmatched += unmatched && !p->retain;
    t->payload_max = MAX(t->payload_max, (uint32_t)p->payload.len);
    t->bytes_in += p->topic.len + p->payload.len;
    if (t->n_messages >= me->tell_at || now_ns >= me->traffic_since_ns + NOTICE_NS)
        tell(l);
}

/** notice_ping() - the client is asked whether it is there; after all that it has said until now */
void notice_ping(struct link *l)
{
    if (l->publishing != NULL && l->publishing->traffic.n_messages > 0)
        tell(l);
    worker_event(l->worker, l, &(struct event){.kind = EVENT_PINGED});
}

/** notice_qos2() - how many QoS 2 messages of the client are open has changed */
void notice_qos2(struct link *l, size_t before)
{
    size_t now = l->resident->session->incoming.n;
    bool worth = (now > before && now >= QOS2_SOME && now % QOS2_STEP == 0) ||
                 (now < before && now == QOS2_SOME - 1);

    if (worth)
        worker_event_of(l->worker, l, EVENT_QOS2_OPEN, (uint32_t)now, BYTES_NONE, NULL);
}

/* For so long something waited, and it was there and acknowledged nothing. */
static uint32_t stuck_s(struct link *l, const struct queue *q)
{
    if (q->n == 1)
        l->acknowledged_ns = l->worker->now_ns;
    if (l->resident->session->inflight.n == 0 || l->heard_ns <= l->acknowledged_ns)
        return 0;
    return (uint32_t)((l->heard_ns - l->acknowledged_ns) / NS_PER_S);
}

/** notice_queued() - a message of @added_bytes waits for a connected client, in @q */
void notice_queued(struct link *l, const struct queue *q, size_t added_bytes)
{
    size_t before = q->bytes - MIN(added_bytes, q->bytes);
    const struct event e = {
        .kind = EVENT_QUEUE_GROWN,
        .value = (uint32_t)q->n,
        .number = (uint32_t)(q->bytes / 1024),
        .flags = stuck_s(l, q),
    };
    bool is_stuck = e.flags >= STUCK_S && l->worker->now_ns >= l->stuck_told_ns + STUCK_NS;

    if (is_stuck)
        l->stuck_told_ns = l->worker->now_ns;
    if (is_stuck || q->n % QUEUE_STEP == 0 ||
        q->bytes / QUEUE_STEP_BYTES > before / QUEUE_STEP_BYTES)
        worker_event(l->worker, l, &e);
}

/**
 * notice_retain() - a message was to be retained: is it another one's place?
 * @owner:  whose it was; 0: nothing was there, which is counted
 */
void notice_retain(struct link *l, const struct wire_publish *p, uint64_t owner)
{
    const struct event e = {
        .kind = EVENT_RETAINED_CHANGED,
        .value = p->payload.len == 0,
        .topic = p->topic,
        .text = bytes_of(&owner, sizeof(owner)),
    };

    if (owner == 0)
        l->publishing->traffic.n_retained_new += p->payload.len > 0;
    else if (owner != l->resident->session->client_key)
        worker_event(l->worker, l, &e);
}

/** notice_retain_will() - the same of a Will with RETAIN, by its rights @g; its connection is gone
 */
void notice_retain_will(struct worker *w, const struct publication *p, const struct grant *g)
{
    uint64_t owner = router_retained_by(w->router, p->topic);
    const struct event e = {
        .kind = EVENT_RETAINED_CHANGED,
        .value = p->payload.len == 0,
        .client_id = p->publisher_id,
        .user_name = bytes_str(grant_principal(g)),
        .topic = p->topic,
        .text = bytes_of(&owner, sizeof(owner)),
    };

    if (owner != 0 && owner != p->publisher)
        worker_event(w, NULL, &e);
}

/* ---- commands ---- */

static bool read_number(struct bytes text, uint64_t *ret)
{
    char digits[DECIMAL_MAX + 1] = "";

    if (text.len == 0 || text.len > DECIMAL_MAX)
        return false;
    memcpy(digits, text.at, text.len);
    if (strspn(digits, "0123456789") != text.len)
        return false;
    *ret = strtoull(digits, NULL, 10);
    return true;
}

static bool read_sequence(struct bytes props, struct event_sequence *ret)
{
    struct wire_pair pair;
    size_t cursor = 0;
    unsigned n = 0;

    while (wire_user_next(props, &cursor, &pair)) {
        if (bytes_equal(pair.name, BYTES("sequence")))
            n += read_number(pair.value, &ret->sequence);
        else if (bytes_equal(pair.name, BYTES("time")))
            n += read_number(pair.value, &ret->time_unix_ms);
    }
    ret->now_unix_ms = clock_unix_ms();
    return n == 2;
}

/** notice_command() - a PUBLISH to a command topic was accepted */
void notice_command(struct link *l, const struct wire_publish *p)
{
    struct event_sequence q = {0};
    struct event e = {.kind = EVENT_COMMAND_SENT, .topic = p->topic};

    if (p->props.len > 0 && read_sequence(p->props, &q))
        e.text = bytes_of(&q, sizeof(q));
    worker_event(l->worker, l, &e);
}

/* ---- CONNECT ---- */

/* As devices are sold, or as examples have it. */
static bool is_default_secret(const struct wire_connect *p)
{
    static const char *const known[] = {
        "",     "admin",  "password", "12345678", "123456",   "1234",   "12345",     "default",
        "root", "public", "guest",    "user",     "changeme", "secret", "mosquitto", "mqtt",
    };
    bool is_known = p->has_user_name && bytes_equal_secret(p->user_name, p->password);

    for (size_t i = 0; i < COUNT_OF(known); i++)
        is_known |= bytes_equal_secret(bytes_str(known[i]), p->password);
    return p->has_password && is_known;
}

/* What of CONNECT is still known when it is long over. */
static struct event accepted(const struct link *l, enum event_kind kind)
{
    const struct stream_peer *peer = stream_peer(l->stream);
    bool is_named = grant_principal(l->grant)[0] != '\0';
    struct event e = {
        .kind = kind,
        .value = l->conn.level,
        .number = l->keep_alive_s,
        .text = bytes_str(grant_role(l->grant)),
    };

    if (peer->is_tls)
        e.flags |= CONNECT_TLS;
    if (peer->is_tls && strcmp(peer->tls->version, "TLSv1.3") == 0)
        e.flags |= CONNECT_TLS13;
    if (is_named)
        e.flags |= l->by_password ? CONNECT_PASSWORD : CONNECT_CERTIFICATE;
    return e;
}

/** notice_standing() - it was accepted some time ago, and the sentinel does not know of it */
void notice_standing(struct link *l)
{
    struct event e = accepted(l, EVENT_STANDING);

    if (l->resident->session->expiry_s > 0)
        e.flags |= CONNECT_PERSISTENT;
    worker_event(l->worker, l, &e);
}

/** notice_connect() - CONNECT was accepted */
void notice_connect(struct link *l, const struct wire_connect *p)
{
    struct event e = accepted(l, EVENT_CONNECT_ACCEPTED);

    e.number = p->keep_alive_s;
    if (agree_asked_expiry_s(p) > 0)
        e.flags |= CONNECT_PERSISTENT;
    if (l->by_password && is_default_secret(p))
        e.flags |= CONNECT_DEFAULT_SECRET;
    worker_event(l->worker, l, &e);
}

/** notice_will() - CONNECT has a Will; @denied: which the gate refuses */
void notice_will(struct link *l, const struct wire_connect *p, const struct gate_answer *a)
{
    const struct event e = {
        .kind = EVENT_WILL_SET,
        .value =
            (a->is_foreign ? EVENT_COMMAND : 0) | (a->outcome != GATE_ALLOWED ? EVENT_DENIED : 0),
        .number = (uint32_t)p->will_payload.len,
        .topic = p->will_topic,
    };

    worker_event(l->worker, l, &e);
}
