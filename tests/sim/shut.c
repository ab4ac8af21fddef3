/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/shut.c - a listener that is closed while clients come, by a quarantine or by a posture
 *
 * Workers come to it one after the other.  In the end nobody is connected there, wherever its
 * connection was at that time: not accepted yet, without CONNECT, on its way to its home worker,
 * with a password that is being verified.  Who comes by another listener is let in.
 *
 * MQ.RS.RP-04 MQ.RS.RP-05
 */
#include <stdio.h>

#include "base/clock.h"
#include "node/node_private.h"
#include "sim/node.h"
#include "sim/scene.h"

#define PEERS_MAX       6
#define ROUNDS_MAX      20000
#define UNAVAILABLE_311 3

struct peer {
    char id[16];
    uint16_t port;
    uint8_t level;
    struct socket *socket; /* NULL: it has not come yet */
    bool has_said;         /* CONNECT */
    bool is_in;            /* it was accepted */
    struct buf in;
};

static struct node *node;
static struct peer peers[PEERS_MAX];
static unsigned n_peers;
static bool closes_field; /* else the other one */

/* ---- clients ---- */

static bool is_at_closed(const struct peer *p)
{
    return (p->port == FIELD_PORT) == closes_field;
}

static void say(struct peer *p)
{
    const char *user = role_user(p->port == FIELD_PORT ? ROLE_PLAIN : ROLE_BOSS);
    struct connect_packet c = scene_connect(p->id, p->level, true);
    struct buf packet = {0};

    trace("%s says CONNECT", p->id);
    c.user = p->port == FIELD_PORT && one_in(2) ? NULL : user;
    c.password = "right";
    build_connect(&packet, &c);
    scene_say(p->socket, &packet);
    p->has_said = true;
}

static void go_on(struct peer *p)
{
    if (p->socket == NULL) {
        trace("%s comes to port %u", p->id, p->port);
        p->socket = socket_connect(p->port);
    } else if (!p->has_said) {
        say(p);
    }
}

static void heed(void *arg, const struct packet *got)
{
    struct peer *p = arg;

    if (got->type == DISCONNECT)
        return;
    expect(got->type == CONNACK, "%s came to %s", packet_name(got->type), p->id);
    expect(got->reason == 0 ||
               (is_at_closed(p) &&
                got->reason == (p->level == LEVEL_5 ? REASON_SERVER_UNAVAILABLE : UNAVAILABLE_311)),
           "%s is refused with %#x", p->id, got->reason);
    p->is_in = got->reason == 0;
}

static void read_all(struct peer *p)
{
    scene_heed(p->socket, &p->in, p->level, heed, p);
}

/* ---- time ---- */

static bool turn_some(void)
{
    unsigned first = (unsigned)chance_below(settings.n_workers);

    if (node_has_auth_jobs() && one_in(4)) {
        node_answer_auth();
        return true;
    }
    for (unsigned i = 0; i < settings.n_workers; i++) {
        unsigned w = (first + i) % settings.n_workers;

        if (node_worker_wants_turn(w)) {
            node_turn(w);
            return true;
        }
    }
    return node_has_auth_jobs();
}

static bool all_decided(void)
{
    for (unsigned i = 0; i < n_peers; i++) {
        if (!peers[i].is_in && !socket_at_end(peers[i].socket))
            return false;
    }
    return true;
}

/* Everybody has said CONNECT; a listener that could not accept tries again after a while. */
static void settle(void)
{
    for (unsigned n = 0; node_has_auth_jobs() || !all_decided(); n++) {
        expect(n < ROUNDS_MAX, "it does not settle");
        if (!turn_some())
            kernel_advance(NS_PER_MS);
        for (unsigned i = 0; i < n_peers; i++)
            read_all(&peers[i]);
    }
    node_settles();
}

static void something_happens(void)
{
    if (one_in(2))
        go_on(&peers[chance_below(n_peers)]);
    else
        turn_some();
}

/* ---- the closing ---- */

static const char *closed_name(void)
{
    return closes_field ? "field" : "control";
}

static void by_quarantine(void)
{
    struct restraints *r = restraints_new(NULL, 0, NULL, 0);

    trace("a quarantine of %s", closed_name());
    restraints_shut(r, closed_name(), one_in(2) ? "10.0.0.0/8" : NULL); /* where all come from */
    node_restrain(r);
    restraints_unref(r);
}

static bool is_told; /* the worker whose turn it is to be */

static void close_here(struct worker *w, struct post *p)
{
    char *names[] = {(char *)(uintptr_t)closed_name()};
    const struct config c = {
        .postures[POSTURE_LOCKDOWN] = {.closed_listeners = names, .n_closed_listeners = 1}};

    (void)p;
    posture_listeners(w, &c, POSTURE_LOCKDOWN);
    is_told = true;
}

/* As a reload does it: the next worker when the one before has it. */
static void by_posture(void)
{
    trace("a posture closes %s", closed_name());
    for (unsigned i = 0; i < settings.n_workers; i++) {
        struct post post = {.take = close_here};

        list_init(&post.mail.link);
        is_told = false;
        worker_post(node->workers[i], LANE_CONTROL, &post);
        while (!is_told)
            something_happens();
    }
}

/* ---- a seed ---- */

static void draw(void)
{
    settings = (struct settings){
        .n_workers = (unsigned)chance_between(2, SIM_WORKERS_MAX),
        .preempts = one_in(2),
        .receive_max = 100,
        .inflight_max = 10,
        .queue_messages_max = 10,
    };
    closes_field = one_in(2);
    n_peers = (unsigned)chance_between(1, PEERS_MAX);
    for (unsigned i = 0; i < n_peers; i++) {
        peers[i] = (struct peer){.port = one_in(2) ? FIELD_PORT : CONTROL_PORT,
                                 .level = one_in(2) ? LEVEL_5 : LEVEL_311};
        snprintf(peers[i].id, sizeof(peers[i].id), "c%u", i);
    }
}

static void everybody_has_come(void)
{
    for (unsigned i = 0; i < n_peers; i++) {
        while (!peers[i].has_said)
            go_on(&peers[i]);
    }
    settle();
    for (unsigned i = 0; i < n_peers; i++) {
        const struct peer *p = &peers[i];

        if (is_at_closed(p))
            expect(socket_at_end(p->socket), "%s is connected at a listener that is closed", p->id);
        else
            expect(p->is_in && !socket_at_end(p->socket), "%s is kept out", p->id);
    }
}

static void end(void)
{
    for (unsigned i = 0; i < n_peers; i++) {
        peers[i].socket = scene_close(peers[i].socket);
        buf_done(&peers[i].in);
    }
}

static void play(struct node *n)
{
    node = n;
    for (uint64_t i = chance_below(8 * n_peers); i > 0; i--)
        something_happens();
    if (one_in(2))
        by_quarantine();
    else
        by_posture();
    everybody_has_come();
}

int main(int argc, char **argv)
{
    static const struct scene scene = {draw, play, end};

    (void)argc;
    return scenes_main(argv, &scene, 1);
}
