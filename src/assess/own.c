/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/own.c - evidence that the files given to the assessment are themselves
 *
 * A scope with a tolerance is the proof that a tolerance is defined; a run of
 * the risk model over its zones is a risk identification.  MQ.ID.RM-01 -02 -03,
 * MQ.ID.CO-02.  So is a signed statement that something was reviewed.
 */
#include "assess/private.h"

#include <stdio.h>

static void give(struct evidence_set *e, const char *test, double value, uint64_t samples,
                 uint64_t at, const char *detail)
{
    assess_evidence_add(
        e,
        &(struct evidence){
            .test = test, .value = value, .samples = samples, .at_unix_ms = at, .detail = detail});
}

/* Every impact area that a zone uses has a tolerance, and somebody approved it at a date. */
static void tolerance(struct evidence_set *e, const struct scope *s, uint64_t now)
{
    bool ok = s->tolerance_approved_by != NULL && s->tolerance_approved_unix_ms > 0;
    uint64_t n_areas = 0;

    for (unsigned a = 0; a < AREA_N; a++) {
        bool used = false;

        for (size_t z = 0; z < s->n_zones; z++)
            used |= s->zones[z].has_impact[a];
        n_areas += used;
        ok &= !used || s->has_tolerance[a];
    }
    if (n_areas > 0)
        give(e, "MQ.ID.RM-01.t1", ok, n_areas, now,
             ok ? "scope: a tolerance for each impact area in use, with approver and date"
                : "scope: an impact area in use has no tolerance, or nobody approved it");
}

static void risks(struct evidence_set *e, const struct assess_input *in)
{
    const struct scope *s = in->scope;
    uint64_t n_risks = s->n_zones * in->catalog->n_scenarios;
    uint64_t n_compared = 0;
    uint64_t n_assessed = 0;
    char detail[128];

    for (size_t z = 0; z < s->n_zones; z++) {
        bool has_impact = false;
        bool has_tolerance = true;

        for (unsigned a = 0; a < AREA_N; a++) {
            has_impact |= s->zones[z].has_impact[a];
            has_tolerance &= !s->zones[z].has_impact[a] || s->has_tolerance[a];
        }
        n_assessed += has_impact ? in->catalog->n_scenarios : 0;
        n_compared += has_impact && has_tolerance ? in->catalog->n_scenarios : 0;
    }
    if (n_risks == 0)
        return;
    (void)snprintf(detail, sizeof(detail), "this run: %zu scenarios over %zu zones of the scope",
                   in->catalog->n_scenarios, s->n_zones);
    give(e, "MQ.ID.RM-01.t2", (double)n_compared / (double)n_risks, n_risks, in->now_unix_ms,
         detail);
    give(e, "MQ.ID.RM-02.t2", 0, 1, in->now_unix_ms, detail);
    give(e, "MQ.ID.RM-03.t1", (double)n_assessed / (double)n_risks, n_risks, in->now_unix_ms,
         detail);
    give(e, "MQ.ID.RM-03.t2", 0, n_risks, in->now_unix_ms, detail);
}

static void obligations(struct evidence_set *e, const struct scope *s, uint64_t now)
{
    uint64_t oldest = now;
    bool ok = true;

    if (s->n_obligations == 0)
        return;
    for (size_t i = 0; i < s->n_obligations; i++) {
        const struct obligation *o = &s->obligations[i];

        ok &= o->source != NULL && o->owner != NULL && o->reviewed_unix_ms > 0;
        oldest = MIN(oldest, o->reviewed_unix_ms);
    }
    give(e, "MQ.ID.CO-02.t1", ok, s->n_obligations, now,
         ok ? "scope: each obligation has source, owner and date"
            : "scope: an obligation lacks source, owner or date");
    if (ok)
        give(e, "MQ.ID.CO-02.t3", (double)(now - oldest) / (double)DAY_MS, s->n_obligations, now,
             "scope: oldest review of an obligation");
}

/* The tests that ask how long ago something was reviewed, which is what the statement of their
 * subcategory says. */
static const char *const review_tests[] = {"MQ.ID.CO-01.t3", "MQ.PR.IA-05.t5", "MQ.RC.RP-04.t1",
                                           "MQ.RC.RP-07.t1", "MQ.RC.RP-09.t1"};

static void review(struct evidence_set *e, const struct assess_input *in, const char *test)
{
    const struct catalog *c = in->catalog;
    struct attested a;
    char detail[256];
    size_t sub = 0;

    while (sub < c->n_subcategories && !id_covers(c->subcategories[sub].id, test))
        sub++;
    if (sub == c->n_subcategories)
        return;
    a = attestation_find(in->attestations, ATTEST_STATEMENT, c, sub, in->now_unix_ms);
    if (a.status != ATTESTATION_VALID)
        return;
    (void)snprintf(detail, sizeof(detail), "signed by %s", a.by->who);
    give(e, test, (double)(in->now_unix_ms - a.by->effective_unix_ms) / (double)DAY_MS, 1,
         a.by->effective_unix_ms, detail);
}

/** own_evidence() - what the scope and signed reviews prove; the caller frees it */
struct evidence_set *own_evidence(const struct assess_input *in)
{
    struct evidence_set *e = assess_evidence_new();

    for (size_t i = 0; i < COUNT_OF(review_tests); i++)
        review(e, in, review_tests[i]);
    if (in->scope == NULL)
        return e;
    tolerance(e, in->scope, in->now_unix_ms);
    risks(e, in);
    obligations(e, in->scope, in->now_unix_ms);
    return e;
}
