/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/drills.c - recorded exercises as evidence
 *
 * Rows of the store's table "drill"; assess.h says what each holds.  A drill
 * counts for 365 days.  MQ.PR.SA-03 MQ.PR.SP-03 MQ.DE.*
 */
#include "assess/private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define DRILL_DAYS 365
#define VALUES_MAX 100000 /* of one kind; more are not kept */

struct values {
    double *at; /* owned */
    size_t n;
    size_t cap;
};

struct pool {
    uint64_t injected;
    uint64_t detected;
    uint64_t last_unix_ms;
    unsigned n_drills;
    struct values seconds;
    struct values touched;
};

/* What the drills of a subcategory are evidence of; NULL: nothing asks for it. */
static const struct drilled {
    const char *sub;
    const char *recall;
    const char *seconds;
    const char *touched;
} drilled[] = {
    /* clang-format off */
    {"MQ.DE.NM-01", "MQ.DE.NM-01.t2", "MQ.DE.NM-01.t3", NULL},
    {"MQ.DE.NM-02", "MQ.DE.NM-02.t2", NULL,             NULL},
    {"MQ.DE.ID-01", "MQ.DE.ID-01.t2", NULL,             "MQ.DE.ID-01.t3"},
    {"MQ.DE.ID-02", "MQ.DE.ID-02.t1", NULL,             "MQ.DE.ID-02.t2"},
    {"MQ.DE.ID-03", "MQ.DE.ID-03.t3", NULL,             NULL},
    {"MQ.DE.ID-04", "MQ.DE.ID-04.t2", NULL,             NULL},
    /* clang-format on */
};

struct drills {
    const struct catalog *catalog;
    struct evidence_set *out;
    struct evidence_set *recorded; /* owned; values of single tests */
    uint64_t now;
    struct pool all;
    struct pool by_sub[COUNT_OF(drilled)];
    bool *scenarios; /* exercised */
};

static void values_add(struct values *v, const json_t *list)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (!json_is_number(one) || v->n >= VALUES_MAX)
            continue;
        if (v->n == v->cap) {
            v->cap = MAX(v->cap * 2, 64);
            v->at = mem_resize(v->at, v->cap * sizeof(double));
        }
        v->at[v->n++] = json_number_value(one);
    }
}

static void pool_add(struct pool *p, const json_t *o, uint64_t at)
{
    json_int_t injected = json_integer_value(json_object_get(o, "injected"));
    json_int_t detected = json_integer_value(json_object_get(o, "detected"));

    p->injected += (uint64_t)injected;
    p->detected += (uint64_t)detected;
    p->last_unix_ms = MAX(p->last_unix_ms, at);
    p->n_drills++;
    values_add(&p->seconds, json_object_get(o, "seconds"));
    values_add(&p->touched, json_object_get(o, "touched"));
}

/** assess_drill_may_record() - is it of a kind that a person measures, or imports? */
bool assess_drill_may_record(const struct catalog_test *t)
{
    static const char *const kinds[] = {"drill", "file", "import", "log", "self-test"};

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i], t->kind) == 0)
            return true;
    return false;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text);

    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

/* What was measured once, but for an age, which has grown since. */
static double value_now(const struct catalog_test *t, double value, uint64_t passed_ms)
{
    if (ends_in(t->metric, "_days"))
        return value + (double)passed_ms / (double)DAY_MS;
    if (ends_in(t->metric, "_age_h"))
        return value + (double)passed_ms / (double)DAY_MS * 24;
    return value;
}

static const char *read_value(struct drills *d, const json_t *o, const char *test, uint64_t at)
{
    const struct catalog_test *t = assess_catalog_test(d->catalog, bytes_str(test));
    const json_t *value = json_object_get(o, "value");
    const char *by = json_string_value(json_object_get(o, "by"));
    json_int_t samples = json_integer_value(json_object_get(o, "samples"));
    CLEANUP(buf_done) struct buf detail = {0};

    if (t == NULL || !assess_drill_may_record(t))
        return "\"test\" is no test of a kind that is recorded: drill, file, import, log or "
               "self-test";
    if (!json_is_number(value))
        return "\"value\" is no number";
    buf_addf(&detail, "recorded, by %s", by != NULL ? by : "nobody named");
    buf_add_u8(&detail, 0);
    assess_evidence_add(d->recorded,
                        &(struct evidence){
                            .test = test,
                            .value = value_now(t, json_number_value(value), d->now - at),
                            .samples = samples > 0 ? (uint64_t)samples : 1,
                            .window = "365d",
                            .at_unix_ms = at,
                            .detail = (char *)detail.at,
                        });
    return NULL;
}

static const char *read_scenario(struct drills *d, const char *scenario)
{
    unsigned which;

    if (!catalog_scenario_index(d->catalog, scenario, &which))
        return "\"scenario\" is none of the catalogue's (R01 and so on)";
    d->scenarios[which] = true;
    return NULL;
}

/* Return: what is wrong with the line; NULL. */
static const char *read_drill(struct drills *d, const json_t *o)
{
    const char *test = json_string_value(json_object_get(o, "test"));
    const char *sub = json_string_value(json_object_get(o, "subcategory"));
    const char *scenario = json_string_value(json_object_get(o, "scenario"));
    json_int_t injected = json_integer_value(json_object_get(o, "injected"));
    json_int_t detected = json_integer_value(json_object_get(o, "detected"));
    json_int_t at = json_integer_value(json_object_get(o, "at"));
    const char *what = NULL;

    if (at <= 0)
        return "\"at\" (ms since 1970) is needed";
    if ((uint64_t)at > d->now || (uint64_t)at + DRILL_DAYS * DAY_MS < d->now)
        return NULL;
    if (scenario != NULL)
        what = read_scenario(d, scenario);
    if (what != NULL)
        return what;
    if (test != NULL)
        return read_value(d, o, test, (uint64_t)at);
    if (injected <= 0 || detected < 0 || detected > injected)
        return "\"injected\" of at least 1 and \"detected\" of no more than that are needed";
    pool_add(&d->all, o, (uint64_t)at);
    for (size_t i = 0; sub != NULL && i < COUNT_OF(drilled); i++)
        if (strcmp(drilled[i].sub, sub) == 0)
            pool_add(&d->by_sub[i], o, (uint64_t)at);
    return NULL;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(struct values *v)
{
    qsort(v->at, v->n, sizeof(double), compare_doubles);
    return v->at[(v->n - 1) / 2];
}

static void give(struct drills *d, const char *test, double value, uint64_t samples,
                 const struct pool *p)
{
    char detail[128];

    if (test == NULL || samples == 0)
        return;
    (void)snprintf(detail, sizeof(detail), "%u drills: %llu of %llu injected events detected",
                   p->n_drills, (unsigned long long)p->detected, (unsigned long long)p->injected);
    assess_evidence_add(d->out, &(struct evidence){.test = test,
                                                   .value = value,
                                                   .samples = samples,
                                                   .window = "365d",
                                                   .at_unix_ms = p->last_unix_ms,
                                                   .detail = detail});
}

static void give_pool(struct drills *d, struct pool *p, const struct drilled *tests)
{
    if (p->injected > 0)
        give(d, tests->recall, (double)p->detected / (double)p->injected, p->injected, p);
    if (p->seconds.n > 0)
        give(d, tests->seconds, median(&p->seconds), p->seconds.n, p);
    if (p->touched.n > 0)
        give(d, tests->touched, median(&p->touched), p->touched.n, p);
}

static void give_all(struct drills *d)
{
    static const struct drilled all = {NULL, "MQ.PR.SP-03.t3", "MQ.PR.SP-03.t5", NULL};
    static const struct drilled exercise = {NULL, "MQ.PR.SA-03.t2", NULL, NULL};
    double n_scenarios = 0;

    for (size_t i = 0; i < COUNT_OF(drilled); i++)
        give_pool(d, &d->by_sub[i], &drilled[i]);
    give_pool(d, &d->all, &all);
    give_pool(d, &d->all, &exercise);
    if (d->all.n_drills == 0)
        return;
    for (size_t i = 0; i < d->catalog->n_scenarios; i++)
        n_scenarios += d->scenarios[i];
    give(d, "MQ.PR.SA-03.t1", (double)(d->now - d->all.last_unix_ms) / (double)DAY_MS, 1, &d->all);
    give(d, "MQ.PR.SA-03.t4", n_scenarios, d->all.n_drills, &d->all);
}

/* What the node measured stands. */
static void give_recorded(struct drills *d)
{
    for (size_t i = 0; i < d->recorded->n; i++) {
        const struct evidence_item *it = &d->recorded->items[i];

        if (evidence_find(d->out, it->test) != NULL)
            continue;
        assess_evidence_add(d->out, &(struct evidence){.test = it->test,
                                                       .value = it->value,
                                                       .samples = it->samples,
                                                       .window = it->window,
                                                       .at_unix_ms = it->at_unix_ms,
                                                       .detail = it->detail});
    }
}

static void drills_done(struct drills *d)
{
    assess_evidence_free(d->recorded);
    for (size_t i = 0; i < COUNT_OF(drilled); i++) {
        free(d->by_sub[i].seconds.at);
        free(d->by_sub[i].touched.at);
    }
    free(d->all.seconds.at);
    free(d->all.touched.at);
    free(d->scenarios);
}

/**
 * assess_drills_evidence() - add what the drills of the last 365 days show
 * @rows:      array of them
 * @ret_error: owned by the caller; written on failure
 *
 * Return: false when a row is not in order: nothing of them is added.
 */
bool assess_drills_evidence(struct evidence_set *e, const json_t *rows, const struct catalog *c,
                            uint64_t now_unix_ms, char **ret_error)
{
    struct drills d = {.catalog = c, .out = e, .now = now_unix_ms};
    CLEANUP(buf_done) struct buf error = {0};
    const char *what = NULL;
    const json_t *o;
    size_t i;

    d.recorded = assess_evidence_new();
    d.scenarios = mem_zero(MAX(c->n_scenarios, 1) * sizeof(bool));
    json_array_foreach(rows, i, o)
    {
        what = read_drill(&d, o);
        if (what != NULL)
            break;
    }
    if (what == NULL) {
        give_recorded(&d);
        give_all(&d);
    } else {
        buf_addf(&error, "drill %zu of the store: %s", i + 1, what);
        *ret_error = bytes_dup_str(buf_view(&error));
    }
    drills_done(&d);
    return what == NULL;
}
