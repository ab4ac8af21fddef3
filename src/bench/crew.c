/* SPDX-License-Identifier: Apache-2.0 */
/* bench/crew.c - threads that drive peers, and the main thread's view of them */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/private.h"

#define READ_BYTES    262144 /* as peer.c reads at once */
#define FILES_BESIDES 64
#define TICK_MS       5
#define PATIENCE_NS   (5 * NS_PER_S)
#define FAREWELL_NS   (NS_PER_S / 2)

/* ---- a driver's thread ---- */

static void on_nudge(struct loop_file *f, uint32_t ready)
{
    uint64_t n;

    (void)ready;
    check(read(f->fd, &n, sizeof(n)) == sizeof(n) || errno == EAGAIN);
}

/** driver_nudge() - make @d look at its phase, and at what its scenario does in a turn; any thread
 */
void driver_nudge(struct driver *d)
{
    const uint64_t one = 1;

    check(write(d->nudge.fd, &one, sizeof(one)) == sizeof(one));
}

/** driver_alarm() - make @d take a turn at @at_ns, of CLOCK_MONOTONIC, to the microsecond */
void driver_alarm(struct driver *d, uint64_t at_ns)
{
    const struct itimerspec at = {
        .it_value = {.tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S)}};

    check(timerfd_settime(d->clock.fd, TFD_TIMER_ABSTIME, &at, NULL) == 0);
}

static void open_some(struct driver *d)
{
    while (d->n_opened < d->n_peers && d->n_opening < d->bench->o.concurrency &&
           !atomic_load_explicit(&d->bench->failed, memory_order_relaxed))
        peer_open(d->peers[d->n_opened++]);
}

static void flush_all(struct driver *d)
{
    struct list now = LIST_INIT(now);

    list_splice(&now, &d->dirty);
    while (!list_is_empty(&now))
        peer_flush(list_item(now.next, struct peer, link));
    while (!list_is_empty(&d->doomed))
        peer_bury(list_item(d->doomed.next, struct peer, link));
}

static void look_at_phase(struct driver *d)
{
    enum phase phase = atomic_load_explicit(&d->crew->phase, memory_order_acquire);

    if (phase == d->phase)
        return;
    d->phase = phase;
    d->now_ns = clock_now_ns();
    if (d->crew->play->enter != NULL)
        d->crew->play->enter(d);
}

/* Say DISCONNECT, and wait a little for the broker to close. */
static void leave_all(struct driver *d)
{
    uint64_t until_ns = clock_now_ns() + FAREWELL_NS;
    size_t n_left = 1;

    for (size_t i = 0; i < d->n_peers; i++)
        peer_leave(d->peers[i]);
    while (n_left > 0 && clock_now_ns() < until_ns) {
        flush_all(d);
        loop_turn(d->loop, until_ns);
        n_left = 0;
        for (size_t i = 0; i < d->n_peers; i++)
            n_left += d->peers[i]->state == PEER_LEAVING;
    }
}

static void *drive(void *arg)
{
    struct driver *d = arg;

    while (d->phase != PHASE_END) {
        look_at_phase(d);
        open_some(d);
        d->has_more = false;
        if (d->crew->play->turn != NULL && d->phase != PHASE_END)
            d->crew->play->turn(d);
        flush_all(d);
        if (d->phase != PHASE_END)
            loop_turn(d->loop, d->has_more ? 0 : TIMER_NEVER);
    }
    leave_all(d);
    return NULL;
}

/* ---- a crew ---- */

static void driver_init(struct driver *d, struct crew *c, unsigned index)
{
    d->crew = c;
    d->bench = c->bench;
    d->index = index;
    d->loop = loop_new();
    d->nudge =
        (struct loop_file){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .on_ready = on_nudge};
    d->clock = (struct loop_file){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                                  .on_ready = on_nudge};
    check(d->nudge.fd >= 0 && d->clock.fd >= 0);
    check(loop_add(d->loop, &d->nudge, LOOP_READ) == 0);
    check(loop_add(d->loop, &d->clock, LOOP_READ) == 0);
    list_init(&d->dirty);
    list_init(&d->doomed);
    d->read_buffer = mem_alloc(READ_BYTES);
    d->subscribe = mem_new(struct wire_subscribe);
    d->hist = mem_new(struct hist);
}

static void driver_done(struct driver *d)
{
    loop_free(d->loop);
    close(d->nudge.fd);
    close(d->clock.fd);
    free(d->peers);
    free(d->read_buffer);
    free(d->subscribe);
    free(d->hist);
}

/**
 * crew_new() - as many drivers as there are to be threads, without peers
 * @play:   what the peers do; borrowed
 * @owner:  of the scenario
 */
struct crew *crew_new(struct bench *b, const struct play *play, void *owner)
{
    struct crew *c = mem_new(struct crew);

    c->bench = b;
    c->play = play;
    c->owner = owner;
    c->patience_ns = PATIENCE_NS;
    c->n_drivers = (unsigned)b->o.threads;
    c->drivers = mem_zero(c->n_drivers * sizeof(*c->drivers));
    for (unsigned i = 0; i < c->n_drivers; i++)
        driver_init(&c->drivers[i], c, i);
    return c;
}

/**
 * crew_add() - let a driver own @p, which is zero, or was used by a crew that has ended
 * @role:   a letter for its client id
 * @index:  a number for it, unique with @role
 *
 * Before crew_start().
 */
void crew_add(struct crew *c, struct peer *p, unsigned driver, char role, size_t index)
{
    struct driver *d = &c->drivers[driver % c->n_drivers];

    d->peers = mem_resize(d->peers, (d->n_peers + 1) * sizeof(struct peer *));
    d->peers[d->n_peers++] = p;
    p->driver = d;
    p->number = c->n_peers++;
    list_init(&p->link);
    (void)snprintf(p->id, sizeof(p->id), "bench-%08x-%c%zu", c->bench->run, role, index);
}

/** crew_start() - connect all; Return: false when the run has failed */
bool crew_start(struct crew *c)
{
    size_t files = c->n_peers + FILES_BESIDES + 4 * c->n_drivers;
    size_t may = 0;

    if (files_limit_raise(files, &may) < 0) {
        bench_fail(c->bench, BENCH_FAILED,
                   "%zu connections need %zu open files, and this process may have %zu; raise the "
                   "limit (ulimit -n), or use fewer connections",
                   c->n_peers, files, may);
        return false;
    }
    for (unsigned i = 0; i < c->n_drivers; i++) {
        check(pthread_create(&c->drivers[i].thread, NULL, drive, &c->drivers[i]) == 0);
        c->drivers[i].is_running = true;
    }
    return true;
}

/** crew_enter() - the drivers enter @phase at their next turn, which begins now */
void crew_enter(struct crew *c, enum phase phase)
{
    atomic_store_explicit(&c->phase, phase, memory_order_release);
    for (unsigned i = 0; i < c->n_drivers; i++)
        driver_nudge(&c->drivers[i]);
}

/** crew_end() - disconnect all and end the threads; may be called twice */
void crew_end(struct crew *c)
{
    crew_enter(c, PHASE_END);
    for (unsigned i = 0; i < c->n_drivers; i++) {
        struct driver *d = &c->drivers[i];

        if (d->is_running)
            check(pthread_join(d->thread, NULL) == 0);
        d->is_running = false;
        for (size_t j = 0; j < d->n_peers; j++)
            peer_done(d->peers[j]);
    }
}

/** crew_free() - crew_end() first; the peers are the scenario's; Return: NULL */
struct crew *crew_free(struct crew *c)
{
    if (c == NULL)
        return NULL;
    crew_end(c);
    for (unsigned i = 0; i < c->n_drivers; i++)
        driver_done(&c->drivers[i]);
    free(c->drivers);
    free(c);
    return NULL;
}

/* ---- what the main thread sees ---- */

/** crew_count() - what all drivers have counted so far */
uint64_t crew_count(const struct crew *c, enum tally kind)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < c->n_drivers; i++)
        n += atomic_load_explicit(&c->drivers[i].counts[kind], memory_order_relaxed);
    return n;
}

static uint64_t count_all(const struct crew *c)
{
    uint64_t n = 0;

    for (enum tally k = 0; k < TALLY_N; k++)
        n += crew_count(c, k);
    return n;
}

/**
 * crew_wait() - until @kind has been counted @least times
 * @what:  for whom looks on
 *
 * Return: false when the run has failed or was interrupted, or nothing at all was counted for as
 *         long as the crew has patience, which is a problem for the report.
 */
bool crew_wait(struct crew *c, enum tally kind, uint64_t least, const char *what)
{
    struct bench *b = c->bench;
    uint64_t moved_ns = clock_now_ns();
    uint64_t before = count_all(c);

    while (crew_count(c, kind) < least) {
        uint64_t now = count_all(c), now_ns = clock_now_ns();

        if (!bench_goes_on(b, TICK_MS))
            return false;
        bench_show(b, "%s: %llu of %llu", what, (unsigned long long)crew_count(c, kind),
                   (unsigned long long)least);
        if (now != before) {
            before = now;
            moved_ns = now_ns;
        } else if (now_ns - moved_ns > c->patience_ns) {
            report_problem(&b->report, "%s: nothing has come for %llu s, at %llu of %llu", what,
                           (unsigned long long)(c->patience_ns / NS_PER_S),
                           (unsigned long long)crew_count(c, kind), (unsigned long long)least);
            return false;
        }
    }
    return !atomic_load(&b->failed);
}

/** crew_merge() - add what the drivers' histograms hold; after crew_end() */
void crew_merge(const struct crew *c, struct hist *to)
{
    for (unsigned i = 0; i < c->n_drivers; i++)
        hist_merge(to, c->drivers[i].hist);
}

/** crew_first_ns() - when the first message came; 0: none has */
uint64_t crew_first_ns(const struct crew *c)
{
    uint64_t first = 0;

    for (unsigned i = 0; i < c->n_drivers; i++) {
        uint64_t at = atomic_load_explicit(&c->drivers[i].first_ns, memory_order_relaxed);

        if (at != 0 && (first == 0 || at < first))
            first = at;
    }
    return first;
}

/** crew_last_ns() - when the last message came; 0: none has */
uint64_t crew_last_ns(const struct crew *c)
{
    uint64_t last = 0;

    for (unsigned i = 0; i < c->n_drivers; i++)
        last = MAX(last, atomic_load_explicit(&c->drivers[i].last_ns, memory_order_relaxed));
    return last;
}

/** meter_read() - what was counted and used up to now */
void meter_read(const struct crew *c, struct meter *ret)
{
    *ret = (struct meter){.own_cpu_ns = usage_own_cpu_ns(), .at_ns = clock_now_ns()};
    for (enum tally k = 0; k < TALLY_N; k++)
        ret->counts[k] = crew_count(c, k);
    if (c->bench->o.pid != 0 && usage_read(c->bench->o.pid, &ret->broker) < 0)
        bench_fail(c->bench, BENCH_FAILED,
                   "there is no process %llu any more whose CPU time could be read",
                   (unsigned long long)c->bench->o.pid);
}
