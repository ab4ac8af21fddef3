/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/retained.c - messages stored by topic, then read by one subscription
 *
 * What was stored is removed at the end.  At QoS 0 nothing says when all is
 * stored; so the publisher subscribes to the last topic and waits for its message.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/private.h"

#define OUT_HIGH_BYTES 65536
#define NAME_BYTES_MAX 512
#define NAMES_A_LEVEL  1000 /* topics below one parent */

enum part {
    PART_STORE,
    PART_READ,
    PART_REMOVE,
};

struct retained {
    struct bench *bench;
    enum part part;
    struct peer peer;
    struct bytes filter;  /* owned */
    struct track *tracks; /* owned, one a message */
    uint64_t n_put;
    struct meter from;
    struct meter to;
    double first_s; /* from SUBSCRIBE to the first message */
    double last_s;
};

static void name_of(const struct bench *b, uint64_t i, char name[NAME_BYTES_MAX])
{
    (void)snprintf(name, NAME_BYTES_MAX, "%s/%08x/r/%llu/%llu", b->o.prefix, b->run,
                   (unsigned long long)(i / NAMES_A_LEVEL), (unsigned long long)i);
}

/* An empty payload removes [MQTT5-3.3.1-6]. */
static void put(struct retained *r, uint64_t i)
{
    struct bench *b = r->bench;
    char name[NAME_BYTES_MAX];
    struct wire_delivery d = {.qos = (uint8_t)b->o.qos, .retain = true};

    name_of(b, i, name);
    d.topic = bytes_str(name);
    d.packet_id = d.qos > 0 ? peer_take_id(&r->peer) : 0;
    if (r->part == PART_STORE) {
        uint8_t *payload = mem_zero(b->o.size);

        stamp_fill(payload, b->o.size);
        stamp_write(payload, (struct stamp){.run = b->run, .topic = (uint32_t)i}, b->o.size);
        d.payload = bytes_of(payload, b->o.size);
        wire_encode_delivery(&r->peer.out, &d, b->level);
        free(payload);
    } else {
        wire_encode_delivery(&r->peer.out, &d, b->level);
    }
    driver_count(r->peer.driver, TALLY_SENT, 1);
    peer_dirty(&r->peer);
}

static void on_turn(struct driver *d)
{
    struct retained *r = d->crew->owner;
    struct peer *p = &r->peer;

    if (d->phase != PHASE_RUN || p->state != PEER_UP)
        return;
    while (r->n_put < r->bench->o.messages && p->out.len - p->out_at < OUT_HIGH_BYTES &&
           p->n_ids < MIN(r->bench->o.window, (uint64_t)p->receive_max))
        put(r, r->n_put++);
}

static void on_flushed(struct peer *p)
{
    p->driver->has_more = true;
}

/* While storing: the last one has come back.  While reading: one of all. */
static void on_message(struct peer *p, const struct wire_publish *m)
{
    struct driver *d = p->driver;
    struct retained *r = d->crew->owner;
    char name[NAME_BYTES_MAX];
    struct stamp s = {0};

    if (r->part == PART_STORE) {
        driver_count(d, TALLY_CYCLES, 1);
        return;
    }
    if (r->part != PART_READ)
        return;
    if (stamp_read(m->payload, r->bench->run, &s))
        name_of(r->bench, s.topic, name);
    if (s.run == 0 || s.topic >= r->bench->o.messages || !m->retain ||
        !bytes_equal(m->topic, bytes_str(name))) {
        driver_count(d, TALLY_CORRUPT, 1);
        return;
    }
    if (track_add(&r->tracks[s.topic], 0) == TRACK_DUPLICATE) {
        driver_count(d, TALLY_DUPLICATE, 1);
        return;
    }
    if (atomic_load_explicit(&d->first_ns, memory_order_relaxed) == 0)
        atomic_store_explicit(&d->first_ns, d->now_ns, memory_order_relaxed);
    atomic_store_explicit(&d->last_ns, d->now_ns, memory_order_relaxed);
    driver_count(d, TALLY_DELIVERED, 1);
}

static const struct play play = {.message = on_message, .flushed = on_flushed, .turn = on_turn};

/* The crew of one part, with its only peer subscribed to @filter, if that is not NULL. */
static struct crew *begin(struct retained *r, enum part part, const char *filter)
{
    struct crew *c = crew_new(r->bench, &play, r);

    r->part = part;
    r->n_put = 0;
    r->peer = (struct peer){0};
    bytes_free(r->filter);
    r->filter = bytes_dup(bytes_str(filter));
    r->peer.filters = &r->filter;
    r->peer.n_filters = filter != NULL ? 1 : 0;
    crew_add(c, &r->peer, 0, 'r', part);
    return c;
}

static bool all_taken(struct crew *c, const char *what)
{
    const struct bench *b = c->bench;

    crew_enter(c, PHASE_RUN);
    if (b->o.qos > 0)
        return crew_wait(c, TALLY_ACKED, b->o.messages, what);
    return crew_wait(c, TALLY_SENT, b->o.messages, what) &&
           (((struct retained *)c->owner)->part != PART_STORE ||
            crew_wait(c, TALLY_CYCLES, 1, "storing the last"));
}

static bool store(struct retained *r)
{
    char last[NAME_BYTES_MAX];
    struct crew *c;
    bool done;

    name_of(r->bench, r->bench->o.messages - 1, last);
    c = begin(r, PART_STORE, r->bench->o.qos == 0 ? last : NULL);
    done = crew_start(c) && crew_wait(c, TALLY_UP, 1, "connecting");
    meter_read(c, &r->from);
    done = done && all_taken(c, "storing");
    meter_read(c, &r->to);
    crew_free(c);
    return done;
}

static void say_stored(struct retained *r)
{
    struct report *to = &r->bench->report;
    double s = (double)(r->to.at_ns - r->from.at_ns) / 1e9;
    uint64_t n = r->bench->o.messages;

    report_count(to, "messages", "retained messages", n, "");
    report_real(to, "stored_per_s", "stored", (double)n / s, "messages/s");
    report_usage(r->bench, &r->from, &r->to, TALLY_SENT, "stored", "message stored");
    if (r->bench->o.pid != 0)
        report_real(to, "broker_bytes_per_message", "memory of the broker",
                    ((double)r->to.broker.rss_bytes - (double)r->from.broker.rss_bytes) / (double)n,
                    "bytes per message");
}

/* SUBSCRIBE is sent by crew_start() already: the time runs from before that. */
static bool read_all(struct retained *r)
{
    char filter[NAME_BYTES_MAX];
    struct crew *c;
    bool done;

    (void)snprintf(filter, sizeof(filter), "%s/%08x/r/#", r->bench->o.prefix, r->bench->run);
    c = begin(r, PART_READ, filter);
    meter_read(c, &r->from);
    done = crew_start(c) && crew_wait(c, TALLY_DELIVERED, r->bench->o.messages, "reading");
    meter_read(c, &r->to);
    r->first_s = (double)(crew_first_ns(c) - r->from.at_ns) / 1e9;
    r->last_s = (double)(crew_last_ns(c) - r->from.at_ns) / 1e9;
    crew_end(c);
    if (crew_count(c, TALLY_DUPLICATE) + crew_count(c, TALLY_CORRUPT) > 0)
        report_problem(&r->bench->report, "%llu retained messages came twice, %llu not as stored",
                       (unsigned long long)crew_count(c, TALLY_DUPLICATE),
                       (unsigned long long)crew_count(c, TALLY_CORRUPT));
    crew_free(c);
    return done;
}

static void say_read(struct retained *r)
{
    struct report *to = &r->bench->report;

    report_real(to, "first_ms", "until the first one came", r->first_s * 1e3, "ms");
    report_real(to, "all_ms", "until all had come", r->last_s * 1e3, "ms");
    report_real(to, "read_per_s", "read", (double)r->bench->o.messages / r->last_s, "messages/s");
    report_usage(r->bench, &r->from, &r->to, TALLY_DELIVERED, "message", "message delivered");
}

/* Also when the run has failed or was interrupted: nothing is to be left in somebody's broker. */
static void remove_all(struct retained *r)
{
    bool interrupted = r->bench->interrupted;
    struct crew *c = begin(r, PART_REMOVE, NULL);

    r->bench->interrupted = false;
    if (crew_start(c) && crew_wait(c, TALLY_UP, 1, "connecting"))
        (void)all_taken(c, "removing");
    crew_free(c);
    r->bench->interrupted |= interrupted;
}

/** retained_run() - the scenario retained */
void retained_run(struct bench *b)
{
    struct retained r = {.bench = b};

    r.tracks = mem_zero(b->o.messages * sizeof(struct track));
    if (store(&r)) {
        say_stored(&r);
        if (read_all(&r))
            say_read(&r);
    }
    if (!atomic_load(&b->failed))
        remove_all(&r);
    bytes_free(r.filter);
    free(r.tracks);
}
