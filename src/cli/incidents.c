/* SPDX-License-Identifier: Apache-2.0 */
/* cli/incidents.c - bastide incidents: what was detected, and what a person does about it */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/shown.h"
#include "cli/ask.h"
#include "cli/http.h"
#include "cli/human.h"
#include "cli/print.h"
#include "cli/show.h"

#define FOLLOW_S 1

/* clang-format off */
static const struct show_field columns[] = {
    {"ID",       "id",              SHOW_TEXT},
    {"SEVERITY", "severity",        SHOW_TEXT},
    {"STATE",    "state",           SHOW_TEXT},
    {"UPDATED",  "updated_unix_ms", SHOW_AGO},
    {"KIND",     "kind",            SHOW_TEXT},
    {"SUBJECT",  "subject",         SHOW_TEXT},
    {"ACTION",   "action",          SHOW_TEXT},
    {"COUNT",    "count",           SHOW_NUMBER},
};
static const struct show_field fields[] = {
    {"Incident",    "id",              SHOW_TEXT},
    {"Kind",        "kind",            SHOW_TEXT},
    {"Rule",        "rule",            SHOW_TEXT},
    {"Severity",    "severity",        SHOW_TEXT},
    {"State",       "state",           SHOW_TEXT},
    {"Subject",     "subject",         SHOW_TEXT},
    {"Client",      "client_id",       SHOW_TEXT},
    {"User",        "user",            SHOW_TEXT},
    {"Address",     "address",         SHOW_TEXT},
    {"Began",       "time_unix_ms",    SHOW_BOTH},
    {"Updated",     "updated_unix_ms", SHOW_BOTH},
    {"Count",       "count",           SHOW_NUMBER},
    {"Limit",       "limit",           SHOW_NUMBER},
    {"Window, s",   "window_s",        SHOW_NUMBER},
    {"Action",      "action",          SHOW_TEXT},
    {"Action ends", "expires_unix_ms", SHOW_UNTIL},
    {"Assigned to", "assigned_to",     SHOW_TEXT},
    {"Seen by a person", "acknowledged_unix_ms", SHOW_BOTH},
    {"Judged",      "disposition",     SHOW_TEXT},
    {"Subcategory", "subcategory",     SHOW_TEXT},
};
static const struct show_field action_columns[] = {
    {"WHEN",   "at_unix_ms",      SHOW_DATE},
    {"WHAT",   "exactly",         SHOW_TEXT},
    {"STATE",  "state",           SHOW_TEXT},
    {"KIND",   "target_kind",     SHOW_TEXT},
    {"TARGET", "target",          SHOW_TEXT},
    {"ADDRESS", "address",        SHOW_TEXT},
    {"ENDS",   "expires_unix_ms", SHOW_UNTIL},
    {"UNDONE BY", "undone_by",    SHOW_TEXT},
    {"WHY NOT", "why_not",        SHOW_TEXT},
};
static const struct show_field note_columns[] = {
    {"NOTED",  "at_unix_ms", SHOW_DATE},
    {"AUTHOR", "author",     SHOW_TEXT},
    {"NOTE",   "text",       SHOW_TEXT},
};
static const struct show_field stats_columns[] = {
    {"KIND",        "kind",        SHOW_TEXT},
    {"SUBCATEGORY", "subcategory", SHOW_TEXT},
    {"OPENED",      "opened",      SHOW_NUMBER},
    {"OPEN",        "open",        SHOW_NUMBER},
    {"TRUE",        "true",        SHOW_NUMBER},
    {"FALSE",       "false",       SHOW_NUMBER},
    {"BENIGN",      "benign",      SHOW_NUMBER},
    {"NOT JUDGED",  "not_judged",  SHOW_NUMBER},
    {"WRONG/1000 CLIENT-DAYS", "wrong_per_1000_client_days", SHOW_NUMBER},
};
/* Arrays of texts of one incident, each in a line. */
static const struct {
    const char *title;
    const char *key;
} text_lists[] = {
    {"ATT&CK for ICS", "attck"},
    {"Samples",        "samples"},
    {"Related",        "related"},
};
/* clang-format on */

/* Append &name=value if the option was given. */
static void add_query(struct buf *path, const struct cli_args *a, const char *option,
                      const char *name)
{
    if (cli_arg(a, option) == NULL)
        return;
    buf_addf(path, "&%s=", name);
    http_escape(path, cli_arg(a, option));
}

static int get_list(const struct cli_args *a, uint64_t since_unix_ms, json_t **ret)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_addf(&path, "/v1/incidents?since_unix_ms=%llu", (unsigned long long)since_unix_ms);
    add_query(&path, a, "--state", "state");
    add_query(&path, a, "--severity", "severity");
    add_query(&path, a, "--kind", "kind");
    add_query(&path, a, "--limit", "limit");
    buf_add_u8(&path, 0);
    return ask_node(a, "GET", (const char *)path.at, NULL, ret);
}

static uint64_t newest(const json_t *incidents, uint64_t since_unix_ms)
{
    const json_t *one;
    size_t i;

    json_array_foreach(incidents, i, one)
    {
        uint64_t at = (uint64_t)json_integer_value(json_object_get(one, "updated_unix_ms"));

        since_unix_ms = MAX(since_unix_ms, at);
    }
    return since_unix_ms;
}

static void print_line(const json_t *incident, bool as_json)
{
    CLEANUP(buf_done) struct buf out = {0};
    char date[CLOCK_TEXT_LEN];
    uint64_t at = (uint64_t)json_integer_value(json_object_get(incident, "updated_unix_ms"));

    if (as_json) {
        print_json_line(incident);
        return;
    }
    buf_addf(&out, "%s ", clock_format(at, date));
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (columns[i].format == SHOW_TEXT) {
            show_value(&out, incident, &columns[i], at);
            buf_add_u8(&out, ' ');
        }
    }
    show_value(&out, incident, &(const struct show_field){"", "text", SHOW_TEXT}, at);
    buf_add_u8(&out, '\n');
    print_buf(&out);
}

/* One line for each change of an incident, until interrupted or the node goes. */
static int follow(const struct cli_args *a)
{
    uint64_t since_unix_ms = 0;

    for (;;) {
        json_t *incidents = NULL;
        int rc = get_list(a, since_unix_ms, &incidents);
        const json_t *one;
        size_t i;

        if (rc != CLI_OK)
            return rc;
        json_array_foreach(incidents, i, one) print_line(one, cli_flag(a, "--json"));
        since_unix_ms = newest(incidents, since_unix_ms);
        json_decref(incidents);
        if (fflush(stdout) != 0)
            return CLI_NO;
        nanosleep(&(const struct timespec){.tv_sec = FOLLOW_S}, NULL);
    }
}

/* How those of 30 days were judged: what a detector is worth; MQ.PR.SP-03. */
static int stats(const struct cli_args *a)
{
    json_t *reply = NULL;
    int rc = ask_node(a, "GET", "/v1/incidents/stats", NULL, &reply);

    if (rc == CLI_OK && cli_flag(a, "--json")) {
        print_json(reply);
    } else if (rc == CLI_OK) {
        (void)printf("30 days, %.1f client-days\n\n",
                     json_number_value(json_object_get(reply, "client_days")));
        print_list(json_object_get(reply, "kinds"), false, "no incidents", stats_columns,
                   COUNT_OF(stats_columns));
    }
    json_decref(reply);
    return rc;
}

static int list(const struct cli_args *a)
{
    json_t *incidents = NULL;
    int rc;

    if (cli_flag(a, "--stats"))
        return stats(a);
    if (cli_flag(a, "--follow"))
        return follow(a);
    rc = get_list(a, 0, &incidents);
    if (rc == CLI_OK)
        print_list(incidents, cli_flag(a, "--json"), "no incidents", columns, COUNT_OF(columns));
    json_decref(incidents);
    return rc;
}

/* Samples are what a client sent. */
static void add_texts(struct buf *to, const char *title, const json_t *texts)
{
    const json_t *one;
    size_t i;

    json_array_foreach(texts, i, one)
    {
        buf_addf(to, i == 0 ? "%s: " : ", ", title);
        shown_add(to, bytes_of(json_string_value(one), json_string_length(one)));
    }
    if (i > 0)
        buf_add_u8(to, '\n');
}

/* When the first of those that wait is given up; 0: none waits. */
static uint64_t waits_until(const json_t *actions)
{
    uint64_t first = 0;
    const json_t *one;
    size_t i;

    json_array_foreach(actions, i, one)
    {
        const char *state = json_string_value(json_object_get(one, "state"));
        uint64_t at = (uint64_t)json_integer_value(json_object_get(one, "expires_unix_ms"));

        if (state != NULL && strcmp(state, "held") == 0 && (first == 0 || at < first))
            first = at;
    }
    return first;
}

static void add_approval(struct buf *to, const json_t *incident, uint64_t now_unix_ms)
{
    uint64_t until = waits_until(json_object_get(incident, "actions"));
    char date[CLOCK_TEXT_LEN];

    if (until == 0)
        return;
    buf_addf(to, "\napprove until %.5s UTC, ", clock_format(until, date) + strlen("2026-11-27T"));
    human_until(to, until, now_unix_ms, "");
    buf_addf(to, ": bastide incidents approve %s\n",
             json_string_value(json_object_get(incident, "id")));
}

static void print_incident(const json_t *incident)
{
    CLEANUP(buf_done) struct buf out = {0};
    const json_t *actions = json_object_get(incident, "actions");
    const json_t *notes = json_object_get(incident, "notes");
    const char *text = json_string_value(json_object_get(incident, "text"));
    uint64_t now_unix_ms = clock_unix_ms();

    show_object(&out, incident, fields, COUNT_OF(fields), now_unix_ms);
    for (size_t i = 0; i < COUNT_OF(text_lists); i++)
        add_texts(&out, text_lists[i].title, json_object_get(incident, text_lists[i].key));
    print_buf(&out);
    if (text != NULL) {
        (void)fputc('\n', stdout);
        print_sentence(text);
    }
    out.len = 0;
    if (json_array_size(actions) > 0) {
        buf_add_u8(&out, '\n');
        show_used(&out, actions, action_columns, COUNT_OF(action_columns), now_unix_ms,
                  print_columns());
        add_approval(&out, incident, now_unix_ms);
    }
    if (json_array_size(notes) > 0) {
        buf_add_u8(&out, '\n');
        show_table(&out, notes, note_columns, COUNT_OF(note_columns), now_unix_ms, print_columns());
    }
    print_buf(&out);
}

/* "/v1/incidents/ID", and "/DEED" if there is one; a C string. */
static void incident_path(struct buf *to, const char *id, const char *deed)
{
    buf_addf(to, "/v1/incidents/");
    http_escape(to, id);
    if (deed != NULL)
        buf_addf(to, "/%s", deed);
    buf_add_u8(to, 0);
}

static int show(const struct cli_args *a)
{
    CLEANUP(buf_done) struct buf path = {0};
    json_t *incident = NULL;
    int rc;

    incident_path(&path, a->operands[1], NULL);
    rc = ask_node(a, "GET", (const char *)path.at, NULL, &incident);
    if (rc == CLI_OK && cli_flag(a, "--json"))
        print_json(incident);
    else if (rc == CLI_OK)
        print_incident(incident);
    json_decref(incident);
    return rc;
}

/* What a person may do about an incident, and which options say more. */
/* clang-format off */
static const struct deed {
    const char *name;
    bool takes_note;
    bool takes_judgement;
    bool takes_person;
} deeds[] = {
    {"ack",      true,  false, false},
    {"assign",   true,  false, true},
    {"close",    true,  true,  false},
    {"rollback", false, false, false},
    {"approve",  false, false, false},
};
/* clang-format on */

static int act(const struct cli_args *a, const struct deed *d)
{
    CLEANUP(buf_done) struct buf path = {0};
    const char *note = cli_arg(a, "--note");
    const char *judgement = cli_arg(a, "--as");
    const char *person = cli_arg(a, "--to");
    json_t *body;

    if (note != NULL && !d->takes_note)
        return cli_usage(a->verb, "%s takes no --note", d->name);
    if (judgement != NULL && !d->takes_judgement)
        return cli_usage(a->verb, "%s takes no --as", d->name);
    if (person != NULL && !d->takes_person)
        return cli_usage(a->verb, "%s takes no --to", d->name);
    if (person == NULL && d->takes_person)
        return cli_usage(a->verb, "%s takes --to NAME, or --to '' for nobody", d->name);
    body = json_pack("{s:s*, s:s*, s:s*}", "note", note, "disposition", judgement, "to",
                     person != NULL && person[0] != '\0' ? person : NULL);
    if (body == NULL)
        return cli_usage(a->verb, "an option is no UTF-8 text");
    incident_path(&path, a->operands[1], d->name);
    return ask_do(a, (const char *)path.at, body);
}

/** cli_incidents() - bastide incidents [list | show ID | ack ID | close ID | ...] */
int cli_incidents(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 0, 2);
    const char *what = rc == CLI_OK && a.n_operands > 0 ? a.operands[0] : "list";

    if (rc != CLI_OK)
        return rc;
    if (strcmp(what, "list") == 0 && a.n_operands < 2)
        return list(&a);
    if (strcmp(what, "show") == 0 && a.n_operands == 2)
        return show(&a);
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        if (strcmp(what, deeds[i].name) == 0 && a.n_operands == 2)
            return act(&a, &deeds[i]);
    }
    return cli_usage(a.verb, "say %s", a.verb->operands);
}
