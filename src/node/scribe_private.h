/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/scribe_private.h - the parts of the scribe, for one another
 *
 *   scribe.c       what others ask of it, and its thread
 *   scribe_turn.c  one turn: a frame is written, answered, and something is read back
 */
#pragma once

#include "node/scribe.h"

/* A batch of a worker. */
struct handed {
    struct list in_waiting;
    struct worker *worker;
    uint64_t number;
    struct buf bytes;
};

struct scribe {
    struct node *node;
    struct journal *journal;
    pthread_t thread;
    struct list writing; /* the thread's, as are the next: batches in the frame of now */
    size_t writing_bytes;
    uint64_t marked; /* the number that the mark says */
    uint64_t marked_segment;
    uint64_t mark_ns; /* when it is marked again, if something is written */
    atomic_int state;
    atomic_size_t waiting_bytes;
    pthread_mutex_t lock; /* for the rest */
    pthread_cond_t changed;
    pthread_cond_t committed;
    struct list waiting; /* struct handed, in their order */
    struct batch strays; /* what threads that are no workers have let go of */
    struct list fetches; /* struct fetch, in their order */
    struct list purges;  /* struct purge, the same */
    bool stopping;
    bool reseal; /* somebody waits for it */
    struct journal_stat stat;
    /* The thread's alone. */
    uint64_t flushed[WORKERS_MAX]; /* the last batch of each that is on the device */
    int read_error;                /* -errno: of the last time it was tried */
};

/* ---- scribe_turn.c; the thread's ---- */

void scribe_become(struct scribe *s, enum scribe_state next, int error);
/* For scribe_stat(), and for who waits. */
void scribe_tell_stat(struct scribe *s);
/* How far the journal has come, unless that is known. */
void scribe_mark(struct scribe *s);
