/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/session.c - sessions, Wills and time limits, by the events of the node
 *
 * A worker's events of one turn come at its end, in order; they carry the time of the
 * turn.  What is due has to have happened when the turn is over whose time is past it.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "sim/model.h"
#include "sim/node.h"

#define KEEP_ALIVE_NS(s) ((s)*NS_PER_S * 3 / 2)
#define HELD_NS          (10 * NS_PER_MS) /* what was read may wait so long to be looked at */

static bool is_ending;

/** model_node_ends() - all sessions end, so that waiting Wills are published now; or not (any more)
 */
void model_node_ends(bool yes)
{
    is_ending = yes;
}

static struct line *line_of(const struct event *e)
{
    char address[32];
    unsigned b, c, d;

    snprintf(address, sizeof(address), "%.*s", BYTES_ARG(e->address));
    if (sscanf(address, "10.%u.%u.%u", &b, &c, &d) != 3)
        return NULL;
    return line_by_number(b << 16 | c << 8 | d);
}

static struct client *client_of(const struct event *e)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        if (bytes_equal(e->client_id, bytes_str(clients[i].id)))
            return &clients[i];
    }
    return NULL;
}

/* ---- Will ---- */

static uint64_t will_due_ns(const struct line *k, uint32_t expiry_s, uint64_t at_ns)
{
    return at_ns + MIN(k->will_delay_s, expiry_s) * NS_PER_S;
}

/* After the client's DISCONNECT. */
static uint32_t expiry_in_the_end_s(const struct line *k)
{
    return k->disconnect_expiry_s != NOT_SET ? MIN(k->disconnect_expiry_s, SESSION_EXPIRY_MAX_S)
                                             : k->expiry_s;
}

static void will_published(const struct event *e)
{
    struct client *c = client_of(e);
    struct letter *m = c != NULL ? c->will : NULL;
    const struct line *k = c != NULL ? c->attached : NULL;

    if (m == NULL && c != NULL && (c->in_doubt || c->will_is_doubtful))
        return; /* see wills_in_doubt(), and reload.c */
    expect(m != NULL, "%.*s: a Will is published, and there is none", BYTES_ARG(e->client_id));
    trace("c%u's Will m%u is published", c->index, m->n);
    if (k != NULL)
        /* by DISCONNECT with another reason than 0, whose event follows */
        expect(k->disconnect_reason > 0 && will_due_ns(k, expiry_in_the_end_s(k), 0) == 0,
               "c%u: its Will is published while it is connected", c->index);
    else
        c->will_was_early = !is_ending && e->at_ns < c->will_due_ns;
    c->will = NULL;
    c->will_due_ns = 0;
    m->is_over = true;
    letter_sent(m);
    letter_settled(m, e->at_ns);
}

/* It was not due in the turn before this one, see check_due(). */
static void will_outlived(struct client *c, const struct line *k)
{
    if (c->will == NULL)
        return;
    expect(!k->clean, "c%u: its session ends, and its Will is not published", c->index);
    trace("c%u's Will m%u is forgotten", c->index, c->will->n);
    c->will = NULL;
    c->will_due_ns = 0;
}

static void wills_over(const struct client *c)
{
    for (uint32_t n = 0; n < model_next_n(); n++)
        model_letter(n)->is_over |= model_letter(n)->is_open && model_letter(n)->publisher == c;
}

/* ---- sessions ---- */

static void connected(const struct event *e)
{
    struct line *k = line_of(e);
    struct client *c;

    check(k != NULL && k->client != NULL);
    c = k->client;
    expect(k->refusal == 0, "k%u of c%u must be refused and is accepted", k->index, c->index);
    expect(c->attached == NULL, "c%u: a second connection while one is there", c->index);
    k->was_accepted = true;
    k->accepted_ns = e->at_ns;
    if (k->clean || !c->alive)
        k->expect_present = 0;
    else if (c->in_doubt)
        k->expect_present = c->sure_until_ns > e->at_ns ? 1 : -1;
    else
        k->expect_present = c->expires_ns > e->at_ns ? 1 : -1;
    c->epoch += k->expect_present != 1;
    if (k->expect_present != 1)
        shares_session_ended(c, k);
    will_outlived(c, k);
    expect(!c->will_was_early || k->clean, "c%u: its Will is published too early", c->index);
    c->will_was_early = c->will_is_doubtful = false;
    wills_over(c);
    c->alive = true;
    c->in_doubt = false;
    c->attached = c->last = k;
    c->expires_ns = UINT64_MAX;
    shares_weakened(); /* it may not be kept any more */
    c->will = k->will;
    if (c->will != NULL)
        c->will->is_open = true;
    trace("c%u: k%u is accepted, session present: %d", c->index, k->index, k->expect_present);
}

static void check_keep_alive(const struct line *k, const struct event *e)
{
    uint64_t least_ns = k->sent_ns + KEEP_ALIVE_NS(k->keep_alive_s);

    if (!bytes_equal(e->text, BYTES("keep alive timeout")))
        return;
    if (is_ending) /* which takes its time, and meanwhile clients here do nothing */
        return;
    if (k->socket->was_frozen || k->is_slow)
        return;
    expect(k->is_silent || k->phase == PHASE_LEFT, "k%u: keep alive timeout of a client that pings",
           k->index);
    expect(k->socket->in.data.len > 0 || e->at_ns >= least_ns, "k%u: keep alive timeout too early",
           k->index);
}

/* So a client of 3.1.1 is told that what it publishes cannot be kept; it sends it again. */
static void check_refusal(struct line *k, const struct event *e)
{
    static const char why[] = "the node cannot keep it now";

    if (!bytes_equal(bytes_of(e->text.at, MIN(e->text.len, strlen(why))), bytes_str(why)))
        return;
    expect(k->level < LEVEL_5, "k%u: ended in place of an answer", k->index);
    k->may_end |= MAY_END_REFUSED;
}

static void disconnected(const struct event *e)
{
    struct line *k = line_of(e);
    struct client *c;
    uint32_t expiry_s;

    check(k != NULL);
    c = k->client;
    expiry_s = e->value == 1 ? expiry_in_the_end_s(k) : k->expiry_s;
    trace("k%u ends: %.*s", k->index, BYTES_ARG(e->text));
    k->was_disconnected = true;
    check_refusal(k, e);
    if (c == NULL || c->attached != k)
        return;
    check_keep_alive(k, e);
    c->attached = NULL;
    c->left_ns = e->at_ns;
    expect(e->value == 0 || k->disconnect_reason >= 0,
           "k%u: ended by a DISCONNECT that was not sent", k->index);
    if (e->value == 1 && k->disconnect_reason == 0) {
        wills_over(c);
        c->will = NULL;
    }
    c->alive = expiry_s > 0;
    shares_member_left();
    if (!c->alive)
        shares_session_ended(c, NULL);
    c->expires_ns = e->at_ns + expiry_s * NS_PER_S;
    if (c->will != NULL)
        c->will_due_ns = will_due_ns(k, expiry_s, e->at_ns);
}

/* Not from a client that has left: what it had sent was read, up to its DISCONNECT, unless a reset
 * has swallowed that. */
static void taken_over(const struct event *e)
{
    const struct line *k = line_of(e);

    check(k != NULL);
    expect(k->disconnect_reason < 0 || (k->may_end & MAY_END_GARBAGE) || k->socket->reset_ns != 0 ||
               k->socket->in.data.len > 0,
           "k%u: taken over behind its DISCONNECT", k->index);
}

/** model_event() - one event of a worker, in the order they happened */
void model_event(const struct event *e, unsigned worker)
{
    struct line *k = line_of(e);

    if (k != NULL) {
        k->worker = worker;
        if (k->opened_ns == 0)
            k->opened_ns = e->at_ns;
    }
    switch (e->kind) {
    case EVENT_CONNECT_ATTEMPT:
        check(k != NULL);
        k->node_number = e->conn;
        break;
    case EVENT_CONNECT_ACCEPTED:
        connected(e);
        break;
    case EVENT_DISCONNECTED:
        disconnected(e);
        break;
    case EVENT_TAKEN_OVER:
        taken_over(e);
        break;
    case EVENT_WILL_PUBLISHED:
        will_published(e);
        break;
    case EVENT_PROTOCOL_ERROR:
        expect(k != NULL && (k->may_end & MAY_END_GARBAGE), "%.*s: protocol error: %.*s",
               BYTES_ARG(e->client_id), BYTES_ARG(e->text));
        break;
    case EVENT_LIMIT_HIT:
        expect(bytes_equal(e->text, BYTES("connect_timeout_ms")) ||
                   (settings.durable && bytes_equal(e->text, BYTES("journal"))),
               "limit: %.*s", BYTES_ARG(e->text));
        break;
    case EVENT_UNSUBSCRIBED:
        shares_member_left();
        break;
    case EVENT_STANDING:
    case EVENT_DEVICE_TRAITS:
    case EVENT_CONNECT_REFUSED:
    case EVENT_AUTH_FAILED:
    case EVENT_TLS_FAILED:
    case EVENT_SUBSCRIBED:
    case EVENT_SUBSCRIBE_DENIED:
    case EVENT_PUBLISH_TOPIC:
    case EVENT_PUBLISH_DENIED:
    case EVENT_BAN_HIT:
    case EVENT_ACTION_TAKEN:
    case EVENT_PINGED:
    case EVENT_ENDED_EARLY:
    case EVENT_COMMAND_SENT:
    case EVENT_COMMAND_HELD:
    case EVENT_TRAFFIC:
    case EVENT_RETAINED_CHANGED:
    case EVENT_ODD_PACKET:
    case EVENT_QUEUE_GROWN:
    case EVENT_QOS2_OPEN:
    case EVENT_WILL_SET:
    case EVENT_SILENT:
    case EVENT_AWAITED:
    case EVENT_INSPECTION_OVERDUE:
    case EVENT_STORE_FAULT:
    case EVENT_CERTIFICATE_DATE:
    case EVENT_LIFECYCLE:
        break;
    case EVENT_KIND_N:
        fail("an event of no kind");
    }
}

/* The first turn that finds it silent looks whether something has come that was not read; one soon
 * after ends it. */
static void check_silence(struct line *k, uint64_t now_ns)
{
    uint64_t due_ns =
        MAX(k->socket->in.last_read_ns, k->accepted_ns) + KEEP_ALIVE_NS(k->keep_alive_s) + HELD_NS;

    if (now_ns < due_ns) {
        k->overdue_ns = 0;
        return;
    }
    if (k->overdue_ns == 0)
        k->overdue_ns = now_ns;
    expect(now_ns < k->overdue_ns + HELD_NS, "k%u: silent, and not ended by keep alive", k->index);
}

static void check_due(struct client *c, uint64_t now_ns)
{
    struct line *k = c->attached;

    expect(!c->will_was_early, "c%u: its Will was published too early", c->index);
    if (c->will != NULL && k == NULL)
        expect(now_ns < c->will_due_ns, "c%u: its Will m%u is late", c->index, c->will->n);
    if (k == NULL && c->alive && !c->in_doubt && now_ns >= c->expires_ns) {
        trace("c%u's session has expired", c->index);
        c->alive = false;
        shares_session_ended(c, NULL);
    }
    if (k != NULL && k->keep_alive_s > 0 && k->was_answered)
        check_silence(k, now_ns);
}

/** model_after_turn() - what was due for a session of this worker has to have happened */
void model_after_turn(unsigned worker)
{
    bool heeds_all = !node_holds_back() && !node_worker_wants_turn(worker); /* that was read */

    for (unsigned i = 0; i < settings.n_clients; i++) {
        if (clients[i].in_doubt && kernel_now_ns() >= clients[i].sure_until_ns)
            shares_member_in_doubt(&clients[i]);
        if (node_home(clients[i].id) == worker)
            check_due(&clients[i], kernel_now_ns());
    }
    for (uint32_t i = 1; line_by_number(i) != NULL; i++) {
        struct line *k = line_by_number(i);

        if (k->worker == worker && !k->was_disconnected && heeds_all)
            k->heeded_to = k->socket->in.read_to;
        if (k->worker == worker && k->client == NULL && k->opened_ns != 0)
            expect(k->socket->node_closed || kernel_now_ns() < k->opened_ns +
                                                                   CONNECT_TIMEOUT_MS * NS_PER_MS +
                                                                   2 * NS_PER_S,
                   "k%u: no CONNECT came, and it is still there", k->index);
    }
}

/** model_expected_present() - what CONNACK has to say: 0, 1, or -1 for either */
int model_expected_present(struct line *k)
{
    expect(k->was_accepted || k->refusal != 0, "k%u: CONNACK without an event", k->index);
    return k->expect_present;
}

/** model_next_due_ns() - when the next thing is due that is checked; UINT64_MAX: nothing */
uint64_t model_next_due_ns(void)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < settings.n_clients; i++) {
        const struct client *c = &clients[i];

        if (c->attached == NULL && c->alive && !c->in_doubt)
            next = MIN(next, c->expires_ns);
        if (c->attached == NULL && c->will != NULL)
            next = MIN(next, c->will_due_ns);
    }
    return next;
}
