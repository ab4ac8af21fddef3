/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/tier.c - tests against thresholds, and the tier of a subcategory
 *
 * tier(s) is the largest n for which every test that has a threshold at or below
 * n passes, the attestation (if it is due at n) is valid, and the gates of n are
 * open; otherwise 1.  Unknown is neither pass nor fail: it never lifts a tier.
 */
#include "assess/private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

#define EPSILON            1e-9
#define TIER_OF_IA_04      "pr_ia_04_tier"
#define FUTURE_MAX_MS      (10 * 60 * 1000ULL) /* two clocks may differ so much */
#define DEPENDENT_TIER_MAX 2                   /* with an attestation by whoever did the work */

static bool passes(const struct catalog_test *t, unsigned tier, double value)
{
    double threshold = t->threshold[tier];

    switch (t->op) {
    case CATALOG_AT_LEAST:
        return value >= threshold - EPSILON;
    case CATALOG_AT_MOST:
        return value <= threshold + EPSILON;
    case CATALOG_EQUAL:
        return fabs(value - threshold) <= EPSILON;
    }
    return false;
}

/* Why @item is no evidence; NULL when it is. */
static char *unusable(const struct catalog_test *t, const struct evidence_item *item,
                      const struct scope_test *scope, uint64_t now)
{
    unsigned window = catalog_test_window_days(t);
    uint64_t days = MAX(window, EVIDENCE_DAYS);
    uint64_t needed =
        scope != NULL && scope->samples_reason != NULL ? scope->samples_min : t->samples_min;
    CLEANUP(buf_done) struct buf why = {0};

    if (item == NULL)
        buf_addf(&why, "no evidence");
    else if (item->at_unix_ms > now + FUTURE_MAX_MS)
        buf_addf(&why, "dated in the future");
    else if (item->at_unix_ms + days * DAY_MS < now)
        buf_addf(&why, "evidence older than %llu d", (unsigned long long)days);
    else if (item->samples < needed)
        buf_addf(&why, "%llu samples, %llu needed", (unsigned long long)item->samples,
                 (unsigned long long)needed);
    return why.len > 0 ? bytes_dup_str(buf_view(&why)) : NULL;
}

static void judge_marks(struct assess_test *t, bool is_empty)
{
    for (unsigned tier = ASSESS_TIER_MIN; tier <= ASSESS_TIER_MAX; tier++) {
        if (!t->test->has[tier])
            t->mark[tier] = ASSESS_NOT_ASKED;
        else if (t->known)
            t->mark[tier] = passes(t->test, tier, t->value) ? ASSESS_PASS : ASSESS_FAIL;
        else
            t->mark[tier] = is_empty ? ASSESS_NOT_APPLICABLE : ASSESS_UNKNOWN;
    }
}

static void judge_test(const struct assess_input *in, const struct evidence_set *own,
                       const struct catalog_test *ct, struct assess_test *t)
{
    const struct scope_test *scope =
        in->scope != NULL ? scope_test_of(in->scope, in->catalog, ct) : NULL;
    const struct evidence_item *item = evidence_find(in->evidence, ct->id);
    bool is_empty = scope != NULL && scope->empty_reason != NULL;

    if (item == NULL)
        item = evidence_find(own, ct->id);
    t->test = ct;
    t->why_not = unusable(ct, item, scope, in->now_unix_ms);
    t->known = t->why_not == NULL;
    if (item != NULL) {
        t->value = item->value;
        t->samples = item->samples;
        t->at_unix_ms = item->at_unix_ms;
        t->detail = text_dup(item->detail);
    }
    if (!t->known && is_empty) { /* measured all the same: then it is not empty */
        free(t->why_not);
        t->why_not = text_dup(scope->empty_reason);
    }
    judge_marks(t, is_empty);
}

static void judge_profile(const struct assess_input *in, size_t i, struct assess_sub *s)
{
    const struct target_sub *t = in->target != NULL ? &in->target->subs[i] : NULL;

    s->in_profile = t == NULL || t->in_profile;
    if (t == NULL)
        return;
    s->target = t->in_profile ? t->tier : 0;
    s->target_reason = t->reason;
    if (t->na_reason == NULL)
        return;
    s->na_reason = t->na_reason;
    s->not_applicable = t->na_expires_unix_ms > in->now_unix_ms;
}

static void judge_attestation(const struct assess_input *in, size_t i, struct assess_sub *s)
{
    struct attested t;

    if (s->sub->attest_who == NULL) {
        s->attestation = ATTESTATION_NOT_NEEDED;
        return;
    }
    t = attestation_find(in->attestations, ATTEST_STATEMENT, in->catalog, i, in->now_unix_ms);
    s->attestation = t.status;
    if (t.by == NULL)
        return;
    s->attested_by = t.by->who;
    s->attestation_expires_unix_ms = t.until_unix_ms;
    s->attestation_is_independent = t.by->is_independent;
}

/** tier_judge_tests() - every test of every subcategory against its evidence */
void tier_judge_tests(const struct assess_input *in, const struct evidence_set *own,
                      struct assessment *a)
{
    for (size_t i = 0; i < a->n_subs; i++) {
        struct assess_sub *s = &a->subs[i];

        s->sub = &in->catalog->subcategories[i];
        s->n_tests = s->sub->n_tests;
        s->tests = mem_zero(MAX(s->n_tests, 1) * sizeof(*s->tests));
        for (size_t k = 0; k < s->n_tests; k++) {
            judge_test(in, own, &s->sub->tests[k], &s->tests[k]);
            s->n_known +=
                s->tests[k].known || s->tests[k].mark[ASSESS_TIER_MAX] == ASSESS_NOT_APPLICABLE;
        }
        judge_profile(in, i, s);
        judge_attestation(in, i, s);
    }
}

static bool stands_at(const struct assess_sub *s, unsigned tier, bool unknown_passes)
{
    for (size_t k = 0; k < s->n_tests; k++) {
        enum assess_mark m = s->tests[k].mark[tier];

        if (m == ASSESS_FAIL || (m == ASSESS_UNKNOWN && !unknown_passes))
            return false;
    }
    return true;
}

/**
 * tier_by_tests() - what the tests alone reach
 * @unknown_passes: as if every unknown test was at its best
 *
 * Without a single measured value nothing is shown: tier 1.
 */
unsigned tier_by_tests(const struct assess_sub *s, bool unknown_passes)
{
    unsigned tier = ASSESS_TIER_MIN;
    bool is_measured = unknown_passes;

    for (size_t k = 0; k < s->n_tests; k++)
        is_measured |= s->tests[k].known;
    while (is_measured && tier < ASSESS_TIER_MAX && stands_at(s, tier + 1, unknown_passes))
        tier++;
    return tier;
}

static unsigned attestation_cap(const struct assess_sub *s)
{
    if (s->attestation == ATTESTATION_NOT_NEEDED)
        return ASSESS_TIER_MAX;
    if (s->attestation != ATTESTATION_VALID)
        return s->sub->attest_from_tier - 1;
    return s->attestation_is_independent ? ASSESS_TIER_MAX : DEPENDENT_TIER_MAX;
}

static unsigned gate_cap(const struct assess_input *in, struct assessment *a, unsigned category)
{
    struct assess_rollup *r = &a->categories[category];
    unsigned tier = ASSESS_TIER_MIN;

    while (tier < ASSESS_TIER_MAX) {
        r->gate = gate_shut(in, a, category, tier + 1, &r->gate_todo);
        if (r->gate != NULL)
            break;
        tier++;
    }
    return tier;
}

static void decide(struct assess_sub *s, unsigned gate)
{
    s->tier_tests = tier_by_tests(s, false);
    s->tier_best = tier_by_tests(s, true);
    s->tier = MIN(MIN(s->tier_tests, attestation_cap(s)), gate);
}

/* MQ.ID.RM-04.t3 looks at the tier that MQ.PR.IA-04 has just got. */
static void feed_ia_04(struct assessment *a, uint64_t now)
{
    unsigned tier = 0;

    for (size_t i = 0; i < a->n_subs; i++)
        if (strcmp(a->subs[i].sub->id, "MQ.PR.IA-04") == 0)
            tier = a->subs[i].tier;
    for (size_t i = 0; i < a->n_subs; i++)
        for (size_t k = 0; k < a->subs[i].n_tests; k++) {
            struct assess_test *t = &a->subs[i].tests[k];

            if (strcmp(t->test->metric, TIER_OF_IA_04) != 0 || tier == 0)
                continue;
            a->subs[i].n_known += !t->known;
            free(t->why_not);
            free(t->detail);
            *t = (struct assess_test){.test = t->test,
                                      .known = true,
                                      .value = tier,
                                      .samples = 1,
                                      .at_unix_ms = now,
                                      .detail = bytes_dup_str(BYTES("this run"))};
            judge_marks(t, false);
        }
}

/** tier_decide() - the tier of each subcategory; tests and attestations are judged by then */
void tier_decide(const struct assess_input *in, struct assessment *a)
{
    unsigned *caps = mem_zero(MAX(in->catalog->n_categories, 1) * sizeof(*caps));

    for (unsigned k = 0; k < in->catalog->n_categories; k++)
        caps[k] = gate_cap(in, a, k);
    for (size_t i = 0; i < a->n_subs; i++)
        decide(&a->subs[i], caps[a->subs[i].sub->category]);
    feed_ia_04(a, in->now_unix_ms);
    for (size_t i = 0; i < a->n_subs; i++)
        decide(&a->subs[i], caps[a->subs[i].sub->category]);
    free(caps);
}
