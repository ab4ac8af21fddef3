/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/gate.c - what the note's tiers ask of how risk is managed
 *
 * Tests show that a safeguard works; the gates show that it is managed: approved
 * policy and resources (tier 2), repeated and validated assessment (tier 3),
 * change caused by indicators and lessons (tier 4).  They are per category.
 * Source: the note's 1.4.2.1 to 1.4.2.4, catalogue tier_model.gates.
 */
#include "assess/private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define RUN_LAST_DAYS  35
#define RUNS_DAYS      120
#define RUNS_MIN       4
#define VALIDATED_DAYS 365
#define ROUTE_TEST     "MQ.ID.IC-02.t3"
#define ROUTE_DAYS_MAX 92
#define INDICATOR_DAYS 90
#define CHANGE_DAYS    180
#define POLICY_T4_DAYS 180

struct asking {
    const struct assess_input *in;
    const struct assessment *a;
    unsigned category;
};

typedef bool gate_fn(const struct asking *q, struct buf *why_not);

static const char *category_id(const struct asking *q)
{
    return q->in->catalog->categories[q->category].id;
}

/* A gate's attestation may be about a whole category or more: any subcategory of it tells. */
static struct attested of_category(const struct asking *q, enum attestation_kind kind)
{
    const struct catalog *c = q->in->catalog;
    size_t i = 0;

    while (c->subcategories[i].category != q->category)
        i++;
    return attestation_find(q->in->attestations, kind, c, i, q->in->now_unix_ms);
}

static bool has_attestation(const struct asking *q, enum attestation_kind kind, const char *what,
                            struct buf *why_not)
{
    struct attested t = of_category(q, kind);

    if (t.status == ATTESTATION_VALID)
        return true;
    buf_addf(why_not, "%s: attestation %s", what, attestation_status_text(t.status));
    return false;
}

static bool policy(const struct asking *q, struct buf *why_not)
{
    return has_attestation(q, ATTEST_POLICY, "a policy approved by management", why_not);
}

static bool resources(const struct asking *q, struct buf *why_not)
{
    return has_attestation(q, ATTEST_RESOURCES, "people and time for the duties", why_not);
}

static bool scope_and_target(const struct asking *q, struct buf *why_not)
{
    const struct scope *s = q->in->scope;
    const struct target *t = q->in->target;

    if (s != NULL && s->approved_by != NULL && t != NULL && t->approved_by != NULL)
        return true;
    buf_addf(why_not, "%s",
             s == NULL                ? "no scope is given"
             : s->approved_by == NULL ? "the scope is not approved"
             : t == NULL              ? "no target profile is given"
                                      : "the target profile is not approved");
    return false;
}

static int compare_days(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* This run counts, and of several runs on one day one. */
static bool recomputed(const struct asking *q, struct buf *why_not)
{
    const struct history *h = q->in->history;
    size_t n_runs = h != NULL ? h->n_runs : 0;
    uint64_t today = q->in->now_unix_ms / DAY_MS;
    uint64_t *days = mem_zero((n_runs + 1) * sizeof(*days));
    uint64_t last = 0;
    size_t n = 0;
    size_t n_days = 1;

    for (size_t i = 0; i < n_runs; i++) {
        uint64_t day = h->runs_unix_ms[i] / DAY_MS;

        if (day < today && day + RUNS_DAYS >= today)
            days[n++] = day;
    }
    qsort(days, n, sizeof(*days), compare_days);
    for (size_t i = 0; i < n; i++) {
        n_days += i == 0 || days[i] != days[i - 1];
        last = days[i];
    }
    free(days);
    if (n_days >= RUNS_MIN && last + RUN_LAST_DAYS >= today)
        return true;
    buf_addf(why_not, "the profile was recomputed on %zu of the last %d days, %d are needed%s",
             n_days, RUNS_DAYS, RUNS_MIN,
             n_days >= RUNS_MIN ? ", the one before this not over 35 d ago" : "");
    return false;
}

static bool validated(const struct asking *q, struct buf *why_not)
{
    struct attested check = of_category(q, ATTEST_VALIDATION);

    if (check.status == ATTESTATION_VALID)
        return true;
    for (size_t i = 0; i < q->a->n_subs; i++) {
        const struct assess_sub *s = &q->a->subs[i];

        for (size_t k = 0; s->sub->category == q->category && k < s->n_tests; k++) {
            const struct assess_test *t = &s->tests[k];

            if (t->known && strcmp(t->test->kind, "drill") == 0 &&
                t->at_unix_ms + VALIDATED_DAYS * DAY_MS >= q->in->now_unix_ms)
                return true;
        }
    }
    buf_addf(why_not, "neither a drill nor an independent check within %d d", VALIDATED_DAYS);
    return false;
}

static bool route_tested(const struct asking *q, struct buf *why_not)
{
    for (size_t i = 0; i < q->a->n_subs; i++)
        for (size_t k = 0; k < q->a->subs[i].n_tests; k++) {
            const struct assess_test *t = &q->a->subs[i].tests[k];

            if (strcmp(t->test->id, ROUTE_TEST) == 0 && t->known && t->value <= ROUTE_DAYS_MAX)
                return true;
        }
    buf_addf(why_not, "no test of the notification route within %d d (" ROUTE_TEST ")",
             ROUTE_DAYS_MAX);
    return false;
}

static bool nothing_expired(const struct asking *q, struct buf *why_not)
{
    for (size_t i = 0; i < q->a->n_subs; i++) {
        const struct assess_sub *s = &q->a->subs[i];

        if (s->sub->category != q->category || !s->in_profile || s->not_applicable ||
            s->attestation != ATTESTATION_EXPIRED || s->sub->attest_from_tier > 3)
            continue;
        buf_addf(why_not, "the attestation of %s has expired", s->sub->id);
        return false;
    }
    return true;
}

static bool indicator(const struct asking *q, struct buf *why_not)
{
    const struct history *h = q->in->history;

    for (size_t i = 0; h != NULL && i < h->n_entries; i++) {
        const struct history_entry *e = &h->entries[i];

        if (e->is_indicator && id_covers(e->covers, category_id(q)) && e->since_unix_ms > 0 &&
            e->since_unix_ms + INDICATOR_DAYS * DAY_MS <= q->in->now_unix_ms)
            return true;
    }
    buf_addf(why_not, "no predictive indicator with %d d of data", INDICATOR_DAYS);
    return false;
}

static bool changed(const struct asking *q, struct buf *why_not)
{
    const struct history *h = q->in->history;

    for (size_t i = 0; h != NULL && i < h->n_entries; i++) {
        const struct history_entry *e = &h->entries[i];

        if (!e->is_indicator && id_covers(e->covers, category_id(q)) &&
            e->at_unix_ms + CHANGE_DAYS * DAY_MS >= q->in->now_unix_ms)
            return true;
    }
    buf_addf(why_not,
             "no change within %d d that an indicator, a lesson, shared information or a review "
             "caused",
             CHANGE_DAYS);
    return false;
}

static bool policy_learned(const struct asking *q, struct buf *why_not)
{
    struct attested t = of_category(q, ATTEST_POLICY);

    if (t.status == ATTESTATION_VALID && t.by->from_lessons &&
        t.by->effective_unix_ms + POLICY_T4_DAYS * DAY_MS >= q->in->now_unix_ms)
        return true;
    buf_addf(why_not, "no policy review within %d d that names lessons and shared inputs",
             POLICY_T4_DAYS);
    return false;
}

/* clang-format off */
static const struct {
    unsigned tier;
    gate_fn *is_open;
    const char *todo;
} gates[] = {
    {2, scope_and_target, "Have scope and target profile approved: approved_by and approved_at in both files."},
    {2, policy,           "Let management sign the policy: bastide attest CATEGORY --kind policy."},
    {2, resources,        "Let management sign the resources: bastide attest CATEGORY --kind resources."},
    {3, recomputed,       "Assess on a schedule and keep it: bastide assess --record, monthly or more often."},
    {3, validated,        "Run a drill, or have it checked: bastide attest CATEGORY --kind validation."},
    {3, route_tested,     "Test the alert route end to end, then: bastide record MQ.ID.IC-02.t3 0 --by NAME."},
    {3, nothing_expired,  "Renew the attestation that has expired: bastide attest."},
    {4, indicator,        "Assign a predictive indicator and record it in the history."},
    {4, changed,          "Review profile, plan and thresholds, and record it in the history."},
    {4, policy_learned,   "Review the policy with lessons and shared information: bastide attest --inputs lessons,shared."},
};
/* clang-format on */

/**
 * gate_shut() - the first gate of a tier that a category does not pass
 * @ret_todo: what to do about it; static
 *
 * Return: why, in words, freed by the caller; NULL when all of that tier are open.
 */
char *gate_shut(const struct assess_input *in, const struct assessment *a, unsigned category,
                unsigned tier, const char **ret_todo)
{
    struct asking q = {in, a, category};

    for (size_t i = 0; i < COUNT_OF(gates); i++) {
        CLEANUP(buf_done) struct buf why_not = {0};

        if (gates[i].tier != tier || gates[i].is_open(&q, &why_not))
            continue;
        *ret_todo = gates[i].todo;
        return bytes_dup_str(buf_view(&why_not));
    }
    return NULL;
}

/** gate_is_same() - is the same gate shut for categories @i and @k? */
bool gate_is_same(const struct assessment *a, size_t i, size_t k)
{
    const struct assess_rollup *one = &a->categories[i];
    const struct assess_rollup *other = &a->categories[k];

    return one->gate != NULL && one->tier > 0 && other->gate != NULL && other->tier > 0 &&
           strcmp(one->gate, other->gate) == 0;
}

/** gate_is_first() - is a gate of category @k shut that is not shut for one before it? */
bool gate_is_first(const struct assessment *a, size_t k)
{
    size_t i = 0;

    while (i < k && !gate_is_same(a, i, k))
        i++;
    return i == k && gate_is_same(a, k, k);
}
