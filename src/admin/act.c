/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/act.c - the routes that do something; all are audited by the node under
 * the author's name
 */
#include "admin/exchange.h"

#include <stdlib.h>

#include "admin/admin.h"
#include "base/err.h"
#include "base/shown.h"

#define BAN_S_MAX       (10LL * 366 * 24 * 3600) /* longer is "until lifted": say so */
#define SUSPEND_MIN_MAX 1440

/* A text in the body; Return: NULL when it is absent, or no text or too long, and then @x has its
 * answer. */
static const char *body_text(struct exchange *x, const char *name, bool must, size_t bytes_max)
{
    const json_t *value = json_object_get(x->body, name);
    const char *text = json_string_value(value);

    if (value == NULL && !must)
        return NULL;
    if (text == NULL || text[0] == '\0')
        exchange_refuse(x, 400, "give it as a text", "\"%s\" is missing or no text", name);
    else if (strlen(text) > bytes_max)
        exchange_refuse(x, 400, "make it shorter", "\"%s\" is longer than %zu bytes", name,
                        bytes_max);
    else
        return text;
    return NULL;
}

/* A number in the body, 0 to @max; absent: 0.  Return: false when not, and then @x has its answer.
 */
static bool body_number(struct exchange *x, const char *name, bool must, json_int_t max,
                        json_int_t *ret)
{
    const json_t *value = json_object_get(x->body, name);

    if (value == NULL && !must) {
        *ret = 0;
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > max) {
        exchange_refuse(x, 400, "give a whole number within that range",
                        "\"%s\" is no number from 0 to %" JSON_INTEGER_FORMAT, name, max);
        return false;
    }
    *ret = json_integer_value(value);
    return true;
}

/* Who is meant, of POST /v1/bans and /v1/bans/lift.  Return: false when not valid, and @x has its
 * answer. */
static bool body_ban(struct exchange *x, struct node_ban_request *r)
{
    const char *kind = body_text(x, "kind", true, ADMIN_TEXT_BYTES_MAX);

    if (x->status == 0)
        r->subject = body_text(x, "subject", true, ADMIN_BODY_BYTES_MAX);
    if (x->status == 0)
        r->address = body_text(x, "address", false, ADMIN_TEXT_BYTES_MAX);
    if (x->status != 0)
        return false;
    if (!ban_kind_parse(kind, &r->kind))
        exchange_refuse(x, 400, "use address, client, user, client-address, certificate or issuer",
                        "no kind of ban is called \"%s\"", kind);
    return x->status == 0;
}

/** post_ban() - POST /v1/bans; MQ.PR.SP-04 MQ.PR.SP-05 */
void post_ban(struct exchange *x)
{
    struct node_ban_request r = {0};
    json_int_t for_s = 0;
    unsigned count = 0;
    char *text = NULL;
    enum node_answer a;

    if (!body_ban(x, &r) || !body_number(x, "for_s", false, BAN_S_MAX, &for_s))
        return;
    r.reason = body_text(x, "reason", false, ADMIN_TEXT_BYTES_MAX);
    if (x->status != 0)
        return;
    if (r.reason == NULL)
        r.reason = "by hand";
    r.for_ms = (uint64_t)for_s * 1000;
    a = node_ban(x->node, &r, x->author, &count, &text);
    exchange_answer(x, a, &count, text);
}

/** post_unban() - POST /v1/bans/lift */
void post_unban(struct exchange *x)
{
    struct node_ban_request r = {0};
    char *text = NULL;
    enum node_answer a;

    if (!body_ban(x, &r))
        return;
    a = node_unban(x->node, r.kind, r.subject, r.address, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_disconnect() - POST /v1/disconnect; MQ.RS.RP-03 */
void post_disconnect(struct exchange *x)
{
    const char *kind_text = body_text(x, "kind", true, ADMIN_TEXT_BYTES_MAX);
    const char *subject =
        x->status == 0 ? body_text(x, "subject", true, ADMIN_BODY_BYTES_MAX) : NULL;
    enum node_subject_kind kind = NODE_SUBJECT_CLIENT;
    unsigned count = 0;
    char *text = NULL;
    enum node_answer a;

    if (subject == NULL)
        return;
    if (!node_subject_kind_parse(kind_text, &kind)) {
        exchange_refuse(x, 400, "use client, user, address or conn",
                        "no kind of subject is called \"%s\"", kind_text);
        return;
    }
    a = node_disconnect(x->node, kind, subject, x->author, &count, &text);
    exchange_answer(x, a, &count, text);
}

/** post_asset_state() - POST /v1/assets/state; MQ.ID.AM-04 */
void post_asset_state(struct exchange *x)
{
    const char *name = body_text(x, "name", true, ADMIN_BODY_BYTES_MAX);
    const char *state = x->status == 0 ? body_text(x, "state", true, ADMIN_TEXT_BYTES_MAX) : NULL;
    const char *reason = x->status == 0 ? body_text(x, "reason", true, ADMIN_TEXT_BYTES_MAX) : NULL;
    char *text = NULL;
    enum node_answer a;

    if (x->status != 0)
        return;
    a = node_asset_state(x->node, name, state, reason, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_asset_inspected() - POST /v1/assets/inspect; MQ.RC.RP-06 */
void post_asset_inspected(struct exchange *x)
{
    const char *name = body_text(x, "name", true, ADMIN_BODY_BYTES_MAX);
    const char *reason = x->status == 0 ? body_text(x, "reason", true, ADMIN_TEXT_BYTES_MAX) : NULL;
    char *text = NULL;
    enum node_answer a;

    if (x->status != 0)
        return;
    a = node_asset_inspected(x->node, name, reason, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

static void on_incident(struct exchange *x, enum node_incident_verb verb)
{
    struct node_incident_request r = {.verb = verb, .id = x->param};
    char *text = NULL;
    enum node_answer a;

    r.note = body_text(x, "note", false, ADMIN_TEXT_BYTES_MAX);
    if (x->status == 0)
        r.disposition = body_text(x, "disposition", false, ADMIN_TEXT_BYTES_MAX);
    if (x->status == 0)
        r.assignee = body_text(x, "to", false, ADMIN_TEXT_BYTES_MAX);
    if (x->status != 0)
        return;
    if (r.assignee == NULL)
        r.assignee = "";
    a = node_incident(x->node, &r, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_ack() - POST /v1/incidents/{id}/ack */
void post_ack(struct exchange *x)
{
    on_incident(x, NODE_INCIDENT_ACK);
}

/** post_assign() - POST /v1/incidents/{id}/assign */
void post_assign(struct exchange *x)
{
    on_incident(x, NODE_INCIDENT_ASSIGN);
}

/** post_close() - POST /v1/incidents/{id}/close */
void post_close(struct exchange *x)
{
    on_incident(x, NODE_INCIDENT_CLOSE);
}

/** post_rollback() - POST /v1/incidents/{id}/rollback */
void post_rollback(struct exchange *x)
{
    on_incident(x, NODE_INCIDENT_ROLLBACK);
}

/** post_approve() - POST /v1/incidents/{id}/approve; what waited may be a shutdown */
void post_approve(struct exchange *x)
{
    on_incident(x, NODE_INCIDENT_APPROVE);
    x->stops = node_shutdown_is_ordered(x->node);
}

/** post_approve_order() - POST /v1/orders/{id}/approve; the same */
void post_approve_order(struct exchange *x)
{
    unsigned count = 0;
    char *text = NULL;
    enum node_answer a = node_order_approve(x->node, x->param, x->author, &count, &text);

    exchange_answer(x, a, &count, text);
    x->stops = node_shutdown_is_ordered(x->node);
}

/** post_withdraw_order() - POST /v1/orders/{id}/withdraw */
void post_withdraw_order(struct exchange *x)
{
    char *text = NULL;
    enum node_answer a = node_order_withdraw(x->node, x->param, x->author, &text);

    exchange_answer(x, a, NULL, text);
}

/* @do_it: on the command that the path names */
static void on_command(struct exchange *x,
                       enum node_answer (*do_it)(struct node *n, const char *id, const char *reason,
                                                 const char *author, char **ret_text))
{
    const char *reason = body_text(x, "reason", false, ADMIN_TEXT_BYTES_MAX);
    char *text = NULL;
    enum node_answer a;

    if (x->status != 0)
        return;
    a = do_it(x->node, x->param, reason != NULL ? reason : "by hand", x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_approve_command() - POST /v1/commands/{id}/approve */
void post_approve_command(struct exchange *x)
{
    on_command(x, node_command_approve);
}

/** post_withdraw_command() - POST /v1/commands/{id}/withdraw */
void post_withdraw_command(struct exchange *x)
{
    on_command(x, node_command_withdraw);
}

/* ---- by order ---- */

/* Return: false when not valid, and @x has its answer. */
static bool body_order(struct exchange *x, struct node_order *o)
{
    const struct {
        const char *name;
        const char **to;
        size_t bytes_max;
    } texts[] = {
        {"what", &o->what, ADMIN_TEXT_BYTES_MAX},
        {"target_kind", &o->target_kind, ADMIN_TEXT_BYTES_MAX},
        {"target", &o->target, ADMIN_BODY_BYTES_MAX},
        {"address", &o->address, ADMIN_TEXT_BYTES_MAX},
        {"direction", &o->direction, ADMIN_TEXT_BYTES_MAX},
        {"posture", &o->posture, ADMIN_TEXT_BYTES_MAX},
        {"reason", &o->reason, ADMIN_TEXT_BYTES_MAX},
    };
    json_int_t amount = 0;
    json_int_t for_s = 0;

    for (size_t i = 0; i < COUNT_OF(texts) && x->status == 0; i++)
        *texts[i].to = body_text(x, texts[i].name, i == 0, texts[i].bytes_max);
    if (x->status != 0 || !body_number(x, "amount", false, UINT32_MAX, &amount) ||
        !body_number(x, "for_s", false, BAN_S_MAX, &for_s))
        return false;
    o->amount = (uint64_t)amount;
    o->for_ms = (uint64_t)for_s * 1000;
    return true;
}

/** post_respond() - POST /v1/responses; a shutdown begins when the answer has left */
void post_respond(struct exchange *x)
{
    struct node_order o = {0};
    const json_t *dry = json_object_get(x->body, "dry_run");
    unsigned count = 0;
    char *text = NULL;
    enum node_answer a;

    if (!body_order(x, &o))
        return;
    if (dry != NULL && !json_is_boolean(dry)) {
        exchange_refuse(x, 400, "give true or false", "\"dry_run\" is neither");
        return;
    }
    a = node_respond(x->node, &o, json_is_true(dry), x->author, &count, &text);
    exchange_answer(x, a, &count, text);
    x->stops = node_shutdown_is_ordered(x->node);
}

/** post_undo() - POST /v1/responses/undo */
void post_undo(struct exchange *x)
{
    struct node_order o = {0};
    char *text = NULL;
    enum node_answer a;

    if (!body_order(x, &o))
        return;
    a = node_respond_undo(x->node, &o, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_suspend() - POST /v1/responses/suspend: the kill switch of automatic answers */
void post_suspend(struct exchange *x)
{
    json_int_t minutes = 0;
    char *text = NULL;
    enum node_answer a;

    if (!body_number(x, "minutes", true, SUSPEND_MIN_MAX, &minutes))
        return;
    a = node_suspend_responses(x->node, (unsigned)minutes, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_backup() - POST /v1/backups */
void post_backup(struct exchange *x)
{
    const char *dir = body_text(x, "dir", true, ADMIN_BODY_BYTES_MAX);
    char *text = NULL;
    enum node_answer a;

    if (dir == NULL)
        return;
    a = node_backup(x->node, dir, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_key_rotate() - POST /v1/keys/rotate */
void post_key_rotate(struct exchange *x)
{
    char *text = NULL;
    enum node_answer a = node_key_rotate(x->node, x->author, &text);

    exchange_answer(x, a, NULL, text);
}

/** post_key_change() - POST /v1/keys/change */
void post_key_change(struct exchange *x)
{
    const char *file = body_text(x, "file", true, ADMIN_BODY_BYTES_MAX);
    char *text = NULL;
    enum node_answer a;

    if (file == NULL)
        return;
    a = node_key_change(x->node, file, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/* @what: what of that place it is, "a name in ".  Return: false: not plain, and @x has its answer.
 */
static bool is_plain(struct exchange *x, const char *what, const struct buf *place,
                     const char *text)
{
    uint32_t code = 0;
    size_t at = shown_treacherous(bytes_str(text), &code);

    if (at != 0)
        exchange_refuse(x, 400, "leave it out",
                        "%s%.*s: character %zu is U+%04X, which would steer a terminal, forge a "
                        "line or is not seen",
                        what, BYTES_ARG(buf_view(place)), at, code);
    return at == 0;
}

/* Is what is kept, to be shown to others, plain wherever a text or a name stands in it?
 * @place: where @v stands, "row.notes[2]"; as before on return */
static bool all_plain(struct exchange *x, struct buf *place, const json_t *v)
{
    size_t len = place->len;
    bool plain = !json_is_string(v) || is_plain(x, "", place, json_string_value(v));
    const char *key;
    json_t *in;
    size_t i;

    json_array_foreach(v, i, in)
    {
        buf_addf(place, "[%zu]", i);
        plain = plain && all_plain(x, place, in);
        place->len = len;
    }
    json_object_foreach((json_t *)(uintptr_t)v, key, in)
    {
        plain = plain && is_plain(x, "a name in ", place, key);
        buf_addf(place, ".%s", key);
        plain = plain && all_plain(x, place, in);
        place->len = len;
    }
    return plain;
}

/** post_record() - POST /v1/records/{table} */
void post_record(struct exchange *x)
{
    CLEANUP(buf_done) struct buf place = {0};
    const json_t *row = json_object_get(x->body, "row");
    char *text = NULL;
    enum node_answer a;

    if (!json_is_object(row)) {
        exchange_refuse(x, 400, "give it as an object", "\"row\" is missing or no object");
        return;
    }
    buf_addf(&place, "row");
    if (!all_plain(x, &place, row))
        return;
    a = node_record(x->node, x->param, row, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_audit() - POST /v1/audit; MQ.PR.IP-04 */
void post_audit(struct exchange *x)
{
    struct node_home_change h = {0};
    char *text = NULL;
    enum node_answer a;

    h.action = body_text(x, "action", true, ADMIN_TEXT_BYTES_MAX);
    if (x->status == 0)
        h.object = body_text(x, "object", true, ADMIN_TEXT_BYTES_MAX);
    if (x->status == 0)
        h.reason = body_text(x, "reason", false, ADMIN_TEXT_BYTES_MAX);
    if (x->status != 0)
        return;
    a = node_audit_home(x->node, &h, x->author, &text);
    exchange_answer(x, a, NULL, text);
}

/** post_reload() - POST /v1/reload */
void post_reload(struct exchange *x)
{
    char *text = NULL;
    enum node_answer a = node_reload(x->node, x->author, &text);

    exchange_answer(x, a, NULL, text);
}

/** post_stop() - POST /v1/stop: the answer first, then the stop; MQ.RS.RP-06 */
void post_stop(struct exchange *x)
{
    exchange_answer(x, NODE_OK, NULL, bytes_dup_str(BYTES("the node stops")));
    x->stops = true;
}
