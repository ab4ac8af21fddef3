/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/churn.c - connect, subscribe, publish, receive, disconnect, again and again
 *
 * A cycle ends when the broker has closed the connection after DISCONNECT.  TLS
 * handshakes are full ones: no session is resumed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/private.h"

struct churner {
    struct peer peer;
    struct bytes filter; /* owned */
    struct topic topic;
    uint64_t begin_ns;
    uint64_t sequence;
    bool has_message;
};

static void on_up(struct peer *p)
{
    struct churner *c = list_item(p, struct churner, peer);
    uint16_t id = p->driver->bench->o.qos > 0 ? peer_take_id(p) : 0;

    c->has_message = false;
    topic_put(&c->topic, p, id,
              (struct stamp){.run = p->driver->bench->run,
                             .topic = (uint32_t)p->number,
                             .sequence = ++c->sequence});
}

/* It has come and, above QoS 0, is done with on the way out. */
static void leave_if_done(struct churner *c)
{
    if (c->has_message && c->peer.n_ids == 0)
        peer_leave(&c->peer);
}

static void on_message(struct peer *p, const struct wire_publish *m)
{
    struct churner *c = list_item(p, struct churner, peer);
    struct stamp s;

    if (!stamp_read(m->payload, p->driver->bench->run, &s) || s.topic != p->number ||
        s.sequence != c->sequence)
        driver_count(p->driver, TALLY_CORRUPT, 1);
    else if (c->has_message)
        driver_count(p->driver, TALLY_DUPLICATE, 1);
    c->has_message = true;
    leave_if_done(c);
}

static void on_acked(struct peer *p, uint8_t reason)
{
    (void)reason;
    leave_if_done(list_item(p, struct churner, peer));
}

static void on_closed(struct peer *p)
{
    struct churner *c = list_item(p, struct churner, peer);
    uint64_t now_ns = clock_now_ns();

    if (p->driver->phase == PHASE_END || atomic_load(&p->driver->bench->failed))
        return;
    driver_count(p->driver, TALLY_CYCLES, 1);
    hist_add(p->driver->hist, now_ns - c->begin_ns);
    if (p->driver->phase == PHASE_DRAIN)
        return;
    c->begin_ns = now_ns;
    peer_open(p);
}

static const struct play play = {
    .up = on_up, .message = on_message, .acked = on_acked, .closed = on_closed};

static struct crew *make(struct bench *b, struct churner *all)
{
    struct crew *c = crew_new(b, &play, all);
    char name[512];

    for (size_t i = 0; i < b->o.concurrency; i++) {
        (void)snprintf(name, sizeof(name), "%s/%08x/c%zu", b->o.prefix, b->run, i);
        all[i].filter = bytes_dup(bytes_str(name));
        topic_init(&all[i].topic, b, name, false);
        all[i].peer.filters = &all[i].filter;
        all[i].peer.n_filters = 1;
        all[i].begin_ns = clock_now_ns();
        crew_add(c, &all[i].peer, (unsigned)i, 'c', i);
    }
    return c;
}

static void say(struct bench *b, struct crew *c, const struct meter *from, const struct meter *to)
{
    struct report *r = &b->report;
    uint64_t n = to->counts[TALLY_CYCLES] - from->counts[TALLY_CYCLES];
    struct hist *all = mem_new(struct hist);

    crew_merge(c, all);
    report_count(r, "cycles", "cycles", n, "");
    report_real(r, "cycles_per_s", "rate", (double)n * 1e9 / (double)(to->at_ns - from->at_ns),
                "cycles/s");
    report_usage(b, from, to, TALLY_CYCLES, "cycle", "cycle");
    report_latency(r, "cycle", "a cycle", all);
    free(all);
}

/* Return: false when there is nothing to tell. */
static bool measure(struct bench *b, struct crew *c, struct meter *from, struct meter *to)
{
    uint64_t end_ns;

    crew_enter(c, PHASE_RUN);
    if (!crew_start(c) || !crew_wait(c, TALLY_CYCLES, b->o.concurrency, "beginning") ||
        !bench_sleep(b, (uint64_t)(b->o.warmup * 1e9)))
        return false;
    meter_read(c, from);
    end_ns = from->at_ns + (uint64_t)(b->o.duration * 1e9);
    while (clock_now_ns() < end_ns) {
        bench_show(b, "%llu cycles", (unsigned long long)crew_count(c, TALLY_CYCLES));
        if (!bench_sleep(b, MIN(end_ns - clock_now_ns(), NS_PER_S / 4)))
            break;
    }
    meter_read(c, to);
    return true;
}

/** churn_run() - the scenario churn */
void churn_run(struct bench *b)
{
    struct churner *all = mem_zero(b->o.concurrency * sizeof(*all));
    struct crew *c = make(b, all);
    struct meter from, to;
    bool measured = measure(b, c, &from, &to);
    uint64_t wrong;

    crew_enter(c, PHASE_DRAIN);
    crew_end(c);
    if (measured)
        say(b, c, &from, &to);
    wrong = crew_count(c, TALLY_CORRUPT) + crew_count(c, TALLY_DUPLICATE) +
            crew_count(c, TALLY_REFUSED);
    if (wrong > 0)
        report_problem(&b->report, "%llu messages came wrong, twice, or were refused",
                       (unsigned long long)wrong);
    crew_free(c);
    for (size_t i = 0; i < b->o.concurrency; i++) {
        bytes_free(all[i].filter);
        topic_done(&all[i].topic);
    }
    free(all);
}
