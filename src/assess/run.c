/* SPDX-License-Identifier: Apache-2.0 */
/* assess/run.c - one assessment, from its inputs to its result */
#include "assess/private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

/** note_add() - one more thing that a reader must know */
void note_add(struct assessment *a, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    a->notes = mem_resize(a->notes, (a->n_notes + 1) * sizeof(char *));
    a->notes[a->n_notes++] = text_dup(text);
}

static struct assessment *assessment_new(const struct assess_input *in)
{
    struct assessment *a = mem_new(struct assessment);

    a->catalog = in->catalog;
    a->node_name = text_dup(text_or_empty(in->node_name));
    a->target_name = in->target != NULL ? text_dup(in->target->name) : NULL;
    a->scope_name = in->scope != NULL ? text_dup(in->scope->name) : NULL;
    a->at_unix_ms = in->now_unix_ms;
    a->n_subs = in->catalog->n_subcategories;
    a->subs = mem_zero(MAX(a->n_subs, 1) * sizeof(*a->subs));
    a->n_categories = in->catalog->n_categories;
    a->categories = mem_zero(MAX(a->n_categories, 1) * sizeof(*a->categories));
    a->n_functions = in->catalog->n_functions;
    a->functions = mem_zero(MAX(a->n_functions, 1) * sizeof(*a->functions));
    return a;
}

/* Every number of the catalogue that the scope changes, and every line it takes out. */
static void note_scope(const struct assess_input *in, struct assessment *a)
{
    const char *last = NULL;
    size_t n = 0;

    for (size_t i = 0; in->scope != NULL && i < in->scope->n_tests; i++) {
        const struct scope_test *t = &in->scope->tests[i];

        if (t->samples_reason == NULL)
            continue;
        if (last == NULL || strcmp(last, t->samples_reason) != 0)
            note_add(a, "Fewer samples are enough for some tests (%llu): %s",
                     (unsigned long long)t->samples_min, t->samples_reason);
        last = t->samples_reason;
        n++;
    }
    if (n > 0)
        note_add(a, "The scope changes the sample size of %zu tests.", n);
    for (size_t i = 0; i < a->n_subs; i++)
        for (size_t k = 0; k < a->subs[i].n_tests; k++)
            if (a->subs[i].tests[k].mark[ASSESS_TIER_MAX] == ASSESS_NOT_APPLICABLE)
                note_add(a, "%s does not apply: %s", a->subs[i].tests[k].test->id,
                         a->subs[i].tests[k].why_not);
}

static void note_profile(const struct assess_input *in, struct assessment *a)
{
    size_t n_out = 0;

    for (size_t i = 0; in->target != NULL && i < a->n_subs; i++) {
        const struct assess_sub *s = &a->subs[i];
        const struct target_sub *t = &in->target->subs[i];

        n_out += !s->in_profile;
        if (s->na_reason != NULL && s->not_applicable)
            note_add(a, "%s is not applicable: %s (approved by %s)", s->sub->id, s->na_reason,
                     t->na_approver);
        else if (s->na_reason != NULL)
            note_add(a, "%s was not applicable until its approval expired: it counts again.",
                     s->sub->id);
    }
    if (n_out > 0)
        note_add(a, "%zu of %zu subcategories are not in the target profile.", n_out, a->n_subs);
    if (in->target == NULL)
        note_add(a, "No target profile is given: there are no gaps to show.");
    if (in->scope == NULL)
        note_add(a, "No scope is given: the gate of tier 2 stays shut.");
}

static void note_attestations(const struct assess_input *in, struct assessment *a)
{
    size_t n_attested = 0;

    for (size_t i = 0; i < a->n_subs; i++) {
        const struct assess_sub *s = &a->subs[i];

        n_attested += s->attestation == ATTESTATION_VALID;
        if (s->attestation == ATTESTATION_FORGED)
            note_add(a, "%s: the signature of its attestation does not verify.", s->sub->id);
        else if (s->attestation == ATTESTATION_VALID &&
                 s->attestation_expires_unix_ms < in->now_unix_ms + 60 * DAY_MS)
            note_add(
                a, "%s: its attestation expires in %llu days.", s->sub->id,
                (unsigned long long)((s->attestation_expires_unix_ms - in->now_unix_ms) / DAY_MS));
    }
    if (n_attested > 0)
        note_add(a, "%zu subcategories rest in part on what a person attested.", n_attested);
}

/**
 * assess_run() - evaluate everything
 * @in: all of it borrowed; the catalogue, the target and the attestations must outlive the result
 *
 * Return: the assessment; never NULL.
 */
struct assessment *assess_run(const struct assess_input *in)
{
    struct assessment *a = assessment_new(in);
    struct evidence_set *own = own_evidence(in);

    tier_judge_tests(in, own, a);
    tier_decide(in, a);
    rollup_run(in, a);
    risk_run(in, a);
    gap_run(in, a);
    advice_write(in, a);
    note_profile(in, a);
    note_scope(in, a);
    note_attestations(in, a);
    assess_evidence_free(own);
    return a;
}

/** assess_free() - Return: NULL. */
struct assessment *assess_free(struct assessment *a)
{
    if (a == NULL)
        return NULL;
    for (size_t i = 0; i < a->n_subs; i++) {
        for (size_t k = 0; k < a->subs[i].n_tests; k++) {
            free(a->subs[i].tests[k].detail);
            free(a->subs[i].tests[k].why_not);
        }
        free(a->subs[i].tests);
        free(a->subs[i].blocker);
        free(a->subs[i].next_step);
    }
    for (size_t k = 0; k < a->n_categories; k++)
        free(a->categories[k].gate);
    for (size_t i = 0; i < a->n_notes; i++)
        free(a->notes[i]);
    free(a->subs);
    free(a->categories);
    free(a->functions);
    free(a->risks);
    free(a->gaps);
    free(a->notes);
    free(a->node_name);
    free(a->target_name);
    free(a->scope_name);
    free(a);
    return NULL;
}
