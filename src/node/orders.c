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

/* clang-format off */
static const struct {
    const char *text;
    unsigned directions;
} directions[] = {
    {"publish", RESPOND_PUBLISH}, {"deliver", RESPOND_DELIVER}, {"both", RESPOND_PUBLISH | RESPOND_DELIVER},
};
/* clang-format on */

static bool parse_direction(const char *text, unsigned *ret)
{
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        if (strcmp(text, directions[i].text) == 0) {
            *ret = directions[i].directions;
            return true;
        }
    }
    return false;
}

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
    if (o->direction != NULL && !parse_direction(o->direction, &r.directions))
        return text_format("no direction is called \"%s\": publish, deliver or both", o->direction);
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
        return "delay needs a delay of 1 to 60000 milliseconds";
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

static void audit(struct node *n, const char *verb, const struct order_call *c, unsigned hit)
{
    const struct respond_order *o = c->order;
    char *action = text_format("%s%s", verb, action_kind_text(o->kind));
    char *object = text_format("%s %s", respond_target_text(o->target_kind), o->target);
    char *result = text_format("%s, %u hit", respond_answer_text(c->answer), hit);

    node_audit(n, c->author, action, object, o->reason, result);
    free(action);
    free(object);
    free(result);
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

/** node_respond() - see node.h */
enum node_answer node_respond(struct node *n, const struct node_order *o, bool dry_run,
                              const char *author, unsigned *ret_count, char **ret_text)
{
    struct aim a CLEANUP(aim_done) = {0};
    struct order_call c = {.author = author};
    struct respond_order order = {0};
    struct aim_count hit;

    *ret_count = 0;
    *ret_text = read_order(o, &order);
    if (*ret_text != NULL)
        return NODE_E_INVALID;
    a = aim_at(order.target_kind, order.target, order.address);
    hit = aim_count(n, &a);
    *ret_count = hit.n;
    if (dry_run) {
        *ret_text = text_format("%s of %s \"%s\" would hit %u connection%s, %u of critical roles",
                                o->what, respond_target_text(order.target_kind), order.target,
                                hit.n, hit.n == 1 ? "" : "s", hit.n_critical);
        return NODE_OK;
    }
    c.order = &order;
    sentinel_call(n->sentinel, run_here, &c);
    if (order.kind == ACTION_POSTURE && c.answer == RESPOND_OK)
        posture_wait(n);
    audit(n, "", &c, hit.n);
    *ret_text = text_of(&c, &hit);
    free(c.why);
    return node_answer_of(c.answer);
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

/* ---- what is in force ---- */

static void add_measure(void *arg, const struct respond_measure *m)
{
    json_array_append_new(arg, respond_measure_json(m));
}

static void add_ban(void *arg, const struct respond_ban *b)
{
    const struct respond_measure m = {
        .kind = ACTION_BAN,
        .target_kind = (enum respond_target)b->kind,
        .target = b->subject,
        .address = b->address,
        .created_unix_ms = b->created_unix_ms,
        .expires_unix_ms = b->expires_unix_ms,
        .reason = b->reason,
        .author = b->author,
        .incident = b->incident,
    };

    json_array_append_new(arg, respond_measure_json(&m));
}

static void add_held(void *arg, const struct incident *i)
{
    for (unsigned n = 0; n < i->n_actions; n++) {
        const struct action *a = &i->actions[n];

        if (a->state == ACTION_HELD)
            json_array_append_new(arg, json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "incident",
                                                 i->id, "kind", i->detector->name, "what",
                                                 action_kind_text(a->kind), "target", a->target,
                                                 "expires_unix_ms", (json_int_t)a->expires_unix_ms,
                                                 "reason", a->reason));
    }
}

struct responses_call {
    json_t *in_force;
    json_t *held;
    uint64_t suspended_until_unix_ms;
};

static void list_here(struct sentinel *s, void *arg)
{
    struct responses_call *c = arg;

    respond_measures_each(s->respond, add_measure, c->in_force);
    respond_bans_each(s->respond, add_ban, c->in_force);
    respond_incidents_each(s->respond, add_held, c->held);
    c->suspended_until_unix_ms = respond_suspended_until_unix_ms(s->respond);
}

/* The table of actions, but for those that only a machine does. */
static json_t *actions_json(void)
{
    static const char *const does[] = {
#define X(name, text, what) what,
        ACTION_KINDS(X)
#undef X
    };
    json_t *all = json_array();

    for (enum action_kind k = 0; k < ACTION_KIND_N; k++) {
        json_t *targets = json_array();

        for (enum respond_target t = 0; t < TARGET_N; t++) {
            if (respond_action_targets(k) & BIT(t))
                json_array_append_new(targets, json_string(respond_target_text(t)));
        }
        if (json_array_size(targets) > 0)
            json_array_append_new(all, json_pack("{s:s, s:o, s:s}", "what", action_kind_text(k),
                                                 "targets", targets, "does", does[k]));
        else
            json_decref(targets);
    }
    return all;
}

/** node_responses_json() - see node.h */
json_t *node_responses_json(struct node *n)
{
    struct responses_call c = {.in_force = json_array(), .held = json_array()};
    unsigned posture;

    sentinel_call(n->sentinel, list_here, &c);
    pthread_mutex_lock(&n->reload_lock);
    posture = n->posture;
    pthread_mutex_unlock(&n->reload_lock);
    return json_pack("{s:s, s:I, s:o, s:o, s:o}", "posture", respond_posture_text(posture),
                     "suspended_until_unix_ms", (json_int_t)c.suspended_until_unix_ms, "in_force",
                     c.in_force, "held", c.held, "actions", actions_json());
}
