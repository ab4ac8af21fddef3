/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/offline.c - messages queued for sessions that are away, then fetched
 *
 * Sessions connect, subscribe and leave; a publisher publishes; the sessions come
 * back and have to get everything, once and in order.  At QoS 0 a broker need not
 * keep anything, so the messages are of QoS 1 unless QoS 2 is asked for.  At the
 * end the sessions are thrown away.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/private.h"

#define OUT_HIGH_BYTES 65536

struct sleeper {
    struct peer peer;
    struct track track;
};

struct offline {
    struct bench *bench;
    struct sleeper *sleepers; /* owned */
    struct bytes filter;      /* owned */
    struct topic topic;
    struct peer publisher;
    uint64_t n_put;
    size_t n_sessions;
};

static void on_turn(struct driver *d)
{
    struct offline *f = d->crew->owner;
    struct peer *p = &f->publisher;

    if (d->phase != PHASE_RUN || p->driver != d || p->state != PEER_UP)
        return;
    while (f->n_put < f->bench->o.messages && p->out.len - p->out_at < OUT_HIGH_BYTES &&
           p->n_ids < MIN(f->bench->o.window, (uint64_t)p->receive_max)) {
        topic_put(&f->topic, p, peer_take_id(p),
                  (struct stamp){.run = f->bench->run, .sequence = f->n_put++});
        driver_count(d, TALLY_SENT, 1);
    }
}

static void on_message(struct peer *p, const struct wire_publish *m)
{
    struct sleeper *s = list_item(p, struct sleeper, peer);
    struct driver *d = p->driver;
    struct stamp stamp;
    enum tracked tracked;

    if (!stamp_read(m->payload, d->bench->run, &stamp)) {
        driver_count(d, TALLY_CORRUPT, 1);
        return;
    }
    tracked = track_add(&s->track, stamp.sequence);
    if (tracked == TRACK_DUPLICATE) {
        driver_count(d, TALLY_DUPLICATE, 1);
        return;
    }
    if (tracked == TRACK_LATE)
        driver_count(d, TALLY_LATE, 1);
    driver_count(d, TALLY_DELIVERED, 1);
    atomic_store_explicit(&d->last_ns, d->now_ns, memory_order_relaxed);
}

static void on_up(struct peer *p)
{
    if (p->resumes && !p->session_present)
        bench_fail(p->driver->bench, BENCH_FAILED, "%s: the broker has not kept the session",
                   p->id);
}

static void on_flushed(struct peer *p)
{
    p->driver->has_more = true;
}

static const struct play sleep_play = {.up = on_up, .message = on_message};
static const struct play publish_play = {.turn = on_turn, .flushed = on_flushed};

/* All sessions connect: to @keep it afterwards or not, new or to @resume. */
static struct crew *wake(struct offline *f, bool keep, bool resume)
{
    struct crew *c = crew_new(f->bench, &sleep_play, f);

    for (size_t i = 0; i < f->n_sessions; i++) {
        struct peer *p = &f->sleepers[i].peer;

        *p = (struct peer){.keeps_session = keep, .resumes = resume};
        p->filters = &f->filter;
        p->n_filters = keep && !resume ? 1 : 0;
        crew_add(c, p, (unsigned)i, 'o', i);
    }
    return c;
}

/* Connect all sessions and leave again. */
static bool visit(struct offline *f, bool keep, bool resume, const char *what)
{
    struct crew *c = wake(f, keep, resume);
    bool done = crew_start(c) && crew_wait(c, TALLY_UP, f->n_sessions, what);

    crew_free(c);
    return done;
}

static bool queue(struct offline *f)
{
    struct bench *b = f->bench;
    struct crew *c = crew_new(b, &publish_play, f);
    struct meter from, to;
    bool done;

    crew_add(c, &f->publisher, 0, 'q', 0);
    done = crew_start(c) && crew_wait(c, TALLY_UP, 1, "connecting");
    meter_read(c, &from);
    crew_enter(c, PHASE_RUN);
    done = done && crew_wait(c, TALLY_ACKED, b->o.messages, "publishing");
    meter_read(c, &to);
    if (done) {
        double s = (double)(to.at_ns - from.at_ns) / 1e9;
        double copies = (double)b->o.messages * (double)f->n_sessions;

        report_count(&b->report, "sessions", "sessions that are away", f->n_sessions, "");
        report_count(&b->report, "messages", "messages for each", b->o.messages, "");
        report_real(&b->report, "published_per_s", "published", (double)b->o.messages / s,
                    "messages/s");
        report_usage(b, &from, &to, TALLY_SENT, "publish", "message published");
        if (b->o.pid != 0)
            report_real(&b->report, "broker_bytes_per_queued", "memory of the broker",
                        ((double)to.broker.rss_bytes - (double)from.broker.rss_bytes) / copies,
                        "bytes per message queued");
    }
    crew_free(c);
    return done;
}

static void judge(struct offline *f, struct crew *c, uint64_t want)
{
    struct report *r = &f->bench->report;
    uint64_t got = crew_count(c, TALLY_DELIVERED);
    uint64_t wrong =
        crew_count(c, TALLY_LATE) + crew_count(c, TALLY_DUPLICATE) + crew_count(c, TALLY_CORRUPT);

    report_count(r, "lost", "messages that were lost", want - MIN(got, want), "");
    if (got < want)
        report_problem(r, "%llu of %llu queued messages did not come",
                       (unsigned long long)(want - got), (unsigned long long)want);
    if (wrong > 0)
        report_problem(r, "%llu messages came out of order, twice or not as sent",
                       (unsigned long long)wrong);
}

static void fetch(struct offline *f)
{
    struct bench *b = f->bench;
    struct crew *c = wake(f, true, true);
    uint64_t want = b->o.messages * f->n_sessions;
    struct meter from, to;

    meter_read(c, &from);
    if (crew_start(c) && crew_wait(c, TALLY_DELIVERED, want, "fetching")) {
        meter_read(c, &to);
        report_real(&b->report, "fetched_per_s", "fetched",
                    (double)want * 1e9 / (double)(crew_last_ns(c) - from.at_ns), "messages/s");
        report_usage(b, &from, &to, TALLY_DELIVERED, "message", "message delivered");
    }
    crew_end(c);
    judge(f, c, want);
    crew_free(c);
}

/** offline_run() - the scenario offline */
void offline_run(struct bench *b)
{
    struct offline f = {.bench = b, .n_sessions = b->o.subscribers};
    char name[512];
    bool interrupted;

    b->o.qos = MAX(b->o.qos, 1U);
    json_object_set_new(b->report.parameters, "qos", json_integer((json_int_t)b->o.qos));
    (void)snprintf(name, sizeof(name), "%s/%08x/q", b->o.prefix, b->run);
    f.filter = bytes_dup(bytes_str(name));
    f.sleepers = mem_zero(f.n_sessions * sizeof(*f.sleepers));
    topic_init(&f.topic, b, name, false);
    if (visit(&f, true, false, "making sessions") && queue(&f))
        fetch(&f);
    /* Nothing is to be left in somebody's broker. */
    interrupted = b->interrupted;
    b->interrupted = false;
    if (!atomic_load(&b->failed))
        (void)visit(&f, false, false, "throwing sessions away");
    b->interrupted |= interrupted;
    topic_done(&f.topic);
    bytes_free(f.filter);
    free(f.sleepers);
}
