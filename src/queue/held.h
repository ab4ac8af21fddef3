/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/held.h - commands that wait for a person: a bounded list
 *
 * Workers put them in, the control plane takes them out: any thread, under a mutex, since what is
 * held is rare and few.  In memory alone.
 *
 * MQ.RS.RP-03 (detection, D32 and D33)
 */
#pragma once

#include "queue/queue.h"

#define HELD_ID_BYTES 24 /* "C-1a2119c5b80", never given before */

/* Whose command it is, where from; borrowed. */
struct held_from {
    struct bytes client_id;
    struct bytes user_name; /* principal; empty: none */
    struct bytes role;
    struct bytes address; /* empty: not known any more */
    bool is_will;
};

struct held {
    char id[HELD_ID_BYTES];
    struct list link;
    struct message *message; /* owned, as are the texts */
    char *client_id;
    char *user_name;
    char *role;
    char *address;
    char *approved_by; /* by one, where it takes two; NULL: by nobody yet */
    bool is_will;
    size_t bytes; /* that it counts for */
    uint64_t at_unix_ms;
    uint64_t expires_unix_ms; /* then it is given up */
};

struct held_limits {
    uint64_t n_max;
    uint64_t bytes_max; /* of all that is kept with them */
    uint64_t per_client_max;
};

struct held_list;

struct held_list *held_list_new(void);
struct held_list *held_list_free(struct held_list *l);
const char *held_put(struct held_list *l, struct publication *p, const struct held_from *from,
                     const struct held_limits *limits, uint64_t now_unix_ms, uint64_t for_ms,
                     char ret_id[HELD_ID_BYTES]);
struct held *held_take(struct held_list *l, const char *id);
struct held *held_take_expired(struct held_list *l, uint64_t now_unix_ms);
void held_put_back(struct held_list *l, struct held *h);
struct held *held_free(struct held *h);
size_t held_n(struct held_list *l);

typedef void held_fn(void *arg, const struct held *h);
void held_each(struct held_list *l, held_fn *fn, void *arg);
