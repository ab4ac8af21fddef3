/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/subjects.h - a bounded table of what is known of each subject
 *
 * Sets of 16 places.  A subject is in one of two, by the two halves of its keyed hash, and
 * goes where there is more room when it comes, so that nearly all places are used before one
 * has none left.  Each place carries the whole hash as its tag, so that nobody is blamed for
 * a neighbour.  When both sets are full, sets are added until there are as many as may be; then
 * the least guilty of the two goes, among equals the one not seen longest: filling
 * the table with names does not clear those that are on record.
 */
#pragma once

#include "base/bytes.h"

/* Of two states, whose is worth keeping; 0: nothing on record. */
typedef double subjects_guilt_fn(const void *state, uint64_t now_ns);

/* The state is about to be forgotten. */
typedef void subjects_gone_fn(void *state);

struct subjects {
    struct subjects_place *places; /* owned */
    size_t n_sets;                 /* a power of two, */
    size_t n_sets_max;             /* and another one */
    subjects_guilt_fn *guilt;      /* NULL: all are equal */
    subjects_gone_fn *gone;        /* NULL: a state owns nothing */
    size_t n;
    uint64_t shed; /* forgotten although guilty */
};

void subjects_init(struct subjects *t, size_t capacity, subjects_guilt_fn *guilt);
void subjects_done(struct subjects *t);
void *subjects_find(const struct subjects *t, uint64_t key);
void *subjects_see(struct subjects *t, uint64_t key, uint64_t now_ns);
void subjects_add(struct subjects *t, uint64_t key, uint64_t now_ns, void *state);
void subjects_forget(struct subjects *t, uint64_t key);

size_t subjects_places(const struct subjects *t);
void *subjects_next(const struct subjects *t, size_t *cursor);

uint64_t subject_key_pair(struct bytes a, struct bytes b);
