/* SPDX-License-Identifier: Apache-2.0 */
/* queue/message.c - a publication becomes a message when somebody has to keep it */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "queue/queue.h"

/* A thread tells the others of its memory by so much at a time, so that counting is no shared cache
 * line for each message. */
#define COUNT_BATCH_BYTES 65536

static atomic_size_t counted;
static _Thread_local ptrdiff_t uncounted;

/**
 * memory_count() - this thread has taken @bytes for messages, or given them back if below zero
 *
 * Messages and the rings of queues count themselves; who keeps them encoded counts its buffers.
 */
void memory_count(ptrdiff_t bytes)
{
    uncounted += bytes;
    if (uncounted < COUNT_BATCH_BYTES && uncounted > -COUNT_BATCH_BYTES)
        return;
    atomic_fetch_add_explicit(&counted, (size_t)uncounted, memory_order_relaxed);
    uncounted = 0;
}

/** memory_counted() - the sum over all threads, but for what each has not told yet */
size_t memory_counted(void)
{
    size_t sum = atomic_load_explicit(&counted, memory_order_relaxed) + (size_t)uncounted;

    return sum <= PTRDIFF_MAX ? sum : 0; /* what another thread took was given back here */
}

/** message_ref() - one more owner; any thread; Return: @m. */
struct message *message_ref(struct message *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

struct listener {
    record_forget_fn *fn;
    void *arg;
};

static _Thread_local struct listener here;
static struct listener elsewhere;

/** record_forget_by() - see queue.h */
void record_forget_by(record_forget_fn *fn, void *arg)
{
    here = (struct listener){fn, arg};
}

/** record_forget_elsewhere_by() - see queue.h */
void record_forget_elsewhere_by(record_forget_fn *fn, void *arg)
{
    elsewhere = (struct listener){fn, arg};
}

/** record_forget() - tell this thread's listener; 0: there is no record */
void record_forget(uint64_t record)
{
    const struct listener *l;

    if (record == 0)
        return;
    l = here.fn != NULL ? &here : &elsewhere;
    if (l->fn != NULL)
        l->fn(l->arg, record);
}

/** message_unref() - one owner less; the last frees; any thread, @m may be NULL; Return: NULL. */
struct message *message_unref(struct message *m)
{
    if (m != NULL && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1) {
        if (m->record != 0 && holders_release(m->record))
            record_forget(m->record);
        memory_count(-(ptrdiff_t)message_bytes(m));
        free(m);
    }
    return NULL;
}

/** message_bytes() - what @m is charged for: its memory, whoever shares it */
size_t message_bytes(const struct message *m)
{
    return sizeof(*m) + m->topic.len + m->forward.len + m->payload.len;
}

/** publication_bytes() - message_bytes() of the message that would be made of @p */
size_t publication_bytes(const struct publication *p)
{
    return sizeof(struct message) + p->topic.len + p->forward.len + p->payload.len;
}

/** message_set_replaced() - for who still waits to send it as a retained message; any thread */
void message_set_replaced(struct message *m)
{
    atomic_store_explicit(&m->is_replaced, true, memory_order_relaxed);
}

/** message_is_replaced() - any thread */
bool message_is_replaced(const struct message *m)
{
    return atomic_load_explicit(&m->is_replaced, memory_order_relaxed);
}

static struct bytes place(uint8_t **to, struct bytes from)
{
    struct bytes placed = bytes_of(*to, from.len);

    if (from.len > 0)
        memcpy(*to, from.at, from.len);
    *to += from.len;
    return placed;
}

/**
 * publication_keep() - the message of this publication, made when first asked for
 *
 * Return: a reference of its own, to be given to message_unref().
 */
struct message *publication_keep(struct publication *p)
{
    if (p->message == NULL) {
        struct message *m = mem_alloc(publication_bytes(p));
        uint8_t *to = m->data;

        memory_count((ptrdiff_t)publication_bytes(p));
        atomic_init(&m->refs, 1);
        atomic_init(&m->is_replaced, false);
        m->qos = p->qos;
        m->retain = p->retain;
        m->is_control = p->is_control;
        m->record = 0;
        m->expires_ns = p->expires_ns;
        m->publisher = p->publisher;
        m->topic_hash = p->topic_hash;
        m->stamp = p->stamp;
        m->topic = place(&to, p->topic);
        m->forward = place(&to, p->forward);
        m->payload = place(&to, p->payload);
        p->message = m;
    }
    return message_ref(p->message);
}

/** publication_of() - @m passes through this worker; takes a reference until publication_done() */
struct publication publication_of(struct message *m)
{
    return (struct publication){
        .topic = m->topic,
        .forward = m->forward,
        .payload = m->payload,
        .qos = m->qos,
        .retain = m->retain,
        .is_control = m->is_control,
        .is_durable = m->record != 0,
        .expires_ns = m->expires_ns,
        .publisher = m->publisher,
        .topic_hash = m->topic_hash,
        .stamp = m->stamp,
        .message = message_ref(m),
    };
}

/** publication_done() - the PUBLISH has passed */
void publication_done(struct publication *p)
{
    p->message = message_unref(p->message);
}

/** delivery_done() - give the message back; its records, the second of which says that it was sent,
 * are not needed any more */
void delivery_done(struct delivery *d)
{
    record_forget(d->record);
    if (d->record != 0 && d->packet_id != 0)
        record_forget(d->record + 1);
    d->record = 0;
    d->message = message_unref(d->message);
    subids_free(d->more_subids, d->n_subids);
    d->more_subids = NULL;
}

/** subids_bytes() - what @n subscription identifiers take beside a delivery */
size_t subids_bytes(size_t n)
{
    return n > DELIVERY_SUBIDS_INLINE ? n * sizeof(uint32_t) : 0;
}

/** subids_free() - the @n of a delivery, if they stood beside it; @more may be NULL */
void subids_free(uint32_t *more, size_t n)
{
    if (more != NULL)
        memory_count(-(ptrdiff_t)subids_bytes(n));
    free(more);
}

/** delivery_bytes() - what @d is charged for */
size_t delivery_bytes(const struct delivery *d)
{
    return message_bytes(d->message) + subids_bytes(d->n_subids);
}

/** delivery_set_subids() - of one that has none */
void delivery_set_subids(struct delivery *d, const uint32_t *subids, size_t n)
{
    d->n_subids = (uint32_t)n;
    memory_count((ptrdiff_t)subids_bytes(n));
    if (n > DELIVERY_SUBIDS_INLINE)
        d->more_subids = mem_alloc(n * sizeof(*subids));
    memcpy(n > DELIVERY_SUBIDS_INLINE ? d->more_subids : d->subids, subids, n * sizeof(*subids));
}

/** delivery_subids() - the d->n_subids subscription identifiers; borrowed */
const uint32_t *delivery_subids(const struct delivery *d)
{
    return d->n_subids > DELIVERY_SUBIDS_INLINE ? d->more_subids : d->subids;
}
