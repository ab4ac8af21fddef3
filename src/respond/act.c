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
#include "respond/private.h"
#include "store/audit.h"

#define DELAY_S 600
#define HELD_S  900
#define DAY_S   86400

struct action_row {
    /* Return: false when it could not be done; NULL: nothing to do on the node. */
    bool (*perform)(struct respond *r, struct incident *i, struct action *a,
                    struct respond_now now);
    void (*undo)(struct respond *r, const struct incident *i, const struct action *a,
                 struct respond_now now); /* NULL: cannot be undone */
};

/* ---- the actions ---- */

static bool perform_delay(struct respond *r, struct incident *i, struct action *a,
                          struct respond_now now)
{
    (void)i;
    a->expires_unix_ms = now.unix_ms + respond_scaled_ms(r, DELAY_S);
    r->hands.delay_address(r->hands.arg, a->target, a->delay_ms,
                           now.ns + respond_scaled_ns(r, DELAY_S));
    return true;
}

/* Another incident may want the address delayed still: then as long as that says. */
static void undo_delay(struct respond *r, const struct incident *i, const struct action *undone,
                       struct respond_now now)
{
    unsigned delay_ms = 0;
    uint64_t until_ns = now.ns;

    (void)i;
    list_each (it, &r->incidents) {
        const struct incident *other = &list_item(it, struct kept_incident, link)->face;

        for (unsigned n = 0; n < other->n_actions; n++) {
            const struct action *a = &other->actions[n];

            if (a == undone || a->kind != ACTION_DELAY || a->state != ACTION_DONE ||
                a->expires_unix_ms <= now.unix_ms || strcmp(a->target, undone->target) != 0)
                continue;
            delay_ms = MAX(delay_ms, a->delay_ms);
            until_ns = MAX(until_ns, now.ns + (a->expires_unix_ms - now.unix_ms) * NS_PER_MS);
        }
    }
    r->hands.delay_address(r->hands.arg, undone->target, delay_ms, until_ns);
}

static bool perform_disconnect(struct respond *r, struct incident *i, struct action *a,
                               struct respond_now now)
{
    (void)i;
    (void)now;
    r->hands.disconnect(r->hands.arg, a->target_kind, a->target, a->reason);
    return true;
}

static struct respond_ban ban_of(const struct incident *i, const struct action *a)
{
    return (struct respond_ban){
        .kind = a->ban_kind,
        .subject = a->target,
        .address = a->ban_kind == RESPOND_BAN_CLIENT_ADDRESS ? i->address : NULL,
        .expires_unix_ms = a->expires_unix_ms,
        .reason = a->reason,
        .author = a->author,
        .incident = i->id,
    };
}

static bool perform_ban(struct respond *r, struct incident *i, struct action *a,
                        struct respond_now now)
{
    struct history *h = history_of(&r->histories, i->subject_kind, i->subject);
    struct respond_ban b;

    a->ban_ms =
        history_ban(h, a->ban_ms * NS_PER_MS, now.ns, respond_scaled_ns(r, DAY_S)) / NS_PER_MS;
    history_keep(&r->histories, h, now);
    a->expires_unix_ms = now.unix_ms + a->ban_ms;
    b = ban_of(i, a);
    return respond_ban_put(r, &b, now) == RESPOND_OK;
}

static void undo_ban(struct respond *r, const struct incident *i, const struct action *a,
                     struct respond_now now)
{
    struct respond_ban b = ban_of(i, a);
    struct ban_entry *e = bans_find(&r->bans, b.kind, b.subject, b.address);

    (void)now;
    if (e != NULL && e->ban.incident != NULL && strcmp(e->ban.incident, i->id) == 0)
        respond_ban_lift(r, e);
}

static const struct action_row rows[ACTION_KIND_N] = {
    [ACTION_RECORD] = {NULL, NULL},
    [ACTION_ALERT] = {NULL, NULL},
    [ACTION_DELAY] = {perform_delay, undo_delay},
    [ACTION_DISCONNECT] = {perform_disconnect, NULL},
    [ACTION_BAN] = {perform_ban, undo_ban},
};

/* ---- one action ---- */

static void action_done(struct action *a)
{
    free(a->target);
    free(a->author);
    free(a->reason);
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
    return a->state == ACTION_HELD || (a->state == ACTION_DONE && a->expires_unix_ms != 0);
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

/* Return: false when there is nothing that the action could be aimed at. */
static bool aim(const struct incident *i, struct action *a)
{
    const char *target = i->subject;

    a->target_kind = i->subject_kind;
    if (a->kind == ACTION_DELAY) {
        a->target_kind = SUBJECT_ADDRESS;
        target = i->address;
    }
    if (a->kind == ACTION_BAN) {
        a->ban_kind =
            i->subject_kind == SUBJECT_ADDRESS ? RESPOND_BAN_ADDRESS : RESPOND_BAN_CLIENT_ADDRESS;
        if (i->address[0] == '\0')
            return false;
    }
    a->target = bytes_dup_str(bytes_str(target));
    return target[0] != '\0';
}

static void reason_of(const struct incident *i, const char *why_not, struct action *a)
{
    char *sentence = incident_sentence(i);
    struct buf text = {0};

    buf_addf(&text, "%s %s: %s", i->detector->name, i->id, sentence);
    if (why_not != NULL)
        buf_addf(&text, "; %s", why_not);
    a->reason = bytes_dup_str(buf_view(&text));
    buf_done(&text);
    free(sentence);
}

static void count(struct respond *r, const struct action *a)
{
    struct respond_counters *c = &r->counters;

    c->actions[a->kind] += a->state == ACTION_DONE;
    c->observed += a->state == ACTION_OBSERVED;
    c->withheld += a->state == ACTION_WITHHELD;
    c->held += a->state == ACTION_HELD;
}

static void perform(struct respond *r, struct incident *i, struct action *a, struct respond_now now)
{
    unsigned touched = guard_clients(r, a);

    if (rows[a->kind].perform == NULL)
        return;
    if (!rows[a->kind].perform(r, i, a, now)) {
        a->state = ACTION_FAILED;
        a->expires_unix_ms = 0;
        log_error("respond", "%s: %s of %s: the list of bans is full", i->id,
                  action_kind_text(a->kind), a->target);
        return;
    }
    guard_touched(r, a, touched, now);
}

static bool stands_longer(const struct respond *r, const struct incident *i, const struct action *a,
                          struct respond_now now)
{
    struct respond_ban b = ban_of(i, a);
    const struct ban_entry *e = bans_find(&r->bans, b.kind, b.subject, b.address);

    return e != NULL && (e->ban.expires_unix_ms == 0 || e->ban.expires_unix_ms > now.unix_ms);
}

/* Only what is stronger takes the place of what is in force or waits. */
static bool gives_way(const struct action *old, const struct action *new)
{
    return !is_in_force(old) || new->state == old->state || new->state == ACTION_DONE;
}

static void decide(struct respond *r, struct incident *i, const struct finding *f,
                   struct respond_now now, struct action *a)
{
    const char *why_not = NULL;
    struct buf author = {0};

    a->state = a->kind <= ACTION_ALERT ? ACTION_DONE : guard_ask(r, i, a, f, now, &why_not);
    if (a->state == ACTION_HELD)
        a->expires_unix_ms = now.unix_ms + respond_scaled_ms(r, HELD_S);
    buf_addf(&author, "detector:%s", i->detector->name);
    a->author = bytes_dup_str(buf_view(&author));
    buf_done(&author);
    reason_of(i, why_not, a);
}

/* MQ.PR.IP-04 */
static void audit(struct respond *r, const struct action *a, const char *author, const char *result,
                  struct respond_now now)
{
    struct audit_entry e = {
        .at_unix_ms = now.unix_ms,
        .actor = author,
        .action = action_kind_text(a->kind),
        .reason = a->reason,
        .result = result,
    };
    struct buf object = {0};

    if (r->settings.control == NULL)
        return;
    buf_addf(&object, "%s %s", subject_kind_text(a->target_kind), a->target);
    buf_add_u8(&object, 0);
    e.object = (const char *)object.at;
    control_audit(r->settings.control, &e);
    buf_done(&object);
}

static void try_action(struct respond *r, struct incident *i, enum action_kind kind,
                       const struct finding *f, const struct plan *p, struct respond_now now)
{
    struct action new = {
        .kind = kind,
        .at_unix_ms = now.unix_ms,
        .delay_ms = kind == ACTION_DELAY ? p->delay_ms : 0,
        .ban_ms = kind == ACTION_BAN ? respond_scaled_ms(r, p->ban_s) : 0,
    };
    struct action *a = same_again(i, kind);
    struct action old = {0};

    if ((a != NULL && kind <= ACTION_ALERT) || !aim(i, &new) ||
        (kind == ACTION_BAN && stands_longer(r, i, &new, now))) {
        action_done(&new);
        return;
    }
    decide(r, i, f, now, &new);
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
    count(r, a);
    if (kind <= ACTION_ALERT)
        return;
    audit(r, a, a->author, action_state_text(a->state), now);
    log_warning("respond", "%s of %s: %s: %s", action_kind_text(kind), a->target,
                action_state_text(a->state), a->reason);
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
 * Return: how many were done.  A subject that is critical by now is spared.
 */
unsigned act_approve(struct respond *r, struct incident *i, const char *author,
                     struct respond_now now)
{
    unsigned n_done = 0;

    for (unsigned n = 0; n < i->n_actions; n++) {
        struct action *a = &i->actions[n];

        if (a->state != ACTION_HELD)
            continue;
        a->expires_unix_ms = 0;
        a->at_unix_ms = now.unix_ms;
        a->state = guard_protects(r, i, a) ? ACTION_WITHHELD : ACTION_DONE;
        if (a->state == ACTION_DONE) {
            free(a->author);
            a->author = bytes_dup_str(bytes_str(author));
            perform(r, i, a, now);
        }
        count(r, a);
        audit(r, a, author, action_state_text(a->state), now);
        n_done += a->state == ACTION_DONE;
    }
    return n_done;
}

static void mark_undone(struct respond *r, struct action *a, const char *author)
{
    a->state = ACTION_UNDONE;
    a->expires_unix_ms = 0;
    free(a->undone_by);
    a->undone_by = bytes_dup_str(bytes_str(author));
    r->counters.undone++;
}

/** act_rollback() - undo what is in force, withdraw what is held; Return: how many. */
unsigned act_rollback(struct respond *r, struct incident *i, const char *author,
                      struct respond_now now)
{
    unsigned n_undone = 0;

    for (unsigned n = 0; n < i->n_actions; n++) {
        struct action *a = &i->actions[n];

        if (!is_in_force(a))
            continue;
        if (a->state == ACTION_DONE && rows[a->kind].undo != NULL)
            rows[a->kind].undo(r, i, a, now);
        mark_undone(r, a, author);
        audit(r, a, author, action_state_text(a->state), now);
        n_undone++;
    }
    return n_undone;
}

static void give_up(struct action *a)
{
    struct buf text = {0};

    buf_addf(&text, "%s, not given in time", a->reason);
    free(a->reason);
    a->reason = bytes_dup_str(buf_view(&text));
    buf_done(&text);
}

/**
 * act_expire() - note which actions of @i are over
 *
 * The node ends a delay by itself; bans.c lifts bans.  What was held and nobody
 * approved is not done.
 *
 * Return: whether something was held in vain.
 */
bool act_expire(struct incident *i, struct respond_now now)
{
    bool in_vain = false;

    for (unsigned n = 0; n < i->n_actions; n++) {
        struct action *a = &i->actions[n];

        if (!is_in_force(a) || a->expires_unix_ms > now.unix_ms)
            continue;
        if (a->state == ACTION_HELD) {
            give_up(a);
            in_vain = true;
        }
        a->state = a->state == ACTION_HELD ? ACTION_OBSERVED : ACTION_EXPIRED;
        a->expires_unix_ms = 0;
    }
    return in_vain;
}

/** act_ban_lifted() - an admin lifted @b: its incident shows that */
void act_ban_lifted(struct respond *r, const struct respond_ban *b, const char *author,
                    struct respond_now now)
{
    struct incident *i = b->incident != NULL ? incident_mutable(r, b->incident) : NULL;

    for (unsigned n = 0; i != NULL && n < i->n_actions; n++) {
        struct action *a = &i->actions[n];

        if (a->kind == ACTION_BAN && a->state == ACTION_DONE && a->ban_kind == b->kind &&
            strcmp(a->target, b->subject) == 0)
            mark_undone(r, a, author);
    }
    if (i != NULL)
        incident_changed(r, i, now);
}

/** incident_actions_free() - forget what was done; it stays done */
void incident_actions_free(struct incident *i)
{
    while (i->n_actions > 0)
        action_done(&i->actions[--i->n_actions]);
    free(i->actions);
}
