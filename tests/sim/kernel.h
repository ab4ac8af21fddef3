/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/kernel.h - the system that the node runs on: descriptors, epoll, sockets, clocks
 *
 * Reached by the linker's --wrap from the node's own code.  Descriptors are numbers
 * from FD_BASE on, the lowest free one first, as the kernel does it; all others go to
 * the real calls.  What is promised is what Linux promises and no more: a read may
 * give less than there is, ready files come in any order and not all at once.
 */
#pragma once

#include <sys/epoll.h>

#include "base/bytes.h"

#define FD_BASE 1000000

/* ---- clock ---- */

void kernel_start(void);
void kernel_process_ends(void); /* what is opened next is another process's */
void kernel_end(void);          /* fails if a descriptor is open */
uint64_t kernel_now_ns(void);
uint64_t kernel_elapsed_ns(void);
void kernel_advance(uint64_t ns);
void kernel_change_date(int64_t ms);
void kernel_let_waits_pass(bool yes); /* an epoll_wait() without ready files lets time pass */

/* ---- descriptors ---- */

enum object_kind {
    OBJECT_EPOLL,
    OBJECT_EVENT,
    OBJECT_LISTENER,
    OBJECT_SOCKET,
};

struct socket;

struct watch {
    int fd;
    uint32_t events;
    epoll_data_t data;
    uint32_t told; /* EPOLLET: what is not told again */
};

struct object {
    enum object_kind kind;
    uint64_t count;        /* OBJECT_EVENT */
    struct watch *watches; /* OBJECT_EPOLL, owned */
    size_t n_watches;
    size_t watches_cap;
    unsigned epoll_index;    /* in the order they were made */
    uint16_t port;           /* OBJECT_LISTENER */
    struct socket **waiting; /* not accepted yet; owned array */
    size_t n_waiting;
    size_t waiting_cap;
    struct socket *socket; /* OBJECT_SOCKET, shared with the client */
};

int object_open(enum object_kind kind);
struct object *object_of(int fd);
struct object *object_at(int fd); /* NULL: not the simulated kernel's */
uint32_t object_ready(const struct object *o);
bool kernel_is_open(int fd);
bool kernel_epoll_has_ready(unsigned epoll_index);

/* ---- sockets: the client's side ---- */

struct chunk {
    uint64_t end; /* offset in the stream */
    uint64_t written_ns;
    uint64_t arrives_ns;
};

struct pipe {
    struct buf data;      /* not read yet */
    uint64_t read_to;     /* offset of data.at[0] */
    struct chunk *chunks; /* owned; those that hold data */
    size_t n_chunks;
    size_t chunks_cap;
    bool is_shut; /* nothing is written any more */
    uint64_t shut_arrives_ns;
    uint64_t last_read_ns;
    bool was_full;
};

struct socket {
    unsigned refs;     /* the client's, the kernel's */
    uint32_t number;   /* and address */
    struct pipe in;    /* to the node */
    struct pipe out;   /* to the client */
    size_t capacity;   /* of @out */
    unsigned delay_us; /* most */
    uint64_t reset_ns; /* arrives at the node; 0: none */
    bool client_gone;  /* closed by the client: what is written comes back as a reset */
    bool node_closed;
    bool was_reset_by_node;
    bool is_frozen; /* nothing arrives */
    bool was_frozen;
};

struct socket *socket_connect(uint16_t port); /* NULL: no such listener */
struct socket *socket_unref(struct socket *s);
void socket_send(struct socket *s, struct bytes data);
size_t socket_receive(struct socket *s, size_t most, struct buf *ret, uint64_t *ret_written_ns);
size_t socket_arrived(const struct socket *s);
bool socket_at_end(const struct socket *s); /* the node has closed, or reset, and all was read */
void socket_shutdown_by_client(struct socket *s);
void socket_close_by_client(struct socket *s);
void socket_reset_by_client(struct socket *s);
void socket_freeze(struct socket *s);
void socket_thaw(struct socket *s);
uint64_t sockets_next_arrival_ns(void); /* UINT64_MAX: nothing is under way */

/* for kernel.c */
uint32_t socket_ready(const struct socket *s);
void socket_node_closed(struct socket *s);
void sockets_end(void);
