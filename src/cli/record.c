/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/record.c - bastide record: what a person measured, for the assessment
 *
 * A drill, the age of a plan, a share out of a register: what no probe of the node
 * can see.  assess.h says which tests that are, and how such a value counts.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "assess/assess.h"
#include "base/clock.h"
#include "cli/home.h"
#include "cli/records.h"
#include "conf/conf.h"

#define SAMPLES_MAX 999999999

struct record_task {
    const struct cli_args *args;
    struct catalog *catalog; /* owned */
    const struct catalog_test *test;
    double value;
    unsigned samples;
    uint64_t at_unix_ms;
};

static bool take_value(const char *text, double *ret)
{
    char *end = NULL;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(value))
        return false;
    *ret = value;
    return true;
}

static bool is_scenario(const struct catalog *c, const char *id)
{
    for (size_t i = 0; i < c->n_scenarios; i++)
        if (strcmp(c->scenarios[i].id, id) == 0)
            return true;
    return false;
}

static int check_test(struct record_task *t)
{
    const struct cli_args *a = t->args;

    t->test = assess_catalog_test(t->catalog, bytes_str(a->operands[0]));
    if (t->test == NULL)
        return cli_usage(a->verb, "%s is no test of the catalogue, such as MQ.RC.RP-08.t2",
                         a->operands[0]);
    if (!assess_drill_may_record(t->test))
        return cli_usage(a->verb,
                         "%s is of kind %s: the node measures it, or nobody; recorded are drill, "
                         "file, import, log and self-test",
                         t->test->id, t->test->kind);
    return CLI_OK;
}

static int take_options(struct record_task *t)
{
    const struct cli_args *a = t->args;
    const char *scenario = cli_arg(a, "--scenario");
    const char *samples = cli_arg(a, "--samples");
    const char *at = cli_arg(a, "--at");
    int rc = check_test(t);

    if (rc != CLI_OK)
        return rc;
    if (!take_value(a->operands[1], &t->value))
        return cli_usage(a->verb, "%s is no number such as 0.95 or 12", a->operands[1]);
    if (cli_arg(a, "--by") == NULL || cli_arg(a, "--by")[0] == '\0')
        return cli_usage(a->verb, "say who measured it: --by NAME");
    if (cli_plain(a, "--by", cli_arg(a, "--by")) != CLI_OK)
        return CLI_USAGE;
    if (samples != NULL && !number_parse(samples, 1, SAMPLES_MAX, &t->samples))
        return cli_usage(a->verb, "--samples %s is no number of at least 1", samples);
    if (scenario != NULL && !is_scenario(t->catalog, scenario))
        return cli_usage(a->verb, "--scenario %s is none of %s to %s", scenario,
                         t->catalog->scenarios[0].id,
                         t->catalog->scenarios[t->catalog->n_scenarios - 1].id);
    if (at != NULL && !conf_date_parse(at, &t->at_unix_ms))
        return cli_usage(a->verb, "--at %s is no date like 2026-01-31 or 2026-01-31T10:00:00Z", at);
    if (t->at_unix_ms > clock_unix_ms())
        return cli_usage(a->verb, "--at %s is yet to come", at);
    return CLI_OK;
}

static void say_what_is_asked(const struct record_task *t)
{
    static const char *const signs[] = {[CATALOG_AT_LEAST] = "at least",
                                        [CATALOG_AT_MOST] = "at most",
                                        [CATALOG_EQUAL] = "exactly"};

    home_say("%s: %s\n", t->test->id, t->test->observe);
    for (unsigned tier = ASSESS_TIER_MIN; tier <= ASSESS_TIER_MAX; tier++)
        if (t->test->has[tier])
            home_say("  tier %u asks for %s %g\n", tier, signs[t->test->op],
                     t->test->threshold[tier]);
    if (t->samples < t->test->samples_min)
        home_say("  It counts from %llu samples on, unless the scope says that fewer do.\n",
                 (unsigned long long)t->test->samples_min);
}

static int record(const struct record_task *t)
{
    const struct cli_args *a = t->args;
    json_t *row =
        json_pack("{s:I, s:s, s:f, s:I, s:s*, s:s}", "at", (json_int_t)t->at_unix_ms, "test",
                  t->test->id, "value", t->value, "samples", (json_int_t)t->samples, "scenario",
                  cli_arg(a, "--scenario"), "by", cli_arg(a, "--by"));
    int rc;

    if (row == NULL)
        return cli_fail("--by is no UTF-8 text");
    rc = records_add(a, "drill", row);
    if (rc != CLI_OK)
        return rc;
    home_say("Recorded: %g, by %s.\n", t->value, cli_arg(a, "--by"));
    say_what_is_asked(t);
    return CLI_OK;
}

/* Texts may stand in lists and objects, too: "seconds", "by". */
static int check_texts(const struct record_task *t, const char *name, const json_t *v)
{
    CLEANUP(buf_done) struct buf where = {0};
    const char *key;
    json_t *in;
    size_t i;
    int rc = CLI_OK;

    if (json_is_string(v)) {
        buf_addf(&where, "--row, \"%s\"%c", name, 0);
        return cli_plain(t->args, (const char *)where.at, json_string_value(v));
    }
    json_array_foreach(v, i, in) rc = rc == CLI_OK ? check_texts(t, name, in) : rc;
    json_object_foreach((json_t *)(uintptr_t)v, key, in) rc =
        rc == CLI_OK ? check_texts(t, key, in) : rc;
    return rc;
}

/* --row: what an exercise left, whole; what must be in it is held against the catalogue here. */
static int record_row(const struct record_task *t, const char *text)
{
    struct evidence_set *scratch = assess_evidence_new();
    json_error_t why;
    json_t *row = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    json_t *alone = json_array();
    char *error = NULL;
    int rc = CLI_OK;

    if (row == NULL || json_array_append(alone, row) != 0)
        rc = cli_usage(t->args->verb, "--row is no JSON: %s", why.text);
    else if (!assess_drills_evidence(scratch, alone, t->catalog, clock_unix_ms(), &error))
        rc = cli_usage(t->args->verb, "--row: %s", error);
    if (rc == CLI_OK)
        rc = check_texts(t, "row", row);
    if (rc == CLI_OK)
        rc = records_add(t->args, "drill", json_incref(row));
    free(error);
    json_decref(row);
    json_decref(alone);
    assess_evidence_free(scratch);
    return rc;
}

/** cli_record() - bastide record TEST VALUE */
int cli_record(int argc, char **argv)
{
    struct record_task t = {.samples = 1, .at_unix_ms = clock_unix_ms()};
    struct cli_args a;
    char *error = NULL;
    int rc = cli_args_parse(&a, argc, argv, 0, 2);

    if (rc != CLI_OK)
        return rc;
    t.args = &a;
    if (a.n_operands != (cli_arg(&a, "--row") != NULL ? 0 : 2))
        return cli_usage(a.verb, "give TEST and VALUE, or --row");
    t.catalog = assess_catalog_load(NULL, &error);
    if (t.catalog == NULL)
        return home_failed(error);
    if (cli_arg(&a, "--row") != NULL) {
        rc = record_row(&t, cli_arg(&a, "--row"));
    } else {
        rc = take_options(&t);
        if (rc == CLI_OK)
            rc = record(&t);
    }
    assess_catalog_free(t.catalog);
    return rc;
}
