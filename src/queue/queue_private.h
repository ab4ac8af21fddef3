/* SPDX-License-Identifier: Apache-2.0 */
/* queue/queue_private.h - what the files of this folder share */
#pragma once

#include "queue/queue.h"

/* ---- queue_shelf.c ---- */

/* Does what is put into the delivery lane go on the shelf? */
bool queue_is_shelving(const struct queue *q);
void queue_shelve(struct queue *q, const struct delivery *d);
/* If the delivery lane is empty, what comes next and is aside goes into it. */
void queue_take_aside(struct queue *q);
/* Forget all, and the records. */
void queue_drop_tail(struct queue *q);
