/* SPDX-License-Identifier: Apache-2.0 */
/* admin/view.c - the routes that show what is */
#include "admin/exchange.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

/* A number in the query; absent: @ret stays.  Return: false when it is none, and @x has its answer.
 */
static bool query_number(struct exchange *x, const char *name, uint64_t *ret)
{
    const char *text = json_string_value(json_object_get(x->query, name));
    char *end = NULL;
    unsigned long long value;

    if (text == NULL)
        return true;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        exchange_refuse(x, 400, "give a whole number, 0 or more", "\"%s\" is not a number", name);
        return false;
    }
    *ret = value;
    return true;
}

static const char *query_text(const struct exchange *x, const char *name)
{
    return json_string_value(json_object_get(x->query, name));
}

/** view_status() - GET /v1/status */
void view_status(struct exchange *x)
{
    exchange_reply(x, node_status_json(x->node));
}

/** view_clients() - GET /v1/clients */
void view_clients(struct exchange *x)
{
    uint64_t limit = 0;

    if (query_number(x, "limit", &limit))
        exchange_reply(x, node_clients_json(x->node, (size_t)limit));
}

/** view_client() - GET /v1/clients/{client_id} */
void view_client(struct exchange *x)
{
    json_t *client = node_client_json(x->node, x->param);

    if (json_is_null(client)) {
        json_decref(client);
        exchange_refuse(x, 404, "list the sessions, and ask for one of those",
                        "no session has the client id \"%s\"", x->param);
        return;
    }
    exchange_reply(x, client);
}

static void reply_read(struct exchange *x, json_t *what)
{
    if (!json_is_null(what)) {
        exchange_reply(x, what);
        return;
    }
    json_decref(what);
    exchange_refuse(x, 500, "see the node's log", "the store cannot be read");
}

/** view_audit() - GET /v1/audit */
void view_audit(struct exchange *x)
{
    uint64_t after = UINT64_MAX;
    uint64_t limit = 0;

    if (query_number(x, "after", &after) && query_number(x, "limit", &limit))
        reply_read(x, node_audit_json(x->node, after, (size_t)limit));
}

/** view_audit_heads() - GET /v1/audit/heads */
void view_audit_heads(struct exchange *x)
{
    reply_read(x, node_audit_heads_json(x->node));
}

/** view_records() - GET /v1/records/{table} */
void view_records(struct exchange *x)
{
    json_t *rows = node_records_json(x->node, x->param);

    if (!json_is_null(rows)) {
        exchange_reply(x, rows);
        return;
    }
    json_decref(rows);
    exchange_refuse(x, 404, "use drill or assessment", "nothing is recorded as \"%s\"", x->param);
}

/** view_keys() - GET /v1/keys */
void view_keys(struct exchange *x)
{
    exchange_reply(x, node_keys_json(x->node));
}

/** view_assets() - GET /v1/assets */
void view_assets(struct exchange *x)
{
    exchange_reply(x, node_assets_json(x->node));
}

/** view_flows() - GET /v1/flows */
void view_flows(struct exchange *x)
{
    exchange_reply(x, node_flows_json(x->node));
}

/** view_crypto() - GET /v1/crypto */
void view_crypto(struct exchange *x)
{
    exchange_reply(x, node_crypto_json(x->node));
}

/** view_network() - GET /v1/network */
void view_network(struct exchange *x)
{
    exchange_reply(x, node_network_json(x->node));
}

static bool is_one_of(const char *text, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0)
            return true;
    }
    return false;
}

static bool kind_valid(struct exchange *x, const char *kind)
{
    char *why = node_incident_kind_wrong_why(kind);

    if (why != NULL)
        exchange_refuse(x, 400, "docs/reference/detectors.md has all of them", "%s", why);
    free(why);
    return why == NULL;
}

static bool filter_valid(struct exchange *x, const struct node_incident_filter *f)
{
    static const char *const states[] = {"open", "acknowledged", "closed"};
    static const char *const severities[] = {"info", "low", "medium", "high", "critical"};

    if (f->state != NULL && !is_one_of(f->state, states, COUNT_OF(states))) {
        exchange_refuse(x, 400, "use open, acknowledged or closed", "no state is called \"%s\"",
                        f->state);
        return false;
    }
    if (f->severity != NULL && !is_one_of(f->severity, severities, COUNT_OF(severities))) {
        exchange_refuse(x, 400, "use info, low, medium, high or critical",
                        "no severity is called \"%s\"", f->severity);
        return false;
    }
    return f->kind == NULL || kind_valid(x, f->kind);
}

/** view_incidents() - GET /v1/incidents */
void view_incidents(struct exchange *x)
{
    struct node_incident_filter f = {
        .state = query_text(x, "state"),
        .severity = query_text(x, "severity"),
        .kind = query_text(x, "kind"),
    };
    uint64_t limit = 0;

    if (!query_number(x, "since_unix_ms", &f.since_unix_ms) || !query_number(x, "limit", &limit) ||
        !filter_valid(x, &f))
        return;
    f.limit = (size_t)limit;
    exchange_reply(x, node_incidents_json(x->node, &f));
}

/** view_incident_stats() - GET /v1/incidents/stats */
void view_incident_stats(struct exchange *x)
{
    exchange_reply(x, node_incident_stats_json(x->node));
}

/** view_incident() - GET /v1/incidents/{id} */
void view_incident(struct exchange *x)
{
    struct node_incident_filter f = {.id = x->param};
    json_t *found = node_incidents_json(x->node, &f);
    json_t *one = json_array_get(found, 0);

    if (one != NULL)
        exchange_reply(x, json_incref(one));
    else
        exchange_refuse(x, 404, "list the incidents, and ask for one of those",
                        "no incident has the id \"%s\"", x->param);
    json_decref(found);
}

/** view_bans() - GET /v1/bans */
void view_bans(struct exchange *x)
{
    exchange_reply(x, node_bans_json(x->node));
}

/** view_responses() - GET /v1/responses */
void view_responses(struct exchange *x)
{
    exchange_reply(x, node_responses_json(x->node));
}

/** view_command() - GET /v1/commands/{id} */
void view_command(struct exchange *x)
{
    json_t *command = node_command_json(x->node, x->param, x->author);

    if (!json_is_null(command)) {
        exchange_reply(x, command);
        return;
    }
    json_decref(command);
    exchange_refuse(x, 404, "list what waits by 'bastide respond', and ask for one of those",
                    "no command \"%s\" waits", x->param);
}

/** view_evidence() - GET /v1/evidence */
void view_evidence(struct exchange *x)
{
    exchange_reply(x, node_evidence_json(x->node));
}

/* Backslash and line end, and in a label's value the quote, as the text format wants them. */
static void add_escaped(struct buf *to, const char *text, bool quote)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            buf_addf(to, "\\\\");
        else if (*text == '\n')
            buf_addf(to, "\\n");
        else if (*text == '"' && quote)
            buf_addf(to, "\\\"");
        else
            buf_add_u8(to, (uint8_t)*text);
    }
}

static void add_sample(struct buf *to, const char *name, json_t *metric)
{
    json_t *labels = json_object_get(metric, "labels");
    const json_t *value = json_object_get(metric, "value");
    const char *separator = "{";
    const char *label;
    json_t *text;

    buf_addf(to, "bastide_%s", name);
    json_object_foreach(labels, label, text)
    {
        buf_addf(to, "%s%s=\"", separator, label);
        add_escaped(to, json_string_value(text), true);
        buf_addf(to, "\"");
        separator = ",";
    }
    if (*separator == ',')
        buf_addf(to, "}");
    if (json_is_integer(value))
        buf_addf(to, " %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
    else
        buf_addf(to, " %.17g\n", json_number_value(value));
}

/** view_metrics() - GET /metrics, Prometheus text format 0.0.4; MQA.X-04 */
void view_metrics(struct exchange *x)
{
    json_t *metrics = node_metrics_json(x->node);
    const char *family = "";
    json_t *metric;
    size_t i;

    json_array_foreach(metrics, i, metric)
    {
        const char *name = json_string_value(json_object_get(metric, "name"));
        const char *type = json_string_value(json_object_get(metric, "type"));
        const char *help = json_string_value(json_object_get(metric, "help"));

        check(name != NULL && type != NULL && help != NULL);
        if (strcmp(name, family) != 0) {
            buf_addf(&x->text, "# HELP bastide_%s ", name);
            add_escaped(&x->text, help, false);
            buf_addf(&x->text, "\n# TYPE bastide_%s %s\n", name, type);
        }
        add_sample(&x->text, name, metric);
        family = name;
    }
    x->status = 200;
    json_decref(metrics);
}
