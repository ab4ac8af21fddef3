/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/orders.c - actions by order of a person: looked at, counted, done, undone
 *
 * Whom it hits is counted before, on the same aim that it is done by; a dry run ends
 * there.
 *
 * MQ.RS.RP-01 to MQ.RS.RP-06
 */
#include "node/orders.h"

#include <stdlib.h>

#include "base/text.h"
#include "node/aim.h"
#include "node/sentinel.h"

#define TARGET_OF_NODE "node"

/* ---- what was asked for ---- */

static void list_targets(unsigned targets, struct buf *ret)
{
    for (enum respond_target t = 0; t < TARGET_N; t++) {
        if (targets & BIT(t))
            buf_addf(ret, "%s%s", ret->len > 0 ? ", " : "", respond_target_text(t));
    }
}

static char *wrong_target(const char *what, unsigned targets)
{
    struct buf text CLEANUP(buf_done) = {0};

    list_targets(targets, &text);
    return targets == 0 ? text_format("%s is not done by order", what)
                        : text_format("%s can be aimed at: %.*s", what, BYTES_ARG(buf_view(&text)));
}

/* Return: NULL and @ret, which borrows from @o; or what is wrong, owned by the caller. */
static char *read_order(const struct node_order *o, struct respond_order *ret)
{
    struct respond_order r = {
        .target_kind = TARGET_NODE,
        .target = o->target != NULL ? o->target : TARGET_OF_NODE,
        .address = o->address,
        .directions = RESPOND_PUBLISH | RESPOND_DELIVER,
        .amount = o->amount,
        .for_ms = o->for_ms,
        .reason = o->reason != NULL ? o->reason : "by hand",
    };
    enum respond_posture posture = POSTURE_NORMAL;
    const char *why;

    if (!action_kind_parse(o->what, &r.kind))
        return text_format("there is no action \"%s\"; bastide respond actions lists them",
                           o->what);
    if (o->target_kind != NULL && !respond_target_parse(o->target_kind, &r.target_kind))
        return text_format("no kind of target is called \"%s\"; bastide respond actions lists them",
                           o->target_kind);
    if (!(respond_action_targets(r.kind) & BIT(r.target_kind)) ||
        (r.target_kind != TARGET_NODE && o->target == NULL))
        return wrong_target(o->what, respond_action_targets(r.kind));
    why = aim_wrong_why(r.target_kind, r.target, r.address);
    if (why != NULL)
        return text_format("%s \"%s\" %s", respond_target_text(r.target_kind), r.target, why);
    if (o->direction != NULL && r.target_kind == TARGET_LISTENER)
        return text_format("a listener is closed, whatever the direction");
    if (o->direction != NULL && !respond_direction_parse(o->direction, &r.directions))
        return text_format("no direction is called \"%s\": publish, deliver or both", o->direction);
    if (r.kind == ACTION_SHUTDOWN && o->reason == NULL)
        return text_format("say why with --reason: a shutdown is not undone from here");
    if (o->posture != NULL && !respond_posture_parse(o->posture, &posture))
        return text_format("no posture is called \"%s\": elevated or lockdown", o->posture);
    if (r.kind != ACTION_QUARANTINE)
        r.directions = 0;
    if (r.kind == ACTION_POSTURE)
        r.amount = posture;
    *ret = r;
    return NULL;
}

/* What is missing, for an order that respond finds unsound. */
static const char *needs(enum action_kind kind)
{
    switch (kind) {
    case ACTION_THROTTLE:
        return "throttle needs a rate of 1 or more messages a second";
    case ACTION_DELAY:
        return "delay of an address needs 1 to 60000 milliseconds, of the node it takes none";
    case ACTION_FIREWALL:
        return "firewall needs an end, at most a week away: its blocks time out";
    case ACTION_POSTURE:
        return "posture needs elevated or lockdown; undo is the way back";
    case ACTION_REVOKE_CERTIFICATE:
    case ACTION_REVOKE_USER:
        return "what is revoked is so for good; to keep it out for a time, ban it";
    case ACTION_RECORD:
    case ACTION_ALERT:
    case ACTION_DISCONNECT:
    case ACTION_BAN:
    case ACTION_QUARANTINE:
    case ACTION_SHUTDOWN:
    case ACTION_KIND_N:
        break;
    }
    return respond_answer_text(RESPOND_E_INVALID);
}

/* It would be said to be in force, and nothing would be other than before. */
static bool is_idle_posture(struct node *n, const struct respond_order *o)
{
    return o->kind == ACTION_POSTURE && !posture_is_prepared(n, (enum respond_posture)o->amount);
}

/* What is known to stand against it before it is tried; NULL: nothing, or it takes a try. */
static const char *stands_against(struct node *n, const struct respond_order *o)
{
    if (o->kind == ACTION_FIREWALL)
        return firewall_lacks(n);
    if (o->kind == ACTION_REVOKE_CERTIFICATE)
        return revocation_lacks(n);
    if (is_idle_posture(n, o))
        return "nothing would change: the configuration has neither limits nor closed_listeners "
               "for it below postures";
    return NULL;
}

/* ---- done ---- */

struct order_call {
    const struct respond_order *order;
    const char *author;
    enum respond_answer answer;
    char *why; /* owned */
    bool is_kept;
};

static void run_here(struct sentinel *s, void *arg)
{
    struct order_call *c = arg;

    c->answer = respond_order_run(s->respond, c->order, c->author, sentinel_now(s), &c->why);
    c->is_kept = respond_is_kept(s->respond);
}

static void undo_here(struct sentinel *s, void *arg)
{
    struct order_call *c = arg;

    c->answer = respond_order_undo(s->respond, c->order, c->author, sentinel_now(s));
    c->is_kept = respond_is_kept(s->respond);
}

static void audit_order(struct node *n, const char *verb, enum action_kind kind,
                        enum respond_target target_kind, const char *target, const char *author,
                        const char *reason, const char *format, ...) PRINTF(8, 9);
static void audit_order(struct node *n, const char *verb, enum action_kind kind,
                        enum respond_target target_kind, const char *target, const char *author,
                        const char *reason, const char *format, ...)
{
    char *action = text_format("%s%s", verb, action_kind_text(kind));
    char *object = text_format("%s %s", respond_target_text(target_kind), target);
    char *result;
    va_list args;

    va_start(args, format);
    result = text_vformat(format, args);
    va_end(args);
    node_audit(n, author, action, object, reason, result);
    free(action);
    free(object);
    free(result);
}

static void audit(struct node *n, const char *verb, const struct order_call *c, unsigned hit)
{
    const struct respond_order *o = c->order;

    audit_order(n, verb, o->kind, o->target_kind, o->target, c->author, o->reason, "%s, %u hit",
                c->why != NULL ? c->why : respond_answer_text(c->answer), hit);
}

static char *text_of(const struct order_call *c, const struct aim_count *hit)
{
    const char *what = action_kind_text(c->order->kind);
    const char *kind = respond_target_text(c->order->target_kind);

    if (c->answer == RESPOND_OK)
        return text_format("%s of %s \"%s\": done; %u connection%s hit, %u of critical roles%s",
                           what, kind, c->order->target, hit->n, hit->n == 1 ? "" : "s",
                           hit->n_critical,
                           c->is_kept ? "" : "; IT IS NOT ON DISK, so a restart undoes it");
    if (c->answer == RESPOND_E_INVALID)
        return text_format("%s", needs(c->order->kind));
    return text_format("%s of %s \"%s\": %s", what, kind, c->order->target,
                       c->why != NULL ? c->why : respond_answer_text(c->answer));
}

/* ---- what one person may not order alone ---- */

static bool needs_second(struct node *n, enum action_kind kind, unsigned n_hit)
{
    bool needs;

    pthread_mutex_lock(&n->config_lock);
    needs =
        n->config->four_eyes_connections_max > 0 && n_hit > n->config->four_eyes_connections_max;
    for (size_t i = 0; i < n->config->n_four_eyes_actions; i++)
        needs |= strcmp(n->config->four_eyes_actions[i], action_kind_text(kind)) == 0;
    pthread_mutex_unlock(&n->config_lock);
    return needs;
}

struct hold_call {
    const struct respond_order *order;
    const char *author;
    unsigned n_hit;
    enum respond_answer answer;
    char id[RESPOND_ORDER_ID_BYTES];
};

static void hold_here(struct sentinel *s, void *arg)
{
    struct hold_call *c = arg;

    c->answer =
        respond_order_hold(s->respond, c->order, c->author, c->n_hit, sentinel_now(s), c->id);
}

/**
 * order_waits() - does an order wait for a second person?
 * @ret, @ret_text:  written when it does, or would but cannot
 */
bool order_waits(struct node *n, const struct respond_order *o, const char *author, unsigned n_hit,
                 enum node_answer *ret, char **ret_text)
{
    struct hold_call c = {.order = o, .author = author, .n_hit = n_hit};
    struct order_call said = {.order = o, .author = author};

    if (!needs_second(n, o->kind, n_hit))
        return false;
    sentinel_call(n->sentinel, hold_here, &c);
    said.answer = c.answer;
    if (c.answer != RESPOND_OK) {
        *ret = node_answer_of(c.answer);
        *ret_text = c.answer == RESPOND_E_LIMIT
                        ? text_format("%d orders wait for a second person already; approve or undo "
                                      "some of them",
                                      RESPOND_WAITING_MAX)
                        : text_of(&said, NULL);
        return true;
    }
    audit_order(n, "hold ", o->kind, o->target_kind, o->target, author, o->reason,
                "%s waits for a second person, %u hit", c.id, n_hit);
    *ret = NODE_HELD;
    *ret_text = text_format("%s of %s \"%s\" hits %u connection%s and waits for a second person as "
                            "%s, for 15 minutes",
                            action_kind_text(o->kind), respond_target_text(o->target_kind),
                            o->target, n_hit, n_hit == 1 ? "" : "s", c.id);
    return true;
}

/* ---- ordered ---- */

static void aim_here(struct sentinel *s, void *arg)
{
    aim_at_writers(arg, s);
}

static struct aim_count count_hit(struct node *n, const struct respond_order *o)
{
    struct aim a CLEANUP(aim_done) = aim_at(o->target_kind, o->target, o->address);

    if (o->kind == ACTION_POSTURE)
        return posture_count(n, (enum respond_posture)o->amount);
    if (o->kind == ACTION_QUARANTINE)
        a.directions = o->directions;
    sentinel_call(n->sentinel, aim_here, &a);
    return aim_count(n, &a);
}

/* One that there is not could be closed, and nobody would notice the mistake. */
static char *no_such_listener(struct node *n, const struct respond_order *o)
{
    CLEANUP(buf_done) struct buf names = {0};

    if (o->target_kind != TARGET_LISTENER)
        return NULL;
    for (size_t i = 0; i < n->started->n_listeners; i++) {
        if (strcmp(n->started->listeners[i].name, o->target) == 0)
            return NULL;
        buf_addf(&names, "%s%s", i > 0 ? ", " : "", n->started->listeners[i].name);
    }
    return text_format("there is no listener \"%s\"; there are %.*s", o->target,
                       BYTES_ARG(buf_view(&names)));
}

static char *would_text(struct node *n, const struct respond_order *o, const struct aim_count *hit)
{
    return text_format("%s of %s \"%s\" would hit %u connection%s, %u of critical roles%s",
                       action_kind_text(o->kind), respond_target_text(o->target_kind), o->target,
                       hit->n, hit->n == 1 ? "" : "s", hit->n_critical,
                       needs_second(n, o->kind, hit->n) ? "; it would wait for a second person"
                                                        : "");
}

/* Without doing it: as far as can be known, the answer is that of the order. */
static enum node_answer try_dry(struct node *n, const struct respond_order *o,
                                const struct aim_count *hit, char **ret_text)
{
    const char *why = stands_against(n, o);

    if (!respond_order_is_sound(o)) {
        *ret_text = text_format("%s", needs(o->kind));
        return NODE_E_INVALID;
    }
    if (why != NULL) {
        *ret_text = text_format("%s of %s \"%s\": %s", action_kind_text(o->kind),
                                respond_target_text(o->target_kind), o->target, why);
        return NODE_E_CONFLICT;
    }
    *ret_text = would_text(n, o, hit);
    return NODE_OK;
}

/** node_respond() - see node.h */
enum node_answer node_respond(struct node *n, const struct node_order *o, bool dry_run,
                              const char *author, unsigned *ret_count, char **ret_text)
{
    struct order_call c = {.author = author};
    struct respond_order order = {0};
    enum node_answer answer = NODE_OK;
    struct aim_count hit;

    *ret_count = 0;
    *ret_text = read_order(o, &order);
    if (*ret_text == NULL)
        *ret_text = no_such_listener(n, &order);
    if (*ret_text != NULL)
        return NODE_E_INVALID;
    hit = count_hit(n, &order);
    *ret_count = hit.n;
    if (dry_run || is_idle_posture(n, &order))
        return try_dry(n, &order, &hit, ret_text);
    if (order_waits(n, &order, author, hit.n, &answer, ret_text))
        return answer;
    c.order = &order;
    sentinel_call(n->sentinel, run_here, &c);
    if (order.kind == ACTION_POSTURE && c.answer == RESPOND_OK)
        posture_wait(n);
    audit(n, "", &c, hit.n);
    *ret_text = text_of(&c, &hit);
    free(c.why);
    return node_answer_of(c.answer);
}

/* ---- approved, or withdrawn ---- */

struct second_call {
    const char *id;
    const char *author;
    struct respond_waiting ordered;
    enum respond_answer answer;
    char *why; /* owned */
    bool is_kept;
};

static void approve_here(struct sentinel *s, void *arg)
{
    struct second_call *c = arg;

    c->answer =
        respond_order_approve(s->respond, c->id, c->author, sentinel_now(s), &c->ordered, &c->why);
    c->is_kept = respond_is_kept(s->respond);
}

static void withdraw_here(struct sentinel *s, void *arg)
{
    struct second_call *c = arg;

    c->answer = respond_order_withdraw(s->respond, c->id, c->author, &c->ordered);
}

static char *no_such_order(const char *id)
{
    return text_format(
        "no order %s waits: it was approved or withdrawn, its 15 minutes are over, or "
        "the node was started again",
        id);
}

static struct respond_order order_of(const struct action *a)
{
    return (struct respond_order){
        .kind = a->kind,
        .target_kind = a->target_kind,
        .target = a->target,
        .address = a->address,
        .reason = a->reason,
    };
}

/** node_order_approve() - see node.h */
enum node_answer node_order_approve(struct node *n, const char *id, const char *author,
                                    unsigned *ret_count, char **ret_text)
{
    struct second_call c = {.id = id, .author = author};
    struct order_call done;
    struct respond_order order;
    struct aim_count hit = {0};

    sentinel_call(n->sentinel, approve_here, &c);
    *ret_count = hit.n = c.ordered.n_hit;
    if (c.ordered.id[0] == '\0') {
        *ret_text =
            c.answer == RESPOND_E_CONFLICT
                ? text_format("order %s is yours: it takes a second person to approve it", id)
                : no_such_order(id);
        return node_answer_of(c.answer);
    }
    order = order_of(&c.ordered.action);
    done = (struct order_call){&order, author, c.answer, c.why, c.is_kept};
    if (order.kind == ACTION_POSTURE && c.answer == RESPOND_OK)
        posture_wait(n);
    audit(n, "approve ", &done, hit.n);
    *ret_text = text_of(&done, &hit);
    respond_waiting_done(&c.ordered);
    free(c.why);
    return node_answer_of(c.answer);
}

/** node_order_withdraw() - see node.h */
enum node_answer node_order_withdraw(struct node *n, const char *id, const char *author,
                                     char **ret_text)
{
    struct second_call c = {.id = id, .author = author};
    const struct action *a = &c.ordered.action;

    sentinel_call(n->sentinel, withdraw_here, &c);
    if (c.answer != RESPOND_OK) {
        *ret_text = no_such_order(id);
        return node_answer_of(c.answer);
    }
    audit_order(n, "withdraw ", a->kind, a->target_kind, a->target, author, a->reason, "%s", id);
    *ret_text = text_format("order %s is withdrawn: %s of %s \"%s\"", id, action_kind_text(a->kind),
                            respond_target_text(a->target_kind), a->target);
    respond_waiting_done(&c.ordered);
    return NODE_OK;
}

/** node_respond_undo() - see node.h */
enum node_answer node_respond_undo(struct node *n, const struct node_order *o, const char *author,
                                   char **ret_text)
{
    struct order_call c = {.author = author};
    struct respond_order order = {0};

    *ret_text = read_order(o, &order);
    if (*ret_text != NULL)
        return NODE_E_INVALID;
    c.order = &order;
    sentinel_call(n->sentinel, undo_here, &c);
    if (order.kind == ACTION_POSTURE && c.answer == RESPOND_OK)
        posture_wait(n);
    audit(n, "undo ", &c, 0);
    if (c.answer == RESPOND_OK)
        *ret_text = text_format("%s of %s \"%s\" is undone", o->what,
                                respond_target_text(order.target_kind), order.target);
    else if (c.answer == RESPOND_E_INVALID)
        *ret_text = text_format("%s cannot be undone", o->what);
    else
        *ret_text = text_format("no %s of %s \"%s\" is in force", o->what,
                                respond_target_text(order.target_kind), order.target);
    return node_answer_of(c.answer);
}

/* ---- by the self-test ---- */

static bool of_trial(struct node *n, const struct respond_order *o,
                     void (*here)(struct sentinel *s, void *arg))
{
    struct order_call c = {.order = o, .author = TRIAL_AUTHOR};

    sentinel_call(n->sentinel, here, &c);
    free(c.why);
    return c.answer == RESPOND_OK;
}

/** order_of_trial() - see orders.h */
bool order_of_trial(struct node *n, const struct respond_order *o)
{
    return of_trial(n, o, run_here);
}

/** order_of_trial_undo() - see orders.h */
bool order_of_trial_undo(struct node *n, const struct respond_order *o)
{
    return of_trial(n, o, undo_here);
}
