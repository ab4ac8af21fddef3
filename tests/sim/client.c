/* SPDX-License-Identifier: Apache-2.0 */
/* sim/client.c - a client's life: it connects, leaves, and forgets what it has to forget */
#include "sim/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/model.h"
#include "sim/node.h"

struct client clients[CLIENTS_MAX];

static struct line *
    *lines; /* owned array, in the order they were made; a socket's number is its index plus one */
static size_t n_lines;
static size_t lines_cap;

/** clients_start() - nobody has connected yet */
void clients_start(void)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        struct client *c = &clients[i];

        *c = (struct client){.index = i, .expires_ns = UINT64_MAX};
        snprintf(c->id, sizeof(c->id), "c%u", i);
        c->role = i < 3 ? (enum role)i : (enum role)chance_below(ROLE_N);
        c->level = one_in(3) ? LEVEL_311 : LEVEL_5;
        c->next_packet_id = settings.high_packet_ids ? (uint16_t)chance_between(65500, 65535) : 1;
        c->received = mem_zero(PACKET_IDS);
        c->last_by_id = mem_zero(PACKET_IDS * sizeof(struct letter *));
        c->refused_by_id = mem_zero(PACKET_IDS * sizeof(struct letter *));
        c->lazy = one_in(4) ? (unsigned)chance_between(2, 8) : 1;
    }
}

/** clients_end() - their memory is given back */
void clients_end(void)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        free(clients[i].received);
        free(clients[i].last_by_id);
        free(clients[i].refused_by_id);
        free(clients[i].owed);
    }
    for (size_t i = 0; i < n_lines; i++) {
        buf_done(&lines[i]->in);
        socket_unref(lines[i]->socket);
        free(lines[i]);
    }
    free(lines);
    lines = NULL;
    n_lines = lines_cap = 0;
}

/** line_by_number() - of the socket with this number; NULL: none */
struct line *line_by_number(uint32_t socket_number)
{
    return socket_number >= 1 && socket_number <= n_lines ? lines[socket_number - 1] : NULL;
}

/** lines_n() - how many there were; their numbers begin at 1 */
uint32_t lines_n(void)
{
    return (uint32_t)n_lines;
}

/** line_new() - a network connection; @c may be NULL */
struct line *line_new(struct client *c, uint16_t port)
{
    struct line *k = mem_new(struct line);

    k->client = c;
    k->socket = socket_connect(port);
    expect(k->socket != NULL, "nobody listens on port %u", port);
    check(k->socket->number == n_lines + 1);
    k->index = k->socket->number;
    k->disconnect_reason = -1;
    k->disconnect_expiry_s = NOT_SET;
    k->expect_present = -1;
    k->sent_ns = kernel_now_ns();
    k->is_slow = settings.slow_readers && one_in(4);
    if (n_lines == lines_cap) {
        lines_cap = lines_cap > 0 ? 2 * lines_cap : 64;
        lines = mem_resize(lines, lines_cap * sizeof(struct line *));
    }
    lines[n_lines++] = k;
    return k;
}

/** line_send() - @packet leaves, and is emptied */
void line_send(struct line *k, struct buf *packet)
{
    socket_send(k->socket, buf_view(packet));
    k->sent_ns = kernel_now_ns();
    buf_done(packet);
}

/* ---- what a client forgets ---- */

static void forget_subscriptions(struct client *c, bool for_certain)
{
    for (unsigned i = 0; i < FILTERS; i++) {
        c->subs[i].sure = c->subs[i].steady = false;
        if (for_certain)
            c->subs[i] = (struct sub){0};
    }
    model_drop_duties(c);
}

/** client_forget() - its own state of the session: at a CONNECT with Clean Start, or when the node
 * has none */
void client_forget(struct client *c)
{
    c->n_out = 0;
    memset(c->received, 0, PACKET_IDS);
    memset(c->last_by_id, 0, PACKET_IDS * sizeof(struct letter *));
    memset(c->last_n, 0, sizeof(c->last_n));
    forget_subscriptions(c, false);
}

/** client_session_gone() - the node has said that it has nothing of the session any more */
void client_session_gone(struct client *c)
{
    client_forget(c);
    forget_subscriptions(c, true);
}

/** client_in_doubt() - the node may have nothing of the session, or what it was before */
void client_in_doubt(struct client *c)
{
    forget_subscriptions(c, false);
}

/* The node may have taken a SUBSCRIBE in whose answer will not come. */
static void may_have(struct client *c, const struct out *o)
{
    for (unsigned i = 0; i < o->n_filters; i++) {
        c->subs[o->filters[i]].maybe = true;
        c->subs[o->filters[i]].steady = false;
    }
}

static void stop_using(struct client *c)
{
    struct line *k = c->line;
    uint32_t expiry_s =
        k->disconnect_expiry_s != NOT_SET ? MIN(k->disconnect_expiry_s, k->expiry_s) : k->expiry_s;
    unsigned n = 0;

    c->line = NULL;
    c->n_owed = 0;
    if (k->may_end & MAY_END_STOPPED) { /* the node may not remember what it sent last */
        memset(c->last_by_id, 0, PACKET_IDS * sizeof(struct letter *));
        memset(c->last_n, 0, sizeof(c->last_n));
    }
    for (unsigned i = 0; i < c->n_out; i++) {
        c->out[i].sent_here = false;
        if (c->out[i].kind == OUT_PUBLISH || c->out[i].kind == OUT_PUBREL)
            c->out[n++] = c->out[i];
        else if (c->out[i].kind == OUT_SUBSCRIBE)
            may_have(c, &c->out[i]);
    }
    c->n_out = n;
    if (expiry_s == 0 && k->refusal == 0)
        forget_subscriptions(c, false);
}

/** client_leave() - it gives its connection up, and the node may end it because of @why */
void client_leave(struct client *c, unsigned why)
{
    c->line->phase = PHASE_LEFT;
    c->line->may_end |= why;
    stop_using(c);
}

/** line_over() - nothing more will come: was the node allowed to end it? */
void line_over(struct line *k)
{
    bool mine = k->client != NULL && k->client->line == k;

    trace("k%u is over%s", k->index, mine ? ", and was in use" : "");
    if (mine)
        stop_using(k->client);
    k->phase = PHASE_OVER;
    k->socket->client_gone = true;
    k->socket->in.is_shut = true;
    k->socket->in.shut_arrives_ns = kernel_now_ns();
    buf_done(&k->in);
    expect(k->may_end != 0, "the node ended k%u of c%u for no reason that the client knows of",
           k->index, k->client != NULL ? k->client->index : 99);
}

/* ---- connecting ---- */

/**
 * client_may_connect() - not while a CONNECT without answer may still be under way
 *
 * It would take over from its successor.
 */
bool client_may_connect(const struct client *c)
{
    for (size_t i = 0; i < n_lines; i++) {
        const struct line *k = lines[i];

        if (k->client == c && !k->was_answered && !k->socket->node_closed)
            return false;
    }
    return true;
}

/** lines_wait_for_node() - is there a connection that is given up and that the node has not ended?
 */
bool lines_wait_for_node(void)
{
    for (size_t i = 0; i < n_lines; i++) {
        if (!lines[i]->socket->node_closed &&
            (lines[i]->client == NULL || lines[i]->client->line != lines[i]))
            return true;
    }
    return false;
}

static uint32_t some_expiry_s(void)
{
    switch (chance_below(6)) {
    case 0:
        return NOT_SET;
    case 1:
        return 0;
    case 2:
        return UINT32_MAX - 1;
    case 3:
        return 3600;
    default:
        return (uint32_t)chance_between(1, 30);
    }
}

static void choose_session(struct line *k, struct connect_packet *p, bool heal)
{
    const struct client *c = k->client;

    /* A CONNACK that it has not seen may have said that the session is new: a client that then went
     * on as if nothing had happened would send again what is new to the node. */
    p->clean = c->must_begin_clean || c->epoch != c->known_epoch || (!heal && one_in(5));
    p->expiry_s = p->receive_max = p->packet_max = p->alias_max = NOT_SET;
    k->receive_max = UINT16_MAX;
    k->packet_max = UINT32_MAX;
    if (k->level != LEVEL_5) {
        k->expiry_s = p->clean ? 0 : SESSION_EXPIRY_MAX_S;
        return;
    }
    p->expiry_s = heal ? 3600 : some_expiry_s();
    k->expiry_s = p->expiry_s == NOT_SET ? 0 : MIN(p->expiry_s, SESSION_EXPIRY_MAX_S);
    if (one_in(3))
        p->receive_max = k->receive_max = (uint32_t)chance_between(1, 10);
    if (one_in(2))
        p->alias_max = k->alias_max = (uint32_t)chance_between(1, ALIASES);
    if (!heal && one_in(8))
        p->packet_max = k->packet_max = (uint32_t)chance_between(100, 2000);
}

static void choose_will(struct line *k, struct connect_packet *p, struct buf *payload)
{
    struct client *c = k->client;
    unsigned topic = (unsigned)chance_below(TOPICS);
    bool allowed = may_publish(node_policy(), c->role, c->index, topic);

    if (!one_in(3) || (!allowed && (c->line != NULL || !one_in(4))))
        return;
    k->will =
        letter_new(c, topic, (uint8_t)chance_below(3), one_in(4), (uint32_t)chance_between(16, 60));
    k->will->is_will = true;
    k->will->expiry_s = NOT_SET;
    letter_payload(k->will, payload);
    p->will_topic = topic_text(topic);
    p->will_payload = buf_view(payload);
    p->will_qos = k->will->qos;
    p->will_retain = k->will->retain;
    p->will_delay_s = p->will_expiry_s = NOT_SET;
    if (k->level == LEVEL_5 && one_in(2))
        p->will_delay_s = k->will_delay_s = (uint32_t)chance_between(1, 20);
    if (k->level == LEVEL_5 && one_in(4))
        p->will_expiry_s = k->will->expiry_s = (uint32_t)chance_between(1, 20);
    if (!allowed && !node_policy_is_changing())
        k->refusal = k->level == LEVEL_5 ? 0x87 : 5;
}

static void choose_identity(struct line *k, struct connect_packet *p)
{
    p->user = role_user(k->client->role);
    p->password = "right";
    if (p->user != NULL && k->client->line == NULL && one_in(20)) {
        p->password = "wrong";
        k->refusal = k->level == LEVEL_5 ? 0x86 : 4;
    }
}

/** client_connect() - anew, or in the place of a connection that it has; @heal: to stay and take
 * all */
void client_connect(struct client *c, bool heal)
{
    struct line *k = line_new(c, c->role == ROLE_BOSS ? CONTROL_PORT : FIELD_PORT);
    struct connect_packet p = {.client_id = c->id, .level = c->level};
    struct buf payload = {0};
    struct buf packet = {0};

    if (one_in(10))
        c->level = p.level = c->level == LEVEL_5 ? LEVEL_311 : LEVEL_5;
    k->level = c->level;
    k->is_slow &= !heal;
    k->keep_alive_s = p.keep_alive_s = heal || one_in(2) ? 0 : (uint16_t)chance_between(1, 20);
    choose_session(k, &p, heal);
    if (!heal) {
        choose_will(k, &p, &payload);
        choose_identity(k, &p);
    } else {
        p.user = role_user(c->role);
        p.password = "right";
    }
    if (k->keep_alive_s == 0)
        k->keep_alive_s = KEEP_ALIVE_MAX_S;
    trace("c%u > k%u CONNECT level %u clean %d keep alive %u expiry %d maxima %d %d%s", c->index,
          k->index, k->level, p.clean, p.keep_alive_s, (int)p.expiry_s, (int)p.receive_max,
          (int)p.packet_max, k->refusal != 0 ? ", to be refused" : "");
    if (k->will != NULL)
        trace("  Will m%u %s qos %u retain %d delay %u", k->will->n, p.will_topic, p.will_qos,
              p.will_retain, p.will_delay_s);
    if (c->line != NULL)
        client_leave(c, k->refusal == 0 ? MAY_END_TAKEN_OVER : MAY_END_BY_CLIENT);
    k->clean = p.clean;
    k->phase = PHASE_CONNECTING;
    if (k->refusal != 0)
        k->may_end |= MAY_END_REFUSED;
    build_connect(&packet, &p);
    buf_done(&payload);
    c->line = k;
    if (k->refusal == 0 && p.clean) {
        client_forget(c);
        c->must_begin_clean = true;
    }
    if (k->refusal == 0)
        model_recheck_duties(c);
    line_send(k, &packet);
}
