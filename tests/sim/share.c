/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/share.c - shared subscriptions: each letter for one member of a group
 *
 * A share is a filter with "$share/".  Topics of shares come to clients of ROLE_BOSS by other
 * filters alone, to all others by shares alone; so it is known what a copy came by, but for members
 * of several shares.  A letter that is acknowledged has to come to somebody while the share has a
 * member that the node has told so.  When a session ends, what it has not acknowledged at QoS 1 may
 * come to another member; what it was sent at QoS 2 must not [MQTT5-4.8.2-5], and may be lost with
 * it.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sim/model.h"
#include "sim/node.h"

#define TOLD_WITHIN_NS (2 * NS_PER_S) /* workers know by then that a member has gone */
#define COPIES_EACH    2              /* when all are equal */

/* Of a letter, at QoS 1, in a session that goes on. */
struct copy {
    struct letter *letter;
    uint16_t packet_id;
    const struct line *acked_on; /* NULL: no PUBACK was sent */
    uint64_t acked_at;           /* the node has it when it has heeded so much */
};

static struct copies {
    struct copy *at; /* owned */
    size_t n;
    size_t cap;
} copies_of[CLIENTS_MAX];

static uint64_t left_ns; /* a member may have left then, or lost its connection */

/** shares_start() - nobody has left yet */
void shares_start(void)
{
    left_ns = 0;
}

/** shares_end() - forget all */
void shares_end(void)
{
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        free(copies_of[i].at);
        copies_of[i] = (struct copies){0};
    }
}

/** comes_by_share() - do messages on @topic come to @c by shared subscriptions? */
bool comes_by_share(const struct client *c, unsigned topic)
{
    return c->role != ROLE_BOSS && topic_is_shared(topic);
}

static unsigned n_shares(unsigned topic)
{
    unsigned n = 0;

    for (unsigned f = PLAIN_FILTERS; f < FILTERS; f++)
        n += filter_matches(f, topic);
    return n;
}

/** comes_by_several_shares() - may a message on @topic come to @c more than once? */
bool comes_by_several_shares(const struct client *c, unsigned topic)
{
    return comes_by_share(c, topic) && n_shares(topic) > 1;
}

/* ---- somebody has to get it ---- */

/* Is there a member for certain, and none that may take it and lose it? */
static bool holds(unsigned filter, const struct letter *m)
{
    bool some = false;

    for (unsigned i = 0; i < settings.n_clients; i++) {
        const struct sub *s = &clients[i].subs[filter];

        if ((!s->maybe && s->n_unanswered == 0) || reload_suspends(&clients[i], filter))
            continue;
        if (MIN(m->qos, s->qos_least) == 0 || letter_may_be_too_large(m, &clients[i]))
            return false;
        some |= s->sure && !clients[i].perhaps_no_member;
    }
    return some;
}

/* Will its session be there after a crash?  Nothing of the others is on the disk. */
static bool is_kept(const struct client *c)
{
    return c->alive && c->last != NULL && c->last->expiry_s > 0 && !c->perhaps_no_member;
}

static bool has_kept_member(unsigned filter)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        if (clients[i].subs[filter].sure && !reload_suspends(&clients[i], filter) &&
            is_kept(&clients[i]))
            return true;
    }
    return false;
}

static unsigned shares_that_hold(const struct letter *m)
{
    unsigned r = 0;

    for (unsigned f = PLAIN_FILTERS; f < FILTERS; f++) {
        if (filter_matches(f, m->topic) && m->size > 0 && holds(f, m))
            r |= BIT(f);
    }
    return r;
}

static unsigned shares_that_keep(void)
{
    unsigned r = 0;

    for (unsigned f = PLAIN_FILTERS; f < FILTERS; f++)
        r |= has_kept_member(f) ? BIT(f) : 0;
    return r;
}

/** shares_find() - @m is sent for the first time */
void shares_find(struct letter *m)
{
    m->shares_must = shares_that_hold(m);
    m->shares_kept = shares_that_keep();
}

/** shares_weakened() - some member promises less than before */
void shares_weakened(void)
{
    unsigned kept = shares_that_keep();

    for (uint32_t n = 0; n < model_next_n(); n++) {
        struct letter *m = model_letter(n);

        m->shares_kept &= kept;
        if (m->shares_must != 0)
            m->shares_must &= shares_that_hold(m);
    }
}

/** shares_member_in_doubt() - @c's session may be gone, until its client knows more */
void shares_member_in_doubt(struct client *c)
{
    if (c->perhaps_no_member)
        return;
    c->perhaps_no_member = true;
    shares_weakened();
}

/** shares_member_left() - or its connection has gone: what it has not been sent goes to others */
void shares_member_left(void)
{
    left_ns = kernel_now_ns();
}

/** shares_may_pass_on() - may @m have gone to another member first, or to a worker where none takes
 * it? */
bool shares_may_pass_on(const struct letter *m)
{
    if (settings.small_queues)
        return true;
    return left_ns > 0 && m->sent_ns < left_ns + TOLD_WITHIN_NS;
}

static bool is_acknowledged(const struct copy *copy)
{
    return copy->acked_on != NULL && copy->acked_on->heeded_to >= copy->acked_at;
}

/* Others may have what it has not acknowledged. */
static void give_up_copies(struct client *c)
{
    struct copies *all = &copies_of[c->index];

    for (size_t i = 0; i < all->n; i++)
        all->at[i].letter->to[c->index].n_by_shares -= !is_acknowledged(&all->at[i]);
    all->n = 0;
}

/** shares_session_ended() - @c's, at the node; @now: the connection of its next one, or NULL */
void shares_session_ended(struct client *c, const struct line *now)
{
    shares_member_left();
    shares_member_in_doubt(c);
    give_up_copies(c);
    for (uint32_t n = 0; n < model_next_n(); n++) {
        if (model_letter(n)->qos == 2) /* it may have been sent */
            model_letter(n)->shares_must = 0;
    }
    for (uint32_t i = 1; i <= lines_n(); i++) {
        struct line *k = line_by_number(i);

        k->is_of_ended_session |= k->client == c && k != now;
    }
}

/** shares_crashed() - now; below QoS 2 all may come once more */
void shares_crashed(void)
{
    shares_member_left();
    for (uint32_t n = 0; n < model_next_n(); n++) {
        model_letter(n)->shares_must &= model_letter(n)->shares_kept;
        for (unsigned i = 0; i < settings.n_clients; i++)
            model_letter(n)->to[i].n_by_shares = 0;
    }
    for (unsigned i = 0; i < settings.n_clients; i++)
        copies_of[i].n = 0;
    for (uint32_t i = 1; i <= lines_n(); i++)
        line_by_number(i)->is_of_ended_session = true;
}

/* ---- and nobody else ---- */

/* It may have come by any of @filters. */
static void satisfied(struct letter *m, const unsigned *filters, unsigned n)
{
    if (n == 1)
        m->shares_must &= ~BIT(filters[0]);
    else
        m->n_by_some_share++;
}

static void keep_copy(const struct client *c, struct letter *m, uint16_t packet_id)
{
    struct copies *all = &copies_of[c->index];

    if (all->n == all->cap) {
        all->cap = all->cap > 0 ? 2 * all->cap : 16;
        all->at = mem_resize(all->at, all->cap * sizeof(*all->at));
    }
    all->at[all->n++] = (struct copy){.letter = m, .packet_id = packet_id};
}

/** shares_acknowledged() - @c has sent PUBACK; the node has it when it has heeded what comes before
 * @end */
void shares_acknowledged(const struct client *c, uint16_t packet_id, uint64_t end)
{
    struct copies *all = &copies_of[c->index];

    for (size_t i = all->n; i > 0; i--) {
        struct copy *copy = &all->at[i - 1];

        if (copy->packet_id != packet_id)
            continue;
        copy->acked_on = c->line;
        copy->acked_at = end;
        return;
    }
}

/* At QoS 2 once, whatever happens to the node. */
static void check_copies(const struct client *c, const struct letter *m)
{
    unsigned n_may = n_shares(m->topic) * m->n_copies;
    unsigned n_copies = 0;
    unsigned n_once = 0;

    for (unsigned i = 0; i < settings.n_clients; i++) {
        if (!comes_by_share(&clients[i], m->topic))
            continue;
        n_copies += m->to[i].n_by_shares;
        n_once += m->to[i].n_got_once;
    }
    expect(n_copies <= n_may && n_once <= n_may,
           "c%u: m%u came %u times to members of %u shares, %u by QoS 2; it was sent %u times",
           c->index, m->n, n_copies, n_shares(m->topic), n_once, m->n_sent);
}

/** shares_count() - @m came to @c by one of @filters, of which there are @n */
void shares_count(struct client *c, struct letter *m, const struct arrival *a,
                  const unsigned *filters, unsigned n)
{
    struct duty *d = &m->to[c->index];
    unsigned qos = a->packet->flags >> 1 & 3;

    d->n_got++;
    d->n_got_once = (uint8_t)(d->n_got_once + (qos == 2));
    satisfied(m, filters, n);
    if (qos == 1 && a->line->is_of_ended_session)
        return;
    if (qos == 0 && a->line->may_end & MAY_END_STOPPED) /* that it was published may be forgotten */
        return;
    d->n_by_shares++;
    if (qos == 1)
        keep_copy(c, m, a->packet->packet_id);
    check_copies(c, m);
}

/** shares_check() - when all has calmed down: what had to come to somebody has */
void shares_check(void)
{
    for (uint32_t n = 0; n < model_next_n() && !settings.small_queues; n++) {
        const struct letter *m = model_letter(n);

        expect((unsigned)__builtin_popcount(m->shares_must) <= m->n_by_some_share ||
                   !letter_has_to_arrive(m),
               "m%u of c%u, qos %u on %s, was acknowledged and came to no member", m->n,
               m->publisher->index, m->qos, topic_text(m->topic));
    }
}

/* ---- fairness ---- */

static uint32_t fair_from_n;

static bool is_equal(const struct client *c)
{
    return c->role != ROLE_BOSS && may_subscribe(node_policy(), c->role, c->index, SHARE_ALONE);
}

static unsigned n_equal(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < settings.n_clients; i++)
        n += is_equal(&clients[i]);
    return n;
}

/** shares_join_all() - all that may are members of SHARE_ALONE; calm has to follow */
void shares_join_all(void)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        if (is_equal(&clients[i]))
            client_join(&clients[i], SHARE_ALONE);
    }
}

/** shares_publish_evenly() - so much that each member gets COPIES_EACH; calm has to follow */
void shares_publish_evenly(void)
{
    fair_from_n = model_next_n();
    for (unsigned i = 0; i < n_equal() * COPIES_EACH; i++)
        client_publish(&clients[ROLE_BOSS], (unsigned)topic_find(BYTES(TOPIC_OF_ONE_SHARE)));
}

/** shares_check_fair() - each member had its part */
void shares_check_fair(void)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        unsigned n_got = 0;

        if (!is_equal(&clients[i]))
            continue;
        for (uint32_t n = fair_from_n; n < model_next_n(); n++)
            n_got += model_letter(n)->to[i].n_got;
        expect(n_got == COPIES_EACH, "c%u got %u messages, its part was %u", i, n_got, COPIES_EACH);
    }
}
