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
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"
#include "wire/wire.h"

/* ---- words ---- */

/** respond_target_text() - static */
const char *respond_target_text(enum respond_target t)
{
    static const char *const texts[] = {
#define X(name, text) [TARGET_##name] = text,
        RESPOND_TARGETS(X)
#undef X
    };

    check(t < TARGET_N);
    return texts[t];
}

/** respond_target_parse() - Return: false if @text is none; @ret is then untouched. */
bool respond_target_parse(const char *text, enum respond_target *ret)
{
    for (enum respond_target t = 0; t < TARGET_N; t++) {
        if (strcmp(text, respond_target_text(t)) == 0) {
            *ret = t;
            return true;
        }
    }
    return false;
}

/** respond_posture_text() - static */
const char *respond_posture_text(enum respond_posture p)
{
    static const char *const texts[] = {
#define X(name, text) [POSTURE_##name] = text,
        RESPOND_POSTURES(X)
#undef X
    };

    check(p < POSTURE_N);
    return texts[p];
}

/** respond_posture_parse() - Return: false if @text is none; @ret is then untouched. */
bool respond_posture_parse(const char *text, enum respond_posture *ret)
{
    for (enum respond_posture p = 0; p < POSTURE_N; p++) {
        if (strcmp(text, respond_posture_text(p)) == 0) {
            *ret = p;
            return true;
        }
    }
    return false;
}

/* clang-format off */
static const struct {
    const char *text;
    unsigned directions;
} directions[] = {
    {"publish", RESPOND_PUBLISH}, {"deliver", RESPOND_DELIVER}, {"both", RESPOND_PUBLISH | RESPOND_DELIVER},
};
/* clang-format on */

/** respond_direction_parse() - Return: false if @text is none; @ret is then untouched. */
bool respond_direction_parse(const char *text, unsigned *ret)
{
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        if (strcmp(text, directions[i].text) == 0) {
            *ret = directions[i].directions;
            return true;
        }
    }
    return false;
}

/** respond_direction_text() - of RESPOND_PUBLISH, RESPOND_DELIVER or both; static */
const char *respond_direction_text(unsigned which)
{
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        if (directions[i].directions == which)
            return directions[i].text;
    }
    return "none";
}

/** respond_topic_wrong_why() - see respond.h */
const char *respond_topic_wrong_why(const char *filter)
{
    if (!wire_topic_filter_valid(bytes_str(filter)))
        return "is no valid topic filter";
    return filter[0] == '$'
               ? "begins with '$': shared names and the node's own topics are left alone"
               : NULL;
}

/* ---- the list ---- */

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* Is @m what (kind, target) names? */
static bool is_aimed_at(const struct respond_measure *m, const struct respond_measure *at)
{
    return m->kind == at->kind && m->target_kind == at->target_kind &&
           strcmp(m->target, at->target) == 0 &&
           strcmp(or_empty(m->address), or_empty(at->address)) == 0;
}

static struct measure_entry *find(const struct measure_list *l, const struct respond_measure *m)
{
    list_each (it, (struct list *)(uintptr_t)&l->all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);

        if (is_aimed_at(&e->measure, m) &&
            strcmp(or_empty(e->measure.incident), or_empty(m->incident)) == 0)
            return e;
    }
    return NULL;
}

static char *keep(const char *text)
{
    return text != NULL ? bytes_dup_str(bytes_str(text)) : NULL;
}

static void drop_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

/** measures_init() - none */
void measures_init(struct measure_list *l)
{
    *l = (struct measure_list){0};
    list_init(&l->all);
}

/** measures_drop() - off the list; @e is freed */
void measures_drop(struct measure_list *l, struct measure_entry *e)
{
    measure_keep(l, &e->measure, false);
    list_remove(&e->link);
    drop_text(e->measure.target);
    drop_text(e->measure.address);
    drop_text(e->measure.reason);
    drop_text(e->measure.author);
    drop_text(e->measure.incident);
    free(e);
    l->n--;
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
    struct measure_entry *e = find(l, m);
    struct respond_measure copy = *m;

    copy.target = keep(m->target);
    copy.address = keep(m->address);
    copy.reason = keep(or_empty(m->reason));
    copy.author = keep(or_empty(m->author));
    copy.incident = keep(m->incident);
    if (e != NULL)
        measures_drop(l, e);
    e = mem_new(struct measure_entry);
    e->measure = copy;
    list_init(&e->link);
    list_append(&l->all, &e->link);
    l->n++;
    measure_keep(l, &e->measure, true);
}

/* ---- in force ---- */

/* The greatest of @at: how much, and until when; 0 as end: until lifted. */
struct strictest {
    uint64_t amount;
    uint64_t expires_unix_ms;
    unsigned n;
};

static struct strictest strictest_of(const struct respond *r, const struct respond_measure *at)
{
    struct strictest s = {0};
    bool is_for_good = false;

    list_each (it, (struct list *)(uintptr_t)&r->measures.all) {
        const struct respond_measure *m = &list_item(it, struct measure_entry, link)->measure;

        if (!is_aimed_at(m, at))
            continue;
        s.n++;
        s.amount = MAX(s.amount, m->amount);
        s.expires_unix_ms = MAX(s.expires_unix_ms, m->expires_unix_ms);
        is_for_good |= m->expires_unix_ms == 0;
    }
    if (is_for_good)
        s.expires_unix_ms = 0;
    return s;
}

static const char *force_delay(struct respond *r, const struct respond_measure *at,
                               struct respond_now now)
{
    struct strictest s = strictest_of(r, at);
    uint64_t left_ms = s.expires_unix_ms > now.unix_ms ? s.expires_unix_ms - now.unix_ms : 0;
    uint64_t until_ns =
        s.n > 0 && s.expires_unix_ms == 0 ? UINT64_MAX : now.ns + left_ms * NS_PER_MS;

    r->hands.delay(r->hands.arg, at->target_kind, at->target, at->address, (unsigned)s.amount,
                   until_ns);
    return NULL;
}

static const char *force_restraint(struct respond *r, const struct respond_measure *at,
                                   struct respond_now now)
{
    (void)at;
    (void)now;
    r->hands.restrain(r->hands.arg);
    return NULL;
}

static const char *force_firewall(struct respond *r, const struct respond_measure *at,
                                  struct respond_now now)
{
    struct strictest s = strictest_of(r, at);
    uint64_t left_s =
        s.expires_unix_ms > now.unix_ms ? (s.expires_unix_ms - now.unix_ms + 999) / 1000 : 0;

    return r->hands.firewall(r->hands.arg, at->target, (unsigned)left_s);
}

static const char *force_posture(struct respond *r, const struct respond_measure *at,
                                 struct respond_now now)
{
    (void)now;
    r->hands.posture(r->hands.arg, (enum respond_posture)strictest_of(r, at).amount);
    return NULL;
}

/* clang-format off */
/* What puts the measures of a kind in force as the list says; NULL: a kind that is no measure. */
static const struct force_row {
    const char *(*force)(struct respond *r, const struct respond_measure *at, struct respond_now now);
    bool ends_by_itself; /* whoever was told knows the end */
    bool ends_with_run;
} forces[ACTION_KIND_N] = {
    [ACTION_DELAY]      = {force_delay,     false, true},
    [ACTION_THROTTLE]   = {force_restraint, false, false},
    [ACTION_HOLD]       = {force_restraint, false, false},
    [ACTION_QUARANTINE] = {force_restraint, false, false},
    [ACTION_FIREWALL]   = {force_firewall,  true,  false},
    [ACTION_POSTURE]    = {force_posture,   false, false},
};
/* clang-format on */

/** measure_is_kind() - does an action of this kind go on as a measure? */
bool measure_is_kind(enum action_kind kind)
{
    return forces[kind].force != NULL;
}

/** measure_is_kept() - over a restart? */
bool measure_is_kept(enum action_kind kind)
{
    return measure_is_kind(kind) && !forces[kind].ends_with_run;
}

/**
 * respond_measure_put() - in force on return, in the list and on the node; soon on disk
 * @ret_why:  set when the answer is E_CONFLICT: what the node says against it; static
 *
 * Return: RESPOND_OK; E_INVALID when it would be over already; E_LIMIT; E_CONFLICT when the node
 *         cannot.
 */
enum respond_answer respond_measure_put(struct respond *r, const struct respond_measure *m,
                                        struct respond_now now, const char **ret_why)
{
    struct respond_measure taken = *m;

    if (m->expires_unix_ms != 0 && m->expires_unix_ms <= now.unix_ms)
        return RESPOND_E_INVALID;
    if (r->measures.n >= RESPOND_MEASURES_MAX && find(&r->measures, m) == NULL)
        return RESPOND_E_LIMIT;
    taken.created_unix_ms = now.unix_ms;
    measures_add(&r->measures, &taken);
    *ret_why = forces[m->kind].force(r, &taken, now);
    if (*ret_why == NULL)
        return RESPOND_OK;
    measures_drop(&r->measures, find(&r->measures, &taken));
    return RESPOND_E_CONFLICT;
}

/**
 * respond_measures_lift() - no longer in force on return
 * @at:   kind and target; its incident says because of which, NULL: because of any and by anybody
 *
 * Return: how many were lifted.
 */
unsigned respond_measures_lift(struct respond *r, const struct respond_measure *at,
                               struct respond_now now)
{
    unsigned n = 0;

    list_each (it, &r->measures.all) {
        struct measure_entry *e = list_item(it, struct measure_entry, link);

        if (!is_aimed_at(&e->measure, at) ||
            (at->incident != NULL && strcmp(or_empty(e->measure.incident), at->incident) != 0))
            continue;
        measures_drop(&r->measures, e);
        n++;
    }
    if (n > 0) {
        const char *why = forces[at->kind].force(r, at, now);

        if (why != NULL)
            log_warning("respond", "%s of %s lifted, but: %s", action_kind_text(at->kind),
                        at->target, why);
    }
    return n;
}

/* One that is over; @r has others, which may hold what it held. */
static void expire(struct respond *r, struct measure_entry *e, struct respond_now now)
{
    enum action_kind kind = e->measure.kind;
    struct respond_measure at = e->measure;
    char *target = keep(at.target);
    char *address = keep(at.address);
    char *verb = text_format("undo %s", action_kind_text(kind));

    audit_end(r, &at, verb, now);
    free(verb);
    measures_drop(&r->measures, e);
    at.target = target;
    at.address = address;
    log_info("respond", "%s of %s %s has ended", action_kind_text(kind),
             respond_target_text(at.target_kind), target);
    if (!forces[kind].ends_by_itself)
        (void)forces[kind].force(r, &at, now);
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
        const struct respond_measure *m = &list_item(it, struct measure_entry, link)->measure;
        const char *why = kinds & BIT(m->kind) ? forces[m->kind].force(r, m, now) : NULL;

        if (why != NULL)
            log_error("respond", "%s of %s is not in force again: %s", action_kind_text(m->kind),
                      m->target, why);
    }
}

/** respond_measures_each() - in the order in which they were taken; @fn must not call respond */
void respond_measures_each(const struct respond *r, respond_measure_fn *fn, void *arg)
{
    list_each (it, (struct list *)(uintptr_t)&r->measures.all)
        fn(arg, &list_item(it, struct measure_entry, link)->measure);
}

/** respond_measures() - Return: how many of @kind are in force. */
unsigned respond_measures(const struct respond *r, enum action_kind kind)
{
    unsigned n = 0;

    list_each (it, (struct list *)(uintptr_t)&r->measures.all)
        n += list_item(it, struct measure_entry, link)->measure.kind == kind;
    return n;
}
