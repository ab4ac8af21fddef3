/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/assess.c - bastide assess: Current Profile, gaps and risk, from what the node
 * measured and what the files say
 */
#include "assess/assess.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/records.h"
#include "cli/print.h"
#include "crypto/crypto.h"
#include "node/node.h"

#define COLUMNS_DEFAULT 100

/* All that one assessment reads; owned. */
struct material {
    struct config *config;
    struct catalog *catalog;
    struct target *target;
    struct scope *scope;
    struct attestations *attestations;
    struct history *history;
    struct evidence_set *evidence;
};

static void material_done(struct material *m)
{
    assess_evidence_free(m->evidence);
    assess_history_free(m->history);
    assess_attestations_free(m->attestations);
    assess_scope_free(m->scope);
    assess_target_free(m->target);
    assess_catalog_free(m->catalog);
    config_free(m->config);
}

/* What the node measured.  No node is no failure: then nothing is known. */
static int read_evidence(const struct cli_args *a, struct material *m)
{
    json_t *measured = NULL;
    char *error = NULL;
    int rc;

    if (cli_flag(a, "--no-node")) {
        m->evidence = assess_evidence_new();
        return CLI_OK;
    }
    rc = ask_node(a, "GET", "/v1/evidence", NULL, &measured);
    if (rc == CLI_UNREACHABLE) {
        (void)fprintf(stderr, "bastide: assessed without a node: what only a running node can "
                              "measure is unknown\n");
        m->evidence = assess_evidence_new();
        return CLI_OK;
    }
    if (rc != CLI_OK)
        return rc;
    m->evidence = assess_evidence_parse(measured, m->catalog, &error);
    json_decref(measured);
    if (m->evidence == NULL)
        rc = cli_fail("the node's evidence: %s", error);
    free(error);
    return rc;
}

/* Drills and history are with the node, or in its store, which not every operator may open: their
 * lack makes tests unknown, never met. */
static void read_state(const struct cli_args *a, struct material *m, uint64_t now_unix_ms)
{
    json_t *drills = NULL;
    json_t *runs = NULL;
    char *error = NULL;

    if (records_read(a, "drill", &drills) != CLI_OK ||
        records_read(a, "assessment", &runs) != CLI_OK)
        (void)cli_fail("left out: drills and the history of assessments");
    if (!assess_drills_evidence(m->evidence, drills, m->catalog, now_unix_ms, &error))
        (void)cli_fail("left out: %s", error);
    free(error);
    error = NULL;
    m->history = assess_history_read(runs, &error);
    if (m->history == NULL)
        (void)cli_fail("left out: %s", error);
    free(error);
    json_decref(drills);
    json_decref(runs);
}

static bool read_files(struct material *m, char **ret_error)
{
    const struct config *c = m->config;

    m->catalog = assess_catalog_load(NULL, ret_error);
    if (m->catalog == NULL)
        return false;
    if (c->target_profile != NULL) {
        m->target = assess_target_load(c->target_profile, m->catalog, ret_error);
        if (m->target == NULL)
            return false;
    }
    if (c->scope_file != NULL) {
        m->scope = assess_scope_load(c->scope_file, m->catalog, ret_error);
        if (m->scope == NULL)
            return false;
    }
    /* None were made yet: then there is no file. */
    if (c->attestations_file != NULL && access(c->attestations_file, F_OK) == 0) {
        m->attestations = assess_attestations_load(c->attestations_file, c->attestation_key,
                                                   m->catalog, ret_error);
        if (m->attestations == NULL)
            return false;
    }
    return true;
}

static int read_all(const struct cli_args *a, struct material *m, uint64_t now_unix_ms)
{
    char *error = NULL;
    int rc = ask_config(a, &m->config);

    if (rc == CLI_OK && !read_files(m, &error))
        rc = cli_fail("%s", error);
    free(error);
    if (rc == CLI_OK)
        rc = read_evidence(a, m);
    if (rc == CLI_OK)
        read_state(a, m, now_unix_ms);
    return rc;
}

static void print_text_report(const struct assessment *as)
{
    CLEANUP(buf_done) struct buf out = {0};
    size_t columns = print_columns();

    assess_print_text(&out, as, columns > 0 ? (unsigned)columns : COLUMNS_DEFAULT,
                      isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
    print_buf(&out);
}

/* Where a symbolic link leads, the report goes; the link stays. */
static int write_html(const char *path, const struct assessment *as)
{
    CLEANUP(buf_done) struct buf out = {0};
    char *file = realpath(path, NULL);
    char *error = NULL;
    int rc = CLI_OK;

    assess_html(&out, as);
    if (!file_replace(file != NULL ? file : path, buf_view(&out), 0644, &error))
        rc = cli_fail("%s", error);
    else
        (void)fprintf(stderr, "bastide: written: %s\n", path);
    free(error);
    free(file);
    return rc;
}

static int print_comparison(const char *path, const struct assessment *as)
{
    CLEANUP(buf_done) struct buf out = {0};
    json_error_t error;
    json_t *before = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    json_t *after;
    int rc = CLI_OK;

    if (before == NULL)
        return cli_fail("%s: %s, line %d; it must be what bastide assess --json wrote", path,
                        error.text, error.line);
    after = assess_json(as);
    if (json_equal(json_object_get(before, "format"), json_object_get(after, "format")))
        assess_compare(&out, before, after);
    else
        rc = cli_fail("%s is not what bastide assess --json wrote", path);
    print_buf(&out);
    json_decref(before);
    json_decref(after);
    return rc;
}

static int put_out(const struct cli_args *a, const struct assessment *as)
{
    bool has_output = false;
    int rc = CLI_OK;

    if (cli_arg(a, "--html") != NULL) {
        has_output = true;
        rc = write_html(cli_arg(a, "--html"), as);
    }
    if (rc == CLI_OK && cli_flag(a, "--json")) {
        json_t *json = assess_json(as);

        has_output = true;
        print_json(json);
        json_decref(json);
    }
    if (rc == CLI_OK && cli_arg(a, "--compare") != NULL) {
        has_output = true;
        rc = print_comparison(cli_arg(a, "--compare"), as);
    }
    if (rc == CLI_OK && !has_output)
        print_text_report(as);
    if (rc == CLI_OK && cli_flag(a, "--record"))
        rc = records_add(a, "assessment", assess_history_run(as));
    return rc;
}

/** cli_assess() - bastide assess; the note's steps 3 to 6 */
int cli_assess(int argc, char **argv)
{
    struct cli_args a;
    struct material m = {0};
    uint64_t now_unix_ms = clock_unix_ms();
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    if (rc == CLI_OK && cli_flag(&a, "--json") && cli_arg(&a, "--compare") != NULL)
        rc = cli_usage(a.verb, "give one of --json and --compare");
    if (rc == CLI_OK)
        rc = read_all(&a, &m, now_unix_ms);
    if (rc == CLI_OK) {
        const struct assess_input in = {
            .catalog = m.catalog,
            .target = m.target,
            .scope = m.scope,
            .attestations = m.attestations,
            .history = m.history,
            .evidence = m.evidence,
            .node_name = m.config->node_name,
            .now_unix_ms = now_unix_ms,
        };
        struct assessment *as = assess_run(&in);

        rc = put_out(&a, as);
        assess_free(as);
    }
    material_done(&m);
    return rc;
}
