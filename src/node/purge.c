/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/purge.c - a quarantine drops what waits, also what waits on shelves
 *
 * Which messages have a topic that is blocked only the journal knows: the scribe reads all of
 * it once, and tells the workers the ids.  It does so before it reads anything back that was
 * asked for later, so that a quarantine that is lifted again lets nothing through that it had
 * covered.  Nor does it take more, however late that is: each worker says what it had given an id
 * by when it came to know of the quarantine, and no delivery that it has promised since then goes.
 *
 * A worker has to look through all that waits, which may be much: some sessions in each turn, and
 * a session of which something is read back before that.
 *
 * MQ.RS.RP-03
 */
#include "node/purge.h"

#include <stdlib.h>

#include "base/mem.h"
#include "node/node_private.h"
#include "node/scribe.h"

/** purge_free() - Return: NULL */
struct purge *purge_free(struct purge *p)
{
    if (p == NULL)
        return NULL;
    restraints_unref(p->restraints);
    buf_done(&p->records);
    free(p);
    return NULL;
}

/** purge_new() - of what waits and is blocked by @r; NULL: nothing is, or there is no journal */
struct purge *purge_new(struct node *n, struct restraints *r)
{
    struct purge *p;

    if (n->scribe == NULL || !(restraints_directions(r) & QUARANTINE_DELIVER))
        return NULL;
    p = mem_new(struct purge);
    p->node = n;
    p->restraints = restraints_ref(r);
    return p;
}

/** purge_cover() - what is on the shelves of @w now, which has just come to know of the restraints;
 * @p may be NULL */
void purge_cover(struct purge *p, const struct worker *w)
{
    if (p != NULL)
        p->until[w->index] = notes_last(w->notes);
}

/** purge_begin() - all workers were covered; @p is taken, and may be NULL */
void purge_begin(struct purge *p)
{
    if (p != NULL)
        scribe_purge(p->node->scribe, p);
}

/** purge_at_start() - of what earlier runs left, before the workers start: a quarantine may have
 * begun just before the last stop */
void purge_at_start(struct node *n)
{
    struct purge *p = purge_new(n, n->workers[0]->restraints);

    for (unsigned i = 0; i < n->n_workers; i++)
        purge_cover(p, n->workers[i]);
    purge_begin(p);
}

/* ---- workers ---- */

/* Messages that are to go from the shelves of one worker. */
struct condemned {
    struct post post;      /* to it, and from one turn to the next */
    struct list in_worker; /* while not all sessions were looked through */
    uint64_t number;       /* how manieth of this worker; 0: not yet taken */
    uint64_t until;        /* deliveries with a greater id came later, and stay */
    struct buf records;    /* of the messages, uint64_t each, ascending */
};

/** purge_session() - what is condemned goes from the shelf of @r; before anything of it is read
 * back */
void purge_session(struct worker *w, struct resident *r)
{
    list_each (it, &w->condemned) {
        const struct condemned *c = list_item(it, struct condemned, in_worker);

        if (c->number > r->purged)
            w->counters.messages_quarantined +=
                session_drop_shelved(r->session, (const uint64_t *)(void *)c->records.at,
                                     c->records.len / sizeof(uint64_t), c->until);
    }
    r->purged = w->n_purges;
}

/* Return: false if there is no time for all in this turn. */
static bool purge_sessions(struct worker *w)
{
    size_t cursor = 0;
    struct resident *r;

    while ((r = map_next(&w->residents, &cursor)) != NULL) {
        if (r->purged == w->n_purges)
            continue;
        if (worker_is_spent(w) && !w->stopping)
            return false;
        w->work_beside += queue_n_shelved(&r->session->queue);
        purge_session(w, r);
    }
    return true;
}

static void take(struct worker *w, struct post *post)
{
    struct condemned *c = list_item(post, struct condemned, post);

    if (c->number == 0) {
        c->number = ++w->n_purges;
        list_append(&w->condemned, &c->in_worker);
    }
    if (!purge_sessions(w)) {
        worker_post(w, LANE_CONTROL, post);
        return;
    }
    list_remove(&c->in_worker);
    buf_done(&c->records);
    free(c);
}

static void tell(const struct purge *p, struct worker *w)
{
    struct condemned *c = mem_new(struct condemned);

    list_init(&c->post.mail.link);
    list_init(&c->in_worker);
    c->post.take = take;
    c->until = p->until[w->index];
    buf_add(&c->records, buf_view(&p->records));
    worker_post(w, LANE_CONTROL, &c->post);
}

/* ---- the scribe's part ---- */

static void look(void *arg, uint8_t kind, uint64_t id, struct bytes record)
{
    struct purge *p = arg;
    struct message_record m;

    if (kind == RECORD_MESSAGE && record_get_message(record, &m) &&
        restraints_block(p->restraints, QUARANTINE_DELIVER, m.topic) != NULL)
        buf_add(&p->records, bytes_of(&id, sizeof(id)));
}

static int by_id(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/** purge_some() - see purge.h */
int purge_some(struct purge *p, struct journal *j, uint64_t budget)
{
    int r = journal_walk_some(j, &p->walk, budget, look, p);

    if (r != 0)
        return r;
    if (p->records.len > 0) {
        qsort(p->records.at, p->records.len / sizeof(uint64_t), sizeof(uint64_t), by_id);
        for (unsigned i = 0; i < p->node->n_workers; i++)
            tell(p, p->node->workers[i]);
    }
    return 0;
}
