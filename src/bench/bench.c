/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bench.c - one run: what the options amount to, its beginning and its end */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "bench/private.h"

#define PASSWORD_VARIABLE "BASTIDE_BENCH_PASSWORD"
#define LINE_BYTES_MAX    1024
#define SHOW_NS           (NS_PER_S / 4)
#define FRAMES_BYTES_MAX  (1ULL << 30)
#define PREFIX_BYTES_MAX  200

/* clang-format off */
static const struct scenario scenarios[] = {
    /* name       run           shape         publishers, subscribers, window, rate, messages */
    {"fanin",    traffic_run,  SHAPE_FANIN,  10,         1,           256,    0,    0},
    {"fanout",   traffic_run,  SHAPE_FANOUT, 1,          100,         64,     0,    0},
    {"pair",     traffic_run,  SHAPE_PAIR,   100,        100,         64,     0,    0},
    {"wild",     traffic_run,  SHAPE_WILD,   4,          100,         256,    0,    0},
    {"latency",  traffic_run,  SHAPE_PAIR,   50,         50,          64,     5000, 0},
    {"retained", retained_run, SHAPE_NONE,   1,          1,           64,     0,    10000},
    {"idle",     idle_run,     SHAPE_NONE,   1,          1,           1,      0,    0},
    {"churn",    churn_run,    SHAPE_NONE,   1,          1,           1,      0,    0},
    {"offline",  offline_run,  SHAPE_NONE,   1,          10,          64,     0,    1000},
    {"control",  control_run,  SHAPE_NONE,   0,          0,           0,      0,    0},
};
/* clang-format on */

static const struct scenario *find_scenario(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(scenarios); i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    return NULL;
}

/* What control has beside it; NULL: there is no such load. */
static const struct scenario *find_load(const struct bench_options *o)
{
    const struct scenario *s = find_scenario(o->load != NULL ? o->load : "pair");

    return s != NULL && s->shape != SHAPE_NONE ? s : NULL;
}

/* ---- what any thread may say ---- */

/** bench_fail() - the run cannot go on; the first reason counts; any thread */
void bench_fail(struct bench *b, enum bench_exit how, const char *format, ...)
{
    va_list args;

    pthread_mutex_lock(&b->lock);
    if (b->error == NULL) {
        va_start(args, format);
        b->error = text_vformat(format, args);
        va_end(args);
        b->exit = how;
    }
    pthread_mutex_unlock(&b->lock);
    atomic_store(&b->failed, true);
}

/* ---- the main thread ---- */

/**
 * bench_goes_on() - wait for @timeout_ms, or less
 *
 * Return: false when the run has failed or was interrupted.
 */
bool bench_goes_on(struct bench *b, int timeout_ms)
{
    struct pollfd p = {.fd = b->signal_fd, .events = POLLIN};
    struct signalfd_siginfo info;

    if (poll(&p, 1, timeout_ms) > 0 &&
        read(b->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        b->interrupted = true;
    return !b->interrupted && !atomic_load(&b->failed);
}

/** bench_sleep() - for @ns; Return: as bench_goes_on() */
bool bench_sleep(struct bench *b, uint64_t ns)
{
    uint64_t until_ns = clock_now_ns() + ns;
    uint64_t now_ns;

    while ((now_ns = clock_now_ns()) < until_ns) {
        if (!bench_goes_on(b, (int)MIN((until_ns - now_ns) / NS_PER_MS + 1, 100ULL)))
            return false;
    }
    return !b->interrupted && !atomic_load(&b->failed);
}

/** bench_show() - one line of progress on a terminal, not too often */
void bench_show(struct bench *b, const char *format, ...)
{
    uint64_t now_ns = clock_now_ns();
    va_list args;

    if (b->o.quiet || now_ns - b->shown_ns < SHOW_NS)
        return;
    b->shown_ns = now_ns;
    (void)fprintf(stderr, "\r\033[K%s: ", b->scenario->name);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
}

static void wipe_line(const struct bench *b)
{
    if (!b->o.quiet)
        (void)fprintf(stderr, "\r\033[K");
}

/* ---- what the options amount to ---- */

static void fill_in(struct bench *b)
{
    struct bench_options *o = &b->o;
    const struct scenario *s = b->load;

#define OR(field, value) o->field = o->field != 0 ? o->field : (value)
    OR(host, "127.0.0.1");
    OR(port, o->ca != NULL ? 8883 : 1883);
    OR(prefix, "bench");
    OR(size, 64);
    OR(publishers, s->shape == SHAPE_PAIR && o->subscribers != 0 ? o->subscribers : s->publishers);
    OR(subscribers, s->shape == SHAPE_PAIR ? o->publishers : s->subscribers);
    OR(window, s->window);
    OR(rate, s->rate);
    OR(messages, s->messages);
    OR(filters, 10000);
    OR(topics, 2000);
    OR(connections, 1000);
    OR(concurrency, 32);
    OR(threads, 1);
#undef OR
    o->duration = o->duration >= 0 ? o->duration : 5;
    o->warmup = o->warmup >= 0 ? o->warmup : 0.5;
    o->quiet = o->quiet || isatty(STDERR_FILENO) == 0;
    b->level = o->protocol != NULL && strcmp(o->protocol, "3.1.1") == 0 ? WIRE_V311 : WIRE_V5;
}

/* Return: NULL, or what is wrong, static. */
static const char *wrong_why(const struct bench *b)
{
    const struct bench_options *o = &b->o;

    if (b->load->shape == SHAPE_PAIR && o->publishers != o->subscribers)
        return "there are as many publishers as subscribers in pairs";
    if (o->size * (b->scenario->shape == SHAPE_WILD ? o->topics : o->publishers) > FRAMES_BYTES_MAX)
        return "that many topics of that size take more than 1 GiB";
    if (strlen(o->prefix) > PREFIX_BYTES_MAX)
        return "the prefix is too long";
    if (b->scenario->run == control_run && o->socket == NULL)
        return "control needs --socket, the node's admin socket";
    return NULL;
}

static bool read_line(struct bench *b, const char *path)
{
    char line[LINE_BYTES_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;
    int err = errno;

    if (fd >= 0)
        close(fd);
    if (n < 0) {
        bench_fail(b, BENCH_FAILED, "--password-file %s: %s", path, strerror(err));
        return false;
    }
    line[n] = '\0';
    b->password_secret = bytes_dup_str(bytes_of(line, strcspn(line, "\r\n")));
    explicit_bzero(line, sizeof(line));
    return true;
}

static bool find_password(struct bench *b)
{
    const char *value = getenv(PASSWORD_VARIABLE);

    if (b->o.password_file != NULL)
        return read_line(b, b->o.password_file);
    if (b->o.user != NULL && value != NULL)
        b->password_secret = text_dup(value);
    return true;
}

static bool look_up(struct bench *b)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char text[NI_MAXHOST];
    struct addrinfo *all = NULL;
    int r = getaddrinfo(b->o.host, NULL, &hints, &all);

    if (r == 0)
        r = getnameinfo(all->ai_addr, all->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    if (all != NULL)
        freeaddrinfo(all);
    if (r != 0) {
        bench_fail(b, BENCH_UNREACHABLE, "--host %s: %s", b->o.host, gai_strerror(r));
        return false;
    }
    b->host_address = text_dup(text);
    return true;
}

static bool prepare(struct bench *b)
{
    struct usage u;
    char *error = NULL;

    if (!find_password(b) || !look_up(b))
        return false;
    if (b->o.pid != 0 && usage_read(b->o.pid, &u) < 0) {
        bench_fail(b, BENCH_FAILED, "--pid %llu: there is no such process",
                   (unsigned long long)b->o.pid);
        return false;
    }
    if (b->o.ca == NULL)
        return true;
    b->tls = tls_context_new_client(b->o.ca, b->o.cert, b->o.key, &error);
    if (b->tls == NULL) {
        bench_fail(b, BENCH_FAILED, "%s", error);
        free(error);
    }
    return b->tls != NULL;
}

static void say_parameters(struct bench *b)
{
    const struct bench_options *o = &b->o;
    json_t *p = b->report.parameters;

    json_object_set_new(p, "host", json_string(o->host));
    json_object_set_new(p, "port", json_integer((json_int_t)o->port));
    json_object_set_new(p, "transport",
                        json_string(o->ca == NULL     ? "tcp"
                                    : o->cert == NULL ? "tls"
                                                      : "tls with client certificate"));
    json_object_set_new(p, "protocol", json_string(b->level == WIRE_V5 ? "5" : "3.1.1"));
    json_object_set_new(p, "qos", json_integer((json_int_t)o->qos));
    json_object_set_new(p, "size", json_integer((json_int_t)o->size));
    json_object_set_new(p, "threads", json_integer((json_int_t)o->threads));
}

/* ---- a run ---- */

/* SIGINT and SIGTERM are read by the main thread only: what was measured is still to be told. */
static void take_signals(struct bench *b, sigset_t *ret_before)
{
    sigset_t s;

    sigemptyset(&s);
    sigaddset(&s, SIGINT);
    sigaddset(&s, SIGTERM);
    check(pthread_sigmask(SIG_BLOCK, &s, ret_before) == 0);
    b->signal_fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
    check(b->signal_fd >= 0);
}

static void bench_init(struct bench *b, const struct scenario *s, const struct scenario *load,
                       bench_ask_fn *ask)
{
    b->scenario = s;
    b->load = load;
    b->ask = ask;
    check(getrandom(&b->run, sizeof(b->run), 0) == (ssize_t)sizeof(b->run));
    check(pthread_mutex_init(&b->lock, NULL) == 0);
    report_init(&b->report);
    fill_in(b);
}

static void bench_done(struct bench *b)
{
    report_done(&b->report);
    tls_context_unref(b->tls);
    if (b->password_secret != NULL)
        explicit_bzero(b->password_secret, strlen(b->password_secret));
    free(b->password_secret);
    free(b->host_address);
    free(b->error);
    pthread_mutex_destroy(&b->lock);
}

static enum bench_exit run(struct bench *b)
{
    sigset_t before;

    if (!prepare(b))
        return b->exit;
    say_parameters(b);
    take_signals(b, &before);
    b->scenario->run(b);
    wipe_line(b);
    close(b->signal_fd);
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (b->error != NULL)
        report_problem(&b->report, "%s", b->error);
    if (b->exit != BENCH_UNREACHABLE)
        report_write(b);
    if (b->exit == BENCH_OK && json_array_size(b->report.problems) > 0)
        b->exit = BENCH_FAILED;
    return b->exit;
}

/**
 * bench_main() - `bastide bench`
 * @argv:  argv[0] is "bench"
 * @ask:   how a node's API is asked, for the scenario control
 *
 * Return: one of enum bench_exit.
 */
int bench_main(int argc, char **argv, bench_ask_fn *ask)
{
    static struct bench b;
    const struct scenario *s, *load;
    const char *name = NULL;
    const char *problem;
    enum bench_exit rc;

    b = (struct bench){0};
    if (!options_read(argc, argv, &b.o, &name))
        return BENCH_USAGE;
    s = find_scenario(name);
    if (s == NULL) {
        (void)fprintf(stderr, "bastide bench: there is no scenario %s; see bastide help bench\n",
                      name);
        return BENCH_USAGE;
    }
    load = s->run == control_run ? find_load(&b.o) : s;
    if (load == NULL) {
        (void)fprintf(stderr,
                      "bastide bench control: --load %s: fanin, fanout, pair or wild is expected\n",
                      b.o.load);
        return BENCH_USAGE;
    }
    bench_init(&b, s, load, ask);
    problem = wrong_why(&b);
    if (problem != NULL) {
        (void)fprintf(stderr, "bastide bench %s: %s; see bastide help bench\n", name, problem);
        rc = BENCH_USAGE;
    } else {
        rc = run(&b);
        if (b.error != NULL)
            (void)fprintf(stderr, "bastide bench: %s\n", b.error);
    }
    bench_done(&b);
    return (int)rc;
}
