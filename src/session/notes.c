/* SPDX-License-Identifier: Apache-2.0 */
/* session/notes.c - see notes.h */
#include "session/notes.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "session/session.h"

/** notes_init() - nothing is noted; ids and session numbers begin behind those that are set */
void notes_init(struct notes *n, unsigned worker)
{
    check(worker < RECORD_WORKERS_MAX);
    *n = (struct notes){.number = 1, .worker = worker};
    list_init(&n->gates);
}

/** notes_done() - what was not handed over is forgotten */
void notes_done(struct notes *n)
{
    check(list_is_empty(&n->gates));
    buf_done(&n->batch.bytes);
}

/** notes_last() - no id that was given here, or before notes_begin(), is greater */
uint64_t notes_last(const struct notes *n)
{
    return record_id(n->count + 1, 0) - 1;
}

/** notes_begin() - no id up to @count is given again; what is retained and has one is there */
void notes_begin(struct notes *n, uint64_t count)
{
    n->count = MAX(n->count, count);
    for (unsigned i = 0; i < COUNT_OF(n->retained); i++)
        n->retained[i][0] = n->retained[i][1] = notes_last(n);
}

/** notes_id() - of something new; the parts that follow belong to it */
uint64_t notes_id(struct notes *n)
{
    return record_id(++n->count, n->worker);
}

/** notes_session_number() - of a new session; below 2^45 */
uint64_t notes_session_number(struct notes *n)
{
    return ++n->session * RECORD_WORKERS_MAX + n->worker;
}

/** notes_drop() - the record is not needed any more; 0: there is none */
void notes_drop(struct notes *n, uint64_t id)
{
    if (id != 0)
        batch_drop(&n->batch, id);
}

static uint64_t unix_ms_of(const struct notes *n, uint64_t at_ns)
{
    return at_ns == EXPIRES_NEVER ? UINT64_MAX : n->unix_ms_at_zero + at_ns / NS_PER_MS;
}

/** notes_message() - see notes.h; @p->is_durable must be set */
struct message *notes_message(struct notes *n, struct publication *p)
{
    struct message *m = publication_keep(p);

    check(p->is_durable);
    if (m->record == 0) {
        const struct message_record r = {
            .expires_unix_ms = unix_ms_of(n, m->expires_ns),
            .qos = m->qos,
            .retain = m->retain,
            .is_control = m->is_control,
            .publisher = p->publisher_id,
            .topic = m->topic,
            .forward = m->forward,
            .payload = m->payload,
        };

        m->record = notes_id(n);
        record_put_message(&n->batch, m->record, &r);
    }
    message_unref(m); /* @p has its own */
    return m;
}

/** notes_retained() - see notes.h; what comes by one lane of a worker comes in the order of its ids
 */
void notes_retained(struct notes *n, const struct message *m)
{
    if (m->record != 0)
        n->retained[record_worker(m->record)][m->is_control] = m->record;
}

/** notes_range() - see notes.h */
struct retained_range *notes_range(const struct notes *n, unsigned n_workers)
{
    uint32_t n_lanes = 2 * (n_workers + 1);
    struct retained_range *r = mem_zero(sizeof(*r) + n_lanes * sizeof(r->lanes[0]));

    r->n = n_lanes;
    for (uint32_t i = 0; i < n_lanes; i++)
        r->lanes[i].until =
            i / 2 == n->worker ? record_id(n->count, n->worker) : n->retained[i / 2][i % 2];
    return r;
}

/* ---- gates ---- */

/** gate_free() - what waits is forgotten; NULL is fine; Return: NULL */
struct gate *gate_free(struct gate *g)
{
    if (g == NULL)
        return NULL;
    list_remove(&g->in_notes);
    buf_done(&g->bytes);
    buf_done(&g->last);
    free(g->marks);
    free(g);
    return NULL;
}

static uint64_t number_of_last_note(const struct notes *n)
{
    return n->batch.bytes.len > 0 ? n->number : n->number - 1;
}

static void mark(struct gate *g, uint64_t number)
{
    if (g->n_marks > 0 && g->marks[g->n_marks - 1].number == number)
        return;
    if (g->n_marks == g->marks_cap) {
        g->marks_cap = MAX(g->marks_cap * 2, (size_t)4);
        g->marks = mem_resize(g->marks, g->marks_cap * sizeof(*g->marks));
    }
    g->marks[g->n_marks++] = (struct gate_mark){.number = number, .at = g->bytes.len};
}

static struct gate *gate_of(struct conn *c)
{
    if (c->gate == NULL) {
        c->gate = mem_new(struct gate);
        c->gate->conn = c;
        list_init(&c->gate->in_notes);
    }
    return c->gate;
}

/**
 * conn_gate() - where to put a packet that waits for what was noted before it
 *
 * Appended to until the next note.  The output buffer itself if nothing has to be waited
 * for, and nothing waits before it.
 */
struct buf *conn_gate(struct conn *c)
{
    struct notes *n = c->notes;
    uint64_t number;

    if (n == NULL)
        return c->out;
    number = number_of_last_note(n);
    if (number <= n->flushed && (c->gate == NULL || c->gate->n_marks == 0))
        return c->out;
    mark(gate_of(c), number);
    if (!list_is_linked(&c->gate->in_notes))
        list_append(&n->gates, &c->gate->in_notes);
    return &c->gate->bytes;
}

/** conn_out() - where to put a packet that promises nothing: behind CONNACK, if that waits */
struct buf *conn_out(struct conn *c)
{
    return conn_awaits_connack(c) ? conn_gate(c) : c->out;
}

/** conn_awaits_connack() - it has been decided, but has not left */
bool conn_awaits_connack(const struct conn *c)
{
    return c->gate != NULL && c->gate->has_connack;
}

/** conn_suback() - it leaves when what was noted before it is safe, and then is due no longer */
void conn_suback(struct conn *c, struct bytes packet)
{
    struct buf *out = conn_gate(c);

    buf_add(out, packet);
    if (out == c->out)
        c->n_subacks_due--;
    else
        c->gate->marks[c->gate->n_marks - 1].n_subacks++;
}

/** conn_owes() - is there an answer that has not come to the output buffer yet? */
bool conn_owes(const struct conn *c)
{
    return c->n_subacks_due > 0 || (c->gate != NULL && c->gate->n_marks > 0);
}

/** conn_last() - where to put the last packet: what is owed goes before it */
struct buf *conn_last(struct conn *c)
{
    return conn_owes(c) ? &gate_of(c)->last : c->out;
}

/** conn_finish() - of one that is closed: its last packet leaves, if nothing is owed any more */
void conn_finish(struct conn *c)
{
    if (c->gate == NULL || conn_owes(c))
        return;
    buf_add(c->out, buf_view(&c->gate->last));
    buf_done(&c->gate->last);
}

static void nothing_waits(struct gate *g)
{
    list_remove(&g->in_notes);
    buf_done(&g->bytes);
}

/** conn_forget_owed() - it is not waited for any longer; the last packet is not forgotten, but
 * where CONNACK is [MQTT5-3.14.0-1] */
void conn_forget_owed(struct conn *c)
{
    c->n_subacks_due = 0;
    if (c->gate == NULL)
        return;
    if (c->gate->has_connack)
        buf_done(&c->gate->last);
    c->gate->n_marks = 0;
    nothing_waits(c->gate);
}

/** conn_gated_bytes() - that wait */
size_t conn_gated_bytes(const struct conn *c)
{
    return c->gate != NULL ? c->gate->bytes.len : 0;
}

/** conn_gate_memory() - bytes that the gate takes */
size_t conn_gate_memory(const struct conn *c)
{
    const struct gate *g = c->gate;

    if (g == NULL)
        return 0;
    return sizeof(*g) + g->bytes.cap + g->last.cap + g->marks_cap * sizeof(*g->marks);
}

/** gate_open() - see notes.h */
bool gate_open(struct gate *g, uint64_t flushed)
{
    size_t n = 0;
    size_t len;

    while (n < g->n_marks && g->marks[n].number <= flushed)
        g->conn->n_subacks_due -= g->marks[n++].n_subacks;
    if (n == 0)
        return false;
    len = n < g->n_marks ? g->marks[n].at : g->bytes.len;
    buf_add(g->conn->out, bytes_of(g->bytes.at, len));
    buf_drop_front(&g->bytes, len);
    for (size_t i = n; i < g->n_marks; i++) {
        g->marks[i - n] = g->marks[i];
        g->marks[i - n].at -= len;
    }
    g->n_marks -= n;
    g->has_connack = false;
    if (g->n_marks == 0)
        nothing_waits(g);
    return true;
}
