/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/owed.c - what is retained and a client has not been shown yet is replaced while it is away
 *
 * At QoS 0, so that what replaces it does not wait for the client; and between any two batches of
 * the journal the node may be killed.  SUBACK has promised a value of each topic: the client gets
 * one, and no older one after a newer; but what is sent at QoS 2 waits for the journal, and what is
 * sent at QoS 0 may come before it.
 */
#include <limits.h>
#include <stdio.h>

#include "base/clock.h"
#include "sim/node.h"
#include "sim/scene.h"

#define FIRST      0
#define SECOND     1
#define WORKERS    2
#define ROUNDS_MAX 20000 /* of one turn or so */
#define EVERYTHING "t/#"
#define DUP        8U

static const char *const topics[] = {"t/a", "t/a/x", "t/a/y", "t//z", "t/b"};

struct peer {
    char id[16];
    struct socket *socket;
    struct buf in;
    unsigned n_takes;            /* above QoS 0; at what comes behind them it does not look */
    char last[COUNT_OF(topics)]; /* value, a later one is greater; 0: none came */
};

static struct peer writer, reader;
static struct peer *const peers[] = {&writer, &reader};
static uint8_t subscribed_qos;
static unsigned n_due; /* answers of the node */

/* ---- what goes to the node ---- */

static void name(struct peer *p, const char *begin, unsigned home)
{
    for (unsigned n = 0; p->id[0] == '\0' || node_home(p->id) != home; n++)
        snprintf(p->id, sizeof(p->id), "%s%u", begin, n);
}

static void come(struct peer *p)
{
    struct connect_packet c;
    struct buf packet = {0};

    trace("%s comes", p->id);
    c = scene_connect(p->id, LEVEL_5, false);
    c.expiry_s = 3600;
    c.receive_max = 1;
    c.user = role_user(ROLE_PLAIN);
    c.password = "right";
    p->socket = socket_connect(FIELD_PORT);
    build_connect(&packet, &c);
    n_due++;
    scene_say(p->socket, &packet);
}

static void go(struct peer *p)
{
    trace("%s goes", p->id);
    p->socket = scene_close(p->socket);
    p->in.len = 0;
}

static void publish(unsigned topic, char value, uint8_t qos)
{
    const struct publish_packet m = {
        .topic = topics[topic],
        .payload = bytes_of(&value, 1),
        .qos = qos,
        .retain = true,
        .packet_id = qos > 0 ? (uint16_t)(topic + 1) : 0,
        .expiry_s = NOT_SET,
    };
    struct buf packet = {0};

    trace("%s is %c on %s", writer.id, value, topics[topic]);
    n_due += qos > 0;
    build_publish(&packet, &m, LEVEL_5);
    scene_say(writer.socket, &packet);
}

static void publish_all(char first, uint8_t qos)
{
    for (unsigned i = 0; i < COUNT_OF(topics); i++)
        publish(i, (char)(first + i), qos);
}

static void subscribe(struct peer *p)
{
    const struct subscribe_filter f = {EVERYTHING, subscribed_qos};
    struct buf packet = {0};

    build_subscribe(&packet, 1, &f, 1, 0, LEVEL_5);
    n_due++;
    scene_say(p->socket, &packet);
}

/* ---- what comes from it ---- */

static void receive(struct peer *p, const struct packet *got)
{
    char value = (char)got->payload.at[0];
    unsigned topic = 0;

    while (!bytes_equal(got->topic, bytes_str(topics[topic])))
        topic++;
    trace("%.*s is %.*s for %s", BYTES_ARG(got->topic), BYTES_ARG(got->payload), p->id);
    if ((got->flags & DUP) == 0 && subscribed_qos == 1)
        expect(value >= p->last[topic], "%c came after %c", value, p->last[topic]);
    p->last[topic] = value;
}

static void answer(struct peer *p, unsigned type, uint16_t packet_id)
{
    struct buf packet = {0};

    build_ack(&packet, type, packet_id, 0, LEVEL_5);
    scene_say(p->socket, &packet);
}

static void heed(void *arg, const struct packet *got)
{
    static const unsigned acks[] = {0, PUBACK, PUBREC};
    struct peer *p = arg;
    unsigned qos = got->flags >> 1 & 3U;

    if (got->type == CONNACK || got->type == SUBACK || got->type == PUBCOMP) {
        n_due--;
    } else if (got->type == PUBREC) {
        answer(p, PUBREL, got->packet_id);
    } else if (got->type == PUBLISH && qos == 0) {
        receive(p, got);
    } else if (got->type == PUBLISH && p->n_takes > 0) {
        receive(p, got);
        answer(p, acks[qos], got->packet_id);
        p->n_takes--;
    } else if (got->type == PUBREL) {
        answer(p, PUBCOMP, got->packet_id);
    }
}

/* ---- time ---- */

static void settle(void)
{
    bool moved = true;

    for (unsigned n = 0; moved || n_due > 0; n++) {
        expect(n < ROUNDS_MAX, "it does not settle");
        moved = scene_all_work();
        for (unsigned i = 0; i < COUNT_OF(peers); i++)
            scene_heed(peers[i]->socket, &peers[i]->in, LEVEL_5, heed, peers[i]);
        if (!moved)
            kernel_advance(NS_PER_MS);
    }
}

static void some_turns(void)
{
    for (uint64_t n = chance_below(6); n > 0; n--)
        scene_turn((unsigned)chance_below(settings.n_workers));
}

/* ---- the scene ---- */

static void kill_node(void)
{
    settings.n_written_at_once = 0;
    n_due = 0;
    node_crash();
    for (unsigned i = 0; i < COUNT_OF(peers); i++)
        go(peers[i]);
    come(&writer);
}

static void check_all(void)
{
    for (unsigned i = 0; i < COUNT_OF(topics); i++)
        expect(reader.last[i] != 0, "nothing came on %s", topics[i]);
}

/* Come, and go again. */
static void look_in(void)
{
    reader.n_takes = (unsigned)chance_below(COUNT_OF(topics) + 1);
    come(&reader);
    settle();
    go(&reader);
    settle();
}

static void play(struct node *n)
{
    bool has_looked = false;
    unsigned n_rounds;

    (void)n;
    name(&writer, "w", FIRST);
    name(&reader, "r", one_in(2) ? SECOND : FIRST);
    come(&writer);
    settle();
    publish_all('A', 2);
    settle();
    come(&reader);
    settle();
    subscribe(&reader);
    settle();
    go(&reader);
    settle();
    n_rounds = (unsigned)chance_between(1, 3);
    for (unsigned i = 1; i <= n_rounds; i++) {
        settings.n_written_at_once = (unsigned)chance_below(4);
        publish_all((char)('A' + i * COUNT_OF(topics)), 0);
        some_turns();
        if (!has_looked && one_in(2)) /* what is found at QoS 0 does not survive */
            kill_node();
        settle();
        if (one_in(2)) {
            look_in();
            has_looked = true;
        }
    }
    reader.n_takes = UINT_MAX;
    come(&reader);
    settle();
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
        .small_parts = one_in(2),
    };
    subscribed_qos = (uint8_t)chance_between(1, 2);
    n_due = 0;
}

static void end(void)
{
    for (unsigned i = 0; i < COUNT_OF(peers); i++) {
        peers[i]->socket = scene_close(peers[i]->socket);
        buf_done(&peers[i]->in);
        *peers[i] = (struct peer){0};
    }
}

int main(int argc, char **argv)
{
    static const struct scene scenes[] = {{draw, play, end}};

    (void)argc;
    return scenes_main(argv, scenes, COUNT_OF(scenes));
}
