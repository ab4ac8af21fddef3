/* SPDX-License-Identifier: Apache-2.0 */
/* node/restore_link.c - putting the records together */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/restore.h"

static struct bytes number_of(const void *item)
{
    const struct home *h = item;

    return bytes_of(&h->number, sizeof(h->number));
}

/** restored_home() - see restore.h; borrowed */
struct home *restored_home(const struct homes *all, uint64_t number)
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
    if (resident_find(w, s.client_id) != NULL || restored_home(all, s.number) != NULL)
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

static bool link_subscription(struct restoring *r, struct homes *all, const struct restored *in)
{
    struct subscription_record s;
    struct home *h;

    (void)r;
    if (!record_get_subscription(in->record, &s))
        return false;
    h = restored_home(all, s.session);
    if (h == NULL)
        return false;
    subscription_restore(h->worker, h->resident->session, &s, in->id);
    return true;
}

static bool link_received(struct restoring *r, struct homes *all, const struct restored *in)
{
    struct home *h = restored_home(all, received_session(in->id));

    (void)r;
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
    h = restored_home(all, record.session);
    if (h == NULL || h->resident->session->will != NULL)
        return false;
    h->resident->session->will = will = mem_new(struct will);
    will->message = message_ref(m);
    will->expiry_ns = record.expiry_ns;
    will->delay_s = record.delay_s;
    return true;
}

/* ---- retained messages ---- */

static bool link_retained(struct restoring *r, struct homes *all, const struct restored *in)
{
    const struct retained_limits no_limits = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
    struct message *m = restored_message(r, in->id - RECORD_IS_RETAINED);
    struct node *n = r->node;
    bool stored = true;

    (void)all;
    if (m == NULL || !record_get_retained(in->record, &m->stamp))
        return false;
    for (unsigned i = 0; i < n->n_workers; i++) {
        struct publication p = publication_of(m);

        stored &= router_retain(n->workers[i]->router, &p, &no_limits, NULL) == RETAIN_STORED;
        publication_done(&p);
    }
    atomic_store(&n->next_stamp, MAX(atomic_load(&n->next_stamp), m->stamp));
    return stored;
}

/* Each worker of now has lanes of its own. */
static struct retained_range *range_of(const struct want_record *r, unsigned n_workers)
{
    uint32_t n = MAX((uint32_t)r->n_lanes, 2 * (n_workers + 1));
    struct retained_range *range = mem_alloc(sizeof(*range) + n * sizeof(range->lanes[0]));

    range->n = n;
    for (uint32_t i = 0; i < n; i++)
        range->lanes[i] = want_record_lane(r, MIN(i, r->n_lanes - 2U + i % 2));
    return range;
}

/* Records of which there is nothing left in the journal may have had ids as high as these. */
static uint64_t count_of(const struct retained_range *r)
{
    uint64_t count = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct retained_lane *l = &r->lanes[i];

        count = MAX(count, record_count(l->after)); /* that may be behind @until, of QoS 0 */
        if (l->until != RETAINED_SO_FAR)
            count = MAX(count, record_count(l->until));
    }
    return count;
}

/* What was found before the node ended is among the deliveries. */
static bool link_want(struct restoring *r, struct homes *all, const struct restored *in)
{
    struct want_record record;
    struct subscription *sub;
    struct retained_want *want;
    struct session *s;
    struct home *h;

    if (!record_get_want(in->record, &record))
        return false;
    h = restored_home(all, record.session);
    s = h != NULL ? h->resident->session : NULL;
    sub = s != NULL ? router_find(h->worker->router, &s->subscriber, record.filter) : NULL;
    if (sub == NULL)
        return false;
    want = session_want_retained(s, sub, router_retained_serial(h->worker->router));
    want->record = in->id;
    want->range = range_of(&record, r->node->n_workers);
    for (unsigned i = 0; i < r->node->n_workers; i++)
        notes_begin(r->node->workers[i]->notes, count_of(want->range));
    return true;
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

        if (sub->group_len > 0 || sub->is_suspended)
            continue;
        router_subscribe(f->router, &shadow->subscriber, sub, subscription_filter(sub));
        router_find(f->router, &shadow->subscriber, subscription_filter(sub))->want = sub->want;
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
            struct subscription *sub = list_item(it, struct subscription, in_subscriber);
            bool last;

            sub->want = NULL; /* its session's */
            router_remove(f->router, sub, &last);
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

/* To one member that takes it, wherever the group has any now; nobody is connected yet. */
static void give_to_member(struct restoring *r, struct message *m, struct bytes group,
                           struct bytes filter)
{
    for (unsigned i = 0; i < r->node->n_workers; i++) {
        struct worker *w = r->node->workers[i];
        struct share *share = router_share(w->router, group, filter);
        struct publication p = publication_of(m);
        bool is_taken = share != NULL && share_offer_here(w, &p, share, false);

        publication_done(&p);
        if (is_taken)
            return;
    }
}

static void take_share_intent(struct restoring *r, const struct restored *in)
{
    struct share_intent_record s;
    struct message *m;

    if (!record_get_share_intent(in->record, &s))
        return;
    m = restored_message(r, s.message);
    if (m != NULL)
        give_to_member(r, m, s.group, s.filter);
}

/* As when its session ends; what it was sent at QoS 2 is not among it. */
static void pass_on(struct restoring *r, struct restored_delivery *d)
{
    give_to_member(r, d->delivery.message, d->group, d->filter);
    delivery_done(&d->delivery);
}

/* ---- the whole ---- */

typedef bool link_fn(struct restoring *r, struct homes *all, const struct restored *in);

static void link_each(struct restoring *r, struct homes *all, const struct restored_list *l,
                      link_fn *link)
{
    for (size_t i = 0; i < l->n; i++) {
        if (!link(r, all, &l->at[i]))
            restore_drop(r, l->at[i].id);
    }
}

/* What is not to wait on shelves only. */
static void want_messages(struct restoring *r)
{
    for (size_t i = 0; i < r->wills.n; i++)
        restore_want(r, r->wills.at[i].id - RECORD_IS_WILL);
    for (size_t i = 0; i < r->retained.n; i++)
        restore_want(r, r->retained.at[i].id - RECORD_IS_RETAINED);
    for (size_t i = 0; i < r->intents.n; i++)
        restore_want(r, intent_message(r->intents.at[i].id));
    for (size_t i = 0; i < r->share_intents.n; i++) {
        struct share_intent_record s;

        if (record_get_share_intent(r->share_intents.at[i].record, &s))
            restore_want(r, s.message);
    }
}

/* Each worker learns what the others want, and who is a member of which group there. */
static void tell_each_other(struct node *n)
{
    for (unsigned i = 0; i < n->n_workers; i++)
        outlet_flush_control(n->workers[i]);
    for (unsigned i = 0; i < n->n_workers; i++)
        worker_take_control(n->workers[i]);
}

/* Whom the configuration of now lets in, and with which rights: what was on its way is delivered by
 * these.  A group stays that has its last member here expelled, and others elsewhere: they get what
 * waits when readmit_part() follows. */
static void readmit_each(struct node *n)
{
    struct readmitted readmitted = {0};

    for (unsigned i = 0; i < n->n_workers; i++)
        readmit_all(n->workers[i], &readmitted);
    tell_each_other(n);
}

static void link_all(struct restoring *r, struct homes *all)
{
    tell_each_other(r->node); /* a delivery is of its group wherever that has members */
    link_each(r, all, &r->wills, link_will);
    sort(&r->retained); /* as they came from each worker: what is wanted of them goes on */
    link_each(r, all, &r->retained, link_retained);
    link_each(r, all, &r->wants, link_want);
    restore_deliveries(r, all);
    readmit_each(r->node);
    for (size_t i = 0; i < r->left.n; i++)
        pass_on(r, &r->left.at[i]);
    take_intents(r, all);
    for (size_t i = 0; i < r->share_intents.n; i++) {
        take_share_intent(r, &r->share_intents.at[i]);
        notes_drop(r->node->workers[0]->notes, r->share_intents.at[i].id);
    }
}

/** restore_link() - see restore.h; Return: 0 or -errno. */
int restore_link(struct restoring *r)
{
    struct homes all;
    size_t cursor = 0;
    struct home *h;
    int result;

    map_init(&all.by_number, number_of);
    link_each(r, &all, &r->sessions, link_session);
    link_each(r, &all, &r->subscriptions, link_subscription);
    link_each(r, &all, &r->received, link_received);
    restore_queues(r, &all);
    want_messages(r);
    result = restore_messages(r);
    if (result == 0)
        link_all(r, &all);
    while ((h = map_next(&all.by_number, &cursor)) != NULL) {
        if (result == 0)
            resident_restored(h->worker, h->resident, h->left_unix_ms, r->now_unix_ms);
        free(h);
    }
    map_done(&all.by_number);
    return result;
}
