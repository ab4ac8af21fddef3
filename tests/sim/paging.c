/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/paging.c - queues that are long early, and what is read of the journal in small pieces
 *
 * A queue of a world here never has the thousand deliveries that a node keeps in memory; so the
 * bounds are lowered by the seed, where one module calls another; so are those for what is
 * retained, which is never too much to be found at once.  What was reached is counted: a
 * range of seeds that never came to a shelf says nothing about it, and fails.
 */
#include "sim/paging.h"

#include "sim/sim.h"
#include "sim/wrap.h"

/* How often, over all seeds of this process. */
enum reached {
    REACHED_SHELVED,
    REACHED_RESTORED,
    REACHED_READ,
    REACHED_READ_IN_PARTS,
    REACHED_PURGED,
    REACHED_EXPIRED,
    REACHED_FOUND_IN_PARTS,
    REACHED_STILL_TO_BE_FOUND,
    REACHED_MISSED,
    REACHED_N,
};

static const struct {
    const char *what;
    uint64_t n_seeds; /* so many come to it for certain */
} reaches[REACHED_N] = {
    [REACHED_SHELVED] = {"put on a shelf", 100},
    [REACHED_RESTORED] = {"put on a shelf at a start", 100},
    [REACHED_READ] = {"read back", 100},
    [REACHED_READ_IN_PARTS] = {"read back in more than one part", 100},
    [REACHED_PURGED] = {"dropped from a shelf by a quarantine", 2000},
    [REACHED_EXPIRED] = {"dropped from a shelf since it had expired", 10000},
    [REACHED_FOUND_IN_PARTS] = {"found in more than one part for a session that is kept", 100},
    [REACHED_STILL_TO_BE_FOUND] = {"still to be found at a start", 500},
    [REACHED_MISSED] = {"missed while what it replaces was still to be shown", 500},
};

static uint64_t reached[REACHED_N];

void __wrap_queue_put(struct queue *q, const struct delivery *d)
{
    size_t before = queue_n_shelved(q);

    if (q->lane_max > 0 && settings.lane_max > 0)
        q->lane_max = settings.lane_max;
    __real_queue_put(q, d);
    reached[REACHED_SHELVED] += queue_n_shelved(q) - before;
}

void __wrap_queue_put_shelved(struct queue *q, const struct shelved *d)
{
    reached[REACHED_RESTORED]++;
    __real_queue_put_shelved(q, d);
}

size_t __wrap_queue_wants(const struct queue *q, uint64_t *ret, size_t n_max, size_t bytes_max)
{
    if (settings.lane_max > 0)
        n_max = (size_t)chance_between(1, 2 * settings.lane_max);
    return __real_queue_wants(q, ret, n_max, bytes_max);
}

size_t __wrap_session_read(struct session *s, const uint64_t *records, struct message **messages,
                           size_t n)
{
    reached[REACHED_READ] += n;
    return __real_session_read(s, records, messages, n);
}

size_t __wrap_session_drop_shelved(struct session *s, const uint64_t *records, size_t n,
                                   uint64_t until)
{
    size_t n_dropped = __real_session_drop_shelved(s, records, n, until);

    reached[REACHED_PURGED] += n_dropped;
    return n_dropped;
}

size_t __wrap_queue_expire(struct queue *q, uint64_t now_ns)
{
    size_t before = queue_n_shelved(q);
    size_t n = __real_queue_expire(q, now_ns);

    reached[REACHED_EXPIRED] += MIN(n, before - queue_n_shelved(q));
    return n;
}

static bool is_short[SIM_WORKERS_MAX]; /* the turn of now: it does nothing of what can wait */

/** paging_turn_begins() - of @worker; what a quarantine drops may wait for the next one */
void paging_turn_begins(unsigned worker)
{
    is_short[worker] = settings.lane_max > 0 && one_in(8);
}

bool __wrap_worker_is_spent(const struct worker *w)
{
    return is_short[w->index] || __real_worker_is_spent(w);
}

/* A start reads all at once. */
static uint64_t budget_of(uint64_t budget)
{
    return budget != UINT64_MAX && settings.lane_max > 0 ? chance_between(1, 8192) : budget;
}

int __wrap_journal_search_some(struct journal *j, struct journal_search *s, uint64_t budget,
                               journal_record_fn *each, void *arg)
{
    int r = __real_journal_search_some(j, s, budget_of(budget), each, arg);

    reached[REACHED_READ_IN_PARTS] += r == 1;
    return r;
}

int __wrap_journal_walk_some(struct journal *j, struct journal_walk *w, uint64_t budget,
                             journal_record_fn *each, void *arg)
{
    return __real_journal_walk_some(j, w, budget_of(budget), each, arg);
}

/* ---- what is retained ---- */

void __wrap_retained_turn_begins(struct worker *w)
{
    __real_retained_turn_begins(w);
    if (settings.small_parts)
        w->retained_budget = chance_between(1, 20);
}

size_t __wrap_router_retained_each(struct router *r, struct bytes filter, uint64_t now_ns,
                                   size_t n_max, retained_fn *each, void *arg)
{
    size_t most = settings.small_parts && n_max != SIZE_MAX ? chance_between(1, 20) : n_max;
    size_t n = __real_router_retained_each(r, filter, now_ns, most, each, arg);

    return n > most ? n_max + 1 : n;
}

bool __wrap_retained_find(struct worker *w, struct session *s)
{
    size_t bytes_max = s->queue_limits.bytes_max;
    bool found;

    if (settings.small_parts)
        s->queue_limits.bytes_max = chance_between(1, 2000);
    found = __real_retained_find(w, s);
    s->queue_limits.bytes_max = bytes_max;
    return found;
}

void __wrap_session_note_want(struct session *s, struct retained_want *want)
{
    reached[REACHED_FOUND_IN_PARTS] += want->record != 0;
    __real_session_note_want(s, want);
}

struct retained_want *__wrap_session_want_retained(struct session *s, struct subscription *sub,
                                                   uint64_t serial)
{
    reached[REACHED_STILL_TO_BE_FOUND] += s->conn == NULL;
    return __real_session_want_retained(s, sub, serial);
}

static struct misser {
    uint64_t client_key;
    unsigned n; /* times that retained messages are looked for again */
} missers[CLIENTS_MAX];
static size_t n_missers;

/** paging_start() - nobody has missed anything yet */
void paging_start(void)
{
    n_missers = 0;
}

static struct misser *misser_of(uint64_t client_key)
{
    size_t i = 0;

    while (i < n_missers && missers[i].client_key != client_key)
        i++;
    return i < n_missers ? &missers[i] : NULL;
}

/** paging_n_missed() - how often may what is retained come to @client_id once more, as it was found
 * for its SUBSCRIBE and came live? */
unsigned paging_n_missed(const char *client_id)
{
    const struct misser *m = misser_of(client_key(bytes_str(client_id)));

    return m != NULL ? m->n : 0;
}

void __wrap_session_missed(struct session *s, const struct receiver *r)
{
    struct misser *m = misser_of(s->client_key);

    if (m == NULL && n_missers < CLIENTS_MAX) {
        m = &missers[n_missers++];
        *m = (struct misser){.client_key = s->client_key};
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct retained_want *want = r->first[i]->want;

        reached[REACHED_MISSED] += want != NULL;
        if (m != NULL && want != NULL)
            m->n += want->last->until != RETAINED_SO_FAR;
    }
    __real_session_missed(s, r);
}

/** paging_expect_reached() - after @n_seeds: what so many come to happened in some of them */
void paging_expect_reached(uint64_t n_seeds)
{
    for (unsigned i = 0; i < REACHED_N; i++)
        expect(reached[i] > 0 || n_seeds < reaches[i].n_seeds,
               "in none of these seeds anything was %s", reaches[i].what);
}
