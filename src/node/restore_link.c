/* SPDX-License-Identifier: Apache-2.0 */
/* node/restore_link.c - putting the records together */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/restore.h"

/* A session that was restored. */
struct home {
    uint64_t number;
    struct worker *worker;
    struct resident *resident;
    unsigned was_on; /* worker of the former run */
    uint64_t left_unix_ms;
};

struct homes {
    struct map by_number;
};

static struct bytes number_of(const void *item)
{
    const struct home *h = item;

    return bytes_of(&h->number, sizeof(h->number));
}

static struct home *home_of(const struct homes *all, uint64_t number)
{
    return map_find(&all->by_number, bytes_of(&number, sizeof(number)));
}

static int by_id(const void *a, const void *b)
{
    uint64_t left = ((const struct restored *)a)->id;
    uint64_t right = ((const struct restored *)b)->id;

    return (left > right) - (left < right);
}

static void sort(struct restored_list *l)
{
    if (l->n > 0)
        qsort(l->at, l->n, sizeof(*l->at), by_id);
}

/* ---- sessions ---- */

static bool link_session(struct restoring *r, struct homes *all, const struct restored *in)
{
    struct node *n = r->node;
    struct session_record s;
    struct worker *w;
    struct home *h;

    if (!record_get_session(in->record, &s))
        return false;
    w = n->workers[client_key(s.client_id) % n->n_workers];
    if (resident_find(w, s.client_id) != NULL || home_of(all, s.number) != NULL)
        return false;
    h = mem_new(struct home);
    h->number = s.number;
    h->worker = w;
    h->was_on = s.home;
    h->left_unix_ms = s.left_unix_ms;
    h->resident = resident_restore(w, &s, in->id);
    map_put(&all->by_number, h);
    for (unsigned i = 0; i < n->n_workers; i++) {
        struct notes *notes = n->workers[i]->notes;

        notes->session = MAX(notes->session, s.number / RECORD_WORKERS_MAX);
    }
    r->n_sessions++;
    return true;
}

static bool link_subscription(struct homes *all, const struct restored *in)
{
    struct subscription_record s;
    struct home *h;

    if (!record_get_subscription(in->record, &s))
        return false;
    h = home_of(all, s.session);
    if (h == NULL)
        return false;
    subscription_restore(h->worker, h->resident->session, &s, in->id);
    return true;
}

static bool link_received(struct homes *all, const struct restored *in)
{
    struct home *h = home_of(all, received_session(in->id));

    if (h == NULL)
        return false;
    session_restore_received(h->resident->session, (uint16_t)in->id);
    return true;
}

static bool link_will(struct restoring *r, struct homes *all, const struct restored *in)
{
    struct message *m = restored_message(r, in->id - RECORD_IS_WILL);
    struct will *will;
    struct will_record record;
    struct home *h;

    if (m == NULL || !record_get_will(in->record, &record))
        return false;
    h = home_of(all, record.session);
    if (h == NULL || h->resident->session->will.message != NULL)
        return false;
    will = &h->resident->session->will;
    will->message = message_ref(m);
    will->expiry_ns = record.expiry_ns;
    will->delay_s = record.delay_s;
    return true;
}

/* ---- queues ---- */

/* Where a delivery stands; these are sorted, since they are smaller. */
struct place {
    uint64_t id;
    size_t at;
};

static int by_place(const void *a, const void *b)
{
    uint64_t left = ((const struct place *)a)->id;
    uint64_t right = ((const struct place *)b)->id;

    return (left > right) - (left < right);
}

/* All deliveries in the order of ids; owned by the caller. */
static struct place *places_of(const struct restored_deliveries *l)
{
    struct place *places = mem_alloc(MAX(l->n, (size_t)1) * sizeof(*places));

    for (size_t i = 0; i < l->n; i++)
        places[i] = (struct place){l->at[i].delivery.record, i};
    if (l->n > 0)
        qsort(places, l->n, sizeof(*places), by_place);
    return places;
}

static int by_sent(const void *a, const void *b)
{
    uint64_t left = ((const struct restored_sent *)a)->delivery;
    uint64_t right = ((const struct restored_sent *)b)->delivery;

    return (left > right) - (left < right);
}

static int by_packet_id(const void *a, const void *b)
{
    const struct restored_delivery *left = a;
    const struct restored_delivery *right = b;

    if (left->session != right->session)
        return left->session < right->session ? -1 : 1;
    return left->delivery.packet_id - right->delivery.packet_id;
}

/* The packet ids of what was sent; both are in the order of ids. */
static void give_packet_ids(struct restoring *r, const struct place *places)
{
    size_t n = r->deliveries.n;
    size_t k = 0;

    for (size_t i = 0; i < r->n_sent; i++) {
        uint64_t id = r->sent[i].delivery;

        while (k < n && places[k].id < id)
            k++;
        if (k < n && places[k].id == id)
            r->deliveries.at[places[k].at].delivery.packet_id = r->sent[i].packet_id;
        else
            restore_drop(r, id + RECORD_WAS_SENT);
    }
}

/* Its session, if it has its message, whose reference is taken; NULL: it belongs to nothing.
 * @last is the message of the delivery before: one message often goes to many. */
static struct home *make_whole(struct restoring *r, const struct homes *all,
                               struct restored_delivery *d, struct message **last)
{
    struct home *h = home_of(all, d->session);

    if (d->message == 0)
        return h;
    if (*last == NULL || (*last)->record != d->message)
        *last = restored_message(r, d->message);
    if (h == NULL || *last == NULL)
        return NULL;
    d->delivery.message = message_ref(*last);
    return h;
}

/* What waits goes into the queues.  What was sent goes to @ret_sent; Return: how many. */
static size_t queue_waiting(struct restoring *r, const struct homes *all,
                            const struct place *places, struct restored_delivery *ret_sent)
{
    struct message *last = NULL;
    size_t n_sent = 0;

    for (size_t i = 0; i < r->deliveries.n; i++) {
        struct restored_delivery *d = &r->deliveries.at[places[i].at];
        struct home *h = make_whole(r, all, d, &last);

        if (h == NULL) {
            r->n_dropped++;
            delivery_done(&d->delivery);
        } else if (d->delivery.packet_id != 0) {
            ret_sent[n_sent++] = *d;
        } else {
            session_put_back(h->resident->session, &d->delivery);
        }
    }
    return n_sent;
}

static void link_sent(struct restoring *r, const struct homes *all, struct restored_delivery *at,
                      size_t n_sent)
{
    struct delivery *sent = mem_alloc(MAX(n_sent, (size_t)1) * sizeof(*sent));

    if (n_sent > 0)
        qsort(at, n_sent, sizeof(*at), by_packet_id);
    for (size_t i = 0; i < n_sent;) {
        uint64_t session = at[i].session;
        size_t n = 0;

        for (; i < n_sent && at[i].session == session; i++) {
            if (n > 0 && sent[n - 1].packet_id == at[i].delivery.packet_id) {
                r->n_dropped++;
                delivery_done(&at[i].delivery);
            } else {
                sent[n++] = at[i].delivery;
            }
        }
        session_restore_sent(home_of(all, session)->resident->session, sent, n);
    }
    free(sent);
}

static void link_deliveries(struct restoring *r, const struct homes *all)
{
    struct place *places = places_of(&r->deliveries);
    struct restored_delivery *sent;
    size_t n_released = 0;

    for (size_t i = 0; i < r->deliveries.n; i++)
        n_released += r->deliveries.at[i].message == 0;
    sent = mem_alloc((r->n_sent + n_released + 1) * sizeof(*sent));
    if (r->n_sent > 0)
        qsort(r->sent, r->n_sent, sizeof(*r->sent), by_sent);
    give_packet_ids(r, places);
    r->n_queued = r->deliveries.n;
    link_sent(r, all, sent, queue_waiting(r, all, places, sent));
    free(sent);
    free(places);
}

/* ---- retained messages ---- */

static bool link_retained(struct restoring *r, const struct restored *in)
{
    const struct retained_limits no_limits = {SIZE_MAX, SIZE_MAX};
    struct message *m = restored_message(r, in->id - RECORD_IS_RETAINED);
    struct node *n = r->node;
    bool stored = true;

    if (m == NULL || !record_get_retained(in->record, &m->stamp))
        return false;
    for (unsigned i = 0; i < n->n_workers; i++) {
        struct publication p = publication_of(m);

        stored &= router_retain(n->workers[i]->router, &p, &no_limits) == RETAIN_STORED;
        publication_done(&p);
    }
    atomic_store(&n->next_stamp, MAX(atomic_load(&n->next_stamp), m->stamp));
    return stored;
}

/* ---- what was on its way between workers ---- */

/* Stands for a session in the router of the worker that it was on. */
struct shadow {
    struct subscriber subscriber;
    struct session *session;
};

struct former {
    struct router *router;
    struct shadow *shadows; /* owned */
    size_t n;
};

static void add_shadow(struct former *f, struct session *s)
{
    struct shadow *shadow = &f->shadows[f->n++];

    list_init(&shadow->subscriber.subscriptions);
    shadow->session = s;
    list_each (it, &s->subscriber.subscriptions) {
        const struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        if (sub->share == NULL)
            router_subscribe(f->router, &shadow->subscriber, sub, sub->filter);
    }
}

/* The subscriptions as they were on worker @index of the former run. */
static struct former former_of(const struct homes *all, unsigned index)
{
    struct former f = {.router = router_new()};
    size_t cursor = 0;
    struct home *h;

    f.shadows = mem_zero((all->by_number.n + 1) * sizeof(*f.shadows));
    while ((h = map_next(&all->by_number, &cursor)) != NULL) {
        if (h->was_on == index)
            add_shadow(&f, h->resident->session);
    }
    return f;
}

static void former_done(struct former *f)
{
    for (size_t i = 0; i < f->n; i++) {
        list_each (it, &f->shadows[i].subscriber.subscriptions) {
            bool last;

            router_remove(f->router, list_item(it, struct subscription, in_subscriber), &last);
        }
    }
    router_free(f->router);
    free(f->shadows);
}

static void take_intent(struct restoring *r, const struct former *f, uint64_t id)
{
    struct message *m = restored_message(r, intent_message(id));
    struct publication p;
    struct match match;

    if (m == NULL)
        return;
    p = publication_of(m);
    match = router_match(f->router, p.topic, p.topic_hash);
    for (size_t i = 0; i < match.n_receivers; i++) {
        const struct receiver *to = &match.receivers[i];
        const struct shadow *shadow = list_item(to->subscriber, struct shadow, subscriber);

        session_offer(shadow->session, &p, to, r->now_ns);
    }
    publication_done(&p);
}

static void take_intents(struct restoring *r, const struct homes *all)
{
    sort(&r->intents); /* of one sender, in the order in which they were sent */
    for (unsigned index = 0; index < WORKERS_MAX; index++) {
        struct former f = {0};

        for (size_t i = 0; i < r->intents.n; i++) {
            uint64_t id = r->intents.at[i].id;

            if (intent_outlet(id) != index)
                continue;
            if (f.router == NULL)
                f = former_of(all, index);
            take_intent(r, &f, id);
            notes_drop(r->node->workers[0]->notes, id);
        }
        if (f.router != NULL)
            former_done(&f);
    }
}

/* To one member, wherever the group has any now. */
static void take_share_intent(struct restoring *r, const struct restored *in)
{
    struct share_intent_record s;
    struct message *m;

    if (!record_get_share_intent(in->record, &s))
        return;
    m = restored_message(r, s.message);
    for (unsigned i = 0; i < r->node->n_workers && m != NULL; i++) {
        struct worker *w = r->node->workers[i];
        struct share *share = router_share(w->router, s.group, s.filter);
        struct share_target t = {0};
        struct publication p;

        if (share != NULL && share_here(share).n_members > 0)
            t = share_next_here(share);
        if (!t.found)
            continue;
        p = publication_of(m);
        flow_offer(w, &p, &(struct receiver){t.member->subscriber, &t.member, 1});
        publication_done(&p);
        return;
    }
}

/* ---- the whole ---- */

static void link_each(struct restoring *r, struct homes *all)
{
    for (size_t i = 0; i < r->sessions.n; i++) {
        if (!link_session(r, all, &r->sessions.at[i]))
            restore_drop(r, r->sessions.at[i].id);
    }
    for (size_t i = 0; i < r->subscriptions.n; i++) {
        if (!link_subscription(all, &r->subscriptions.at[i]))
            restore_drop(r, r->subscriptions.at[i].id);
    }
    for (size_t i = 0; i < r->received.n; i++) {
        if (!link_received(all, &r->received.at[i]))
            restore_drop(r, r->received.at[i].id);
    }
    for (size_t i = 0; i < r->wills.n; i++) {
        if (!link_will(r, all, &r->wills.at[i]))
            restore_drop(r, r->wills.at[i].id);
    }
    for (size_t i = 0; i < r->retained.n; i++) {
        if (!link_retained(r, &r->retained.at[i]))
            restore_drop(r, r->retained.at[i].id);
    }
}

/** restore_link() - see restore.h */
void restore_link(struct restoring *r)
{
    struct homes all;
    size_t cursor = 0;
    struct home *h;

    map_init(&all.by_number, number_of);
    link_each(r, &all);
    link_deliveries(r, &all);
    take_intents(r, &all);
    for (size_t i = 0; i < r->share_intents.n; i++) {
        take_share_intent(r, &r->share_intents.at[i]);
        notes_drop(r->node->workers[0]->notes, r->share_intents.at[i].id);
    }
    while ((h = map_next(&all.by_number, &cursor)) != NULL) {
        resident_restored(h->worker, h->resident, h->left_unix_ms, r->now_unix_ms);
        free(h);
    }
    map_done(&all.by_number);
}
