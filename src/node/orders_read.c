/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/orders_read.c - what a person asked for, read and looked at, and nothing done
 *
 * What is wrong is said with what would be right.
 *
 * MQ.RS.RP-01 to MQ.RS.RP-06
 */
#include "node/orders.h"

#include <stdlib.h>

#include "base/guess.h"
#include "base/text.h"
#include "node/aim.h"
#include "node/sentinel.h"

#define LETTERS_OFF 3 /* so many are another name */

/* ---- read ---- */

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

/* The kind is right, and nothing of that kind is named. */
static char *missing_target(const char *what, enum respond_target kind)
{
    const char *name = respond_target_text(kind);

    return text_format("%s of which %s? The target is missing: %s %s TARGET", what, name, what,
                       name);
}

/* What is wrong with the direction that @o names, if it names one; @r is aimed already, and gets
 * it. As order_read(). */
static char *read_direction(const struct node_order *o, struct respond_order *r)
{
    if (o->direction == NULL)
        return NULL;
    if (r->target_kind == TARGET_LISTENER)
        return text_format("a listener is closed, whatever the direction");
    if (r->target_kind == TARGET_CONDUIT)
        return text_format("a conduit has one direction: name its zones the other way round for "
                           "the other one");
    if (!respond_direction_parse(o->direction, &r->directions))
        return text_format("no direction is called \"%s\": publish, deliver or both", o->direction);
    return NULL;
}

/**
 * order_read() - what @o asks for
 * @said:  zero; as the node spells it, for canonical_done()
 * @ret:   borrows from @o and @said; untouched when something is wrong
 *
 * Any thread.
 *
 * Return: NULL; or what is wrong, owned by the caller.
 */
char *order_read(const struct node_order *o, struct canonical *said, struct respond_order *ret)
{
    struct respond_order r = {
        .target_kind = TARGET_NODE,
        .directions = RESPOND_PUBLISH | RESPOND_DELIVER,
        .amount = o->amount,
        .for_ms = o->for_ms,
        .reason = o->reason != NULL ? o->reason : "by hand",
    };
    enum respond_posture posture = POSTURE_NORMAL;
    const char *why;
    char *wrong;

    if (!action_kind_parse(o->what, &r.kind))
        return text_format("there is no action \"%s\"; bastide respond actions lists them",
                           o->what);
    if (o->target_kind != NULL && !respond_target_parse(o->target_kind, &r.target_kind))
        return text_format("no kind of target is called \"%s\"; bastide respond actions lists them",
                           o->target_kind);
    *said = canonical_of(r.target_kind, o->target, o->address);
    r.target = said->target;
    r.address = said->address;
    if (r.target == NULL && (r.target_kind == TARGET_NODE || r.target_kind == TARGET_STRANGERS))
        r.target = respond_target_text(r.target_kind);
    if (!(respond_action_targets(r.kind) & BIT(r.target_kind)))
        return wrong_target(o->what, respond_action_targets(r.kind));
    if (r.target == NULL)
        return missing_target(o->what, r.target_kind);
    why = aim_wrong_why(r.target_kind, r.target, r.address);
    if (why != NULL)
        return text_format("%s \"%s\" %s", respond_target_text(r.target_kind), r.target, why);
    wrong = read_direction(o, &r);
    if (wrong != NULL)
        return wrong;
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

/**
 * order_wrong_listener() - is @o aimed at a listener that there is not?
 *
 * It could be closed, and nobody would notice the mistake.
 *
 * Return: NULL; or which there are, owned by the caller.
 */
char *order_wrong_listener(struct node *n, const struct respond_order *o)
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

struct zones_call {
    const char *names[2];
    const char *unknown; /* the first of them that is none */
    struct buf all;
};

static void zones_here(struct sentinel *s, void *arg)
{
    struct zones_call *c = arg;

    for (size_t i = 0; i < COUNT_OF(c->names) && c->unknown == NULL; i++) {
        if (!identify_has_zone(s->identify, c->names[i]))
            c->unknown = c->names[i];
    }
    identify_zone_names(s->identify, &c->all);
}

/** order_wrong_zone() - is @o aimed at a conduit of zones that there are not?  As
 * order_wrong_listener(). */
char *order_wrong_zone(struct node *n, const struct respond_order *o)
{
    struct zones_call c = {.names = {o->target, o->address}};
    char *why = NULL;

    if (o->target_kind != TARGET_CONDUIT)
        return NULL;
    sentinel_call(n->sentinel, zones_here, &c);
    if (c.unknown != NULL)
        why = text_format("there is no zone \"%s\"; the inventory has %.*s", c.unknown,
                          BYTES_ARG(c.all.len > 0 ? buf_view(&c.all) : BYTES("none")));
    buf_done(&c.all);
    return why;
}

/**
 * order_wrong_user() - is something aimed at a user that there is not?
 *
 * Nobody could come under that name, so it would be said to be done and hit nobody for ever: a
 * name that was mistyped, while the one who was meant goes on.  A client id or a certificate may
 * be named before it was ever seen; accounts are all known.  Any thread.
 *
 * Return: NULL; or what is wrong, owned by the caller.
 */
char *order_wrong_user(struct node *n, enum respond_target kind, const char *name)
{
    const struct policy_spec *p;
    struct guess g = {.typed = name, .n_edits = LETTERS_OFF};
    bool is_known = kind != TARGET_USER;
    char *why = NULL;

    pthread_mutex_lock(&n->config_lock);
    p = &n->config->policy;
    for (size_t i = 0; !is_known && i < p->n_users; i++) {
        is_known = strcmp(p->users[i].name, name) == 0;
        guess_at(&g, p->users[i].name);
    }
    if (!is_known && g.nearest != NULL)
        why = text_format("there is no user \"%s\"; did you mean %s?", name, g.nearest);
    else if (!is_known)
        why = text_format("there is no user \"%s\": 'bastide user list' shows who there is", name);
    pthread_mutex_unlock(&n->config_lock);
    return why;
}

/* ---- looked at ---- */

/** order_needs_text() - what is missing, for an order that respond finds unsound; static */
const char *order_needs_text(enum action_kind kind)
{
    switch (kind) {
    case ACTION_THROTTLE:
        return "throttle needs a rate of 1 or more messages a second";
    case ACTION_DELAY:
        return "delay of an address, a client or strangers needs 1 to 60000 milliseconds, of the "
               "node it takes none";
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
    case ACTION_HOLD:
    case ACTION_QUARANTINE:
    case ACTION_SHUTDOWN:
    case ACTION_KIND_N:
        break;
    }
    return respond_answer_text(RESPOND_E_INVALID);
}

/** order_is_idle() - it would be said to be in force, and nothing would be other than before */
bool order_is_idle(struct node *n, const struct respond_order *o)
{
    return o->kind == ACTION_POSTURE && posture_lacks(n, (enum respond_posture)o->amount) != NULL;
}

struct covered_call {
    const struct respond_order *order;
    char *why; /* owned */
};

static void covered_here(struct sentinel *s, void *arg)
{
    struct covered_call *c = arg;

    c->why = respond_order_covered(s->respond, c->order, sentinel_now(s));
}

/* What is known to stand against it before it is tried, owned by the caller; NULL: nothing, or it
 * takes a try. */
static char *stands_against(struct node *n, const struct respond_order *o)
{
    struct covered_call c = {.order = o};
    const char *lacks = NULL;

    if (o->kind == ACTION_FIREWALL)
        lacks = firewall_would(n, o->target, (unsigned)(o->for_ms / 1000));
    else if (o->kind == ACTION_REVOKE_CERTIFICATE)
        lacks = revocation_lacks(n);
    else if (o->kind == ACTION_POSTURE)
        lacks = posture_lacks(n, (enum respond_posture)o->amount);
    if (lacks != NULL)
        return text_format("%s", lacks);
    sentinel_call(n->sentinel, covered_here, &c);
    return c.why;
}

static char *would_text(struct node *n, const struct respond_order *o, const struct aim_count *hit)
{
    CLEANUP(buf_done) struct buf text = {0};

    order_say(o, &text);
    buf_addf(&text, " would hit %u connection%s, %u of critical roles%s", hit->n,
             hit->n == 1 ? "" : "s", hit->n_critical,
             order_needs_second(n, o->kind, hit->n) ? "; it would wait for a second person" : "");
    return bytes_dup_str(buf_view(&text));
}

static char *stands_text(const struct respond_order *o, const char *why)
{
    CLEANUP(buf_done) struct buf text = {0};

    order_say(o, &text);
    buf_addf(&text, ": %s", why);
    return bytes_dup_str(buf_view(&text));
}

/**
 * order_try_dry() - the answer to @o without doing it, as far as can be known
 * @hit:       whom it would hit
 * @ret_text:  always written; owned by the caller
 */
enum node_answer order_try_dry(struct node *n, const struct respond_order *o,
                               const struct aim_count *hit, char **ret_text)
{
    char *why;

    if (!respond_order_is_sound(o)) {
        *ret_text = text_format("%s", order_needs_text(o->kind));
        return NODE_E_INVALID;
    }
    why = stands_against(n, o);
    if (why != NULL) {
        *ret_text = stands_text(o, why);
        free(why);
        return NODE_E_CONFLICT;
    }
    *ret_text = would_text(n, o, hit);
    return NODE_OK;
}
