/* SPDX-License-Identifier: Apache-2.0 */
/* detect/subjects.c - see subjects.h */
#include "detect/subjects.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#define WAYS          16
#define SETS_AT_FIRST 16
#define CHOICES       2

struct subjects_place {
    uint64_t key;
    uint64_t seen_ns;
    void *state; /* owned; NULL where free */
};

/* In place of a state, of those that have none. */
static char no_state;

/**
 * subjects_init() - an empty table
 * @capacity:  places; a power of two, at least 16; 24 bytes each, taken as subjects come
 */
void subjects_init(struct subjects *t, size_t capacity, subjects_guilt_fn *guilt)
{
    check(capacity >= WAYS && (capacity & (capacity - 1)) == 0);
    *t = (struct subjects){
        .n_sets = MIN(capacity / WAYS, (size_t)SETS_AT_FIRST),
        .n_sets_max = capacity / WAYS,
        .guilt = guilt,
    };
    t->places = mem_zero(t->n_sets * WAYS * sizeof(*t->places));
}

static void forget(struct subjects *t, struct subjects_place *p)
{
    if (p->state == NULL)
        return;
    if (t->gone != NULL)
        t->gone(p->state);
    if (p->state != &no_state)
        free(p->state);
    p->state = NULL;
    t->n--;
}

/** subjects_done() - forget everybody */
void subjects_done(struct subjects *t)
{
    for (size_t i = 0; i < t->n_sets * WAYS; i++)
        forget(t, &t->places[i]);
    free(t->places);
    *t = (struct subjects){0};
}

static struct subjects_place *set_of(const struct subjects *t, uint64_t key, unsigned choice)
{
    return &t->places[(key >> 32 * choice & (t->n_sets - 1)) * WAYS];
}

static struct subjects_place *place_of(const struct subjects *t, uint64_t key)
{
    for (unsigned choice = 0; choice < CHOICES; choice++) {
        struct subjects_place *set = set_of(t, key, choice);

        for (size_t i = 0; i < WAYS; i++) {
            if (set[i].state != NULL && set[i].key == key)
                return &set[i];
        }
    }
    return NULL;
}

/* NULL: the set is full. */
static struct subjects_place *free_in(struct subjects_place *set, size_t *ret_n)
{
    struct subjects_place *first = NULL;

    *ret_n = 0;
    for (size_t i = WAYS; i-- > 0;) {
        if (set[i].state == NULL) {
            first = &set[i];
            (*ret_n)++;
        }
    }
    return first;
}

/* Of the set with more room; NULL: both are full. */
static struct subjects_place *free_place(const struct subjects *t, uint64_t key)
{
    size_t n[CHOICES];
    struct subjects_place *first = free_in(set_of(t, key, 0), &n[0]);
    struct subjects_place *second = free_in(set_of(t, key, 1), &n[1]);

    return n[0] >= n[1] ? first : second;
}

/* Twice as many sets: what is in one now goes to one of the two that it is split into, and fits. */
static void grow(struct subjects *t)
{
    struct subjects old = *t;

    t->n_sets *= 2;
    t->places = mem_zero(t->n_sets * WAYS * sizeof(*t->places));
    for (size_t i = 0; i < old.n_sets * WAYS; i++) {
        const struct subjects_place *p = &old.places[i];
        bool is_first = set_of(&old, p->key, 0) == &old.places[i / WAYS * WAYS];
        struct subjects_place *to;
        size_t n;

        if (p->state == NULL)
            continue;
        to = free_in(set_of(t, p->key, is_first ? 0 : 1), &n);
        check(to != NULL);
        *to = *p;
    }
    free(old.places);
}

/* Of both sets. */
static struct subjects_place *least_guilty(const struct subjects *t, uint64_t key, uint64_t now_ns,
                                           double *ret_guilt)
{
    struct subjects_place *least = NULL;

    for (unsigned i = 0; i < CHOICES * WAYS; i++) {
        struct subjects_place *p = &set_of(t, key, i / WAYS)[i % WAYS];
        double guilt = t->guilt != NULL ? t->guilt(p->state, now_ns) : 0;

        if (least == NULL || guilt < *ret_guilt ||
            (guilt <= *ret_guilt && p->seen_ns < least->seen_ns)) {
            least = p;
            *ret_guilt = guilt;
        }
    }
    return least;
}

/* A free place for @key, made free if need be. */
static struct subjects_place *make_room(struct subjects *t, uint64_t key, uint64_t now_ns)
{
    struct subjects_place *p = free_place(t, key);
    double guilt;

    while (p == NULL && t->n_sets < t->n_sets_max) {
        grow(t);
        p = free_place(t, key);
    }
    if (p != NULL)
        return p;
    p = least_guilty(t, key, now_ns, &guilt);
    t->shed += guilt > 0;
    forget(t, p);
    return p;
}

static void *state_of(const struct subjects_place *p)
{
    return p != NULL ? p->state : NULL;
}

/** subjects_find() - Return: the state of the subject; not NULL if it has none; NULL: not there. */
void *subjects_find(const struct subjects *t, uint64_t key)
{
    return state_of(place_of(t, key));
}

/** subjects_see() - subjects_find(), and it was seen now */
void *subjects_see(struct subjects *t, uint64_t key, uint64_t now_ns)
{
    struct subjects_place *p = place_of(t, key);

    if (p != NULL)
        p->seen_ns = MAX(p->seen_ns, now_ns);
    return state_of(p);
}

/**
 * subjects_add() - a subject that is not there; another one may be forgotten for it
 * @state:  owned by the table from here on, of malloc(); NULL: it is enough to know the subject
 */
void subjects_add(struct subjects *t, uint64_t key, uint64_t now_ns, void *state)
{
    *make_room(t, key, now_ns) = (struct subjects_place){
        .key = key,
        .seen_ns = now_ns,
        .state = state != NULL ? state : &no_state,
    };
    t->n++;
}

/** subjects_forget() - as if never seen */
void subjects_forget(struct subjects *t, uint64_t key)
{
    struct subjects_place *p = place_of(t, key);

    if (p != NULL)
        forget(t, p);
}

/** subjects_places() - of which a cursor counts */
size_t subjects_places(const struct subjects *t)
{
    return t->n_sets * WAYS;
}

/** subjects_next() - Return: the state after @cursor (0 at first), in no order; NULL after the
 * last.
 */
void *subjects_next(const struct subjects *t, size_t *cursor)
{
    while (*cursor < t->n_sets * WAYS) {
        void *state = t->places[(*cursor)++].state;

        if (state != NULL)
            return state;
    }
    return NULL;
}

/** subject_key_pair() - the key of two names together */
uint64_t subject_key_pair(struct bytes a, struct bytes b)
{
    uint64_t both[2] = {hash_keyed(a), hash_keyed(b)};

    return hash_keyed(bytes_of(both, sizeof(both)));
}
