/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/paths.c - the paths that every message takes, each a number of times
 *
 * Run under callgrind, with nothing counted from the start: what a path costs is
 * counted apart, by the name in the table, and held against recorded.json by gate.
 * Run by itself it only checks that the paths do what they are there for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "event/event.h"
#include "protect/protect.h"
#include "router/router.h"
#include "session/session.h"
#include "wire/wire.h"

#define TIMES         4000 /* a path is taken while it is counted */
#define FILTERS       10000
#define SUBSCRIBERS   100
#define HOT_TOPICS    64
#define TOPIC_LEN_MAX 64

struct bench {
    struct router *router;
    struct subscriber subscribers[SUBSCRIBERS];
    char hot[HOT_TOPICS][TOPIC_LEN_MAX];
    char cold[TIMES][TOPIC_LEN_MAX];
    struct policy *policy;
    struct grant *grant;
    struct event_block *block;
    struct session *session;
    struct conn conn;
    struct subscription *subs[1];
    struct receiver receiver;
    struct buf out;
    struct buf packet;       /* one PUBLISH */
    struct subscription sub; /* last: its text would follow */
};

static const uint8_t payload[64] = "what a meter has to say";

/* ---- what is there before ---- */

/* Half with "+", a quarter with "#"; at an even place half of them match no topic. */
static void subscribe(struct bench *b, unsigned i)
{
    struct subscription options = {.qos = 1};
    unsigned place = i % 100, meter = i / 100;
    char filter[TOPIC_LEN_MAX];

    if (i % 4 == 0)
        (void)snprintf(filter, sizeof(filter), "field/%u/meter/%u/power", place, meter);
    else if (i % 4 == 1)
        (void)snprintf(filter, sizeof(filter), "field/%u/+/%u/power", place, meter);
    else if (i % 4 == 2)
        (void)snprintf(filter, sizeof(filter), "field/%u/meter/+/m%u", place, meter);
    else
        (void)snprintf(filter, sizeof(filter), "field/%u/meter/%u/#", place, meter);
    (void)router_subscribe(b->router, &b->subscribers[i % SUBSCRIBERS], &options,
                           bytes_str(filter));
}

static void make_router(struct bench *b)
{
    b->router = router_new();
    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        list_init(&b->subscribers[i].subscriptions);
    for (unsigned i = 0; i < FILTERS; i++)
        subscribe(b, i);
    /* Odd places and all meters; the first twenty of these are the hot ones. */
    for (unsigned i = 0; i < HOT_TOPICS; i++)
        (void)snprintf(b->hot[i], TOPIC_LEN_MAX, "field/%u/meter/%u/power", i % 50 * 2 + 1, i % 20);
    for (unsigned i = 0; i < TIMES; i++)
        (void)snprintf(b->cold[i], TOPIC_LEN_MAX, "field/%u/meter/%u/power", i % 50 * 2 + 1,
                       20 + i / 50);
}

static void make_grant(struct bench *b)
{
    static const struct rule_spec rules[] = {
        {.filter = "fmb/command/#", .publish = true, .deny = true},
        {.filter = "$SYS/#", .subscribe = true, .deny = true},
        {.filter = "fmb/device/${user_name}/#", .publish = true},
        {.filter = "fmb/command/${user_name}/#", .subscribe = true},
        {.filter = "fmb/broadcast/#", .subscribe = true},
        {.filter = "fmb/service/+/state", .publish = true, .subscribe = true},
        {.filter = "lab/${client_id}/data", .publish = true},
        {.filter = "lab/+/+/data", .publish = true},
        {.filter = "site/${user_name}/#", .publish = true},
        {.filter = "field/+/meter/+/power", .publish = true},
    };
    static const struct role_spec role = {
        .name = "device", .rules = rules, .n_rules = COUNT_OF(rules)};
    static const struct user_spec user = {
        .name = "meter-17", .certificate_cn = "meter-17", .role = "device"};
    const struct policy_spec spec = {
        .limits = limits_default, .roles = &role, .n_roles = 1, .users = &user, .n_users = 1};
    const struct gate_subject subject = {
        .client_id = BYTES("meter-17"),
        .address = BYTES("127.0.0.1"),
        .certificate_cn = BYTES("meter-17"),
        .has_certificate = true,
    };
    enum gate_outcome outcome;
    char *error = NULL;

    b->policy = policy_new(&spec, &error);
    check(b->policy != NULL);
    b->grant = gate_admit(b->policy, &subject, &outcome);
    check(b->grant != NULL);
}

static void make_session(struct bench *b)
{
    static const struct session_limits limits = {
        .queue = {.messages_max = 1000, .bytes_max = 1 << 20}, .inflight_max = 100};
    struct wire_connect p = {.level = WIRE_V5};

    b->session = session_new(BYTES("reader"), &limits);
    b->sub.qos = 1;
    b->subs[0] = &b->sub;
    b->receiver = (struct receiver){&b->session->subscriber, b->subs, 1};
    conn_init(&b->conn, &b->out);
    conn_become(&b->conn, CONN_AUTHENTICATING);
    conn_agree(&b->conn, &p, 100, 0, 16);
    conn_become(&b->conn, CONN_ACTIVE);
    session_attach(b->session, &b->conn, &limits);
}

static const struct wire_delivery delivery = {
    .topic = {(const uint8_t *)"field/17/meter/42/power", 23},
    .payload = {payload, sizeof(payload)},
    .packet_id = 7,
    .qos = 1,
};

/* ---- the paths ---- */

static void publish_decode(struct bench *b)
{
    struct wire_frame f;
    struct wire_publish p;

    for (unsigned i = 0; i < TIMES; i++) {
        check(wire_next(buf_view(&b->packet), &f) == WIRE_NEXT_PACKET);
        check(wire_decode_publish(f.flags, f.body, WIRE_V5, &p) == WIRE_OK);
    }
}

static void delivery_encode(struct bench *b)
{
    for (unsigned i = 0; i < TIMES; i++) {
        b->out.len = 0;
        wire_encode_delivery(&b->out, &delivery, WIRE_V5);
    }
    b->out.len = 0;
}

static void match_hit(struct bench *b)
{
    for (unsigned i = 0; i < TIMES; i++) {
        struct bytes topic = bytes_str(b->hot[i % HOT_TOPICS]);

        check(router_match(b->router, topic, hash_keyed(topic)).n_receivers > 0);
    }
}

/* Each topic for the first time. */
static void match_miss(struct bench *b)
{
    for (unsigned i = 0; i < TIMES; i++) {
        struct bytes topic = bytes_str(b->cold[i]);

        check(router_match(b->router, topic, hash_keyed(topic)).n_receivers > 0);
    }
}

/* At QoS 1: offered, sent, acknowledged. */
static void session_deliver(struct bench *b)
{
    for (unsigned i = 0; i < TIMES; i++) {
        struct publication p = {
            .topic = delivery.topic,
            .payload = delivery.payload,
            .qos = 1,
            .expires_ns = EXPIRES_NEVER,
        };
        struct wire_ack ack = {.packet_id = (uint16_t)(i + 1)};

        check(session_offer(b->session, &p, &b->receiver, 0) <= SESSION_QUEUED);
        publication_done(&p);
        (void)session_pump(b->session, 0);
        check(b->out.len > 0);
        b->out.len = 0;
        check(session_receive_ack(b->session, WIRE_PUBACK, &ack));
    }
}

/* The last of ten rules decides. */
static void gate_ask(struct bench *b)
{
    for (unsigned i = 0; i < TIMES; i++)
        check(gate_check(b->grant, GATE_PUBLISH, delivery.topic).outcome == GATE_ALLOWED);
}

static void event_note(struct bench *b)
{
    const struct event e = {
        .kind = EVENT_PUBLISH_TOPIC,
        .at_ns = 1,
        .conn = 1,
        .client_id = BYTES("meter-17"),
        .user_name = BYTES("meter-17"),
        .address = BYTES("127.0.0.1"),
        .role = BYTES("device"),
        .topic = delivery.topic,
    };

    for (unsigned i = 0; i < TIMES; i++) {
        if (!event_leave(b->block, &e)) { /* full, as at the end of a turn */
            b->block->n_events = 0;
            b->block->text_len = 0;
        }
    }
}

/* ---- counting ---- */

static const struct path {
    const char *name;
    void (*take)(struct bench *b);
} paths[] = {
    {"publish-decode", publish_decode},
    {"delivery-encode", delivery_encode},
    {"match-hit", match_hit},
    {"match-miss", match_miss},
    {"session-deliver", session_deliver},
    {"gate-check", gate_ask},
    {"event-leave", event_note},
};

/* What is done for the first time only is not what every message costs. */
static void warm_up(struct bench *b)
{
    publish_decode(b);
    delivery_encode(b);
    match_hit(b);
    gate_ask(b);
    event_note(b);
}

int main(void)
{
    struct bench *b = mem_new(struct bench);

    hash_key_set(1, 2); /* the same places in every table, every time */
    make_router(b);
    make_grant(b);
    make_session(b);
    b->block = event_block_new(0);
    wire_encode_delivery(&b->packet, &delivery, WIRE_V5);
    warm_up(b);
    (void)printf("times %d\n", TIMES);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        CALLGRIND_ZERO_STATS;
        CALLGRIND_TOGGLE_COLLECT;
        paths[i].take(b);
        CALLGRIND_TOGGLE_COLLECT;
        CALLGRIND_DUMP_STATS_AT(paths[i].name);
    }
    return 0;
}
