/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/node.c - the life of a node: made, run, stopped
 *
 * node_new() does everything that can fail for a reason in the configuration;
 * node_run() drops privileges and starts the threads.  The main thread then waits for
 * signals and for what other threads ask of it.
 */
#include "node/node.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "crypto/keyring.h"
#include "node/held.h"
#include "node/listener_tls.h"
#include "node/node_private.h"
#include "node/reload.h"
#include "node/scribe.h"
#include "node/self_test.h"
#include "node/sentinel.h"
#include "node/sys.h"
#include "queue/held.h"
#include "store/control.h"

#define FILES_BESIDE_CONNECTIONS 256

/* ---- calls on workers ---- */

struct calls {
    void (*fn)(struct worker *w, void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t done;
    unsigned n_left;
};

struct call {
    struct post post;
    struct calls *all;
};

static void take_call(struct worker *w, struct post *p)
{
    struct calls *all = list_item(p, struct call, post)->all;

    pthread_mutex_lock(&all->lock);
    all->fn(w, all->arg);
    all->n_left--;
    pthread_cond_signal(&all->done);
    pthread_mutex_unlock(&all->lock);
}

static void call(struct worker *const *workers, unsigned n, void (*fn)(struct worker *w, void *arg),
                 void *arg)
{
    struct call posts[WORKERS_MAX];
    struct calls all = {
        .fn = fn,
        .arg = arg,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .done = PTHREAD_COND_INITIALIZER,
        .n_left = n,
    };

    for (unsigned i = 0; i < n; i++) {
        posts[i] = (struct call){.post = {.take = take_call}, .all = &all};
        worker_post(workers[i], LANE_CONTROL, &posts[i].post);
        atomic_store(&workers[i]->is_called, true);
    }
    pthread_mutex_lock(&all.lock);
    while (all.n_left > 0)
        pthread_cond_wait(&all.done, &all.lock);
    pthread_mutex_unlock(&all.lock);
}

/** node_call_worker() - run @fn on that worker's thread, before messages that wait, and wait for it
 */
void node_call_worker(struct node *n, unsigned worker, void (*fn)(struct worker *w, void *arg),
                      void *arg)
{
    call(&n->workers[worker], 1, fn, arg);
}

/**
 * node_call_all() - the same on every worker's thread, in whatever order they come to it
 *
 * One at a time: @arg is never used by two of them at once.  They end their turns side by side, so
 * it is what to use for what is urgent; as one may wait for another, @fn has to be short.
 */
void node_call_all(struct node *n, void (*fn)(struct worker *w, void *arg), void *arg)
{
    call(n->workers, n->n_workers, fn, arg);
}

/* ---- made ---- */

static unsigned workers_of(const struct config *c)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = c->workers > 0 ? c->workers : (unsigned)MAX(cpus, 1L);

    return MIN(n, (unsigned)WORKERS_MAX);
}

static bool make_workers(struct node *n, struct tls_context *const *tls, char **ret_error)
{
    n->n_workers = workers_of(n->config);
    for (unsigned i = 0; i < n->n_workers; i++)
        n->workers[i] = worker_new(n, i, n->n_workers);
    for (unsigned i = 0; i < n->n_workers; i++) {
        if (listen_open(n->workers[i], n->config, tls, ret_error) < 0)
            return false;
    }
    return true;
}

static void shared_span_set(struct shared_span *s, struct certificate_span to)
{
    atomic_store(&s->begins_unix_ms, to.begins_unix_ms);
    atomic_store(&s->ends_unix_ms, to.ends_unix_ms);
}

/** shared_span_get() - any thread */
struct certificate_span shared_span_get(const struct shared_span *s)
{
    return (struct certificate_span){.begins_unix_ms = atomic_load(&s->begins_unix_ms),
                                     .ends_unix_ms = atomic_load(&s->ends_unix_ms)};
}

/** node_note_certificates() - those that the listeners show from now on, and the revocation lists
 * that they look into; NULL: as before */
void node_note_certificates(struct node *n, struct tls_context *const *tls)
{
    for (size_t i = 0; i < n->started->n_listeners; i++) {
        if (tls[i] == NULL)
            continue;
        shared_span_set(&n->certificate_spans[i], tls_context_span(tls[i]));
        shared_span_set(&n->crl_spans[i], tls_context_crl_span(tls[i]));
    }
}

static bool make(struct node *n, char **ret_error)
{
    struct tls_context **tls;
    bool ok;

    n->policy = posture_policy(n, n->config, n->posture, ret_error);
    if (n->policy == NULL)
        return false;
    tls = listener_tls_new(n->config, ret_error);
    if (tls == NULL)
        return false;
    node_note_certificates(n, tls);
    ok = make_workers(n, tls, ret_error);
    listener_tls_free(tls, n->config->n_listeners);
    if (!ok)
        return false;
    n->control = control_open(n->config->state_dir, n->keys, ret_error);
    if (n->control == NULL)
        return false;
    control_import_lines(n->control, CONTROL_DRILL, "drills.jsonl");
    control_import_lines(n->control, CONTROL_ASSESSMENT, "assessments.jsonl");
    n->monitor = tap_monitor(n);
    n->sentinel = sentinel_new(n, ret_error);
    return n->sentinel != NULL;
}

/** node_set_log_level() - what is logged from here on, as @c has it; any thread */
void node_set_log_level(const struct config *c)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (c->log_level != NULL && strcmp(c->log_level, names[i]) == 0)
            log_level_set((enum log_level)i);
    }
}

/** node_new() - see node.h */
struct node *node_new(struct config *c, struct keyring *keys, char **ret_error)
{
    struct node *n = mem_new(struct node);

    n->config = c;
    n->started = c;
    json_object_seed(
        0); /* before there are threads: later it would open a file in one that may not */
    n->keys = keys;
    n->wake_fd = -1;
    atomic_init(&n->next_link, 1);
    pthread_mutex_init(&n->config_lock, NULL);
    pthread_mutex_init(&n->reload_lock, NULL);
    pthread_cond_init(&n->reload_done, NULL);
    n->started_unix_ms = clock_unix_ms();
    n->started_ns = clock_now_ns();
    atomic_init(&n->loaded_unix_ms, n->started_unix_ms);
    n->admission = admission_new();
    n->user_sessions = user_sessions_new();
    n->acquaintances = acquaintances_new();
    n->held = held_list_new();
    n->self_test = self_test_new(n);
    node_set_log_level(c);
    /* The same at each start: salts of users that do not exist would tell by changing. */
    keyring_derive_lasting(keys, BYTES("bastide scram nobody"), n->scram_key);
    if (!make(n, ret_error))
        return node_free(n);
    return n;
}

/** node_free() - see node.h; after node_run() has returned, or instead of it */
struct node *node_free(struct node *n)
{
    if (n == NULL)
        return NULL;
    n->sentinel = sentinel_free(n->sentinel);
    held_give_up(n, UINT64_MAX, "the node stops");
    n->held = held_list_free(n->held);
    n->control = control_close(n->control);
    for (unsigned i = 0; i < n->n_workers; i++)
        n->workers[i] = worker_free(n->workers[i]);
    n->monitor = monitor_free(n->monitor);
    n->admission = admission_free(n->admission);
    n->user_sessions = user_sessions_free(n->user_sessions);
    n->acquaintances = acquaintances_free(n->acquaintances);
    n->scribe = scribe_free(n->scribe);
    n->journal = journal_close(n->journal);
    n->journal_io = journal_io_close(n->journal_io);
    n->keys = keyring_free(n->keys);
    n->self_test = self_test_free(n->self_test);
    n->sandbox = sandbox_free(n->sandbox);
    policy_unref(n->policy);
    free(n->shutdown_reason);
    if (n->config != n->started)
        config_free(n->config);
    config_free(n->started);
    if (n->wake_fd >= 0)
        close(n->wake_fd);
    pthread_mutex_destroy(&n->config_lock);
    pthread_mutex_destroy(&n->reload_lock);
    pthread_cond_destroy(&n->reload_done);
    secret_wipe(n->scram_key, sizeof(n->scram_key));
    free(n);
    return NULL;
}

/** node_config() - see node.h */
const struct config *node_config(const struct node *n)
{
    return n->started;
}

/* ---- run ---- */

/** node_wake_main() - have the main thread look what is wanted of it; any thread */
void node_wake_main(struct node *n)
{
    uint64_t one = 1;

    check(write(n->wake_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

/** node_stop() - see node.h */
void node_stop(struct node *n, const char *author)
{
    log_info("node", "stop asked for by %s", author);
    node_audit(n, author, "stop", n->started->node_name, "", "begun");
    pthread_mutex_lock(&n->reload_lock);
    atomic_store(&n->stopping, true);
    pthread_mutex_unlock(&n->reload_lock);
    node_wake_main(n);
}

static int open_signals(void)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that is full is an error as others */
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    return fd >= 0 ? fd : err_origin(-errno);
}

static void take_signal(struct node *n, int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP) {
        reload_by_signal(n);
        return;
    }
    log_info("node", "%s: stopping", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    pthread_mutex_lock(&n->reload_lock);
    atomic_store(&n->stopping, true);
    pthread_mutex_unlock(&n->reload_lock);
}

static void serve(struct node *n, int signal_fd)
{
    struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN},
                           {.fd = n->wake_fd, .events = POLLIN}};
    struct sys *sys = sys_new(n);

    while (!atomic_load(&n->stopping)) {
        uint64_t count;

        if (poll(fds, COUNT_OF(fds), sys_turn(sys, n->config->sys_interval_s, clock_now_ns())) < 0)
            continue;
        if (fds[0].revents != 0)
            take_signal(n, signal_fd);
        if (fds[1].revents != 0 &&
            read(n->wake_fd, &count, sizeof(count)) == (ssize_t)sizeof(count)) {
            reload_answer(n);
        }
    }
    sys_free(sys);
}

static void confine_store(void *arg)
{
    node_confine(arg, SANDBOX_STORE);
}

static int start_threads(struct node *n)
{
    int r = 0;

    n->auth = auth_new(n);
    r = control_start(n->control, confine_store, n);
    for (unsigned i = 0; i < n->n_workers && r == 0; i++)
        r = worker_start(n->workers[i]);
    if (r == 0)
        r = sentinel_start(n->sentinel);
    if (r == 0)
        r = monitor_start(n->monitor);
    if (r == 0)
        r = self_test_start(n->self_test);
    return r;
}

static void stop_worker(struct worker *w, void *arg)
{
    (void)arg;
    w->stopping = true;
}

/* Ending a session may tell another worker: twice round empties every mailbox. */
static void empty_workers(struct node *n)
{
    for (unsigned i = 0; i < 2 * n->n_workers; i++)
        worker_empty(n->workers[i % n->n_workers]);
}

static void stop_threads(struct node *n)
{
    self_test_stop(n->self_test);
    sentinel_stop(n->sentinel);
    for (unsigned i = 0; i < n->n_workers; i++)
        node_call_worker(n, i, stop_worker, NULL);
    for (unsigned i = 0; i < n->n_workers; i++)
        pthread_join(n->workers[i]->thread, NULL);
    monitor_stop(n->monitor); /* it posts to the workers no more */
    n->auth =
        auth_free(n->auth); /* workers ask it to the last; its answers stay in their mailboxes */
    journal_end(n);
    empty_workers(n);
}

static void say_date(const struct config_listener *l, enum certificate_date date,
                     const struct buf *text)
{
    if (date == CERTIFICATE_ENDS_SOON)
        log_warning("node", "listener \"%s\": %.*s", l->name, BYTES_ARG(buf_view(text)));
    if (date == CERTIFICATE_OUT_OF_DATE)
        log_error("node", "listener \"%s\": %.*s", l->name, BYTES_ARG(buf_view(text)));
}

static void say_dates(const struct node *n, size_t i)
{
    const struct config_listener *l = &n->started->listeners[i];
    uint64_t now_unix_ms = clock_unix_ms();
    CLEANUP(buf_done) struct buf text = {0};

    say_date(l, certificate_date(shared_span_get(&n->certificate_spans[i]), now_unix_ms, &text),
             &text);
    text.len = 0;
    say_date(l, crl_date(shared_span_get(&n->crl_spans[i]), l->crl, now_unix_ms, &text), &text);
}

static void say_where(const struct node *n)
{
    for (size_t i = 0; i < n->started->n_listeners; i++) {
        const struct config_listener *l = &n->started->listeners[i];
        struct buf text CLEANUP(buf_done) = {0};

        config_listener_describe(l, &text);
        log_info("node", "listener \"%s\": %.*s", l->name, BYTES_ARG(buf_view(&text)));
        if (l->has_tls)
            say_dates(n, i);
    }
}

static int prepare_process(struct node *n)
{
    size_t connections_max = policy_limits(n->policy)->connections_max;
    size_t want = connections_max + FILES_BESIDE_CONNECTIONS;
    size_t may = 0;
    int r = files_limit_raise(want, &may);

    if (r == -EPERM)
        log_warning(
            "node",
            "limits.connections_max is %zu, which takes %zu open files, but this process may "
            "have %zu: past some %zu connections new ones are not accepted; raise the limit "
            "(LimitNOFILE= of the service, ulimit -n), or lower connections_max",
            connections_max, want, may,
            may > FILES_BESIDE_CONNECTIONS ? may - FILES_BESIDE_CONNECTIONS : 0);
    else if (r < 0)
        log_warning("node", "the limit of open files: %s", strerror(-r));
    return confine_process(n);
}

/** node_run() - see node.h */
int node_run(struct node *n, const struct node_hooks *hooks)
{
    int signal_fd = open_signals();
    int status = 1;

    memory_begin();
    n->hooks = hooks;
    n->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd < 0 || n->wake_fd < 0 || prepare_process(n) < 0)
        goto out;
    if (!journal_begin(n)) {
        empty_workers(n);
        goto out;
    }
    if (start_threads(n) < 0) {
        struct buf trail = {0};

        err_format(&trail);
        log_error("node", "threads did not start: %.*s", BYTES_ARG(buf_view(&trail)));
        abort(); /* some run already; nothing was served */
    }
    if (hooks == NULL || hooks->started == NULL || hooks->started(hooks->owner, n) == 0) {
        say_where(n);
        node_confine(n, SANDBOX_MAIN);
        log_info("node", "\"%s\" serves with %u workers", n->started->node_name, n->n_workers);
        node_audit(n, "node", "start", n->started->node_name, "version " BASTIDE_VERSION, "serves");
        serve(n, signal_fd);
        status = 0;
    }
    atomic_store(&n->stopping, true);
    reload_refuse_late(n);
    if (hooks != NULL && hooks->stopping != NULL)
        hooks->stopping(hooks->owner);
    if (n->shutdown_reason != NULL)
        evidence_keep(n, n->shutdown_reason);
    stop_threads(n);
    node_audit(n, "node", "stop", n->started->node_name, "", "stopped");
    log_info("node", "stopped");
out:
    if (signal_fd >= 0)
        close(signal_fd);
    return status;
}
