/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/repeated_auth_failures.c - D05: somebody guesses
 *
 * Failures are counted by address, which can be acted upon, and by the name that
 * was tried, which is only told: else anybody could lock out anybody.
 *
 * A guesser changes the secret, a device with an outdated password repeats it: a
 * failure with the same secret as the last one of this (address, name) counts a
 * quarter.  One by a client id that has once got in from this address counts a
 * quarter too; both, a sixteenth.
 *
 * D(3600) of a name catches one guess a minute from changing addresses; it counts
 * guesses only, so that a secret which is repeated for days does not add up.
 *
 * MQ.DE.ID-01; ATT&CK for ICS has no technique of guessing: T0859, Enterprise T1110.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "detect/detector.h"

#define SHORT_S        60
#define LONG_S         600
#define HALF_LIFE_S    3600
#define LIMIT_SHORT    5  /* address, medium */
#define LIMIT_LONG     10 /* address, high; name, medium */
#define LIMIT_SLOW     15 /* name, medium */
#define WEIGHT_LENIENT 0.25
#define ADDRESSES_MAX  65536
#define USERS_MAX      16384
#define PAIRS_MAX      65536

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

struct repeated_auth_failures {
    struct subjects addresses;   /* struct by_address */
    struct subjects users;       /* struct by_user */
    struct subjects last_secret; /* struct last_secret by (address, name) */
    struct subjects good;        /* uint8_t by (address, client id) that got in once */
    struct samples *samples;     /* owned; of an address the names, of a name the addresses */
};

static double guilt_of_address(const void *state, uint64_t now_ns)
{
    return window_level(&((const struct by_address *)state)->in_long, SECONDS(LONG_S), now_ns);
}

static double guilt_of_user(const void *state, uint64_t now_ns)
{
    return decay_level(&((const struct by_user *)state)->slow, SECONDS(HALF_LIFE_S), now_ns);
}

static void *new (const struct detect_settings *s)
{
    struct repeated_auth_failures *me = mem_new(struct repeated_auth_failures);

    (void)s;
    subjects_init(&me->addresses, ADDRESSES_MAX, sizeof(struct by_address), guilt_of_address);
    subjects_init(&me->users, USERS_MAX, sizeof(struct by_user), guilt_of_user);
    subjects_init(&me->last_secret, PAIRS_MAX, sizeof(struct last_secret), NULL);
    subjects_init(&me->good, PAIRS_MAX, sizeof(uint8_t), NULL);
    me->samples = samples_new();
    return me;
}

static void free_it(void *it)
{
    struct repeated_auth_failures *me = it;

    subjects_done(&me->addresses);
    subjects_done(&me->users);
    subjects_done(&me->last_secret);
    subjects_done(&me->good);
    free(me->samples);
    free(me);
}

static struct measure measure_address(const struct by_address *a, uint64_t now_ns)
{
    double in_short = window_level(&a->in_short, SECONDS(SHORT_S), now_ns);
    double in_long = window_level(&a->in_long, SECONDS(LONG_S), now_ns);
    struct measure m = {
        .over = true,
        .severity = SEVERITY_HIGH,
        .count = in_long,
        .limit = LIMIT_LONG,
        .window_s = LONG_S,
        .ratio = MAX(in_short / LIMIT_SHORT, in_long / LIMIT_LONG),
    };

    if (in_long >= LIMIT_LONG)
        return m;
    m.over = in_short >= LIMIT_SHORT;
    m.severity = SEVERITY_MEDIUM;
    m.count = in_short;
    m.limit = LIMIT_SHORT;
    m.window_s = SHORT_S;
    return m;
}

static struct measure measure_user(const struct by_user *u, uint64_t now_ns)
{
    double in_long = window_level(&u->in_long, SECONDS(LONG_S), now_ns);
    double slow = decay_level(&u->slow, SECONDS(HALF_LIFE_S), now_ns);
    struct measure m = {
        .over = in_long >= LIMIT_LONG,
        .severity = SEVERITY_MEDIUM,
        .count = in_long,
        .limit = LIMIT_LONG,
        .window_s = LONG_S,
        .ratio = MAX(in_long / LIMIT_LONG, slow / LIMIT_SLOW),
    };

    if (m.over || slow < LIMIT_SLOW)
        return m;
    m.over = true;
    m.count = slow;
    m.limit = LIMIT_SLOW;
    m.window_s = HALF_LIFE_S;
    return m;
}

static struct measure measure(const void *it, enum subject_kind kind, uint64_t key, uint64_t now_ns)
{
    const struct repeated_auth_failures *me = it;
    const void *state = subjects_find(kind == SUBJECT_USER ? &me->users : &me->addresses, key);

    if (state == NULL)
        return (struct measure){0};
    return kind == SUBJECT_USER ? measure_user(state, now_ns) : measure_address(state, now_ns);
}

/* Is it the same secret as the last one of this (address, name)?  Remembers it. */
static bool is_repeated(struct repeated_auth_failures *me, const struct event *e)
{
    uint64_t pair = subject_key_pair(e->address, e->user_name);
    bool is_first;
    struct last_secret *last = subjects_get(&me->last_secret, pair, e->at_ns, &is_first);
    bool is_same = !is_first && last->hash == e->value;

    last->hash = e->value;
    return is_same;
}

static void blame_address(struct repeated_auth_failures *me, struct judge *j, const struct event *e,
                          double weight)
{
    struct suspect s = {
        .kind = SUBJECT_ADDRESS,
        .name = e->address,
        .key = subject_key(e->address),
        .confidence = 90,
    };
    struct by_address *a;

    if (e->address.len == 0)
        return;
    a = subjects_get(&me->addresses, s.key, e->at_ns, NULL);
    window_add(&a->in_short, SECONDS(SHORT_S), e->at_ns, weight);
    window_add(&a->in_long, SECONDS(LONG_S), e->at_ns, weight);
    samples_keep(me->samples, s.key, e->user_name);
    s.samples = samples_of(me->samples, s.key);
    judge_suspect(j, e, &s);
}

static void tell_of_user(struct repeated_auth_failures *me, struct judge *j, const struct event *e,
                         double weight, bool is_guess)
{
    struct suspect s = {
        .kind = SUBJECT_USER,
        .name = e->user_name,
        .key = subject_key(e->user_name),
        .confidence = 70,
        .alert_only = true,
    };
    struct by_user *u;

    if (e->user_name.len == 0)
        return;
    u = subjects_get(&me->users, s.key, e->at_ns, NULL);
    window_add(&u->in_long, SECONDS(LONG_S), e->at_ns, weight);
    decay_add(&u->slow, SECONDS(HALF_LIFE_S), e->at_ns, is_guess ? weight : 0);
    samples_keep(me->samples, ~s.key, e->address);
    s.samples = samples_of(me->samples, ~s.key);
    judge_suspect(j, e, &s);
}

static void observe(void *it, struct judge *j, const struct event *e)
{
    struct repeated_auth_failures *me = it;
    uint64_t client = subject_key_pair(e->address, e->client_id);
    double weight = 1;
    bool repeated;

    if (e->kind == EVENT_CONNECT_ACCEPTED) {
        subjects_get(&me->good, client, e->at_ns, NULL);
        return;
    }
    repeated = is_repeated(me, e);
    if (repeated)
        weight *= WEIGHT_LENIENT;
    if (subjects_find(&me->good, client) != NULL)
        weight *= WEIGHT_LENIENT;
    blame_address(me, j, e, weight);
    tell_of_user(me, j, e, weight, !repeated);
}

static uint64_t shed(const void *it)
{
    const struct repeated_auth_failures *me = it;

    return me->addresses.shed + me->users.shed;
}

const struct detector detect_repeated_auth_failures = {
    .info =
        {
            .name = "repeated-auth-failures",
            .id = "D05",
            .subcategory = "MQ.DE.ID-01",
            .counts = "failed logins",
            .attck = {"T0859"},
            .watches = BIT(EVENT_AUTH_FAILED) | BIT(EVENT_CONNECT_ACCEPTED),
        },
    .new = new,
    .free = free_it,
    .observe = observe,
    .measure = measure,
    .shed = shed,
};
