/* SPDX-License-Identifier: Apache-2.0 */
/* cli/respond.c - bastide respond: act, undo, approve, suspend; what is in force and what waits */
#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/shown.h"
#include "cli/ask.h"
#include "cli/http.h"
#include "cli/human.h"
#include "cli/print.h"

#define SUSPEND_S_MAX 86400

/* clang-format off */
static const struct show_field node_fields[] = {
    {"Posture",         "posture",                 SHOW_TEXT},
    {"Suspended, ends", "suspended_until_unix_ms", SHOW_UNTIL},
};
static const struct show_field force_columns[] = {
    {"WHAT",    "exactly",         SHOW_TEXT},
    {"KIND",    "target_kind",     SHOW_TEXT},
    {"TARGET",  "target",          SHOW_TEXT},
    {"ADDRESS", "address",         SHOW_TEXT},
    {"SINCE",   "created_unix_ms", SHOW_AGO},
    {"ENDS",    "expires_unix_ms", SHOW_LIFTED},
    {"AUTHOR",  "author",          SHOW_TEXT},
    {"UNDO WAITS", "undo_by",      SHOW_TEXT},
    {"REASON",  "reason",          SHOW_TEXT},
};
static const struct show_field held_columns[] = {
    {"WAITS",   "exactly",         SHOW_TEXT},
    {"ID",      "id",              SHOW_TEXT},
    {"KIND",    "target_kind",     SHOW_TEXT},
    {"TARGET",  "target",          SHOW_TEXT},
    {"ADDRESS", "address",         SHOW_TEXT},
    {"HITS",    "n_hit",           SHOW_NUMBER},
    {"GIVEN UP", "expires_unix_ms", SHOW_UNTIL},
    {"AUTHOR",  "author",          SHOW_TEXT},
    {"WHY NOT", "why_not",         SHOW_TEXT},
    {"REASON",  "reason",          SHOW_TEXT},
};
static const struct show_field command_fields[] = {
    {"Command",     "id",              SHOW_TEXT},
    {"Topic",       "target",          SHOW_TEXT},
    {"Client",      "client_id",       SHOW_TEXT},
    {"User",        "user",            SHOW_TEXT},
    {"Role",        "role",            SHOW_TEXT},
    {"Address",     "address",         SHOW_TEXT},
    {"Came",        "at_unix_ms",      SHOW_AGO},
    {"Given up",    "expires_unix_ms", SHOW_UNTIL},
    {"Approved by", "approved_by",     SHOW_TEXT},
    {"QoS",         "qos",             SHOW_NUMBER},
    {"Retained",    "retain",          SHOW_YES},
    {"Will",        "is_will",         SHOW_YES},
    {"Bytes",       "bytes",           SHOW_NUMBER},
    {"Payload",     "payload",         SHOW_TEXT},
    {"Payload, hex", "payload_hex",    SHOW_TEXT},
};
/* clang-format on */

static void add_table(struct buf *to, const json_t *array, const struct show_field *fields,
                      size_t n)
{
    if (json_array_size(array) == 0)
        return;
    buf_add_u8(to, '\n');
    show_used(to, array, fields, n, clock_unix_ms(), print_columns());
}

static int list(const struct cli_args *a)
{
    CLEANUP(buf_done) struct buf out = {0};
    json_t *all = NULL;
    int rc = ask_node(a, "GET", "/v1/responses", NULL, &all);

    if (rc == CLI_OK && cli_flag(a, "--json")) {
        print_json(all);
    } else if (rc == CLI_OK) {
        if (json_integer_value(json_object_get(all, "suspended_until_unix_ms")) == 0)
            json_object_del(all, "suspended_until_unix_ms");
        show_object(&out, all, node_fields, COUNT_OF(node_fields), clock_unix_ms());
        add_table(&out, json_object_get(all, "in_force"), force_columns, COUNT_OF(force_columns));
        add_table(&out, json_object_get(all, "held"), held_columns, COUNT_OF(held_columns));
        print_buf(&out);
    }
    json_decref(all);
    return rc;
}

static void print_action(const json_t *action)
{
    CLEANUP(buf_done) struct buf out = {0};
    const json_t *target;
    size_t i;

    buf_addf(&out, "%s", json_string_value(json_object_get(action, "what")));
    json_array_foreach(json_object_get(action, "targets"), i, target)
        buf_addf(&out, "%s %s", i > 0 ? "," : " of", json_string_value(target));
    buf_addf(&out, "\n    does:   %s\n    undone: %s\n",
             json_string_value(json_object_get(action, "does")),
             json_string_value(json_object_get(action, "undone")));
    print_buf(&out);
}

static int actions(const struct cli_args *a)
{
    json_t *all = NULL;
    int rc = ask_node(a, "GET", "/v1/responses", NULL, &all);
    const json_t *one;
    size_t i;

    if (rc == CLI_OK && cli_flag(a, "--json"))
        print_json(json_object_get(all, "actions"));
    else if (rc == CLI_OK)
        json_array_foreach(json_object_get(all, "actions"), i, one) print_action(one);
    json_decref(all);
    return rc;
}

/* ---- what is ordered ---- */

/* --rate or --delay as "amount"; Return: false when it is no number. */
static bool add_amount(const struct cli_args *a, json_t *body)
{
    const char *text = cli_arg(a, "--rate") != NULL ? cli_arg(a, "--rate") : cli_arg(a, "--delay");
    char *end = NULL;
    unsigned long long n = text != NULL ? strtoull(text, &end, 10) : 0;

    if (text == NULL)
        return true;
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > UINT32_MAX)
        return false;
    json_object_set_new(body, "amount", json_integer((json_int_t)n));
    return true;
}

/* ACTION [KIND TARGET [ADDRESS]]; for the posture, the posture alone. */
static json_t *body_of(const struct cli_args *a)
{
    bool is_posture = strcmp(a->operands[1], "posture") == 0;
    const char *const *more = (const char *const *)a->operands + 2;
    int n = a->n_operands - 2;

    if (n > 1)
        shown_undo(a->operands[3]);
    if (is_posture)
        return json_pack("{s:s, s:s*}", "what", a->operands[1], "posture", n > 0 ? more[0] : NULL);
    return json_pack("{s:s, s:s*, s:s*, s:s*}", "what", a->operands[1], "target_kind",
                     n > 0 ? more[0] : NULL, "target", n > 1 ? more[1] : NULL, "address",
                     n > 2 ? more[2] : NULL);
}

static int refuse(const struct cli_args *a, json_t *body, const char *why)
{
    json_decref(body);
    return cli_usage(a->verb, "%s", why);
}

static int run(const struct cli_args *a)
{
    json_t *body = body_of(a);
    uint64_t for_s = 0;

    if (body == NULL)
        return cli_usage(a->verb, "an operand is no UTF-8 text");
    if (cli_arg(a, "--for") != NULL && !human_span_parse(cli_arg(a, "--for"), &for_s))
        return refuse(a, body, "--for takes a time like 90s, 10m, 1h30m or 2d, up to 3660d");
    if (!add_amount(a, body))
        return refuse(a, body, "--rate and --delay take a whole number");
    json_object_set_new(body, "for_s", json_integer((json_int_t)for_s));
    json_object_set_new(body, "dry_run", json_boolean(cli_flag(a, "--dry-run")));
    if ((cli_arg(a, "--direction") != NULL &&
         json_object_set_new(body, "direction", json_string(cli_arg(a, "--direction"))) < 0) ||
        (cli_arg(a, "--reason") != NULL &&
         json_object_set_new(body, "reason", json_string(cli_arg(a, "--reason"))) < 0))
        return refuse(a, body, "an option is no UTF-8 text");
    return ask_do(a, "/v1/responses", body);
}

static bool is_order(const char *id)
{
    return strncmp(id, "O-", 2) == 0;
}

static bool is_command(const char *id)
{
    return strncmp(id, "C-", 2) == 0;
}

/* @of: "incidents", "orders" or "commands"; @deed: what is done to it, NULL: it is shown. */
static void path_of(struct buf *ret, const struct cli_args *a, const char *of, const char *deed)
{
    buf_addf(ret, "/v1/%s/", of);
    http_escape(ret, a->operands[1]);
    if (deed != NULL)
        buf_addf(ret, "/%s", deed);
    buf_add_u8(ret, 0);
}

static int by_id(const struct cli_args *a, const char *of, const char *deed)
{
    CLEANUP(buf_done) struct buf path = {0};
    json_t *body = json_object();

    path_of(&path, a, of, deed);
    if (is_command(a->operands[1]) && cli_arg(a, "--reason") != NULL &&
        json_object_set_new(body, "reason", json_string(cli_arg(a, "--reason"))) < 0)
        return refuse(a, body, "an option is no UTF-8 text");
    return ask_do(a, (const char *)path.at, body);
}

static int show(const struct cli_args *a)
{
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf out = {0};
    json_t *one = NULL;
    int rc;

    path_of(&path, a, "commands", NULL);
    rc = ask_node(a, "GET", (const char *)path.at, NULL, &one);
    if (rc == CLI_OK && cli_flag(a, "--json")) {
        print_json(one);
    } else if (rc == CLI_OK) {
        show_object(&out, one, command_fields, COUNT_OF(command_fields), clock_unix_ms());
        print_buf(&out);
    }
    json_decref(one);
    return rc;
}

/* The ids of incidents, orders and commands begin as no action's name does. */
static int undo(const struct cli_args *a)
{
    json_t *body;

    if (strncmp(a->operands[1], "I-", 2) == 0)
        return by_id(a, "incidents", "rollback");
    if (is_order(a->operands[1]))
        return by_id(a, "orders", "withdraw");
    if (is_command(a->operands[1]))
        return by_id(a, "commands", "withdraw");
    body = body_of(a);
    if (body == NULL)
        return cli_usage(a->verb, "an operand is no UTF-8 text");
    if (cli_arg(a, "--reason") != NULL &&
        json_object_set_new(body, "reason", json_string(cli_arg(a, "--reason"))) < 0)
        return refuse(a, body, "an option is no UTF-8 text");
    return ask_do(a, "/v1/responses/undo", body);
}

static int approve(const struct cli_args *a)
{
    if (is_command(a->operands[1]))
        return by_id(a, "commands", "approve");
    return by_id(a, is_order(a->operands[1]) ? "orders" : "incidents", "approve");
}

static int suspend(const struct cli_args *a)
{
    const char *span = cli_arg(a, "--for");
    uint64_t for_s = 0;

    if (span == NULL || !human_span_parse(span, &for_s) || for_s > SUSPEND_S_MAX)
        return cli_usage(a->verb, "suspend takes --for with a time like 30m, at most 24h");
    return ask_do(a, "/v1/responses/suspend",
                  json_pack("{s:I}", "minutes", (json_int_t)((for_s + 59) / 60)));
}

static int resume(const struct cli_args *a)
{
    return ask_do(a, "/v1/responses/suspend", json_pack("{s:i}", "minutes", 0));
}

/* clang-format off */
static const struct deed {
    const char *name;
    int operands_min; /* with the name */
    int operands_max;
    int (*run)(const struct cli_args *a);
} deeds[] = {
    {"list",    1, 1, list},
    {"actions", 1, 1, actions},
    {"run",     2, 5, run},
    {"undo",    2, 5, undo},
    {"show",    2, 2, show},
    {"approve", 2, 2, approve},
    {"suspend", 1, 1, suspend},
    {"resume",  1, 1, resume},
};
/* clang-format on */

/** cli_respond() - bastide respond [list | actions | run ... | undo ... | show | approve | suspend
 * | resume]
 */
int cli_respond(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 0, 5);

    if (rc != CLI_OK)
        return rc;
    if (a.n_operands == 0)
        return list(&a);
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        if (strcmp(a.operands[0], deeds[i].name) == 0 && a.n_operands >= deeds[i].operands_min &&
            a.n_operands <= deeds[i].operands_max)
            return deeds[i].run(&a);
    }
    return cli_usage(a.verb, "say %s", a.verb->operands);
}
