/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_node.c - whole connections against the delivery plane of a node
 *
 * The input is a script of four clients, the workers and time, played on the
 * simulated system of tests/sim: listeners, sessions, the router and the gate are the
 * node's own.  A client sends packets that the script has as they are, or that are made
 * by a recipe, so that a fuzzer comes past CONNECT.  What the node sends is read by a
 * parser of its own: AUTH or CONNACK first, nothing behind DISCONNECT, nothing that the
 * client has no right to.  In the end all memory must be back and nothing may be open.
 *
 * A step: its number in the low three bits of a byte, the client in the next two;
 * then what the step takes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "node/node_private.h"
#include "sim/kernel.h"
#include "sim/model.h"
#include "sim/node.h"
#include "sim/packet.h"
#include "sim/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEERS     4
#define STEPS_MAX 400
#define INPUT_MAX 4096

struct peer {
    struct socket *socket; /* NULL: not connected */
    struct buf in;
    bool is_control;
    bool by_recipe; /* its rights are known: nobody's or paula's, bea's on the control listener */
    uint8_t level;  /* that it speaks in recipes */
    uint8_t spoken; /* that the node answers in; 0: not known yet */
    bool is_over;   /* the node has said DISCONNECT */
};

struct script {
    struct bytes rest;
    struct peer peers[PEERS];
};

/* ---- nobody looks at the steps ---- */

void trace(const char *format, ...)
{
    (void)format;
}

void fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    abort();
}

/* ---- the script ---- */

/* 0 behind the end. */
static uint8_t take(struct script *s)
{
    uint8_t byte = s->rest.len > 0 ? s->rest.at[0] : 0;

    if (s->rest.len > 0)
        s->rest = bytes_of(s->rest.at + 1, s->rest.len - 1);
    return byte;
}

static void hang_up(struct peer *p)
{
    if (p->socket == NULL)
        return;
    socket_close_by_client(p->socket);
    p->socket = socket_unref(p->socket);
    p->in.len = 0;
}

static void open_connection(struct script *s, struct peer *p)
{
    struct buf in = p->in;

    hang_up(p);
    in.len = 0;
    *p = (struct peer){.in = in, .is_control = take(s) & 1, .by_recipe = true, .level = LEVEL_5};
    p->socket = socket_connect(p->is_control ? CONTROL_PORT : FIELD_PORT);
}

static void send_raw(struct script *s, struct peer *p)
{
    size_t n = take(s);

    n = MIN(n, s->rest.len);
    if (p->socket != NULL)
        socket_send(p->socket, bytes_of(s->rest.at, n));
    p->by_recipe = false;
    s->rest = bytes_of(s->rest.at + n, s->rest.len - n);
}

/* ---- recipes: two bytes each ---- */

static void make_connect(struct peer *p, uint8_t a, uint8_t b, struct buf *to)
{
    static const char *const ids[] = {"c0", "c1", "c2", ""};
    const struct connect_packet c = {
        .level = p->level = a & 1 ? LEVEL_5 : LEVEL_311,
        .clean = a & 2,
        .keep_alive_s = b & 0x0f,
        .client_id = ids[a >> 2 & 3],
        .user = p->is_control ? role_user(ROLE_BOSS)
                : a & 0x10    ? role_user(ROLE_PLAIN)
                              : NULL,
        .password = a & 0x20 ? "wrong" : "right",
        .expiry_s = a & 0x40 ? 1000 : NOT_SET,
        .receive_max = b & 0x10 ? 1 + (b & 3u) : NOT_SET,
        .packet_max = b & 0x20 ? 20 + (b & 3u) * 10 : NOT_SET,
        .alias_max = b & 0x08 ? 1 + (b & 1u) : NOT_SET,
        .will_topic = a & 0x80 ? topic_text(b % TOPICS) : NULL,
        .will_payload = BYTES("gone"),
        .will_qos = b >> 6 & 1,
        .will_retain = b & 0x80,
        .will_delay_s = a & 0x40 ? b : NOT_SET,
        .will_expiry_s = NOT_SET,
    };

    build_connect(to, &c);
}

static void make_publish(struct peer *p, uint8_t a, uint8_t b, struct buf *to)
{
    static const char text[256] = "text";
    const struct publish_packet m = {
        .topic = topic_text(a % TOPICS),
        .alias = p->level == LEVEL_5 ? (uint16_t)(a >> 7 ? 1 + (b & 3) : 0) : 0,
        .alias_only = p->level == LEVEL_5 && a >> 7 && (b & 4),
        .payload = bytes_of(text, b & 0x80 ? b : b & 7),
        .qos = (a >> 4) % 3,
        .dup = (a >> 4) % 3 > 0 && (b & 0x40),
        .retain = b & 0x20,
        .packet_id = 1 + (b & 7),
        .expiry_s = b & 0x10 ? b : NOT_SET,
        .user_value = b & 8 ? "v" : NULL,
    };

    build_publish(to, &m, p->level);
}

static void make_ack(struct peer *p, uint8_t a, uint8_t b, struct buf *to)
{
    build_ack(to, PUBACK + (a & 3), (uint16_t)(1 + (b & 0x0f)), a & 0x80 ? 0x80 : 0, p->level);
}

static void make_subscribe(struct peer *p, uint8_t a, uint8_t b, struct buf *to)
{
    unsigned of_5 = p->level == LEVEL_5 ? (b & 0x0cU) | (unsigned)(a >> 7) << 4 : 0;
    struct subscribe_filter f = {filter_text(a % FILTERS), (uint8_t)(of_5 | (b & 3U) % 3)};
    char shared[64];

    if (b & 0x80) {
        snprintf(shared, sizeof(shared), "$share/g%u/%s", b >> 4 & 1u, f.filter);
        f.filter = shared;
    }
    build_subscribe(to, (uint16_t)(1 + b), &f, 1, b & 0x40 ? b : 0, p->level);
}

static void make_unsubscribe(struct peer *p, uint8_t a, uint8_t b, struct buf *to)
{
    const char *filter = filter_text(a % FILTERS);

    build_unsubscribe(to, (uint16_t)(1 + b), &filter, 1, p->level);
}

static void make_pingreq(struct peer *p, uint8_t a, uint8_t b, struct buf *to)
{
    (void)p, (void)a, (void)b;
    build_pingreq(to);
}

static void make_disconnect(struct peer *p, uint8_t a, uint8_t b, struct buf *to)
{
    build_disconnect(to, a & 1 ? 4 : 0, a & 2 ? b : NOT_SET, p->level);
}

static void send_made(struct script *s, struct peer *p)
{
    static void (*const recipes[])(struct peer *, uint8_t, uint8_t, struct buf *) = {
        make_connect,     make_publish, make_subscribe,  make_ack,
        make_unsubscribe, make_pingreq, make_disconnect, make_publish,
    };
    uint8_t which = take(s), a = take(s), b = take(s);
    struct buf packet = {0};

    recipes[which % COUNT_OF(recipes)](p, a, b, &packet);
    if (p->socket != NULL)
        socket_send(p->socket, buf_view(&packet));
    buf_done(&packet);
}

/* ---- what the node sends ---- */

static void may_come(struct peer *p, const struct packet *got)
{
    bool is_first = p->spoken == 0;
    int topic = got->type == PUBLISH ? topic_find(got->topic) : -1;

    expect(!p->is_over, "%s behind DISCONNECT", packet_name(got->type));
    expect(got->type == AUTH || is_first == (got->type == CONNACK), "%s at the wrong time",
           packet_name(got->type));
    p->is_over = got->type == DISCONNECT;
    if (topic >= 0 && p->by_recipe && !p->is_control)
        expect(may_receive(POLICY_FULL, ROLE_PLAIN, 0, (unsigned)topic) ||
                   may_receive(POLICY_FULL, ROLE_PLAIN, 1, (unsigned)topic),
               "%s came to who may not read it", topic_text((unsigned)topic));
}

/* Of 5.0 CONNACK has properties. */
static uint8_t level_of_connack(struct bytes data)
{
    return data.len > 1 && data.at[1] > 2 ? LEVEL_5 : LEVEL_311;
}

static void read_answers(struct peer *p)
{
    struct packet got;
    uint64_t written_ns;

    while (socket_receive(p->socket, SIZE_MAX, &p->in, &written_ns) > 0)
        ;
    while (p->in.len >= 2) {
        uint8_t level = p->spoken != 0 ? p->spoken : level_of_connack(buf_view(&p->in));

        if (!packet_parse(buf_view(&p->in), level, &got))
            break;
        may_come(p, &got);
        if (got.type != AUTH) /* which comes before CONNACK, if it comes */
            p->spoken = level;
        buf_drop_front(&p->in, got.len);
    }
}

static void listen_to(struct script *s, struct peer *p)
{
    (void)s;
    if (p->socket != NULL)
        read_answers(p);
}

/* ---- the other steps ---- */

static void turn(struct script *s, struct peer *p)
{
    (void)p;
    node_turn(take(s) % settings.n_workers);
}

/* Some turns of all that want one, and a password is looked at. */
static void turns(struct script *s, struct peer *p)
{
    unsigned n = 4 + take(s) % 8U;

    (void)p;
    for (unsigned i = 0; i < n; i++) {
        if (node_worker_wants_turn(i % settings.n_workers))
            node_turn(i % settings.n_workers);
        if (node_has_auth_jobs())
            node_answer_auth();
    }
}

static void pass_time(struct script *s, struct peer *p)
{
    (void)p;
    kernel_advance(NS_PER_MS << take(s) % 24);
}

static void break_connection(struct script *s, struct peer *p)
{
    static void (*const ways[])(struct socket *) = {
        socket_shutdown_by_client, socket_reset_by_client, socket_freeze, socket_thaw};
    uint8_t how = take(s);

    if (p->socket == NULL)
        return;
    if (how % 5 == 4)
        hang_up(p);
    else
        ways[how % 5](p->socket);
}

static void play(struct script *s)
{
    static void (*const steps[])(struct script *, struct peer *) = {
        open_connection, send_raw, send_made, listen_to, turn, turns, pass_time, break_connection,
    };

    for (unsigned n = 0; s->rest.len > 0 && n < STEPS_MAX; n++) {
        uint8_t step = take(s);

        steps[step % COUNT_OF(steps)](s, &s->peers[step >> 3 & 3]);
    }
    turns(s, NULL);
    for (unsigned i = 0; i < PEERS; i++)
        listen_to(s, &s->peers[i]);
}

static void settle_chance(void)
{
    chance_seed(1);
    settings = (struct settings){
        .n_workers = 2,
        .receive_max = 5,
        .inflight_max = 5,
        .queue_messages_max = 20,
    };
    kernel_start();
    hash_key_set(1, 2);
    log_level_set(LOG_ERROR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {.rest = bytes_of(data, size)};
    uint64_t before = memory_blocks();

    if (size > INPUT_MAX)
        return 0;
    settle_chance();
    node_start();
    play(&s);
    node_end();
    for (unsigned i = 0; i < PEERS; i++) {
        hang_up(&s.peers[i]);
        buf_done(&s.peers[i].in);
    }
    kernel_end();
    expect(memory_blocks() == before, "%lld blocks of memory are not given back",
           (long long)(memory_blocks() - before));
    return 0;
}
