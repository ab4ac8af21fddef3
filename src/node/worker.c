/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/worker.c - the thread of a worker: one turn after another
 *
 * A turn: wait, read the clock once, let ready connections read, take the mailbox
 * (control before delivery), fire what is due, then write each connection once, send
 * each other worker its mail once, and the sentinel its events.
 */
#include "node/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/sentinel.h"

#define SWEEP_NS      NS_PER_S
#define SWEEP_BUCKETS 65536

static struct bytes link_number(const void *item)
{
    const struct link *l = item;

    return bytes_of(&l->number, sizeof(l->number));
}

static struct bytes client_id_of(const void *item)
{
    const struct resident *c = item;

    return c->session->client_id;
}

static struct bytes delay_key(const void *item)
{
    const struct connect_delay *d = item;

    return bytes_of(d->key, d->key_len);
}

/** worker_new() - a worker without listeners and without a thread yet */
struct worker *worker_new(struct node *n, unsigned index, unsigned n_workers)
{
    struct worker *w = mem_new(struct worker);

    w->node = n;
    w->index = index;
    w->n_workers = n_workers;
    w->loop = loop_new();
    w->mailbox = mailbox_new();
    check(outlet_join(n, w->mailbox) == index);
    list_init(&w->links);
    list_init(&w->doomed);
    list_init(&w->dirty);
    list_init(&w->again);
    list_init(&w->control_messages);
    list_init(&w->controls);
    list_init(&w->deliveries);
    list_init(&w->condemned);
    for (unsigned i = 0; i < OUTLETS_MAX; i++) {
        list_init(&w->outboxes[i].control_messages);
        list_init(&w->outboxes[i].control);
        list_init(&w->outboxes[i].mails);
    }
    map_init(&w->links_by_number, link_number);
    map_init(&w->residents, client_id_of);
    map_init(&w->delays, delay_key);
    interest_init(w);
    w->read_buffer = mem_alloc(READ_BUFFER_BYTES);
    w->events = event_block_new(index);
    w->router = router_new();
    w->policy = policy_ref(n->policy);
    tap_learn(w, n->config);
    w->restraints = restraints_new(NULL, 0, NULL, 0);
    w->subscribe = mem_new(struct wire_subscribe);
    w->unsubscribe = mem_new(struct wire_unsubscribe);
    w->suback = mem_new(struct wire_suback);
    return w;
}

/** worker_free() - after its thread has ended; Return: NULL */
struct worker *worker_free(struct worker *w)
{
    size_t cursor = 0;
    void *item;

    if (w == NULL)
        return NULL;
    listen_free(w);
    while ((item = map_next(&w->delays, &cursor)) != NULL)
        free(item);
    while (w->n_spares > 0)
        buf_done(&w->spares[--w->n_spares]);
    map_done(&w->delays);
    map_done(&w->links_by_number);
    map_done(&w->residents);
    interest_done(w);
    heap_done(&w->timers);
    router_free(w->router);
    if (w->notes != NULL)
        notes_done(w->notes);
    free(w->notes);
    policy_unref(w->policy);
    ban_table_unref(w->bans);
    restraints_unref(w->restraints);
    event_block_free(w->events);
    monitor_block_free(w->watched);
    mailbox_free(w->mailbox);
    loop_free(w->loop);
    free(w->read_buffer);
    free(w->subscribe);
    free(w->unsubscribe);
    free(w->suback);
    free(w);
    return NULL;
}

/** worker_post() - from any thread; @p belongs to the worker from here on */
void worker_post(struct worker *w, enum lane lane, struct post *p)
{
    mailbox_post(w->mailbox, lane, &p->mail);
}

/** worker_due() - do what @kind says at @at_ns, whether @d was set before or not */
void worker_due(struct worker *w, struct due *d, uint64_t at_ns, enum due_kind kind)
{
    d->timer.kind = kind;
    heap_set(&w->timers, &d->timer, at_ns);
}

/* ---- events ---- */

/** worker_event() - leave @e for the sentinel, with what is known of @l filled in; @l may be NULL
 */
void worker_event(struct worker *w, const struct link *l, const struct event *e)
{
    struct event full = *e;

    full.at_ns = w->now_ns;
    if (l != NULL) {
        const struct stream_peer *peer = stream_peer(l->stream);

        full.conn = l->number;
        full.address = bytes_str(l->address);
        full.is_proxy = peer->is_proxy;
        full.client_id = bytes_str(l->client_id);
        if (full.user_name.len == 0 && l->grant != NULL)
            full.user_name = bytes_str(grant_principal(l->grant));
        if (l->grant != NULL)
            full.role = bytes_str(grant_role(l->grant));
        if (peer->has_certificate)
            full.cert = bytes_str(peer->tls->certificate.fingerprint);
    }
    if (!event_leave(w->events, &full))
        w->counters.events_dropped++;
}

/** worker_event_of() - worker_event() for the usual case; @text may be NULL */
void worker_event_of(struct worker *w, const struct link *l, enum event_kind kind, uint32_t value,
                     struct bytes topic, const char *text)
{
    struct event e = {.kind = kind, .value = value, .topic = topic, .text = bytes_str(text)};

    worker_event(w, l, &e);
}

/** worker_event_text() - bytes of text that an event of @l takes, its .topic and .text aside */
size_t worker_event_text(const struct link *l)
{
    const struct stream_peer *peer = stream_peer(l->stream);
    size_t len = strlen(l->address) + bytes_str(l->client_id).len;

    if (l->grant != NULL)
        len += strlen(grant_principal(l->grant)) + strlen(grant_role(l->grant));
    if (peer->has_certificate)
        len += strlen(peer->tls->certificate.fingerprint);
    return len;
}

/** worker_post_events() - the sentinel gets what was left until now, and there is a whole block for
 * what follows */
void worker_post_events(struct worker *w)
{
    if (w->events->n_events == 0)
        return;
    sentinel_take_events(w->node->sentinel, event_block_take(w->events));
}

/* ---- holding publishers back ---- */

struct hold {
    struct post post;
};

static void hold_here(struct worker *w)
{
    w->held_until_ns = w->now_ns + HOLD_NS;
    w->counters.publishers_held++;
}

static void take_hold(struct worker *w, struct post *p)
{
    hold_here(w);
    free(list_item(p, struct hold, post));
}

/**
 * worker_hold_publishers() - a receiver here is slower than what is published for it
 *
 * For HOLD_NS no worker reads from connections that publish, so that TCP slows them
 * down.  Asked for again as long as the receiver is behind; see flow.c for how long
 * one receiver may ask.
 */
void worker_hold_publishers(struct worker *w)
{
    if (w->now_ns < w->hold_posted_ns + HOLD_NS / 2)
        return;
    w->hold_posted_ns = w->now_ns;
    hold_here(w);
    for (unsigned i = 0; i < w->n_workers; i++) {
        struct hold *h;

        if (i == w->index)
            continue;
        h = mem_new(struct hold);
        h->post.take = take_hold;
        worker_post(w->node->workers[i], LANE_CONTROL, &h->post);
    }
}

/* ---- turns ---- */

static void on_mail(struct loop_file *f, uint32_t ready)
{
    struct worker *w = list_item(f, struct worker, mail_file);

    (void)ready;
    mailbox_clear_wakeup(w->mailbox);
}

static uint64_t work_of(const struct worker *w)
{
    const struct counters *c = &w->counters;

    return c->messages_received + c->messages_sent + c->messages_queued + c->messages_dropped +
           w->work_beside;
}

/**
 * worker_is_spent() - has this turn done enough for the delivery plane?
 *
 * What the control plane wants of a worker waits for the end of its turn; so a turn is bounded by
 * what is done in it, not only by what is read: one packet may go to thousands.  It is cut short
 * when somebody waits for the worker, as whoever orders that a client be cut off does.  What is
 * left has its turn first in the next one.
 */
bool worker_is_spent(const struct worker *w)
{
    uint64_t work = work_of(w) - w->work_began;

    return work >= TURN_WORK_MAX ||
           (work >= TURN_WORK_MIN && atomic_load_explicit(&w->is_called, memory_order_relaxed));
}

static void fetch_control(struct worker *w)
{
    struct list mails = LIST_INIT(mails);

    mailbox_take(w->mailbox, LANE_CONTROL, &mails);
    list_each (it, &mails) {
        const struct post *p = list_item(it, struct post, mail.link);

        list_remove(it);
        list_append(outlet_is_parcel(p) || share_is_post(p) ? &w->control_messages : &w->controls,
                    it);
    }
}

static void take_all(struct worker *w, struct list *posts)
{
    while (!list_is_empty(posts)) {
        struct post *p = list_item(posts->next, struct post, mail.link);

        list_remove(&p->mail.link);
        p->take(w, p);
    }
}

/** worker_take_control() - all that came by the control lane: messages, then what else others say
 */
void worker_take_control(struct worker *w)
{
    atomic_store(&w->is_called, false); /* before the mailbox: who calls behind it sets it again */
    fetch_control(w);
    take_all(w, &w->control_messages);
    take_all(w, &w->controls);
}

/* Return: false if there was none. */
static bool take_delivery(struct worker *w)
{
    struct post *p;

    if (list_is_empty(&w->deliveries) &&
        mailbox_take(w->mailbox, LANE_DELIVERY, &w->deliveries) == 0)
        return false;
    p = list_item(w->deliveries.next, struct post, mail.link);
    list_remove(&p->mail.link);
    p->take(w, p);
    return true;
}

static void take_mail(struct worker *w)
{
    bool more = true;

    worker_take_control(w);
    outlet_flush_control_messages(w);
    while (more && !worker_is_spent(w))
        more = take_delivery(w);
    w->is_behind = more;
}

/**
 * worker_take_messages() - what other workers have sent here comes first
 *
 * Before something is decided that depends on it: what a client knows to be published, since it saw
 * the message or its acknowledgement, is in the mailbox by then.
 */
void worker_take_messages(struct worker *w)
{
    fetch_control(w);
    take_all(w, &w->control_messages);
    while (take_delivery(w))
        ;
}

static void fire_due(struct worker *w)
{
    static void (*const fire[])(struct worker *, struct due *) = {
#define X(kind, what) [kind] = what,
        DUE_KINDS(X)
#undef X
    };
    struct timer *t;

    while ((t = heap_take_due(&w->timers, w->now_ns)) != NULL) {
        fire[t->kind](w, list_item(t, struct due, timer));
    }
}

/* Messages are on their way before their acknowledgement is; what a flush adds follows. */
static void finish_turn(struct worker *w)
{
    interest_acknowledge(w);
    outlet_flush(w);
    while (!list_is_empty(&w->dirty))
        link_flush_all(w);
    outlet_flush(w);
    note_hand_over(w);
    worker_post_events(w);
    tap_flush(w);
    link_free_doomed(w);
}

/** worker_sweep() - what goes on once a second; and again */
void worker_sweep(struct worker *w, struct due *d)
{
    uint64_t stamp = atomic_load(&w->node->next_stamp);

    if (w->notes != NULL) /* the wall clock may have been set */
        w->notes->unix_ms_at_zero = clock_unix_ms() - w->now_ns / NS_PER_MS;
    router_retained_sweep(w->router, w->now_ns, w->sweep_stamp, SWEEP_BUCKETS);
    w->sweep_stamp = stamp;
    expire_some(w);
    interest_retire(w);
    if (w->index == 0)
        memory_tell(w);
    worker_due(w, d, w->now_ns + SWEEP_NS, DUE_SWEEP);
}

/** worker_turn() - wait until there is something to do, do it, send what came of it */
void worker_turn(struct worker *w)
{
    bool waits = list_is_empty(&w->again) && !w->is_behind;
    uint64_t until_ns = waits ? heap_next_ns(&w->timers) : 0;

    w->work_began = work_of(w);
    note_begin_turn(w);
    loop_wait(w->loop, until_ns);
    w->now_ns = loop_now_ns(w->loop);
    mailbox_rouse(w->mailbox);
    retained_turn_begins(w);
    loop_call(w->loop);
    take_mail(w);
    link_read_again(w);
    fire_due(w);
    finish_turn(w);
    w->is_behind |= !mailbox_rest(w->mailbox) || !list_is_empty(&w->controls);
}

static void end_sessions(struct worker *w)
{
    size_t cursor = 0;
    struct resident *c;

    while ((c = map_next(&w->residents, &cursor)) != NULL) {
        resident_end(w, c);
        cursor--; /* another one may have moved to its place */
    }
}

static bool something_to_send(const struct worker *w)
{
    list_each (it, (struct list *)&w->links) {
        const struct link *l = list_item(it, struct link, in_worker);

        if (l->out.len > l->out_at || conn_owes(&l->conn))
            return true;
    }
    return false;
}

static void take_all_mail(struct worker *w)
{
    worker_take_control(w);
    worker_take_messages(w);
}

/* Who has said goodbye before is heard, as far as there is time for that. */
static void close_all(struct worker *w)
{
    uint64_t end_ns = clock_now_ns() + LINGER_NS;
    uint8_t reason = policy_answers(w->policy)->server_reference != NULL
                         ? link_redirect_reason(w)
                         : REASON_SERVER_SHUTTING_DOWN;

    list_each (it, &w->links) {
        struct link *l = list_item(it, struct link, in_worker);

        if (l->resident != NULL && clock_now_ns() < end_ns)
            link_hear_goodbye(l);
        link_close(l, reason, "the server is shutting down");
    }
}

/* Tell every client, give them a moment to take what is owed, end. */
static void stop(struct worker *w)
{
    uint64_t end_ns;

    w->now_ns = clock_now_ns(); /* the last turn may be long over */
    listen_close(w);
    close_all(w);
    w->now_ns = clock_now_ns();
    end_ns = w->now_ns + LINGER_NS;
    finish_turn(w);
    while (something_to_send(w) && w->now_ns < end_ns) {
        loop_wait(w->loop, end_ns);
        w->now_ns = loop_now_ns(w->loop);
        loop_call(w->loop);
        take_all_mail(w);
        finish_turn(w);
    }
    list_each (it2, &w->links)
        link_end_now(list_item(it2, struct link, in_worker));
    finish_turn(w);
}

/** worker_begin() - all that comes before the first turn; Return: 0 or -errno */
int worker_begin(struct worker *w)
{
    int r;

    w->mail_file = (struct loop_file){.fd = mailbox_fd(w->mailbox), .on_ready = on_mail};
    r = loop_add(w->loop, &w->mail_file, LOOP_READ);
    if (r < 0)
        return err_trace(r);
    w->now_ns = clock_now_ns();
    worker_due(w, &w->sweep, w->now_ns + SWEEP_NS, DUE_SWEEP);
    worker_due(w, &w->ping, w->now_ns + NS_PER_S, DUE_PING);
    return 0;
}

/** worker_end() - all that comes after the last turn; the sessions are left to worker_empty() */
void worker_end(struct worker *w)
{
    stop(w);
    heap_clear(&w->timers, &w->sweep.timer);
    heap_clear(&w->timers, &w->ping.timer);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    char name[16];

    snprintf(name, sizeof(name), "worker-%u", w->index);
    pthread_setname_np(pthread_self(), name);
    node_confine(w->node, SANDBOX_WORKER);
    while (!w->stopping)
        worker_turn(w);
    worker_end(w);
    return NULL;
}

/**
 * worker_start() - begin to serve, on a thread of its own; Return: 0 or -errno
 *
 * What the thread does is worker_begin(), turns and worker_end(); a simulation calls them itself.
 */
int worker_start(struct worker *w)
{
    int r = worker_begin(w);

    if (r < 0)
        return err_trace(r);
    r = pthread_create(&w->thread, NULL, run, w);
    return r == 0 ? 0 : err_origin(-r);
}

/**
 * worker_empty() - after all workers' threads have ended: what is left in the mailbox, then the
 * sessions
 *
 * By the main thread.
 */
void worker_empty(struct worker *w)
{
    take_all_mail(w);
    list_each (it, &w->links)
        link_end_now(list_item(it, struct link, in_worker));
    end_sessions(w);
    finish_turn(w);
}
