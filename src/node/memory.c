/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/memory.c - the budget for messages on their way: queued, retained, in buffers and mailboxes
 *
 * Each has limits of its own, but no machine has room for the sum of them over thousands
 * of slow receivers.  So all are counted together, where memory is taken, and as
 * memory_bytes_max fills up the delivery plane does less and less for those who fill it:
 * first they are read slowly, then what would have to wait and was not promised is
 * dropped, then nothing new comes in.  What can be sent at once costs no memory and goes
 * on as before; so does the control plane.
 *
 * Other workers' memory is seen a moment late (memory_count()); with what is under way
 * meanwhile that is what the last sixteenth is for.
 *
 * MQ.PR.SP-05
 */
#include <malloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "node/node_private.h"

#define ARENA_KEEPS_BYTES    1048576
#define GIVEN_BACK_BYTES_MIN 4194304 /* of a burst; to look for less costs more than it frees */

/* clang-format off */
static const struct {
    uint64_t from;      /* sixteenths of the budget */
    uint64_t hold_ns;   /* who has published what had to wait is not read for so long */
    const char *what;
} stages[] = {
    [MEMORY_ROOM]   = {0,  0,               "enough"},
    [MEMORY_TIGHT]  = {12, 5 * NS_PER_MS,   "tight: who publishes what has to wait is read slowly"},
    [MEMORY_SCARCE] = {14, 50 * NS_PER_MS,  "scarce: QoS 0 that cannot be sent at once is dropped"},
    [MEMORY_FULL]   = {15, 250 * NS_PER_MS, "full: no new message that has to wait, no new session"},
};
/* clang-format on */

/**
 * memory_begin() - what the allocator keeps of what is freed; once, before there are other threads
 *
 * By default each arena of a thread gives pages back as soon as 128 KiB at its top are free, and
 * has them cleared by the kernel when the next turn wants its buffers again.
 */
void memory_begin(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, ARENA_KEEPS_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, ARENA_KEEPS_BYTES); /* setting the one fixes the other */
}

/** memory_stage() - how much of the budget is used */
enum memory_stage memory_stage(const struct worker *w)
{
    uint64_t sixteenth = policy_limits(w->policy)->memory_bytes_max / 16;
    uint64_t used = memory_counted();
    enum memory_stage stage = MEMORY_FULL;

    while (used < stages[stage].from * sixteenth)
        stage--;
    return stage;
}

/** memory_hold_ns() - how long a connection is not read that has published what has to wait */
uint64_t memory_hold_ns(const struct worker *w)
{
    return stages[memory_stage(w)].hold_ns;
}

/* The machine gets back what a burst has left free, once no more than a quarter of it is used. */
static void give_back(struct worker *w)
{
    size_t used = memory_counted();

    w->memory_most = MAX(w->memory_most, used);
    if (w->memory_most < GIVEN_BACK_BYTES_MIN || used > w->memory_most / 4)
        return;
    (void)malloc_trim(0);
    w->memory_most = used;
}

/** memory_tell() - the log hears of it when the stage has changed; once a second, by one worker */
void memory_tell(struct worker *w)
{
    enum memory_stage stage = memory_stage(w);

    give_back(w);
    if (stage == w->memory_told)
        return;
    w->memory_told = stage;
    log_line(stage == MEMORY_ROOM ? LOG_INFO : LOG_WARNING, "memory",
             "%zu of memory_bytes_max %llu bytes: %s", memory_counted(),
             (unsigned long long)policy_limits(w->policy)->memory_bytes_max, stages[stage].what);
}

/** memory_of_link() - count what the buffers of a connection, and what waits at its gate, have
 * become */
void memory_of_link(struct link *l)
{
    size_t now = MIN(l->in.cap + l->out.cap + conn_gate_memory(&l->conn), (size_t)UINT32_MAX);

    memory_count((ptrdiff_t)now - (ptrdiff_t)l->counted_bytes);
    l->counted_bytes = (uint32_t)now;
}
