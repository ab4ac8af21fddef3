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

#include "node/worker.h"

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

/* disk.c */
struct control;
struct journal_mark;
void __wrap_journal_mark_put(struct control *c, const struct journal_mark *m);

/* node.c */
struct sentinel;
struct auth;
struct self_test;
void __wrap_node_audit(struct node *n, const char *actor, const char *action, const char *object,
                       const char *reason, const char *result);
void __wrap_sentinel_take_events(struct sentinel *s, struct event_block *b);
bool __wrap_auth_verify(struct auth *a, struct worker *w, uint64_t link, struct bytes address,
                        const char *verifier, struct bytes password);
bool __wrap_password_verifier_valid(const char *verifier);
const char *__wrap_password_dummy_verifier(void);
bool __wrap_self_test_is_own(const struct self_test *t, struct bytes client_id);
bool __wrap_self_test_is_forged(const struct self_test *t, struct bytes client_id);
void __real_mailbox_post(struct mailbox *m, enum lane lane, struct mail *mail);
void __wrap_mailbox_post(struct mailbox *m, enum lane lane, struct mail *mail);
void __real_mailbox_post_all(struct mailbox *m, enum lane lane, struct list *mails, size_t n,
                             size_t bytes);
void __wrap_mailbox_post_all(struct mailbox *m, enum lane lane, struct list *mails, size_t n,
                             size_t bytes);
