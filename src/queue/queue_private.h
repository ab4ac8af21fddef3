/* SPDX-License-Identifier: Apache-2.0 */
/* queue/queue_private.h - what the files of this folder share */
#pragma once

#include "queue/queue.h"

/* Something that expires then is in the queue. */
static inline void queue_note_expiry(struct queue *q, uint64_t expires_ns)
{
    if (expires_ns != EXPIRES_NEVER && (q->expires_ns == 0 || expires_ns < q->expires_ns))
        q->expires_ns = expires_ns;
}

/* ---- queue_shelf.c ---- */

/* Does what is put into the delivery lane go on the shelf? */
bool queue_is_shelving(const struct queue *q);
void queue_shelve(struct queue *q, const struct delivery *d);
/* If the delivery lane is empty, what comes next and is aside goes into it; what has expired before
 * that goes. */
void queue_take_aside(struct queue *q, uint64_t now_ns);
/* Forget what has expired; what is left says when it does. */
void queue_expire_shelved(struct queue *q, uint64_t now_ns);
/* Forget all, and the records. */
void queue_drop_tail(struct queue *q);
