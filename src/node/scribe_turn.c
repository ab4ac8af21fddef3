/* SPDX-License-Identifier: Apache-2.0 */
/* node/scribe_turn.c - one turn of the scribe: write what was handed over, answer, read some */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/fetch.h"
#include "node/node_private.h"
#include "node/purge.h"
#include "node/scribe_private.h"
#include "store/journal_mark.h"

#define FRAME_BYTES_MAX (64U << 20) /* of batches in one commit; one that is larger goes alone */
#define READ_BYTES      (1U << 20)  /* read between two commits */
#define MARK_S          10

/* ---- states ---- */

/** scribe_become() - see scribe_private.h; said in the log and the audit */
void scribe_become(struct scribe *s, enum scribe_state next, int error)
{
    enum scribe_state before = scribe_state(s);

    if (before == next)
        return;
    atomic_store_explicit(&s->state, next, memory_order_relaxed);
    node_audit(s->node, "node", "journal", scribe_state_text(next),
               error < 0 ? strerror(-error) : "", scribe_state_text(before));
    switch (next) {
    case SCRIBE_OK:
        log_info("journal", "it is written again; messages above QoS 0 are taken");
        break;
    case SCRIBE_FULL:
        log_error("journal",
                  "nearly full: messages above QoS 0 are refused until queues have been emptied; "
                  "raise journal.bytes_max or make room on the disk");
        break;
    case SCRIBE_FAILED:
        log_error("journal",
                  "cannot be written: %s; nothing above QoS 0 is acknowledged, and it is tried "
                  "again each second",
                  strerror(-error));
        break;
    }
}

/* What has come of cleaning since @before. */
static void tell_of_cleaning(struct scribe *s, const struct journal_stat *before,
                             const struct journal_stat *now)
{
    if (now->n_damaged > before->n_damaged) {
        node_audit(s->node, "node", "journal", "damaged", "found when it was cleaned",
                   "the file is kept");
        log_error("journal",
                  "the oldest segment is damaged: some of what is needed of it is not in the "
                  "journal any more; the file is kept in journal/quarantine");
    }
    if (now->clean_error < 0 && now->clean_error != before->clean_error)
        log_error("journal",
                  "the oldest segment cannot be read: %s; its space does not come back until it "
                  "can",
                  strerror(-now->clean_error));
}

/* ---- the mark ---- */

/** scribe_mark() - see scribe_private.h; so that it is noticed when the end of the journal is taken
 * away: with each new segment, each MARK_S in which something was written, and at the end */
void scribe_mark(struct scribe *s)
{
    struct journal_mark m;

    journal_mark_of(s->journal, &m);
    if (m.number != s->marked)
        journal_mark_put(s->node->control, &m);
    s->marked = m.number;
}

static void mark_if_due(struct scribe *s)
{
    struct journal_stat stat;
    uint64_t now_ns = clock_now_ns();

    journal_stat(s->journal, &stat);
    if (stat.last_segment == s->marked_segment && now_ns < s->mark_ns)
        return;
    scribe_mark(s);
    s->marked_segment = stat.last_segment;
    s->mark_ns = now_ns + MARK_S * NS_PER_S;
}

/* ---- answers ---- */

struct answer {
    struct post post;
    uint64_t number;
};

static void take_answer(struct worker *w, struct post *p)
{
    struct answer *a = list_item(p, struct answer, post);

    note_flushed(w, a->number);
    free(a);
}

static void answer(struct worker *w, uint64_t number)
{
    struct answer *a = mem_new(struct answer);

    list_init(&a->post.mail.link);
    a->post.take = take_answer;
    a->number = number;
    worker_post(w, LANE_CONTROL, &a->post);
}

/** scribe_tell_stat() - see scribe_private.h */
void scribe_tell_stat(struct scribe *s)
{
    struct journal_stat stat;

    journal_stat(s->journal, &stat);
    tell_of_cleaning(s, &s->stat, &stat);
    pthread_mutex_lock(&s->lock);
    s->stat = stat;
    pthread_cond_broadcast(&s->committed);
    pthread_mutex_unlock(&s->lock);
}

/* ---- writing ---- */

/* Batches that are to be written together, in their order; and strays, which may drop what any
 * batch that waits has put, when none is left. */
static void gather(struct scribe *s, struct buf *ret_strays)
{
    pthread_mutex_lock(&s->lock);
    list_each (it, &s->waiting) {
        struct handed *h = list_item(it, struct handed, in_waiting);

        if (s->writing_bytes > 0 && s->writing_bytes + h->bytes.len > FRAME_BYTES_MAX)
            break;
        s->writing_bytes += h->bytes.len;
        list_remove(it);
        list_append(&s->writing, it);
    }
    s->reseal = false;
    if (list_is_empty(&s->waiting)) {
        *ret_strays = s->strays.bytes;
        s->strays.bytes = (struct buf){0};
    }
    pthread_mutex_unlock(&s->lock);
}

/* @strays: behind them, since their puts may be among them. */
static int commit(struct scribe *s, struct bytes strays)
{
    struct bytes *bytes;
    size_t n = 0;
    int r;

    if (list_is_empty(&s->writing) && strays.len == 0 && journal_is_proven(s->journal) &&
        !journal_wants_cleaning(s->journal))
        return 0; /* to see whether there is room again */
    list_each (it, &s->writing)
        n++;
    bytes = mem_alloc((n + 1) * sizeof(*bytes));
    n = 0;
    list_each (it2, &s->writing)
        bytes[n++] = buf_view(&list_item(it2, struct handed, in_waiting)->bytes);
    bytes[n++] = strays;
    r = journal_commit(s->journal, bytes, n);
    free(bytes);
    return r;
}

static int write_gathered(struct scribe *s)
{
    struct buf strays CLEANUP(buf_done) = {0};

    gather(s, &strays);
    return commit(s, buf_view(&strays));
}

static void answer_all(struct scribe *s)
{
    uint64_t flushed[WORKERS_MAX] = {0};

    list_each (it, &s->writing) {
        struct handed *h = list_item(it, struct handed, in_waiting);

        flushed[h->worker->index] = s->flushed[h->worker->index] = h->number;
        list_remove(it);
        buf_done(&h->bytes);
        free(h);
    }
    for (unsigned i = 0; i < s->node->n_workers; i++) {
        if (flushed[i] != 0)
            answer(s->node->workers[i], flushed[i]);
    }
}

/* ---- reading ---- */

/* The first of which all is on the device; NULL: there is none. */
static struct fetch *first_fetch(struct scribe *s)
{
    list_each (it, &s->fetches) {
        struct fetch *f = list_item(it, struct fetch, in_scribe);

        if (f->number <= s->flushed[f->worker->index])
            return f;
    }
    return NULL;
}

/* Others add to the lists only, at the end: what was first stays while it is worked on. */
static int read_first(struct scribe *s)
{
    struct purge *p = NULL;
    struct fetch *f = NULL;
    int r = 0;

    pthread_mutex_lock(&s->lock);
    if (!list_is_empty(&s->purges))
        p = list_item(s->purges.next, struct purge, in_scribe);
    else
        f = first_fetch(s);
    pthread_mutex_unlock(&s->lock);
    if (p != NULL)
        r = purge_some(p, s->journal, READ_BYTES);
    else if (f != NULL)
        r = fetch_some(f, s->journal, READ_BYTES);
    if (r != 0 || (p == NULL && f == NULL))
        return r;
    pthread_mutex_lock(&s->lock);
    list_remove(p != NULL ? &p->in_scribe : &f->in_scribe);
    pthread_mutex_unlock(&s->lock);
    if (p != NULL)
        purge_free(p);
    else
        fetch_answer(f);
    return 0;
}

/* What was asked for and cannot be read has not gone: its session waits. */
static void read_some(struct scribe *s)
{
    int before = s->read_error;
    int r = read_first(s);

    s->read_error = MIN(r, 0);
    if (r < 0 && r != before)
        log_error("journal",
                  "what waits for a client cannot be read: %s; it is tried again each second",
                  strerror(-r));
}

/** scribe_turn() - see scribe.h */
bool scribe_turn(struct scribe *s)
{
    int r = journal_is_pending(s->journal) ? journal_retry(s->journal) : write_gathered(s);

    if (r < 0) {
        scribe_become(s, SCRIBE_FAILED, r);
        return false;
    }
    atomic_fetch_sub(&s->waiting_bytes, s->writing_bytes);
    s->writing_bytes = 0;
    scribe_become(s, journal_has_room(s->journal) ? SCRIBE_OK : SCRIBE_FULL, 0);
    answer_all(s);
    mark_if_due(s);
    scribe_tell_stat(s);
    read_some(s);
    return true;
}
