/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/receiver.c - a queue, a thread, attempts
 *
 * Whoever posts takes the lock for a few instructions; the thread sends without it.
 * After a failure it waits, twice as long each time.  At a stop it goes on for a
 * moment if the receiver still takes what it gets.
 */
#include <stdlib.h>
#include <time.h>

#include "alert/private.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static void letter_free(struct letter *l)
{
    free(l->record);
    free(l);
}

static struct letter *take_first(struct receiver *r)
{
    struct letter *l = list_item(r->queue.next, struct letter, link);

    list_remove(&l->link);
    r->counters.waiting--;
    return l;
}

static void put_back(struct receiver *r, struct letter *l)
{
    list_append(r->queue.next, &l->link); /* in front of the first */
    r->counters.waiting++;
}

static void drop_beyond(struct receiver *r, size_t max)
{
    list_each (it, &r->queue) {
        if (r->counters.waiting <= max)
            return;
        list_remove(it);
        letter_free(list_item(it, struct letter, link));
        r->counters.waiting--;
        r->counters.dropped++;
    }
}

/** destination_done() - free what it holds */
void destination_done(struct destination *d)
{
    tls_context_unref(d->tls);
    if (d->token_secret != NULL)
        explicit_bzero(d->token_secret, strlen(d->token_secret));
    free(d->token_secret);
    *d = (struct destination){0};
}

/** receiver_init() - no thread yet, and no destination: see receiver_change() */
void receiver_init(struct receiver *r, const struct receiver_kind *kind)
{
    pthread_condattr_t monotonic;

    r->kind = kind;
    r->fd = -1;
    r->counters.receiver = kind->name;
    list_init(&r->queue);
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/** receiver_change() - another destination, which is taken over; what waits goes there; any thread
 */
void receiver_change(struct receiver *r, struct destination *d)
{
    pthread_mutex_lock(&r->lock);
    destination_done(&r->next);
    r->next = *d;
    r->has_next = true;
    r->is_set = d->is_set;
    r->queue_max = d->queue_max;
    drop_beyond(r, d->is_set ? d->queue_max : 0);
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    *d = (struct destination){0};
}

/** receiver_post() - any thread; the oldest goes when there is no room */
void receiver_post(struct receiver *r, const char *record)
{
    struct letter *l;

    pthread_mutex_lock(&r->lock);
    if (r->is_set) {
        l = mem_new(struct letter);
        l->record = text_dup(record);
        list_init(&l->link);
        list_append(&r->queue, &l->link);
        r->counters.waiting++;
        drop_beyond(r, r->queue_max);
        pthread_cond_signal(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
}

/** receiver_count() - any thread; Return: false when it has no destination */
bool receiver_count(struct receiver *r, struct alert_counters *ret)
{
    bool is_set;

    pthread_mutex_lock(&r->lock);
    *ret = r->counters;
    is_set = r->is_set;
    pthread_mutex_unlock(&r->lock);
    return is_set;
}

static void wait_until(struct receiver *r, uint64_t at_ns)
{
    struct timespec t = {.tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S)};

    (void)pthread_cond_timedwait(&r->changed, &r->lock, &t);
}

/* Locked. */
static void take_destination(struct receiver *r)
{
    r->kind->close(r);
    destination_done(&r->to);
    r->to = r->next;
    r->next = (struct destination){0};
    r->has_next = false;
    r->retry_s = 0;
    r->retry_at_ns = 0;
}

/* Locked.  The next letter when its time has come; NULL: the end. */
static struct letter *next(struct receiver *r)
{
    for (;;) {
        uint64_t now_ns = clock_now_ns();

        if (r->has_next)
            take_destination(r);
        if (r->stopping && (r->retry_s > 0 || list_is_empty(&r->queue) || now_ns >= r->stop_by_ns))
            return NULL;
        if (list_is_empty(&r->queue))
            pthread_cond_wait(&r->changed, &r->lock);
        else if (now_ns < r->retry_at_ns)
            wait_until(r, r->retry_at_ns);
        else
            return take_first(r);
    }
}

static void failed(struct receiver *r, const char *why)
{
    if (r->retry_s == 0)
        log_warning("alert", "%s: not sent: %s; tried again", r->kind->name, why);
    r->counters.failures++;
    r->retry_s =
        r->retry_s == 0 ? ALERT_RETRY_MIN_S : MIN(2 * r->retry_s, (unsigned)ALERT_RETRY_MAX_S);
    r->retry_at_ns = clock_now_ns() + r->retry_s * NS_PER_S;
}

static void went_through(struct receiver *r)
{
    if (r->retry_s > 0)
        log_info("alert", "%s: takes incidents again", r->kind->name);
    r->retry_s = 0;
    r->retry_at_ns = 0;
}

/* Locked.  @l is taken over. */
static void account(struct receiver *r, struct letter *l, enum sent how, const char *why)
{
    switch (how) {
    case SENT_OK:
        r->counters.sent++;
        went_through(r);
        break;
    case SENT_REFUSED:
        log_warning("alert", "%s: refused an incident: %s", r->kind->name, why);
        r->counters.refused++;
        went_through(r);
        break;
    case SENT_FAILED:
        failed(r, why);
        put_back(r, l);
        drop_beyond(r, r->is_set ? r->queue_max : 0);
        return;
    }
    letter_free(l);
}

static void *run(void *arg)
{
    struct receiver *r = arg;
    struct letter *l;

    (void)pthread_setname_np(pthread_self(), r->kind->thread);
    check(r->sandbox == NULL || sandbox_enter(r->sandbox, SANDBOX_ALERT) == 0);
    pthread_mutex_lock(&r->lock);
    while ((l = next(r)) != NULL) {
        CLEANUP(buf_done) struct buf why = {0};
        json_t *record;
        enum sent how;

        pthread_mutex_unlock(&r->lock);
        record = json_loads(l->record, 0, NULL);
        check(record != NULL); /* our own */
        how = r->kind->send(r, record, &why);
        json_decref(record);
        buf_add_u8(&why, 0);
        pthread_mutex_lock(&r->lock);
        account(r, l, how, (const char *)why.at);
    }
    pthread_mutex_unlock(&r->lock);
    r->kind->close(r);
    return NULL;
}

/** receiver_start() - Return: 0 or -errno */
int receiver_start(struct receiver *r, const struct sandbox *sandbox)
{
    int err;

    r->sandbox = sandbox;
    err = pthread_create(&r->thread, NULL, run, r);
    r->is_started = err == 0;
    return err == 0 ? 0 : err_origin(-err);
}

/** receiver_done() - stop, and free all but @r itself */
void receiver_done(struct receiver *r)
{
    if (r->is_started) {
        pthread_mutex_lock(&r->lock);
        r->stopping = true;
        r->stop_by_ns = clock_now_ns() + ALERT_STOP_MS_MAX * NS_PER_MS;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->lock);
        (void)pthread_join(r->thread, NULL);
    }
    if (r->counters.waiting > 0)
        log_warning("alert", "%s: %llu incidents were not sent; incidents.jsonl has them",
                    r->kind->name, (unsigned long long)r->counters.waiting);
    drop_beyond(r, 0);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    destination_done(&r->to);
    destination_done(&r->next);
}
