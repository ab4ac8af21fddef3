/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

static enum node_answer PRINTF(4, 5)
    acted(struct node *n, unsigned *ret_count, char **ret_text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(n->call, sizeof(n->call), format, args);
    va_end(args);
    if (ret_count != NULL)
        *ret_count = n->count;
    *ret_text = n->text != NULL ? bytes_dup_str(bytes_str(n->text)) : NULL;
    return n->answer;
}

const char *node_answer_text(enum node_answer a)
{
    static const char *const texts[] = {
#define X(name, text) text,
        NODE_ANSWERS(X)
#undef X
    };
    return texts[a];
}

static const char *const subject_kinds[] = {"client", "user", "address", "conn"};

const char *node_subject_kind_text(enum node_subject_kind kind)
{
    return subject_kinds[kind];
}

bool node_subject_kind_parse(const char *text, enum node_subject_kind *ret)
{
    for (unsigned i = 0; i < NODE_SUBJECT_KIND_N; i++) {
        if (strcmp(text, subject_kinds[i]) == 0) {
            *ret = (enum node_subject_kind)i;
            return true;
        }
    }
    return false;
}

void node_confine_admin(const struct node *n)
{
    (void)n;
}

json_t *node_status_json(struct node *n)
{
    (void)n;
    return json_pack("{s:s}", "node", "centre-1");
}

json_t *node_clients_json(struct node *n, size_t limit)
{
    (void)n;
    return json_pack("[{s:s, s:I}]", "client_id", "m1", "limit", (json_int_t)limit);
}

json_t *node_client_json(struct node *n, const char *client_id)
{
    (void)n;
    if (strcmp(client_id, "nobody") == 0)
        return json_null();
    return json_pack("{s:s}", "client_id", client_id);
}

json_t *node_assets_json(struct node *n)
{
    (void)n;
    return json_pack("[s]", "assets");
}

json_t *node_flows_json(struct node *n)
{
    (void)n;
    return json_pack("[s]", "flows");
}

json_t *node_crypto_json(struct node *n)
{
    (void)n;
    return json_pack("[s]", "crypto");
}

json_t *node_network_json(struct node *n)
{
    (void)n;
    return json_pack("[s]", "network");
}

char *node_incident_kind_wrong_why(const char *kind)
{
    (void)kind;
    return NULL;
}

json_t *node_incidents_json(struct node *n, const struct node_incident_filter *f)
{
    (void)n;
    if (f->id != NULL && strcmp(f->id, "I-1") != 0)
        return json_array();
    return json_pack("[{s:s, s:s*, s:s*, s:s*, s:I, s:I}]", "id", "I-1", "state", f->state,
                     "severity", f->severity, "kind", f->kind, "since",
                     (json_int_t)f->since_unix_ms, "limit", (json_int_t)f->limit);
}

json_t *node_incident_stats_json(struct node *n)
{
    (void)n;
    return json_pack("[s]", "stats");
}

json_t *node_audit_json(struct node *n, uint64_t after, size_t limit)
{
    (void)n;
    return json_pack("[{s:I, s:I}]", "seq", (json_int_t)(after == UINT64_MAX ? 7 : after + 1),
                     "limit", (json_int_t)limit);
}

json_t *node_records_json(struct node *n, const char *table)
{
    (void)n;
    return strcmp(table, "drill") == 0 ? json_array() : json_null();
}

enum node_answer node_record(struct node *n, const char *table, const json_t *row,
                             const char *author, char **ret_text)
{
    (void)n;
    (void)row;
    (void)author;
    *ret_text = bytes_dup_str(bytes_str(table));
    return NODE_OK;
}

enum node_answer node_audit_home(struct node *n, const struct node_home_change *h,
                                 const char *author, char **ret_text)
{
    return acted(n, NULL, ret_text, "%s, %s: %s by %s", h->action, h->object,
                 h->reason != NULL ? h->reason : "-", author);
}

json_t *node_keys_json(struct node *n)
{
    (void)n;
    return json_object();
}

enum node_answer node_key_rotate(struct node *n, const char *author, char **ret_text)
{
    (void)n;
    *ret_text = bytes_dup_str(bytes_str(author));
    return NODE_OK;
}

enum node_answer node_key_change(struct node *n, const char *file, const char *author,
                                 char **ret_text)
{
    (void)n, (void)author;
    *ret_text = bytes_dup_str(bytes_str(file));
    return NODE_OK;
}

enum node_answer node_backup(struct node *n, const char *dir, const char *author, char **ret_text)
{
    (void)author;
    sleep(n->backup_s); /* the work itself: how long it takes is what the test is about */
    *ret_text = bytes_dup_str(bytes_str(dir));
    return NODE_E_FAILED;
}

json_t *node_audit_heads_json(struct node *n)
{
    (void)n;
    return json_null(); /* as when the store cannot be read */
}

json_t *node_bans_json(struct node *n)
{
    (void)n;
    return json_pack("[s]", "bans");
}

json_t *node_responses_json(struct node *n)
{
    (void)n;
    return json_pack("{s:s}", "posture", "normal");
}

static const char *said(const char *text)
{
    return text != NULL ? text : "-";
}

enum node_answer node_respond(struct node *n, const struct node_order *o, bool dry_run,
                              const char *author, unsigned *ret_count, char **ret_text)
{
    return acted(n, ret_count, ret_text, "respond %s %s %s %llu %llu %s%s by %s", o->what,
                 said(o->target_kind), said(o->target), (unsigned long long)o->amount,
                 (unsigned long long)o->for_ms, said(o->reason), dry_run ? " dry" : "", author);
}

enum node_answer node_order_approve(struct node *n, const char *id, const char *author,
                                    unsigned *ret_count, char **ret_text)
{
    return acted(n, ret_count, ret_text, "approve %s by %s", id, author);
}

enum node_answer node_order_withdraw(struct node *n, const char *id, const char *author,
                                     char **ret_text)
{
    return acted(n, NULL, ret_text, "withdraw %s by %s", id, author);
}

json_t *node_command_json(struct node *n, const char *id, const char *author)
{
    (void)n, (void)author;
    return strcmp(id, "C-1") == 0 ? json_pack("{s:s}", "id", id) : json_null();
}

enum node_answer node_command_approve(struct node *n, const char *id, const char *reason,
                                      const char *author, char **ret_text)
{
    return acted(n, NULL, ret_text, "approve %s: %s by %s", id, reason, author);
}

enum node_answer node_command_withdraw(struct node *n, const char *id, const char *reason,
                                       const char *author, char **ret_text)
{
    return acted(n, NULL, ret_text, "withdraw %s: %s by %s", id, reason, author);
}

bool node_shutdown_is_ordered(struct node *n)
{
    return strstr(n->call, "respond shutdown") != NULL && strstr(n->call, " dry ") == NULL;
}

enum node_answer node_respond_undo(struct node *n, const struct node_order *o, const char *author,
                                   char **ret_text)
{
    return acted(n, NULL, ret_text, "undo %s %s %s by %s", o->what, said(o->target_kind),
                 said(o->target), author);
}

json_t *node_evidence_json(struct node *n)
{
    (void)n;
    return json_pack("[s]", "evidence");
}

json_t *node_metrics_json(struct node *n)
{
    (void)n;
    return json_pack("[{s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:i, s:{s:s}}, "
                     "{s:s, s:s, s:s, s:f, s:{s:s}}]",
                     "name", "connections", "type", "gauge", "help", "open \\ now\nand here",
                     "value", 3, "name", "dropped_total", "type", "counter", "help", "lost",
                     "value", 7, "labels", "why", "queue \"full\"\\\n", "name", "dropped_total",
                     "type", "counter", "help", "lost", "value", 0.5, "labels", "why", "quota");
}

enum node_answer node_disconnect(struct node *n, enum node_subject_kind kind, const char *subject,
                                 const char *author, unsigned *ret_count, char **ret_text)
{
    return acted(n, ret_count, ret_text, "disconnect %s %s by %s", node_subject_kind_text(kind),
                 subject, author);
}

enum node_answer node_ban(struct node *n, const struct node_ban_request *r, const char *author,
                          unsigned *ret_count, char **ret_text)
{
    return acted(n, ret_count, ret_text, "ban %s %s %s for %llu ms: %s by %s",
                 ban_kind_text(r->kind), r->subject, r->address != NULL ? r->address : "-",
                 (unsigned long long)r->for_ms, r->reason, author);
}

enum node_answer node_unban(struct node *n, enum ban_kind kind, const char *subject,
                            const char *address, const char *author, char **ret_text)
{
    return acted(n, NULL, ret_text, "unban %s %s %s by %s", ban_kind_text(kind), subject,
                 address != NULL ? address : "-", author);
}

enum node_answer node_asset_state(struct node *n, const char *name, const char *state,
                                  const char *reason, const char *author, char **ret_text)
{
    return acted(n, NULL, ret_text, "state %s %s: %s by %s", name, state, reason, author);
}

enum node_answer node_asset_inspected(struct node *n, const char *name, const char *reason,
                                      const char *author, char **ret_text)
{
    return acted(n, NULL, ret_text, "inspected %s: %s by %s", name, reason, author);
}

enum node_answer node_incident(struct node *n, const struct node_incident_request *r,
                               const char *author, char **ret_text)
{
    static const char *const verbs[] = {"ack", "assign", "close", "rollback", "approve"};
    bool assigns = r->verb == NODE_INCIDENT_ASSIGN;

    return acted(n, NULL, ret_text, "%s %s %s%s%s: %s by %s", verbs[r->verb], r->id,
                 r->disposition != NULL ? r->disposition : "-", assigns ? " to " : "",
                 assigns ? r->assignee : "", r->note != NULL ? r->note : "-", author);
}

enum node_answer node_suspend_responses(struct node *n, unsigned minutes, const char *author,
                                        char **ret_text)
{
    return acted(n, NULL, ret_text, "suspend %u by %s", minutes, author);
}

enum node_answer node_reload(struct node *n, const char *author, char **ret_text)
{
    return acted(n, NULL, ret_text, "reload by %s", author);
}

void node_stop(struct node *n, const char *author)
{
    const uint64_t one = 1;

    snprintf(n->call, sizeof(n->call), "stop by %s", author);
    if (n->stop_fd >= 0)
        check(write(n->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}
