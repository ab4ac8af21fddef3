/* SPDX-License-Identifier: Apache-2.0 */
/* identify/tally.c - what the assessment asks, counted over assets, records and addresses */
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

/** is_text() - was it given, and says something? */
bool is_text(const char *text)
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
    return !list_is_empty(&a->conns) || is_within_days(a->last_seen_unix_ms, now, SEEN_DAYS);
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
    t->n += a->mismatch_unix_ms > 0 && !is_within_days(a->mismatch_unix_ms, now, MOVING_DAYS);
}

static void count_concurrent(const struct asset *a, uint64_t now, struct tally *t)
{
    if (!a->by_certificate)
        return;
    t->of++;
    t->n += is_within_days(a->concurrent_unix_ms, now, STANDS_DAYS);
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

/* Who is in maintenance is not in service: that is the work order. */
static void count_silent(const struct record *r, const struct identify *id, uint64_t now,
                         struct tally *t)
{
    (void)id;
    if (!record_is_approved(r) || !record_is_in_service(r) || r->criticality < CRITICALITY_HIGH ||
        r->last_seen_unix_ms == 0)
        return;
    t->of++;
    t->n += r->n_connected == 0 && !is_within_days(r->last_seen_unix_ms, now, SILENT_DAYS);
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
    const struct peer *p;
    size_t cursor = 0;

    while ((p = map_next(&id->peers, &cursor)) != NULL) {
        const struct zone *z = zone_of(id->inventory, p->seen.text);

        if (!is_within_days(p->seen.last_unix_ms, now, SEEN_DAYS) ||
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
        if (id->retired[i].day + STANDS_DAYS >= now / DAY_MS)
            t.n += id->retired[i].n;
    return t;
}

struct tally tally_eol_without_plan_count(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_end_of_support);
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
        t.n += is_within_days(p->shared_unix_ms, now, SEEN_DAYS);
    }
    for (size_t i = 0; i < id->counts.n_assets; i++)
        t.of += id->assets[i]->by_certificate;
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

struct tally tally_silent_critical_count(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_silent);
}

struct tally tally_auto_renew_ratio(const struct identify *id, uint64_t now)
{
    return over_records(id, now, count_auto_renew);
}
