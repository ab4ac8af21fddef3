/* SPDX-License-Identifier: Apache-2.0 */
/* cli/list.c - the verbs that show what a node has: a table, or JSON for machines */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/shown.h"
#include "cli/ask.h"
#include "cli/http.h"
#include "cli/human.h"
#include "cli/print.h"
#include "cli/show.h"

/* clang-format off */
static const struct show_field status_fields[] = {
    {"Node",                 "node",               SHOW_TEXT},
    {"Location",             "location",           SHOW_TEXT},
    {"Version",              "version",            SHOW_TEXT},
    {"Configuration",        "config",             SHOW_TEXT},
    {"Process",              "pid",                SHOW_NUMBER},
    {"Started",              "started_unix_ms",    SHOW_AGO},
    {"Configuration read",   "loaded_unix_ms",     SHOW_AGO},
    {"Workers",              "workers",            SHOW_NUMBER},
    {"Clients connected",    "clients_connected",  SHOW_NUMBER},
    {"Sessions",             "sessions",           SHOW_NUMBER},
    {"Subscriptions",        "subscriptions",      SHOW_NUMBER},
    {"Retained messages",    "retained_messages",  SHOW_NUMBER},
    {"Retained size",        "retained_bytes",     SHOW_BYTES},
    {"Messages received",    "messages_received",  SHOW_NUMBER},
    {"Messages sent",        "messages_sent",      SHOW_NUMBER},
    {"Messages dropped",     "messages_dropped",   SHOW_NUMBER},
    {"Received",             "bytes_received",     SHOW_BYTES},
    {"Sent",                 "bytes_sent",         SHOW_BYTES},
    {"Users",                "users",              SHOW_NUMBER},
    {"Roles",                "roles",              SHOW_NUMBER},
    {"Assets",               "assets",             SHOW_NUMBER},
    {"Bans",                 "bans",               SHOW_NUMBER},
    {"Open incidents",       "incidents_open",     SHOW_NUMBER},
    /* of "respond" */
    {"Posture",              "posture",                 SHOW_TEXT},
    {"Waits for a person",   "waiting",                 SHOW_NUMBER},
    {"Automatic answers",    "enforce",                 SHOW_YES},
    {"Suspended, ends",      "suspended_until_unix_ms", SHOW_UNTIL},
    {"Time scale",           "time_scale_text",         SHOW_TEXT},
    {"Bans, incidents on disk", "kept",                    SHOW_YES},
    /* of "journal" */
    {"Journal",              "state",              SHOW_TEXT},
    {"Journal size",         "bytes",              SHOW_BYTES},
    {"Journal needs",        "bytes_needed",       SHOW_BYTES},
};
static const struct show_field listener_fields[] = {
    {"LISTENER",    "name",        SHOW_TEXT},
    {"ADDRESS",     "address",     SHOW_TEXT},
    {"PORT",        "port",        SHOW_NUMBER},
    {"PLANE",       "plane",       SHOW_TEXT},
    {"TLS",         "tls",         SHOW_YES},
    {"WEBSOCKET",   "websocket",   SHOW_YES},
    {"PROXY",       "proxy_protocol", SHOW_YES},
    {"ANONYMOUS",   "anonymous",   SHOW_YES},
    {"CERTIFICATE", "certificate", SHOW_TEXT},
    {"CRL",         "crl",         SHOW_TEXT},
    {"CONNECTIONS", "connections", SHOW_NUMBER},
};
static const struct show_field client_columns[] = {
    {"CLIENT",    "client_id",      SHOW_TEXT},
    {"USER",      "user",           SHOW_TEXT},
    {"ROLE",      "role",           SHOW_TEXT},
    {"CONNECTED", "connected",      SHOW_YES},
    {"SINCE",     "since_unix_ms",  SHOW_AGO},
    {"ADDRESS",   "address",        SHOW_TEXT},
    {"CONN",      "conn",           SHOW_NUMBER},
    {"MQTT",      "protocol",       SHOW_TEXT},
    {"TLS",       "tls_version",    SHOW_TEXT},
    {"SUBS",      "subscriptions",  SHOW_NUMBER},
    {"QUEUE",     "queue_messages", SHOW_NUMBER},
    {"IN",        "messages_received", SHOW_NUMBER},
    {"OUT",       "messages_sent",  SHOW_NUMBER},
    {"DROPPED",   "messages_dropped", SHOW_NUMBER},
};
static const struct show_field client_fields[] = {
    {"Client",              "client_id",               SHOW_TEXT},
    {"User",                "user",                    SHOW_TEXT},
    {"Role",                "role",                    SHOW_TEXT},
    {"Connected",           "connected",               SHOW_YES},
    {"Since",               "since_unix_ms",           SHOW_AGO},
    {"Listener",            "listener",                SHOW_TEXT},
    {"Address",             "address",                 SHOW_TEXT},
    {"Port",                "port",                    SHOW_NUMBER},
    {"Connection",          "conn",                    SHOW_NUMBER},
    {"MQTT",                "protocol",                SHOW_TEXT},
    {"TLS",                 "tls_version",             SHOW_TEXT},
    {"Cipher",              "tls_cipher",              SHOW_TEXT},
    {"Certificate of",      "certificate_cn",          SHOW_TEXT},
    {"Certificate serial",  "certificate_serial",      SHOW_TEXT},
    {"Certificate issuer",  "certificate_issuer",      SHOW_TEXT},
    {"Certificate SHA-256", "certificate_fingerprint", SHOW_TEXT},
    {"Certificate ends",    "certificate_not_after_unix_ms", SHOW_UNTIL},
    {"Keep alive, s",       "keep_alive_s",            SHOW_NUMBER},
    {"Session expiry, s",   "session_expiry_s",        SHOW_NUMBER},
    {"Will topic",          "will_topic",              SHOW_TEXT},
    {"Messages waiting",    "queue_messages",          SHOW_NUMBER},
    {"Waiting size",        "queue_bytes",             SHOW_BYTES},
    {"Unacknowledged",      "inflight",                SHOW_NUMBER},
    {"Messages received",   "messages_received",       SHOW_NUMBER},
    {"Messages sent",       "messages_sent",           SHOW_NUMBER},
    {"Messages dropped",    "messages_dropped",        SHOW_NUMBER},
};
static const struct show_field subscription_columns[] = {
    {"SUBSCRIPTION", "filter",    SHOW_TEXT},
    {"GROUP",        "group",     SHOW_TEXT},
    {"QOS",          "qos",       SHOW_NUMBER},
    {"SUSPENDED",    "suspended", SHOW_YES},
};
static const struct show_field ban_columns[] = {
    {"KIND",    "kind",            SHOW_TEXT},
    {"SUBJECT", "subject",         SHOW_TEXT},
    {"ADDRESS", "address",         SHOW_TEXT},
    {"CREATED", "created_unix_ms", SHOW_AGO},
    {"ENDS",    "expires_unix_ms", SHOW_LIFTED},
    {"AUTHOR",  "author",          SHOW_TEXT},
    {"REASON",  "reason",          SHOW_TEXT},
};
/* clang-format on */

/* A verb without operands that shows what is at @path; @ret is owned by the caller. */
static int get(int argc, char **argv, const char *path, struct cli_args *a, json_t **ret)
{
    int rc = cli_args_parse(a, argc, argv, 0, 0);

    return rc != CLI_OK ? rc : ask_node(a, "GET", path, NULL, ret);
}

/** cli_bans() - bastide bans */
int cli_bans(int argc, char **argv)
{
    struct cli_args a;
    json_t *reply = NULL;
    int rc = get(argc, argv, "/v1/bans", &a, &reply);

    if (rc == CLI_OK)
        print_list(reply, cli_flag(&a, "--json"), "nobody is banned", ban_columns,
                   COUNT_OF(ban_columns));
    json_decref(reply);
    return rc;
}

/* @reply is one session. */
static void print_client(const json_t *reply)
{
    CLEANUP(buf_done) struct buf out = {0};
    const json_t *subscriptions = json_object_get(reply, "subscription_list");
    uint64_t now_unix_ms = clock_unix_ms();

    show_object(&out, reply, client_fields, COUNT_OF(client_fields), now_unix_ms);
    buf_add_u8(&out, '\n');
    if (json_array_size(subscriptions) == 0)
        buf_addf(&out, "no subscriptions\n");
    else
        show_table(&out, subscriptions, subscription_columns, COUNT_OF(subscription_columns),
                   now_unix_ms, print_columns());
    print_buf(&out);
}

static int show_client(const struct cli_args *a)
{
    CLEANUP(buf_done) struct buf path = {0};
    json_t *reply = NULL;
    int rc;

    buf_addf(&path, "/v1/clients/");
    shown_undo(a->operands[0]);
    http_escape(&path, a->operands[0]);
    buf_add_u8(&path, 0);
    rc = ask_node(a, "GET", (const char *)path.at, NULL, &reply);
    if (rc == CLI_OK && cli_flag(a, "--json"))
        print_json(reply);
    else if (rc == CLI_OK)
        print_client(reply);
    json_decref(reply);
    return rc;
}

static int by_client_id(const void *a, const void *b)
{
    return strcmp(json_string_value(json_object_get(*(json_t *const *)a, "client_id")),
                  json_string_value(json_object_get(*(json_t *const *)b, "client_id")));
}

/* The node has them in no order. */
static json_t *sort_clients(json_t *array)
{
    size_t n = json_array_size(array);
    json_t **all = mem_zero((n + 1) * sizeof(*all));
    json_t *one;
    size_t i;

    json_array_foreach(array, i, one) all[i] = json_incref(one);
    qsort(all, n, sizeof(*all), by_client_id);
    for (i = 0; i < n; i++)
        json_array_set_new(array, i, all[i]);
    free(all);
    return array;
}

/** cli_clients() - bastide clients [CLIENT] */
int cli_clients(int argc, char **argv)
{
    struct cli_args a;
    json_t *reply = NULL;
    int rc = cli_args_parse(&a, argc, argv, 0, 1);

    if (rc != CLI_OK)
        return rc;
    if (a.n_operands == 1)
        return show_client(&a);
    rc = ask_node(&a, "GET", "/v1/clients", NULL, &reply);
    if (rc == CLI_OK)
        print_list(sort_clients(reply), cli_flag(&a, "--json"), "no sessions", client_columns,
                   COUNT_OF(client_columns));
    json_decref(reply);
    return rc;
}

/* What is so on every node is no news. */
static void tell_unusual(json_t *status)
{
    double scale = json_number_value(json_object_get(status, "time_scale"));

    if (json_integer_value(json_object_get(status, "suspended_until_unix_ms")) == 0)
        json_object_del(status, "suspended_until_unix_ms");
    if (scale > 1)
        json_object_set_new(
            status, "time_scale_text",
            json_sprintf("%g: automatic bans and delays end so many times sooner", scale));
}

/* How long what is valid from @begins to @ends, members of @one, holds still. */
static void tell_span(json_t *one, const char *name, const char *begins, const char *ends,
                      uint64_t now_unix_ms)
{
    CLEANUP(buf_done) struct buf text = {0};

    if ((uint64_t)json_integer_value(json_object_get(one, begins)) > now_unix_ms)
        buf_addf(&text, "not yet valid");
    else
        human_until(&text, (uint64_t)json_integer_value(json_object_get(one, ends)), now_unix_ms,
                    "-");
    json_object_set_new(one, name, json_stringn((char *)text.at, text.len));
}

/* Certificate and revocation list of each listener. */
static void tell_spans(json_t *listeners, uint64_t now_unix_ms)
{
    json_t *one;
    size_t i;

    json_array_foreach(listeners, i, one)
    {
        tell_span(one, "certificate", "certificate_not_before_unix_ms",
                  "certificate_not_after_unix_ms", now_unix_ms);
        tell_span(one, "crl", "crl_this_update_unix_ms", "crl_next_update_unix_ms", now_unix_ms);
    }
}

/** cli_status() - bastide status */
int cli_status(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct cli_args a;
    json_t *reply = NULL;
    int rc = get(argc, argv, "/v1/status", &a, &reply);
    uint64_t now_unix_ms = clock_unix_ms();

    if (rc == CLI_OK && cli_flag(&a, "--json")) {
        print_json(reply);
    } else if (rc == CLI_OK) {
        /* One list, so that all values stand below each other. */
        json_object_update_missing(reply, json_object_get(reply, "respond"));
        json_object_update_missing(reply, json_object_get(reply, "journal"));
        tell_unusual(reply);
        tell_spans(json_object_get(reply, "listeners"), now_unix_ms);
        show_object(&out, reply, status_fields, COUNT_OF(status_fields), now_unix_ms);
        buf_add_u8(&out, '\n');
        show_table(&out, json_object_get(reply, "listeners"), listener_fields,
                   COUNT_OF(listener_fields), now_unix_ms, print_columns());
        print_buf(&out);
    }
    json_decref(reply);
    return rc;
}

/** cli_metrics() - bastide metrics: for a collector that reads a program's output; MQA.X-04 */
int cli_metrics(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    if (rc == CLI_OK)
        rc = ask_text(&a, "/metrics", &out);
    if (rc == CLI_OK)
        print_buf(&out);
    return rc;
}
