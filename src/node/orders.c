/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/orders.c - actions by order of a person: counted, done, undone
 *
 * Whom it hits is counted before, on the same aim that it is done by; a dry run ends
 * there.
 *
 * MQ.RS.RP-01 to MQ.RS.RP-06
 */
#include "node/orders.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/text.h"
#include "node/aim.h"
#include "node/sentinel.h"

/* ---- said ---- */

/** order_say() - append what is ordered, and of whom; a conduit is named by both of its zones */
void order_say(const struct respond_order *o, struct buf *to)
{
    buf_addf(to, "%s of %s \"%s\"", action_kind_text(o->kind), respond_target_text(o->target_kind),
             o->target);
    if (o->address != NULL)
        buf_addf(to, o->target_kind == TARGET_CONDUIT ? " to \"%s\"" : " from %s", o->address);
}

/** order_until_restart() - what a person must know of a change that a restart would undo */
const char *order_until_restart(bool is_kept)
{
    return is_kept ? "" : "; IT IS NOT ON DISK, so a restart undoes it: the log says why";
}

/* ---- done ---- */

static void run_here(struct sentinel *s, void *arg)
{
    struct order_call *c = arg;

    c->answer = respond_order_run(s->respond, c->order, c->author, sentinel_now(s), &c->why);
    c->is_kept = respond_is_kept(s->respond);
}

/* Another one that keeps out whom @mine does: a prefix around an address, a client from one
 * address. */
static bool keeps_out(const struct respond_ban *b, const struct respond_ban *mine)
{
    struct address outer;
    struct address inner;

    if (mine->kind == RESPOND_BAN_CLIENT && b->kind == RESPOND_BAN_CLIENT_ADDRESS)
        return strcmp(b->subject, mine->subject) == 0;
    return mine->kind == RESPOND_BAN_ADDRESS && b->kind == RESPOND_BAN_ADDRESS &&
           prefix_parse(b->subject, &outer) == NULL &&
           prefix_parse(mine->subject, &inner) == NULL && outer.prefix_len < inner.prefix_len &&
           prefix_has(&outer, &inner);
}

struct others {
    const struct respond_ban *lifted;
    struct buf said;
};

static void add_other(void *arg, const struct respond_ban *b)
{
    struct others *o = arg;

    if (keeps_out(b, o->lifted))
        buf_addf(&o->said, "%s%s %s%s%s", o->said.len > 0 ? ", " : "",
                 respond_ban_kind_text(b->kind), b->subject, b->address != NULL ? " " : "",
                 text_or_empty(b->address));
}

/** order_kept_out_by() - which bans keep out the subject of @lifted without it; owned by the
 * caller; NULL: none */
char *order_kept_out_by(const struct respond *r, const struct respond_ban *lifted)
{
    struct others o = {.lifted = lifted};
    char *said = NULL;

    respond_bans_each(r, add_other, &o);
    if (o.said.len > 0)
        said = bytes_dup_str(buf_view(&o.said));
    buf_done(&o.said);
    return said;
}

/* Of a block: a look at what is under it; without a reason no more than that. */
static bool may_lift(struct sentinel *s, struct order_call *c)
{
    const struct respond_measure at = {.kind = c->order->kind,
                                       .target_kind = c->order->target_kind,
                                       .target = c->order->target,
                                       .address = c->order->address,
                                       .author = c->author};

    if (c->order->kind != ACTION_QUARANTINE || lifting_directions(s, &at) == 0)
        return true;
    c->under = lifting_text(s, &at);
    return !c->lacks_reason;
}

static void undo_here(struct sentinel *s, void *arg)
{
    struct order_call *c = arg;
    const struct respond_ban of = {.kind = (enum respond_ban_kind)c->order->target_kind,
                                   .subject = c->order->target,
                                   .address = c->order->address};

    c->answer = RESPOND_E_INVALID;
    c->is_refused = !may_lift(s, c);
    if (c->is_refused)
        return;
    c->answer = respond_order_undo(s->respond, c->order, c->author, sentinel_now(s), &c->why);
    c->is_kept = respond_is_kept(s->respond);
    if (c->order->kind == ACTION_BAN)
        c->others = order_kept_out_by(s->respond, &of);
}

/** order_audit() - what became of @o, said by @format, is in the audit; @verb: "undo " */
void order_audit(struct node *n, const char *verb, const struct respond_order *o,
                 const char *author, const char *format, ...)
{
    char *action = text_format("%s%s", verb, action_kind_text(o->kind));
    char *object = respond_object_text(o->target_kind, o->target, o->address);
    char *result;
    char *said;
    va_list args;

    va_start(args, format);
    result = text_vformat(format, args);
    va_end(args);
    said = respond_result_text(result, o);
    node_audit(n, author, action, object, o->reason, said);
    free(action);
    free(object);
    free(result);
    free(said);
}

/** order_audit_done() - the same of one that was tried, with how many it hit */
void order_audit_done(struct node *n, const char *verb, const struct order_call *c, unsigned hit)
{
    bool is_done = c->answer == RESPOND_OK;

    order_audit(n, verb, c->order, c->author, "%s%s%s, %u hit%s%s",
                is_done || c->why == NULL ? respond_answer_text(c->answer) : "",
                is_done && c->why != NULL ? ", " : "", text_or_empty(c->why), hit,
                c->under != NULL ? ", " : "", text_or_empty(c->under));
}

/**
 * order_answer_text() - what came of @c, for who ordered it
 * @hit:  whom it hit; looked at only when it was done
 *
 * Return: owned by the caller.
 */
char *order_answer_text(const struct order_call *c, const struct aim_count *hit)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (c->answer == RESPOND_E_INVALID)
        return text_dup(order_needs_text(c->order->kind));
    order_say(c->order, &text);
    if (c->answer == RESPOND_OK)
        buf_addf(&text, ": done; %u connection%s hit, %u of critical roles%s%s%s", hit->n,
                 hit->n == 1 ? "" : "s", hit->n_critical, c->why != NULL ? "; " : "",
                 text_or_empty(c->why), order_until_restart(c->is_kept));
    else
        buf_addf(&text, ": %s", c->why != NULL ? c->why : respond_answer_text(c->answer));
    return bytes_dup_str(buf_view(&text));
}

/* ---- ordered ---- */

/* For aim_done(). */
static struct aim aim_of(const struct respond_order *o)
{
    struct aim a = aim_at(o->target_kind, o->target, o->address);

    if (o->kind == ACTION_QUARANTINE)
        a.directions = o->directions;
    if (o->kind == ACTION_HOLD)
        a.directions = RESPOND_PUBLISH;
    return a;
}

static void aim_here(struct sentinel *s, void *arg)
{
    aim_ask_sentinel(arg, s);
}

static struct aim_count count_hit(struct node *n, const struct respond_order *o)
{
    struct aim a CLEANUP(aim_done) = aim_of(o);

    if (o->kind == ACTION_POSTURE)
        return posture_count(n, (enum respond_posture)o->amount);
    sentinel_call(n->sentinel, aim_here, &a);
    return aim_count(n, &a);
}

/** order_would_hit() - what its dry run would count; the sentinel's thread */
unsigned order_would_hit(struct sentinel *s, const struct respond_order *o)
{
    struct aim a CLEANUP(aim_done) = aim_of(o);

    if (o->kind == ACTION_POSTURE)
        return posture_count(s->node, (enum respond_posture)o->amount).n;
    aim_ask_sentinel(&a, s);
    return aim_count(s->node, &a).n;
}

/** node_respond() - see node.h */
enum node_answer node_respond(struct node *n, const struct node_order *o, bool dry_run,
                              const char *author, unsigned *ret_count, char **ret_text)
{
    struct order_call c = {.author = author};
    struct canonical said CLEANUP(canonical_done) = {0};
    struct respond_order order = {0};
    enum node_answer answer = NODE_OK;
    struct aim_count hit;

    *ret_count = 0;
    *ret_text = order_read(o, &said, &order);
    if (*ret_text == NULL)
        *ret_text = order_wrong_listener(n, &order);
    if (*ret_text == NULL)
        *ret_text = order_wrong_zone(n, &order);
    if (*ret_text == NULL)
        *ret_text = order_wrong_user(n, order.target_kind, order.target);
    if (*ret_text != NULL)
        return NODE_E_INVALID;
    hit = count_hit(n, &order);
    *ret_count = hit.n;
    if (dry_run || order_is_idle(n, &order))
        return order_try_dry(n, &order, &hit, ret_text);
    if (order_waits(n, &order, author, hit.n, &answer, ret_text))
        return answer;
    c.order = &order;
    sentinel_call(n->sentinel, run_here, &c);
    if (order.kind == ACTION_POSTURE && c.answer == RESPOND_OK)
        posture_wait(n);
    order_audit_done(n, "", &c, hit.n);
    *ret_text = order_answer_text(&c, &hit);
    free(c.why);
    return node_answer_of(c.answer);
}

/* What came of undoing @c, for who asked; owned by the caller. */
static char *undo_text(const struct order_call *c)
{
    CLEANUP(buf_done) struct buf text = {0};
    const char *comma = c->under != NULL ? ", " : "";
    const char *under = text_or_empty(c->under);
    const char *others = text_or_empty(c->others);

    if (c->answer == RESPOND_E_INVALID && !c->is_refused)
        return text_format("%s cannot be undone", action_kind_text(c->order->kind));
    if (c->answer == RESPOND_E_NOT_FOUND)
        buf_addf(&text, "no ");
    order_say(c->order, &text);
    if (c->answer == RESPOND_OK)
        buf_addf(&text, " is undone%s%s%s%s%s", comma, under, order_until_restart(c->is_kept),
                 c->others != NULL ? "; kept out still by the ban of " : "", others);
    else if (c->is_refused)
        buf_addf(&text, " is in force still%s%s: say with --reason why it is to be lifted", comma,
                 under);
    else if (c->why != NULL)
        buf_addf(&text, " is in force still: %s", c->why);
    else
        buf_addf(&text, " is in force%s%s",
                 c->others != NULL ? "; what keeps it out is the ban of " : "", others);
    return bytes_dup_str(buf_view(&text));
}

/** node_respond_undo() - see node.h */
enum node_answer node_respond_undo(struct node *n, const struct node_order *o, const char *author,
                                   char **ret_text)
{
    struct order_call c = {.author = author};
    struct canonical said CLEANUP(canonical_done) = {0};
    struct respond_order order = {0};

    *ret_text = order_read(o, &said, &order);
    if (*ret_text != NULL)
        return NODE_E_INVALID;
    c.order = &order;
    c.lacks_reason = o->reason == NULL || o->reason[strspn(o->reason, " ")] == '\0';
    sentinel_call(n->sentinel, undo_here, &c);
    if (order.kind == ACTION_POSTURE && c.answer == RESPOND_OK)
        posture_wait(n);
    if (!c.is_refused)
        order_audit_done(n, "undo ", &c, 0);
    *ret_text = undo_text(&c);
    free(c.why);
    free(c.others);
    free(c.under);
    return node_answer_of(c.answer);
}

/* ---- by the self-test ---- */

static bool of_trial(struct node *n, const struct respond_order *o,
                     void (*here)(struct sentinel *s, void *arg), char **ret_under)
{
    struct order_call c = {.order = o, .author = TRIAL_AUTHOR};

    sentinel_call(n->sentinel, here, &c);
    free(c.why);
    free(c.others);
    if (ret_under != NULL)
        *ret_under = c.under;
    else
        free(c.under);
    return c.answer == RESPOND_OK;
}

/** order_of_trial() - see orders.h */
bool order_of_trial(struct node *n, const struct respond_order *o)
{
    return of_trial(n, o, run_here, NULL);
}

/** order_of_trial_undo() - see orders.h */
bool order_of_trial_undo(struct node *n, const struct respond_order *o, char **ret_under)
{
    return of_trial(n, o, undo_here, ret_under);
}
