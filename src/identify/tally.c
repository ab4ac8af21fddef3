/* SPDX-License-Identifier: Apache-2.0 */
/* identify/tally.c - what the assessment asks, counted over assets, records, addresses and flows */
#include "identify/tally.h"

/** record_is_approved() - in force: approved, commissioned, in service, suspended or spare */
bool record_is_approved(const struct record *r)
{
    return (BIT(r->lifecycle) & LIFECYCLE_BIT_APPROVED) != 0;
}

/** record_is_in_service() - it should be there and speak */
bool record_is_in_service(const struct record *r)
{
    return (BIT(r->lifecycle) & LIFECYCLE_BIT_IN_SERVICE) != 0;
}

static bool is_text(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/** is_within_days() - was @then (0: never) in the last @days before @now? */
bool is_within_days(uint64_t then, uint64_t now, unsigned days)
{
    return then > 0 && then + days * DAY_MS >= now;
}

/* ---- over assets ---- */

typedef void asset_fn(const struct asset *a, uint64_t now, struct tally *t);

static struct tally over_assets(const struct identify *id, uint64_t now, asset_fn *fn)
{
    struct tally t = {0};

    for (size_t i = 0; i < id->counts.n_assets; i++)
        fn(id->assets[i], now, &t);
    return t;
}

/** asset_was_here() - during the last 30 days */
bool asset_was_here(const struct asset *a, uint64_t now)
{
    return !list_is_empty(&a->conns) || is_within_days(a->last_seen_unix_ms, now, 30);
}

static void count_approved(const struct asset *a, uint64_t now, struct tally *t)
{
    if (!asset_was_here(a, now))
        return;
    t->of++;
    t->n += a->record != NULL && record_is_approved(a->record);
}

static void count_role_known(const struct asset *a, uint64_t now, struct tally *t)
{
    if (!asset_was_here(a, now))
        return;
    t->of++;
    t->n += a->publishes || a->subscribes ||
            (a->record != NULL && a->record->direction != DIRECTION_NONE);
}

static void count_mismatch(const struct asset *a, uint64_t now, struct tally *t)
{
    if (a->record == NULL || a->record->zone == NULL)
        return;
    t->of++;
    t->n += a->mismatch_unix_ms > 0 && !is_within_days(a->mismatch_unix_ms, now, 7);
}

static void count_concurrent(const struct asset *a, uint64_t now, struct tally *t)
{
    if (!a->by_certificate)
        return;
    t->of++;
    t->n += is_within_days(a->concurrent_unix_ms, now, 90);
}

/* ---- over records ---- */

typedef void record_fn(const struct record *r, const struct identify *id, uint64_t now,
                       struct tally *t);

static struct tally over_records(const struct identify *id, uint64_t now, record_fn *fn)
{
    struct tally t = {0};

    for (size_t i = 0; i < id->inventory->n_records; i++)
        fn(&id->inventory->records[i], id, now, &t);
    return t;
}

static void count_complete(const struct record *r, const struct identify *id, uint64_t now,
                           struct tally *t)
{
    (void)id;
    (void)now;
    if (!record_is_approved(r))
        return;
    t->of++;
    t->n += is_text(r->owner) && is_text(r->site) && is_text(r->hw_model) &&
            is_text(r->hw_serial) && r->criticality != CRITICALITY_NONE;
}

static void count_stale(const struct record *r, const struct identify *id, uint64_t now,
                        struct tally *t)
{
    uint64_t since = MAX(r->last_seen_unix_ms, id->since_unix_ms);

    if (!record_is_in_service(r) || r->interval_s <= 0 || id->since_unix_ms == 0)
        return;
    t->of++;
    t->n += r->n_connected == 0 && (double)(now - MIN(since, now)) > 3000 * r->interval_s;
}

static void count_state_known(const struct record *r, const struct identify *id, uint64_t now,
                              struct tally *t)
{
    (void)id;
    (void)now;
    t->of++;
    t->n += r->has_lifecycle && r->state_since_unix_ms > 0;
}

static void count_end_of_support(const struct record *r, const struct identify *id, uint64_t now,
                                 struct tally *t)
{
    (void)id;
    if (r->end_of_support_unix_ms == 0 || (BIT(r->lifecycle) & LIFECYCLE_BIT_GONE) != 0)
        return;
    t->of++;
    t->n += r->end_of_support_unix_ms < now + 180 * DAY_MS && !is_text(r->replacement);
}

static void count_located(const struct record *r, const struct identify *id, uint64_t now,
                          struct tally *t)
{
    (void)id;
    (void)now;
    if (!record_is_approved(r))
        return;
    t->of++;
    t->n += is_text(r->site) && r->exposure != EXPOSURE_NONE;
}

static void count_hw_protected(const struct record *r, const struct identify *id, uint64_t now,
                               struct tally *t)
{
    (void)id;
    (void)now;
    if (!record_is_approved(r) || r->key_storage == KEY_STORAGE_NONE)
        return;
    t->of++;
    t->n += r->key_storage != KEY_STORAGE_FILE;
}

static void count_monitored(const struct record *r, const struct identify *id, uint64_t now,
                            struct tally *t)
{
    (void)id;
    (void)now;
    if (!record_is_in_service(r))
        return;
    t->of++;
    t->n += r->interval_s > 0;
}

static void count_auto_renew(const struct record *r, const struct identify *id, uint64_t now,
                             struct tally *t)
{
    (void)id;
    (void)now;
    if (!record_is_approved(r) || r->auto_renew == ANSWER_NONE)
        return;
    t->of++;
    t->n += r->auto_renew == ANSWER_YES;
}

/* ---- over flows ---- */

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
        if (is_within_days(f->last_seen_unix_ms, now, 30) || flow_is_live(f))
            judge_flow(id, f, &t);
    return t;
}

/*
 * One function a fact, named as in IDENTIFY_FACTS: what identify.h says is counted, of what was
 * looked at; @now is ms since 1970.
 */

struct tally tally_approved_device_ratio(const struct identify *id, uint64_t now)
{
    return over_assets(id, now, count_approved);
}

struct tally tally_record_complete_ratio(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_complete);
}

struct tally tally_stale_record_ratio(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_stale);
}

static struct tally peers(const struct identify *id, uint64_t now, bool outside_only)
{
    struct tally t = {0};
    const struct seen_address *p;
    size_t cursor = 0;

    while ((p = map_next(&id->peers, &cursor)) != NULL) {
        const struct zone *z = zone_of(id->inventory, p->text);

        if (!is_within_days(p->last_unix_ms, now, 30) ||
            (outside_only && z != NULL && !z->is_external))
            continue;
        t.of++;
        t.n += z != NULL;
    }
    return t;
}

struct tally tally_mapped_peer_ratio(const struct identify *id, uint64_t now)
{
    return peers(id, now, false);
}

struct tally tally_external_peer_declared_ratio(const struct identify *id, uint64_t now)
{
    return peers(id, now, true);
}

struct tally tally_state_known_ratio(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_state_known);
}

struct tally tally_retired_connect_count(const struct identify *id, uint64_t now)
{
    struct tally t = {.of = id->inventory->n_records};

    for (size_t i = 0; i < RETIRED_DAYS; i++)
        if (id->retired[i].day + 90 >= now / DAY_MS)
            t.n += id->retired[i].n;
    return t;
}

struct tally tally_eol_without_plan_count(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_end_of_support);
}

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

        if (!is_within_days(f->last_seen_unix_ms, now, 30) && !flow_is_live(f))
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

struct tally tally_location_known_ratio(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_located);
}

struct tally tally_source_zone_mismatch(const struct identify *id, uint64_t now)
{
    return over_assets(id, now, count_mismatch);
}

struct tally tally_shared_identity_count(const struct identify *id, uint64_t now)
{
    struct tally t = {0};
    const struct principal *p;
    size_t cursor = 0;

    while ((p = map_next(&id->principals, &cursor)) != NULL) {
        t.of++;
        t.n += is_within_days(p->shared_unix_ms, now, 30);
    }
    for (size_t i = 0; i < id->counts.n_assets; i++)
        t.of += id->assets[i]->by_certificate;
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
            !filters_overlap(filter, bytes_str(d->filter)))
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

struct tally tally_hw_protected_ratio(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_hw_protected);
}

struct tally tally_concurrent_use_count(const struct identify *id, uint64_t now)
{
    return over_assets(id, now, count_concurrent);
}

struct tally tally_expected_monitored_ratio(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_monitored);
}

struct tally tally_role_known_ratio(const struct identify *id, uint64_t now)
{
    return over_assets(id, now, count_role_known);
}

struct tally tally_auto_renew_ratio(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_auto_renew);
}
