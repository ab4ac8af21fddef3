/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/tally_flows.c - what the assessment asks, counted over flows, topics, conduits, brokers
 *
 * MQ.ID.IC-01
 */
#include "identify/tally.h"

#include "wire/wire.h"

static const struct zone *asset_zone(const struct inventory *v, const struct asset *a)
{
    return zone_of(v, asset_address(a));
}

struct flow_tallies {
    struct tally declared;
    struct tally internal;
    struct tally crossing; /* n: undeclared ones */
};

static void judge_flow(const struct identify *id, const struct flow *f, struct flow_tallies *t)
{
    const struct inventory *v = id->inventory;
    const struct declared_flow *d = flow_declared(v, f);
    const struct zone *from = asset_zone(v, f->from);
    const struct zone *to = asset_zone(v, f->to);

    t->declared.of++;
    t->declared.n += d != NULL;
    if (from == NULL || to == NULL)
        return;
    if (!from->is_external && !to->is_external) {
        t->internal.of++;
        t->internal.n += d != NULL;
    }
    t->crossing.of++;
    t->crossing.n += from != to && !(d != NULL && d->crosses_zones) &&
                     conduit_between(v, from->name, to->name) == NULL;
}

static struct flow_tallies over_flows(const struct identify *id, uint64_t now)
{
    struct flow_tallies t = {0};
    const struct flow *f;
    size_t cursor = 0;

    while ((f = map_next(&id->flows, &cursor)) != NULL)
        if (is_within_days(f->last_seen_unix_ms, now, SEEN_DAYS) || flow_is_live(f))
            judge_flow(id, f, &t);
    return t;
}

/*
 * One function a fact, named as in IDENTIFY_FACTS: what identify.h says is counted, of what was
 * looked at; @now is ms since 1970.
 */

struct tally tally_slo_defined_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {0};

    (void)now;
    for (size_t i = 0; i < id->inventory->n_topics; i++) {
        const struct declared_topic *d = &id->inventory->topics[i];

        if (d->criticality < CRITICALITY_HIGH)
            continue;
        t.of++;
        t.n += d->has_slo;
    }
    return t;
}

struct tally tally_external_peer_contract_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {0};

    for (size_t i = 0; i < id->inventory->n_conduits; i++) {
        const struct conduit *c = &id->inventory->conduits[i];

        t.of += c->is_external;
        t.n += c->is_external && is_text(c->agreement) && c->agreement_expires_unix_ms > now &&
               c->security_clause;
    }
    return t;
}

struct tally tally_external_conduit_protected_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {0};

    (void)now;
    for (size_t i = 0; i < id->inventory->n_conduits; i++) {
        const struct conduit *c = &id->inventory->conduits[i];

        t.of += c->is_external;
        t.n += c->is_external && c->mutual_tls && c->topic_allow_list && is_text(c->agreement);
    }
    return t;
}

struct tally tally_conduit_route_known_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {.of = id->inventory->n_conduits};

    (void)now;
    for (size_t i = 0; i < t.of; i++) {
        const struct conduit *c = &id->inventory->conduits[i];

        t.n += is_text(c->carrier) && is_text(c->medium) && is_text(c->route_class) &&
               is_text(c->owner) && c->redundant != ANSWER_NONE;
    }
    return t;
}

struct tally tally_broker_site_known_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {.of = id->inventory->n_brokers};

    (void)now;
    for (size_t i = 0; i < t.of; i++) {
        const struct broker_record *b = &id->inventory->brokers[i];

        t.n += is_text(b->site) && is_text(b->room) && is_text(b->rack) &&
               is_text(b->access_control) && is_text(b->power_backup);
    }
    return t;
}

struct tally tally_declared_flow_ratio(const struct identify *id, uint64_t now)
{
    return over_flows(id, now).declared;
}

struct tally tally_undeclared_cross_zone_edges(const struct identify *id, uint64_t now)
{
    return over_flows(id, now).crossing;
}

struct tally tally_internal_flow_declared_ratio(const struct identify *id, uint64_t now)
{
    return over_flows(id, now).internal;
}

static struct bytes topic_key(const void *item)
{
    return bytes_str(((const struct flow *)item)->topic);
}

/* Topics that somebody hears, each once: a topic in no flow is delivered to nobody. */
struct tally tally_classified_topic_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {0};
    struct map seen;
    struct flow *f;
    size_t cursor = 0;

    map_init(&seen, topic_key);
    while ((f = map_next(&id->flows, &cursor)) != NULL) {
        const struct declared_topic *d;

        if (!is_within_days(f->last_seen_unix_ms, now, SEEN_DAYS) && !flow_is_live(f))
            continue;
        if (map_find(&seen, bytes_str(f->topic)) != NULL)
            continue;
        (void)map_put(&seen, f);
        d = topic_declared(id->inventory, bytes_str(f->topic));
        t.of++;
        t.n += d != NULL && is_text(d->owner) && is_text(d->classification);
    }
    map_done(&seen);
    return t;
}

static bool is_reader(const struct declared_topic *d, const struct asset *a)
{
    for (size_t i = 0; i < d->n_readers; i++)
        if (end_matches(d->readers[i], a))
            return true;
    return false;
}

/* May @a hold a subscription to @filter?  @ret: does it meet a confidential topic at all? */
static bool may_read(const struct inventory *v, const struct asset *a, struct bytes filter,
                     bool *ret)
{
    bool may = true;

    *ret = false;
    for (size_t i = 0; i < v->n_topics; i++) {
        const struct declared_topic *d = &v->topics[i];

        if (d->classification == NULL || strcmp(d->classification, "confidential") != 0 ||
            !wire_filters_overlap(filter, bytes_str(d->filter)))
            continue;
        *ret = true;
        may &= is_reader(d, a);
    }
    return may;
}

struct tally tally_sensitive_reader_ok_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {0};
    const struct conn *c;
    size_t cursor = 0;

    (void)now;
    while ((c = map_next(&id->conns, &cursor)) != NULL) {
        list_each (it, &c->interests) {
            const char *filter = list_item(it, struct leaf, in_conn)->text;
            bool is_sensitive;
            bool may = may_read(id->inventory, c->asset, bytes_str(filter), &is_sensitive);

            t.of += is_sensitive;
            t.n += is_sensitive && may;
        }
    }
    return t;
}
