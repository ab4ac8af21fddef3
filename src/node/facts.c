/* SPDX-License-Identifier: Apache-2.0 */
/* node/facts.c - see facts.h */
#include "node/facts.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "node/node_private.h"
#include "node/orders.h"
#include "node/scribe.h"
#include "node/sentinel.h"
#include "queue/held.h"

#define PART 4096 /* sessions at once: some hundred microseconds */

struct session_facts {
    size_t n;
    size_t connected;
    size_t subscriptions;
    size_t subscriptions_suspended;
    size_t inflight;
    size_t queued;
    size_t queued_bytes;
};

static void no_session(void *arg)
{
    *(struct session_facts *)arg = (struct session_facts){0};
}

static bool add_session(const struct resident *c, void *arg)
{
    struct session_facts *f = arg;
    const struct session *s = c->session;

    f->n++;
    f->connected += c->link != NULL;
    f->subscriptions += s->subscriber.n_subscriptions;
    f->subscriptions_suspended += s->subscriber.n_suspended;
    f->inflight += s->inflight.n;
    f->queued += session_queued(s);
    f->queued_bytes += s->queue.bytes;
    return true;
}

static void survey_sessions(struct node *n, unsigned worker, struct node_facts *f)
{
    struct session_facts of;

    survey_worker(n, worker, &(struct survey){PART, no_session, add_session, &of});
    f->sessions += of.n;
    f->connected += of.connected;
    f->subscriptions += of.subscriptions;
    f->subscriptions_suspended += of.subscriptions_suspended;
    f->inflight += of.inflight;
    f->queued += of.queued;
    f->queued_bytes += of.queued_bytes;
}

static void ask_worker(struct worker *w, void *arg)
{
    struct node_facts *f = arg;

#define X(name, topic, load, help) f->counters.name += w->counters.name;
    COUNTERS(X)
#undef X
    for (unsigned i = 0; i < VIOLATION_N; i++)
        f->violations[i] += w->violations[i];
    f->retained = router_n_retained(w->router); /* every worker has all */
    f->retained_bytes = router_retained_bytes(w->router);
    f->memory_bytes = memory_counted();
    list_each (it, &w->links) {
        size_t i =
            (size_t)(list_item(it, struct link, in_worker)->listener - w->listeners[0].config);

        if (i < COUNT_OF(f->connections))
            f->connections[i]++;
    }
}

static void ask_sentinel(struct sentinel *s, void *arg)
{
    struct node_facts *f = arg;

    f->identify = identify_counts(s->identify);
    f->bans = respond_bans(s->respond);
    f->incidents_open = respond_incidents_open(s->respond);
    f->actions_waiting = in_force_waiting(s);
    f->suspended_until_unix_ms = respond_suspended_until_unix_ms(s->respond);
    f->is_kept = respond_is_kept(s->respond);
    f->respond = respond_counters(s->respond);
    f->shed_blocks = atomic_load(&s->n_shed_blocks);
    f->shed_records = detect_shed(s->detect);
    f->n_alerts = alert_count(s->alert, f->alerts);
    f->n_detectors = detect_detectors();
    check(f->n_detectors <= COUNT_OF(f->detectors));
    for (size_t i = 0; i < f->n_detectors; i++)
        f->detectors[i] = detect_counters(s->detect, i);
    memcpy(f->n_events, s->n_events, sizeof(f->n_events));
}

/* What is resident of the process and not of a file (proc(5), statm). */
static uint64_t own_memory_bytes(void)
{
    unsigned long long resident = 0;
    unsigned long long of_files = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    bool ok = statm != NULL && fscanf(statm, "%*u %llu %llu", &resident, &of_files) == 2;

    if (statm != NULL)
        fclose(statm);
    return ok && resident > of_files ? (resident - of_files) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void look_at_memory(struct node *n, struct node_facts *f)
{
    uint_least64_t most = atomic_load(&n->heap_bytes_most);

    f->heap_bytes = own_memory_bytes();
    while (most < f->heap_bytes &&
           !atomic_compare_exchange_weak(&n->heap_bytes_most, &most, f->heap_bytes))
        ;
    f->heap_bytes_most = MAX(most, f->heap_bytes);
}

/**
 * facts_take() - ask the threads that own the facts, one after the other
 *
 * They answer before messages that wait.  Any thread but theirs; a look at every session, which
 * holds nobody up (survey.c).
 */
struct node_facts facts_take(struct node *n)
{
    struct node_facts f = {.uptime_s = (clock_now_ns() - n->started_ns) / NS_PER_S};

    for (unsigned i = 0; i < n->n_workers; i++) {
        node_call_worker(n, i, ask_worker, &f);
        survey_sessions(n, i, &f);
    }
    sentinel_call(n->sentinel, ask_sentinel, &f);
    f.monitor = monitor_count(n->monitor);
    f.commands_waiting = held_n(n->held);
    look_at_memory(n, &f);
    f.connected_most = atomic_load(&n->n_connected_most);
    f.store = control_counts(n->control);
    f.has_journal = n->scribe != NULL;
    if (f.has_journal) {
        f.journal_state = scribe_state(n->scribe);
        scribe_stat(n->scribe, &f.journal);
    }
    return f;
}
