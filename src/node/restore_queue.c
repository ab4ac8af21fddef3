/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/restore_queue.c - queues out of the journal, at the start
 *
 * There may be many millions of deliveries.  While the records are read they are packed by
 * session; records of one worker are written in the order of ids, so they mostly are in order
 * already.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/restore.h"

/* ---- what waits ---- */

static struct restored_queue *queue_of(struct restoring *r, uint64_t session)
{
    struct restored_queue *q = map_find(&r->queues, bytes_of(&session, sizeof(session)));

    if (q == NULL) {
        q = mem_new(struct restored_queue);
        q->session = session;
        map_put(&r->queues, q);
    }
    return q;
}

static void forget_share(struct restored_delivery *d)
{
    bytes_free(d->group);
    bytes_free(d->filter);
    d->group = d->filter = BYTES_NONE;
}

/* Valid until the next. */
static uint32_t *subids_of(struct restoring *r, const struct delivery_record *d)
{
    uint32_t *ids = (uint32_t *)(void *)buf_reserve(&r->subids, d->subids.len);

    for (size_t i = 0; i < d->n_subids; i++)
        ids[i] = delivery_record_subid(d, i);
    return ids;
}

/* Another member may get it: it is in memory, as it was. */
static void take_shared(struct restoring *r, uint64_t id, const struct delivery_record *d)
{
    struct restored_delivery *to = restore_add_delivery(&r->deliveries);

    to->session = d->session;
    to->message = d->message;
    to->delivery = (struct delivery){.record = id, .qos = d->qos, .retain = d->retain};
    delivery_set_subids(&to->delivery, subids_of(r, d), d->n_subids);
    to->group = bytes_dup(d->group);
    to->filter = bytes_dup(d->filter);
}

/** restore_take_delivery() - see restore.h */
bool restore_take_delivery(struct restoring *r, uint64_t id, struct bytes record)
{
    struct delivery_record d;
    struct restored_queue *q;
    struct shelved s;

    if (!record_get_delivery(record, &d))
        return false;
    if (d.group.len > 0) {
        take_shared(r, id, &d);
        return true;
    }
    s.is_aside = false;
    s.record = id;
    s.message = d.message;
    s.bytes = s.expires_s = 0; /* its message comes later */
    s.qos = d.qos;
    s.retain = d.retain;
    s.n_subids = d.n_subids;
    s.more_subids = subids_of(r, &d);
    for (size_t i = 0; i < MIN(d.n_subids, (uint32_t)SHELVED_SUBIDS_INLINE); i++)
        s.subids[i] = s.more_subids[i];
    q = queue_of(r, d.session);
    q->is_unsorted |= id < q->last;
    q->last = id;
    shelf_push(&q->shelf, &s);
    return true;
}

static int by_record(const void *a, const void *b)
{
    uint64_t left = ((const struct shelved *)a)->record;
    uint64_t right = ((const struct shelved *)b)->record;

    return (left > right) - (left < right);
}

static void sort_queue(struct restored_queue *q)
{
    size_t n = q->shelf.n;
    struct shelved *all = mem_alloc(n * sizeof(*all));

    for (size_t i = 0; i < n; i++)
        check(shelf_pop(&q->shelf, &all[i]));
    qsort(all, n, sizeof(*all), by_record);
    for (size_t i = 0; i < n; i++) {
        shelf_push(&q->shelf, &all[i]);
        shelved_done(&all[i]);
    }
    free(all);
}

static int by_sent(const void *a, const void *b)
{
    uint64_t left = ((const struct restored_sent *)a)->delivery;
    uint64_t right = ((const struct restored_sent *)b)->delivery;

    return (left > right) - (left < right);
}

/* What was found for a subscription and was replaced then, or removed, is not sent any more. */
static bool is_passed_over(const struct shelved *s, const struct restored_message *m,
                           uint16_t packet_id)
{
    return s->retain == RETAIN_FLAG_FOUND && packet_id == 0 && !m->is_retained;
}

/* 0: it was not sent. */
static uint16_t packet_id_of(struct restoring *r, uint64_t record)
{
    const struct restored_sent key = {.delivery = record};
    struct restored_sent *sent =
        r->n_sent > 0 ? bsearch(&key, r->sent, r->n_sent, sizeof(key), by_sent) : NULL;
    uint16_t packet_id = sent != NULL ? sent->packet_id : 0;

    if (sent != NULL)
        sent->packet_id = 0; /* it belongs to something */
    return packet_id;
}

/* It was sent, or goes by the control lane: it is in memory. */
static void keep_delivery(struct restoring *r, uint64_t session, const struct shelved *s,
                          uint16_t packet_id)
{
    struct restored_delivery *to = restore_add_delivery(&r->deliveries);

    to->session = session;
    to->message = s->message;
    to->delivery = (struct delivery){
        .record = s->record, .qos = s->qos, .retain = s->retain, .packet_id = packet_id};
    delivery_set_subids(&to->delivery, shelved_subids(s), s->n_subids);
    restore_want(r, s->message);
}

/* It waits for @h, or was sent to it; NULL: nobody. */
static void link_delivery(struct restoring *r, const struct home *h, struct shelved *s)
{
    struct restored_message *m = h != NULL ? restore_find_message(r, s->message) : NULL;
    uint16_t packet_id = packet_id_of(r, s->record);

    if (m == NULL || is_passed_over(s, m, packet_id)) {
        restore_drop(r, s->record);
        if (packet_id != 0)
            restore_drop(r, s->record + RECORD_WAS_SENT);
        return;
    }
    r->n_queued++;
    if (packet_id != 0 || m->is_control) {
        keep_delivery(r, h->number, s, packet_id);
        return;
    }
    s->bytes = m->bytes + (uint32_t)subids_bytes(s->n_subids);
    s->expires_s = m->expires_s;
    m->n_holders++;
    queue_put_shelved(&h->resident->session->queue, s);
}

static void link_queue(struct restoring *r, const struct homes *all, struct restored_queue *q)
{
    const struct home *h = restored_home(all, q->session);
    struct shelved s;

    if (q->is_unsorted)
        sort_queue(q);
    while (shelf_pop(&q->shelf, &s)) {
        link_delivery(r, h, &s);
        shelved_done(&s);
    }
}

static void link_shared(struct restoring *r)
{
    for (size_t i = 0; i < r->deliveries.n; i++) {
        struct restored_delivery *d = &r->deliveries.at[i];

        if (d->group.len == 0)
            continue;
        d->delivery.packet_id = packet_id_of(r, d->delivery.record);
        restore_want(r, d->message);
    }
}

static void find_retained(struct restoring *r)
{
    for (size_t i = 0; i < r->retained.n; i++) {
        struct restored_message *m =
            restore_find_message(r, r->retained.at[i].id - RECORD_IS_RETAINED);

        if (m != NULL)
            m->is_retained = true;
    }
}

/** restore_queues() - see restore.h */
void restore_queues(struct restoring *r, const struct homes *all)
{
    struct restored_queue *q;
    size_t cursor = 0;

    r->n_queued = r->deliveries.n;
    restore_sort_messages(r);
    if (r->n_sent > 0)
        qsort(r->sent, r->n_sent, sizeof(*r->sent), by_sent);
    find_retained(r);
    link_shared(r);
    while ((q = map_next(&r->queues, &cursor)) != NULL)
        link_queue(r, all, q);
    for (size_t i = 0; i < r->n_sent; i++) {
        if (r->sent[i].packet_id != 0)
            restore_drop(r, r->sent[i].delivery + RECORD_WAS_SENT);
    }
}

/** restore_queues_done() - fine if nothing was read */
void restore_queues_done(struct restoring *r)
{
    struct restored_queue *q;
    size_t cursor = 0;

    while ((q = map_next(&r->queues, &cursor)) != NULL) {
        shelf_done(&q->shelf);
        free(q);
    }
    map_done(&r->queues);
    for (size_t i = 0; i < r->deliveries.n; i++)
        forget_share(&r->deliveries.at[i]);
    for (size_t i = 0; i < r->left.n; i++)
        forget_share(&r->left.at[i]);
}

/* ---- what is in memory ---- */

/* What was not sent comes first, in the order of ids. */
static int by_packet_id(const void *a, const void *b)
{
    const struct restored_delivery *left = a;
    const struct restored_delivery *right = b;

    if (left->session != right->session)
        return left->session < right->session ? -1 : 1;
    if (left->delivery.packet_id != right->delivery.packet_id)
        return left->delivery.packet_id - right->delivery.packet_id;
    return (left->delivery.record > right->delivery.record) -
           (left->delivery.record < right->delivery.record);
}

/* In the order in which they were offered. */
static int by_delivery(const void *a, const void *b)
{
    uint64_t left = ((const struct restored_delivery *)a)->delivery.record;
    uint64_t right = ((const struct restored_delivery *)b)->delivery.record;

    return (left > right) - (left < right);
}

/* As it goes out again: PUBREL, in the order in which PUBREC came, then PUBLISH, in the order in
 * which they were offered. */
static int by_resending(const void *a, const void *b)
{
    const struct delivery *left = a;
    const struct delivery *right = b;

    if ((left->message == NULL) != (right->message == NULL))
        return left->message == NULL ? -1 : 1;
    return (left->record > right->record) - (left->record < right->record);
}

/* Of one session, in ascending order of packet ids. */
static void link_sent(struct restoring *r, struct session *s, const struct restored_delivery *at,
                      size_t n)
{
    struct delivery *sent = mem_alloc(MAX(n, (size_t)1) * sizeof(*sent));
    size_t n_sent = 0;

    for (size_t i = 0; i < n; i++) {
        struct delivery d = at[i].delivery;

        if (n_sent > 0 && sent[n_sent - 1].packet_id == d.packet_id) {
            r->n_dropped++;
            delivery_done(&d);
        } else {
            sent[n_sent++] = d;
        }
    }
    if (n_sent > 0)
        qsort(sent, n_sent, sizeof(*sent), by_resending);
    session_restore_sent(s, sent, n_sent);
    free(sent);
}

/* 0: it came by none, or that has no member that is known of here. */
static uint32_t share_of(const struct home *h, const struct restored_delivery *d)
{
    const struct share *s =
        d->group.len > 0 ? router_share(h->worker->router, d->group, d->filter) : NULL;

    return s != NULL ? share_id(s) : 0;
}

/* May another member have it?  At QoS 2 not what was sent [MQTT5-4.8.2-5]. */
static bool may_pass_on(const struct restored_delivery *d)
{
    return d->group.len > 0 && (d->delivery.qos == 1 || d->delivery.packet_id == 0);
}

/* Those whose session or message is missing go, unless there are other members; the rest have their
 * messages.  Return: how many. */
static size_t make_whole(struct restoring *r, const struct homes *all)
{
    struct restored_deliveries *l = &r->deliveries;
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct restored_delivery d = l->at[i];
        struct message *m = d.message != 0 ? restored_message(r, d.message) : NULL;
        const struct home *h = restored_home(all, d.session);
        bool is_whole = m != NULL || d.message == 0;

        d.delivery.message = m != NULL ? message_ref(m) : NULL;
        if (is_whole && h == NULL && may_pass_on(&d)) {
            *restore_add_delivery(&r->left) = d;
            continue;
        }
        d.delivery.share = h != NULL ? share_of(h, &d) : 0;
        forget_share(&d);
        if (is_whole && h != NULL) {
            l->at[n++] = d;
            continue;
        }
        r->n_dropped++;
        delivery_done(&d.delivery);
    }
    return n;
}

/** restore_deliveries() - see restore.h */
void restore_deliveries(struct restoring *r, const struct homes *all)
{
    struct restored_deliveries *l = &r->deliveries;

    l->n = make_whole(r, all);
    if (r->left.n > 0)
        qsort(r->left.at, r->left.n, sizeof(*r->left.at), by_delivery);
    if (l->n > 0)
        qsort(l->at, l->n, sizeof(*l->at), by_packet_id);
    for (size_t i = 0; i < l->n;) {
        struct session *s = restored_home(all, l->at[i].session)->resident->session;
        size_t first = i;

        while (i < l->n && l->at[i].session == l->at[first].session &&
               l->at[i].delivery.packet_id == 0)
            queue_put(&s->queue, &l->at[i++].delivery);
        first = i;
        while (i < l->n && restored_home(all, l->at[i].session)->resident->session == s)
            i++;
        link_sent(r, s, &l->at[first], i - first);
    }
}
