/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/overtake.c - what one client knows to be done another one finds, whichever worker turns first
 *
 * Two workers, which turn when a scene says so: what the first has sent waits in the mailbox of the
 * second while that reads what its own clients have sent since.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sim/node.h"
#include "sim/scene.h"

#define FIRST  0
#define SECOND 1

/* Reason codes of PUBACK. */
#define NO_SUBSCRIBERS 0x10
#define NOT_AUTHORIZED 0x87

#define ROUNDS_MAX 1000

struct peer {
    unsigned home; /* FIRST or SECOND */
    bool is_control;
    const char *will; /* NULL: none */
    char id[16];
    struct socket *socket; /* NULL: not connected */
    struct buf in;
};

/* ---- what goes to the node ---- */

static void publish(struct peer *p, const char *text)
{
    const struct publish_packet m = {
        .topic = TOPIC_OF_OWNERS,
        .payload = bytes_str(text),
        .qos = 1,
        .retain = true,
        .packet_id = 1,
        .expiry_s = NOT_SET,
    };
    struct buf packet = {0};

    build_publish(&packet, &m, LEVEL_5);
    scene_say(p->socket, &packet);
}

static void subscribe(struct peer *p)
{
    scene_subscribe(p->socket, TOPIC_OF_OWNERS, LEVEL_5);
}

/* ---- who turns ---- */

static void settle(void)
{
    for (unsigned n = 0; scene_all_work(); n++)
        expect(n < ROUNDS_MAX, "it does not settle");
}

/* The next packet, while nobody turns but @worker; borrows from @p->in until buf_drop_front(). */
static struct packet next_by(struct peer *p, unsigned worker, unsigned type)
{
    struct packet got;

    for (unsigned n = 0;; n++) {
        scene_read(p->socket, &p->in);
        if (packet_parse(buf_view(&p->in), LEVEL_5, &got))
            break;
        expect(n < ROUNDS_MAX, "no %s came to %s", packet_name(type), p->id);
        if (!scene_turn(worker) && !scene_others_work())
            kernel_advance(NS_PER_MS);
    }
    expect(got.type == type, "%s came to %s instead of %s", packet_name(got.type), p->id,
           packet_name(type));
    return got;
}

static void expect_puback(struct peer *p, unsigned worker, unsigned reason)
{
    struct packet got = next_by(p, worker, PUBACK);

    expect(got.reason == reason, "PUBACK with 0x%02x for %s instead of 0x%02x", got.reason, p->id,
           reason);
    buf_drop_front(&p->in, got.len);
}

static void expect_message(struct peer *p, const char *text, bool retain)
{
    struct packet got;

    settle();
    got = next_by(p, p->home, PUBLISH);
    expect(bytes_equal(got.payload, bytes_str(text)) && (got.flags & 1) == retain,
           "\"%.*s\" came with RETAIN %d instead of \"%s\" with %d", BYTES_ARG(got.payload),
           got.flags & 1, text, retain);
    buf_drop_front(&p->in, got.len);
}

static void expect_nothing(struct peer *p)
{
    settle();
    scene_read(p->socket, &p->in);
    expect(p->in.len == 0, "something came to %s", p->id);
}

/* ---- who is there ---- */

static void name(struct peer *p)
{
    for (unsigned n = 0; p->id[0] == '\0' || node_home(p->id) != p->home; n++)
        snprintf(p->id, sizeof(p->id), "%c%u", p->is_control ? 'b' : 'c', n);
}

static struct socket *connect_to(const struct peer *p)
{
    return socket_connect(p->is_control ? CONTROL_PORT : FIELD_PORT);
}

/* Also what could not be accepted at once. */
static void settle_accepting(void)
{
    for (unsigned i = 0; i < 5; i++) {
        settle();
        kernel_advance(100 * NS_PER_MS);
    }
    settle();
}

/* Accepted by the worker that is @p's home; nothing else is to be done now. */
static struct socket *open_at_home(const struct peer *p)
{
    for (unsigned n = 0; n < ROUNDS_MAX; n++) {
        struct socket *s = connect_to(p);
        bool is_there = !node_worker_wants_turn(p->home == FIRST ? SECOND : FIRST);

        settle_accepting();
        if (is_there)
            return s;
        scene_close(s);
        settle_accepting();
    }
    fail("no connection comes to worker %u", p->home);
}

static void say_connect(struct peer *p)
{
    struct connect_packet c = scene_connect(p->id, LEVEL_5, true);
    struct buf packet = {0};

    c.user = p->is_control ? role_user(ROLE_BOSS) : NULL;
    c.password = p->is_control ? "right" : NULL;
    c.will_topic = p->will != NULL ? TOPIC_OF_OWNERS : NULL;
    c.will_payload = bytes_str(p->will);
    build_connect(&packet, &c);
    scene_say(p->socket, &packet);
}

static void expect_connack(struct peer *p)
{
    struct packet got = next_by(p, p->home, CONNACK);

    buf_drop_front(&p->in, got.len);
}

static void come(struct peer *p)
{
    p->socket = connect_to(p);
    say_connect(p);
    settle_accepting();
    expect_connack(p);
}

static void go(struct peer *p)
{
    p->socket = scene_close(p->socket);
    p->in.len = 0;
}

/* SUBACK waits for all workers. */
static void come_and_subscribe(struct peer *p)
{
    struct packet got;

    name(p);
    come(p);
    subscribe(p);
    settle();
    got = next_by(p, p->home, SUBACK);
    buf_drop_front(&p->in, got.len);
}

/* ---- scenes ---- */

static struct peer boss;
static struct peer owner;
static struct peer other;
static struct peer reader;

/* @first at the first worker, and another client at the second. */
static void come_both(struct peer *first, bool is_control)
{
    *first = (struct peer){.home = FIRST, .is_control = is_control};
    other = (struct peer){.home = SECOND};
    name(first);
    name(&other);
    come(&other);
    come(first);
}

/* What a client of the control plane has retained, SUBSCRIBE finds, and it is not new
 * [MQTT5-3.3.1-9]. */
static void subscribe_finds_what_is_retained(struct node *n)
{
    (void)n;
    come_both(&boss, true);
    publish(&boss, "on");
    expect_puback(&boss, FIRST, NO_SUBSCRIBERS);
    subscribe(&other);
    settle();
    buf_drop_front(&other.in, next_by(&other, SECOND, SUBACK).len);
    expect_message(&other, "on", true);
    expect_nothing(&other);
}

/* ... and a removal removes it, whatever happens to the node [MQTT5-3.3.1-6]. */
static void what_is_removed_does_not_come_back(struct node *n)
{
    (void)n;
    come_both(&boss, true);
    publish(&boss, "on");
    expect_puback(&boss, FIRST, NO_SUBSCRIBERS);
    publish(&other, "");
    expect_puback(&other, SECOND, NO_SUBSCRIBERS);
    node_crash();
    reader = (struct peer){.home = FIRST}; /* there may be but one by now */
    come_and_subscribe(&reader);
    expect_nothing(&reader);
}

/* MQ.DE.CM-04: on owner-only topics */
static void an_owner_is_known_when_it_has_its_puback(struct node *n)
{
    (void)n;
    come_both(&owner, false);
    publish(&owner, "its own");
    expect_puback(&owner, FIRST, NO_SUBSCRIBERS);
    publish(&other, "forged");
    expect_puback(&other, SECOND, NOT_AUTHORIZED);
}

/* The Will of an operator is said before what he says when he is back. */
static void a_will_comes_before_what_is_said_later(struct node *n)
{
    struct socket *again;

    (void)n;
    boss = (struct peer){.home = FIRST, .is_control = true, .will = "off"};
    other = (struct peer){.home = SECOND};
    name(&boss);
    come_and_subscribe(&other);
    come(&boss);
    again = open_at_home(&boss);
    go(&boss);
    while (scene_turn(FIRST))
        ;
    boss.socket = again;
    say_connect(&boss);
    expect_connack(&boss);
    publish(&boss, "on");
    expect_puback(&boss, FIRST, 0);
    expect_message(&other, "off", false);
    expect_message(&other, "on", false);
}

static void draw_for(bool durable, bool owner_only)
{
    settings = (struct settings){
        .n_workers = 2,
        .receive_max = 10,
        .inflight_max = 10,
        .queue_messages_max = 100,
        .durable = durable,
        .owner_only = owner_only,
        .journal_segment_bytes = 1U << 14,
    };
}

static void draw(void)
{
    draw_for(false, false);
}

static void draw_durable(void)
{
    draw_for(true, false);
}

static void draw_owner_only(void)
{
    draw_for(false, true);
}

static void end(void)
{
    struct peer *const all[] = {&boss, &owner, &other, &reader};

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        go(all[i]);
        buf_done(&all[i]->in);
    }
}

int main(int argc, char **argv)
{
    static const struct scene scenes[] = {
        {draw, subscribe_finds_what_is_retained, end},
        {draw_durable, what_is_removed_does_not_come_back, end},
        {draw_owner_only, an_owner_is_known_when_it_has_its_puback, end},
        {draw, a_will_comes_before_what_is_said_later, end},
    };

    (void)argc;
    return scenes_main(argv, scenes, COUNT_OF(scenes));
}
