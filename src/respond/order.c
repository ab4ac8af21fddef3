/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/order.c - actions by order of a person
 *
 * The same table as for automatic ones (act.c).  A person is not held back by the
 * safeguards: whom an order would hit is counted before, and is theirs to judge.
 *
 * MQ.RS.RP-01 to MQ.RS.RP-06
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

static void log_order(const char *verb, const struct respond_order *o, const char *author,
                      enum respond_answer a)
{
    char *object = respond_object_text(o->target_kind, o->target, o->address);

    log_warning("respond", "%s %s of %s by %s: %s", verb, action_kind_text(o->kind), object, author,
                respond_answer_text(a));
    free(object);
}

/** order_action() - what @o asks for; for action_done() */
struct action order_action(const struct respond_order *o, const char *author,
                           struct respond_now now)
{
    return (struct action){
        .kind = o->kind,
        .state = ACTION_DONE,
        .at_unix_ms = now.unix_ms,
        .for_ms = o->for_ms,
        .amount = o->amount,
        .directions = o->directions,
        .ban_kind = (enum respond_ban_kind)o->target_kind,
        .target_kind = o->target_kind,
        .target = text_dup(o->target),
        .address = text_dup(o->address),
        .author = text_dup(author),
        .reason = text_dup(o->reason),
    };
}

/** respond_order_is_sound() - see order.h */
bool respond_order_is_sound(const struct respond_order *o)
{
    struct action a = order_action(o, "", (struct respond_now){0});
    bool is_sound = action_is_sound(&a);

    action_done(&a);
    return is_sound;
}

/** respond_order_covered() - see order.h */
char *respond_order_covered(const struct respond *r, const struct respond_order *o,
                            struct respond_now now)
{
    struct action a = order_action(o, "", now);
    struct respond_measure m = action_measure(&a);
    struct respond_ban b = action_ban(&a);
    const struct respond_measure *over = NULL;
    struct respond_measure of_ban;

    m.expires_unix_ms = b.expires_unix_ms = o->for_ms > 0 ? now.unix_ms + o->for_ms : 0;
    if (measure_is_kind(o->kind)) {
        over = measures_cover(&r->measures, &m);
    } else if (action_is_ban(o->kind) && bans_cover(&r->bans, &b) != NULL) {
        of_ban = respond_measure_of_ban(bans_cover(&r->bans, &b));
        over = &of_ban;
    }
    action_done(&a);
    return over != NULL ? in_force_text(over) : NULL;
}

/** order_perform() - do it now; as respond_order_run() */
enum respond_answer order_perform(struct respond *r, struct action *a, struct respond_now now,
                                  char **ret_why)
{
    const struct respond_order o = respond_order_of(a);
    enum respond_answer answer =
        action_is_sound(a) ? action_perform(r, a, now, ret_why) : RESPOND_E_INVALID;

    r->counters.actions[a->kind] += answer == RESPOND_OK;
    log_order("order:", &o, a->author, answer);
    respond_flush(r);
    return answer;
}

/**
 * respond_order_run() - do it now; in force on return, and on disk unless respond_is_kept() says no
 * @ret_why:  more on why not, or on RESPOND_OK what it took the place of; owned by the caller;
 *            untouched when there is no more to say
 *
 * Return: RESPOND_OK; E_INVALID when the kind takes no such target, or lacks what it needs;
 *         E_COVERED when what is in force is as strong and ends later; E_LIMIT; E_CONFLICT when the
 *         node cannot.
 */
enum respond_answer respond_order_run(struct respond *r, const struct respond_order *o,
                                      const char *author, struct respond_now now, char **ret_why)
{
    struct action a = order_action(o, author, now);
    enum respond_answer answer = order_perform(r, &a, now, ret_why);

    action_done(&a);
    return answer;
}

static enum respond_answer lift(struct respond *r, const struct respond_measure *at,
                                const char *author, struct respond_now now, char **ret_why)
{
    char *why = NULL;

    if (respond_measures_lift(r, at, author, now, &why) > 0)
        return RESPOND_OK;
    if (why == NULL)
        return RESPOND_E_NOT_FOUND;
    *ret_why = why;
    return RESPOND_E_CONFLICT;
}

/**
 * respond_order_undo() - the inverse, of what a person or a detector did to just this target
 *
 * @ret_why:  more on why not; owned by the caller; untouched when there is no more to say
 *
 * Return: RESPOND_OK; E_NOT_FOUND when nothing of it is in force; E_INVALID when it has no inverse;
 *         E_CONFLICT when the node cannot, so that it is in force still.
 */
enum respond_answer respond_order_undo(struct respond *r, const struct respond_order *o,
                                       const char *author, struct respond_now now, char **ret_why)
{
    const struct respond_measure at = {
        .kind = o->kind,
        .target_kind = o->target_kind,
        .target = o->target,
        .address = o->address,
    };
    enum respond_answer answer = RESPOND_E_INVALID;

    if (o->kind == ACTION_BAN || o->kind == ACTION_REVOKE_USER)
        answer = respond_ban_remove(r, (enum respond_ban_kind)o->target_kind, o->target, o->address,
                                    author, now);
    else if (measure_is_kind(o->kind))
        answer = lift(r, &at, author, now, ret_why);
    if (answer == RESPOND_OK && measure_is_kind(o->kind)) {
        r->counters.undone++;
        act_lifted(r, &at, author, now);
    }
    log_order("undo:", o, author, answer);
    respond_flush(r);
    return answer;
}
