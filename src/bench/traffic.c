/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/traffic.c - publishers and subscribers: fan-in, fan-out, pairs, wildcards
 *
 * Closed loop: a publisher sends while fewer than a window of its messages are on
 * their way.  At QoS 0, where nobody acknowledges, that is known from what the
 * subscribers got; above it the broker's acknowledgements count, and undelivered
 * messages are bounded at some windows.  Open loop (--rate): each
 * message is due at a time of its own and its latency counts from there, however
 * late the broker, or this program, makes it; so nothing is left out because the
 * sender had to wait for the one before it.
 */
#include "base/clock.h"
#include "bench/traffic.h"

#define OUT_HIGH_BYTES 65536 /* a publisher's output; then it has to leave first */
#define OUT_MAX_BYTES  (64U << 20)

/* ---- publishing ---- */

static uint32_t choose_topic(struct publisher *u)
{
    if (u->n_topics == 1)
        return 0;
    u->noise = u->noise * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((u->noise >> 33) * u->n_topics >> 31);
}

static void publish(struct publisher *u, uint32_t choice, uint64_t due_ns)
{
    struct traffic *t = u->traffic;
    const struct topic *topic = &t->topics[u->first_topic + choice];
    uint16_t id = t->bench->o.qos > 0 ? peer_take_id(&u->peer) : 0;

    topic_put(topic, &u->peer, id,
              (struct stamp){.due_ns = due_ns,
                             .sequence = u->sequences[choice]++,
                             .run = t->bench->run,
                             .publisher = u->index,
                             .topic = u->first_topic + choice});
    u->n_due += topic->fan;
    driver_count(u->peer.driver, TALLY_SENT, 1);
    driver_count(u->peer.driver, TALLY_DUE, topic->fan);
}

static bool has_window(const struct publisher *u)
{
    const struct traffic *t = u->traffic;

    return t->bench->o.qos == 0 || u->peer.n_ids < MIN(t->window, (uint64_t)u->peer.receive_max);
}

static bool may_publish(const struct publisher *u, uint32_t fan)
{
    const struct traffic *t = u->traffic;
    uint64_t on_the_way = u->n_due - atomic_load_explicit(&u->n_delivered, memory_order_relaxed);

    return u->peer.out.len - u->peer.out_at < OUT_HIGH_BYTES && has_window(u) &&
           (on_the_way == 0 || on_the_way + fan <= t->due_max);
}

static void publish_all(struct publisher *u, uint64_t now_ns)
{
    const struct topic *topics = &u->traffic->topics[u->first_topic];

    for (;;) {
        uint64_t noise = u->noise;
        uint32_t choice = choose_topic(u);

        if (!may_publish(u, topics[choice].fan)) {
            u->noise = noise; /* the same topic when there is room */
            return;
        }
        publish(u, choice, now_ns);
    }
}

static void feed(struct publisher *u)
{
    struct share *own = &u->traffic->shares[u->peer.driver->index];

    if (!list_is_linked(&u->hungry))
        list_append(&own->hungry, &u->hungry);
}

/* ---- open loop ---- */

/* The driver's part of the rate, in ns between two of its messages. */
static double interval_ns(const struct traffic *t, const struct share *own)
{
    return 1e9 * (double)t->n_publishers / ((double)t->bench->o.rate * (double)own->n_publishers);
}

static uint64_t due_ns(const struct traffic *t, const struct share *own)
{
    return own->begin_ns + (uint64_t)((double)own->n_made * interval_ns(t, own));
}

static void publish_what_is_due(struct driver *d, struct traffic *t, struct share *own)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t at_ns;

    if (own->n_publishers == 0)
        return;
    while ((at_ns = due_ns(t, own)) <= now_ns) {
        struct publisher *u = own->publishers[own->next];

        if (u->peer.out.len > OUT_MAX_BYTES || u->peer.n_ids >= UINT16_MAX - 1) {
            bench_fail(d->bench, BENCH_FAILED,
                       "the broker takes less than %llu messages a second: %zu bytes, %u "
                       "unacknowledged messages of one publisher wait",
                       (unsigned long long)d->bench->o.rate, u->peer.out.len, u->peer.n_ids);
            return;
        }
        publish(u, choose_topic(u), at_ns);
        own->next = (own->next + 1) % own->n_publishers;
        own->n_made++;
    }
    driver_alarm(d, at_ns);
}

/* ---- receiving ---- */

static void note_delivery(struct driver *d, struct publisher *u)
{
    struct share *own = &u->traffic->shares[d->index];

    atomic_fetch_add_explicit(&u->n_delivered, 1, memory_order_relaxed);
    if (u->peer.driver == d)
        feed(u);
    else
        own->nudges[u->peer.driver->index] = true;
}

/* Return: NULL when @m is not for @s, which has been counted. */
static struct publisher *find_publisher(struct subscriber *s, const struct wire_publish *m,
                                        struct stamp *ret)
{
    const struct traffic *t = s->traffic;
    struct publisher *u;

    if (!stamp_read(m->payload, t->bench->run, ret) || ret->publisher >= t->n_publishers ||
        ret->topic >= t->n_topics || !bytes_equal(m->topic, t->topics[ret->topic].name)) {
        driver_count(s->peer.driver, TALLY_CORRUPT, 1);
        return NULL;
    }
    u = &t->publishers[ret->publisher];
    if (ret->publisher - s->first_publisher >= s->n_publishers ||
        ret->topic - u->first_topic >= u->n_topics ||
        (s->wants != NULL && s->wants[ret->topic] == 0)) {
        driver_count(s->peer.driver, TALLY_STRAY, 1);
        return NULL;
    }
    return u;
}

static void on_message(struct peer *p, const struct wire_publish *m)
{
    struct subscriber *s = list_item(p, struct subscriber, peer);
    struct driver *d = p->driver;
    struct stamp stamp;
    struct publisher *u = find_publisher(s, m, &stamp);
    enum tracked tracked;

    if (u == NULL)
        return;
    tracked = track_add(&s->tracks[(size_t)(u->index - s->first_publisher) * u->n_topics +
                                   (stamp.topic - u->first_topic)],
                        stamp.sequence);
    if (tracked == TRACK_DUPLICATE) {
        driver_count(d, TALLY_DUPLICATE, 1);
        return;
    }
    if (tracked == TRACK_LATE)
        driver_count(d, TALLY_LATE, 1);
    driver_count(d, TALLY_DELIVERED, 1);
    note_delivery(d, u);
    if (d->bench->o.rate != 0 &&
        stamp.due_ns >= atomic_load_explicit(&s->traffic->measured_from_ns, memory_order_relaxed))
        hist_add(d->hist, d->now_ns > stamp.due_ns ? d->now_ns - stamp.due_ns : 0);
}

/* ---- a driver's turns ---- */

static void on_acked(struct peer *p, uint8_t reason)
{
    (void)reason;
    feed(list_item(p, struct publisher, peer));
}

static bool is_publisher(const struct traffic *t, const struct peer *p)
{
    const char *at = (const char *)p;

    return at >= (const char *)t->publishers &&
           at < (const char *)(t->publishers + t->n_publishers);
}

static void on_flushed(struct peer *p)
{
    if (!is_publisher(p->driver->crew->owner, p))
        return;
    feed(list_item(p, struct publisher, peer));
    p->driver->has_more = true;
}

static void on_enter(struct driver *d)
{
    struct traffic *t = d->crew->owner;
    struct share *own = &t->shares[d->index];

    if (d->phase != PHASE_RUN)
        return;
    /* Each driver begins at another part of the interval. */
    own->begin_ns = d->now_ns;
    if (t->bench->o.rate != 0 && own->n_publishers > 0)
        own->begin_ns += (uint64_t)(interval_ns(t, own) * d->index / d->crew->n_drivers);
    for (size_t i = 0; i < own->n_publishers; i++)
        feed(own->publishers[i]);
}

static void nudge_others(struct driver *d, struct share *own)
{
    for (unsigned i = 0; i < d->crew->n_drivers; i++) {
        if (own->nudges[i])
            driver_nudge(&d->crew->drivers[i]);
        own->nudges[i] = false;
    }
}

/* Publishers that another driver's subscribers have made room for. */
static void feed_remote(struct driver *d, struct share *own)
{
    if (d->crew->n_drivers == 1)
        return;
    for (size_t i = 0; i < own->n_publishers; i++)
        feed(own->publishers[i]);
}

static void on_turn(struct driver *d)
{
    struct traffic *t = d->crew->owner;
    struct share *own = &t->shares[d->index];

    nudge_others(d, own);
    if (d->phase != PHASE_RUN)
        return;
    if (t->bench->o.rate != 0) {
        publish_what_is_due(d, t, own);
        return;
    }
    feed_remote(d, own);
    list_each (it, &own->hungry) {
        struct publisher *u = list_item(it, struct publisher, hungry);

        list_remove(it);
        publish_all(u, d->now_ns);
    }
}

/* What publishers and subscribers do. */
const struct play traffic_play = {
    .message = on_message,
    .acked = on_acked,
    .flushed = on_flushed,
    .enter = on_enter,
    .turn = on_turn,
};
