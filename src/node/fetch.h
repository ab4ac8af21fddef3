/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/fetch.h - messages that a worker wants read back, on their way to the scribe and back
 *
 * Private to fetch.c and scribe.c.
 */
#pragma once

#include "node/worker.h"
#include "store/journal.h"

struct fetch {
    struct post post; /* the answer */
    struct list in_scribe;
    struct worker *worker;
    uint64_t number; /* of its batches; when this one is written, all of it is there */
    uint64_t unix_ms_at_zero;
    struct bytes client_id;    /* owned */
    uint64_t session;          /* its number */
    uint64_t *records;         /* owned */
    struct message **messages; /* owned; NULL: not found */
    size_t n;
    size_t n_blocked;
    struct journal_search *search; /* owned */
};

struct fetch *fetch_free(struct fetch *f);
/* The scribe's.  0: done.  1: there is more to do.  -errno: not yet. */
MUST_CHECK int fetch_some(struct fetch *f, struct journal *j, uint64_t budget);
/* When it is done: it is the worker's again. */
void fetch_answer(struct fetch *f);
