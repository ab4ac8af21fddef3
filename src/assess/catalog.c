/* SPDX-License-Identifier: Apache-2.0 */
/* assess/catalog.c - the catalogue, read: 66 subcategories, their tests, thresholds and risk links
 */
#include "assess/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "crypto/crypto.h"

#define CATALOG_BYTES_MAX  (8U << 20)
#define CATALOG_FORMAT     "bastide-catalog/1"
#define SAMPLES_RATIO      20 /* tier_model.min_samples */
#define SAMPLES_PERCENTILE 10

/* Carries the first error; asked once. */
struct reading {
    struct catalog *catalog;
    struct buf error;
};

static void fail(struct reading *r, const char *where, const char *what)
{
    if (r->error.len == 0)
        buf_addf(&r->error, "%s: %s: %s", r->catalog->path, where, what);
}

static char *text_at(struct reading *r, const json_t *o, const char *key, const char *where)
{
    const char *text = json_string_value(json_object_get(o, key));

    if (text == NULL) {
        char what[64];

        (void)snprintf(what, sizeof(what), "\"%s\" is missing or no text", key);
        fail(r, where, what);
        text = "";
    }
    return text_dup(text);
}

static char *text_or_null(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text_dup(text);
}

static const json_t *list_at(struct reading *r, const json_t *o, const char *key, const char *where)
{
    const json_t *list = json_object_get(o, key);

    if (!json_is_array(list))
        fail(r, where, "a list is missing");
    return list;
}

static bool has_word(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

/** catalog_test_is_statistic() - is it a share or rate over what happens, so that few say little?
 */
bool catalog_test_is_statistic(const struct catalog_test *t)
{
    static const char *const kinds[] = {"runtime", "log", "drill", "inventory"};
    static const char *const words[] = {"ratio",
                                        "_share",
                                        "recall",
                                        "per_1000",
                                        "_rate",
                                        "baseline_coverage",
                                        "probe_class_coverage",
                                        "fleet_availability"};
    bool kind = false;

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        kind |= strcmp(t->kind, kinds[i]) == 0;
    for (size_t i = 0; kind && i < COUNT_OF(words); i++)
        if (has_word(t->metric, words[i]))
            return true;
    return false;
}

/* A configuration, a file or a set of keys is looked at whole: one look is enough.  What is drawn
 * from what happens, or from a fleet, needs the catalogue's number. */
static uint64_t samples_needed(const struct catalog_test *t)
{
    if (has_word(t->metric, "_p50") || has_word(t->metric, "_p90") || has_word(t->metric, "_p99"))
        return SAMPLES_PERCENTILE;
    return catalog_test_is_statistic(t) ? SAMPLES_RATIO : 1;
}

static bool read_op(const char *text, enum catalog_op *ret)
{
    static const struct {
        const char *text;
        enum catalog_op op;
    } ops[] = {{">=", CATALOG_AT_LEAST}, {"<=", CATALOG_AT_MOST}, {"==", CATALOG_EQUAL}};

    for (size_t i = 0; text != NULL && i < COUNT_OF(ops); i++) {
        if (strcmp(ops[i].text, text) == 0) {
            *ret = ops[i].op;
            return true;
        }
    }
    return false;
}

/* A threshold holds for all higher tiers until a stricter one is given. */
static void read_thresholds(const json_t *o, struct catalog_test *t)
{
    for (unsigned tier = ASSESS_TIER_MIN + 1; tier <= ASSESS_TIER_MAX; tier++) {
        const json_t *v;
        char key[2] = {(char)('0' + tier), '\0'};

        v = json_object_get(o, key);
        t->has[tier] = json_is_number(v) || t->has[tier - 1];
        t->threshold[tier] = json_is_number(v) ? json_number_value(v) : t->threshold[tier - 1];
    }
}

static void read_test(struct reading *r, const json_t *o, struct catalog_test *t)
{
    t->id = text_at(r, o, "id", "a test");
    t->metric = text_at(r, o, "metric", t->id);
    t->kind = text_at(r, o, "kind", t->id);
    t->observe = text_at(r, o, "observe", t->id);
    t->window = text_or_null(o, "window");
    if (!read_op(json_string_value(json_object_get(o, "op")), &t->op))
        fail(r, t->id, "\"op\" is none of >=, <=, ==");
    read_thresholds(json_object_get(o, "thresholds"), t);
    if (!t->has[ASSESS_TIER_MAX])
        fail(r, t->id, "no threshold");
    t->samples_min = samples_needed(t);
}

static void read_link(struct reading *r, const json_t *o, struct catalog_link *l, const char *where)
{
    const char *scenario = json_string_value(json_object_get(o, "scenario"));
    const char *role = json_string_value(json_object_get(o, "role"));
    double weight = json_number_value(json_object_get(o, "weight"));

    if (scenario == NULL || !catalog_scenario_index(r->catalog, scenario, &l->scenario))
        fail(r, where, "a risk link to no known scenario");
    if (role == NULL || role[0] == '\0' || strchr("LID", role[0]) == NULL)
        fail(r, where, "a risk link whose role is none of L, I, D");
    else
        l->role = role[0];
    if (!(weight > 0 && weight < 1))
        fail(r, where, "a risk link whose weight is not between 0 and 1");
    l->weight = weight;
}

static void read_attestation(struct reading *r, const json_t *o, struct catalog_subcategory *s)
{
    if (!json_is_object(o))
        return;
    s->attest_who = text_at(r, o, "who", s->id);
    s->attest_statement = text_at(r, o, "statement", s->id);
    s->attest_days = (unsigned)json_integer_value(json_object_get(o, "valid_days"));
    s->attest_from_tier = (unsigned)json_integer_value(json_object_get(o, "required_from_tier"));
    if (s->attest_days == 0 || s->attest_from_tier < 2 || s->attest_from_tier > ASSESS_TIER_MAX)
        fail(r, s->id, "an attestation without valid_days or required_from_tier");
}

static void read_by_tier(const json_t *o, char **texts, double *numbers)
{
    for (unsigned tier = ASSESS_TIER_MIN; tier <= ASSESS_TIER_MAX; tier++) {
        char key[2] = {(char)('0' + tier), '\0'};

        if (texts != NULL)
            texts[tier] = text_or_null(o, key);
        if (numbers != NULL)
            numbers[tier] = json_number_value(json_object_get(o, key));
    }
}

static void read_subcategory(struct reading *r, const json_t *o, unsigned category)
{
    struct catalog *c = r->catalog;
    struct catalog_subcategory *s;
    const json_t *tests, *links;

    c->subcategories =
        mem_resize(c->subcategories, (c->n_subcategories + 1) * sizeof(*c->subcategories));
    s = &c->subcategories[c->n_subcategories++];
    *s = (struct catalog_subcategory){.category = category};
    s->id = text_at(r, o, "id", "a subcategory");
    s->name = text_at(r, o, "name", s->id);
    s->outcome = text_at(r, o, "outcome", s->id);
    s->notes = text_or_null(o, "notes");
    read_attestation(r, json_object_get(o, "attestation"), s);
    read_by_tier(json_object_get(o, "tiers"), s->tier_text, NULL);
    read_by_tier(json_object_get(o, "default_effort_days"), NULL, s->effort_days);

    tests = list_at(r, o, "tests", s->id);
    s->n_tests = json_array_size(tests);
    s->tests = mem_zero(MAX(s->n_tests, 1) * sizeof(*s->tests));
    for (size_t i = 0; i < s->n_tests; i++)
        read_test(r, json_array_get(tests, i), &s->tests[i]);
    links = json_object_get(o, "risk_links");
    s->n_links = json_array_size(links);
    s->links = mem_zero(MAX(s->n_links, 1) * sizeof(*s->links));
    for (size_t i = 0; i < s->n_links; i++)
        read_link(r, json_array_get(links, i), &s->links[i], s->id);
}

static void read_category(struct reading *r, const json_t *o, unsigned function)
{
    struct catalog *c = r->catalog;
    struct catalog_category *k;
    const json_t *list;
    unsigned me = (unsigned)c->n_categories;

    c->categories = mem_resize(c->categories, (c->n_categories + 1) * sizeof(*c->categories));
    k = &c->categories[c->n_categories++];
    *k = (struct catalog_category){.function = function};
    k->id = text_at(r, o, "id", "a category");
    k->name = text_at(r, o, "name", k->id);
    list = list_at(r, o, "subcategories", k->id);
    for (size_t i = 0; i < json_array_size(list); i++)
        read_subcategory(r, json_array_get(list, i), me);
}

static void read_functions(struct reading *r, const json_t *root)
{
    struct catalog *c = r->catalog;
    const json_t *list = list_at(r, root, "functions", "the catalogue");

    c->n_functions = json_array_size(list);
    c->functions = mem_zero(MAX(c->n_functions, 1) * sizeof(*c->functions));
    for (size_t i = 0; i < c->n_functions; i++) {
        const json_t *o = json_array_get(list, i);
        const json_t *categories;
        struct catalog_function *f = &c->functions[i];

        f->id = text_at(r, o, "id", "a function");
        f->name = text_at(r, o, "name", f->id);
        f->purpose = text_at(r, o, "purpose", f->id);
        categories = list_at(r, o, "categories", f->id);
        for (size_t k = 0; k < json_array_size(categories); k++)
            read_category(r, json_array_get(categories, k), (unsigned)i);
    }
}

static void read_scenarios(struct reading *r, const json_t *root)
{
    struct catalog *c = r->catalog;
    const json_t *list = list_at(r, root, "risk_scenarios", "the catalogue");

    c->n_scenarios = json_array_size(list);
    c->scenarios = mem_zero(MAX(c->n_scenarios, 1) * sizeof(*c->scenarios));
    for (size_t i = 0; i < c->n_scenarios; i++) {
        c->scenarios[i].id = text_at(r, json_array_get(list, i), "id", "a risk scenario");
        c->scenarios[i].name = text_at(r, json_array_get(list, i), "name", c->scenarios[i].id);
    }
}

static void read_risk_model(struct reading *r, const json_t *root)
{
    struct catalog *c = r->catalog;
    const json_t *o = json_object_get(root, "risk_model");

    read_by_tier(json_object_get(o, "effectiveness"), NULL, c->effectiveness);
    c->likelihood_floor = json_number_value(json_object_get(o, "likelihood_floor"));
    c->impact_floor = json_number_value(json_object_get(o, "impact_floor"));
    c->kappa_max = json_number_value(json_object_get(o, "kappa_cap"));
    if (!(c->likelihood_floor > 0 && c->likelihood_floor < 1 && c->impact_floor > 0 &&
          c->impact_floor < 1 && c->kappa_max > 0))
        fail(r, "risk_model", "floors between 0 and 1 and a kappa_cap are needed");
}

static void read_alias(struct reading *r, const json_t *o)
{
    struct catalog *c = r->catalog;
    const json_t *refs = json_object_get(o, "refs");
    struct catalog_alias *a;

    c->aliases = mem_resize(c->aliases, (c->n_aliases + 1) * sizeof(*c->aliases));
    a = &c->aliases[c->n_aliases++];
    *a = (struct catalog_alias){.id = text_at(r, o, "id", "a line of Appendix A")};
    a->refs = mem_zero(MAX(json_array_size(refs), 1) * sizeof(*a->refs));
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const char *id = json_string_value(json_array_get(refs, i));
        bool found = false;

        for (unsigned k = 0; id != NULL && k < c->n_subcategories; k++) {
            if (strcmp(c->subcategories[k].id, id) == 0) {
                a->refs[a->n_refs++] = k;
                found = true;
            }
        }
        if (!found)
            fail(r, a->id, "a reference to no subcategory");
    }
}

static void read_aliases(struct reading *r, const json_t *root)
{
    const json_t *functions = json_object_get(json_object_get(root, "appendix_a"), "functions");
    const json_t *f, *k, *s;
    size_t i, n, m;

    json_array_foreach(functions, i, f) json_array_foreach(json_object_get(f, "categories"), n, k)
        json_array_foreach(json_object_get(k, "subcategories"), m, s) read_alias(r, s);
}

/* The installed catalogue, else that of the source tree the program was built from. */
static char *default_path(void)
{
    static const char installed[] = BASTIDE_DATADIR "/framework/catalog.json";
    const char *path = access(installed, R_OK) == 0 ? installed : ASSESS_SOURCE_CATALOG;

    return text_dup(path);
}

/**
 * assess_catalog_load() - read and check the catalogue
 * @path:      NULL: the installed one, else the one of the source tree
 * @ret_error: owned by the caller; written on failure
 *
 * Return: NULL when it cannot be read or breaks a rule of its format.
 */
struct catalog *assess_catalog_load(const char *path, char **ret_error)
{
    struct reading r = {.catalog = mem_new(struct catalog)};
    CLEANUP(buf_done) struct buf text = {0};
    json_error_t why;
    json_t *root;

    r.catalog->path = path != NULL ? text_dup(path) : default_path();
    if (!file_read(r.catalog->path, CATALOG_BYTES_MAX, &text, ret_error))
        return assess_catalog_free(r.catalog);
    root = json_loadb((char *)text.at, text.len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        buf_addf(&r.error, "%s:%d:%d: %s", r.catalog->path, why.line, why.column, why.text);
    } else {
        const char *format = json_string_value(json_object_get(root, "schema"));

        if (format == NULL || strcmp(format, CATALOG_FORMAT) != 0)
            fail(&r, "schema", "is not " CATALOG_FORMAT);
        r.catalog->version = text_at(&r, root, "version", "the catalogue");
        read_scenarios(&r, root);
        read_risk_model(&r, root);
        read_functions(&r, root);
        read_aliases(&r, root);
        json_decref(root);
    }
    if (r.error.len > 0) {
        *ret_error = bytes_dup_str(buf_view(&r.error));
        r.catalog = assess_catalog_free(r.catalog);
    }
    buf_done(&r.error);
    return r.catalog;
}

static void subcategory_done(struct catalog_subcategory *s)
{
    for (size_t i = 0; i < s->n_tests; i++) {
        free(s->tests[i].id);
        free(s->tests[i].metric);
        free(s->tests[i].kind);
        free(s->tests[i].observe);
        free(s->tests[i].window);
    }
    for (unsigned tier = 0; tier <= ASSESS_TIER_MAX; tier++)
        free(s->tier_text[tier]);
    free(s->tests);
    free(s->links);
    free(s->id);
    free(s->name);
    free(s->outcome);
    free(s->notes);
    free(s->attest_who);
    free(s->attest_statement);
}

/** assess_catalog_free() - Return: NULL. */
struct catalog *assess_catalog_free(struct catalog *c)
{
    if (c == NULL)
        return NULL;
    for (size_t i = 0; i < c->n_functions; i++) {
        free(c->functions[i].id);
        free(c->functions[i].name);
        free(c->functions[i].purpose);
    }
    for (size_t i = 0; i < c->n_categories; i++) {
        free(c->categories[i].id);
        free(c->categories[i].name);
    }
    for (size_t i = 0; i < c->n_subcategories; i++)
        subcategory_done(&c->subcategories[i]);
    for (size_t i = 0; i < c->n_scenarios; i++) {
        free(c->scenarios[i].id);
        free(c->scenarios[i].name);
    }
    for (size_t i = 0; i < c->n_aliases; i++) {
        free(c->aliases[i].id);
        free(c->aliases[i].refs);
    }
    free(c->functions);
    free(c->categories);
    free(c->subcategories);
    free(c->scenarios);
    free(c->aliases);
    free(c->version);
    free(c->path);
    free(c);
    return NULL;
}
