/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/scene.c - the stage manager: starts the processes, follows the steps
 *
 * It holds a wire to each process: an actor that finds its end closed leaves,
 * and a wire that the manager finds closed is an actor that has left.
 */
#include "lab/lab_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "lab/narrator.h"

#define PLANT       LAB_ACTORS_N /* its place among the processes */
#define PROCESSES_N (LAB_ACTORS_N + 1)
#define LEAVE_MS    5000 /* to say good-bye to the node */

enum scene_end {
    SCENE_GOES_ON,
    SCENE_DONE,
    SCENE_STOPPED, /* by a signal */
    SCENE_FAILED,
};

struct scene {
    const struct lab_options *o;
    struct lab_home home;
    pid_t pids[PROCESSES_N];
    int wires[PROCESSES_N]; /* -1: none, or left */
    int reports;            /* read end */
    int signals;
    struct lab_report last; /* any, for the failure's text */
    bool has_last;
    struct lab_state shown; /* on the tablet */
};

/* ---- processes ---- */

static void make_pair(int ret[2])
{
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) == 0);
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* In the child: nothing of the manager's or of another actor's stays open. */
static void leave_manager(struct scene *s)
{
    sigset_t none;

    close_all(s->wires, PROCESSES_N);
    close(s->reports);
    close(s->signals);
    signal(SIGINT, SIG_IGN); /* the terminal's; the manager's end is the end */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* @theirs: descriptors that this child does not keep; the last one is its end of the manager's
 * wire. */
static pid_t start_process(struct scene *s, unsigned place, int *ret_manager)
{
    int pair[2];
    pid_t pid;

    make_pair(pair);
    fflush(NULL);
    pid = fork();
    check(pid >= 0);
    if (pid == 0) {
        close(pair[0]);
        leave_manager(s);
        *ret_manager = pair[1];
        return 0;
    }
    close(pair[1]);
    s->pids[place] = pid;
    s->wires[place] = pair[0];
    return pid;
}

static void start_plant(struct scene *s, int plant_ends[PLANT_WIRES_N],
                        int actor_ends[PLANT_WIRES_N])
{
    int manager;

    if (start_process(s, PLANT, &manager) != 0)
        return;
    close_all(actor_ends, PLANT_WIRES_N);
    _exit(plant_run(plant_ends, manager));
}

static void start_actor(struct scene *s, enum lab_actor_id id, int wire,
                        int actor_ends[PLANT_WIRES_N], int reports)
{
    int manager;
    int plant = wire >= 0 ? actor_ends[wire] : -1;

    if (start_process(s, id, &manager) != 0)
        return;
    for (int i = 0; i < PLANT_WIRES_N; i++) {
        if (i != wire)
            close(actor_ends[i]);
    }
    exit(lab_actor_run(&s->home, lab_actors[id], plant, manager, reports));
}

/* ---- reports ---- */

/* Return: SCENE_FAILED after saying so. */
static enum scene_end fail(struct scene *s, const char *format, ...) PRINTF(2, 3);

static enum scene_end fail(struct scene *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    narrate_failure(s->o, s->has_last ? &s->last : NULL, format, args);
    va_end(args);
    return SCENE_FAILED;
}

static enum scene_end take_report(struct scene *s, struct lab_report *ret)
{
    if (read(s->reports, ret, sizeof(*ret)) != (ssize_t)sizeof(*ret))
        return fail(s, "all actors have left");
    if (ret->kind == LAB_FAILED)
        return fail(s, "%s: %s", lab_actors[ret->actor]->id, ret->text);
    s->last = *ret;
    s->has_last = true;
    if (ret->kind == LAB_TABLET_SHOWS)
        s->shown = ret->state;
    narrate_event(s->o, ret);
    return SCENE_DONE;
}

static enum scene_end somebody_left(struct scene *s, unsigned place)
{
    const char *who = place == PLANT ? "the plant" : lab_actors[place]->id;
    int status = 0;

    waitpid(s->pids[place], &status, 0);
    s->pids[place] = 0;
    close_all(&s->wires[place], 1);
    if (WIFSIGNALED(status))
        return fail(s, "%s was killed by signal %d", who, WTERMSIG(status));
    return fail(s, "%s left with exit status %d", who, WEXITSTATUS(status));
}

/* The next report.  Return: SCENE_DONE with @ret, SCENE_GOES_ON at @deadline_ns, or the end. */
static enum scene_end next_report(struct scene *s, uint64_t deadline_ns, struct lab_report *ret)
{
    struct pollfd p[2 + PROCESSES_N] = {
        {.fd = s->reports, .events = POLLIN},
        {.fd = s->signals, .events = POLLIN},
    };
    uint64_t now_ns = clock_now_ns();
    int ms = deadline_ns > now_ns ? (int)((deadline_ns - now_ns) / NS_PER_MS) + 1 : 0;

    for (unsigned i = 0; i < PROCESSES_N; i++)
        p[2 + i].fd = s->wires[i];
    if (poll(p, COUNT_OF(p), ms) < 0 && errno != EINTR)
        return fail(s, "poll: %s", strerrordesc_np(errno));
    if (p[1].revents != 0)
        return SCENE_STOPPED;
    if (p[0].revents & POLLIN) /* before looking who has left: it may have said why */
        return take_report(s, ret);
    for (unsigned i = 0; i < PROCESSES_N; i++) {
        if (p[2 + i].revents != 0)
            return somebody_left(s, i);
    }
    return SCENE_GOES_ON;
}

/* ---- steps ---- */

static uint64_t step_deadline_ns(const struct scene *s)
{
    return clock_now_ns() + s->o->step_timeout_ms * NS_PER_MS;
}

static enum scene_end await_ready(struct scene *s, enum lab_actor_id id)
{
    uint64_t deadline_ns = step_deadline_ns(s);
    struct lab_report r;
    enum scene_end e;

    do {
        e = next_report(s, deadline_ns, &r);
    } while (e == SCENE_DONE && (r.kind != LAB_READY || r.actor != id));
    if (e == SCENE_GOES_ON)
        return fail(s, "%s did not connect within %u ms", lab_actors[id]->id,
                    s->o->step_timeout_ms);
    return e;
}

static enum scene_end await_step(struct scene *s, const struct lab_step *step, unsigned number)
{
    uint64_t deadline_ns = step_deadline_ns(s);
    struct lab_report r;
    enum scene_end e;

    do {
        e = next_report(s, deadline_ns, &r);
    } while (e == SCENE_DONE &&
             (r.kind != step->kind || r.actor != step->actor || !step->is_it(&r.state)));
    if (e == SCENE_GOES_ON)
        return fail(s, "step %u did not come within %u ms; awaited from %s: %s", number,
                    s->o->step_timeout_ms, lab_actors[step->actor]->id, step->text);
    if (e == SCENE_DONE)
        narrate_step(s->o, step, number, &r);
    return e;
}

static enum scene_end touch(struct scene *s, enum lab_touch t)
{
    uint8_t byte = (uint8_t)t;

    if (send(s->wires[LAB_TABLET], &byte, 1, MSG_NOSIGNAL) != 1)
        return somebody_left(s, LAB_TABLET);
    return SCENE_DONE;
}

static enum scene_end follow(struct scene *s, enum lab_touch t, const struct lab_step *steps,
                             size_t n)
{
    enum scene_end e = touch(s, t);

    for (unsigned i = 0; e == SCENE_DONE && i < n; i++)
        e = await_step(s, &steps[i], i + 1);
    return e;
}

static enum scene_end play_round(struct scene *s, unsigned number)
{
    uint64_t begin_ns;
    enum scene_end e = follow(s, LAB_TOUCH_RESTORE, lab_prologue, lab_prologue_n);

    if (e != SCENE_DONE)
        return e;
    narrate_round_begin(s->o, number, &s->shown);
    begin_ns = clock_now_ns();
    e = follow(s, LAB_TOUCH_LOW, lab_steps, lab_steps_n);
    if (e == SCENE_DONE)
        narrate_round_end(s->o, number, &s->shown, clock_now_ns() - begin_ns);
    return e;
}

/* Between two rounds nothing is expected, but what happens is seen. */
static enum scene_end pause_round(struct scene *s, uint64_t until_ns)
{
    struct lab_report r;
    enum scene_end e;

    do {
        e = next_report(s, until_ns, &r);
    } while (e == SCENE_DONE);
    return e;
}

static enum scene_end play_rounds(struct scene *s, unsigned *ret_n)
{
    uint64_t end_ns = clock_now_ns() + s->o->duration_s * NS_PER_S;
    enum scene_end e = SCENE_DONE;

    while (e == SCENE_DONE) {
        e = play_round(s, *ret_n + 1);
        if (e != SCENE_DONE)
            return e;
        ++*ret_n;
        if (s->o->rounds != 0 && *ret_n >= s->o->rounds)
            return SCENE_DONE;
        if (s->o->duration_s != 0 && clock_now_ns() >= end_ns)
            return SCENE_DONE;
        if (pause_round(s, clock_now_ns() + s->o->interval_ms * NS_PER_MS) == SCENE_GOES_ON)
            continue;
        return SCENE_STOPPED;
    }
    return e;
}

/* ---- from curtain to curtain ---- */

static enum scene_end start_all(struct scene *s)
{
    /* clang-format off */
    static const int wires[LAB_ACTORS_N] = {
        [LAB_SUPPLY] = PLANT_SOURCE, [LAB_CAP_BANK] = PLANT_CAP, [LAB_METER] = PLANT_METER,
        [LAB_DMS] = -1,              [LAB_TABLET] = -1,
    };
    /* clang-format on */
    int plant_ends[PLANT_WIRES_N], actor_ends[PLANT_WIRES_N], reports[2];
    enum scene_end e = SCENE_DONE;

    for (int i = 0; i < PLANT_WIRES_N; i++) {
        int pair[2];

        make_pair(pair);
        plant_ends[i] = pair[0];
        actor_ends[i] = pair[1];
    }
    check(pipe2(reports, O_CLOEXEC) == 0);
    s->reports = reports[0];
    start_plant(s, plant_ends, actor_ends);
    close_all(plant_ends, PLANT_WIRES_N);
    for (unsigned i = 0; e == SCENE_DONE && i < LAB_ACTORS_N; i++) {
        start_actor(s, (enum lab_actor_id)i, wires[i], actor_ends, reports[1]);
        e = await_ready(s, (enum lab_actor_id)i);
    }
    close_all(actor_ends, PLANT_WIRES_N);
    close(reports[1]);
    return e;
}

/* Close the wires, and wait until all have left; who does not is killed. */
static bool finish(struct scene *s)
{
    uint64_t deadline_ns = clock_now_ns() + LEAVE_MS * NS_PER_MS;
    bool ok = true;

    close_all(s->wires, LAB_ACTORS_N);
    close_all(&s->wires[PLANT], 1);
    for (unsigned i = 0; i < PROCESSES_N; i++) {
        int status = 0;
        int fd = s->pids[i] > 0 ? pidfd_open(s->pids[i], 0) : -1;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uint64_t now_ns = clock_now_ns();

        if (fd < 0)
            continue;
        if (poll(&p, 1, deadline_ns > now_ns ? (int)((deadline_ns - now_ns) / NS_PER_MS) : 0) != 1)
            kill(s->pids[i], SIGKILL);
        close(fd);
        waitpid(s->pids[i], &status, 0);
        ok = ok && (i == PLANT || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS));
    }
    return ok;
}

static void block_signals(struct scene *s)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC);
    check(s->signals >= 0);
}

/**
 * lab_scene_run() - the scenario, as often as @o says
 *
 * Return: exit status: 0 if every step came in time, also when a signal ended it.
 */
int lab_scene_run(const struct lab_options *o)
{
    struct scene s = {.o = o, .reports = -1};
    char *error = NULL;
    unsigned n_rounds = 0;
    enum scene_end e;
    bool ok;

    if (!lab_home_open(&s.home, o->home, &error)) {
        fprintf(stderr, "bastide lab: %s\n", error);
        free(error);
        return EXIT_FAILURE;
    }
    for (unsigned i = 0; i < PROCESSES_N; i++)
        s.wires[i] = -1;
    block_signals(&s);
    narrate_begin(o, &s.home);
    e = start_all(&s);
    if (e == SCENE_DONE)
        e = play_rounds(&s, &n_rounds);
    ok = finish(&s) && e != SCENE_FAILED;
    narrate_end(o, n_rounds, ok);
    close_all(&s.reports, 1);
    close_all(&s.signals, 1);
    lab_home_done(&s.home);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
