/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/loop.c - level-triggered epoll, one clock read a turn
 *
 * A callback may remove any file and free its owner, or add new ones.  What
 * epoll reported but was not called yet stands in l->ready; loop_remove() takes
 * the file out of there too, so a freed owner, or a new one in the same memory,
 * is never called for what an old one was ready for.
 */
#include "io/io.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define READY_MAX 256 /* files a turn; the others come in the next one */

struct loop {
    int epoll_fd;
    uint64_t now_ns;
    size_t next; /* ready[next] .. ready[n_ready - 1] were not called yet */
    size_t n_ready;
    struct epoll_event ready[READY_MAX];
};

/* Watched for nothing it is called when it hangs up, and not again for as long as that is so. */
static uint32_t epoll_events(uint32_t watches)
{
    return (watches == 0 ? (uint32_t)EPOLLET : 0) |
           ((watches & LOOP_READ) != 0 ? (uint32_t)EPOLLIN : 0) |
           ((watches & LOOP_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0) |
           ((watches & LOOP_END) != 0 ? (uint32_t)EPOLLRDHUP : 0);
}

static uint32_t loop_bits(uint32_t events)
{
    return ((events & EPOLLIN) != 0 ? LOOP_READ : 0) | ((events & EPOLLOUT) != 0 ? LOOP_WRITE : 0) |
           ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0 ? LOOP_HUP : 0);
}

static int control(struct loop *l, int op, struct loop_file *f, uint32_t watches)
{
    struct epoll_event e = {.events = epoll_events(watches), .data.ptr = f};

    return epoll_ctl(l->epoll_fd, op, f->fd, &e) < 0 ? -errno : 0;
}

/* Round up, so that the deadline has passed when the wait is over and no turn is spent on waiting
 * for the rest of a millisecond. */
static int timeout_ms(const struct loop *l, uint64_t deadline_ns)
{
    uint64_t ms;

    if (deadline_ns == TIMER_NEVER)
        return -1;
    if (deadline_ns <= l->now_ns)
        return 0;
    ms = (deadline_ns - l->now_ns - 1) / NS_PER_MS + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/** loop_new() - an empty loop; the thread that calls loop_turn() owns it; aborts without
 * descriptors */
struct loop *loop_new(void)
{
    struct loop *l = mem_new(struct loop);

    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    check(l->epoll_fd >= 0);
    l->now_ns = clock_now_ns();
    return l;
}

/** loop_free() - the files are forgotten, not closed; Return: NULL */
struct loop *loop_free(struct loop *l)
{
    if (l == NULL)
        return NULL;
    close(l->epoll_fd);
    free(l);
    return NULL;
}

/**
 * loop_add() - call @f->on_ready when it is ready for @watches
 * @f:        @f->fd and @f->on_ready set, in no loop; borrowed until loop_remove()
 * @watches:  of LOOP_READ, LOOP_WRITE and LOOP_END; LOOP_HUP is always reported, of a file that is
 *            watched for nothing else once
 *
 * Return: 0, or -errno of epoll_ctl(): -ENOSPC, -ENOMEM, -EPERM for a regular file, ...
 */
int loop_add(struct loop *l, struct loop_file *f, uint32_t watches)
{
    int r = control(l, EPOLL_CTL_ADD, f, watches);

    if (r < 0)
        return err_origin(r);
    f->watches = watches;
    return 0;
}

/** loop_watch() - watch @f for @watches from now on; no system call if that is what it is watched
 * for */
void loop_watch(struct loop *l, struct loop_file *f, uint32_t watches)
{
    if (f->watches == watches)
        return;
    f->watches = watches;
    check(control(l, EPOLL_CTL_MOD, f, watches) == 0);
}

/**
 * loop_remove() - @f is not called any more, not even for what this turn found already
 *
 * Before its descriptor is closed.  A callback may remove its own file and any other.
 */
void loop_remove(struct loop *l, struct loop_file *f)
{
    check(control(l, EPOLL_CTL_DEL, f, 0) == 0);
    f->watches = 0;
    for (size_t i = l->next; i < l->n_ready; i++) {
        if (l->ready[i].data.ptr == f)
            l->ready[i].data.ptr = NULL;
    }
}

/**
 * loop_wait() - wait, and read the clock
 * @deadline_ns:  CLOCK_MONOTONIC; TIMER_NEVER waits for files only, what has passed does not wait
 *
 * The wait is measured from loop_now_ns(), the time that the last turn began
 * with: timers after a long turn are late by its length rather than each turn
 * paying for a second look at the clock.  It may end early: a signal ends it.
 * At most READY_MAX files are found; being level-triggered, the others are
 * found by the next turn.
 */
void loop_wait(struct loop *l, uint64_t deadline_ns)
{
    int n = epoll_wait(l->epoll_fd, l->ready, READY_MAX, timeout_ms(l, deadline_ns));

    check(n >= 0 || errno == EINTR);
    l->now_ns = clock_now_ns();
    l->next = 0;
    l->n_ready = n > 0 ? (size_t)n : 0;
}

/** loop_call() - call what loop_wait() has found ready */
void loop_call(struct loop *l)
{
    while (l->next < l->n_ready) {
        const struct epoll_event *e = &l->ready[l->next++];
        struct loop_file *f = e->data.ptr;
        uint32_t ready;

        if (f == NULL)
            continue;
        /* A callback before this one may have narrowed what it is watched for. */
        ready = loop_bits(e->events) & (f->watches | LOOP_HUP);
        if (ready != 0)
            f->on_ready(f, ready);
    }
    l->next = 0;
    l->n_ready = 0;
}

/** loop_turn() - loop_wait() and loop_call() */
void loop_turn(struct loop *l, uint64_t deadline_ns)
{
    loop_wait(l, deadline_ns);
    loop_call(l);
}

/** loop_now_ns() - CLOCK_MONOTONIC as this turn read it, or loop_new() before the first */
uint64_t loop_now_ns(const struct loop *l)
{
    return l->now_ns;
}
