/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: what is called when, what is not called any more, and how often the kernel is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/io.h"

/* ---- the kernel and the clock, counted ---- */

int __real_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *e);
int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *e);
uint64_t __real_clock_now_ns(void);
uint64_t __wrap_clock_now_ns(void);

static unsigned n_controls, n_clock_reads;

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *e)
{
    n_controls++;
    return __real_epoll_ctl(epoll_fd, op, fd, e);
}

uint64_t __wrap_clock_now_ns(void)
{
    n_clock_reads++;
    return __real_clock_now_ns();
}

/* ---- an owner of a file ---- */

struct owner {
    struct loop_file file;
    int other_fd; /* of a pair of sockets */
    struct loop *loop;
    struct owner **others; /* to do something to */
    size_t n_others;
    unsigned n_calls;
    uint32_t ready;
    bool removes_itself;
    struct owner *narrows; /* to 0 */
    bool adds_anew;        /* in place of the one that was removed */
};

static void owner_open(struct owner *o, struct loop *l, uint32_t watches)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    o->loop = l;
    o->file.fd = fds[0];
    o->other_fd = fds[1];
    assert_int_equal(loop_add(l, &o->file, watches), 0);
}

static void owner_close(struct owner *o)
{
    loop_remove(o->loop, &o->file);
    close(o->file.fd);
    close(o->other_fd);
}

static void on_ready(struct loop_file *file, uint32_t ready)
{
    struct owner *o = list_item(file, struct owner, file);

    o->n_calls++;
    o->ready |= ready;
    if (o->narrows != NULL)
        loop_watch(o->loop, &o->narrows->file, 0);
    for (size_t i = 0; i < o->n_others; i++) {
        struct owner *other = o->others[i];

        if (other == NULL || other == o)
            continue;
        o->others[i] = NULL;
        owner_close(other);
        if (o->adds_anew) {
            *other = (struct owner){.file.on_ready = on_ready};
            owner_open(other, o->loop, LOOP_READ);
        } else {
            free(other);
        }
    }
    if (o->removes_itself) {
        owner_close(o);
        free(o);
    }
}

static struct owner *owner_new(struct loop *l, uint32_t watches)
{
    struct owner *o = calloc(1, sizeof(*o));

    o->file.on_ready = on_ready;
    owner_open(o, l, watches);
    return o;
}

static void owner_free(struct owner *o)
{
    owner_close(o);
    free(o);
}

static void poke(const struct owner *o)
{
    assert_int_equal(write(o->other_fd, "x", 1), 1);
}

/* ---- what is called ---- */

static void a_file_is_called_for_what_it_is_watched_for_as_long_as_it_is_ready(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, LOOP_READ);
    char byte;

    (void)state;
    loop_turn(l, 0);
    assert_int_equal(o->n_calls, 0);
    poke(o);
    loop_turn(l, TIMER_NEVER);
    loop_turn(l, TIMER_NEVER);
    assert_int_equal(o->n_calls, 2); /* level-triggered */
    assert_int_equal(o->ready, LOOP_READ);
    loop_watch(l, &o->file, LOOP_READ | LOOP_WRITE);
    loop_turn(l, TIMER_NEVER);
    assert_int_equal(o->ready, LOOP_READ | LOOP_WRITE);
    assert_int_equal(read(o->file.fd, &byte, 1), 1);
    o->ready = 0;
    loop_turn(l, TIMER_NEVER);
    assert_int_equal(o->ready, LOOP_WRITE);
    loop_watch(l, &o->file, 0);
    loop_turn(l, 0);
    assert_int_equal(o->n_calls, 4);
    owner_free(o);
    assert_null(loop_free(l));
    assert_null(loop_free(NULL));
}

static void a_hang_up_is_reported_without_being_asked_for(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, 0);

    (void)state;
    close(o->other_fd);
    loop_turn(l, TIMER_NEVER);
    assert_int_equal(o->ready, LOOP_HUP);
    loop_turn(l, 0);
    assert_int_equal(o->n_calls, 1); /* watched for nothing, nothing more is to be told */
    loop_watch(l, &o->file, LOOP_READ);
    loop_turn(l, TIMER_NEVER);
    loop_turn(l, TIMER_NEVER);
    assert_int_equal(o->n_calls, 3);
    o->other_fd = dup(o->file.fd);
    owner_free(o);
    loop_free(l);
}

static void an_end_is_reported_where_nothing_is_read_to_who_asks_for_it(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, 0);

    (void)state;
    assert_int_equal(write(o->other_fd, "x", 1), 1);
    assert_int_equal(shutdown(o->other_fd, SHUT_WR), 0);
    loop_turn(l, 0);
    assert_int_equal(o->n_calls, 0);
    loop_watch(l, &o->file, LOOP_END);
    loop_turn(l, TIMER_NEVER);
    assert_int_equal(o->ready, LOOP_HUP);
    owner_free(o);
    loop_free(l);
}

static void what_epoll_cannot_watch_is_an_error(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, LOOP_READ);
    FILE *regular = tmpfile();
    struct loop_file f = {.fd = fileno(regular), .on_ready = on_ready};

    (void)state;
    assert_int_equal(loop_add(l, &f, LOOP_READ), -EPERM);
    f.fd = o->file.fd;
    assert_int_equal(loop_add(l, &f, LOOP_READ), -EEXIST);
    f.fd = -1;
    assert_int_equal(loop_add(l, &f, LOOP_READ), -EBADF);
    fclose(regular);
    owner_free(o);
    loop_free(l);
}

/* ---- what is not called any more ---- */

static void a_file_may_remove_itself(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, LOOP_READ);

    (void)state;
    o->removes_itself = true;
    poke(o);
    loop_turn(l, TIMER_NEVER);
    loop_turn(l, 0);
    loop_free(l);
}

/* All are ready in one turn; whoever is called first removes and frees all the others. */
static void a_file_removed_in_the_turn_is_not_called(void **state)
{
    struct owner *all[100];
    struct loop *l = loop_new();
    struct owner *left = NULL;
    size_t n_left = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        all[i] = owner_new(l, LOOP_READ);
        all[i]->others = all;
        all[i]->n_others = COUNT_OF(all);
        poke(all[i]);
    }
    loop_turn(l, TIMER_NEVER);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (all[i] != NULL) {
            left = all[i];
            n_left++;
        }
    }
    assert_int_equal(n_left, 1);
    assert_int_equal(left->n_calls, 1);
    owner_free(left);
    loop_free(l);
}

static void a_new_owner_in_the_same_memory_is_not_called_for_the_old_one(void **state)
{
    struct owner *all[2], *both[2];
    struct loop *l = loop_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        both[i] = all[i] = owner_new(l, LOOP_READ);
        all[i]->others = all;
        all[i]->n_others = COUNT_OF(all);
        all[i]->adds_anew = true;
        poke(all[i]);
    }
    loop_turn(l, TIMER_NEVER);
    assert_int_equal(both[0]->n_calls + both[1]->n_calls, 1);
    loop_turn(l, 0);
    assert_int_equal(both[0]->n_calls + both[1]->n_calls,
                     2); /* the one that stayed is ready still */
    owner_free(both[0]);
    owner_free(both[1]);
    loop_free(l);
}

static void a_file_that_is_not_watched_any_more_is_not_called_in_the_same_turn(void **state)
{
    struct loop *l = loop_new();
    struct owner *a = owner_new(l, LOOP_READ), *b = owner_new(l, LOOP_READ);

    (void)state;
    a->narrows = b;
    b->narrows = a;
    poke(a);
    poke(b);
    loop_turn(l, TIMER_NEVER);
    assert_int_equal(a->n_calls + b->n_calls, 1);
    owner_free(a);
    owner_free(b);
    loop_free(l);
}

/* ---- how often ---- */

static void watching_the_same_again_costs_no_system_call(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, LOOP_READ);
    unsigned before = n_controls;

    (void)state;
    loop_watch(l, &o->file, LOOP_READ);
    assert_int_equal(n_controls, before);
    loop_watch(l, &o->file, LOOP_READ | LOOP_WRITE);
    loop_watch(l, &o->file, LOOP_READ | LOOP_WRITE);
    assert_int_equal(n_controls, before + 1);
    owner_free(o);
    loop_free(l);
}

static void the_clock_is_read_once_a_turn(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, LOOP_READ);
    unsigned before = n_clock_reads;

    (void)state;
    poke(o);
    for (unsigned i = 0; i < 10; i++)
        loop_turn(l, loop_now_ns(l) + NS_PER_S);
    assert_int_equal(n_clock_reads, before + 10);
    assert_true(loop_now_ns(l) <= clock_now_ns());
    owner_free(o);
    loop_free(l);
}

static void a_deadline_takes_one_turn_and_has_passed_after_it(void **state)
{
    static const uint64_t waits_ns[] = {1, 999999, 1000000, 1000001, 3141592, 20000000};
    struct loop *l = loop_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(waits_ns); i++) {
        uint64_t deadline_ns;

        loop_turn(l, 0);
        deadline_ns = loop_now_ns(l) + waits_ns[i];
        loop_turn(l, deadline_ns);
        assert_true(loop_now_ns(l) >= deadline_ns);
    }
    loop_free(l);
}

static void a_deadline_that_has_passed_does_not_wait(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, LOOP_READ);

    (void)state;
    poke(o);
    loop_turn(l, loop_now_ns(l) - 1);
    loop_turn(l, 0);
    assert_int_equal(o->n_calls, 2); /* but what is ready is called */
    owner_free(o);
    loop_free(l);
}

static void *poke_later(void *at)
{
    usleep(20000); /* the loop is to wait by then; that it may not yet changes no outcome */
    poke(at);
    return NULL;
}

static void a_deadline_of_weeks_is_no_overflow(void **state)
{
    struct loop *l = loop_new();
    struct owner *o = owner_new(l, LOOP_READ);
    const uint64_t waits_ms[] = {1ULL << 31, 1ULL << 32, 1ULL << 40};
    pthread_t thread;
    char byte;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(waits_ms); i++) {
        assert_int_equal(pthread_create(&thread, NULL, poke_later, o), 0);
        loop_turn(l, loop_now_ns(l) + waits_ms[i] * NS_PER_MS);
        assert_int_equal(o->n_calls, i + 1);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(read(o->file.fd, &byte, 1), 1);
    }
    poke(o);
    loop_turn(l, TIMER_NEVER - 1);
    owner_free(o);
    loop_free(l);
}

static void more_files_than_a_turn_takes_are_all_called(void **state)
{
    static struct owner all[600];
    struct loop *l = loop_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        int fd = eventfd(1, EFD_NONBLOCK);

        assert_true(fd >= 0);
        all[i].file = (struct loop_file){.fd = fd, .on_ready = on_ready};
        all[i].loop = l;
        assert_int_equal(loop_add(l, &all[i].file, LOOP_READ), 0);
    }
    for (unsigned i = 0; i < 3; i++)
        loop_turn(l, 0);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        assert_in_range(all[i].n_calls, 1, 3);
        loop_remove(l, &all[i].file);
        close(all[i].file.fd);
    }
    loop_free(l);
}

static void nothing(int signal)
{
    (void)signal;
}

struct alarm {
    pthread_t thread;
    atomic_bool is_over;
};

/* Again and again, as the first may come before the wait has begun. */
static void *interrupt(void *at)
{
    struct alarm *a = at;

    while (!atomic_load(&a->is_over)) {
        pthread_kill(a->thread, SIGUSR1);
        usleep(10000);
    }
    return NULL;
}

static void a_signal_ends_the_wait(void **state)
{
    const struct sigaction action = {.sa_handler = nothing};
    struct alarm alarm = {.thread = pthread_self()};
    struct loop *l = loop_new();
    uint64_t deadline_ns = loop_now_ns(l) + 60 * NS_PER_S;
    pthread_t thread;

    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, interrupt, &alarm), 0);
    loop_turn(l, deadline_ns);
    assert_true(loop_now_ns(l) < deadline_ns);
    atomic_store(&alarm.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_called_for_what_it_is_watched_for_as_long_as_it_is_ready),
        cmocka_unit_test(a_hang_up_is_reported_without_being_asked_for),
        cmocka_unit_test(an_end_is_reported_where_nothing_is_read_to_who_asks_for_it),
        cmocka_unit_test(what_epoll_cannot_watch_is_an_error),
        cmocka_unit_test(a_file_may_remove_itself),
        cmocka_unit_test(a_file_removed_in_the_turn_is_not_called),
        cmocka_unit_test(a_new_owner_in_the_same_memory_is_not_called_for_the_old_one),
        cmocka_unit_test(a_file_that_is_not_watched_any_more_is_not_called_in_the_same_turn),
        cmocka_unit_test(watching_the_same_again_costs_no_system_call),
        cmocka_unit_test(the_clock_is_read_once_a_turn),
        cmocka_unit_test(a_deadline_takes_one_turn_and_has_passed_after_it),
        cmocka_unit_test(a_deadline_that_has_passed_does_not_wait),
        cmocka_unit_test(a_deadline_of_weeks_is_no_overflow),
        cmocka_unit_test(more_files_than_a_turn_takes_are_all_called),
        cmocka_unit_test(a_signal_ends_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
