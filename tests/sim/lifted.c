/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/lifted.c - a quarantine that is over before the node has looked for what waits
 *
 * What was on a client's shelf when it began goes, however late it is found.  What was published
 * after its end and acknowledged arrives, though it stands in the journal by then, too; also where
 * the quarantine is one of an earlier run of the node.
 */
#include "base/clock.h"
#include "protect/protect.h"
#include "sim/alone.h"
#include "sim/node.h"
#include "sim/scene.h"

#define MESSAGES_MAX 64
#define ROUNDS_MAX   20000 /* of one turn or so */
#define TOPIC        "t/a"

static const struct quarantine quarantine = {(char *)TOPIC "/#", QUARANTINE_DELIVER};

struct peer {
    char id[16];
    bool is_kept;
    struct socket *socket; /* NULL: not connected */
    struct buf in;
};

static struct peer away, writer;
static unsigned n_published;
static unsigned n_due; /* answers of the node */
static unsigned n_came[MESSAGES_MAX];

/* ---- what goes to the node ---- */

static void come(struct peer *p)
{
    const struct connect_packet c = scene_connect(p->id, LEVEL_311, !p->is_kept);
    struct buf packet = {0};

    trace("%s comes", p->id);
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

static void subscribe(struct peer *p)
{
    n_due++;
    scene_subscribe(p->socket, TOPIC "/#", LEVEL_311);
}

static void publish(void)
{
    expect(n_published < MESSAGES_MAX, "too many messages");
    n_due++;
    scene_publish(writer.socket, TOPIC, n_published, LEVEL_311);
    n_published++;
}

/* ---- what comes from it ---- */

static void take(struct peer *p, const struct packet *m)
{
    unsigned n = (unsigned)(m->payload.at[0] - '0');
    struct buf ack = {0};

    if (m->payload.len == 2)
        n = n * 10 + (unsigned)(m->payload.at[1] - '0');
    expect(n < n_published, "a message that was not published");
    trace("m%u came", n);
    n_came[n]++;
    build_ack(&ack, PUBACK, m->packet_id, 0, LEVEL_311);
    scene_say(p->socket, &ack);
}

static void read_all(struct peer *p)
{
    struct packet got;

    scene_read(p->socket, &p->in);
    while (p->in.len >= 2 && packet_parse(buf_view(&p->in), LEVEL_311, &got)) {
        if (got.type == PUBLISH)
            take(p, &got);
        else
            n_due--;
        buf_drop_front(&p->in, got.len);
    }
}

/* ---- time ---- */

/* Return: false if no worker had anything to do. */
static bool turn_all(void)
{
    bool turned = false;

    for (unsigned w = 0; w < settings.n_workers; w++) {
        if (!node_worker_wants_turn(w))
            continue;
        node_turn(w);
        turned = true;
    }
    read_all(&away);
    read_all(&writer);
    return turned;
}

/* The scribe comes last: what is published by then is in the journal before it looks for what
 * waits. */
static void settle(void)
{
    for (unsigned n = 0; turn_all() || node_scribe_wants_turn() || n_due > 0; n++) {
        expect(n < ROUNDS_MAX, "it does not settle");
        while (turn_all())
            ;
        if (node_scribe_wants_turn())
            node_scribe_turns();
        else if (n_due > 0)
            kernel_advance(NS_PER_MS);
    }
}

/* ---- a seed ---- */

static void restrain(const struct quarantine *q)
{
    struct restraints *r;

    trace(q != NULL ? "quarantine" : "it is lifted");
    alone_quarantine = q;
    r = quarantine_restraints();
    node_restrain(r);
    restraints_unref(r);
}

static void begin(void)
{
    away = (struct peer){.id = "away", .is_kept = true};
    writer = (struct peer){.id = "writer"};
    come(&writer);
    come(&away);
    settle();
    subscribe(&away);
    settle();
    go(&away);
    settle();
}

/* Nothing of it is looked for yet. */
static void quarantine_passes(void)
{
    restrain(&quarantine);
    if (one_in(3)) {
        node_crash();
        n_due = 0;
        go(&writer);
        come(&writer);
    }
    restrain(NULL);
}

static void publish_some(void)
{
    for (uint64_t n = chance_between(settings.lane_max + 1, 10); n > 0; n--)
        publish();
}

static void check_quarantine_is_over(void)
{
    unsigned n_before;

    publish_some();
    settle();
    n_before = n_published;
    for (uint64_t n = chance_between(1, 3); n > 0; n--)
        quarantine_passes();
    publish_some();
    settle();
    come(&away);
    settle();
    for (unsigned n = 0; n < n_published; n++)
        expect(n_came[n] == (n >= n_before), "m%u, published %s the quarantine, came %u times", n,
               n < n_before ? "before" : "after", n_came[n]);
}

static void draw(void)
{
    settings = (struct settings){
        .n_workers = (unsigned)chance_between(1, SIM_WORKERS_MAX),
        .preempts = true,
        .durable = true,
        .journal_segment_bytes = one_in(2) ? 1U << 14 : 1U << 18,
        .lane_max = (unsigned)chance_between(1, 3),
        .receive_max = 100,
        .inflight_max = (unsigned)chance_between(1, 100),
        .queue_messages_max = 100,
    };
    n_published = n_due = 0;
    memset(n_came, 0, sizeof(n_came));
}

static void play(struct node *n)
{
    (void)n;
    begin();
    check_quarantine_is_over();
}

static void end(void)
{
    go(&away);
    go(&writer);
    buf_done(&away.in);
    buf_done(&writer.in);
}

int main(int argc, char **argv)
{
    static const struct scene scene = {draw, play, end};

    (void)argc;
    return scenes_main(argv, &scene, 1);
}
