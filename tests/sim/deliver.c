/* SPDX-License-Identifier: Apache-2.0 */
/* sim/deliver.c - a PUBLISH from the node: may this client get it, now, like that? */
#include "sim/model.h"

#include "base/clock.h"
#include "sim/node.h"
#include "sim/paging.h"

#define SKEW_NS (100 * NS_PER_MS) /* that the node allows for between its workers */

/* The client's subscriptions that the message may have come by. */
struct finders {
    unsigned filters[FILTERS];
    unsigned n;
    bool all_steady; /* and it can have come by these alone */
};

static struct finders finders_of(const struct client *c, const struct letter *m)
{
    struct finders r = {.all_steady = true};

    for (unsigned f = 0; f < FILTERS; f++) {
        const struct sub *s = &c->subs[f];
        bool was_there = s->gone_n > m->n;

        if (!filter_matches(f, m->topic) || !(s->maybe || s->n_unanswered > 0 || was_there) ||
            reload_hides(c, f, m))
            continue;
        r.filters[r.n++] = f;
        r.all_steady &= s->sure && s->steady && s->n_unanswered == 0 && s->since_n <= m->n;
    }
    return r;
}

static bool has_id(const struct packet *p, uint32_t id)
{
    for (size_t i = 0; i < p->n_subids; i++) {
        if (p->subids[i] == id)
            return true;
    }
    return false;
}

/* QoS, identifiers and flags of a message that came by subscriptions which do not change
 * [MQTT5-3.3.4-2] to [MQTT5-3.3.4-4], [MQTT5-3.8.3-3]. */
static void check_exactly(const struct client *c, const struct letter *m, const struct arrival *a,
                          const struct finders *by)
{
    const struct packet *p = a->packet;
    unsigned qos_most = 0;
    unsigned n = 0;
    unsigned n_ids = 0;

    if (c == m->publisher && m->by_5 && m->by_311)
        return;
    for (unsigned i = 0; i < by->n; i++) {
        const struct sub *s = &c->subs[by->filters[i]];

        if (s->no_local && c == m->publisher && m->by_5)
            continue;
        n++;
        qos_most = MAX(qos_most, s->qos_most);
        if (s->id == 0)
            continue;
        n_ids++;
        expect(a->line->level != LEVEL_5 || has_id(p, s->id),
               "c%u: m%u came without the identifier %u of %s", c->index, m->n, s->id,
               filter_text(by->filters[i]));
    }
    expect(n > 0, "c%u: m%u is its own, and No Local", c->index, m->n);
    expect((p->flags >> 1 & 3U) == MIN(qos_most, m->qos), "c%u: m%u came with QoS %u instead of %u",
           c->index, m->n, p->flags >> 1 & 3U, MIN(qos_most, m->qos));
    expect(a->line->level != LEVEL_5 || p->n_subids == n_ids,
           "c%u: m%u came with %zu identifiers instead of %u", c->index, m->n, p->n_subids, n_ids);
}

/* Of several shares it has come by one of them; it is not known which. */
static bool is_by_all(const struct client *c, const struct letter *m, const struct finders *by)
{
    return by->all_steady && (by->n == 1 || !comes_by_share(c, m->topic));
}

static void check_rights(const struct client *c, const struct letter *m, const struct finders *by)
{
    expect(letter_may_be_published(m), "c%u: m%u was published without a right to", c->index, m->n);
    expect(!m->is_refused, "c%u: m%u was refused and came", c->index, m->n);
    expect(m->n_sent > 0, "c%u: m%u was never published", c->index, m->n);
    expect(may_receive(m->n < reload_since_n() || node_policy_is_changing() ? POLICY_FULL
                                                                            : node_policy(),
                       c->role, c->index, m->topic),
           "c%u: m%u on %s is not for its role", c->index, m->n, topic_text(m->topic));
    expect(!quarantine_holds_back(m), "c%u: m%u on %s came out of quarantine", c->index, m->n,
           topic_text(m->topic));
    expect(by->n > 0, "c%u: m%u on %s came, and no subscription is for it", c->index, m->n,
           topic_text(m->topic));
}

static void check_qos(const struct client *c, const struct letter *m, unsigned qos,
                      const struct finders *by)
{
    unsigned most = 0;

    for (unsigned i = 0; i < by->n; i++) {
        const struct sub *s = &c->subs[by->filters[i]];
        unsigned may = s->steady && s->since_n <= m->n ? s->qos_most : s->qos_ever;

        most = MAX(most, may);
    }
    expect(qos <= MIN(most, m->qos), "c%u: m%u came with QoS %u, it can have %u", c->index, m->n,
           qos, MIN(most, m->qos));
}

static bool passed_at_once(const struct arrival *a)
{
    return !a->line->socket->out.was_full;
}

/* [MQTT5-3.3.2-5] and [MQTT5-3.3.2-6] */
static void check_expiry(const struct client *c, const struct letter *m, const struct arrival *a)
{
    const struct packet *p = a->packet;
    uint64_t whole_ns = (uint64_t)m->expiry_s * NS_PER_S;
    bool since_known = m->is_settled && a->written_ns > m->settled_ns;
    uint64_t at_least_ns = since_known ? a->written_ns - m->settled_ns : 0;
    uint64_t at_most_ns = a->written_ns - m->sent_ns;
    uint64_t rounded_ns = m->to[c->index].n_after_crash * ROUNDING_NS; /* at least by that */

    if (m->n_sent > 1) /* copies may differ: a 3.1.1 client has no expiry */
        return;
    if (a->line->level == LEVEL_5)
        expect((p->expiry_s == NOT_SET) == (m->expiry_s == NOT_SET),
               "c%u: m%u came with an expiry of %u instead of %u", c->index, m->n, p->expiry_s,
               m->expiry_s);
    if (m->expiry_s == NOT_SET)
        return;
    expect((p->flags & 8) || !passed_at_once(a) || at_least_ns < whole_ns,
           "c%u: m%u came %llu ms after it was published, its expiry is %u s", c->index, m->n,
           (unsigned long long)(at_least_ns / NS_PER_MS), m->expiry_s);
    if (a->line->level != LEVEL_5)
        return;
    expect(p->expiry_s <= m->expiry_s, "c%u: m%u came with an expiry of %u s, %u was asked for",
           c->index, m->n, p->expiry_s, m->expiry_s);
    expect(p->expiry_s * NS_PER_S + at_most_ns + SKEW_NS + rounded_ns >= whole_ns,
           "c%u: m%u has lost more of its expiry than time has passed", c->index, m->n);
    expect(!passed_at_once(a) ||
               p->expiry_s * NS_PER_S <= MAX(whole_ns, at_least_ns) - at_least_ns + NS_PER_S,
           "c%u: m%u has lost less of its expiry than time has passed", c->index, m->n);
}

static void check_properties(const struct client *c, const struct letter *m,
                             const struct arrival *a)
{
    const struct packet *p = a->packet;
    char value[16];

    if (a->line->level != LEVEL_5 || m->n_sent > 1)
        return;
    letter_user_value(m, value);
    expect(m->has_user_value == (p->user_value.at != NULL) &&
               (!m->has_user_value || bytes_equal(p->user_value, bytes_str(value))),
           "c%u: the user property of m%u is lost or changed", c->index, m->n);
    expect(m->has_content_type == (p->content_type.at != NULL),
           "c%u: the content type of m%u is lost or made up", c->index, m->n);
}

/* Found by another SUBSCRIBE, it may come by the same packet id. */
static bool may_be_found_anew(const struct packet *p)
{
    return (p->flags & 1) && !(p->flags & 8);
}

/* Return: whether it is the same as before by the same packet id.  At QoS 1 it leaves before that
 * is on the disk: a node that was killed does not know that it did. */
static bool check_repeated(struct client *c, const struct letter *m, const struct packet *p)
{
    bool again = c->last_by_id[p->packet_id] == m;
    bool may_be_first = m->to[c->index].n_after_crash > 0;

    if ((p->flags >> 1 & 3) == 0)
        return false;
    expect(!again || may_be_first || (p->flags & 8),
           "c%u: m%u came again by packet id %u without DUP", c->index, m->n, p->packet_id);
    /* A member of several shares may get it by each: see shares_count(). */
    if ((p->flags >> 1 & 3) == 1)
        return again && ((p->flags & 8) || !comes_by_several_shares(c, m->topic));
    expect(!again || may_be_found_anew(p) || comes_by_several_shares(c, m->topic),
           "c%u: m%u came again after PUBREL", c->index, m->n);
    return false; /* it counts */
}

/* What was sent once, comes in the order in which its publisher sent it [MQTT5-4.6.0-5]
 * [MQTT5-4.6.0-6].  With a journal that holds for each QoS by itself: PUBLISH at QoS 2 waits until
 * it is on the disk, and others go past it. */
static void check_order(struct client *c, const struct letter *m, const struct arrival *a)
{
    unsigned from = m->publisher->index;
    unsigned lane = settings.durable ? a->packet->flags >> 1 & 3U : 0;
    bool dup = a->packet->flags & 8;

    if (m->n_sent != 1 || m->is_will ||
        (a->packet->flags & 1)) /* with RETAIN it may come from the store */
        return;
    if (comes_by_share(c, m->topic) && shares_may_pass_on(m))
        return;
    expect(m->n >= a->line->last_n[lane][from], "c%u: m%u of c%u came after m%u", c->index, m->n,
           from, a->line->last_n[lane][from]);
    a->line->last_n[lane][from] = m->n;
    if (dup)
        return;
    expect(m->n >= c->last_n[lane][from], "c%u: m%u of c%u came after m%u", c->index, m->n, from,
           c->last_n[lane][from]);
    c->last_n[lane][from] = m->n;
}

static void received_empty(const struct client *c, const struct packet *p, unsigned topic)
{
    bool found = false;

    for (uint32_t n = 0; n < model_next_n() && !found; n++) {
        const struct letter *m = model_letter(n);

        found = m->size == 0 && m->topic == topic && m->n_sent > 0 && letter_may_be_published(m);
    }
    expect(found, "c%u: an empty message on %s that nobody has published", c->index,
           topic_text(topic));
    trace("c%u < empty %s qos %u", c->index, topic_text(topic), p->flags >> 1 & 3U);
}

/* [MQTT5-4.3.3-10]: by QoS 2 exactly once, whatever happens to the node. */
static void count(const struct client *c, struct letter *m, unsigned qos)
{
    struct duty *d = &m->to[c->index];
    unsigned n_may = d->n_may + (m->retain ? paging_n_missed(c->id) : 0);

    d->n_got++;
    d->n_got_once = (uint8_t)(d->n_got_once + (qos == 2));
    expect(d->n_got <= n_may + d->n_after_crash && d->n_got_once <= n_may,
           "c%u: m%u came %u times, %u by QoS 2; it was sent %u times", c->index, m->n, d->n_got,
           d->n_got_once, m->n_sent);
}

/** model_received() - a PUBLISH has come that is not known by its QoS 2 packet id already */
void model_received(struct client *c, const struct arrival *a)
{
    const struct packet *p = a->packet;
    unsigned qos = p->flags >> 1 & 3;
    int topic = topic_find(p->topic);
    struct finders by;
    struct letter *m;

    expect(topic >= 0, "c%u: a message on a topic of %zu bytes that nobody uses", c->index,
           p->topic.len);
    if (p->payload.len == 0) {
        received_empty(c, p, (unsigned)topic);
        return;
    }
    m = letter_find(p->payload);
    trace("c%u < k%u m%u %s qos %u id %u%s%s", c->index, a->line->index, m->n, topic_text(m->topic),
          qos, p->packet_id, p->flags & 8 ? " dup" : "", p->flags & 1 ? " retain" : "");
    expect((unsigned)topic == m->topic, "c%u: m%u changed its topic", c->index, m->n);
    by = finders_of(c, m);
    check_rights(c, m, &by);
    check_properties(c, m, a);
    check_expiry(c, m, a);
    check_order(c, m, a);
    if (check_repeated(c, m, p))
        return;
    c->last_by_id[p->packet_id] = qos > 0 ? m : c->last_by_id[p->packet_id];
    check_qos(c, m, qos, &by);
    expect(!(p->flags & 1) || m->retain, "c%u: m%u came with RETAIN", c->index, m->n);
    if (is_by_all(c, m, &by) && !m->retain)
        check_exactly(c, m, a, &by);
    if (comes_by_share(c, m->topic))
        shares_count(c, m, a, by.filters, by.n);
    else
        count(c, m, qos);
}
