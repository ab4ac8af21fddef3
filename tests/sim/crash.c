/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/crash.c - what is promised of a node that ended at once, at any point
 *
 * Durability is "commit": who had a CONNACK for a session with an expiry interval has that session,
 * its subscriptions and its Will; a letter that was acknowledged reaches all that it had to reach;
 * a letter of QoS 2 comes once by QoS 2.  What the node did and had not promised yet may have
 * happened or not: a session that came or went, a Will, an order that was not acknowledged.  Below
 * QoS 2 a letter may come once more.
 */
#include "base/clock.h"
#include "sim/model.h"

/* Nothing goes past a CONNACK, and a CONNACK not past what it promises. */
static bool has_connack(const struct line *k)
{
    return k->was_answered || k->socket->out.read_to + k->socket->out.data.len > 0;
}

/* Any of them may come, or come again: it is not known which the node remembers. */
static void wills_in_doubt(const struct client *c, const struct letter *but)
{
    for (uint32_t n = 0; n < model_next_n(); n++) {
        struct letter *m = model_letter(n);

        if (m->is_open && m->publisher == c && m != but)
            letter_perhaps_sent(m);
    }
}

static void session_in_doubt(struct client *c)
{
    c->alive = true;
    c->in_doubt = true;
    c->sure_until_ns = 0;
    c->will = NULL;
    client_in_doubt(c);
}

static void crash_attached(struct client *c, struct line *k)
{
    c->attached = NULL;
    c->left_ns = kernel_now_ns();
    if (!has_connack(k)) {
        session_in_doubt(c);
    } else if (k->expiry_s == 0) {
        c->alive = c->in_doubt = false;
        c->will = NULL;
        client_in_doubt(c);
        shares_member_in_doubt(c); /* also by a SUBACK that it reads later */
    } else {
        c->alive = c->in_doubt = true;
        c->was_connected = true;
    }
}

/* When the connection ended may be forgotten, not that there was a session. */
static void crash_left(struct client *c)
{
    const struct line *k = c->last;

    c->will = NULL;
    if (c->in_doubt)
        return; /* since the crash before this one, and nothing was promised since */
    if (!c->alive || k == NULL || !has_connack(k)) {
        session_in_doubt(c);
        return;
    }
    c->in_doubt = true;
    c->sure_until_ns = MIN(c->expires_ns, c->left_ns + k->expiry_s * NS_PER_S);
    c->sure_until_ns -= MIN(c->sure_until_ns, ROUNDING_NS);
}

static void crash_client(struct client *c)
{
    c->was_connected = false;
    c->will_was_early = false;
    if (c->attached != NULL)
        crash_attached(c, c->attached);
    else
        crash_left(c);
    wills_in_doubt(c, c->will);
}

static void crash_letter(struct letter *m)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        struct duty *d = &m->to[i];

        d->n_after_crash += d->n_may; /* that it left, or was acknowledged, is not on the disk */
    }
}

/** model_crashed() - the node is gone; its connections are not closed yet */
void model_crashed(void)
{
    shares_crashed();
    for (unsigned i = 0; i < settings.n_clients; i++)
        crash_client(&clients[i]);
    for (uint32_t n = 0; n < model_next_n(); n++)
        crash_letter(model_letter(n));
    for (uint32_t i = 1; i <= lines_n(); i++)
        line_by_number(i)->may_end |= MAY_END_STOPPED;
}

/** model_restarted() - who was connected is disconnected since now */
void model_restarted(void)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        struct client *c = &clients[i];
        const struct line *k = c->last;

        if (!c->was_connected)
            continue;
        c->sure_until_ns = kernel_now_ns() + k->expiry_s * NS_PER_S - ROUNDING_NS;
        if (c->will != NULL)
            c->will_due_ns = kernel_now_ns() + MIN(k->will_delay_s, k->expiry_s) * NS_PER_S;
    }
}
