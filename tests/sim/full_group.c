/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/full_group.c - a group that has room for all that is published, and for no more
 *
 * Members that acknowledge nothing come and go meanwhile, and a node with a journal is killed; or
 * they stay, and acknowledge one now and then, which is room for one more.  All that is
 * acknowledged to who published it waits for one of them, whatever worker it is on [MQTT5-4.5.0-1]
 * [MQTT5-4.8.2-4].
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sim/node.h"
#include "sim/scene.h"

#define MEMBERS_MAX  6
#define MESSAGES_MAX 128
#define FREED_MAX    60
#define ROUNDS_MAX   20000 /* of one turn or so */
#define WRITER       MEMBERS_MAX

/* A member of the group, or who publishes to it. */
struct peer {
    char id[16];
    struct socket *socket; /* NULL: not connected */
    struct buf in;
    bool is_in;                            /* CONNACK came on this connection */
    bool is_member;                        /* SUBACK came */
    bool takes;                            /* it acknowledges at once */
    unsigned n_taken;                      /* messages that came first on its first connection */
    uint16_t unacknowledged[MESSAGES_MAX]; /* packet ids, the oldest first */
    unsigned n_unacknowledged;
};

static struct peer peers[MEMBERS_MAX + 1];
static unsigned n_members;
static unsigned n_published;
static unsigned n_open;                    /* of them, not acknowledged yet, and may be */
static bool is_acknowledged[MESSAGES_MAX]; /* by the node */
static bool members_stay;                  /* and acknowledge now and then, */
static unsigned n_freed;                   /* which the node has taken in so often */
static unsigned n_came[MESSAGES_MAX];      /* to any member */

/* ---- what goes to the node ---- */

static void come(struct peer *p)
{
    const struct connect_packet c = scene_connect(p->id, LEVEL_311, p == &peers[WRITER]);
    struct buf packet = {0};

    trace("%s comes", p->id);
    p->socket = socket_connect(FIELD_PORT);
    build_connect(&packet, &c);
    scene_say(p->socket, &packet);
}

static void go(struct peer *p)
{
    trace("%s goes", p->id);
    p->socket = scene_close(p->socket);
    p->in.len = 0;
    p->is_in = false;
    p->n_unacknowledged = 0;
}

static void join(struct peer *p)
{
    scene_subscribe(p->socket, filter_text(SHARE_ALONE), LEVEL_311);
}

static void publish(void)
{
    expect(n_published < MESSAGES_MAX, "too many messages");
    scene_publish(peers[WRITER].socket, TOPIC_OF_ONE_SHARE, n_published, LEVEL_311);
    n_published++;
    n_open++;
}

/* ---- what comes from it ---- */

static void take(struct peer *p, const struct packet *m)
{
    unsigned n = (unsigned)atoi((const char *)m->payload.at);
    struct buf ack = {0};

    expect(n < n_published, "a message that was not published");
    trace("m%u came to %s", n, p->id);
    n_came[n]++;
    p->n_taken += !(m->flags & 8);
    if (!p->takes) {
        p->unacknowledged[p->n_unacknowledged++] = m->packet_id;
        return;
    }
    build_ack(&ack, PUBACK, m->packet_id, 0, LEVEL_311);
    scene_say(p->socket, &ack);
}

static void heed(struct peer *p, const struct packet *got)
{
    switch (got->type) {
    case CONNACK:
        p->is_in = true;
        return;
    case SUBACK:
        p->is_member = true;
        return;
    case PUBACK:
        is_acknowledged[got->packet_id - 1] = true;
        n_open--;
        return;
    case PINGRESP:
        n_freed++;
        return;
    case PUBLISH:
        take(p, got);
        return;
    default:
        fail("%s came to %s", packet_name(got->type), p->id);
    }
}

/* An earlier connection, of which the CONNECT was read later, may have taken the session over. */
static void come_again(struct peer *p)
{
    go(p);
    come(p);
}

static void read_all(struct peer *p)
{
    struct packet got;

    scene_read(p->socket, &p->in);
    while (p->in.len >= 2 && packet_parse(buf_view(&p->in), LEVEL_311, &got)) {
        char text[8];

        snprintf(text, sizeof(text), "%.*s", BYTES_ARG(got.payload)); /* ended by a zero */
        got.payload = bytes_str(text);
        heed(p, &got);
        buf_drop_front(&p->in, got.len);
    }
    if (p->socket != NULL && socket_at_end(p->socket))
        come_again(p);
}

/* ---- time ---- */

static bool turn_some(void)
{
    unsigned first = (unsigned)chance_below(settings.n_workers);

    if (node_scribe_wants_turn() && one_in(settings.n_workers + 1)) {
        node_scribe_turns();
        return true;
    }
    for (unsigned i = 0; i < settings.n_workers; i++) {
        unsigned w = (first + i) % settings.n_workers;

        if (node_worker_wants_turn(w) && node_worker_gets_time(w)) {
            node_turn(w);
            return true;
        }
    }
    return false;
}

static bool wants_turn(void)
{
    if (node_scribe_wants_turn())
        return true;
    for (unsigned w = 0; w < settings.n_workers; w++) {
        if (node_worker_wants_turn(w))
            return true;
    }
    return false;
}

static bool all_in(void)
{
    for (unsigned i = 0; i <= WRITER; i++) {
        if (peers[i].socket != NULL && !peers[i].is_in)
            return false;
    }
    return true;
}

/* Until there is nothing more to do. */
static void settle(void)
{
    for (unsigned n = 0; wants_turn() || n_open > 0 || !all_in(); n++) {
        expect(n < ROUNDS_MAX, "it does not settle");
        if (!turn_some())
            kernel_advance(NS_PER_MS);
        for (unsigned i = 0; i <= WRITER; i++)
            read_all(&peers[i]);
    }
}

/* ---- a seed ---- */

/* All are members, and each has so much in flight as it may. */
static void begin(void)
{
    for (unsigned i = 0; i <= WRITER; i++) {
        struct peer *p = &peers[i];

        *p = (struct peer){.in = p->in};
        snprintf(p->id, sizeof(p->id), i == WRITER ? "writer" : "m%u", i);
        if (i < n_members || i == WRITER)
            come(p);
    }
    settle();
    for (unsigned i = 0; i < n_members; i++)
        join(&peers[i]);
    settle();
    for (unsigned i = 0; i < n_members; i++) {
        expect(peers[i].is_member, "%s is no member", peers[i].id);
        while (peers[i].n_taken < settings.inflight_max) {
            publish();
            settle();
        }
    }
}

/* What is not acknowledged is given up: it may be there all the same. */
static void crash(void)
{
    node_crash();
    n_open = 0;
    for (unsigned i = 0; i <= WRITER; i++) {
        if (peers[i].socket != NULL)
            come_again(&peers[i]);
    }
}

/* The oldest that it has; what is answered behind it says that the node has taken it in. */
static void acknowledge_one(struct peer *p)
{
    struct buf packets = {0};

    if (p->n_unacknowledged == 0)
        return;
    trace("%s acknowledges one", p->id);
    build_ack(&packets, PUBACK, p->unacknowledged[0], 0, LEVEL_311);
    build_pingreq(&packets);
    p->n_unacknowledged--;
    memmove(p->unacknowledged, p->unacknowledged + 1,
            p->n_unacknowledged * sizeof(p->unacknowledged[0]));
    scene_say(p->socket, &packets);
}

static void something_happens(void)
{
    struct peer *p = &peers[chance_below(n_members)];

    if (members_stay)
        acknowledge_one(p);
    else if (settings.durable && one_in(50))
        crash();
    else if (p->socket == NULL)
        come(p);
    else
        go(p);
}

static void turn_and_read(void)
{
    if (!turn_some())
        kernel_advance(NS_PER_MS);
    for (unsigned i = 0; i <= WRITER; i++)
        read_all(&peers[i]);
}

/* Up to the last message that there is room for. */
static void fill(void)
{
    unsigned room = n_members * (settings.inflight_max + settings.queue_messages_max);

    for (unsigned n = 0; n_published < room + n_freed || n < 400; n++) {
        bool is_nearly_full = n_published + 2 >= room + n_freed;

        if (one_in(3) && (!members_stay || (is_nearly_full && n_freed < FREED_MAX)))
            something_happens();
        if (one_in(2) && n_published < room + n_freed)
            publish();
        for (uint64_t k = chance_below(4); k > 0; k--)
            turn_and_read();
    }
}

static void take_everything(void)
{
    if (members_stay) /* one that is away has no window */
        settle();
    for (unsigned i = 0; i < n_members; i++) {
        if (peers[i].socket != NULL)
            go(&peers[i]);
    }
    settle();
    for (unsigned i = 0; i < n_members; i++) {
        peers[i].takes = true;
        come(&peers[i]);
    }
    settle();
    for (unsigned n = 0; n < n_published; n++)
        expect(n_came[n] > 0 || !is_acknowledged[n],
               "m%u, which was acknowledged, came to no member", n);
}

static void draw(void)
{
    settings = (struct settings){
        .n_workers = (unsigned)chance_between(2, SIM_WORKERS_MAX),
        .preempts = true,
        .stalls = true,
        .durable = one_in(3),
        .journal_segment_bytes = 1U << 14,
        .lane_max = (unsigned)chance_below(3),
        .receive_max = 100,
        .inflight_max = (unsigned)chance_between(1, 3),
        .queue_messages_max = (unsigned)chance_between(1, 4),
    };
    n_members = (unsigned)chance_between(2, MEMBERS_MAX);
    members_stay = !settings.durable && one_in(3);
    n_published = n_open = n_freed = 0;
    memset(is_acknowledged, 0, sizeof(is_acknowledged));
    memset(n_came, 0, sizeof(n_came));
}

static void play(struct node *n)
{
    (void)n;
    begin();
    fill();
    take_everything();
}

static void end(void)
{
    for (unsigned i = 0; i <= WRITER; i++) {
        peers[i].socket = scene_close(peers[i].socket);
        buf_done(&peers[i].in);
    }
}

int main(int argc, char **argv)
{
    static const struct scene scene = {draw, play, end};

    (void)argc;
    return scenes_main(argv, &scene, 1);
}
