/* SPDX-License-Identifier: Apache-2.0 */
/* node/scribe.c - see scribe.h */
#include "node/scribe.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/fetch.h"
#include "node/node_private.h"
#include "node/purge.h"
#include "store/journal_mark.h"

#define WAITING_BYTES_MAX (32U << 20) /* then publishers are held back */
#define FRAME_BYTES_MAX   (64U << 20) /* of batches in one commit; one that is larger goes alone */
#define RETRY_S           1
#define QUIET_S           1          /* then what was written last is proved to be whole */
#define READ_BYTES        (1U << 20) /* read between two commits */
#define MARK_S            10

/* A batch of a worker. */
struct handed {
    struct list in_waiting;
    struct worker *worker;
    uint64_t number;
    struct buf bytes;
};

struct scribe {
    struct node *node;
    struct journal *journal;
    pthread_t thread;
    struct list writing; /* the thread's, as are the next: batches in the frame of now */
    size_t writing_bytes;
    uint64_t marked; /* the number that the mark says */
    uint64_t marked_segment;
    uint64_t mark_ns; /* when it is marked again, if something is written */
    atomic_int state;
    atomic_size_t waiting_bytes;
    pthread_mutex_t lock; /* for the rest */
    pthread_cond_t changed;
    pthread_cond_t committed;
    struct list waiting; /* struct handed, in their order */
    struct batch strays; /* what threads that are no workers have let go of */
    struct list fetches; /* struct fetch, in their order */
    struct list purges;  /* struct purge, the same */
    bool stopping;
    bool reseal; /* somebody waits for it */
    struct journal_stat stat;
    /* The thread's alone. */
    uint64_t flushed[WORKERS_MAX]; /* the last batch of each that is on the device */
    int read_error;                /* -errno: of the last time it was tried */
};

static void stray(void *arg, uint64_t record)
{
    struct scribe *s = arg;

    pthread_mutex_lock(&s->lock);
    batch_drop(&s->strays, record);
    pthread_mutex_unlock(&s->lock);
}

/** scribe_new() - see scribe.h */
struct scribe *scribe_new(struct node *n, struct journal *j)
{
    struct scribe *s = mem_new(struct scribe);
    pthread_condattr_t by_monotonic;

    s->node = n;
    s->journal = j;
    atomic_init(&s->state, SCRIBE_OK);
    list_init(&s->waiting);
    list_init(&s->fetches);
    list_init(&s->purges);
    list_init(&s->writing);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&by_monotonic);
    pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &by_monotonic);
    pthread_condattr_destroy(&by_monotonic);
    pthread_cond_init(&s->committed, NULL);
    record_forget_elsewhere_by(stray, s);
    return s;
}

/** scribe_free() - after scribe_stop(), or if it was never started; Return: NULL */
struct scribe *scribe_free(struct scribe *s)
{
    if (s == NULL)
        return NULL;
    list_splice(&s->waiting, &s->writing);
    list_each (it, &s->waiting) {
        struct handed *h = list_item(it, struct handed, in_waiting);

        list_remove(it);
        buf_done(&h->bytes);
        free(h);
    }
    list_each (it2, &s->fetches) {
        list_remove(it2);
        fetch_free(list_item(it2, struct fetch, in_scribe));
    }
    list_each (it3, &s->purges) {
        list_remove(it3);
        purge_free(list_item(it3, struct purge, in_scribe));
    }
    buf_done(&s->strays.bytes);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    pthread_cond_destroy(&s->committed);
    free(s);
    return NULL;
}

/** scribe_state_text() - "ok", "full", "failed" */
const char *scribe_state_text(enum scribe_state state)
{
    static const char *const text[] = {
        [SCRIBE_OK] = "ok",
        [SCRIBE_FULL] = "full",
        [SCRIBE_FAILED] = "failed",
    };

    return text[state];
}

/** scribe_state() - see scribe.h */
enum scribe_state scribe_state(const struct scribe *s)
{
    return (enum scribe_state)atomic_load_explicit(&s->state, memory_order_relaxed);
}

/** scribe_is_behind() - see scribe.h */
bool scribe_is_behind(const struct scribe *s)
{
    return atomic_load_explicit(&s->waiting_bytes, memory_order_relaxed) > WAITING_BYTES_MAX;
}

/** scribe_stat() - as of the last commit */
void scribe_stat(struct scribe *s, struct journal_stat *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->stat;
    pthread_mutex_unlock(&s->lock);
}

/** scribe_take() - see scribe.h */
bool scribe_take(struct scribe *s, struct worker *w, uint64_t number, struct buf *batch)
{
    struct handed *h = mem_new(struct handed);
    size_t len = batch->len;
    bool was_empty;

    h->worker = w;
    h->number = number;
    h->bytes = *batch;
    *batch = (struct buf){0};
    pthread_mutex_lock(&s->lock);
    was_empty = list_is_empty(&s->waiting);
    list_append(&s->waiting, &h->in_waiting);
    pthread_mutex_unlock(&s->lock);
    if (was_empty)
        pthread_cond_signal(&s->changed);
    return atomic_fetch_add(&s->waiting_bytes, len) + len <= WAITING_BYTES_MAX;
}

/** scribe_fetch() - see scribe.h */
void scribe_fetch(struct scribe *s, struct fetch *f)
{
    pthread_mutex_lock(&s->lock);
    list_append(&s->fetches, &f->in_scribe);
    pthread_mutex_unlock(&s->lock);
    pthread_cond_signal(&s->changed);
}

/** scribe_purge() - see scribe.h */
void scribe_purge(struct scribe *s, struct purge *p)
{
    pthread_mutex_lock(&s->lock);
    list_append(&s->purges, &p->in_scribe);
    pthread_mutex_unlock(&s->lock);
    pthread_cond_signal(&s->changed);
}

/* ---- states ---- */

static void become(struct scribe *s, enum scribe_state next, int error)
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

/* So that it is noticed when the end of the journal is taken away: with each new segment, each
 * MARK_S in which something was written, and at the end. */
static void mark(struct scribe *s)
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
    mark(s);
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

/* ---- the thread ---- */

static struct timespec in_s(time_t s)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += s;
    return t;
}

/* Under the lock. */
static bool wants_reading(const struct scribe *s)
{
    return !list_is_empty(&s->fetches) || !list_is_empty(&s->purges);
}

/** scribe_wants_turn() - see scribe.h */
bool scribe_wants_turn(struct scribe *s)
{
    bool wants;

    pthread_mutex_lock(&s->lock);
    wants = !list_is_empty(&s->waiting) || wants_reading(s);
    pthread_mutex_unlock(&s->lock);
    return wants;
}

/* Until batches wait, or there is other work. */
static void wait_for_work(struct scribe *s)
{
    struct timespec until = in_s(QUIET_S);
    bool has_work = journal_wants_cleaning(s->journal);
    bool reads = s->read_error == 0;
    bool is_proven = journal_is_proven(s->journal);
    int r = 0;

    pthread_mutex_lock(&s->lock);
    while (list_is_empty(&s->waiting) && !s->stopping && !s->reseal && !has_work &&
           !(reads && wants_reading(s)) && r != ETIMEDOUT) {
        if (is_proven && reads && scribe_state(s) == SCRIBE_OK)
            pthread_cond_wait(&s->changed, &s->lock);
        else
            r = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
}

static void tell_stat(struct scribe *s)
{
    struct journal_stat stat;

    journal_stat(s->journal, &stat);
    tell_of_cleaning(s, &s->stat, &stat);
    pthread_mutex_lock(&s->lock);
    s->stat = stat;
    pthread_cond_broadcast(&s->committed);
    pthread_mutex_unlock(&s->lock);
}

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

static bool is_stopping(struct scribe *s)
{
    bool stopping;

    pthread_mutex_lock(&s->lock);
    stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return stopping;
}

static void wait_for_retry(struct scribe *s)
{
    struct timespec until = in_s(RETRY_S);
    int r = 0;

    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->committed); /* who waits for it learns that it has failed */
    while (!s->stopping && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&s->changed, &s->lock, &until);
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
        become(s, SCRIBE_FAILED, r);
        return false;
    }
    atomic_fetch_sub(&s->waiting_bytes, s->writing_bytes);
    s->writing_bytes = 0;
    become(s, journal_has_room(s->journal) ? SCRIBE_OK : SCRIBE_FULL, 0);
    answer_all(s);
    mark_if_due(s);
    tell_stat(s);
    read_some(s);
    return true;
}

/* Return: false if it could not be written and the node stops. */
static bool turn_until_written(struct scribe *s)
{
    while (!scribe_turn(s)) {
        if (is_stopping(s)) {
            log_error("journal", "the last batch could not be written");
            return false;
        }
        wait_for_retry(s);
    }
    return true;
}

static bool has_waiting(struct scribe *s)
{
    bool has;

    pthread_mutex_lock(&s->lock);
    has = !list_is_empty(&s->waiting);
    pthread_mutex_unlock(&s->lock);
    return has;
}

static void *run(void *arg)
{
    struct scribe *s = arg;
    bool goes_on = true;

    pthread_setname_np(pthread_self(), "scribe");
    node_confine(s->node, SANDBOX_STORE);
    become(s, journal_has_room(s->journal) ? SCRIBE_OK : SCRIBE_FULL, 0);
    tell_stat(s);
    while (goes_on && (!is_stopping(s) || has_waiting(s))) {
        wait_for_work(s);
        goes_on = turn_until_written(s);
    }
    if (goes_on && !journal_is_proven(s->journal))
        goes_on = turn_until_written(s);
    if (goes_on)
        mark(s);
    return NULL;
}

/** scribe_start() - Return: 0 or -errno */
int scribe_start(struct scribe *s)
{
    int r = pthread_create(&s->thread, NULL, run, s);

    return r == 0 ? 0 : err_origin(-r);
}

/** scribe_reseal() - see scribe.h */
bool scribe_reseal(struct scribe *s, char **ret_error)
{
    uint32_t key = keyring_current(s->node->keys);
    bool done;

    pthread_mutex_lock(&s->lock);
    do {
        s->reseal = true;
        pthread_cond_signal(&s->changed);
        pthread_cond_wait(&s->committed, &s->lock);
        done = s->stat.oldest_key == key;
    } while (!done && !s->stopping && s->stat.clean_error == 0 && scribe_state(s) != SCRIBE_FAILED);
    pthread_mutex_unlock(&s->lock);
    if (!done)
        *ret_error =
            bytes_dup_str(BYTES("the journal cannot be read or written; the older data keys stay"));
    return done;
}

/** scribe_stop() - what has been handed over is written first; the workers' threads have ended */
void scribe_stop(struct scribe *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    pthread_cond_signal(&s->changed);
    pthread_join(s->thread, NULL);
    record_forget_elsewhere_by(NULL, NULL);
    pthread_cond_broadcast(&s->committed);
}
