/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/chores.c - what the sentinel does from time to time
 */
#include <malloc.h>

#include "base/clock.h"
#include "node/held.h"
#include "node/node_private.h"
#include "node/orders.h"
#include "node/sentinel.h"

#define TICK_NS NS_PER_S

/* After many clients came at once, the machine gets back what their events took while they waited.
 */
static void give_back(struct sentinel *s)
{
    if (!s->had_many || atomic_load(&s->n_blocks) > 0)
        return;
    (void)malloc_trim(0);
    s->had_many = false;
}

static void tick_detect(struct sentinel *s)
{
    detect_tick(s->detect, s->now_ns, sentinel_found, s);
}

static void tick_respond(struct sentinel *s)
{
    respond_tick(s->respond, sentinel_now(s));
    held_give_up(s->node, s->now_unix_ms, "nobody approved it in time");
}

static void tick_identify(struct sentinel *s)
{
    identify_tick(s->identify, s->now_unix_ms);
}

/* Whether it has forgotten, for it was started anew. */
static void ask_ward(struct sentinel *s)
{
    if (firewall_forgot(s->node, firewall_wanted(s->respond)))
        respond_measures_resume(s->respond, BIT(ACTION_FIREWALL), sentinel_now(s));
    respond_measures_settle(s->respond, sentinel_now(s));
}

static void save_identify(struct sentinel *s)
{
    (void)identify_save(s->identify, s->node->control, s->now_unix_ms);
}

static void save_habits(struct sentinel *s)
{
    (void)habits_save(s);
}

/* The detectors are told what the inventory says. */
static void tell_declared(struct sentinel *s)
{
    habits_inspect(s);
    habits_lifecycles(s);
}

/* clang-format off */
static const struct chore_row {
    void (*take)(struct sentinel *s);
    uint64_t every_ns;
} chores[CHORE_N] = {
    [CHORE_MEMORY]         = {give_back,         NS_PER_S},
    [CHORE_STORE]          = {store_watch,       NS_PER_S},
    [CHORE_CERTIFICATES]   = {certificate_watch, NS_PER_S},
    [CHORE_DETECT]         = {tick_detect,       NS_PER_S},
    [CHORE_RESPOND]        = {tick_respond,      NS_PER_S},
    [CHORE_IDENTIFY]       = {tick_identify,     NS_PER_S},
    [CHORE_AMENDS]         = {amends_tick,       NS_PER_S},
    [CHORE_CONDUITS]       = {enforce_conduits,  NS_PER_S},
    [CHORE_WARD]           = {ask_ward,          10 * NS_PER_S},
    [CHORE_SAVE_IDENTIFY]  = {save_identify,     30 * NS_PER_S},
    [CHORE_SAVE_HABITS]    = {save_habits,       600 * NS_PER_S},
    [CHORE_DECLARED]       = {tell_declared,     3600 * NS_PER_S},
};
/* clang-format on */

/** chores_begin() - nothing has been learned yet that would have to be saved */
void chores_begin(struct sentinel *s)
{
    s->next_tick_ns = s->now_ns + TICK_NS;
    s->due_ns[CHORE_SAVE_IDENTIFY] = s->now_ns + chores[CHORE_SAVE_IDENTIFY].every_ns;
    s->due_ns[CHORE_SAVE_HABITS] = s->now_ns + chores[CHORE_SAVE_HABITS].every_ns;
}

/** chores_take() - those that are due; orders come between them, too */
void chores_take(struct sentinel *s)
{
    for (enum chore i = 0; i < CHORE_N; i++) {
        if (s->now_ns < s->due_ns[i])
            continue;
        s->due_ns[i] = s->now_ns + chores[i].every_ns;
        sentinel_take_urgent_orders(s);
        chores[i].take(s);
    }
    s->next_tick_ns = s->now_ns + TICK_NS;
}
