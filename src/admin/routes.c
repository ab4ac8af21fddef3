/* SPDX-License-Identifier: Apache-2.0 */
/* admin/routes.c - the table of routes, and the way from a path to a handler */
#include "admin/exchange.h"

#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/admin.h"
#include "base/err.h"
#include "base/text.h"

#define PATH_SEGMENTS_MAX 8

static exchange_handler_fn view_routes;

/* clang-format off */
/*    method pattern                          handler         takes                                  summary */
#define ROUTES(X)                                                                                                      \
    X(GET,  "/",                             view_routes,    NULL,                                  "this list") \
    X(GET,  "/v1/status",                    view_status,    NULL,                                  "the node and its listeners") \
    X(GET,  "/v1/clients",                   view_clients,   "limit",                               "the sessions") \
    X(GET,  "/v1/clients/{client_id}",       view_client,    NULL,                                  "one session with its subscriptions") \
    X(GET,  "/v1/assets",                    view_assets,    NULL,                                  "assets, declared and seen (MQ.ID.AM)") \
    X(POST, "/v1/assets/inspect",            post_asset_inspected, "name reason",                   "a device of the inventory was looked at and is in order (MQ.RC.RP-06)") \
    X(POST, "/v1/assets/state",              post_asset_state, "name state reason",                 "a device of the inventory is in this state from now on (MQ.ID.AM-04)") \
    X(GET,  "/v1/flows",                     view_flows,     NULL,                                  "who publishes and reads what (MQ.ID.AM)") \
    X(GET,  "/v1/crypto",                    view_crypto,    NULL,                                  "how the connection of each asset is protected (MQ.ID.IC-04)") \
    X(GET,  "/v1/network",                   view_network,   NULL,                                  "zones, conduits and brokers (MQ.ID.AM-03)") \
    X(GET,  "/v1/incidents",                 view_incidents, "state severity kind since_unix_ms limit", "incidents, oldest first") \
    X(GET,  "/v1/incidents/stats",           view_incident_stats, NULL,                             "how those of 30 days were judged (MQ.PR.SP-03)") \
    X(GET,  "/v1/incidents/{id}",            view_incident,  NULL,                                  "one incident") \
    X(POST, "/v1/incidents/{id}/ack",        post_ack,        "note",                                "somebody looks after it") \
    X(POST, "/v1/incidents/{id}/assign",     post_assign,     "to note",                             "somebody is to look after it; without \"to\" nobody") \
    X(POST, "/v1/incidents/{id}/close",        post_close,      "disposition note",                    "it is dealt with, and was true, false or benign") \
    X(POST, "/v1/incidents/{id}/rollback",     post_rollback,   NULL,                                  "undo what was done automatically") \
    X(POST, "/v1/incidents/{id}/approve",      post_approve,    NULL,                                  "do what waits for approval") \
    X(GET,  "/v1/bans",                      view_bans,      NULL,                                  "bans in force") \
    X(POST, "/v1/bans",                      post_ban,        "kind subject address for_s reason",   "ban, and disconnect whom it hits") \
    X(POST, "/v1/bans/lift",                 post_unban,      "kind subject address",                "lift a ban") \
    X(POST, "/v1/disconnect",                post_disconnect, "kind subject",                        "close the connections of a client, user, address or conn") \
    X(GET,  "/v1/audit",                     view_audit,     "after limit",                         "who did what: the entries behind number after, else the newest (MQ.PR.IP-04)") \
    X(POST, "/v1/audit",                     post_audit,      "action object reason",                "a change of users or certificates that the command line made in the home's files (MQ.PR.IP-04)") \
    X(GET,  "/v1/audit/heads",               view_audit_heads, NULL,                                "the signed heads of the audit, and the key that they are verified by") \
    X(POST, "/v1/backups",                   post_backup,     "dir",                                 "the home and what is stored, into a folder (MQ.RC.RP-08)") \
    X(GET,  "/v1/records/{table}",           view_records,    NULL,                                  "what exercises and people recorded: drill or assessment") \
    X(POST, "/v1/records/{table}",           post_record,     "row",                                 "one more of these, with texts of one line and nothing that is not seen") \
    X(GET,  "/v1/keys",                      view_keys,       NULL,                                  "the data keys of what is stored") \
    X(POST, "/v1/keys/rotate",               post_key_rotate, NULL,                                  "seal all that is stored with a new data key, destroy the older ones (MQ.PR.SP-06)") \
    X(POST, "/v1/keys/change",               post_key_change, "file",                                "put the keyring under a new at-rest key, which the node makes in a file (MQ.PR.SP-06)") \
    X(GET,  "/v1/responses",                 view_responses, NULL,                                  "measures in force, what waits for approval, the posture, and all actions there are") \
    X(POST, "/v1/responses",                 post_respond,    "what target_kind target address direction posture amount for_s reason dry_run", "act, or count whom it would hit") \
    X(POST, "/v1/responses/undo",            post_undo,       "what target_kind target address reason", "the inverse of what was done to just this target; of a quarantine the reason is needed") \
    X(POST, "/v1/orders/{id}/approve",       post_approve_order, NULL,                               "do an order that waits for a second person, who is another one than gave it") \
    X(POST, "/v1/orders/{id}/withdraw",      post_withdraw_order, NULL,                              "an order that waits is not done") \
    X(GET,  "/v1/commands/{id}",             view_command,    NULL,                                  "a client's command that waits for approval, with its payload") \
    X(POST, "/v1/commands/{id}/approve",     post_approve_command, "reason",                         "publish it as it came") \
    X(POST, "/v1/commands/{id}/withdraw",    post_withdraw_command, "reason",                        "it is not published") \
    X(POST, "/v1/responses/suspend",         post_suspend,    "minutes",                             "no automatic action for so long; 0 ends it") \
    X(POST, "/v1/reload",                    post_reload,     NULL,                                  "read configuration, users, certificates and CRL anew") \
    X(POST, "/v1/stop",                      post_stop,       NULL,                                  "stop the node in order") \
    X(GET,  "/v1/evidence",                  view_evidence,  NULL,                                  "what the probes measured, for an assessment") \
    X(GET,  "/metrics",                      view_metrics,   NULL,                                  "counters in Prometheus text format")
/* clang-format on */

static const struct route {
    enum exchange_method method;
    exchange_handler_fn *handler;
} routes[] = {
#define X(method, pattern, handler, takes, summary) {EXCHANGE_##method, handler},
    ROUTES(X)
#undef X
};

static const struct admin_route_text texts[] = {
#define X(method, pattern, handler, takes, summary) {#method, pattern, takes, summary},
    ROUTES(X)
#undef X
};

/** admin_routes_describe() - the table as texts; Return: how many */
size_t admin_routes_describe(const struct admin_route_text **ret)
{
    *ret = texts;
    return COUNT_OF(texts);
}

static void view_routes(struct exchange *x)
{
    json_t *all = json_array();

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_t *one =
            json_pack("{s:s, s:s, s:s*, s:s}", "method", texts[i].method, "path", texts[i].pattern,
                      "takes", texts[i].takes, "summary", texts[i].summary);

        json_array_append_new(all, one);
    }
    exchange_reply(x, all);
}

/* A path cut at its slashes, percent-decoded. */
struct path {
    char *segments[PATH_SEGMENTS_MAX]; /* owned */
    size_t n;
    bool well_formed;
};

static void path_done(struct path *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->segments[i]);
}

static bool is_utf8(const char *text)
{
    json_t *json = json_string(text);

    json_decref(json);
    return json != NULL;
}

/* Decoded after it is cut, so that %2F in a name is no slash.  A zero would end the text early. */
static bool path_add(struct path *p, const char *from, size_t len)
{
    char *raw;
    size_t decoded_len = 0;
    char *decoded;

    if (p->n == PATH_SEGMENTS_MAX)
        return false;
    raw = bytes_dup_str(bytes_of(from, len));
    decoded = evhttp_uridecode(raw, 0, &decoded_len);
    free(raw);
    if (decoded == NULL)
        return false;
    p->segments[p->n++] = decoded;
    return strlen(decoded) == decoded_len && is_utf8(decoded);
}

static struct path path_parse(const char *text)
{
    struct path p = {.well_formed = text[0] == '/'};

    while (p.well_formed && *text == '/') {
        size_t len = strcspn(++text, "/");

        p.well_formed = path_add(&p, text, len);
        text += len;
    }
    return p;
}

/* Does @pattern fit the path?  @ret is what its {} stands for, borrowed from @p. */
static bool path_fits(const struct path *p, const char *pattern, const char **ret)
{
    size_t i = 0;

    for (; *pattern == '/'; i++) {
        size_t len = strcspn(++pattern, "/");

        if (i == p->n)
            return false;
        if (*pattern == '{') {
            if (p->segments[i][0] == '\0')
                return false;
            *ret = p->segments[i];
        } else if (strlen(p->segments[i]) != len || memcmp(p->segments[i], pattern, len) != 0) {
            return false;
        }
        pattern += len;
    }
    return i == p->n;
}

static void call(struct exchange *x, size_t i, const char *param)
{
    bool in_body = x->method == EXCHANGE_POST; /* and GET takes its parameters in the query */

    x->param = text_dup(param);

    if (!exchange_takes(x, x->query, in_body ? NULL : texts[i].takes) ||
        !exchange_takes(x, x->body, in_body ? texts[i].takes : NULL))
        return;
    routes[i].handler(x);
    check(x->status != 0);
}

static void allow(struct exchange *x, const char *method)
{
    size_t len = strlen(x->allows);

    snprintf(x->allows + len, sizeof(x->allows) - len, "%s%s", len > 0 ? ", " : "", method);
}

/**
 * routes_dispatch() - find the route of @path, call its handler
 * @x:     with method, query and body
 * @path:  still percent-encoded, without the query
 */
void routes_dispatch(struct exchange *x, const char *path)
{
    struct path p = path_parse(path);

    for (size_t i = 0; p.well_formed && x->status == 0 && i < COUNT_OF(texts); i++) {
        const char *param = NULL;

        if (!path_fits(&p, texts[i].pattern, &param))
            continue;
        if (routes[i].method == x->method)
            call(x, i, param);
        else
            allow(x, texts[i].method);
    }
    if (x->status == 0 && x->allows[0] != '\0')
        exchange_refuse(x, 405, "GET / lists the routes", "the method is not one of this path");
    else if (x->status == 0)
        exchange_refuse(x, 404, "GET / lists the routes", "there is no such path");
    path_done(&p);
}
