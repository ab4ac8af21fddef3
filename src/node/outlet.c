/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/outlet.c - messages on the way to the other workers, and to whatever else wants them
 *
 * An outlet is a mailbox.  The first are those of the workers; what is no worker may
 * join, say what it wants (interest.c) and take messages out of its own.  What a turn
 * has for an outlet gathers in one post and leaves at the end of the turn: one lock,
 * one wake-up.  From a worker to an outlet is one FIFO, so order per publisher holds.
 * Messages of the control plane go by the control lane at once.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"

#define DELIVERIES_MAX 512 /* in one post */

struct deliveries {
    struct post post;
    unsigned n;
    struct message *messages[DELIVERIES_MAX]; /* owned references */
};

static void take_deliveries(struct worker *w, struct post *p)
{
    struct deliveries *d = list_item(p, struct deliveries, post);
    /* The worker that received it decided that there is room; all keep the same. */
    const struct retained_limits no_limits = {SIZE_MAX, SIZE_MAX};

    for (unsigned i = 0; i < d->n; i++) {
        struct publication pub = publication_of(d->messages[i]);

        if (pub.retain)
            router_retain(w->router, &pub, &no_limits);
        flow_deliver_here(w, &pub);
        note_taken(w, d->messages[i]);
        publication_done(&pub);
        message_unref(d->messages[i]);
    }
    free(d);
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
    struct deliveries *d = list_item(mail, struct deliveries, post.mail);

    check(d->post.take == take_deliveries);
    for (unsigned i = 0; i < d->n; i++) {
        each(arg, d->messages[i]);
        message_unref(d->messages[i]);
    }
    free(d);
}

static struct deliveries *deliveries_new(void)
{
    struct deliveries *d = mem_alloc(sizeof(*d));

    list_init(&d->post.mail.link);
    d->post.take = take_deliveries;
    d->n = 0;
    return d;
}

static void send_at_once(struct mailbox *to, struct message *m)
{
    struct deliveries *d = deliveries_new();

    d->messages[d->n++] = m;
    mailbox_post(to, LANE_CONTROL, &d->post.mail);
}

/** outlet_post_message() - deliver @m, whose reference is taken over, to the sessions of @to; any
 * thread */
void outlet_post_message(struct worker *to, struct message *m)
{
    send_at_once(to->mailbox, m);
}

/**
 * outlet_post_spare() - the same, but behind all else, and only if @to is not behind; any thread
 * @backlog_max:  bytes that may wait for it
 *
 * Return: false when @m was dropped.
 */
bool outlet_post_spare(struct worker *to, struct message *m, size_t backlog_max)
{
    struct list mails = LIST_INIT(mails);
    size_t bytes = message_bytes(m);
    struct deliveries *d;

    if (mailbox_bytes(to->mailbox) > backlog_max) {
        message_unref(m);
        return false;
    }
    d = deliveries_new();
    d->messages[d->n++] = m;
    list_append(&mails, &d->post.mail.link);
    mailbox_post_all(to->mailbox, LANE_DELIVERY, &mails, 1, bytes);
    return true;
}

static void add(struct outbox *o, struct message *m)
{
    if (o->open == NULL || o->open->n == DELIVERIES_MAX) {
        o->open = deliveries_new();
        list_append(&o->mails, &o->open->post.mail.link);
        o->n++;
    }
    o->open->messages[o->open->n++] = m;
    o->bytes += message_bytes(m);
}

/**
 * outlet_send() - @p also goes to these outlets
 * @outlets:  BIT64(outlet); this worker's own bit is not looked at
 *
 * All that is to be noted of it has been noted.
 */
void outlet_send(struct worker *w, uint64_t outlets, struct publication *p)
{
    for (unsigned i = 0; i < w->node->n_outlets; i++) {
        if (i == w->index || !(outlets & BIT64(i)))
            continue;
        w->counters.messages_forwarded++;
        if (p->is_control) {
            note_hand_over(w); /* what is noted of it here comes before what is noted there */
            send_at_once(w->node->outlets[i], publication_keep(p));
        } else {
            add(&w->outboxes[i], publication_keep(p));
        }
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

/**
 * outlet_flush() - at the end of a turn: the posts leave
 *
 * If one of them is behind, publishers are held back.
 */
void outlet_flush(struct worker *w)
{
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
