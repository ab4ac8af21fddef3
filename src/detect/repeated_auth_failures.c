/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/repeated_auth_failures.c - D05: somebody guesses
 *
 * Failures are counted by address, which can be acted upon, and by the name that
 * was tried, which is only told: else anybody could lock out anybody.  A name takes
 * a record when it was tried for the third time in ten minutes, so that made-up
 * names take none.
 *
 * A guesser changes the secret, a device with an outdated password repeats it: a
 * failure with the same secret as the last one of this (address, name) counts a
 * quarter.  One by a client id that has once got in from this address counts a
 * quarter too; both, a sixteenth.
 *
 * The slow rule of a name catches one guess a minute from changing addresses; it
 * counts guesses only, so that a secret which is repeated for days does not add up.
 *
 * MQ.DE.ID-01; ATT&CK for ICS has no technique of guessing: T0859, Enterprise T1110.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "detect/detector.h"
#include "detect/sketch.h"
#include "detect/subjects.h"

#define WEIGHT_LENIENT 0.25
#define PAIRS_MAX      16384
#define TRIES_NOTED    3 /* of a name, until it has a record */

struct by_address {
    struct window in_short;
    struct window in_long;
};

struct by_user {
    struct window in_long;
    struct decay slow;
};

struct last_secret {
    uint32_t hash; /* salted, 16 bit */
};

struct own {
    struct subjects last_secret; /* struct last_secret by (address, name) */
    struct count_min tries;      /* of names */
};

static void *new (void)
{
    struct own *me = mem_new(struct own);

    subjects_init(&me->last_secret, PAIRS_MAX, NULL);
    return me;
}

static void free_it(void *it)
{
    struct own *me = it;

    subjects_done(&me->last_secret);
    free(me);
}

static void measure_address(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct by_address *a = slot_peek(j, r);

    measure_rule(j, r, RULE_D05_MEDIUM,
                 window_level(&a->in_short, rule_window_ns(RULE_D05_MEDIUM), now_of(j)), m);
    measure_rule(j, r, RULE_D05_HIGH,
                 window_level(&a->in_long, rule_window_ns(RULE_D05_HIGH), now_of(j)), m);
}

static void measure_user(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct by_user *u = slot_peek(j, r);

    measure_rule(j, r, RULE_D05_NAME,
                 window_level(&u->in_long, rule_window_ns(RULE_D05_NAME), now_of(j)), m);
    if (!m->over)
        measure_rule(j, r, RULE_D05_SLOW,
                     decay_level(&u->slow, rule_window_ns(RULE_D05_SLOW), now_of(j)), m);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    if (slot_peek(j, r) == NULL)
        return;
    if (r->kind == SUBJECT_USER)
        measure_user(j, r, m);
    else
        measure_address(j, r, m);
}

/* Is it the same secret as the last one of this (address, name)?  Remembers it. */
static bool is_repeated(struct own *me, const struct event *e)
{
    uint64_t pair = subject_key_pair(e->address, e->user_name);
    struct last_secret *last = subjects_see(&me->last_secret, pair, e->at_ns);
    bool is_same = last != NULL && last->hash == e->value;

    if (last == NULL) {
        last = mem_new(struct last_secret);
        subjects_add(&me->last_secret, pair, e->at_ns, last);
    }
    last->hash = e->value;
    return is_same;
}

static void blame_address(struct judge *j, const struct sight *s, double weight)
{
    struct by_address *a;

    if (s->address == NULL)
        return;
    a = slot(j, s->address);
    window_add(&a->in_short, rule_window_ns(RULE_D05_MEDIUM), now_of(j), weight);
    window_add(&a->in_long, rule_window_ns(RULE_D05_HIGH), now_of(j), weight);
    sample(j, s->address, s->e->user_name);
    suspect(j, s, s->address);
}

static void tell_of_user(struct judge *j, const struct sight *s, double weight, bool is_guess)
{
    struct own *me = own_of(j);
    uint64_t window_ns = rule_window_ns(RULE_D05_NAME);
    uint32_t tries = count_min_add(&me->tries, window_ns, now_of(j),
                                   subject_key_pair(s->e->user_name, BYTES_NONE));
    double missed = tries == TRIES_NOTED ? TRIES_NOTED - 1 : 0;
    struct record *r = tries >= TRIES_NOTED ? user_of(j, s->e->user_name) : NULL;
    struct by_user *u;

    if (r == NULL)
        return;
    u = slot(j, r);
    window_add(&u->in_long, window_ns, now_of(j), weight * (1 + missed));
    decay_add(&u->slow, rule_window_ns(RULE_D05_SLOW), now_of(j),
              is_guess ? weight * (1 + missed) : 0);
    sample(j, r, s->e->address);
    suspect(j, s, r);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct own *me = own_of(j);
    bool repeated = is_repeated(me, s->e);
    double weight = 1;

    if (repeated)
        weight *= WEIGHT_LENIENT;
    if (s->was_let_in)
        weight *= WEIGHT_LENIENT;
    blame_address(j, s, weight);
    tell_of_user(j, s, weight, !repeated);
}

const struct detector detect_repeated_auth_failures = {
    .info =
        {
            .name = "repeated-auth-failures",
            .id = "D05",
            .subcategory = "MQ.DE.ID-01",
            .counts = "failed logins",
            .attck = {"T0859"},
            .what = "somebody guesses passwords",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 90,
            .told_only = BIT(SUBJECT_USER),
            .watches = BIT64(EVENT_AUTH_FAILED),
        },
    .bytes[SUBJECT_ADDRESS] = sizeof(struct by_address),
    .bytes[SUBJECT_USER] = sizeof(struct by_user),
    .new = new,
    .free = free_it,
    .observe = observe,
    .measure = measure,
};
