/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/scribe.h - the only writer of the journal
 *
 * Workers hand batches over; the scribe writes all that has gathered as one frame,
 * flushes it and answers each worker.  While one flush runs the next frame gathers.
 *
 * When the disk is nearly full, or the journal has nearly all of its bytes, no more is
 * promised, but what was promised goes on (SCRIBE_FULL).  When a write or flush fails
 * nothing is answered until it has succeeded in a new segment, which is tried each second
 * (SCRIBE_FAILED).
 *
 * Between two commits it reads back what workers ask for (fetch.h), some at a time; not while it
 * has failed to write.  What cannot be read is tried again each second.
 *
 * MQ.PR.SP-06
 */
#pragma once

#include "node/worker.h"
#include "store/journal.h"

struct fetch;
struct purge;
struct scribe;

enum scribe_state {
    SCRIBE_OK,
    SCRIBE_FULL,
    SCRIBE_FAILED,
};

/* @j is borrowed, and the scribe's alone until it has stopped. */
struct scribe *scribe_new(struct node *n, struct journal *j);
struct scribe *scribe_free(struct scribe *s);
MUST_CHECK int scribe_start(struct scribe *s);
void scribe_stop(struct scribe *s);

/* The thread, or, while there is none, who stands for it: write once what has been handed over, or
 * what is pending, and answer for it.  False: it could not be written, and is pending. */
bool scribe_turn(struct scribe *s);
bool scribe_wants_turn(struct scribe *s); /* does something wait to be written or read? */

/* journal.c: the journal of @n->started, opened and restored from, and the scribe; or nothing, if
 * nothing is to be kept.  After privileges were dropped, before there are threads.  False: the
 * log says why not. */
MUST_CHECK bool journal_begin(struct node *n);
void journal_end(struct node *n);

/* Any worker: @batch is taken and left empty.  False: much waits, read less from publishers. */
bool scribe_take(struct scribe *s, struct worker *w, uint64_t number, struct buf *batch);

/* Any worker: what is to be read back; taken. */
void scribe_fetch(struct scribe *s, struct fetch *f);
/* Any thread: what is to be dropped; taken.  It goes before what is read back. */
void scribe_purge(struct scribe *s, struct purge *p);

/* Any other thread waits until nothing is sealed under an older data key than the current one.
 * False with @ret_error: it cannot be written. */
MUST_CHECK bool scribe_reseal(struct scribe *s, char **ret_error);

/* Any thread. */
bool scribe_is_behind(const struct scribe *s); /* much waits */
enum scribe_state scribe_state(const struct scribe *s);
const char *scribe_state_text(enum scribe_state state);
void scribe_stat(struct scribe *s, struct journal_stat *ret);
