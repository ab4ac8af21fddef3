/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/sim.h - the delivery plane of a node on one thread, from a seed
 *
 * Everything between the system calls and MQTT is the node's own: src/io, src/wire,
 * src/router, src/session, src/queue, src/protect and the workers of src/node.  What
 * they call of the system (sockets, epoll, eventfd, clocks, randomness) is the
 * kernel's here, a simulated one (kernel.h); so are the auth threads and the sentinel
 * (node.c).  A world (world.c) turns workers and clients in seeded order.  Clients
 * (client.h) speak through a builder and a parser of their own (packet.h), and a model
 * (model.h) knows what each of them must, may and may not receive.
 *
 * One seed, one run: all choices come from chance().
 */
#pragma once

#include "base/bytes.h"

#define CLIENTS_MAX     12
#define SIM_WORKERS_MAX 4

/* ---- chance.c: the only source of choices ---- */

void chance_seed(uint64_t seed);
uint64_t chance_u64(void);
uint64_t chance_below(uint64_t n);                 /* 0 to n - 1 */
uint64_t chance_between(uint64_t lo, uint64_t hi); /* both included */
bool one_in(uint64_t n);

/* ---- trace.c: what happened, and what went wrong ---- */

void trace_start(uint64_t seed, bool print);
void trace_done(void);
void trace(const char *format, ...) PRINTF(1, 2);
uint64_t trace_hash(void); /* of all lines of this seed */
_Noreturn void fail(const char *format, ...) PRINTF(1, 2);
#define expect(cond, ...) ((cond) ? (void)0 : fail(__VA_ARGS__))

/* ---- memory.c ---- */

uint64_t memory_blocks(void);

/* ---- settings of one seed ---- */

struct settings {
    uint64_t seed;
    unsigned n_workers;
    unsigned n_clients;
    unsigned n_actions; /* of clients, before all is healed */
    bool small_queues;  /* the drop rule is reached */
    bool cuts;          /* connections break */
    bool slow_readers;
    bool outages;         /* nothing passes for a while */
    bool preempts;        /* other workers turn in the middle of a turn */
    bool stalls;          /* a worker does not run for a while */
    bool high_packet_ids; /* sessions begin close to the last packet id */
    bool large_messages;
    bool reloads;          /* rights are taken away and given back */
    bool shares;           /* much goes to members of groups */
    bool outlet;           /* somebody who is no worker gets messages */
    bool durable;          /* there is a journal, and the node ends at once, again and again */
    bool quarantines;      /* of some topics nothing is delivered for a while */
    bool shortages;        /* the journal takes nothing more for a moment */
    unsigned delay_max_us; /* of the network */
    unsigned receive_max;
    unsigned inflight_max;
    unsigned queue_messages_max;
    unsigned journal_segment_bytes;
    unsigned lane_max; /* deliveries of a session in memory, the rest is paged; 0: as a node does */
    bool small_parts;  /* what is retained is found a few at a time */
    unsigned n_written_at_once; /* the next batches, a frame each, as they are handed over */
    bool owner_only;            /* what is retained on TOPIC_OF_OWNERS is its publisher's */
};

extern struct settings settings;

void settings_draw(uint64_t seed);

/* ---- seeds.c ---- */

struct seeds_options {
    uint64_t from;
    uint64_t n;
    bool random;
    bool trace;
    bool twice;
};

struct seeds_options seeds_options(char **argv);
void seeds_run(const struct seeds_options *o,
               void (*run)(uint64_t seed, const struct seeds_options *o));

/* ---- world.c ---- */

void world_run(uint64_t seed, bool print_trace);
