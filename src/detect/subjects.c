/* SPDX-License-Identifier: Apache-2.0 */
/* detect/subjects.c - see subjects.h */
#include "detect/subjects.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#define WAYS          16
#define SETS_AT_FIRST 16

struct subjects_place {
    uint64_t key;
    uint64_t seen_ns;
    void *state; /* owned; NULL where free */
};

/**
 * subjects_init() - an empty table
 * @capacity:     places; a power of two, at least 16; 24 bytes each, taken as subjects come
 * @state_bytes:  of one subject's state, taken when it is first seen
 */
void subjects_init(struct subjects *t, size_t capacity, size_t state_bytes,
                   subjects_guilt_fn *guilt)
{
    check(capacity >= WAYS && (capacity & (capacity - 1)) == 0);
    *t = (struct subjects){
        .n_sets = MIN(capacity / WAYS, (size_t)SETS_AT_FIRST),
        .n_sets_max = capacity / WAYS,
        .state_bytes = state_bytes,
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

static struct subjects_place *set_of(const struct subjects *t, uint64_t key)
{
    return &t->places[(key & (t->n_sets - 1)) * WAYS];
}

static struct subjects_place *place_of(const struct subjects *t, uint64_t key)
{
    struct subjects_place *set = set_of(t, key);

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].state != NULL && set[i].key == key)
            return &set[i];
    }
    return NULL;
}

/* NULL: the set is full. */
static struct subjects_place *free_place(const struct subjects *t, uint64_t key)
{
    struct subjects_place *set = set_of(t, key);

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].state == NULL)
            return &set[i];
    }
    return NULL;
}

/* Twice as many sets: what is in one now fits into the two that it is split into. */
static void grow(struct subjects *t)
{
    struct subjects_place *old = t->places;
    size_t n_old = t->n_sets * WAYS;

    t->n_sets *= 2;
    t->places = mem_zero(t->n_sets * WAYS * sizeof(*t->places));
    for (size_t i = 0; i < n_old; i++) {
        struct subjects_place *to;

        if (old[i].state == NULL)
            continue;
        to = free_place(t, old[i].key);
        check(to != NULL);
        *to = old[i];
    }
    free(old);
}

/* A free place in the set of @key, made free if need be. */
static struct subjects_place *make_room(struct subjects *t, uint64_t key, uint64_t now_ns)
{
    struct subjects_place *least = free_place(t, key);
    struct subjects_place *set;
    double least_guilt = 0;

    while (least == NULL && t->n_sets < t->n_sets_max) {
        grow(t);
        least = free_place(t, key);
    }
    if (least != NULL)
        return least;
    set = set_of(t, key);
    for (size_t i = 0; i < WAYS; i++) {
        double guilt = t->guilt != NULL ? t->guilt(set[i].state, now_ns) : 0;

        if (least == NULL || guilt < least_guilt ||
            (guilt <= least_guilt && set[i].seen_ns < least->seen_ns)) {
            least = &set[i];
            least_guilt = guilt;
        }
    }
    t->shed += least_guilt > 0;
    forget(t, least);
    return least;
}

/** subjects_find() - Return: the state of the subject, or NULL. */
void *subjects_find(const struct subjects *t, uint64_t key)
{
    struct subjects_place *p = place_of(t, key);

    return p != NULL ? p->state : NULL;
}

/**
 * subjects_get() - the state of the subject, zeroed when it is new
 * @ret_is_new:  may be NULL
 *
 * Return: never NULL; valid until the next call that takes @t not const.
 */
void *subjects_get(struct subjects *t, uint64_t key, uint64_t now_ns, bool *ret_is_new)
{
    struct subjects_place *p = place_of(t, key);

    if (ret_is_new != NULL)
        *ret_is_new = p == NULL;
    if (p == NULL) {
        p = make_room(t, key, now_ns);
        p->key = key;
        p->seen_ns = now_ns;
        p->state = mem_zero(t->state_bytes);
        t->n++;
    }
    p->seen_ns = MAX(p->seen_ns, now_ns);
    return p->state;
}

/** subjects_forget() - as if never seen */
void subjects_forget(struct subjects *t, uint64_t key)
{
    struct subjects_place *p = place_of(t, key);

    if (p != NULL)
        forget(t, p);
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
