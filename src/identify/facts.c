/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/facts.c - what the assessment asks, as values
 *
 * No population: no value.  The table at the end joins what tally.c counts with
 * the test ids of the catalogue.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "identify/tally.h"

static double days_between(uint64_t then, uint64_t now)
{
    return now > then ? (double)(now - then) / (double)DAY_MS : 0;
}

/* ---- ages and percentiles ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Nearest rank: the smallest value that at least @percent of all do not exceed; @values is freed.
 */
static void tell_percentile(struct identify_value *ret, double *values, size_t n, unsigned percent)
{
    size_t rank = (n * percent + 99) / 100;

    if (n > 0) {
        qsort(values, n, sizeof(*values), compare_doubles);
        ret->value = values[MAX(rank, 1) - 1];
    }
    ret->samples = n;
    free(values);
}

static void unknown_triage_days_p50(const struct identify *id, uint64_t now,
                                    struct identify_value *ret)
{
    double *days = mem_zero(MAX(id->counts.n_assets, 1) * sizeof(*days));
    size_t n = 0;

    for (size_t i = 0; i < id->counts.n_assets; i++) {
        const struct asset *a = id->assets[i];
        uint64_t until = a->declared_unix_ms > 0 ? a->declared_unix_ms : now;

        if (is_within_days(a->first_seen_unix_ms, now, STANDS_DAYS))
            days[n++] = days_between(a->first_seen_unix_ms, until);
    }
    tell_percentile(ret, days, n, 50);
    (void)snprintf(ret->detail, sizeof(ret->detail),
                   "median over %zu devices first seen in 90 d; undeclared ones count up to now",
                   n);
}

static void location_age_days_p90(const struct identify *id, uint64_t now,
                                  struct identify_value *ret)
{
    const struct inventory *v = id->inventory;
    double *days = mem_zero(MAX(v->n_records, 1) * sizeof(*days));
    size_t n = 0;

    for (size_t i = 0; i < v->n_records; i++)
        if (record_is_approved(&v->records[i]) && v->records[i].location_confirmed_unix_ms > 0)
            days[n++] = days_between(v->records[i].location_confirmed_unix_ms, now);
    tell_percentile(ret, days, n, 90);
    (void)snprintf(ret->detail, sizeof(ret->detail),
                   "90th percentile over %zu approved records with location_confirmed", n);
}

static void map_age_days(const struct identify *id, uint64_t now, struct identify_value *ret)
{
    uint64_t approved = id->inventory->approved_unix_ms;

    ret->samples = approved > 0 && approved <= now;
    ret->value = days_between(approved, now);
    (void)snprintf(ret->detail, sizeof(ret->detail), "%s",
                   ret->samples > 0 ? "since the inventory's approved_at"
                                    : "the inventory has no approved_by and approved_at");
}

static void cert_lifetime_days_p90(const struct identify *id, uint64_t now,
                                   struct identify_value *ret)
{
    double *days = mem_zero(MAX(id->counts.n_assets, 1) * sizeof(*days));
    size_t n = 0;

    for (size_t i = 0; i < id->counts.n_assets; i++)
        n += asset_was_here(id->assets[i], now) && certificate_life_days(id->assets[i], &days[n]);
    tell_percentile(ret, days, n, 90);
    (void)snprintf(ret->detail, sizeof(ret->detail),
                   "90th percentile over the certificates of %zu devices seen in 30 d", n);
}

/* clang-format off */
typedef void value_fn(const struct identify *id, uint64_t now, struct identify_value *ret);

static const struct fact {
    tally_fn *tally; /* counted of looked at; or */
    value_fn *value; /* something else */
    bool is_count;   /* the value is what was counted, not its share */
    const char *what;
    const char *of;
} facts[IDENTIFY_FACT_N] = {
#define RATIO(name, fn, n_text, of_text) [IDENTIFY_##name] = {.tally = fn, .what = n_text, .of = of_text}
#define COUNT(name, fn, n_text, of_text) [IDENTIFY_##name] = {.tally = fn, .is_count = true, .what = n_text, .of = of_text}
#define VALUE(name, fn)           [IDENTIFY_##name] = {.value = fn}
    RATIO(APPROVED_DEVICE_RATIO, tally_approved_device_ratio, "approved", "devices seen in 30 d"),
    RATIO(RECORD_COMPLETE_RATIO, tally_record_complete_ratio, "complete", "approved records"),
    VALUE(UNKNOWN_TRIAGE_DAYS_P50, unknown_triage_days_p50),
    RATIO(STALE_RECORD_RATIO, tally_stale_record_ratio, "not seen for 3 intervals", "records in service with an expected interval"),
    RATIO(FW_KNOWN_RATIO, tally_fw_known_ratio, "with a firmware version of 90 d", "approved devices seen in 30 d"),
    RATIO(MAPPED_PEER_RATIO, tally_mapped_peer_ratio, "in a declared zone", "remote addresses of 30 d"),
    VALUE(MAP_AGE_DAYS, map_age_days),
    RATIO(STATE_KNOWN_RATIO, tally_state_known_ratio, "with state and state_since", "records"),
    COUNT(RETIRED_CONNECT_COUNT, tally_retired_connect_count, "connections of retired devices in 90 d", "records"),
    COUNT(EOL_WITHOUT_PLAN_COUNT, tally_eol_without_plan_count, "without replacement", "records with end_of_support"),
    RATIO(SLO_DEFINED_RATIO, tally_slo_defined_ratio, "with availability, latency_ms and retention_days", "declared topics of high criticality"),
    RATIO(EXTERNAL_PEER_CONTRACT_RATIO, tally_external_peer_contract_ratio, "under an agreement in force with a security clause", "external conduits"),
    COUNT(EXPIRED_CONTRACT_CONNECTED, tally_expired_contract_connected, "under agreements that have ended", "devices of 30 d from external zones with an agreement"),
    RATIO(DECLARED_FLOW_RATIO, tally_declared_flow_ratio, "declared", "flows of 30 d, each counted once"),
    COUNT(UNDECLARED_CROSS_ZONE_EDGES, tally_undeclared_cross_zone_edges, "across zones without declaration", "flows of 30 d between known zones"),
    RATIO(CLASSIFIED_TOPIC_RATIO, tally_classified_topic_ratio, "with owner and classification", "topics delivered in 30 d"),
    RATIO(INTERNAL_FLOW_DECLARED_RATIO, tally_internal_flow_declared_ratio, "declared", "flows of 30 d inside internal zones"),
    RATIO(EXTERNAL_PEER_DECLARED_RATIO, tally_external_peer_declared_ratio, "in a declared external zone", "addresses of 30 d outside internal zones"),
    RATIO(EXTERNAL_CONDUIT_PROTECTED_RATIO, tally_external_conduit_protected_ratio, "with mutual TLS, topic allow-list and agreement", "external conduits"),
    RATIO(SUITE_IN_POLICY_RATIO, tally_suite_in_policy_ratio, "inside the crypto profile", "devices of 30 d with TLS"),
    RATIO(DEPRECATED_SHARE, tally_deprecated_share, "by what is deprecated or ends in 365 d", "devices of 30 d with TLS"),
    RATIO(INSPECTION_ON_TIME_RATIO, tally_inspection_on_time_ratio, "inspected in time", "approved records in service with an exposure class"),
    RATIO(LOCATION_KNOWN_RATIO, tally_location_known_ratio, "with site and exposure class", "approved records"),
    VALUE(LOCATION_AGE_DAYS_P90, location_age_days_p90),
    COUNT(SOURCE_ZONE_MISMATCH, tally_source_zone_mismatch, "from another zone for over 7 d", "devices with a declared zone"),
    RATIO(CONDUIT_ROUTE_KNOWN_RATIO, tally_conduit_route_known_ratio, "with carrier, medium, route class, owner and redundancy", "conduits"),
    COUNT(SINGLE_PATH_CRITICAL, tally_single_path_critical, "by one carrier alone", "critical flows of 30 d between zones"),
    RATIO(BROKER_SITE_KNOWN_RATIO, tally_broker_site_known_ratio, "with site, room, rack, access control and power backup", "brokers"),
    COUNT(SHARED_IDENTITY_COUNT, tally_shared_identity_count, "used by two devices at once in 30 d", "principals"),
    RATIO(SENSITIVE_READER_OK_RATIO, tally_sensitive_reader_ok_ratio, "by readers", "standing subscriptions that meet confidential topics"),
    COUNT(DUPLICATE_KEY_COUNT, tally_shared_keys, "with a key that another one has, too", "devices of 30 d with a certificate"),
    RATIO(INDIVIDUAL_KEY_RATIO, tally_individual_keys, "with a key of their own", "devices of 30 d with a certificate"),
    RATIO(HW_PROTECTED_RATIO, tally_hw_protected_ratio, "in secure element, TPM or TEE", "approved records with key_storage"),
    VALUE(CERT_LIFETIME_DAYS_P90, cert_lifetime_days_p90),
    COUNT(CONCURRENT_USE_COUNT, tally_concurrent_use_count, "used from two addresses at once in 90 d", "certificates"),
    RATIO(EXPECTED_MONITORED_RATIO, tally_expected_monitored_ratio, "with an expected interval", "approved records in service"),
    COUNT(SILENT_CRITICAL_COUNT, tally_silent_critical_count, "in service and not seen for 72 h", "records of criticality high or safety that were seen"),
    RATIO(ROLE_KNOWN_RATIO, tally_role_known_ratio, "known to publish or subscribe", "devices seen in 30 d"),
    RATIO(AUTO_RENEW_RATIO, tally_auto_renew_ratio, "with automatic renewal", "approved records that say so or not"),
};

static const char *const fact_tests[IDENTIFY_FACT_N] = {
#define X(name, test, what) [IDENTIFY_##name] = test,
    IDENTIFY_FACTS(X)
#undef X
};
/* clang-format on */

/** identify_fact_test() - the id of the test that the fact is evidence for; static */
const char *identify_fact_test(enum identify_fact fact)
{
    return fact_tests[fact];
}

/**
 * identify_fact() - one value for the assessment
 * @unix_ms: now
 *
 * Walks all it counts: for the assessment, not for each event.
 *
 * Return: false when nothing of that kind is there to be looked at: unknown.
 */
bool identify_fact(const struct identify *id, enum identify_fact fact, uint64_t unix_ms,
                   struct identify_value *ret)
{
    const struct fact *f = &facts[fact];
    struct tally t;

    *ret = (struct identify_value){0};
    if (f->value != NULL) {
        f->value(id, unix_ms, ret);
        return ret->samples > 0;
    }
    t = f->tally(id, unix_ms);
    ret->samples = t.of;
    if (t.of > 0)
        ret->value = f->is_count ? (double)t.n : (double)t.n / (double)t.of;
    (void)snprintf(ret->detail, sizeof(ret->detail), "%llu %s, of %llu %s", (unsigned long long)t.n,
                   f->what, (unsigned long long)t.of, f->of);
    return t.of > 0;
}
