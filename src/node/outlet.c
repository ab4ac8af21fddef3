/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/outlet.c - messages on the way to the other workers, and to whatever else wants them
 *
 * An outlet is a mailbox.  The first are those of the workers; what is no worker may
 * join, say what it wants (interest.c) and take messages out of its own.  What a turn
 * has for an outlet gathers in parcels and leaves at the end of the turn: one lock, at
 * most one wake-up.  A small message is copied into the parcel and read out of it as out
 * of an input buffer: no allocation, and no reference count that two workers share.
 * From a worker to an outlet is one FIFO, so order per publisher holds.  Messages of the
 * control plane go by the control lane, as soon as the packet is done with that they came by.
 */
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"

#define PARCEL_BYTES_FIRST 4096 /* of the first parcel of a turn: often it has one message */
#define PARCEL_BYTES       32768
#define COPY_BYTES_MAX     1024 /* larger messages are kept, and the parcel has a reference */

/* Messages on the way to one outlet, one behind the other as struct item. */
struct parcel {
    struct post post;
    size_t cap;
    size_t len;
    _Alignas(max_align_t) uint8_t data[];
};

/* What it borrows stands in @data, or in the message that it has kept. */
struct item {
    struct publication p;
    size_t len; /* with @data, up to the next item */
    uint8_t data[];
};

static struct item *item_at(struct parcel *c, size_t at)
{
    return (struct item *)(void *)(c->data + at);
}

static void parcel_free(struct parcel *c)
{
    memory_count(-(ptrdiff_t)c->cap);
    free(c);
}

/* The worker that received it decided that there is room; all keep the same. */
static void take_retained(struct worker *w, struct publication *p)
{
    const struct retained_limits no_limits = {SIZE_MAX, SIZE_MAX, SIZE_MAX};

    router_retain(w->router, p, &no_limits, NULL);
    if (w->notes != NULL && p->message != NULL)
        notes_retained(w->notes, p->message);
}

static void take_parcel(struct worker *w, struct post *post)
{
    struct parcel *c = list_item(post, struct parcel, post);

    for (size_t at = 0; at < c->len; at += item_at(c, at)->len) {
        struct publication *p = &item_at(c, at)->p;
        const struct message *kept = p->message;

        if (p->stamp != 0)
            take_retained(w, p);
        flow_deliver_here(w, p);
        if (kept != NULL)
            note_taken(w, kept);
        publication_done(p);
    }
    parcel_free(c);
}

/** outlet_is_parcel() - are there messages in it? */
bool outlet_is_parcel(const struct post *p)
{
    return p->take == take_parcel;
}

/** outlet_join() - @m, borrowed for the node's life, is an outlet; before the workers start.
 * Return: its number, the n-th worker's being n. */
unsigned outlet_join(struct node *n, struct mailbox *m)
{
    check(n->n_outlets < OUTLETS_MAX);
    n->outlets[n->n_outlets] = m;
    return n->n_outlets++;
}

/** outlet_take() - the messages of @mail, out of the mailbox of an outlet that is no worker; they
 * are borrowed by @each until it returns */
void outlet_take(struct mail *mail, outlet_message_fn *each, void *arg)
{
    struct parcel *c = list_item(mail, struct parcel, post.mail);

    check(c->post.take == take_parcel);
    for (size_t at = 0; at < c->len; at += item_at(c, at)->len) {
        struct publication *p = &item_at(c, at)->p;

        each(arg, p);
        publication_done(p);
    }
    parcel_free(c);
}

static struct parcel *parcel_new(size_t cap)
{
    struct parcel *c = mem_alloc(sizeof(*c) + cap);

    memory_count((ptrdiff_t)cap);
    list_init(&c->post.mail.link);
    c->post.take = take_parcel;
    c->cap = cap;
    c->len = 0;
    return c;
}

static struct bytes put(uint8_t **to, struct bytes from)
{
    struct bytes there = bytes_of(*to, from.len);

    if (from.len > 0)
        memcpy(*to, from.at, from.len);
    *to += from.len;
    return there;
}

/* Is it to be one message for all who get it?  What is small is not worth a count that workers
 * share; but what is retained is there once, and the journal has it once. */
static bool is_shared(const struct publication *p)
{
    return p->retain || (p->is_durable && p->qos > 0) ||
           p->topic.len + p->forward.len + p->payload.len > COPY_BYTES_MAX;
}

static size_t item_bytes(const struct publication *p, bool shared)
{
    size_t n = sizeof(struct item);

    if (!shared)
        n += p->topic.len + p->forward.len + p->payload.len;
    return (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
}

/* There is room. */
static void pack(struct parcel *c, struct publication *p, bool shared)
{
    struct item *it = item_at(c, c->len);
    uint8_t *to = it->data;

    it->len = item_bytes(p, shared);
    if (shared) {
        struct message *m = publication_keep(p);

        it->p = publication_of(m);
        message_unref(m);
    } else {
        it->p = *p;
        it->p.message = NULL;
        it->p.is_durable = false;
        it->p.publisher_id = BYTES_NONE;
        it->p.topic = put(&to, p->topic);
        it->p.forward = put(&to, p->forward);
        it->p.payload = put(&to, p->payload);
    }
    c->len += it->len;
}

static struct parcel *parcel_of(struct publication *p)
{
    struct parcel *c = parcel_new(item_bytes(p, true));

    pack(c, p, true);
    return c;
}

static void send_at_once(struct mailbox *to, enum lane lane, struct publication *p)
{
    struct list mails = LIST_INIT(mails);

    list_append(&mails, &parcel_of(p)->post.mail.link);
    mailbox_post_all(to, lane, &mails, 1, publication_bytes(p));
}

/** outlet_post() - deliver @p to the sessions of @to, at once; any thread */
void outlet_post(struct worker *to, struct publication *p)
{
    send_at_once(to->mailbox, LANE_CONTROL, p);
}

/**
 * outlet_post_spare() - the same, but behind all else, and only if @to is not behind; any thread
 * @backlog_max:  bytes that may wait for it
 *
 * Return: false when it was not.
 */
bool outlet_post_spare(struct worker *to, struct publication *p, size_t backlog_max)
{
    if (mailbox_bytes(to->mailbox) > backlog_max)
        return false;
    send_at_once(to->mailbox, LANE_DELIVERY, p);
    return true;
}

static void add(struct outbox *o, struct publication *p)
{
    bool shared = is_shared(p);
    size_t n = item_bytes(p, shared);

    if (o->open == NULL || o->open->cap - o->open->len < n) {
        o->open = parcel_new(o->n == 0 ? PARCEL_BYTES_FIRST : PARCEL_BYTES);
        list_append(&o->mails, &o->open->post.mail.link);
        o->n++;
    }
    pack(o->open, p, shared);
    o->bytes += publication_bytes(p);
}

/**
 * outlet_send() - @p also goes to these outlets
 * @outlets:  BIT64(outlet); this worker's own bit is not looked at
 */
void outlet_send(struct worker *w, uint64_t outlets, struct publication *p)
{
    for (unsigned i = 0; i < w->node->n_outlets; i++) {
        if (i == w->index || !(outlets & BIT64(i)))
            continue;
        w->counters.messages_forwarded++;
        if (p->is_control)
            outlet_add_control_message(w, i, &parcel_of(p)->post);
        else
            add(&w->outboxes[i], p);
    }
}

/** outlet_add_post() - @p, taken over, goes to that worker behind the messages of this turn so far
 */
void outlet_add_post(struct worker *w, unsigned outlet, struct post *p, size_t bytes)
{
    struct outbox *o = &w->outboxes[outlet];

    list_append(&o->mails, &p->mail.link);
    o->open = NULL; /* what comes later goes behind it */
    o->n++;
    o->bytes += bytes;
}

/** outlet_add_control_message() - @p, taken over, in which a message of the control plane is, goes
 * to that outlet's control lane with outlet_flush_control_messages() */
void outlet_add_control_message(struct worker *w, unsigned outlet, struct post *p)
{
    struct outbox *o = &w->outboxes[outlet];

    list_append(&o->control_messages, &p->mail.link);
    o->n_control_messages++;
    w->has_control_messages = true;
}

/**
 * outlet_flush_control_messages() - those of the control plane leave, behind what was noted of them
 *
 * When note_hand_over() may be called.
 */
void outlet_flush_control_messages(struct worker *w)
{
    if (!w->has_control_messages)
        return;
    w->has_control_messages = false;
    note_hand_over(w);
    for (unsigned i = 0; i < w->node->n_outlets; i++) {
        struct outbox *o = &w->outboxes[i];

        mailbox_post_all(w->node->outlets[i], LANE_CONTROL, &o->control_messages,
                         o->n_control_messages, 0);
        o->n_control_messages = 0;
    }
}

/** outlet_add_control() - @p, taken over, goes to that worker's control lane at the end of the turn
 */
void outlet_add_control(struct worker *w, unsigned outlet, struct post *p)
{
    struct outbox *o = &w->outboxes[outlet];

    list_append(&o->control, &p->mail.link);
    o->n_control++;
}

/** outlet_flush_control() - what was added to control lanes leaves */
void outlet_flush_control(struct worker *w)
{
    for (unsigned i = 0; i < w->n_workers; i++) {
        struct outbox *o = &w->outboxes[i];

        mailbox_post_all(w->node->outlets[i], LANE_CONTROL, &o->control, o->n_control, 0);
        o->n_control = 0;
    }
}

/**
 * outlet_flush() - at the end of a turn: the posts leave, those of the control lane first, and the
 * messages among them before the others
 *
 * If one of them is behind, publishers are held back.
 */
void outlet_flush(struct worker *w)
{
    outlet_flush_control_messages(w);
    outlet_flush_control(w);
    for (unsigned i = 0; i < w->node->n_outlets; i++) {
        struct outbox *o = &w->outboxes[i];
        struct mailbox *to = w->node->outlets[i];

        if (o->n == 0)
            continue;
        note_hand_over(w);
        mailbox_post_all(to, LANE_DELIVERY, &o->mails, o->n, o->bytes);
        if (mailbox_bytes(to) > OUTBOX_BYTES_MAX)
            w->held_until_ns = w->now_ns + HOLD_NS;
        o->open = NULL;
        o->n = 0;
        o->bytes = 0;
    }
}
