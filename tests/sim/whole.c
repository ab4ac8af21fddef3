/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/whole.c - messages of the control plane, and a kill between any two batches of the journal
 *
 * All that follows from one packet, or from one message that has come from another worker, is in
 * one batch: after a kill it is there as a whole or not at all.  So a message of QoS 2 that is sent
 * again by who published it comes once to who subscribes to its topic and once to the group,
 * wherever these are.  Workers turn when a scene says so; some batches are on the disk as soon as
 * they are handed over, and nothing that comes after them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sim/node.h"
#include "sim/scene.h"

#define FIRST   0
#define SECOND  1
#define THIRD   2
#define WORKERS 3

#define LETTERS_MAX 4
#define ROUNDS_MAX  20000 /* of one turn or so */
#define GROUP       "$share/g/" TOPIC_OF_ONE_SHARE

enum who {
    WRITER, /* of the control plane, as OTHER_WRITER */
    OTHER_WRITER,
    READER, /* of the topic */
    MEMBER, /* of GROUP, as OTHER_MEMBER */
    OTHER_MEMBER,
    PEERS,
};

struct peer {
    char id[16]; /* "": nobody */
    struct socket *socket;
    struct buf in;
    bool takes; /* what comes; before, it looks at nothing of it */
    unsigned n_came[LETTERS_MAX];
};

static struct peer peers[PEERS];
static struct letter {
    enum who by;
    const char *text;
    bool retain;
} letters[LETTERS_MAX]; /* by packet id, from 1 */
static unsigned n_letters;
static unsigned n_due; /* answers of the node */

static bool is_writer(enum who who)
{
    return who == WRITER || who == OTHER_WRITER;
}

/* ---- what goes to the node ---- */

static void name(enum who who, unsigned home)
{
    struct peer *p = &peers[who];

    for (unsigned n = 0; p->id[0] == '\0' || node_home(p->id) != home; n++)
        snprintf(p->id, sizeof(p->id), "%c%u", "wvrmn"[who], n);
}

static void come(enum who who)
{
    struct peer *p = &peers[who];
    struct connect_packet c = scene_connect(p->id, LEVEL_5, false);
    struct buf packet = {0};

    trace("%s comes", p->id);
    c.expiry_s = 3600;
    c.receive_max = 1; /* the second one waits */
    c.user = is_writer(who) ? role_user(ROLE_BOSS) : NULL;
    c.password = is_writer(who) ? "right" : NULL;
    p->socket = socket_connect(is_writer(who) ? CONTROL_PORT : FIELD_PORT);
    build_connect(&packet, &c);
    n_due++;
    scene_say(p->socket, &packet);
}

static void go(enum who who)
{
    trace("%s goes", peers[who].id);
    peers[who].socket = scene_close(peers[who].socket);
    peers[who].in.len = 0;
}

static void subscribe(enum who who)
{
    const struct subscribe_filter f = {who == READER ? TOPIC_OF_ONE_SHARE : GROUP, 2};
    struct buf packet = {0};

    build_subscribe(&packet, 1, &f, 1, 0, LEVEL_5);
    n_due++;
    scene_say(peers[who].socket, &packet);
}

static void say(unsigned n, bool again)
{
    const struct letter *m = &letters[n];
    const struct publish_packet p = {
        .topic = TOPIC_OF_ONE_SHARE,
        .payload = bytes_str(m->text),
        .qos = 2,
        .dup = again,
        .retain = m->retain,
        .packet_id = (uint16_t)(n + 1),
        .expiry_s = NOT_SET,
    };
    struct buf packet = {0};

    trace("%s publishes \"%s\"", peers[m->by].id, m->text);
    build_publish(&packet, &p, LEVEL_5);
    scene_say(peers[m->by].socket, &packet);
}

static void publish(enum who by, const char *text, bool retain)
{
    expect(n_letters < LETTERS_MAX, "too many letters");
    letters[n_letters] = (struct letter){by, text, retain};
    say(n_letters++, false);
}

/* ---- what comes from it ---- */

static unsigned letter_of(struct bytes text)
{
    for (unsigned n = 0; n < n_letters; n++) {
        if (bytes_equal(text, bytes_str(letters[n].text)))
            return n;
    }
    fail("a message that was not published");
}

static void answer(struct peer *p, unsigned type, const struct packet *to)
{
    struct buf packet = {0};

    build_ack(&packet, type, to->packet_id, 0, LEVEL_5);
    scene_say(p->socket, &packet);
}

static void heed(void *arg, const struct packet *got)
{
    struct peer *p = arg;

    if (got->type == CONNACK || got->type == SUBACK || got->type == PUBCOMP) {
        n_due--;
    } else if (!p->takes) {
        trace("%s does not look at a %s", p->id, packet_name(got->type));
    } else if (got->type == PUBREC) {
        answer(p, PUBREL, got);
    } else if (got->type == PUBREL) {
        answer(p, PUBCOMP, got);
    } else {
        expect(got->type == PUBLISH, "%s came to %s", packet_name(got->type), p->id);
        trace("\"%.*s\" came to %s", BYTES_ARG(got->payload), p->id);
        p->n_came[letter_of(got->payload)]++;
        answer(p, PUBREC, got);
    }
}

/* ---- time ---- */

static void settle(void)
{
    bool moved = true;

    for (unsigned n = 0; moved || n_due > 0; n++) {
        expect(n < ROUNDS_MAX, "it does not settle");
        moved = scene_all_work();
        for (unsigned i = 0; i < PEERS; i++)
            scene_heed(peers[i].socket, &peers[i].in, LEVEL_5, heed, &peers[i]);
        if (!moved)
            kernel_advance(NS_PER_MS);
    }
}

static void turn(unsigned worker)
{
    while (scene_turn(worker))
        ;
}

/* ---- a scene ---- */

static void come_in(enum who who, unsigned home)
{
    name(who, home);
    come(who);
    settle();
    if (!is_writer(who))
        subscribe(who);
    settle();
}

/* What is handed over from here on: so many batches are written, and all others are not. */
static void write_some(void)
{
    settings.n_written_at_once = (unsigned)chance_below(5);
    trace("%u more batches are written", settings.n_written_at_once);
}

/* All come back, and say again what was not acknowledged. */
static void kill_and_take_all(void)
{
    settings.n_written_at_once = 0;
    n_due = 0;
    node_crash();
    for (unsigned who = 0; who < PEERS; who++) {
        if (peers[who].id[0] == '\0')
            continue;
        go(who);
        come(who);
        peers[who].takes = true;
    }
    settle();
    for (unsigned n = 0; n < n_letters; n++) {
        n_due++;
        say(n, true);
    }
    settle();
}

static void check_all(void)
{
    for (unsigned n = 0; n < n_letters; n++) {
        unsigned n_in_group = peers[MEMBER].n_came[n] + peers[OTHER_MEMBER].n_came[n];

        expect(peers[READER].n_came[n] == 1, "\"%s\" came to its reader %u times", letters[n].text,
               peers[READER].n_came[n]);
        expect(n_in_group == 1, "\"%s\" came to the group %u times", letters[n].text, n_in_group);
    }
}

/* ---- scenes ---- */

/* For others than the members of a group, and for these. */
static void what_is_published(struct node *n)
{
    (void)n;
    come_in(WRITER, FIRST);
    come_in(READER, SECOND);
    come_in(MEMBER, one_in(2) ? SECOND : THIRD);
    write_some();
    publish(WRITER, "one", false);
    turn(FIRST);
    turn(one_in(2) ? SECOND : THIRD);
    kill_and_take_all();
    check_all();
}

/* The worker that is to have it has no member any more that is connected. */
static void what_is_passed_on(struct node *n)
{
    (void)n;
    come_in(WRITER, FIRST);
    come_in(READER, FIRST);
    come_in(MEMBER, SECOND);
    come_in(OTHER_MEMBER, THIRD);
    publish(WRITER, "one", false);
    publish(WRITER, "two", false);
    turn(FIRST);
    go(MEMBER);
    write_some();
    turn(SECOND);
    kill_and_take_all();
    check_all();
}

/* One was sent, the other one waits. */
static void what_a_member_leaves(struct node *n)
{
    (void)n;
    come_in(WRITER, FIRST);
    come_in(READER, FIRST);
    come_in(MEMBER, SECOND);
    publish(WRITER, "one", false);
    publish(WRITER, "two", false);
    settle();
    come_in(OTHER_MEMBER, THIRD);
    go(MEMBER);
    write_some();
    turn(SECOND);
    kill_and_take_all();
    check_all();
}

/* A removal takes what has come before it, and some of that is passed on. */
static void what_removes(struct node *n)
{
    (void)n;
    come_in(WRITER, FIRST);
    come_in(OTHER_WRITER, SECOND);
    come_in(READER, SECOND);
    come_in(MEMBER, FIRST);
    come_in(OTHER_MEMBER, THIRD);
    publish(OTHER_WRITER, "one", false);
    publish(OTHER_WRITER, "two", false);
    turn(SECOND);
    go(MEMBER);
    publish(WRITER, "", true);
    write_some();
    turn(FIRST);
    kill_and_take_all();
    check_all();
}

static void draw(void)
{
    settings = (struct settings){
        .n_workers = WORKERS,
        .receive_max = 10,
        .inflight_max = 10,
        .queue_messages_max = 100,
        .durable = true,
        .journal_segment_bytes = 1U << 14,
    };
    n_letters = 0;
    n_due = 0;
}

static void end(void)
{
    for (unsigned i = 0; i < PEERS; i++) {
        struct peer *p = &peers[i];

        p->socket = scene_close(p->socket);
        buf_done(&p->in);
        *p = (struct peer){0};
    }
}

int main(int argc, char **argv)
{
    static const struct scene scenes[] = {
        {draw, what_is_published, end},
        {draw, what_is_passed_on, end},
        {draw, what_a_member_leaves, end},
        {draw, what_removes, end},
    };

    (void)argc;
    return scenes_main(argv, scenes, COUNT_OF(scenes));
}
