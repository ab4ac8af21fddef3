/* SPDX-License-Identifier: Apache-2.0 */
/* sim/kernel.c - descriptors, epoll, eventfd, clocks and randomness of the simulated system */
#include "sim/kernel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/sim.h"
#include "sim/wrap.h"

#define BEGIN_NS      (1000 * NS_PER_S)
#define BEGIN_UNIX_MS 1800000000000ULL
#define OBJECTS_MAX   4096

static struct object *objects[OBJECTS_MAX];
static int objects_end; /* behind the last one that was ever open */
static uint64_t now_ns;
static int64_t date_off_ms;
static bool waits_pass;
static unsigned n_epolls;

/* ---- clock ---- */

/** kernel_start() - the same system for each seed */
void kernel_start(void)
{
    now_ns = BEGIN_NS;
    date_off_ms = 0;
    waits_pass = false;
    n_epolls = 0;
    objects_end = 0;
}

/** kernel_process_ends() - see kernel.h */
void kernel_process_ends(void)
{
    for (int i = 0; i < OBJECTS_MAX; i++)
        expect(objects[i] == NULL, "descriptor %d outlives the process", i);
    n_epolls = 0;
}

/** kernel_now_ns() - CLOCK_MONOTONIC */
uint64_t kernel_now_ns(void)
{
    return now_ns;
}

/** kernel_elapsed_ns() - since kernel_start() */
uint64_t kernel_elapsed_ns(void)
{
    return now_ns > BEGIN_NS ? now_ns - BEGIN_NS : 0;
}

/** kernel_advance() - time passes */
void kernel_advance(uint64_t ns)
{
    now_ns += ns;
}

/** kernel_change_date() - somebody sets the date; durations do not change by it */
void kernel_change_date(int64_t ms)
{
    date_off_ms += ms;
}

/** kernel_let_waits_pass() - while a worker ends it waits by itself */
void kernel_let_waits_pass(bool yes)
{
    waits_pass = yes;
}

uint64_t __wrap_clock_now_ns(void)
{
    return now_ns;
}

uint64_t __wrap_clock_unix_ms(void)
{
    return BEGIN_UNIX_MS + now_ns / NS_PER_MS + (uint64_t)date_off_ms;
}

ssize_t __wrap_getrandom(void *at, size_t len, unsigned flags)
{
    uint8_t *to = at;

    (void)flags;
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)chance_u64();
    return (ssize_t)len;
}

/* ---- descriptors ---- */

/** object_at() - what @fd stands for */
struct object *object_at(int fd)
{
    if (fd < FD_BASE || fd >= FD_BASE + OBJECTS_MAX)
        return NULL;
    expect(objects[fd - FD_BASE] != NULL, "descriptor %d is used and not open", fd - FD_BASE);
    return objects[fd - FD_BASE];
}

/** object_of() - as object_at(), where nothing but ours can be */
struct object *object_of(int fd)
{
    struct object *o = object_at(fd);

    if (o == NULL)
        fail("descriptor %d is not one that the node was given", fd);
    return o;
}

/** kernel_is_open() - may object_at() be called? */
bool kernel_is_open(int fd)
{
    return fd >= FD_BASE && fd < FD_BASE + OBJECTS_MAX && objects[fd - FD_BASE] != NULL;
}

/** object_open() - Return: the lowest free descriptor */
int object_open(enum object_kind kind)
{
    int i = 0;

    while (objects[i] != NULL)
        expect(++i < OBJECTS_MAX, "too many descriptors");
    objects_end = MAX(objects_end, i + 1);
    objects[i] = mem_new(struct object);
    objects[i]->kind = kind;
    if (kind == OBJECT_EPOLL)
        objects[i]->epoll_index = n_epolls++;
    return FD_BASE + i;
}

static struct watch *watch_of(struct object *epoll, int fd)
{
    for (size_t i = 0; i < epoll->n_watches; i++) {
        if (epoll->watches[i].fd == fd)
            return &epoll->watches[i];
    }
    return NULL;
}

/* As the kernel does; but a connection has an owner who could be called once more. */
static void forget_in_epolls(int fd, bool is_connection)
{
    for (int i = 0; i < objects_end; i++) {
        struct object *o = objects[i];
        struct watch *w = o != NULL ? watch_of(o, fd) : NULL;

        if (w == NULL)
            continue;
        expect(!is_connection, "descriptor %d is closed while a loop watches it", fd - FD_BASE);
        *w = o->watches[--o->n_watches];
    }
}

int __wrap_close(int fd)
{
    struct object *o = object_at(fd);

    if (o == NULL)
        return __real_close(fd);
    forget_in_epolls(fd, o->kind == OBJECT_SOCKET);
    if (o->kind == OBJECT_SOCKET)
        socket_node_closed(o->socket);
    for (size_t i = 0; i < o->n_waiting; i++)
        socket_node_closed(o->waiting[i]);
    free(o->waiting);
    free(o->watches);
    free(o);
    objects[fd - FD_BASE] = NULL;
    return 0;
}

/** kernel_end() - the node has closed all it has opened */
void kernel_end(void)
{
    for (int i = 0; i < objects_end; i++)
        expect(objects[i] == NULL, "descriptor %d is still open at the end", i);
    sockets_end();
}

/* ---- epoll ---- */

int __wrap_epoll_create1(int flags)
{
    (void)flags;
    return object_open(OBJECT_EPOLL);
}

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *e)
{
    struct object *epoll = object_of(epoll_fd);
    struct watch *w = watch_of(epoll, fd);

    object_of(fd);
    if (op == EPOLL_CTL_ADD) {
        expect(w == NULL, "descriptor %d is added to a loop twice", fd - FD_BASE);
        if (epoll->n_watches == epoll->watches_cap) {
            epoll->watches_cap = epoll->watches_cap > 0 ? 2 * epoll->watches_cap : 16;
            epoll->watches =
                mem_resize(epoll->watches, epoll->watches_cap * sizeof(*epoll->watches));
        }
        epoll->watches[epoll->n_watches++] = (struct watch){fd, e->events, e->data, 0};
        return 0;
    }
    expect(w != NULL, "descriptor %d is not in the loop that it is changed in", fd - FD_BASE);
    if (op == EPOLL_CTL_DEL)
        *w = epoll->watches[--epoll->n_watches];
    else
        *w = (struct watch){fd, e->events, e->data, 0};
    return 0;
}

/** object_ready() - EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as they are now */
uint32_t object_ready(const struct object *o)
{
    switch (o->kind) {
    case OBJECT_EPOLL:
        return 0;
    case OBJECT_EVENT:
        return o->count > 0 ? EPOLLIN | EPOLLOUT : EPOLLOUT;
    case OBJECT_LISTENER:
        return o->n_waiting > 0 ? EPOLLIN : 0;
    case OBJECT_SOCKET:
        return socket_ready(o->socket);
    }
    return 0;
}

static uint32_t ready_of(const struct watch *w)
{
    return object_ready(objects[w->fd - FD_BASE]) & (w->events | EPOLLHUP | EPOLLERR) & ~w->told;
}

/** kernel_epoll_has_ready() - would an epoll_wait() return at once? */
bool kernel_epoll_has_ready(unsigned epoll_index)
{
    for (int i = 0; i < objects_end; i++) {
        const struct object *o = objects[i];

        if (o == NULL || o->kind != OBJECT_EPOLL || o->epoll_index != epoll_index)
            continue;
        for (size_t k = 0; k < o->n_watches; k++) {
            if (ready_of(&o->watches[k]) != 0)
                return true;
        }
    }
    return false;
}

/* Which files are seen first is chance, and some are seen only the next time. */
static int collect(struct object *epoll, struct epoll_event *ret, int max)
{
    bool some_later = one_in(8);
    int n = 0;

    for (size_t i = 0; i < epoll->n_watches; i++) { /* shuffled */
        size_t k = i + chance_below(epoll->n_watches - i);
        struct watch w = epoll->watches[k];

        epoll->watches[k] = epoll->watches[i];
        epoll->watches[i] = w;
    }
    for (size_t i = 0; i < epoll->n_watches && n < max; i++) {
        struct watch *w = &epoll->watches[i];
        uint32_t ready = ready_of(w);

        if (ready == 0 || (some_later && one_in(2)))
            continue;
        ret[n++] = (struct epoll_event){.events = ready, .data = w->data};
        w->told |= w->events & EPOLLET ? ready : 0;
    }
    return n;
}

int __wrap_epoll_wait(int epoll_fd, struct epoll_event *ret, int max, int timeout_ms)
{
    struct object *epoll = object_of(epoll_fd);
    int n = collect(epoll, ret, max);

    if (n == 0 && waits_pass && timeout_ms > 0)
        now_ns += (uint64_t)MIN(timeout_ms, 10) * NS_PER_MS;
    if (n == 0 && one_in(4)) {
        errno = EINTR;
        return -1;
    }
    return n;
}

/* ---- eventfd ---- */

int __wrap_eventfd(unsigned count, int flags)
{
    int fd = object_open(OBJECT_EVENT);

    check(flags & EFD_NONBLOCK);
    object_of(fd)->count = count;
    return fd;
}

ssize_t __wrap_read(int fd, void *at, size_t len)
{
    struct object *o = object_at(fd);

    if (o == NULL)
        return __real_read(fd, at, len);
    check(o->kind == OBJECT_EVENT && len == sizeof(o->count));
    if (o->count == 0) {
        errno = EAGAIN;
        return -1;
    }
    memcpy(at, &o->count, len);
    o->count = 0;
    return (ssize_t)len;
}

ssize_t __wrap_write(int fd, const void *at, size_t len)
{
    struct object *o = object_at(fd);
    uint64_t more;

    if (o == NULL)
        return __real_write(fd, at, len);
    check(o->kind == OBJECT_EVENT && len == sizeof(more));
    memcpy(&more, at, len);
    o->count += more;
    return (ssize_t)len;
}
