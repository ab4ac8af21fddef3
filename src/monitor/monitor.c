/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/monitor.c - see monitor.h: blocks in, lines out, one thread */
#include "monitor/monitor.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "monitor/private.h"

struct monitor {
    struct monitor_settings settings; /* the thread's own while it runs, as are */
    char *log_dir;                    /* owned; of settings */
    struct log_file files[MONITOR_KIND_N];
    struct buf lines[MONITOR_KIND_N]; /* not written yet */
    uint64_t n_lines[MONITOR_KIND_N];
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    struct list blocks;
    unsigned n_blocks;
    bool stopping;
    bool reopen;
    struct monitor_settings next; /* take the place of settings before the next block, */
    char *next_log_dir;           /* owned */
    bool has_next;                /* if there are some */
    struct monitor_counters counters;
};

/** monitor_kind_text() - "mqtt_publish"; static */
const char *monitor_kind_text(enum monitor_kind kind)
{
    static const char *const texts[] = {
#define X(name, text) [MONITOR_##name] = text,
        MONITOR_KINDS(X)
#undef X
    };

    check(kind < MONITOR_KIND_N);
    return texts[kind];
}

/* ---- blocks; of the thread that fills them ---- */

/** monitor_block_new() - an empty one */
struct monitor_block *monitor_block_new(void)
{
    struct monitor_block *b = mem_alloc(sizeof(*b));

    list_init(&b->link);
    b->n = 0;
    b->text_len = 0;
    return b;
}

/** monitor_block_free() - @b may be NULL */
void monitor_block_free(struct monitor_block *b)
{
    free(b);
}

static struct bytes keep(struct monitor_block *b, struct bytes s)
{
    struct bytes kept = bytes_of(b->text + b->text_len, s.len);

    if (s.len > 0)
        memcpy(b->text + b->text_len, s.at, s.len);
    b->text_len += s.len;
    return kept;
}

/** monitor_leave() - append @r, its strings copied; Return: false if it does not fit */
bool monitor_leave(struct monitor_block *b, const struct monitor_record *r)
{
    size_t len = r->client_address.len + r->listener_address.len + r->client_id.len + r->user.len +
                 r->topic.len + r->status.len + r->payload.len;
    struct monitor_record *to;

    if (b->n == MONITOR_RECORDS_MAX || b->text_len + len > sizeof(b->text))
        return false;
    to = &b->records[b->n++];
    *to = *r;
    to->client_address = keep(b, r->client_address);
    to->listener_address = keep(b, r->listener_address);
    to->client_id = keep(b, r->client_id);
    to->user = keep(b, r->user);
    to->topic = keep(b, r->topic);
    to->status = keep(b, r->status);
    to->payload = keep(b, r->payload);
    return true;
}

/** monitor_take() - see monitor.h */
void monitor_take(struct monitor *m, struct monitor_block *b)
{
    bool fits;

    pthread_mutex_lock(&m->lock);
    fits = m->n_blocks < MONITOR_BLOCKS_MAX;
    if (fits) {
        list_append(&m->blocks, &b->link);
        m->n_blocks++;
        pthread_cond_signal(&m->changed);
    } else {
        m->counters.dropped += b->n;
    }
    pthread_mutex_unlock(&m->lock);
    if (!fits)
        monitor_block_free(b);
}

/** monitor_reopen() - see monitor.h */
void monitor_reopen(struct monitor *m)
{
    pthread_mutex_lock(&m->lock);
    m->reopen = true;
    pthread_mutex_unlock(&m->lock);
}

/** monitor_dropped() - see monitor.h */
void monitor_dropped(struct monitor *m, uint64_t n)
{
    pthread_mutex_lock(&m->lock);
    m->counters.dropped += n;
    pthread_mutex_unlock(&m->lock);
}

/** monitor_count() - see monitor.h */
struct monitor_counters monitor_count(struct monitor *m)
{
    struct monitor_counters c;

    pthread_mutex_lock(&m->lock);
    c = m->counters;
    pthread_mutex_unlock(&m->lock);
    return c;
}

/** monitor_change() - see monitor.h */
void monitor_change(struct monitor *m, const struct monitor_settings *s)
{
    pthread_mutex_lock(&m->lock);
    free(m->next_log_dir);
    m->next = *s;
    m->next_log_dir = text_dup(s->log_dir);
    m->next.log_dir = m->next_log_dir;
    m->has_next = true;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

/* ---- the thread ---- */

static void files_done(struct monitor *m)
{
    for (unsigned k = 0; m->log_dir != NULL && k < MONITOR_KIND_N; k++)
        log_file_done(&m->files[k]);
    free(m->log_dir);
    m->log_dir = NULL;
}

/* Locked. */
static void take_settings(struct monitor *m)
{
    const struct monitor_settings *s = &m->next;

    files_done(m);
    m->log_dir = m->next_log_dir;
    m->next_log_dir = NULL;
    m->settings = *s;
    m->has_next = false;
    for (unsigned k = 0; s->log_dir != NULL && k < MONITOR_KIND_N; k++)
        log_file_init(&m->files[k], s->log_dir, monitor_kind_text(k), s->log_bytes_max,
                      s->log_files);
}

static void hand_out(struct monitor *m, enum monitor_kind kind)
{
    struct bytes lines = buf_view(&m->lines[kind]);
    bool ok = true;

    if (lines.len == 0)
        return;
    if (m->log_dir != NULL)
        ok = log_file_append(&m->files[kind], lines);
    if (m->settings.tap != NULL)
        m->settings.tap(m->settings.arg, kind, lines);
    pthread_mutex_lock(&m->lock);
    m->counters.records += m->n_lines[kind];
    m->counters.write_failures += !ok;
    pthread_mutex_unlock(&m->lock);
    m->lines[kind].len = 0;
    m->n_lines[kind] = 0;
}

static void take_block(struct monitor *m, const struct monitor_block *b)
{
    struct monitor_now now = {clock_now_ns(), clock_unix_ms()};

    for (unsigned i = 0; i < b->n; i++) {
        enum monitor_kind kind = b->records[i].kind;

        monitor_format(&m->lines[kind], &b->records[i], now, m->settings.started_unix_ms);
        m->n_lines[kind]++;
        if (m->lines[kind].len > MONITOR_LINES_BYTES_MAX)
            hand_out(m, kind);
    }
}

static void work(struct monitor *m, struct list *blocks, bool reopen)
{
    for (unsigned k = 0; reopen && m->log_dir != NULL && k < MONITOR_KIND_N; k++)
        log_file_close(&m->files[k]);
    list_each (it, blocks) {
        struct monitor_block *b = list_item(it, struct monitor_block, link);

        list_remove(it);
        take_block(m, b);
        monitor_block_free(b);
    }
    for (unsigned k = 0; k < MONITOR_KIND_N; k++)
        hand_out(m, k);
}

static void *run(void *arg)
{
    struct monitor *m = arg;
    bool ends = false;

    (void)pthread_setname_np(pthread_self(), "monitor");
    if (m->settings.begin != NULL)
        m->settings.begin(m->settings.arg);
    while (!ends) {
        struct list blocks = LIST_INIT(blocks);
        bool reopen;

        pthread_mutex_lock(&m->lock);
        while (!m->stopping && !m->has_next && list_is_empty(&m->blocks))
            pthread_cond_wait(&m->changed, &m->lock);
        if (m->has_next)
            take_settings(m);
        list_splice(&blocks, &m->blocks);
        m->n_blocks = 0;
        ends = m->stopping;
        reopen = m->reopen;
        m->reopen = false;
        pthread_mutex_unlock(&m->lock);
        work(m, &blocks, reopen);
    }
    return NULL;
}

/* ---- life ---- */

/** monitor_new() - no thread yet, no file is opened */
struct monitor *monitor_new(const struct monitor_settings *s)
{
    struct monitor *m = mem_new(struct monitor);

    list_init(&m->blocks);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    monitor_change(m, s);
    take_settings(m);
    return m;
}

/** monitor_start() - Return: 0 or -errno */
int monitor_start(struct monitor *m)
{
    int err = pthread_create(&m->thread, NULL, run, m);

    m->is_started = err == 0;
    return err == 0 ? 0 : err_origin(-err);
}

/** monitor_stop() - see monitor.h */
void monitor_stop(struct monitor *m)
{
    if (m->is_started) {
        pthread_mutex_lock(&m->lock);
        m->stopping = true;
        pthread_cond_signal(&m->changed);
        pthread_mutex_unlock(&m->lock);
        (void)pthread_join(m->thread, NULL);
    }
    m->is_started = false;
    m->settings.tap = NULL;
}

/** monitor_free() - what waits is written; nobody gives it anything any more; Return: NULL */
struct monitor *monitor_free(struct monitor *m)
{
    if (m == NULL)
        return NULL;
    monitor_stop(m);
    work(m, &m->blocks, false);
    files_done(m);
    free(m->next_log_dir);
    for (unsigned k = 0; k < MONITOR_KIND_N; k++)
        buf_done(&m->lines[k]);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->changed);
    free(m);
    return NULL;
}
