/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/purge.c - a quarantine drops what waits, also what waits on shelves
 *
 * Which messages have a topic that is blocked only the journal knows: the scribe reads all of
 * it once, and tells the workers the ids.  It does so before it reads anything back that was
 * asked for later, so that a quarantine that is lifted again lets nothing through that it had
 * covered.
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

/** purge_begin() - what waits and is blocked by @r goes; fine if nothing is, or there is no journal
 */
void purge_begin(struct node *n, struct restraints *r)
{
    struct purge *p;

    if (n->scribe == NULL || !(restraints_directions(r) & QUARANTINE_DELIVER))
        return;
    p = mem_new(struct purge);
    p->node = n;
    p->restraints = restraints_ref(r);
    scribe_purge(n->scribe, p);
}

/* ---- workers ---- */

struct condemned {
    struct post post;
    struct buf records; /* uint64_t each, ascending */
};

static void take(struct worker *w, struct post *post)
{
    struct condemned *c = list_item(post, struct condemned, post);
    size_t cursor = 0;
    struct resident *resident;

    while ((resident = map_next(&w->residents, &cursor)) != NULL)
        w->counters.messages_quarantined +=
            session_drop_shelved(resident->session, (const uint64_t *)(void *)c->records.at,
                                 c->records.len / sizeof(uint64_t));
    buf_done(&c->records);
    free(c);
}

static void tell(struct worker *w, struct bytes records)
{
    struct condemned *c = mem_new(struct condemned);

    list_init(&c->post.mail.link);
    c->post.take = take;
    buf_add(&c->records, records);
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
            tell(p->node->workers[i], buf_view(&p->records));
    }
    return 0;
}
