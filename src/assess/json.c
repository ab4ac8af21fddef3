/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/json.c - the whole assessment for programs, and for a later comparison
 *
 * {"format": "bastide-assessment/1", "node", "at_unix_ms", "catalog_version", "target", "scope",
 *  "organisation": rollup, "functions": [rollup], "categories": [rollup],
 *  "subcategories": [{"id", "name", "tier", "tier_by_tests", "target", "tests": [...],
 * "attestation", ...}], "risks": [...], "gaps": [...], "notes": [...]}
 */
#include "assess/private.h"

#include <math.h>
#include <stdio.h>

#define ASSESSMENT_FORMAT "bastide-assessment/1"

static void set(json_t *o, const char *key, json_t *value)
{
    (void)json_object_set_new(o, key, value);
}

/* Texts may come from outside; what is no UTF-8 is left out. */
static void set_text(json_t *o, const char *key, const char *text)
{
    if (text != NULL)
        set(o, key, json_string(text));
}

static json_t *integer(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* Scores rank; more digits than two would say more than is known. */
static json_t *rough(double n)
{
    return json_real(round(100 * n) / 100);
}

static json_t *rollup_json(const struct assess_rollup *r)
{
    json_t *o = json_object();

    set_text(o, "id", r->id);
    set_text(o, "name", r->name);
    set(o, "tier", integer(r->tier));
    set(o, "target", integer(r->target));
    set(o, "mean", rough(r->mean));
    set(o, "coverage", rough(r->coverage));
    set(o, "known", integer(r->n_known));
    set(o, "asked", integer(r->n_asked));
    set(o, "capped", json_boolean(r->capped));
    set_text(o, "gate", r->gate);
    set_text(o, "gate_todo", r->gate_todo);
    return o;
}

static json_t *rollups_json(const struct assess_rollup *r, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, rollup_json(&r[i]));
    return list;
}

static json_t *test_json(const struct assess_test *t)
{
    json_t *o = json_object();
    json_t *marks = json_object();
    json_t *thresholds = json_object();
    static const char *const ops[] = {">=", "<=", "=="};

    for (unsigned tier = 2; tier <= ASSESS_TIER_MAX; tier++) {
        char key[2] = {(char)('0' + tier), '\0'};

        if (!t->test->has[tier])
            continue;
        set(marks, key, json_string(mark_text(t->mark[tier])));
        set(thresholds, key, json_real(t->test->threshold[tier]));
    }
    set_text(o, "id", t->test->id);
    set_text(o, "metric", t->test->metric);
    set_text(o, "kind", t->test->kind);
    set_text(o, "op", ops[t->test->op]);
    set(o, "thresholds", thresholds);
    set(o, "marks", marks);
    set(o, "known", json_boolean(t->known));
    if (t->at_unix_ms > 0) {
        set(o, "value", json_real(t->value));
        set(o, "samples", integer(t->samples));
        set(o, "at_unix_ms", integer(t->at_unix_ms));
    }
    set_text(o, "window", t->test->window);
    set_text(o, "detail", t->detail);
    set_text(o, "why_not", t->why_not);
    return o;
}

static json_t *sub_json(const struct assess_sub *s)
{
    json_t *o = json_object();
    json_t *tests = json_array();

    for (size_t k = 0; k < s->n_tests; k++)
        (void)json_array_append_new(tests, test_json(&s->tests[k]));
    set_text(o, "id", s->sub->id);
    set_text(o, "name", s->sub->name);
    set(o, "in_profile", json_boolean(s->in_profile));
    set(o, "not_applicable", json_boolean(s->not_applicable));
    set_text(o, "not_applicable_reason", s->na_reason);
    set(o, "tier", integer(s->tier));
    set(o, "tier_by_tests", integer(s->tier_tests));
    set(o, "tier_by_tests_at_best", integer(s->tier_best));
    set(o, "target", integer(s->target));
    set_text(o, "target_reason", s->target_reason);
    set(o, "known", integer(s->n_known));
    set(o, "tests", tests);
    set_text(o, "attestation", attestation_status_text(s->attestation));
    set_text(o, "attested_by", s->attested_by);
    if (s->attestation_expires_unix_ms > 0)
        set(o, "attestation_expires_unix_ms", integer(s->attestation_expires_unix_ms));
    set_text(o, "blocker", s->blocker);
    set_text(o, "next_step", s->next_step);
    return o;
}

static json_t *risk_json(const struct assess_risk *r)
{
    json_t *o = json_object();

    set_text(o, "scenario", r->scenario->id);
    set_text(o, "name", r->scenario->name);
    set_text(o, "zone", r->zone);
    set(o, "events_per_year", rough(r->frequency));
    set(o, "vulnerability", rough(r->v));
    set(o, "impact_factor", rough(r->j));
    set(o, "score", rough(r->score));
    set(o, "score_if_unknown_passed", rough(r->score_best));
    set_text(o, "level", assess_level_text(r->level));
    set_text(o, "level_if_unknown_passed", assess_level_text(r->level_best));
    set(o, "has_tolerance", json_boolean(r->has_tolerance));
    set(o, "over_tolerance", json_boolean(r->over_tolerance));
    return o;
}

static json_t *gap_json(const struct assess_gap *g)
{
    json_t *o = json_object();

    set_text(o, "subcategory", g->sub->sub->id);
    set_text(o, "name", g->sub->sub->name);
    set(o, "from", integer(g->from));
    set(o, "to", integer(g->to));
    set(o, "risk_points", rough(g->gain));
    set(o, "risk_points_if_unknown_passed", rough(g->gain_best));
    set(o, "effort_days", rough(g->effort_days));
    set(o, "must", json_boolean(g->must));
    set(o, "over_tolerance", json_boolean(g->over_tolerance));
    set(o, "lacks_only_evidence", json_boolean(g->by_evidence));
    set(o, "out_of_reach", json_boolean(g->out_of_reach));
    set_text(o, "blocker", g->sub->blocker);
    set_text(o, "next_step", g->sub->next_step);
    return o;
}

/** assess_json() - the whole assessment; a new reference */
json_t *assess_json(const struct assessment *a)
{
    json_t *o = json_object();
    json_t *subs = json_array();
    json_t *risks = json_array();
    json_t *gaps = json_array();
    json_t *notes = json_array();

    for (size_t i = 0; i < a->n_subs; i++)
        (void)json_array_append_new(subs, sub_json(&a->subs[i]));
    for (size_t i = 0; i < a->n_risks; i++)
        (void)json_array_append_new(risks, risk_json(&a->risks[i]));
    for (size_t i = 0; i < a->n_gaps; i++)
        (void)json_array_append_new(gaps, gap_json(&a->gaps[i]));
    for (size_t i = 0; i < a->n_notes; i++)
        (void)json_array_append_new(notes, json_string(a->notes[i]));
    set_text(o, "format", ASSESSMENT_FORMAT);
    set_text(o, "node", a->node_name);
    set(o, "at_unix_ms", integer(a->at_unix_ms));
    set_text(o, "catalog_version", a->catalog->version);
    set_text(o, "target", a->target_name);
    set_text(o, "scope", a->scope_name);
    set(o, "organisation", rollup_json(&a->organisation));
    set(o, "functions", rollups_json(a->functions, a->n_functions));
    set(o, "categories", rollups_json(a->categories, a->n_categories));
    set(o, "subcategories", subs);
    set(o, "risks", risks);
    set(o, "gaps", gaps);
    set(o, "notes", notes);
    return o;
}
