/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/measure.c - what goes on until it ends or is lifted: delays, throttles, holds,
 * quarantines, blocks of the firewall, the posture
 *
 * Several may be aimed at the same: by a person, and because of each incident.  What
 * is in force is the strictest of them; each is lifted for itself.  Bans are kept
 * apart (bans.c), because each connection is held against them.
 *
 * MQ.RS.RP-03 MQ.RS.RP-04 MQ.RS.RP-05
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

/* ---- the list ---- */

/** respond_measure_is_aimed_at() - is @m what @at names: kind, target, address? */
bool respond_measure_is_aimed_at(const struct respond_measure *m, const struct respond_measure *at)
{
    return m->kind == at->kind && m->target_kind == at->target_kind &&
           strcmp(m->target, at->target) == 0 &&
           strcmp(text_or_empty(m->address), text_or_empty(at->address)) == 0;
}

static bool is_because_of(const struct respond_measure *m, const struct respond_measure *at)
{
    return strcmp(text_or_empty(m->incident), text_or_empty(at->incident)) == 0;
}

static bool is_as_strong(const struct respond_measure *a, const struct respond_measure *b)
{
    return a->amount == b->amount && a->directions == b->directions;
}

/* Others of the same, stronger or weaker ones, stand beside it: what is in force is the strictest.
 */
static struct measure_entry *find(const struct measure_list *l, const struct respond_measure *m)
{
    list_each (it, (struct list *)(uintptr_t)&l->all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);

        if (respond_measure_is_aimed_at(&e->measure, m) && is_as_strong(&e->measure, m) &&
            is_because_of(&e->measure, m))
            return e;
    }
    return NULL;
}

/* ---- what is stronger ---- */

typedef bool holds_fn(const struct respond_measure *a, const struct respond_measure *b);

static bool holds_more(const struct respond_measure *a, const struct respond_measure *b)
{
    return a->amount >= b->amount;
}

static bool holds_slower(const struct respond_measure *a, const struct respond_measure *b)
{
    return a->amount <= b->amount;
}

static bool holds_directions(const struct respond_measure *a, const struct respond_measure *b)
{
    return (b->directions & ~a->directions) == 0;
}

/* Does @a hold all that @b would?  NULL: one is as another. */
static holds_fn *const holds[ACTION_KIND_N] = {
    [ACTION_DELAY] = holds_more,
    [ACTION_THROTTLE] = holds_slower,
    [ACTION_QUARANTINE] = holds_directions,
    [ACTION_POSTURE] = holds_more,
};

static bool covers(const struct respond_measure *a, const struct respond_measure *b)
{
    bool ends_first = ends_later(b->expires_unix_ms, a->expires_unix_ms);
    bool says_more = !is_as_strong(a, b) || ends_later(a->expires_unix_ms, b->expires_unix_ms);

    return respond_measure_is_aimed_at(a, b) && !ends_first && says_more &&
           (holds[b->kind] == NULL || holds[b->kind](a, b)) && a->undo_by == NULL;
}

static const struct respond_measure *covering(const struct measure_list *l,
                                              const struct respond_measure *m, bool of_any_incident)
{
    list_each (it, (struct list *)(uintptr_t)&l->all) {
        const struct respond_measure *old = &list_item(it, struct measure_entry, link)->measure;

        if (covers(old, m) && (of_any_incident || old->incident == NULL || is_because_of(old, m)))
            return old;
    }
    return NULL;
}

/**
 * measures_cover() - what makes @m in vain: it is as strong at least, ends no earlier, and is by a
 * person or because of the same incident
 *
 * One because of another incident is rolled back for itself, and covers nothing.
 *
 * Return: borrowed, or NULL.
 */
const struct respond_measure *measures_cover(const struct measure_list *l,
                                             const struct respond_measure *m)
{
    return covering(l, m, false);
}

/** measures_init() - none */
void measures_init(struct measure_list *l)
{
    *l = (struct measure_list){0};
    list_init(&l->all);
}

static struct measure_entry *entry_new(const struct respond_measure *m)
{
    struct measure_entry *e = mem_new(struct measure_entry);

    e->measure = *m;
    e->measure.target = text_dup(m->target);
    e->measure.address = text_dup(m->address);
    e->measure.reason = text_dup(text_or_empty(m->reason));
    e->measure.author = text_dup(text_or_empty(m->author));
    e->measure.incident = text_dup(m->incident);
    e->measure.undo_by = text_dup(m->undo_by);
    list_init(&e->link);
    return e;
}

static void entry_free(struct measure_entry *e)
{
    text_free(e->measure.target);
    text_free(e->measure.address);
    text_free(e->measure.reason);
    text_free(e->measure.author);
    text_free(e->measure.incident);
    text_free(e->measure.undo_by);
    free(e);
}

static void put_in(struct measure_list *l, struct measure_entry *e)
{
    list_append(&l->all, &e->link);
    l->n++;
    measure_keep(l, &e->measure, true);
}

static void take_out(struct measure_list *l, struct measure_entry *e)
{
    list_remove(&e->link);
    l->n--;
}

/** measures_drop() - off the list; @e is freed */
void measures_drop(struct measure_list *l, struct measure_entry *e)
{
    measure_keep(l, &e->measure, false);
    take_out(l, e);
    entry_free(e);
}

/** measures_done() - free them all; what is in force, and kept, stays so */
void measures_done(struct measure_list *l)
{
    l->control = NULL;
    list_each (it, &l->all)
        measures_drop(l, list_item(it, struct measure_entry, link));
}

/** measures_add() - copy @m into the list, in place of one for the same and because of the same */
void measures_add(struct measure_list *l, const struct respond_measure *m)
{
    struct measure_entry *old = find(l, m);
    struct measure_entry *e = entry_new(m);

    if (old != NULL)
        measures_drop(l, old);
    put_in(l, e);
}

/* What @m takes the place of, or stands beside without being stronger; owned by the caller; NULL:
 * nothing. */
static char *what_else_text(const struct measure_list *l, const struct respond_measure *m)
{
    const struct measure_entry *old = find(l, m);
    const struct respond_measure *other = covering(l, m, true);

    if (old != NULL)
        return in_place_text(&old->measure);
    return other != NULL ? beside_text(other) : NULL;
}

/* It is in force, and what it took the place of is over; or that goes on. */
static enum respond_answer put(struct respond *r, const struct respond_measure *m,
                               struct respond_now now, char **ret_why)
{
    char *what_else = what_else_text(&r->measures, m);
    struct measure_entry *old = find(&r->measures, m);
    struct measure_entry *e = entry_new(m);
    const char *why;

    if (old != NULL)
        take_out(&r->measures, old);
    put_in(&r->measures, e);
    why = force_measures(r, m, now);
    if (why != NULL) {
        measures_drop(&r->measures, e);
        if (old != NULL)
            put_in(&r->measures, old);
        free(what_else);
        *ret_why = text_dup(why);
        return RESPOND_E_CONFLICT;
    }
    if (old != NULL)
        entry_free(old);
    if (what_else != NULL)
        *ret_why = what_else;
    return RESPOND_OK;
}

/**
 * respond_measure_put() - in force on return, in the list and on the node; soon on disk
 * @ret_why:  as of respond_order_run()
 *
 * Return: RESPOND_OK; E_INVALID when it would be over already; E_COVERED; E_LIMIT; E_CONFLICT when
 *         the node cannot.
 */
enum respond_answer respond_measure_put(struct respond *r, const struct respond_measure *m,
                                        struct respond_now now, char **ret_why)
{
    const struct respond_measure *over = measures_cover(&r->measures, m);
    struct respond_measure taken = *m;

    if (m->expires_unix_ms != 0 && m->expires_unix_ms <= now.unix_ms)
        return RESPOND_E_INVALID;
    if (over != NULL) {
        *ret_why = in_force_text(over);
        return RESPOND_E_COVERED;
    }
    if (r->measures.n >= RESPOND_MEASURES_MAX && find(&r->measures, m) == NULL)
        return RESPOND_E_LIMIT;
    taken.created_unix_ms = now.unix_ms;
    return put(r, &taken, now, ret_why);
}

/* Begin: those that @at names are going.  Return: how many. */
static unsigned begin_lifting(struct measure_list *l, const struct respond_measure *at)
{
    unsigned n = 0;

    list_each (it, &l->all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);

        e->is_going = respond_measure_is_aimed_at(&e->measure, at) &&
                      (at->incident == NULL || is_because_of(&e->measure, at));
        n += e->is_going;
    }
    return n;
}

/* They are gone. */
static void end_lifting(struct measure_list *l)
{
    list_each (it, &l->all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);

        if (e->is_going)
            measures_drop(l, e);
    }
}

/* They stay; those that the node need not hold up are lifted as soon as that can be done.  Return:
 * when the last of them ends. */
static uint64_t put_off_lifting(struct measure_list *l, const char *author)
{
    uint64_t last_unix_ms = 0;

    list_each (it, &l->all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);
        struct respond_measure *m = &e->measure;

        if (e->is_going && force_ends_by_itself(m->kind)) {
            text_free(m->undo_by);
            m->undo_by = text_dup(author);
            measure_keep(l, m, true);
            last_unix_ms = MAX(last_unix_ms, m->expires_unix_ms);
        }
        e->is_going = false;
    }
    return last_unix_ms;
}

/**
 * respond_measures_lift() - no longer in force on return
 * @at:       kind and target; its incident says because of which, NULL: because of any and by
 *            anybody
 * @ret_why:  what the node says against it: then they stay in force; owned by the caller
 *
 * Return: how many were lifted.
 */
unsigned respond_measures_lift(struct respond *r, const struct respond_measure *at,
                               const char *author, struct respond_now now, char **ret_why)
{
    unsigned n = begin_lifting(&r->measures, at);
    const char *why = n > 0 ? force_measures(r, at, now) : NULL;
    uint64_t ends_unix_ms;
    char date[CLOCK_TEXT_LEN];

    if (why == NULL) {
        end_lifting(&r->measures);
        return n;
    }
    ends_unix_ms = put_off_lifting(&r->measures, author);
    *ret_why = ends_unix_ms == 0
                   ? text_dup(why)
                   : text_format("%s; it is lifted as soon as that can be done, and ends by itself "
                                 "at %s",
                                 why, clock_format(ends_unix_ms, date));
    log_warning("respond", "%s of %s is still in force: %s", action_kind_text(at->kind), at->target,
                why);
    return 0;
}

/* One that is over; @r has others, which may hold what it held. */
static void expire(struct respond *r, struct measure_entry *e, struct respond_now now)
{
    enum action_kind kind = e->measure.kind;
    struct respond_measure at = e->measure;
    char *target = text_dup(at.target);
    char *address = text_dup(at.address);
    char *verb = text_format("undo %s", action_kind_text(kind));

    audit_end(r, &at, verb, now);
    free(verb);
    measures_drop(&r->measures, e);
    at.target = target;
    at.address = address;
    log_info("respond", "%s of %s %s has ended", action_kind_text(kind),
             respond_target_text(at.target_kind), target);
    if (!force_ends_by_itself(kind))
        (void)force_measures(r, &at, now);
    free(target);
    free(address);
}

/** respond_measures_expire() - lift those whose time is over */
void respond_measures_expire(struct respond *r, struct respond_now now)
{
    list_each (it, &r->measures.all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);

        if (e->measure.expires_unix_ms != 0 && e->measure.expires_unix_ms <= now.unix_ms)
            expire(r, e, now);
    }
}

/** respond_measures_resume() - see respond.h */
void respond_measures_resume(struct respond *r, unsigned kinds, struct respond_now now)
{
    list_each (it, &r->measures.all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);
        const struct respond_measure *m = &e->measure;
        bool is_wanted = (kinds & BIT(m->kind)) && m->undo_by == NULL;
        const char *why = is_wanted ? force_measures(r, m, now) : NULL;

        if (why == NULL)
            continue;
        log_error("respond", "%s of %s is not in force again: %s", action_kind_text(m->kind),
                  m->target, why);
        if (!force_ends_by_itself(m->kind)) /* of those the ward is asked again */
            measures_drop(&r->measures, e);
    }
}

/** respond_measures_settle() - see respond.h */
void respond_measures_settle(struct respond *r, struct respond_now now)
{
    list_each (it, &r->measures.all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);
        const struct respond_measure *m = &e->measure;

        if (m->undo_by == NULL || force_measures(r, m, now) != NULL)
            continue;
        log_info("respond", "%s of %s is lifted, as %s wanted", action_kind_text(m->kind),
                 m->target, m->undo_by);
        audit_late(r, m, now);
        if (m->incident != NULL)
            act_lifted(r, m, m->undo_by, now);
        measures_drop(&r->measures, e);
    }
}

/** respond_measures_each() - in the order in which they were taken; @fn must not call respond */
void respond_measures_each(const struct respond *r, respond_measure_fn *fn, void *arg)
{
    list_each (it, (struct list *)(uintptr_t)&r->measures.all) {
        const struct measure_entry *e = list_item(it, struct measure_entry, link);

        if (!e->is_going)
            fn(arg, &e->measure);
    }
}

/** respond_measures() - Return: how many of @kind are in force. */
unsigned respond_measures(const struct respond *r, enum action_kind kind)
{
    unsigned n = 0;

    list_each (it, (struct list *)(uintptr_t)&r->measures.all)
        n += list_item(it, struct measure_entry, link)->measure.kind == kind;
    return n;
}
