/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/scope.c - what the assessment is about: mission, zones, tolerance, obligations
 *
 * framework/scope-example.yaml shows the format.  Each number of the catalogue
 * that it changes (sample sizes, frequencies, efforts) needs a reason, and stands
 * in the report.
 */
#include "assess/private.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/conf.h"

/* clang-format off */
const char *const area_names[] = {"safety", "supply", "money", "data", "regulation", NULL};

static const char *const level_names[] = {"very low", "low", "moderate", "high", "very high", NULL};

/* Prior events a year by exposure class. */
static const struct {
    const char *name;
    double events_per_year;
} exposures[] = {
    {"isolated",  0.1},
    {"internal",  0.5},
    {"corporate", 2},
    {"partner",   5},
    {"internet",  50},
};
static const char *const exposure_names[] = {"isolated", "internal", "corporate", "partner", "internet", NULL};
/* clang-format on */

static void read_zone(struct conf_value at, struct scope_zone *z)
{
    static const char *const keys[] = {"name", "exposure", "impact", NULL};
    struct conf_value impact = conf_need(at, "impact");
    unsigned exposure = 0;

    conf_keys(at, keys);
    if (!conf_string(conf_need(at, "name"), &z->name))
        z->name = bytes_dup_str(BYTES_NONE);
    if (conf_choice(conf_need(at, "exposure"), exposure_names, &exposure))
        z->events_per_year = exposures[exposure].events_per_year;
    conf_keys(impact, area_names);
    for (unsigned a = 0; a < AREA_N; a++)
        z->has_impact[a] = conf_number(conf_get(impact, area_names[a]), 0, 100, &z->impact[a]);
}

static void read_tolerance(struct conf_value at, struct scope *s)
{
    static const char *const keys[] = {"approved_by", "approved_at", "areas", NULL};
    struct conf_value areas = conf_get(at, "areas");

    if (!conf_given(at))
        return;
    conf_keys(at, keys);
    (void)conf_string(conf_get(at, "approved_by"), &s->tolerance_approved_by);
    (void)conf_date(conf_get(at, "approved_at"), &s->tolerance_approved_unix_ms);
    conf_keys(areas, area_names);
    for (unsigned a = 0; a < AREA_N; a++)
        s->has_tolerance[a] =
            conf_choice(conf_get(areas, area_names[a]), level_names, (unsigned *)&s->tolerance[a]);
}

/* Every subcategory that @list names. */
static void mark_subs(const struct catalog *c, struct conf_value list, bool *ret)
{
    for (size_t i = 0; i < conf_len(list); i++) {
        const char *id = conf_text(conf_item(list, i));
        struct id_set set;

        if (id == NULL)
            continue;
        if (!catalog_resolve(c, id, &set)) {
            conf_fail(conf_item(list, i), "\"%s\" is no id of the catalogue", id);
            continue;
        }
        for (size_t k = 0; k < c->n_subcategories; k++)
            ret[k] |= set.subs[k];
        free(set.subs);
    }
}

static void read_obligation(const struct catalog *c, struct conf_value at, struct scope *s,
                            struct obligation *o)
{
    static const char *const keys[] = {"name", "source", "owner", "reviewed_at", "covers", NULL};

    conf_keys(at, keys);
    (void)conf_string(conf_need(at, "name"), &o->name);
    (void)conf_string(conf_get(at, "source"), &o->source);
    (void)conf_string(conf_get(at, "owner"), &o->owner);
    (void)conf_date(conf_get(at, "reviewed_at"), &o->reviewed_unix_ms);
    mark_subs(c, conf_need(at, "covers"), s->must);
}

static struct scope_test *test_slot(struct scope *s, const struct catalog *c, struct conf_value at)
{
    const char *id = conf_text(at);
    const struct catalog_test *t;

    if (id == NULL)
        return NULL;
    t = assess_catalog_test(c, bytes_str(id));
    if (t == NULL) {
        conf_fail(at, "\"%s\" is no test of the catalogue (such as MQ.ID.AM-01.t1)", id);
        return NULL;
    }
    return &s->tests[scope_test_of(s, c, t) - s->tests];
}

static void read_samples(const struct catalog *c, struct conf_value at, struct scope *s)
{
    static const char *const keys[] = {"tests", "kind", "at_least", "reason", NULL};
    static const char *const kinds[] = {"ratio", "percentile", NULL};
    struct conf_value list = conf_get(at, "tests");
    double least = 0;
    unsigned kind = 0;
    bool by_kind = conf_choice(conf_get(at, "kind"), kinds, &kind);
    char *reason = NULL;

    conf_keys(at, keys);
    if (!conf_given(list) && !by_kind)
        conf_fail(at, "\"tests\" or \"kind\" says what it is about");
    (void)conf_number(conf_need(at, "at_least"), 1, 1e9, &least);
    (void)conf_string(conf_need(at, "reason"), &reason);
    for (size_t i = 0; least >= 1 && reason != NULL && i < c->n_subcategories; i++) {
        for (size_t k = 0; by_kind && k < c->subcategories[i].n_tests; k++) {
            const struct catalog_test *t = &c->subcategories[i].tests[k];
            struct scope_test *slot = &s->tests[s->first_test[i] + k];

            if (t->samples_min <= 1 || catalog_test_is_statistic(t) != (kind == 0))
                continue;
            free(slot->samples_reason);
            slot->samples_reason = text_dup(reason);
            slot->samples_min = (uint64_t)least;
        }
    }
    for (size_t i = 0; least >= 1 && reason != NULL && i < conf_len(list); i++) {
        struct scope_test *slot = test_slot(s, c, conf_item(list, i));

        if (slot == NULL)
            continue;
        free(slot->samples_reason);
        slot->samples_reason = text_dup(reason);
        slot->samples_min = (uint64_t)least;
    }
    free(reason);
}

static void read_empty(const struct catalog *c, struct conf_value at, struct scope *s)
{
    static const char *const keys[] = {"tests", "reason", NULL};
    struct conf_value list = conf_need(at, "tests");
    char *reason = NULL;

    conf_keys(at, keys);
    (void)conf_string(conf_need(at, "reason"), &reason);
    for (size_t i = 0; reason != NULL && i < conf_len(list); i++) {
        struct scope_test *slot = test_slot(s, c, conf_item(list, i));

        if (slot == NULL)
            continue;
        free(slot->empty_reason);
        slot->empty_reason = text_dup(reason);
    }
    free(reason);
}

static void read_frequency(const struct catalog *c, struct conf_value at, struct scope *s)
{
    static const char *const keys[] = {"scenario", "events_per_year", "observed",
                                       "years",    "reason",          NULL};
    const char *id = conf_text(conf_need(at, "scenario"));
    unsigned which = 0;
    struct scope_scenario f = {0};

    conf_keys(at, keys);
    (void)conf_need(at, "reason");
    f.has_frequency =
        conf_number(conf_get(at, "events_per_year"), 0.000001, 1e6, &f.events_per_year);
    f.has_observed = conf_number(conf_get(at, "observed"), 0, 1e9, &f.observed);
    if (f.has_observed)
        f.has_observed = conf_number(conf_need(at, "years"), 0.001, 100, &f.years);
    if (id == NULL)
        return;
    if (catalog_scenario_index(c, id, &which))
        s->scenarios[which] = f;
    else
        conf_fail(conf_get(at, "scenario"), "\"%s\" is no scenario (R01 and so on)", id);
}

static void read_effort(const struct catalog *c, struct conf_value key, struct conf_value value,
                        struct scope *s)
{
    static const char *const keys[] = {"2", "3", "4", NULL};
    const char *id = conf_text(key);
    struct id_set set;

    conf_keys(value, keys);
    if (id == NULL)
        return;
    if (!catalog_resolve(c, id, &set)) {
        conf_fail(key, "\"%s\" is no id of the catalogue", id);
        return;
    }
    for (size_t i = 0; i < c->n_subcategories; i++)
        for (unsigned tier = 2; set.subs[i] && tier <= ASSESS_TIER_MAX; tier++)
            (void)conf_number(conf_get(value, keys[tier - 2]), 0.01, 100000,
                              &s->effort[i * (ASSESS_TIER_MAX + 1) + tier]);
    free(set.subs);
}

static struct scope *scope_new(const struct catalog *c)
{
    struct scope *s = mem_new(struct scope);
    size_t n = MAX(c->n_subcategories, 1);

    s->n_subs = c->n_subcategories;
    s->must = mem_zero(n * sizeof(bool));
    s->effort = mem_zero(n * (ASSESS_TIER_MAX + 1) * sizeof(double));
    s->scenarios = mem_zero(MAX(c->n_scenarios, 1) * sizeof(*s->scenarios));
    s->first_test = mem_zero(n * sizeof(size_t));
    for (size_t i = 0; i < c->n_subcategories; i++) {
        s->first_test[i] = s->n_tests;
        s->n_tests += c->subcategories[i].n_tests;
    }
    s->tests = mem_zero(MAX(s->n_tests, 1) * sizeof(*s->tests));
    return s;
}

static void read_lists(const struct catalog *c, struct conf_value root, struct scope *s)
{
    struct conf_value list = conf_get(root, "zones");

    s->n_zones = conf_len(list);
    s->zones = mem_zero(MAX(s->n_zones, 1) * sizeof(*s->zones));
    for (size_t i = 0; i < s->n_zones; i++)
        read_zone(conf_item(list, i), &s->zones[i]);
    list = conf_get(root, "obligations");
    s->n_obligations = conf_len(list);
    s->obligations = mem_zero(MAX(s->n_obligations, 1) * sizeof(*s->obligations));
    for (size_t i = 0; i < s->n_obligations; i++)
        read_obligation(c, conf_item(list, i), s, &s->obligations[i]);
    list = conf_get(root, "min_samples");
    for (size_t i = 0; i < conf_len(list); i++)
        read_samples(c, conf_item(list, i), s);
    list = conf_get(root, "empty_populations");
    for (size_t i = 0; i < conf_len(list); i++)
        read_empty(c, conf_item(list, i), s);
    list = conf_get(root, "frequencies");
    for (size_t i = 0; i < conf_len(list); i++)
        read_frequency(c, conf_item(list, i), s);
    list = conf_get(root, "effort_days");
    for (size_t i = 0; i < conf_pairs(list); i++) {
        struct conf_value key;
        struct conf_value value = conf_pair(list, i, &key);

        read_effort(c, key, value, s);
    }
}

/**
 * assess_scope_load() - read the scope
 * @ret_error: one line an error, with file, line and column; owned by the caller
 *
 * Return: NULL when the file cannot be read or has errors.
 */
struct scope *assess_scope_load(const char *path, const struct catalog *c, char **ret_error)
{
    static const char *const keys[] = {"scope",       "mission",     "approved_by",
                                       "approved_at", "zones",       "tolerance",
                                       "obligations", "min_samples", "empty_populations",
                                       "frequencies", "effort_days", NULL};
    struct scope *s = scope_new(c);
    struct conf *conf = conf_open(path);
    struct conf_value root = conf_root(conf);

    conf_keys(root, keys);
    (void)conf_string(conf_need(root, "scope"), &s->name);
    (void)conf_string(conf_get(root, "approved_by"), &s->approved_by);
    if (s->approved_by != NULL)
        (void)conf_date(conf_need(root, "approved_at"), &s->approved_unix_ms);
    read_tolerance(conf_get(root, "tolerance"), s);
    read_lists(c, root, s);
    if (!conf_ok(conf, ret_error))
        s = assess_scope_free(s);
    conf_close(conf);
    return s;
}

/** assess_scope_free() - Return: NULL. */
struct scope *assess_scope_free(struct scope *s)
{
    if (s == NULL)
        return NULL;
    for (size_t i = 0; i < s->n_zones; i++)
        free(s->zones[i].name);
    for (size_t i = 0; i < s->n_obligations; i++) {
        free(s->obligations[i].name);
        free(s->obligations[i].source);
        free(s->obligations[i].owner);
    }
    for (size_t i = 0; i < s->n_tests; i++) {
        free(s->tests[i].samples_reason);
        free(s->tests[i].empty_reason);
    }
    free(s->name);
    free(s->approved_by);
    free(s->tolerance_approved_by);
    free(s->zones);
    free(s->obligations);
    free(s->must);
    free(s->effort);
    free(s->scenarios);
    free(s->tests);
    free(s->first_test);
    free(s);
    return NULL;
}

/** scope_test_of() - what the scope says of a test */
const struct scope_test *scope_test_of(const struct scope *s, const struct catalog *c,
                                       const struct catalog_test *t)
{
    for (size_t i = 0; i < c->n_subcategories; i++) {
        const struct catalog_subcategory *sub = &c->subcategories[i];

        if (t >= sub->tests && t < sub->tests + sub->n_tests)
            return &s->tests[s->first_test[i] + (size_t)(t - sub->tests)];
    }
    return NULL;
}
