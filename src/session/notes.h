/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/notes.h - what a worker has the scribe write down, and what waits until it is written
 *
 * All that must survive is noted in the batch that is open; the worker hands it over once
 * a turn.  Batches have numbers; when one is on the device, so are all before it.
 *
 * A packet that promises something (an acknowledgement, CONNACK), or that must not be
 * seen before it is remembered (PUBLISH at QoS 2, PUBREL), is put into the connection's
 * gate: it leaves when everything that was noted before it is on the device.  So it does when the
 * connection has been closed meanwhile; DISCONNECT is behind all that was owed.
 *
 * Pure; a worker's.  A worker without a journal has no notes.
 */
#pragma once

#include "base/list.h"
#include "queue/queue.h"
#include "session/record.h"

struct conn;
struct session;

struct notes {
    struct batch batch; /* the open one */
    uint64_t number;    /* of it, from 1 */
    uint64_t flushed;   /* batches up to this one are on the device */
    uint64_t count;     /* of the last id; see record.h */
    uint64_t session;   /* the number of the last session */
    /* By worker and lane: the last retained message that has come from it. */
    uint64_t retained[RECORD_WORKERS_MAX + 1][2];
    uint64_t unix_ms_at_zero; /* the date when CLOCK_MONOTONIC was 0 */
    unsigned worker;
    struct list gates; /* in which something waits */
};

void notes_init(struct notes *n, unsigned worker);
void notes_done(struct notes *n);
void notes_begin(struct notes *n, uint64_t count);
uint64_t notes_id(struct notes *n);
uint64_t notes_last(const struct notes *n);
uint64_t notes_session_number(struct notes *n);
void notes_drop(struct notes *n, uint64_t id);
/* Of @p a message is made, if need be, and noted, if it was not yet; borrowed from @p. */
struct message *notes_message(struct notes *n, struct publication *p);
/* A retained message that has come from another worker. */
void notes_retained(struct notes *n, const struct message *m);
/* Of what is retained on this worker now; owned by the caller. */
struct retained_range *notes_range(const struct notes *n, unsigned n_workers);

/* What waits in one network connection. */
struct gate_mark {
    uint64_t number; /* of the batch that it waits for */
    size_t at;       /* where in the bytes it begins */
    uint32_t n_subacks;
};

struct gate {
    struct list in_notes; /* while something waits */
    struct conn *conn;    /* borrowed */
    struct buf bytes;
    struct gate_mark *marks; /* owned */
    size_t n_marks;
    size_t marks_cap;
    bool has_connack; /* nothing may go past it */
    struct buf last;  /* DISCONNECT, behind all that is owed */
};

struct gate *gate_free(struct gate *g);
/* What waits in it no longer is appended to the connection's output.  Return: whether there was
 * something. */
bool gate_open(struct gate *g, uint64_t flushed);
