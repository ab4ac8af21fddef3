/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/retained.c - messages stored by topic, then read by one subscription
 *
 * What was stored is removed at the end.  A broker may bound how many a client has, so
 * each of several publishers stores some.  At QoS 0 nothing says when all is stored; so a
 * publisher subscribes to its last topic and waits for its message.
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
#define OF_ONE_MAX     1000 /* that one publisher stores: retained_per_client_max of a new node */

enum part {
    PART_STORE,
    PART_READ,
    PART_REMOVE,
};

/* Stores, or removes, those from @next to @end. */
struct writer {
    struct peer peer;
    struct bytes last; /* owned: the topic before @end */
    uint64_t next;
    uint64_t end;
};

struct retained {
    struct bench *bench;
    enum part part;
    struct writer *writers; /* owned */
    size_t n_writers;
    struct peer reader;
    struct bytes filter;  /* owned: the reader's */
    struct track *tracks; /* owned, one a message */
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
static void put(struct retained *r, struct peer *p, uint64_t i)
{
    struct bench *b = r->bench;
    char name[NAME_BYTES_MAX];
    struct wire_delivery d = {.qos = (uint8_t)b->o.qos, .retain = true};

    name_of(b, i, name);
    d.topic = bytes_str(name);
    d.packet_id = d.qos > 0 ? peer_take_id(p) : 0;
    if (r->part == PART_STORE) {
        uint8_t *payload = mem_zero(b->o.size);

        stamp_fill(payload, b->o.size);
        stamp_write(payload, (struct stamp){.run = b->run, .topic = (uint32_t)i}, b->o.size);
        d.payload = bytes_of(payload, b->o.size);
        wire_encode_delivery(&p->out, &d, b->level);
        free(payload);
    } else {
        wire_encode_delivery(&p->out, &d, b->level);
    }
    driver_count(p->driver, TALLY_SENT, 1);
    peer_dirty(p);
}

static void on_turn(struct driver *d)
{
    struct retained *r = d->crew->owner;

    if (d->phase != PHASE_RUN || r->part == PART_READ)
        return;
    for (size_t i = 0; i < d->n_peers; i++) {
        struct peer *p = d->peers[i];
        struct writer *w = &r->writers[p->number];

        while (p->state == PEER_UP && w->next < w->end && p->out.len - p->out_at < OUT_HIGH_BYTES &&
               p->n_ids < MIN(r->bench->o.window, (uint64_t)p->receive_max))
            put(r, p, w->next++);
    }
}

static void on_flushed(struct peer *p)
{
    p->driver->has_more = true;
}

/* While storing: the last one of a publisher has come back.  While reading: one of all. */
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

/* The publishers as a crew; @waits: each for its own last message. */
static struct crew *begin_writers(struct retained *r, enum part part, bool waits)
{
    struct crew *c = crew_new(r->bench, &play, r);

    r->part = part;
    for (size_t i = 0; i < r->n_writers; i++) {
        struct writer *w = &r->writers[i];
        uint64_t end = MIN((i + 1) * OF_ONE_MAX, r->bench->o.messages);
        char last[NAME_BYTES_MAX];

        bytes_free(w->last);
        name_of(r->bench, end - 1, last);
        *w =
            (struct writer){.last = bytes_dup(bytes_str(last)), .next = i * OF_ONE_MAX, .end = end};
        w->peer.filters = &w->last;
        w->peer.n_filters = waits;
        crew_add(c, &w->peer, (unsigned)i, 'w', i);
    }
    return c;
}

static bool writers_up(struct retained *r, struct crew *c)
{
    return crew_start(c) && crew_wait(c, TALLY_UP, r->n_writers, "connecting");
}

static bool all_taken(const struct retained *r, struct crew *c, const char *what)
{
    const struct bench *b = c->bench;

    crew_enter(c, PHASE_RUN);
    if (b->o.qos > 0)
        return crew_wait(c, TALLY_ACKED, b->o.messages, what);
    return crew_wait(c, TALLY_SENT, b->o.messages, what) &&
           (r->part != PART_STORE || crew_wait(c, TALLY_CYCLES, r->n_writers, "storing the last"));
}

static bool store(struct retained *r)
{
    struct crew *c = begin_writers(r, PART_STORE, r->bench->o.qos == 0);
    bool done = writers_up(r, c);

    meter_read(c, &r->from);
    done = done && all_taken(r, c, "storing");
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
    struct crew *c = crew_new(r->bench, &play, r);
    char filter[NAME_BYTES_MAX];
    bool done;

    (void)snprintf(filter, sizeof(filter), "%s/%08x/r/#", r->bench->o.prefix, r->bench->run);
    r->part = PART_READ;
    r->filter = bytes_dup(bytes_str(filter));
    r->reader = (struct peer){.filters = &r->filter, .n_filters = 1};
    crew_add(c, &r->reader, 0, 'r', 0);
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
    struct crew *c = begin_writers(r, PART_REMOVE, false);

    r->bench->interrupted = false;
    if (writers_up(r, c))
        (void)all_taken(r, c, "removing");
    crew_free(c);
    r->bench->interrupted |= interrupted;
}

/** retained_run() - the scenario retained */
void retained_run(struct bench *b)
{
    struct retained r = {.bench = b, .n_writers = (b->o.messages + OF_ONE_MAX - 1) / OF_ONE_MAX};

    r.writers = mem_zero(r.n_writers * sizeof(struct writer));
    r.tracks = mem_zero(b->o.messages * sizeof(struct track));
    if (store(&r)) {
        say_stored(&r);
        if (read_all(&r))
            say_read(&r);
    }
    if (!atomic_load(&b->failed))
        remove_all(&r);
    for (size_t i = 0; i < r.n_writers; i++)
        bytes_free(r.writers[i].last);
    bytes_free(r.filter);
    free(r.writers);
    free(r.tracks);
}
