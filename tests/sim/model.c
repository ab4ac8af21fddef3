/* SPDX-License-Identifier: Apache-2.0 */
/* sim/model.c - letters, and the duties to deliver them */
#include "sim/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/node.h"

static struct letter **letters; /* owned, by number */
static size_t n_letters;
static size_t letters_cap;

/** model_start() - no message yet */
void model_start(void)
{
    n_letters = letters_cap = 0;
    letters = NULL;
}

/** model_end() - forget all */
void model_end(void)
{
    for (size_t i = 0; i < n_letters; i++)
        free(letters[i]);
    free(letters);
    letters = NULL;
    n_letters = letters_cap = 0;
}

/** model_next_n() - the number of the message that comes next */
uint32_t model_next_n(void)
{
    return (uint32_t)n_letters;
}

/** model_letter() - by number; NULL behind the last */
struct letter *model_letter(uint32_t n)
{
    return n < n_letters ? letters[n] : NULL;
}

/** letter_new() - not sent yet; @size 0: to clear what is retained */
struct letter *letter_new(struct client *publisher, unsigned topic, uint8_t qos, bool retain,
                          uint32_t size)
{
    struct letter *m = mem_new(struct letter);

    m->n = (uint32_t)n_letters;
    m->publisher = publisher;
    m->topic = topic;
    m->qos = qos;
    m->retain = retain;
    m->size = size;
    m->expiry_s = NOT_SET;
    if (n_letters == letters_cap) {
        letters_cap = letters_cap > 0 ? 2 * letters_cap : 256;
        letters = mem_resize(letters, letters_cap * sizeof(struct letter *));
    }
    letters[n_letters++] = m;
    return m;
}

#define HEADER_LEN 10

/** letter_payload() - append "m", nine digits, and bytes that follow from both */
void letter_payload(const struct letter *m, struct buf *ret)
{
    if (m->size == 0)
        return;
    buf_addf(ret, "m%09u", m->n);
    for (uint32_t i = HEADER_LEN; i < m->size; i++)
        buf_add_u8(ret, (uint8_t)(m->n * 7 + i));
}

/** letter_may_be_published() - had its publisher the right, or did rights change while it was on
 * its way? */
bool letter_may_be_published(const struct letter *m)
{
    return !m->is_denied || m->is_doubtful;
}

/** letter_user_value() - of the user property that travels with it */
void letter_user_value(const struct letter *m, char ret[16])
{
    snprintf(ret, 16, "v%u", m->n);
}

/** letter_find() - whose payload this is; fails if it is nobody's, or was changed */
struct letter *letter_find(struct bytes payload)
{
    char header[HEADER_LEN + 1];
    struct buf whole = {0};
    struct letter *m = NULL;

    if (payload.len >= HEADER_LEN) {
        memcpy(header, payload.at, HEADER_LEN);
        header[HEADER_LEN] = '\0';
        m = model_letter((uint32_t)strtoul(header + 1, NULL, 10));
    }
    expect(m != NULL, "a payload of %zu bytes that nobody has published", payload.len);
    letter_payload(m, &whole);
    expect(bytes_equal(payload, buf_view(&whole)),
           "m%u has %zu bytes and came with %zu, or changed", m->n, whole.len, payload.len);
    buf_done(&whole);
    return m;
}

/** letter_expired() - may the node have dropped it because of its expiry? */
bool letter_expired(const struct letter *m, uint64_t now_ns)
{
    return m->expiry_s != NOT_SET && now_ns >= m->sent_ns + m->expiry_s * NS_PER_S;
}

/** letter_has_to_arrive() - where there is a duty: the node has it, and no reason to drop it */
bool letter_has_to_arrive(const struct letter *m)
{
    return m->is_settled && !m->is_refused && !m->is_denied && !m->is_doubtful &&
           !letter_expired(m, kernel_now_ns());
}

/* ---- duties ---- */

/* More than this a PUBLISH never has beside topic and payload here. */
#define OVERHEAD_MAX 120

/** letter_may_be_too_large() - for a connection of @c that may get it */
bool letter_may_be_too_large(const struct letter *m, const struct client *c)
{
    /* One that was given up takes messages until the node knows of it. */
    return (c->line != NULL && m->size + OVERHEAD_MAX > c->line->packet_max) ||
           (c->attached != NULL && m->size + OVERHEAD_MAX > c->attached->packet_max);
}

static bool makes_duty(const struct client *c, unsigned filter, const struct letter *m)
{
    const struct sub *s = &c->subs[filter];

    return s->sure && !reload_suspends(c, filter) && MIN(m->qos, s->qos_least) > 0 &&
           !(s->no_local && c == m->publisher);
}

static void find_duties(struct letter *m)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        struct client *c = &clients[i];
        struct duty *d = &m->to[i];

        for (unsigned f = 0; f < PLAIN_FILTERS; f++) {
            if (!filter_matches(f, m->topic))
                continue;
            if (m->retain)
                d->n_may = (uint8_t)(d->n_may + c->subs[f].n_unanswered);
            if (makes_duty(c, f, m) && m->size > 0 && !letter_may_be_too_large(m, c) &&
                !quarantine_may_hold_back(m->topic, UINT64_MAX))
                d->must = true;
        }
    }
}

/* What is replaced before it was delivered from the store is passed over: its successor comes live.
 */
static void replaces_retained(const struct letter *m)
{
    for (size_t i = 0; i < n_letters; i++) {
        for (unsigned c = 0; letters[i]->topic == m->topic && c < settings.n_clients; c++) {
            struct duty *d = &letters[i]->to[c];

            d->must &= !d->is_retained;
        }
    }
}

/** letter_sent() - to the node, by a client, or by the node itself for a Will; once, or again */
void letter_sent(struct letter *m)
{
    bool first = m->n_sent++ == 0;
    bool before_5 = !m->is_will && m->publisher->line->level != LEVEL_5;

    m->by_5 |= !before_5;
    m->by_311 |= before_5;
    if (first) {
        const struct client *p = m->publisher;

        m->sent_ns = kernel_now_ns();
        m->is_denied = !may_publish(node_policy(), p->role, p->index, m->topic);
        m->is_doubtful |= node_policy_is_changing();
        find_duties(m);
        shares_find(m);
        if (m->retain)
            replaces_retained(m);
    }
    m->n_copies += first || m->qos < 2;
    for (unsigned i = 0; i < settings.n_clients; i++)
        m->to[i].n_may = (uint8_t)(m->to[i].n_may + (first || m->qos < 2));
}

/** letter_perhaps_sent() - a Will of which it is not known whether it comes: nobody must get it */
void letter_perhaps_sent(struct letter *m)
{
    const struct client *p = m->publisher;

    if (m->n_sent++ == 0)
        m->sent_ns = kernel_now_ns();
    m->is_denied = !may_publish(node_policy(), p->role, p->index, m->topic);
    m->is_doubtful = true;
    m->is_settled = false;
    if (m->retain)
        replaces_retained(m);
    m->n_copies++;
    m->shares_must = 0;
    for (unsigned i = 0; i < settings.n_clients; i++) {
        m->to[i].must = false;
        m->to[i].n_may++;
    }
}

/** model_flushed() - all that the node did until now is on its disk */
void model_flushed(void)
{
    for (size_t i = 0; i < n_letters; i++)
        letters[i]->is_open &= !letters[i]->is_over;
}

/** letter_settled() - the node has taken it, at @at_ns or before: duties are firm now */
void letter_settled(struct letter *m, uint64_t at_ns)
{
    if (m->is_settled)
        return;
    m->is_settled = true;
    m->settled_ns = at_ns;
}

/** letter_refused() - the node will not deliver it, if it did not when it was sent with other
 * rights */
void letter_refused(struct letter *m)
{
    m->is_refused |= !m->is_doubtful || m->n_sent == 1;
}

/** model_drop_duties() - @c's session, or all of its subscriptions, may be gone */
void model_drop_duties(struct client *c)
{
    for (size_t i = 0; i < n_letters; i++)
        letters[i]->to[c->index].must = false;
    shares_weakened();
}

/** model_recheck_duties() - what is too large for @c's connection need not arrive any more */
void model_recheck_duties(struct client *c)
{
    for (size_t i = 0; i < n_letters; i++) {
        if (letter_may_be_too_large(letters[i], c)) {
            letters[i]->to[c->index].must = false;
            letters[i]->shares_must = 0;
        }
    }
}

static bool still_must(const struct client *c, const struct letter *m)
{
    for (unsigned f = 0; f < PLAIN_FILTERS; f++) {
        const struct sub *s = &c->subs[f];

        if (filter_matches(f, m->topic) && makes_duty(c, f, m) && s->sure_n <= m->n)
            return true;
    }
    return false;
}

/** model_weakened() - subs[filter] promises less than before: an UNSUBSCRIBE was sent, or other
 * options */
void model_weakened(struct client *c, unsigned filter)
{
    if (filter_is_shared(filter))
        shares_weakened();
    for (size_t i = 0; i < n_letters && !filter_is_shared(filter); i++) {
        struct letter *m = letters[i];
        struct duty *d = &m->to[c->index];

        if (d->must && filter_matches(filter, m->topic) && !still_must(c, m))
            d->must = false;
    }
}

/* ---- retained messages at a SUBSCRIBE ---- */

/** model_subscribe_sent() - it may find what is retained now */
void model_subscribe_sent(struct client *c, unsigned filter, uint8_t options)
{
    if (filter_is_shared(filter))
        shares_weakened();
    if (filter_is_shared(filter) || (options >> 4 & 3) == 2)
        return;
    for (size_t i = 0; i < n_letters; i++) {
        if (letters[i]->retain && filter_matches(filter, letters[i]->topic))
            letters[i]->to[c->index].n_may++;
    }
}

static bool was_stored(const struct letter *m)
{
    return m->retain && m->n_sent > 0 && letter_may_be_published(m) && !m->is_refused;
}

/**
 * model_retained() - what is retained for @topic for certain, and was before @before_ns
 *
 * NULL: it is not known, or nothing.
 */
const struct letter *model_retained(unsigned topic, uint64_t before_ns)
{
    const struct letter *last = NULL;

    for (size_t i = 0; i < n_letters; i++) {
        const struct letter *m = letters[i];

        if (!was_stored(m) || m->topic != topic)
            continue;
        if (!m->is_settled || m->is_doubtful || m->settled_ns >= before_ns)
            return NULL;
        if (last == NULL || m->sent_ns > last->settled_ns)
            last = m;
        else if (m->settled_ns >= last->sent_ns)
            return NULL; /* at the same time */
    }
    return last != NULL && last->size > 0 && last->n_sent == 1 &&
                   !letter_expired(last, kernel_now_ns())
               ? last
               : NULL;
}

/** model_subscribed() - SUBACK came for the filter @i of @o: what was retained has to arrive */
void model_subscribed(struct client *c, const struct out *o, unsigned i)
{
    unsigned handling = o->options[i] >> 4 & 3;
    unsigned qos = o->options[i] & 3;

    if (filter_is_shared(o->filters[i]) || handling == 2 || (handling == 1 && !o->is_new[i]))
        return;
    for (unsigned t = 0; t < TOPICS; t++) {
        const struct letter *m =
            filter_matches(o->filters[i], t) ? model_retained(t, o->sent_ns) : NULL;
        struct duty *d = m != NULL ? &letters[m->n]->to[c->index] : NULL;

        if (d == NULL || MIN(qos, m->qos) == 0 || letter_may_be_too_large(m, c) ||
            m->publisher == c || d->n_got > 0 || quarantine_may_hold_back(t, o->sent_ns))
            continue;
        d->must = true;
        d->is_retained = true;
    }
}
