/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/narrowed.c - a node is killed with messages on their way, and begins again with fewer rights
 *
 * They are in the journal and in no session's queue.  What no rule allows any more comes by no
 * subscription, and of a group another member gets it; with the rules of before the node is
 * restarted once more, and all is as it was.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sim/node.h"
#include "sim/scene.h"

#define MESSAGES_MAX 64
#define ROUNDS_MAX   20000 /* of one turn or so */
#define GROUP        "$share/g/w/+"

static const char *const topics[] = {TOPIC_OF_RELOADS, TOPIC_OF_ONE_SHARE};

enum who {
    READER, /* of both topics, the second one as a member of GROUP; POLICY_LESS forbids both */
    OTHER,  /* the other member */
    WRITER,
    PEERS,
};

struct peer {
    char id[16];
    struct socket *socket; /* NULL: not connected */
    struct buf in;
    unsigned n_came[MESSAGES_MAX];
};

static struct peer peers[PEERS];
static unsigned n_published; /* to the topics in turn */
static unsigned n_due;       /* answers of the node */

/* ---- what goes to the node ---- */

static void come(struct peer *p)
{
    struct connect_packet c = scene_connect(p->id, LEVEL_311, p == &peers[WRITER]);
    struct buf packet = {0};

    trace("%s comes", p->id);
    if (p == &peers[READER]) {
        c.user = role_user(ROLE_PLAIN);
        c.password = "right";
    }
    p->socket = socket_connect(FIELD_PORT);
    build_connect(&packet, &c);
    n_due++;
    scene_say(p->socket, &packet);
}

static void go(struct peer *p)
{
    p->socket = scene_close(p->socket);
    p->in.len = 0;
}

static void subscribe(struct peer *p, const char *filter)
{
    n_due++;
    scene_subscribe(p->socket, filter, LEVEL_311);
}

static const char *topic_of(unsigned n)
{
    return topics[n % COUNT_OF(topics)];
}

static void publish(void)
{
    expect(n_published < MESSAGES_MAX, "too many messages");
    n_due++;
    scene_publish(peers[WRITER].socket, topic_of(n_published), n_published, LEVEL_311);
    n_published++;
}

/* ---- what comes from it ---- */

static void take(struct peer *p, const struct packet *m)
{
    char text[8];
    struct buf ack = {0};
    unsigned n;

    snprintf(text, sizeof(text), "%.*s", BYTES_ARG(m->payload));
    n = (unsigned)atoi(text);
    expect(n < n_published, "a message that was not published");
    trace("m%u came to %s", n, p->id);
    p->n_came[n]++;
    build_ack(&ack, PUBACK, m->packet_id, 0, LEVEL_311);
    scene_say(p->socket, &ack);
}

static void heed(void *arg, const struct packet *got)
{
    if (got->type == PUBLISH)
        take(arg, got);
    else
        n_due--;
}

/* ---- time ---- */

/* Until all is answered and, unless none but @alone has turns, nothing is left to be done. */
static void settle_by(int alone)
{
    for (unsigned n = 0;; n++) {
        bool moved = scene_others_work();

        expect(n < ROUNDS_MAX, "it does not settle");
        for (unsigned w = 0; w < settings.n_workers; w++) {
            if (alone < 0 || w == (unsigned)alone)
                moved |= scene_turn(w);
        }
        for (unsigned i = 0; i < PEERS; i++)
            scene_heed(peers[i].socket, &peers[i].in, LEVEL_311, heed, &peers[i]);
        if (n_due == 0 && (alone >= 0 || !moved))
            return;
        if (!moved)
            kernel_advance(NS_PER_MS);
    }
}

static void settle(void)
{
    settle_by(-1);
}

/* ---- a seed ---- */

/* One whose session is not on @worker, if that is not the only one. */
static void name_beside(struct peer *p, const char *prefix, unsigned worker)
{
    unsigned i = 0;

    do
        snprintf(p->id, sizeof(p->id), "%s%u", prefix, i++);
    while (node_home(p->id) == worker);
}

/* The members are away. */
static void begin(void)
{
    snprintf(peers[WRITER].id, sizeof(peers[WRITER].id), "writer");
    name_beside(&peers[READER], "reader", node_home("writer"));
    name_beside(&peers[OTHER], "other", node_home("writer"));
    for (unsigned i = 0; i < PEERS; i++)
        come(&peers[i]);
    settle();
    subscribe(&peers[READER], TOPIC_OF_RELOADS);
    subscribe(&peers[READER], GROUP);
    subscribe(&peers[OTHER], GROUP);
    settle();
    go(&peers[READER]);
    go(&peers[OTHER]);
    settle();
}

static void publish_some(int alone)
{
    for (uint64_t n = chance_between(1, 8); n > 0; n--)
        publish();
    settle_by(alone);
}

static void restart_with(enum policy_variant v)
{
    node_begins_with(v);
    (void)node_crash();
    for (unsigned i = 0; i < PEERS; i++)
        go(&peers[i]);
    come(&peers[WRITER]);
    settle();
}

static void take_everything(void)
{
    come(&peers[READER]);
    come(&peers[OTHER]);
    settle();
}

/* Of those from the @from-th up to the @to-th. */
static void check_came(unsigned from, unsigned to, bool allowed)
{
    for (unsigned n = from; n < to; n++) {
        unsigned to_reader = peers[READER].n_came[n];
        unsigned to_other = peers[OTHER].n_came[n];

        if (topic_of(n) == topics[0])
            expect((to_reader > 0) == allowed && to_other == 0, "m%u came %u times", n, to_reader);
        else
            expect(to_reader + to_other > 0 && (allowed || to_reader == 0),
                   "m%u came %u times, and %u times to the other member", n, to_reader, to_other);
    }
}

static void draw(void)
{
    settings = (struct settings){
        .n_workers = (unsigned)chance_between(2, SIM_WORKERS_MAX),
        .durable = true,
        .journal_segment_bytes = one_in(2) ? 1U << 14 : 1U << 18,
        .lane_max = (unsigned)chance_between(1, 3),
        .receive_max = 100,
        .inflight_max = (unsigned)chance_between(1, 100),
        .queue_messages_max = 100,
    };
    memset(peers, 0, sizeof(peers));
    n_published = n_due = 0;
}

static void play(struct node *n)
{
    enum policy_variant v = one_in(4) ? POLICY_FULL : POLICY_LESS;
    unsigned before;

    (void)n;
    begin();
    publish_some((int)node_home("writer"));
    restart_with(v);
    if (one_in(2))
        publish_some(-1);
    take_everything();
    before = n_published;
    check_came(0, before, v == POLICY_FULL);
    restart_with(POLICY_FULL);
    publish_some(-1);
    take_everything();
    check_came(before, n_published, true);
    check_came(0, before, v == POLICY_FULL); /* nothing has come late */
}

static void end(void)
{
    for (unsigned i = 0; i < PEERS; i++) {
        go(&peers[i]);
        buf_done(&peers[i].in);
    }
}

int main(int argc, char **argv)
{
    static const struct scene scene = {draw, play, end};

    (void)argc;
    return scenes_main(argv, &scene, 1);
}
