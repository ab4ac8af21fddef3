/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/wrap.h - what the linker puts in the place of system calls and of threads' work
 *
 * Each name here has a -Wl,--wrap in meson.build.
 */
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "node/node_private.h"
#include "node/scribe.h"
#include "node/self_test.h"
#include "node/sentinel.h"
#include "session/session_private.h"
#include "store/journal_mark.h"

/* kernel.c */
uint64_t __wrap_clock_now_ns(void);
uint64_t __wrap_clock_unix_ms(void);
ssize_t __wrap_getrandom(void *at, size_t len, unsigned flags);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *e);
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *ret, int max, int timeout_ms);
int __wrap_eventfd(unsigned count, int flags);
ssize_t __real_read(int fd, void *at, size_t len);
ssize_t __wrap_read(int fd, void *at, size_t len);
ssize_t __real_write(int fd, const void *at, size_t len);
ssize_t __wrap_write(int fd, const void *at, size_t len);

/* memory.c */
void *__real_mem_alloc(size_t size);
void *__wrap_mem_alloc(size_t size);
void *__real_mem_zero(size_t size);
void *__wrap_mem_zero(size_t size);
void *__real_mem_resize(void *at, size_t size);
void *__wrap_mem_resize(void *at, size_t size);
void __real_free(void *at);
void __wrap_free(void *at);

/* socket.c */
ssize_t __wrap_recv(int fd, void *at, size_t cap, int flags);
ssize_t __wrap_send(int fd, const void *at, size_t len, int flags);
int __wrap_shutdown(int fd, int how);
int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *len, int flags);
int __wrap_getpeername(int fd, struct sockaddr *a, socklen_t *len);
int __wrap_setsockopt(int fd, int level, int option, const void *at, socklen_t len);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_listener_open(const char *host, uint16_t port, bool reuse_port, int *ret_fd);

/* What is the node's own has the node's own prototype: one that changes there is missed here. */
#define WRAP(name)                                                                                 \
    __typeof__(name) __wrap_##name;                                                                \
    __typeof__(name) __real_##name

/* disk.c */
WRAP(journal_mark_put);
WRAP(note_may_promise);

/* paging.c */
WRAP(journal_search_some);
WRAP(journal_walk_some);
WRAP(queue_expire);
WRAP(queue_put);
WRAP(queue_put_shelved);
WRAP(queue_wants);
WRAP(retained_find);
WRAP(retained_turn_begins);
WRAP(router_retained_each);
WRAP(session_drop_shelved);
WRAP(session_missed);
WRAP(session_note_want);
WRAP(session_read);
WRAP(session_want_retained);
WRAP(worker_is_spent);

/* quarantine.c */
WRAP(node_call_all);

/* node.c */
WRAP(auth_verify);
WRAP(mailbox_post);
WRAP(mailbox_post_all);
WRAP(mailbox_take);
WRAP(node_audit);
WRAP(password_dummy_verifier);
WRAP(password_verifier_valid);
WRAP(scribe_take);
WRAP(self_test_is_forged);
WRAP(self_test_is_from);
WRAP(self_test_is_own);
WRAP(sentinel_take_events);
