/* SPDX-License-Identifier: Apache-2.0 */
/* node/scribe.c - see scribe.h */
#include "node/scribe_private.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/fetch.h"
#include "node/node_private.h"
#include "node/purge.h"

#define WAITING_BYTES_MAX (32U << 20) /* then publishers are held back */
#define RETRY_S           1
#define QUIET_S           1 /* then what was written last is proved to be whole */

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
    scribe_become(s, journal_has_room(s->journal) ? SCRIBE_OK : SCRIBE_FULL, 0);
    scribe_tell_stat(s);
    while (goes_on && (!is_stopping(s) || has_waiting(s))) {
        wait_for_work(s);
        goes_on = turn_until_written(s);
    }
    if (goes_on && !journal_is_proven(s->journal))
        goes_on = turn_until_written(s);
    if (goes_on)
        scribe_mark(s);
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
