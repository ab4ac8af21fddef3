/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner.c - the command
 *
 * A process for each script, some at a time, so that one that waits for a time to
 * pass does not keep the others.  The lines come in the order of the arguments.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "runner.h"

#define JOBS_DEFAULT 6
#define JOBS_MAX     64
#define PROCESS_S    60 /* a backstop; a script's own limit is shorter */

struct run {
    const char *path;
    pid_t pid; /* 0: not started, or done */
    bool done;
    int report_fd;
    uint64_t started_ns;
    uint64_t took_ns;
    int status;
};

struct options {
    const char *host;
    const char *port;
    const char *has;
    const char *ws_path;
    unsigned jobs;
    bool verbose;
    bool lenient;
};

static void start(struct run *r, const struct options *o)
{
    struct script s = {
        .path = r->path,
        .host = o->host,
        .port = o->port,
        .has = o->has,
        .ws_path = o->ws_path,
        .verbose = o->verbose,
        .lenient = o->lenient,
    };
    int fds[2];

    if (pipe(fds) != 0 || (r->pid = fork()) < 0) {
        perror("mqt-runner");
        exit(2);
    }
    if (r->pid == 0) {
        alarm(PROCESS_S);
        s.report_fd = fds[1];
        script_play(&s);
    }
    close(fds[1]);
    r->report_fd = fds[0];
    r->started_ns = clock_now_ns();
}

static void reap_one(struct run *runs, size_t n)
{
    int status;
    pid_t pid = waitpid(-1, &status, 0);

    for (size_t i = 0; i < n; i++) {
        if (runs[i].pid != pid || runs[i].done)
            continue;
        runs[i].done = true;
        runs[i].status = status;
        runs[i].took_ns = clock_now_ns() - runs[i].started_ns;
    }
}

static enum verdict tell(const struct run *r)
{
    static const char *const words[] = {"pass", "FAIL", "skip"};
    char why[4096];
    ssize_t len = read(r->report_fd, why, sizeof(why) - 1);
    enum verdict v = VERDICT_FAILED;

    why[len > 0 ? len : 0] = '\0';
    close(r->report_fd);
    if (WIFEXITED(r->status) && WEXITSTATUS(r->status) <= VERDICT_SKIPPED)
        v = (enum verdict)WEXITSTATUS(r->status);
    else
        snprintf(why, sizeof(why), "its process ended with status %#x", (unsigned)r->status);
    printf("%s  %s (%llu ms)%s%s\n", words[v], r->path,
           (unsigned long long)(r->took_ns / NS_PER_MS), why[0] != '\0' ? ": " : "", why);
    fflush(stdout);
    return v;
}

/* Return: the exit status. */
static int run_all(struct run *runs, size_t n, const struct options *o)
{
    size_t counts[3] = {0};
    size_t started = 0, done = 0;

    while (done < n) {
        size_t running = 0;

        for (size_t i = done; i < started; i++)
            running += !runs[i].done;
        for (; started < n && running < o->jobs; running++)
            start(&runs[started++], o);
        reap_one(runs, started);
        for (; done < started && runs[done].done; done++)
            counts[tell(&runs[done])]++;
    }
    if (counts[VERDICT_SKIPPED] > 0)
        printf("%zu skipped\n", counts[VERDICT_SKIPPED]);
    printf("%zu passed, %zu failed\n", counts[VERDICT_PASSED], counts[VERDICT_FAILED]);
    return counts[VERDICT_FAILED] > 0 || counts[VERDICT_PASSED] == 0;
}

static int usage(void)
{
    fputs("usage: mqt-runner [--host H] [--port P] [--has FEATURE,...] [--jobs N] [--ws PATH] "
          "[--lenient] [--verbose] FILE...\n"
          "\n"
          "Plays scripts against the MQTT broker at H:P; tests/conformance/README.md has the "
          "language.\n"
          "With --ws all goes over WebSocket, at this path.  A script that needs a FEATURE that is "
          "not named is skipped.  --lenient takes an error "
          "that closes\n"
          "the connection without DISCONNECT, which 5.0 allows and advises against.\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"host", required_argument, NULL, 'h'}, {"port", required_argument, NULL, 'p'},
        {"has", required_argument, NULL, 'f'},  {"jobs", required_argument, NULL, 'j'},
        {"ws", required_argument, NULL, 'w'},   {"verbose", no_argument, NULL, 'v'},
        {"lenient", no_argument, NULL, 'l'},    {NULL, 0, NULL, 0},
    };
    struct options o = {.host = "127.0.0.1", .port = "1883", .has = "", .jobs = JOBS_DEFAULT};
    struct run *runs;
    size_t n;
    int status;

    for (int c; (c = getopt_long(argc, argv, "h:p:f:j:w:vl", longs, NULL)) != -1;) {
        if (c == 'h')
            o.host = optarg;
        else if (c == 'p')
            o.port = optarg;
        else if (c == 'f')
            o.has = optarg;
        else if (c == 'j')
            o.jobs = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'w')
            o.ws_path = optarg;
        else if (c == 'v')
            o.verbose = true;
        else if (c == 'l')
            o.lenient = true;
        else
            return usage();
    }
    n = (size_t)(argc - optind);
    if (n == 0 || o.jobs == 0 || o.jobs > JOBS_MAX)
        return usage();
    signal(SIGPIPE, SIG_IGN);
    runs = mem_zero(n * sizeof(*runs));
    for (size_t i = 0; i < n; i++)
        runs[i].path = argv[optind + (int)i];
    status = run_all(runs, n, &o);
    free(runs);
    return status;
}
