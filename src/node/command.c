/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/command.c - the control plane's calls: what to do
 *
 * Every one is in force on all workers when it returns.
 *
 * MQ.RS.RP-03 MQ.PR.SP-04
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "node/aim.h"
#include "node/node_private.h"
#include "node/orders.h"
#include "node/sentinel.h"

/* clang-format off */
static const char *const subject_kinds[NODE_SUBJECT_KIND_N] = {
    [NODE_SUBJECT_CLIENT]  = "client",
    [NODE_SUBJECT_USER]    = "user",
    [NODE_SUBJECT_ADDRESS] = "address",
    [NODE_SUBJECT_CONN]    = "conn",
};
/* clang-format on */

/** node_answer_text() - static */
const char *node_answer_text(enum node_answer a)
{
    static const char *const texts[] = {
#define X(name, text) [NODE_##name] = text,
        NODE_ANSWERS(X)
#undef X
    };

    return texts[a];
}

/** node_subject_kind_text() - static */
const char *node_subject_kind_text(enum node_subject_kind kind)
{
    return subject_kinds[kind];
}

/** node_subject_kind_parse() - Return: false if @text is none of them. */
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

/* Object: "client m-1". */
static void audit_of(struct node *n, const char *author, const char *action, const char *kind,
                     const char *subject, const char *reason, const char *result, ...) PRINTF(7, 8);
static void audit_of(struct node *n, const char *author, const char *action, const char *kind,
                     const char *subject, const char *reason, const char *result, ...)
{
    char *object = text_format(subject[0] != '\0' ? "%s %s" : "%s%s", kind, subject);
    char *text;
    va_list args;

    va_start(args, result);
    text = text_vformat(result, args);
    va_end(args);
    node_audit(n, author, action, object, reason, text);
    free(object);
    free(text);
}

/* ---- disconnect ---- */

/* Whom it will hit, counted before it is in force. */
static unsigned hits_of(struct node *n, const struct respond_order *o)
{
    struct aim a CLEANUP(aim_done) = aim_at(o->target_kind, o->target, o->address);

    return aim_count(n, &a).n;
}

static const enum respond_target targets[NODE_SUBJECT_KIND_N] = {
    [NODE_SUBJECT_CLIENT] = TARGET_CLIENT,
    [NODE_SUBJECT_USER] = TARGET_USER,
    [NODE_SUBJECT_ADDRESS] = TARGET_ADDRESS,
    [NODE_SUBJECT_CONN] = TARGET_CONN,
};

/** node_disconnect() - see node.h */
enum node_answer node_disconnect(struct node *n, enum node_subject_kind kind, const char *subject,
                                 const char *author, unsigned *ret_count, char **ret_text)
{
    struct canonical said CLEANUP(canonical_done) = canonical_of(targets[kind], subject, NULL);
    const struct respond_order order = {.kind = ACTION_DISCONNECT,
                                        .target_kind = targets[kind],
                                        .target = said.target,
                                        .reason = "by hand"};
    const char *why = aim_wrong_why(targets[kind], said.target, NULL);
    struct aim a CLEANUP(aim_done) = {0};
    enum node_answer waits = NODE_OK;
    unsigned n_closed;

    if (why != NULL) {
        *ret_text = text_format("%s \"%s\" %s", subject_kinds[kind], said.target, why);
        return NODE_E_INVALID;
    }
    *ret_count = 0;
    if (order_waits(n, &order, author, hits_of(n, &order), &waits, ret_text))
        return waits;
    a = aim_at(targets[kind], said.target, NULL);
    n_closed = aim_disconnect(n, &a, "disconnected by the operator");
    log_info("control", "%s: disconnect %s %s: %u closed", author, subject_kinds[kind], said.target,
             n_closed);
    audit_of(n, author, "disconnect", subject_kinds[kind], said.target, "", "%u closed", n_closed);
    *ret_count = n_closed;
    *ret_text = n_closed > 0
                    ? text_format("%u connection%s closed", n_closed, n_closed == 1 ? "" : "s")
                    : text_format("no connection of %s \"%s\"", subject_kinds[kind], said.target);
    return n_closed > 0 ? NODE_OK : NODE_E_NOT_FOUND;
}

/* ---- bans ---- */

struct ban_call {
    struct respond_ban ban;
    const char *author;
    enum respond_answer answer;
    char *why; /* owned */
    bool is_kept;
};

static void do_ban(struct sentinel *s, void *arg)
{
    struct ban_call *c = arg;

    c->answer = respond_ban_add(s->respond, &c->ban, sentinel_now(s), &c->why);
    c->is_kept = respond_is_kept(s->respond);
}

/** node_answer_of() - an answer of respond as the API gives it */
enum node_answer node_answer_of(enum respond_answer a)
{
    switch (a) {
    case RESPOND_OK:
        return NODE_OK;
    case RESPOND_E_INVALID:
        return NODE_E_INVALID;
    case RESPOND_E_NOT_FOUND:
        return NODE_E_NOT_FOUND;
    case RESPOND_E_CONFLICT:
    case RESPOND_E_COVERED:
        return NODE_E_CONFLICT;
    case RESPOND_E_LIMIT:
        return NODE_E_LIMIT;
    }
    return NODE_E_FAILED;
}

/* Can there be one of it?  NULL; or why not, owned by the caller. */
static char *wrong_ban(enum ban_kind kind, const struct canonical *said)
{
    const char *why = NULL;

    return ban_subject_valid(kind, said->target, said->address, &why)
               ? NULL
               : text_format("%s \"%s\" %s", ban_kind_text(kind), said->target, why);
}

static char *ban_answer_text(const struct ban_call *c, enum ban_kind which, const char *subject,
                             unsigned n_closed)
{
    const char *kind = ban_kind_text(which);

    if (c->answer == RESPOND_OK)
        return text_format("%s \"%s\" is banned; %u connection%s closed%s%s%s", kind, subject,
                           n_closed, n_closed == 1 ? "" : "s", c->why != NULL ? "; " : "",
                           text_or_empty(c->why), order_until_restart(c->is_kept));
    return text_format("ban of %s \"%s\": %s", kind, subject,
                       c->why != NULL ? c->why : respond_answer_text(c->answer));
}

/** node_ban() - see node.h */
enum node_answer node_ban(struct node *n, const struct node_ban_request *r, const char *author,
                          unsigned *ret_count, char **ret_text)
{
    struct canonical said CLEANUP(canonical_done) =
        canonical_of((enum respond_target)r->kind, r->subject, r->address);
    uint64_t now_unix_ms = clock_unix_ms();
    struct ban_call c = {
        .ban =
            {
                .kind = (enum respond_ban_kind)r->kind,
                .subject = said.target,
                .address = said.address,
                .created_unix_ms = now_unix_ms,
                .expires_unix_ms = r->for_ms > 0 ? now_unix_ms + r->for_ms : 0,
                .reason = text_or_empty(r->reason),
                .author = author,
            },
    };
    const struct respond_order order = {.kind = ACTION_BAN,
                                        .target_kind = (enum respond_target)r->kind,
                                        .target = said.target,
                                        .address = said.address,
                                        .for_ms = r->for_ms,
                                        .reason = c.ban.reason};
    enum node_answer waits = NODE_OK;

    *ret_count = 0;
    *ret_text = wrong_ban(r->kind, &said);
    if (*ret_text == NULL)
        *ret_text = order_wrong_user(n, order.target_kind, said.target);
    if (*ret_text != NULL)
        return NODE_E_INVALID;
    *ret_count = hits_of(n, &order);
    if (order_waits(n, &order, author, *ret_count, &waits, ret_text))
        return waits;
    sentinel_call(n->sentinel, do_ban, &c);
    log_info("control", "%s: ban %s %s: %s", author, ban_kind_text(r->kind), said.target,
             respond_answer_text(c.answer));
    order_audit(n, "", &order, author, "%s, %u closed", respond_answer_text(c.answer), *ret_count);
    *ret_text = ban_answer_text(&c, r->kind, said.target, *ret_count);
    free(c.why);
    return node_answer_of(c.answer);
}

static void do_unban(struct sentinel *s, void *arg)
{
    struct ban_call *c = arg;

    c->answer = respond_ban_remove(s->respond, c->ban.kind, c->ban.subject, c->ban.address,
                                   c->author, sentinel_now(s));
    c->is_kept = respond_is_kept(s->respond);
    c->why = order_kept_out_by(s->respond, &c->ban);
}

/** node_unban() - see node.h */
enum node_answer node_unban(struct node *n, enum ban_kind kind, const char *subject,
                            const char *address, const char *author, char **ret_text)
{
    struct canonical said CLEANUP(canonical_done) =
        canonical_of((enum respond_target)kind, subject, address);
    struct ban_call c = {
        .ban = {.kind = (enum respond_ban_kind)kind,
                .subject = said.target,
                .address = said.address},
        .author = author,
    };
    const char *what = ban_kind_text(kind);
    char *object;

    *ret_text = wrong_ban(kind, &said);
    if (*ret_text != NULL)
        return NODE_E_INVALID;
    sentinel_call(n->sentinel, do_unban, &c);
    log_info("control", "%s: unban %s %s: %s", author, what, said.target,
             respond_answer_text(c.answer));
    object = respond_object_text((enum respond_target)kind, said.target, said.address);
    node_audit(n, author, "unban", object, "", respond_answer_text(c.answer));
    free(object);
    if (c.answer == RESPOND_OK)
        *ret_text = text_format("the ban of %s \"%s\" is lifted%s%s%s", what, said.target,
                                order_until_restart(c.is_kept),
                                c.why != NULL ? "; kept out still by the ban of " : "",
                                text_or_empty(c.why));
    else
        *ret_text = text_format("no ban of %s \"%s\"%s%s", what, said.target,
                                c.why != NULL ? "; what keeps it out is the ban of " : "",
                                text_or_empty(c.why));
    free(c.why);
    return node_answer_of(c.answer);
}

/* ---- incidents ---- */

struct incident_call {
    const struct node_incident_request *request;
    const char *author;
    enum incident_disposition disposition;
    unsigned n_actions;
    unsigned n_held; /* of an approval */
    char *in_force;  /* owned; what goes on although it is closed; NULL: nothing */
    char *why;       /* owned; what could not be undone; NULL: nothing */
    enum respond_answer answer;
};

/* The detector erred: what it learned of the client is void.  Of a client that an address named,
 * nothing is: anybody may name one. */
static void forget_client(struct sentinel *s, const char *id)
{
    const struct incident *i = respond_incident_find(s->respond, id);

    if (i != NULL && i->subject_kind == SUBJECT_CLIENT)
        habits_forget(s, i->client_id);
}

/* What is found again opens another one. */
static void close_here(struct sentinel *s, struct incident_call *c, struct respond_now now)
{
    const struct node_incident_request *q = c->request;
    const struct incident *i = respond_incident_find(s->respond, q->id);
    bool was_open = i != NULL && i->state != INCIDENT_CLOSED;

    c->answer = respond_incident_close(s->respond, q->id, c->disposition, q->note, c->author, now);
    if (c->answer != RESPOND_OK)
        return;
    i = respond_incident_find(s->respond, q->id);
    if (was_open)
        detect_dismiss(s->detect, i->detector, i->subject_kind, bytes_str(i->subject));
    if (c->disposition == DISPOSITION_FALSE)
        forget_client(s, q->id);
    if (c->disposition == DISPOSITION_FALSE || c->disposition == DISPOSITION_BENIGN)
        c->in_force = incident_in_force_text(i, now.unix_ms);
}

static void do_incident(struct sentinel *s, void *arg)
{
    struct incident_call *c = arg;
    const struct node_incident_request *q = c->request;
    struct respond_now now = sentinel_now(s);

    switch (q->verb) {
    case NODE_INCIDENT_ACK:
        c->answer = respond_incident_ack(s->respond, q->id, q->note, c->author, now);
        break;
    case NODE_INCIDENT_ASSIGN:
        c->answer =
            respond_incident_assign(s->respond, q->id, q->assignee, q->note, c->author, now);
        break;
    case NODE_INCIDENT_CLOSE:
        close_here(s, c, now);
        break;
    case NODE_INCIDENT_ROLLBACK:
        c->answer =
            respond_incident_rollback(s->respond, q->id, c->author, now, &c->n_actions, &c->why);
        break;
    case NODE_INCIDENT_APPROVE:
        c->answer =
            respond_incident_approve(s->respond, q->id, c->author, now, &c->n_held, &c->n_actions);
        break;
    }
}

/* Why it was not done, and what to do instead. */
static char *why_not(const struct node_incident_request *r, enum respond_answer a)
{
    static const char *const nothing[] = {
        [NODE_INCIDENT_ACK] = "is closed: there is nothing left to look after; what is found again "
                              "opens another one",
        [NODE_INCIDENT_ASSIGN] = "is closed: there is nothing left to look after; what is found "
                                 "again opens another one",
        [NODE_INCIDENT_CLOSE] = "is closed already, and not judged otherwise by this: --as true, "
                                "false or benign says what it was",
        [NODE_INCIDENT_ROLLBACK] = "has nothing to undo: nothing of what was done because of it is "
                                   "in force; 'bastide incidents show' has it all",
        [NODE_INCIDENT_APPROVE] = "has nothing that waits for approval, or no longer: it is given "
                                  "up after 15 minutes; order it by 'bastide respond run'",
    };

    switch (a) {
    case RESPOND_E_CONFLICT:
        return text_format("incident %s %s", r->id, nothing[r->verb]);
    case RESPOND_E_INVALID:
        return text_format("a note has at most %d bytes, a name %d", RESPOND_NOTE_BYTES_MAX,
                           RESPOND_ASSIGNEE_BYTES_MAX);
    case RESPOND_E_LIMIT:
        return text_format(
            "incident %s has %d notes, which is all that it can have; leave the note "
            "out",
            r->id, RESPOND_NOTES_MAX);
    case RESPOND_E_NOT_FOUND:
        return text_format("no incident has the id \"%s\"", r->id);
    case RESPOND_E_COVERED:
    case RESPOND_OK:
        break;
    }
    return text_format("%s", respond_answer_text(a));
}

/* What came of @c, for who asked; owned by the caller. */
static char *incident_text(const struct incident_call *c)
{
    static const char *const done[] = {"acknowledged", "assigned", "closed", "undone", "done"};
    const struct node_incident_request *r = c->request;
    const char *to = r->verb != NODE_INCIDENT_ASSIGN ? ""
                     : r->assignee[0] != '\0'        ? r->assignee
                                                     : "nobody";
    const char *as = r->verb == NODE_INCIDENT_CLOSE ? text_or_empty(r->disposition) : "";

    if (c->answer != RESPOND_OK && c->why != NULL)
        return text_format("incident %s: %s", r->id, c->why);
    if (c->answer != RESPOND_OK)
        return why_not(r, c->answer);
    if (c->n_held > c->n_actions)
        return text_format("incident %s: %u of %u actions done: 'bastide incidents show' says "
                           "why not the others",
                           r->id, c->n_actions, c->n_held);
    if (r->verb == NODE_INCIDENT_ROLLBACK || r->verb == NODE_INCIDENT_APPROVE)
        return text_format("incident %s: %u action%s %s%s%s", r->id, c->n_actions,
                           c->n_actions == 1 ? "" : "s", done[r->verb], c->why != NULL ? "; " : "",
                           text_or_empty(c->why));
    return text_format("incident %s is %s%s%s%s%s%s%s", r->id, done[r->verb],
                       to[0] != '\0' ? " to " : "", to, as[0] != '\0' ? " as " : "", as,
                       c->in_force != NULL ? "; " : "", text_or_empty(c->in_force));
}

/** node_incident() - see node.h */
enum node_answer node_incident(struct node *n, const struct node_incident_request *r,
                               const char *author, char **ret_text)
{
    static const char *const verbs[] = {"ack", "assign", "close", "rollback", "approve"};
    struct incident_call c = {.request = r, .author = author};

    if (r->disposition != NULL && !incident_disposition_parse(r->disposition, &c.disposition)) {
        *ret_text =
            text_format("no incident is judged \"%s\": say true, false or benign", r->disposition);
        return NODE_E_INVALID;
    }
    sentinel_call(n->sentinel, do_incident, &c);
    *ret_text = incident_text(&c);
    free(c.in_force);
    free(c.why);
    log_info("control", "%s: %s", author, *ret_text);
    audit_of(n, author, verbs[r->verb], "incident", r->id, r->note, "%s", *ret_text);
    return node_answer_of(c.answer);
}

struct suspend_call {
    const char *author;
    unsigned minutes;
    enum respond_answer answer;
};

static void do_suspend(struct sentinel *s, void *arg)
{
    struct suspend_call *c = arg;

    c->answer = respond_suspend(s->respond, c->minutes, c->author, sentinel_now(s));
}

/** node_suspend_responses() - see node.h */
enum node_answer node_suspend_responses(struct node *n, unsigned minutes, const char *author,
                                        char **ret_text)
{
    struct suspend_call c = {.author = author, .minutes = minutes};

    sentinel_call(n->sentinel, do_suspend, &c);
    if (c.answer != RESPOND_OK)
        *ret_text = text_format("at most %u minutes", (unsigned)RESPOND_SUSPEND_MINUTES_MAX);
    else if (minutes == 0)
        *ret_text = text_format("automatic responses are on");
    else
        *ret_text = text_format("no automatic response for %u minutes", minutes);
    log_warning("control", "%s: %s", author, *ret_text);
    audit_of(n, author, minutes == 0 ? "resume" : "suspend", "responses", "", "", "%s", *ret_text);
    return node_answer_of(c.answer);
}
