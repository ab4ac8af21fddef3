/* SPDX-License-Identifier: Apache-2.0 */
/* assess/compare.c - what changed between two assessments, by their JSON */
#include "assess/private.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"

static const char *text_of(const json_t *o, const char *key)
{
    return text_or_empty(json_string_value(json_object_get(o, key)));
}

static int number_of(const json_t *o, const char *key)
{
    return (int)json_integer_value(json_object_get(o, key));
}

static const json_t *with_id(const json_t *list, const char *id)
{
    const json_t *v;
    size_t i;

    json_array_foreach(list, i, v) if (strcmp(text_of(v, "id"), id) == 0) return v;
    return NULL;
}

/* The mark at the highest tier up to which anything is asked: the target's, else the first one. */
static const char *mark_of(const json_t *test, int target)
{
    const json_t *marks = json_object_get(test, "marks");

    for (int tier = target > 1 ? target : 2; tier <= ASSESS_TIER_MAX; tier++) {
        char key[2] = {(char)('0' + tier), '\0'};
        const char *mark = json_string_value(json_object_get(marks, key));

        if (mark != NULL)
            return mark;
    }
    return "";
}

static void add_number(struct buf *out, const json_t *test)
{
    if (!json_is_true(json_object_get(test, "known"))) {
        buf_addf(out, "unknown");
        return;
    }
    buf_addf(out, "%.4g", json_number_value(json_object_get(test, "value")));
}

static bool changed(const json_t *was, const json_t *is)
{
    bool known = json_is_true(json_object_get(is, "known"));

    if (known != json_is_true(json_object_get(was, "known")))
        return true;
    return known && fabs(json_number_value(json_object_get(was, "value")) -
                         json_number_value(json_object_get(is, "value"))) > 1e-9;
}

static void compare_tests(struct buf *out, const json_t *was, const json_t *is)
{
    int target = number_of(is, "target");
    const json_t *list = json_object_get(is, "tests");
    const json_t *test;
    size_t i;

    json_array_foreach(list, i, test)
    {
        const json_t *old = with_id(json_object_get(was, "tests"), text_of(test, "id"));
        const char *before = old != NULL ? mark_of(old, target) : "";
        const char *after = mark_of(test, target);

        if (old == NULL || !changed(old, test))
            continue;
        buf_addf(out, "    %s ", text_of(test, "id"));
        words_of_metric(out, text_of(test, "metric"));
        buf_addf(out, ": ");
        add_number(out, old);
        buf_addf(out, " → ");
        add_number(out, test);
        if (strcmp(before, after) != 0)
            buf_addf(out, "  (%s → %s)", before, after);
        buf_addf(out, "\n");
    }
}

static void compare_sub(struct buf *out, const json_t *was, const json_t *is)
{
    CLEANUP(buf_done) struct buf tests = {0};
    int before = number_of(was, "tier");
    int after = number_of(is, "tier");
    int by_tests_before = number_of(was, "tier_by_tests");
    int by_tests_after = number_of(is, "tier_by_tests");

    compare_tests(&tests, was, is);
    if (before == after && by_tests_before == by_tests_after && tests.len == 0)
        return;
    buf_addf(out, "  %s %s: ", text_of(is, "id"), text_of(is, "name"));
    if (before != after)
        buf_addf(out, "tier %d → %d", before, after);
    else
        buf_addf(out, "tier %d as before", after);
    if (by_tests_before != by_tests_after)
        buf_addf(out, ", by tests %d → %d", by_tests_before, by_tests_after);
    buf_addf(out, "\n");
    buf_add(out, buf_view(&tests));
}

static void compare_rollups(struct buf *out, const json_t *before, const json_t *after)
{
    const json_t *is;
    size_t i;

    json_array_foreach(after, i, is)
    {
        const json_t *was = with_id(before, text_of(is, "id"));
        double from = 100 * json_number_value(json_object_get(was, "coverage"));
        double to = 100 * json_number_value(json_object_get(is, "coverage"));

        if (was == NULL ||
            (number_of(was, "tier") == number_of(is, "tier") && (int)from == (int)to))
            continue;
        buf_addf(out, "  %-12s tier %d → %d, coverage %.0f → %.0f %%\n", text_of(is, "name"),
                 number_of(was, "tier"), number_of(is, "tier"), floor(from), floor(to));
    }
}

static const json_t *same_risk(const json_t *list, const json_t *risk)
{
    const json_t *v;
    size_t i;

    json_array_foreach(list, i,
                       v) if (strcmp(text_of(v, "scenario"), text_of(risk, "scenario")) == 0 &&
                              strcmp(text_of(v, "zone"), text_of(risk, "zone")) == 0) return v;
    return NULL;
}

static void compare_risks(struct buf *out, const json_t *before, const json_t *after)
{
    const json_t *is;
    size_t i;

    json_array_foreach(after, i, is)
    {
        const json_t *was = same_risk(before, is);

        if (was == NULL || strcmp(text_of(was, "level"), text_of(is, "level")) == 0)
            continue;
        buf_addf(out, "  %s %s (%s): %s → %s\n", text_of(is, "scenario"), text_of(is, "name"),
                 text_of(is, "zone"), text_of(was, "level"), text_of(is, "level"));
    }
}

static void section(struct buf *out, const char *title, const struct buf *what)
{
    if (what->len == 0)
        return;
    buf_addf(out, "%s\n", title);
    buf_add(out, buf_view(what));
}

/**
 * assess_compare() - what changed: tiers, measured values, risk levels
 * @before: of assess_json(), earlier
 * @after:  of assess_json()
 *
 * What only one of them has is left out.
 */
void assess_compare(struct buf *out, const json_t *before, const json_t *after)
{
    CLEANUP(buf_done) struct buf functions = {0};
    CLEANUP(buf_done) struct buf subs = {0};
    CLEANUP(buf_done) struct buf risks = {0};
    const json_t *list = json_object_get(after, "subcategories");
    const json_t *is;
    size_t i;

    compare_rollups(&functions, json_object_get(before, "functions"),
                    json_object_get(after, "functions"));
    json_array_foreach(list, i, is)
    {
        const json_t *was = with_id(json_object_get(before, "subcategories"), text_of(is, "id"));

        if (was != NULL)
            compare_sub(&subs, was, is);
    }
    compare_risks(&risks, json_object_get(before, "risks"), json_object_get(after, "risks"));
    if (functions.len + subs.len + risks.len == 0) {
        buf_addf(out, "Nothing changed.\n");
        return;
    }
    section(out, "Functions", &functions);
    section(out, "Subcategories", &subs);
    section(out, "Risks", &risks);
}
