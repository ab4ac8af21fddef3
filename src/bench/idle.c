/* SPDX-License-Identifier: Apache-2.0 */
/* bench/idle.c - connections with one subscription each that wait, then are asked if they live */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/private.h"

struct idle {
    struct bench *bench;
    struct peer *peers;    /* owned */
    struct bytes *filters; /* owned, each owned */
};

/* The drain is the end of waiting: one PINGREQ each. */
static void on_enter(struct driver *d)
{
    if (d->phase != PHASE_DRAIN)
        return;
    for (size_t i = 0; i < d->n_peers; i++)
        peer_ping(d->peers[i]);
}

static const struct play play = {.enter = on_enter};

static struct crew *make(struct idle *w)
{
    const struct bench_options *o = &w->bench->o;
    struct crew *c = crew_new(w->bench, &play, w);
    char filter[512];

    w->peers = mem_zero(o->connections * sizeof(*w->peers));
    w->filters = mem_zero(o->connections * sizeof(*w->filters));
    for (size_t i = 0; i < o->connections; i++) {
        (void)snprintf(filter, sizeof(filter), "%s/%08x/i%zu", o->prefix, w->bench->run, i);
        w->filters[i] = bytes_dup(bytes_str(filter));
        w->peers[i].filters = &w->filters[i];
        w->peers[i].n_filters = 1;
        crew_add(c, &w->peers[i], (unsigned)i, 'i', i);
    }
    return c;
}

static void say(struct bench *b, const struct meter at[3], double ping_s)
{
    struct report *r = &b->report;
    double n = (double)b->o.connections;
    double s = (double)(at[1].at_ns - at[0].at_ns) / 1e9;

    report_count(r, "connections", "connections", b->o.connections, "");
    report_real(r, "connected_per_s", "connected", n / s, "connections/s");
    report_usage(b, &at[0], &at[1], TALLY_UP, "connection", "connection made");
    if (b->o.pid != 0) {
        report_real(r, "broker_rss_kib", "memory of the broker",
                    (double)at[2].broker.rss_bytes / 1024, "KiB");
        report_real(r, "broker_bytes_per_connection", "what it has grown by",
                    ((double)at[2].broker.rss_bytes - (double)at[0].broker.rss_bytes) / n,
                    "bytes per connection");
        report_real(r, "broker_idle_cpus", "CPUs the broker kept busy meanwhile",
                    (double)(at[2].broker.cpu_ns - at[1].broker.cpu_ns) /
                        (double)(at[2].at_ns - at[1].at_ns),
                    "");
    }
    report_real(r, "ping_all_ms", "until all had answered a ping", ping_s * 1e3, "ms");
}

/** idle_run() - the scenario idle */
void idle_run(struct bench *b)
{
    struct idle w = {.bench = b};
    struct crew *c = make(&w);
    struct meter at[3];
    uint64_t ping_ns;

    meter_read(c, &at[0]);
    if (crew_start(c) && crew_wait(c, TALLY_UP, b->o.connections, "connecting")) {
        meter_read(c, &at[1]);
        bench_show(b, "%llu connections wait", (unsigned long long)b->o.connections);
        if (bench_sleep(b, (uint64_t)(b->o.duration * 1e9))) {
            meter_read(c, &at[2]);
            ping_ns = clock_now_ns();
            crew_enter(c, PHASE_DRAIN);
            if (crew_wait(c, TALLY_PONG, b->o.connections, "pinging"))
                say(b, at, (double)(clock_now_ns() - ping_ns) / 1e9);
        }
    }
    crew_free(c);
    for (size_t i = 0; i < b->o.connections; i++)
        bytes_free(w.filters[i]);
    free(w.filters);
    free(w.peers);
}
