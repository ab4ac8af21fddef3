/* SPDX-License-Identifier: Apache-2.0 */
/* bench/traffic_run.c - a run of publishers and subscribers, from the main thread */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/traffic.h"

#define STEP_NS  (NS_PER_S / 5)
#define STALL_NS (5 * NS_PER_S)
#define REST_NS  (2 * NS_PER_S)

/** traffic_crew() - its counts; borrowed */
struct crew *traffic_crew(struct traffic *t)
{
    return t->crew;
}

/** traffic_start() - connect, subscribe, publish; Return: false when the run has failed */
bool traffic_start(struct traffic *t)
{
    if (!crew_start(t->crew) || !crew_wait(t->crew, TALLY_UP, t->crew->n_peers, "connecting"))
        return false;
    crew_enter(t->crew, PHASE_RUN);
    return true;
}

/** traffic_stop() - publish no more, and wait for what is on its way */
void traffic_stop(struct traffic *t)
{
    bool interrupted = t->bench->interrupted;
    size_t n_problems = json_array_size(t->bench->report.problems);

    crew_enter(t->crew, PHASE_DRAIN);
    /* The drivers stop one after the other: what is due grows a little still. */
    t->bench->interrupted = false;
    t->crew->patience_ns = REST_NS;
    while (crew_count(t->crew, TALLY_DELIVERED) < crew_count(t->crew, TALLY_DUE) &&
           crew_wait(t->crew, TALLY_DELIVERED, crew_count(t->crew, TALLY_DUE), "the rest"))
        continue;
    t->bench->interrupted |= interrupted;
    /* traffic_judge() says what has not come, and that alone. */
    while (json_array_size(t->bench->report.problems) > n_problems)
        json_array_remove(t->bench->report.problems, n_problems);
    crew_end(t->crew);
}

/* For @s seconds, or until nothing more comes. */
static bool watch(struct traffic *t, double s, const char *what)
{
    uint64_t begin_ns = clock_now_ns();
    uint64_t end_ns = begin_ns + (uint64_t)(s * 1e9);
    uint64_t step_ns = begin_ns, moved_ns = begin_ns;
    uint64_t before = crew_count(t->crew, TALLY_DELIVERED);

    while (clock_now_ns() < end_ns) {
        uint64_t now_ns, now;

        if (!bench_sleep(t->bench, MIN(end_ns - clock_now_ns(), STEP_NS)))
            return false;
        now_ns = clock_now_ns();
        now = crew_count(t->crew, TALLY_DELIVERED);
        bench_show(t->bench, "%s %.1f of %.1f s, %.0f messages/s", what,
                   (double)(now_ns - begin_ns) / 1e9, s,
                   (double)(now - before) * 1e9 / (double)(now_ns - step_ns));
        moved_ns = now != before ? now_ns : moved_ns;
        before = now;
        step_ns = now_ns;
        if (now_ns - moved_ns > STALL_NS && t->fan > 0 && t->bench->o.rate == 0) {
            report_problem(&t->bench->report, "nothing was delivered for %llu s",
                           STALL_NS / NS_PER_S);
            return false;
        }
    }
    return true;
}

/* ---- what is told ---- */

/** traffic_judge() - what of all that was sent has not come as it should; after traffic_stop() */
void traffic_judge(struct traffic *t)
{
    static const struct {
        enum tally kind;
        const char *key;
        const char *label;
    } rows[] = {
        {TALLY_DUPLICATE, "duplicates", "came twice"},
        {TALLY_LATE, "reordered", "came after a later one"},
        {TALLY_STRAY, "strays", "came to others"},
        {TALLY_CORRUPT, "corrupt", "came changed"},
        {TALLY_REFUSED, "refused", "were refused"},
    };
    struct report *r = &t->bench->report;
    uint64_t due = crew_count(t->crew, TALLY_DUE);
    uint64_t delivered = crew_count(t->crew, TALLY_DELIVERED);
    uint64_t lost = due > delivered ? due - delivered : 0;

    report_count(r, "lost", "lost", lost, "");
    if (lost > 0)
        report_problem(r, "%llu of %llu messages did not come", (unsigned long long)lost,
                       (unsigned long long)due);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t n = crew_count(t->crew, rows[i].kind);

        report_count(r, rows[i].key, rows[i].label, n, "");
        /* Overlapping subscriptions may give a copy each [MQTT5-3.3.4-2]. */
        if (n > 0 && !(rows[i].kind == TALLY_DUPLICATE && t->shape == SHAPE_WILD))
            report_problem(r, "%llu messages %s", (unsigned long long)n, rows[i].label);
    }
}

static void say_who(struct traffic *t)
{
    const struct bench_options *o = &t->bench->o;
    json_t *p = t->bench->report.parameters;

    json_object_set_new(p, "publishers", json_integer((json_int_t)t->n_publishers));
    json_object_set_new(p, "subscribers", json_integer((json_int_t)t->n_subscribers));
    if (o->rate != 0)
        json_object_set_new(p, "rate", json_integer((json_int_t)o->rate));
    else
        json_object_set_new(p, "window", json_integer((json_int_t)t->window));
    if (t->shape == SHAPE_WILD) {
        json_object_set_new(p, "filters", json_integer((json_int_t)o->filters));
        json_object_set_new(p, "topics", json_integer((json_int_t)o->topics));
        json_object_set_new(p, "match", json_string(o->miss ? "miss" : "hit"));
    }
}

static void say_rates(struct traffic *t, const struct meter *from, const struct meter *to)
{
    struct bench *b = t->bench;
    struct report *r = &b->report;
    double s = (double)(to->at_ns - from->at_ns) / 1e9;
    uint64_t sent = to->counts[TALLY_SENT] - from->counts[TALLY_SENT];
    uint64_t delivered = to->counts[TALLY_DELIVERED] - from->counts[TALLY_DELIVERED];

    report_real(r, "seconds", "measured", s, "s");
    report_count(r, "published", "published", sent, "messages");
    report_count(r, "delivered", "delivered", delivered, "messages");
    report_real(r, "fan", "receivers of a message", t->fan, "on average");
    report_real(r, "published_per_s", "published", (double)sent / s, "messages/s");
    report_real(r, "delivered_per_s", "delivered", (double)delivered / s, "messages/s");
    report_usage(b, from, to, TALLY_DELIVERED, "message", "message delivered");
    if (t->shape == SHAPE_WILD || t->shape == SHAPE_FANOUT)
        report_usage(b, from, to, TALLY_SENT, "publish", "message published");
    if (b->o.pid != 0) {
        report_real(r, "broker_cpus", "CPUs the broker kept busy",
                    (double)(to->broker.cpu_ns - from->broker.cpu_ns) / 1e9 / s, "");
        report_real(r, "broker_rss_kib", "memory of the broker",
                    (double)to->broker.rss_bytes / 1024, "KiB");
    }
}

/* From the end of the warm-up to the end of the time, or to an interruption. */
static bool measure(struct traffic *t, struct meter *from, struct meter *to)
{
    struct bench *b = t->bench;

    if (!traffic_start(t) || (b->o.warmup > 0 && !watch(t, b->o.warmup, "warming up")))
        return false;
    meter_read(t->crew, from);
    atomic_store_explicit(&t->measured_from_ns, from->at_ns, memory_order_relaxed);
    (void)watch(t, b->o.duration, "measuring");
    meter_read(t->crew, to);
    return true;
}

/** traffic_run() - the scenarios fanin, fanout, pair, wild and latency */
void traffic_run(struct bench *b)
{
    struct traffic *t = traffic_new(b);
    struct hist *latency = mem_new(struct hist);
    struct meter from, to;
    bool measured = measure(t, &from, &to);

    traffic_stop(t);
    say_who(t);
    if (measured) {
        say_rates(t, &from, &to);
        if (b->o.rate != 0) {
            crew_merge(t->crew, latency);
            report_latency(&b->report, "latency", "from when it was due", latency);
        }
    }
    traffic_judge(t);
    free(latency);
    traffic_free(t);
}
