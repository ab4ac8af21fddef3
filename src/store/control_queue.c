/* SPDX-License-Identifier: Apache-2.0 */
/* store/control_queue.c - what is asked of the control store, and the thread that does it */
#include "store/control_private.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define TIDY_NS (3600 * NS_PER_S)

/** job_free() - of a change */
void job_free(struct job *j)
{
    free(j->key);
    free(j->doc);
    for (int i = 0; i < AUDIT_TEXTS; i++)
        free(j->texts[i]);
    free(j);
}

/* ---- doing ---- */

static void do_one(struct control *c, struct job *j)
{
    if (j->kind != JOB_CALL) {
        list_append(&c->waiting, &j->link);
        return;
    }
    control_write_waiting(c); /* what was asked for before it is seen by it */
    j->call(c, j->arg);
    pthread_mutex_lock(&c->lock);
    j->is_done = true;
    pthread_cond_broadcast(&c->done);
    pthread_mutex_unlock(&c->lock);
}

static void do_all(struct control *c, struct list *jobs)
{
    list_each (it, jobs) {
        list_remove(it);
        do_one(c, list_item(it, struct job, link));
    }
    control_write_waiting(c);
    if (clock_now_ns() >= c->tidy_ns) {
        control_tidy(c);
        c->tidy_ns = clock_now_ns() + TIDY_NS;
    }
}

/* Under the lock, until there is something to do.  Changes that could not be written are tried
 * again when their time has come. */
static void wait_for_jobs(struct control *c)
{
    while (list_is_empty(&c->jobs) && !c->stopping) {
        struct timespec until = {.tv_sec = (time_t)(c->retry_ns / NS_PER_S),
                                 .tv_nsec = (long)(c->retry_ns % NS_PER_S)};

        if (list_is_empty(&c->waiting) || atomic_load(&c->is_broken))
            pthread_cond_wait(&c->wanted, &c->lock);
        else if (pthread_cond_timedwait(&c->wanted, &c->lock, &until) == ETIMEDOUT)
            return;
    }
}

static void *run(void *arg)
{
    struct control *c = arg;
    bool stopping = false;

    pthread_setname_np(pthread_self(), "control-store");
    if (c->begin != NULL)
        c->begin(c->begin_arg);
    while (!stopping) {
        struct list jobs = LIST_INIT(jobs);

        pthread_mutex_lock(&c->lock);
        wait_for_jobs(c);
        list_splice(&jobs, &c->jobs);
        stopping = c->stopping;
        pthread_mutex_unlock(&c->lock);
        do_all(c, &jobs);
    }
    return NULL;
}

/** control_start() - let a thread do what is asked from now on; see control.h */
int control_start(struct control *c, void (*begin)(void *arg), void *arg)
{
    int r;

    c->begin = begin;
    c->begin_arg = arg;
    r = pthread_create(&c->thread, NULL, run, c);

    if (r != 0)
        return err_origin(-r);
    c->has_thread = true;
    return 0;
}

/** control_stop_thread() - when nobody asks for anything any more; all that was asked for is done
 */
void control_stop_thread(struct control *c)
{
    struct list jobs = LIST_INIT(jobs);

    if (c->has_thread) {
        pthread_mutex_lock(&c->lock);
        c->stopping = true;
        pthread_cond_signal(&c->wanted);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
        c->has_thread = false;
    }
    list_splice(&jobs, &c->jobs);
    do_all(c, &jobs);
    audit_export(c, true);
}

/* ---- asking ---- */

static void post(struct control *c, struct job *j)
{
    list_init(&j->link);
    pthread_mutex_lock(&c->lock);
    list_append(&c->jobs, &j->link);
    pthread_cond_signal(&c->wanted);
    pthread_mutex_unlock(&c->lock);
}

/* Counted; the first is said. */
static void refuse(struct control *c, struct job *j, const char *why)
{
    if (atomic_fetch_add(&c->n_refused, 1) == 0)
        log_error("store", "%s: a change is not kept: %s", c->db_path, why);
    atomic_store(&c->is_kept, false);
    job_free(j);
}

/** control_ask() - a change; refused when too many wait */
void control_ask(struct control *c, struct job *j)
{
    if (atomic_fetch_add(&c->n_waiting, 1) < CONTROL_WAITING_MAX) {
        post(c, j);
        return;
    }
    atomic_fetch_sub(&c->n_waiting, 1);
    refuse(c, j, "too many wait to be written");
}

/** control_call() - run @call where the database is, behind what was asked for before; waits */
void control_call(struct control *c, void (*call)(struct control *c, void *arg), void *arg)
{
    struct job j = {.kind = JOB_CALL, .call = call, .arg = arg};
    struct list jobs = LIST_INIT(jobs);

    post(c, &j);
    if (!c->has_thread) {
        list_splice(&jobs, &c->jobs);
        do_all(c, &jobs);
        return;
    }
    pthread_mutex_lock(&c->lock);
    while (!j.is_done)
        pthread_cond_wait(&c->done, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static struct job *change(enum job_kind kind, enum control_table t, const char *key)
{
    struct job *j = mem_new(struct job);

    j->kind = kind;
    j->table = t;
    j->key = text_dup(key);
    return j;
}

static void ask_with_doc(struct control *c, struct job *j, uint64_t at_unix_ms, const char *doc)
{
    j->at_unix_ms = at_unix_ms;
    if (strlen(doc) > CONTROL_DOC_BYTES_MAX) {
        refuse(c, j, "it is larger than 1 MiB");
        return;
    }
    j->doc = text_dup(doc);
    control_ask(c, j);
}

/** control_put() - see control.h */
void control_put(struct control *c, enum control_table t, const char *key, uint64_t at_unix_ms,
                 const char *doc)
{
    ask_with_doc(c, change(JOB_PUT, t, key), at_unix_ms, doc);
}

/** control_append() - see control.h */
void control_append(struct control *c, enum control_table t, uint64_t at_unix_ms, const char *doc)
{
    ask_with_doc(c, change(JOB_APPEND, t, NULL), at_unix_ms, doc);
}

/** control_delete() - see control.h; a row that is not there is fine */
void control_delete(struct control *c, enum control_table t, const char *key)
{
    control_ask(c, change(JOB_DELETE, t, key));
}

static void tell_kept(struct control *c, void *arg)
{
    *(bool *)arg = list_is_empty(&c->waiting) && atomic_load(&c->n_refused) == 0;
}

/** control_flush() - see control.h */
bool control_flush(struct control *c)
{
    bool kept = false;

    control_call(c, tell_kept, &kept);
    return kept;
}

/** control_is_kept() - see control.h */
bool control_is_kept(const struct control *c)
{
    return atomic_load(&c->is_kept);
}

/** control_counts() - see control.h */
struct control_counts control_counts(const struct control *c)
{
    return (struct control_counts){
        .transactions = atomic_load(&c->n_transactions),
        .changes = atomic_load(&c->n_changes),
        .failures = atomic_load(&c->n_failures),
        .refused = atomic_load(&c->n_refused),
        .bytes = atomic_load(&c->n_bytes),
    };
}
