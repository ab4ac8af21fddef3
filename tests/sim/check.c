/* SPDX-License-Identifier: Apache-2.0 */
/* sim/check.c - when all connections are whole and all that was under way has arrived */
#include <stdlib.h>

#include "base/clock.h"
#include "node/node_private.h"
#include "sim/model.h"
#include "sim/node.h"

static struct session *session_of(struct node *n, const struct client *c)
{
    struct resident *r = resident_find(n->workers[node_home(c->id)], bytes_str(c->id));

    return r != NULL ? r->session : NULL;
}

static bool is_lost(const struct letter *m, const struct client *c)
{
    const struct duty *d = &m->to[c->index];

    return d->must && d->n_got == 0 && letter_has_to_arrive(m);
}

/** check_delivered() - every duty is done; with small queues, what is missing was counted as
 * dropped */
void check_delivered(struct node *n)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        const struct client *c = &clients[i];
        const struct session *s = session_of(n, c);
        uint64_t n_lost = 0;

        for (uint32_t k = 0; k < model_next_n(); k++) {
            const struct letter *m = model_letter(k);

            if (!is_lost(m, c))
                continue;
            n_lost++;
            expect(settings.small_queues,
                   "c%u: m%u of c%u, qos %u on %s, was acknowledged and is lost", i, m->n,
                   m->publisher->index, m->qos, topic_text(m->topic));
        }
        expect(n_lost == 0 || (s != NULL && n_lost <= s->n_dropped),
               "c%u: %llu messages are lost, %llu counted as dropped", i,
               (unsigned long long)n_lost, (unsigned long long)(s != NULL ? s->n_dropped : 0));
    }
}

/* ---- retained ---- */

struct store {
    bool is_there[TOPICS];
    uint64_t stamps[TOPICS];
    uint32_t numbers[TOPICS];
};

static void add_to_store(void *arg, struct message *m, uint64_t serial)
{
    struct store *s = arg;
    int t = topic_find(m->topic);

    (void)serial;
    expect(t >= 0, "a retained message on a topic that nobody uses");
    s->is_there[t] = true;
    s->stamps[t] = m->stamp;
    s->numbers[t] = letter_find(m->payload)->n;
}

static struct store store_of(const struct worker *w)
{
    struct store s = {0};

    router_retained_each(w->router, BYTES("#"), kernel_now_ns(), SIZE_MAX, add_to_store, &s);
    return s;
}

/* What the node keeps for a topic has to be what was published last, as far as that is known. */
static void check_last(unsigned topic, const struct store *s)
{
    const struct letter *last = model_retained(topic, kernel_now_ns());
    const struct letter *kept = s->is_there[topic] ? model_letter(s->numbers[topic]) : NULL;

    expect(last == NULL || last == kept, "on %s m%u is retained and m%d is kept", topic_text(topic),
           last->n, kept != NULL ? (int)kept->n : -1);
    if (kept == NULL)
        return;
    expect(kept->topic == topic && kept->retain && letter_may_be_published(kept),
           "on %s m%u is kept", topic_text(topic), kept->n);
    for (uint32_t n = 0; n < model_next_n(); n++) {
        const struct letter *m = model_letter(n);

        if (m->topic != topic || !m->retain || m->is_denied || m->is_refused || m->is_doubtful ||
            !m->is_settled)
            continue;
        expect(!(kept->is_settled && kept->n_sent == 1 && m->n_sent > 0 &&
                 m->sent_ns > kept->settled_ns),
               "on %s m%u is kept, m%u is newer", topic_text(topic), kept->n, m->n);
    }
}

/** check_retained() - all workers keep the same, and it is right */
void check_retained(struct node *n)
{
    struct store first = store_of(n->workers[0]);

    for (unsigned t = 0; t < TOPICS; t++)
        check_last(t, &first);
    for (unsigned i = 1; i < n->n_workers; i++) {
        struct store s = store_of(n->workers[i]);

        for (unsigned t = 0; t < TOPICS; t++)
            expect(s.is_there[t] == first.is_there[t] && s.stamps[t] == first.stamps[t],
                   "on %s worker 0 keeps m%d, worker %u m%d", topic_text(t),
                   first.is_there[t] ? (int)first.numbers[t] : -1, i,
                   s.is_there[t] ? (int)s.numbers[t] : -1);
    }
}

/* ---- nothing waits ---- */

static void check_session(const struct resident *r)
{
    const struct session *s = r->session;

    expect(r->link != NULL, "%.*s is not connected", BYTES_ARG(s->client_id));
    expect(s->queue.n == 0 && s->queue.bytes == 0, "%.*s: %u messages of %zu bytes still wait",
           BYTES_ARG(s->client_id), s->queue.n, s->queue.bytes);
    expect(inflight_places(&s->inflight) == 0 && s->inflight.n == 0 && s->n_unacknowledged == 0,
           "%.*s: %zu packet ids of %u messages are still in flight, %u count",
           BYTES_ARG(s->client_id), inflight_places(&s->inflight), s->inflight.n,
           s->n_unacknowledged);
    expect(s->incoming.n == 0, "%.*s: %u packet ids of QoS 2 are still taken",
           BYTES_ARG(s->client_id), s->incoming.n);
    expect(s->retained == NULL && list_is_empty(&s->retained_wanting),
           "%.*s: retained messages still wait", BYTES_ARG(s->client_id));
    expect(r->link->conn.n_subacks_due == 0, "%.*s: a SUBACK still waits", BYTES_ARG(s->client_id));
    expect(r->link->out.len == 0 && r->link->in.len == 0, "%.*s: bytes still wait",
           BYTES_ARG(s->client_id));
}

static void check_worker(const struct worker *w)
{
    size_t cursor = 0;
    const struct resident *r;

    expect(list_is_empty(&w->suback_waits), "worker %u: SUBACKs wait", w->index);
    expect(list_is_empty(&w->again) && list_is_empty(&w->dirty) && list_is_empty(&w->doomed),
           "worker %u: something waits", w->index);
    expect(mailbox_bytes(w->mailbox) == 0, "worker %u: mail waits", w->index);
    for (unsigned i = 0; i < w->n_workers; i++)
        expect(list_is_empty(&w->outboxes[i].control) && list_is_empty(&w->outboxes[i].mails) &&
                   w->outboxes[i].bytes == 0,
               "worker %u: mail for %u waits", w->index, i);
    while ((r = map_next(&w->residents, &cursor)) != NULL)
        check_session(r);
}

/** check_empty() - every charge is back to zero while all clients are connected and content */
void check_empty(struct node *n)
{
    for (unsigned i = 0; i < n->n_workers; i++)
        check_worker(n->workers[i]);
}

/* What a quarantine took out of its place beside the shelf; the place is still there. */
static size_t n_gaps(const struct queue *q)
{
    size_t n = 0;

    for (size_t i = 0; q->tail != NULL && i < q->tail->aside.n; i++)
        n += ring_at(&q->tail->aside, i)->message == NULL;
    return n;
}

/** check_limits() - at any time: no queue holds more than it may, and each session has its place */
void check_limits(struct node *n)
{
    size_t n_sessions = 0;

    for (unsigned i = 0; i < n->n_workers; i++) {
        size_t cursor = 0;
        const struct resident *r;

        n_sessions += n->workers[i]->residents.n;
        while ((r = map_next(&n->workers[i]->residents, &cursor)) != NULL) {
            const struct session *s = r->session;

            expect(s->queue.lanes[QUEUE_DELIVERY].n <= settings.queue_messages_max &&
                       s->queue.n <= 2 * (size_t)settings.queue_messages_max,
                   "%.*s: %u messages wait, %u may", BYTES_ARG(s->client_id), s->queue.n,
                   settings.queue_messages_max);
            expect(s->queue.n == s->queue.lanes[QUEUE_DELIVERY].n +
                                     s->queue.lanes[QUEUE_CONTROL].n + queue_n_shelved(&s->queue) -
                                     n_gaps(&s->queue),
                   "%.*s: the queue counts wrong", BYTES_ARG(s->client_id));
        }
    }
    expect(atomic_load(&n->n_sessions) == n_sessions, "%zu sessions have %zu places", n_sessions,
           atomic_load(&n->n_sessions));
}
