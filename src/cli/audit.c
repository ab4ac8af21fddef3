/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/audit.c - bastide audit: who did what, and whether all of it is still there
 *
 * From the running node, from the store of one that does not run, or from an export:
 * {"key"}, {"head"} and {"entry"}, an object a line.  MQ.PR.IP-04
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/home.h"
#include "cli/keys.h"
#include "cli/print.h"
#include "cli/state.h"
#include "store/audit.h"

#define LIST_DEFAULT 50
#define LIST_MAX     1000000
#define PAGE         1000

struct audit_task {
    const struct cli_args *args;
    struct state state;
    FILE *file; /* --file; NULL: the node, or its store */
    struct audit_check *check;
};

/* ---- where entries come from ---- */

static json_t *entries_of_store(const struct audit_task *t, uint64_t after, unsigned limit)
{
    char *error = NULL;
    json_t *all = control_audit_json(t->state.control, after, limit, &error);

    if (all == NULL)
        (void)home_failed(error);
    return all;
}

static json_t *ask(const struct audit_task *t, const char *path)
{
    json_t *answer = NULL;

    return ask_node(t->args, "GET", path, NULL, &answer) == CLI_OK ? answer : NULL;
}

/* Array, owned by the caller; NULL and standard error says why. */
static json_t *entries(const struct audit_task *t, uint64_t after, unsigned limit)
{
    char path[80];

    if (t->state.control != NULL)
        return entries_of_store(t, after, limit);
    snprintf(path, sizeof(path), "/v1/audit?limit=%u", limit);
    if (after != UINT64_MAX)
        snprintf(path, sizeof(path), "/v1/audit?after=%" PRIu64 "&limit=%u", after, limit);
    return ask(t, path);
}

static json_t *heads(const struct audit_task *t)
{
    char *error = NULL;
    json_t *all;

    if (t->state.control == NULL)
        return ask(t, "/v1/audit/heads");
    all = control_audit_heads_json(t->state.control, &error);
    if (all == NULL)
        (void)home_failed(error);
    return all;
}

/* Each entry, a page at a time. */
static int each_entry(const struct audit_task *t, int (*fn)(const struct audit_task *t, json_t *o))
{
    uint64_t after = 0;
    int rc = CLI_OK;
    json_t *page;

    while (rc == CLI_OK && (page = entries(t, after, PAGE)) != NULL) {
        size_t n = json_array_size(page);
        json_t *o;
        size_t i;

        json_array_foreach(page, i, o)
        {
            after = (uint64_t)json_integer_value(json_object_get(o, "seq"));
            if (rc == CLI_OK)
                rc = fn(t, o);
        }
        json_decref(page);
        if (n == 0)
            return rc;
    }
    return CLI_NO;
}

/* ---- list, export ---- */

/* clang-format off */
static const struct show_field columns[] = {
    {"ENTRY",  "seq",        SHOW_NUMBER},
    {"WHEN",   "at_unix_ms", SHOW_DATE},
    {"ACTOR",  "actor",      SHOW_TEXT},
    {"ACTION", "action",     SHOW_TEXT},
    {"OBJECT", "object",     SHOW_TEXT},
    {"RESULT", "result",     SHOW_TEXT},
    {"REASON", "reason",     SHOW_TEXT},
};
/* clang-format on */

static int list(struct audit_task *t)
{
    const char *text = cli_arg(t->args, "--limit");
    unsigned limit = LIST_DEFAULT;
    json_t *all;

    if (text != NULL && !number_parse(text, 1, LIST_MAX, &limit))
        return cli_usage(t->args->verb, "--limit %s is no number from 1 to %d", text, LIST_MAX);
    all = entries(t, UINT64_MAX, limit);
    if (all == NULL)
        return CLI_NO;
    print_list(all, cli_flag(t->args, "--json"), "no entries", columns, COUNT_OF(columns));
    json_decref(all);
    return CLI_OK;
}

static void print_line(const char *name, json_t *value)
{
    json_t *o = json_pack("{s:O}", name, value);

    print_json_line(o);
    json_decref(o);
}

static int export_entry(const struct audit_task *t, json_t *o)
{
    (void)t;
    print_line("entry", o);
    return CLI_OK;
}

static int export_all(struct audit_task *t)
{
    json_t *all = heads(t);
    json_t *o;
    size_t i;
    int rc;

    if (all == NULL)
        return CLI_NO;
    print_line("key", json_object_get(all, "key"));
    json_array_foreach(json_object_get(all, "heads"), i, o) print_line("head", o);
    json_decref(all);
    rc = each_entry(t, export_entry);
    if (fflush(stdout) != 0 || ferror(stdout))
        rc = cli_fail("the export cannot be written: %s", strerror(errno));
    return rc;
}

/* ---- verify ---- */

static int check_head(const struct audit_task *t, const json_t *o)
{
    struct audit_head h;

    if (!audit_head_parse(o, &h))
        return cli_fail("a head is not as it has to be");
    audit_check_head(t->check, &h);
    return CLI_OK;
}

static int check_entry(const struct audit_task *t, json_t *o)
{
    struct audit_row r;

    if (!audit_row_parse(o, &r))
        return cli_fail("an entry is not as it has to be");
    audit_check_row(t->check, &r);
    return CLI_OK;
}

/* The key that was given, else the one that stands beside the entries. */
static void begin_check(struct audit_task *t, const json_t *key)
{
    const char *given = cli_arg(t->args, "--key");
    const char *found = json_string_value(key);

    if (t->check == NULL)
        t->check = audit_check_new(given != NULL ? given : text_or_empty(found));
}

/* One that was kept elsewhere: what audit.head of the state folder held then. */
static int check_kept_head(struct audit_task *t)
{
    const char *path = cli_arg(t->args, "--head");
    json_error_t why;
    json_t *o;
    int rc;

    if (path == NULL)
        return CLI_OK;
    o = json_load_file(path, 0, &why);
    if (o == NULL)
        return cli_fail("%s: %s", path, why.text);
    begin_check(t, json_object_get(o, "key"));
    rc = check_head(t, o);
    json_decref(o);
    return rc;
}

static int check_heads(struct audit_task *t)
{
    json_t *all = heads(t);
    int rc = all != NULL ? CLI_OK : CLI_NO;
    json_t *o;
    size_t i;

    begin_check(t, json_object_get(all, "key"));
    json_array_foreach(json_object_get(all, "heads"), i, o) if (rc == CLI_OK) rc = check_head(t, o);
    json_decref(all);
    return rc;
}

static int check_line(struct audit_task *t, const char *text, size_t number)
{
    json_error_t why;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    int rc = CLI_OK;

    if (o == NULL)
        return cli_fail("%s:%zu: %s", cli_arg(t->args, "--file"), number, why.text);
    if (json_object_get(o, "key") != NULL)
        begin_check(t, json_object_get(o, "key"));
    if (t->check == NULL)
        rc = cli_fail("%s:%zu: the key must come first", cli_arg(t->args, "--file"), number);
    else if (json_object_get(o, "head") != NULL)
        rc = check_head(t, json_object_get(o, "head"));
    else if (json_object_get(o, "entry") != NULL)
        rc = check_entry(t, json_object_get(o, "entry"));
    json_decref(o);
    return rc;
}

static int check_file(struct audit_task *t)
{
    char *line = NULL;
    size_t cap = 0;
    int rc = CLI_OK;

    for (size_t number = 1; rc == CLI_OK && getline(&line, &cap, t->file) > 0; number++)
        rc = check_line(t, line, number);
    free(line);
    return rc;
}

/* What is wrong is a line each. */
static json_t *each_line(struct bytes text)
{
    json_t *all = json_array();

    while (text.len > 0) {
        const uint8_t *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;

        json_array_append_new(all, json_stringn((const char *)text.at, len));
        text = bytes_of(text.at + len + (end != NULL), text.len - len - (end != NULL));
    }
    return all;
}

static void print_verdict(const struct audit_task *t, bool is_whole, struct bytes problems)
{
    json_t *o = json_pack("{s:b, s:I, s:I, s:o}", "whole", is_whole, "entries",
                          (json_int_t)audit_check_entries(t->check), "heads",
                          (json_int_t)audit_check_heads(t->check), "problems", each_line(problems));

    print_json(o);
    json_decref(o);
}

static int verify(struct audit_task *t)
{
    CLEANUP(buf_done) struct buf problems = {0};
    int rc = check_kept_head(t);
    bool is_whole;

    if (rc == CLI_OK)
        rc = t->file != NULL ? check_file(t) : check_heads(t);
    if (rc == CLI_OK && t->file == NULL)
        rc = each_entry(t, check_entry);
    if (rc != CLI_OK)
        return rc;
    begin_check(t, NULL);
    if (t->file != NULL && audit_check_entries(t->check) == 0 && cli_arg(t->args, "--head") == NULL)
        return cli_fail("%s holds no entry: it is not what bastide audit export wrote",
                        cli_arg(t->args, "--file"));
    is_whole = audit_check_end(t->check, &problems);
    if (cli_flag(t->args, "--json")) {
        print_verdict(t, is_whole, buf_view(&problems));
        return is_whole ? CLI_OK : CLI_NO;
    }
    if (is_whole) {
        home_say("%zu entries and %zu signed heads: nothing is missing, changed or moved.\n",
                 audit_check_entries(t->check), audit_check_heads(t->check));
        return CLI_OK;
    }
    (void)fprintf(stderr, "%.*s", BYTES_ARG(buf_view(&problems)));
    return cli_fail("the audit is NOT whole: %zu entries, %zu heads whose signature holds",
                    audit_check_entries(t->check), audit_check_heads(t->check));
}

/* ---- */

static int open_source(struct audit_task *t)
{
    const char *path = cli_arg(t->args, "--file");

    if (path == NULL)
        return state_open(t->args, STATE_REFUSE, &t->state);
    t->file = fopen(path, "re");
    return t->file != NULL ? CLI_OK : cli_fail("cannot open %s: %s", path, strerror(errno));
}

/** cli_audit() - bastide audit list | export | verify */
int cli_audit(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct audit_task *t);
    } words[] = {{"list", list}, {"export", export_all}, {"verify", verify}};
    struct audit_task t = {0};
    struct cli_args a;
    size_t w = 0;
    int rc = cli_args_parse(&a, argc, argv, 1, 1);

    if (rc != CLI_OK)
        return rc;
    t.args = &a;
    while (w < COUNT_OF(words) && strcmp(words[w].name, a.operands[0]) != 0)
        w++;
    if (w == COUNT_OF(words))
        return cli_usage(a.verb, "%s is none of list, export, verify", a.operands[0]);
    if (cli_arg(&a, "--file") != NULL && words[w].run != verify)
        return cli_usage(a.verb, "--file is for verify");
    rc = cli_json_is_for(&a, words[w].run != export_all, "list and verify");
    if (rc == CLI_OK)
        rc = open_source(&t);
    if (rc == CLI_OK)
        rc = words[w].run(&t);
    if (t.file != NULL)
        fclose(t.file);
    audit_check_free(t.check);
    state_done(&t.state);
    return rc;
}
