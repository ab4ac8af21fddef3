/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/purge.h - what waits in the journal and is quarantined now, on its way through the scribe
 *
 * Private to purge.c and scribe.c.
 */
#pragma once

#include "node/worker.h"
#include "store/journal.h"

struct purge {
    struct list in_scribe;
    struct node *node;
    struct restraints *restraints; /* a reference */
    uint64_t until[WORKERS_MAX];   /* notes_last() of each when it came to know of them */
    struct journal_walk walk;
    struct buf records; /* of messages whose topics are blocked, uint64_t each */
};

struct purge *purge_free(struct purge *p);
/* The scribe's.  0: done, and told to the workers.  1: there is more to do.  -errno: not yet. */
MUST_CHECK int purge_some(struct purge *p, struct journal *j, uint64_t budget);
