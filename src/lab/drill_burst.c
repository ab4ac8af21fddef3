/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_burst.c - one client sends at ten times its limit; is it limited, and do others notice?
 *
 * A bystander measures how long its own messages are on their way, first while all is quiet, then
 * during the burst, which a process of its own sends.  What comes of the burst is counted by a
 * reader: no more than the limit may.
 *
 * MQ.PR.SP-05
 */
#include "lab/drill.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "client/client.h"
#include "conf/conf.h"

#define TOPIC       "fmb/drill/" DRILL_NAME "/burst"
#define SOURCE      "127.0.0.212"
#define TIMES       10 /* the limit */
#define BURST_S     6
#define AVERAGE_S   5    /* over which the node's limit is: so much may come at once */
#define TOLERANCE   1.5  /* what was read in one go is taken before the limit holds it back */
#define PER_S_MAX   2000 /* a limit above that this client cannot pass by so much */
#define PER_S_DEFLT 1000
#define PATIENT_MS  10000
#define PAUSE_MS    5 /* at least, between two messages of the bystander */
#define SAMPLES_MAX 4096

struct burst {
    struct drill *d;
    unsigned per_s;        /* the limit */
    struct client *reader; /* owned */
    size_t n_came;
    double counted_s;       /* for so long it was counted what came */
    double ms[SAMPLES_MAX]; /* of the bystander's messages */
    size_t n;
};

/* ---- the limit ---- */

static bool number_of(struct conf_value v, double *ret)
{
    return conf_given(v) && conf_number(v, 1, 1e8, ret);
}

/* Of the drill's role, or else of the node. */
static bool find_limit(const struct drill *d, unsigned *ret, char **ret_error)
{
    char *path = text_format("%s/bastide.yaml", d->home.dir);
    struct conf *c = conf_open(path);
    struct conf_value root = conf_root(c);
    struct conf_value role = conf_get(conf_get(root, "roles"), DRILL_ROLE);
    double per_s = PER_S_DEFLT;
    bool ok;

    if (!number_of(conf_get(role, "messages_per_s_max"), &per_s))
        (void)number_of(conf_get(conf_get(root, "limits"), "messages_per_s_max"), &per_s);
    *ret = (unsigned)per_s;
    ok = conf_ok(c, ret_error);
    conf_close(c);
    free(path);
    return ok;
}

/* ---- who floods, in a process of its own ---- */

static struct client *client_as(const struct drill *d, const char *id)
{
    return drill_client(d, d->tls_nobody, id, SOURCE);
}

static void flood(const struct drill *d, unsigned per_s)
{
    const struct client_message m = {.topic = BYTES(TOPIC), .payload = BYTES("burst")};
    struct client *c = client_as(d, "drill-2-burst");
    enum client_outcome o = client_connect(c);
    uint64_t begun_ns = clock_now_ns();
    uint64_t n = 0;

    while (o == CLIENT_OK && clock_now_ns() - begun_ns < BURST_S * NS_PER_S) {
        uint64_t due = (clock_now_ns() - begun_ns) * per_s / NS_PER_S;

        for (; o == CLIENT_OK && n < due; n++)
            o = client_publish_start(c, &m);
        if (o == CLIENT_OK)
            o = client_flush(c);
        usleep(1000);
    }
    client_free(c);
}

static pid_t flooder_start(const struct burst *b)
{
    pid_t pid = fork();

    check(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        flood(b->d, b->per_s * TIMES);
        _exit(EXIT_SUCCESS);
    }
    return pid;
}

/* ---- the bystander ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void count_what_came(struct burst *b)
{
    struct client_message m;

    while (client_next(b->reader, 0, &m) == CLIENT_OK)
        b->n_came++;
}

/* For @seconds; Return: the 99th percentile in ms, < 0: one did not come back, see @ret_error. */
static double p99_ms(struct burst *b, unsigned seconds, char **ret_error)
{
    /* Its own limit is the same: it needs a quarter of that at most. */
    const unsigned pause_us = MAX(PAUSE_MS * 1000U, 4000000U / b->per_s);
    uint64_t begun_ns = clock_now_ns();

    b->n = 0;
    while (b->n < SAMPLES_MAX && clock_now_ns() - begun_ns < seconds * NS_PER_S) {
        uint64_t sent_ns = clock_now_ns();

        if (!bystander_is_well(b->d, ret_error))
            return -1;
        b->ms[b->n++] = (double)(clock_now_ns() - sent_ns) / (double)NS_PER_MS;
        count_what_came(b);
        usleep(pause_us);
    }
    qsort(b->ms, b->n, sizeof(b->ms[0]), compare);
    return b->ms[b->n * 99 / 100];
}

/* ---- both ---- */

static bool reader_comes(struct burst *b, char **ret_error)
{
    b->reader = client_as(b->d, "drill-2-reader");
    return drill_comes_in(b->d, b->reader, ret_error) &&
           (client_subscribe(b->reader, TOPIC, 0) == CLIENT_OK ||
            text_fail(ret_error, "the drill's reader: %s", client_error(b->reader)));
}

static bool report(struct burst *b, double normal_ms, double burst_ms, char **ret_error)
{
    size_t most = (size_t)(TOLERANCE * b->per_s * (AVERAGE_S + b->counted_s));
    bool limited = b->n_came > 0 && b->n_came <= most;
    bool quick = burst_ms < 2 * normal_ms;
    char *text =
        text_format("a burst of %u messages a second for %d s, where %u are allowed: %zu came, at "
                    "most %zu may; "
                    "of others' messages 99 in 100 took %.2f ms at most, before it %.2f ms",
                    b->per_s * TIMES, BURST_S, b->per_s, b->n_came, most, burst_ms, normal_ms);

    drill_tell(b->d, limited && quick, text);
    free(text);
    if (b->n_came == 0)
        return text_fail(ret_error, "nothing of the burst came");
    return drill_value(b->d, "MQ.PR.SP-05.t2", limited && quick, (unsigned)b->n, "R07", ret_error);
}

static bool measure(struct burst *b, char **ret_error)
{
    double normal_ms = p99_ms(b, BURST_S, ret_error);
    uint64_t begun_ns;
    double burst_ms;
    pid_t pid;

    if (normal_ms < 0)
        return false;
    begun_ns = clock_now_ns();
    pid = flooder_start(b);
    burst_ms = p99_ms(b, BURST_S, ret_error);
    b->counted_s = (double)(clock_now_ns() - begun_ns) / (double)NS_PER_S;
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    return burst_ms >= 0 && report(b, normal_ms, burst_ms, ret_error);
}

/** drill_burst() - at TIMES its limit; a limit that it cannot pass so far is told, and nothing
 * measured */
bool drill_burst(struct drill *d, char **ret_error)
{
    struct burst *b = mem_new(struct burst);
    bool ok;

    b->d = d;
    ok = find_limit(d, &b->per_s, ret_error);
    if (ok && b->per_s > PER_S_MAX) {
        char *text = text_format("the drill's clients may send %u messages a second, and none of "
                                 "them can send ten times that: nothing is measured. Give the role "
                                 "%s a messages_per_s_max of at most %d",
                                 b->per_s, DRILL_ROLE, PER_S_MAX);

        drill_unmeasured(d, d->name, text);
        free(text);
    } else if (ok) {
        ok = bystander_comes(d, ret_error) && reader_comes(b, ret_error) && measure(b, ret_error);
    }
    client_free(b->reader);
    bystander_leaves(d);
    free(b);
    return ok;
}
