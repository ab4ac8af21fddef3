/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/act.c - do what was planned, if no safeguard forbids it; and undo it
 *
 * Each action has an author, a reason, an expiry if it goes on, and what undoes it.
 * One that is forbidden stays on the incident too, with the reason why.
 *
 * MQ.RS.RP-03
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

#define DAY_S 86400

/* ---- one action ---- */

/** action_done() - free its texts */
void action_done(struct action *a)
{
    free(a->target);
    free(a->address);
    free(a->incident);
    free(a->author);
    free(a->reason);
    free(a->why_not);
    free(a->undone_by);
}

static void drop_action(struct incident *i, unsigned n)
{
    action_done(&i->actions[n]);
    memmove(&i->actions[n], &i->actions[n + 1], (i->n_actions - n - 1) * sizeof(*i->actions));
    i->n_actions--;
}

static bool is_in_force(const struct action *a)
{
    return a->state == ACTION_HELD || (a->state == ACTION_DONE && action_can_be_undone(a->kind));
}

static struct action *add_action(struct incident *i)
{
    if (i->n_actions == RESPOND_ACTIONS_MAX) {
        unsigned out = 0;

        while (out < i->n_actions - 1 && is_in_force(&i->actions[out]))
            out++;
        drop_action(i, out);
    }
    i->actions = mem_resize(i->actions, (i->n_actions + 1) * sizeof(*i->actions));
    i->actions[i->n_actions] = (struct action){0};
    return &i->actions[i->n_actions++];
}

/* The last of this kind, if it was not just done and over. */
static struct action *same_again(struct incident *i, enum action_kind kind)
{
    for (unsigned n = i->n_actions; n > 0; n--) {
        struct action *a = &i->actions[n - 1];

        if (a->kind != kind)
            continue;
        if (a->state == ACTION_UNDONE || a->state == ACTION_EXPIRED ||
            (a->state == ACTION_DONE && kind == ACTION_DISCONNECT))
            return NULL;
        return a;
    }
    return NULL;
}

/* NULL: nothing does any more; @why_not is copied. */
static void set_why_not(struct action *a, const char *why_not)
{
    free(a->why_not);
    a->why_not = text_dup(why_not);
}

static char *reason_of(const struct incident *i)
{
    char *sentence = incident_sentence(i);
    char *text = text_format("%s %s: %s", i->detector->name, i->id, sentence);

    free(sentence);
    return text;
}

static void count(struct respond *r, const struct action *a)
{
    struct respond_counters *c = &r->counters;

    c->actions[a->kind] += a->state == ACTION_DONE;
    c->observed += a->state == ACTION_OBSERVED;
    c->withheld += a->state == ACTION_WITHHELD;
    c->held += a->state == ACTION_HELD;
}

/* A ban of who was banned before is longer. */
static void lengthen(struct respond *r, const struct incident *i, struct action *a,
                     struct respond_now now)
{
    struct history *h = history_of(&r->histories, i->subject_kind, i->subject);

    a->for_ms =
        history_ban(h, a->for_ms * NS_PER_MS, now.ns, respond_scaled_ns(r, DAY_S)) / NS_PER_MS;
    history_keep(&r->histories, h, now);
}

/* @why is taken. */
static void fail(struct incident *i, struct action *a, enum respond_answer answer, char *why)
{
    const char *said = why != NULL ? why : respond_answer_text(answer);

    a->state = answer == RESPOND_E_COVERED ? ACTION_COVERED : ACTION_FAILED;
    a->expires_unix_ms = 0;
    set_why_not(a, said);
    log_warning("respond", "%s: %s of %s: %s", i->id, action_kind_text(a->kind), a->target, said);
    free(why);
}

static void perform(struct respond *r, struct incident *i, struct action *a, struct respond_now now)
{
    unsigned touched = guard_clients(r, a);
    enum respond_answer answer;
    char *why = NULL;

    if (respond_action_targets(a->kind) == 0)
        return;
    if (a->kind == ACTION_BAN)
        lengthen(r, i, a, now);
    answer = action_perform(r, a, now, &why);
    if (answer != RESPOND_OK) {
        fail(i, a, answer, why);
        return;
    }
    guard_touched(r, a, touched, now);
    free(why);
}

/* Nothing to add to: a finding bans again who is kept out by a person for less. */
static bool is_kept_out(const struct respond *r, const struct action *a, struct respond_now now)
{
    struct respond_ban b = action_ban(a);

    b.expires_unix_ms = a->for_ms > 0 ? now.unix_ms + a->for_ms : 0;
    return bans_suffice(&r->bans, &b, now.unix_ms);
}

/* Only what is stronger takes the place of what is in force or waits. */
static bool gives_way(const struct action *old, const struct action *new)
{
    return !is_in_force(old) || new->state == old->state || new->state == ACTION_DONE;
}

static void decide(struct respond *r, struct incident *i, const struct finding *f,
                   const struct plan *p, struct respond_now now, struct action *a)
{
    bool is_told_only = a->kind <= ACTION_ALERT;
    const char *why_not = NULL;
    struct buf author = {0};

    a->state = is_told_only ? ACTION_DONE : guard_ask(r, i, a, f, now, &why_not);
    if (!is_told_only && p->needs_approval && a->state == ACTION_DONE) {
        a->state = ACTION_HELD;
        why_not = "its playbook asks a person first; approval needed";
    }
    if (a->state == ACTION_HELD)
        a->expires_unix_ms = now.unix_ms + respond_scaled_ms(r, RESPOND_HELD_S);
    buf_addf(&author, "detector:%s", i->detector->name);
    a->author = bytes_dup_str(buf_view(&author));
    buf_done(&author);
    a->reason = reason_of(i);
    set_why_not(a, why_not);
}

static unsigned would_hit(const struct respond *r, const struct action *a)
{
    struct respond_order o = respond_order_of(a);

    if (action_is_ban(a->kind))
        o.target_kind = (enum respond_target)a->ban_kind;
    return r->hands.would_hit(r->hands.arg, &o);
}

static uint64_t amount_of(const struct respond *r, const struct incident *i,
                          const struct respond_step *step)
{
    const struct respond_settings *s = &r->settings;

    if (!step->is_tenth)
        return step->amount;
    if (s->role_per_s == NULL)
        return 0;
    return MAX(s->role_per_s(s->role_is_critical_arg, bytes_str(i->role)) / 10, (uint64_t)1);
}

static void try_action(struct respond *r, struct incident *i, enum action_kind kind,
                       const struct finding *f, const struct plan *p, struct respond_now now)
{
    struct action new = {
        .kind = kind,
        .at_unix_ms = now.unix_ms,
        .amount = amount_of(r, i, &p->steps[kind]),
        .directions = p->steps[kind].directions,
        .for_ms = respond_scaled_ms(r, p->steps[kind].for_s),
        .incident = text_dup(i->id),
    };
    struct action *a = same_again(i, kind);
    struct action old = {0};
    bool is_news; /* what is not done again and again is told once */

    if ((a != NULL && kind <= ACTION_ALERT) || !action_aim(r, i, &p->steps[kind], &new) ||
        (kind == ACTION_BAN && is_kept_out(r, &new, now)) ||
        (kind == ACTION_THROTTLE && new.amount == 0)) {
        action_done(&new);
        return;
    }
    decide(r, i, f, p, now, &new);
    is_news = a == NULL || new.state == ACTION_DONE || new.state != a->state;
    if (a != NULL && !gives_way(a, &new)) {
        action_done(&new);
        return;
    }
    if (a != NULL)
        old = *a;
    else
        a = add_action(i);
    *a = new;
    action_done(&old);
    if (a->state == ACTION_DONE)
        perform(r, i, a, now);
    else if (a->state == ACTION_HELD)
        a->n_hit = would_hit(r, a);
    count(r, a);
    if (kind <= ACTION_ALERT || !is_news)
        return;
    act_audit(r, a, a->author, action_state_text(a->state), now);
    log_warning("respond", "%s of %s: %s: %s%s%s", action_kind_text(kind), a->target,
                action_state_text(a->state), a->reason, a->why_not != NULL ? "; " : "",
                text_or_empty(a->why_not));
}

/**
 * act_on() - try each action of the plan, the weakest first
 *
 * What is forbidden stays on the incident with the reason why.
 */
void act_on(struct respond *r, struct incident *i, const struct finding *f, const struct plan *p,
            struct respond_now now)
{
    for (enum action_kind kind = 0; kind < ACTION_KIND_N; kind++) {
        if (p->actions & BIT(kind))
            try_action(r, i, kind, f, p, now);
    }
}

/**
 * act_approve() - do what is held
 *
 * @ret_done:  how many of them were; a subject that is critical by now is spared, and what lasts
 *             longer already stays as it is
 *
 * Return: how many were held.
 */
unsigned act_approve(struct respond *r, struct incident *i, const char *author,
                     struct respond_now now, unsigned *ret_done)
{
    unsigned n_held = 0;

    *ret_done = 0;

    for (unsigned n = 0; n < i->n_actions; n++) {
        struct action *a = &i->actions[n];

        if (a->state != ACTION_HELD)
            continue;
        a->expires_unix_ms = 0;
        a->at_unix_ms = now.unix_ms;
        a->state = guard_protects(r, i, a) ? ACTION_WITHHELD : ACTION_DONE;
        set_why_not(a, a->state == ACTION_WITHHELD ? guard_protected_why : NULL);
        if (a->state == ACTION_DONE) {
            free(a->author);
            a->author = text_dup(author);
            perform(r, i, a, now);
        }
        count(r, a);
        act_audit(r, a, author, action_state_text(a->state), now);
        n_held++;
        *ret_done += a->state == ACTION_DONE;
    }
    return n_held;
}

static void mark_undone(struct respond *r, struct action *a, const char *author)
{
    a->state = ACTION_UNDONE;
    a->expires_unix_ms = 0;
    free(a->undone_by);
    a->undone_by = text_dup(author);
    r->counters.undone++;
}

static void add_still_in_force(const struct action *a, const char *why, struct buf *ret)
{
    buf_addf(ret, "%s%s of %s %s is in force still: %s", ret->len > 0 ? "; " : "",
             action_kind_text(a->kind), respond_target_text(a->target_kind), a->target, why);
}

/* Return: false, told in @still, when it is in force still. */
static bool roll_back(struct respond *r, struct action *a, const char *author,
                      struct respond_now now, struct buf *still)
{
    const struct respond_measure m = action_measure(a);
    char *result = a->state == ACTION_DONE
                       ? result_with_under(r, &m, action_state_text(ACTION_UNDONE))
                       : text_dup(action_state_text(ACTION_UNDONE));
    char *why = NULL;
    bool is_undone = a->state != ACTION_DONE || action_undo(r, a, author, now, &why);

    if (is_undone) {
        mark_undone(r, a, author);
        act_audit(r, a, author, result, now);
    } else {
        add_still_in_force(a, why, still);
    }
    free(why);
    free(result);
    return is_undone;
}

/** act_rollback() - undo what is in force, withdraw what is held; Return: how many; @ret_why as of
 * respond_incident_rollback(). */
unsigned act_rollback(struct respond *r, struct incident *i, const char *author,
                      struct respond_now now, char **ret_why)
{
    CLEANUP(buf_done) struct buf still = {0};
    unsigned n_undone = 0;

    for (unsigned n = 0; n < i->n_actions; n++)
        n_undone +=
            is_in_force(&i->actions[n]) && roll_back(r, &i->actions[n], author, now, &still);
    if (still.len > 0)
        *ret_why = bytes_dup_str(buf_view(&still));
    return n_undone;
}

/** act_withdraw() - a person has closed the incident: what waits for approval is not done any more
 */
void act_withdraw(struct respond *r, struct incident *i, const char *author, struct respond_now now)
{
    for (unsigned n = 0; n < i->n_actions; n++) {
        struct action *a = &i->actions[n];

        if (a->state != ACTION_HELD)
            continue;
        mark_undone(r, a, author);
        act_audit(r, a, author, "withdrawn: its incident was closed", now);
    }
}

/** incident_in_force_text() - see respond.h */
char *incident_in_force_text(const struct incident *i, uint64_t now_unix_ms)
{
    const struct action *last = NULL;
    unsigned n_in_force = 0;
    char date[CLOCK_TEXT_LEN];

    for (unsigned n = 0; n < i->n_actions; n++) {
        const struct action *a = &i->actions[n];

        if (!is_in_force(a) || (a->expires_unix_ms != 0 && a->expires_unix_ms <= now_unix_ms))
            continue;
        n_in_force++;
        if (last == NULL || ends_later(a->expires_unix_ms, last->expires_unix_ms))
            last = a;
    }
    if (last == NULL)
        return NULL;
    return text_format(
        "%u %s%s still in force %s%s: bastide incidents rollback %s", n_in_force,
        n_in_force == 1 ? action_kind_text(last->kind) : "actions",
        n_in_force == 1 ? " is" : " are", last->expires_unix_ms != 0 ? "until " : "until undone",
        last->expires_unix_ms != 0 ? clock_format(last->expires_unix_ms, date) : "", i->id);
}

static void set_why_not_given(struct action *a)
{
    char *more = text_format("%s, not given in time", a->why_not);

    set_why_not(a, more);
    free(more);
}

/**
 * act_expire() - note which actions of @i are over
 *
 * The node ends a delay by itself; bans.c lifts bans.  What was held and nobody
 * approved is not done.
 *
 * Return: whether something was held in vain.
 */
bool act_expire(struct respond *r, struct incident *i, struct respond_now now)
{
    bool in_vain = false;

    for (unsigned n = 0; n < i->n_actions; n++) {
        struct action *a = &i->actions[n];

        if (!is_in_force(a) || a->expires_unix_ms == 0 || a->expires_unix_ms > now.unix_ms)
            continue;
        if (a->state == ACTION_HELD) {
            act_audit(r, a, a->author, "given up: nobody approved it in time", now);
            set_why_not_given(a);
            in_vain = true;
        }
        a->state = a->state == ACTION_HELD ? ACTION_OBSERVED : ACTION_EXPIRED;
        a->expires_unix_ms = 0;
    }
    return in_vain;
}

/** act_calm() - the incident closes: a delay of all CONNECTs or of strangers', which was for as
 * long as it stands, ends */
void act_calm(struct respond *r, struct incident *i, struct respond_now now)
{
    for (unsigned n = 0; n < i->n_actions; n++) {
        struct action *a = &i->actions[n];
        char *why = NULL; /* a delay is always lifted */

        if (a->kind != ACTION_DELAY || a->state != ACTION_DONE ||
            (a->target_kind != TARGET_NODE && a->target_kind != TARGET_STRANGERS) ||
            !action_undo(r, a, "node", now, &why))
            continue;
        act_audit(r, a, "node", "over: its incident is closed", now);
        a->state = ACTION_EXPIRED;
        a->expires_unix_ms = 0;
    }
}

/** act_ban_lifted() - an admin lifted @b: its incident shows that */
void act_ban_lifted(struct respond *r, const struct respond_ban *b, const char *author,
                    struct respond_now now)
{
    struct incident *i = b->incident != NULL ? incident_mutable(r, b->incident) : NULL;

    for (unsigned n = 0; i != NULL && n < i->n_actions; n++) {
        struct action *a = &i->actions[n];
        struct respond_ban done = action_ban(a);

        if (action_is_ban(a->kind) && action_can_be_undone(a->kind) && a->state == ACTION_DONE &&
            bans_same_subject(&done, b))
            mark_undone(r, a, author);
    }
    if (i != NULL)
        incident_changed(r, i, now);
}

static bool is_at(const struct action *a, const struct respond_measure *at)
{
    return a->kind == at->kind && a->state == ACTION_DONE && a->target_kind == at->target_kind &&
           strcmp(a->target, at->target) == 0;
}

/** act_lifted() - a person lifted all measures of this kind and target, or those because of the
 * incident that @at names: their incidents show that */
void act_lifted(struct respond *r, const struct respond_measure *at, const char *author,
                struct respond_now now)
{
    list_each (it, &r->incidents) {
        struct incident *i = &list_item(it, struct kept_incident, link)->face;
        bool has_changed = false;

        if (at->incident != NULL && strcmp(at->incident, i->id) != 0)
            continue;
        for (unsigned n = 0; n < i->n_actions; n++) {
            if (!is_at(&i->actions[n], at))
                continue;
            mark_undone(r, &i->actions[n], author);
            has_changed = true;
        }
        if (has_changed)
            incident_changed(r, i, now);
    }
}

/** incident_actions_free() - forget what was done; it stays done */
void incident_actions_free(struct incident *i)
{
    while (i->n_actions > 0)
        action_done(&i->actions[--i->n_actions]);
    free(i->actions);
}
