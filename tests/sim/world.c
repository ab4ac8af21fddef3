/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/world.c - who comes next: workers, clients, the network, time
 *
 * Time passes in small steps while anybody has something to do.  When nobody has, it
 * jumps to the next thing that is due; so an hour of keep alive costs nothing, and
 * nothing is late only because the world did not look.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "node/node_private.h"
#include "sim/client.h"
#include "sim/kernel.h"
#include "sim/model.h"
#include "sim/node.h"
#include "sim/paging.h"

#define STEPS_PER_ACTION 12
#define CALM_STEPS_MAX   400000
#define CALM_NS          (50 * NS_PER_MS)

static struct node *node;

/* ---- steps ---- */

static bool some_worker_wants_turn(void)
{
    if (node_scribe_wants_turn())
        return true;
    for (unsigned i = 0; i < settings.n_workers; i++) {
        if (node_worker_wants_turn(i))
            return true;
    }
    return false;
}

static bool turn_some_worker(void)
{
    unsigned first = (unsigned)chance_below(settings.n_workers);

    for (unsigned i = 0; i < settings.n_workers; i++) {
        unsigned w = (first + i) % settings.n_workers;

        if ((node_worker_wants_turn(w) || one_in(200)) && node_worker_gets_time(w)) {
            node_turn(w);
            check_limits(node);
            return true;
        }
    }
    if (node_scribe_wants_turn()) {
        node_scribe_turns();
        return true;
    }
    return false;
}

static size_t reads_at_once(const struct line *k)
{
    if (k->is_slow)
        return one_in(6) ? chance_between(1, 300) : 0;
    return one_in(4) ? chance_between(1, 2000) : SIZE_MAX;
}

static void read_some_line(void)
{
    uint32_t n = lines_n();
    struct line *k = n > 0 ? line_by_number((uint32_t)chance_between(1, n)) : NULL;

    if (k != NULL)
        line_read(k, reads_at_once(k));
}

static void read_all(bool slowly)
{
    for (uint32_t i = 1; i <= lines_n(); i++)
        line_read(line_by_number(i), slowly ? reads_at_once(line_by_number(i)) : SIZE_MAX);
}

static void ping_everybody(void)
{
    for (unsigned i = 0; i < settings.n_clients; i++)
        client_ping_if_due(&clients[i]);
}

/* Nobody has anything to do now: on to the next thing that is due, or not quite so far. */
static void jump(void)
{
    uint64_t next = MIN(node_next_timer_ns(), sockets_next_arrival_ns());
    uint64_t now = kernel_now_ns();

    for (unsigned i = 0; i < settings.n_clients; i++)
        next = MIN(next, client_ping_due_ns(&clients[i]));
    if (next <= now || next == UINT64_MAX)
        return;
    kernel_advance(one_in(3) ? chance_between(1, next - now) : next - now);
    ping_everybody();
}

static void pass_time(void)
{
    if (one_in(4))
        kernel_advance(chance_below(one_in(10) ? 5 * NS_PER_MS : 100000));
    if (!settings.durable && one_in(2000)) /* a restart knows nothing but dates */
        kernel_change_date((int64_t)chance_below(200000000) - 100000000);
    ping_everybody();
}

static bool somebody_reads(void)
{
    for (uint32_t i = 1; i <= lines_n(); i++) {
        const struct line *k = line_by_number(i);

        if (k->phase != PHASE_OVER && (socket_arrived(k->socket) > 0 || socket_at_end(k->socket)))
            return true;
    }
    return false;
}

/* Return: whether anything happened. */
static bool step(void)
{
    if (settings.outlet && one_in(8))
        outlet_reads();
    switch (chance_below(4)) {
    case 0:
        if (node_has_auth_jobs()) {
            node_answer_auth();
            return true;
        }
        if (settings.durable && (node_scribe_wants_turn() || one_in(50))) {
            node_scribe_turns();
            return true;
        }
        return turn_some_worker();
    case 1:
    case 2:
        return turn_some_worker();
    default:
        read_some_line();
        return somebody_reads();
    }
}

static void act_some_client(void)
{
    if (one_in(60))
        stranger_comes();
    else
        client_act(&clients[chance_below(settings.n_clients)]);
}

static void crash(void)
{
    node = node_crash();
}

/* Is something retained still to be found, or to be sent? */
static bool somebody_is_owed(void)
{
    for (unsigned i = 0; i < settings.n_workers; i++) {
        size_t cursor = 0;
        const struct resident *r;

        while ((r = map_next(&node->workers[i]->residents, &cursor)) != NULL) {
            const struct session *s = r->session;

            if (s->notes != NULL && (s->retained != NULL || !list_is_empty(&s->retained_wanting)))
                return true;
        }
    }
    return false;
}

static void live(void)
{
    for (unsigned a = 0; a < settings.n_actions; a++) {
        unsigned idle = 0;
        unsigned n = (unsigned)chance_below(one_in(3) ? 4 : 2 * STEPS_PER_ACTION);

        act_some_client();
        if (settings.durable && (one_in(40) || (somebody_is_owed() && one_in(8))))
            crash();
        if (settings.quarantines && one_in(60))
            quarantine_change();
        if (settings.reloads && one_in(60))
            reload_change();
        for (unsigned i = 0; i < n; i++) {
            idle = step() ? 0 : idle + 1;
            pass_time();
        }
        if (idle > 6 && one_in(3) && !some_worker_wants_turn() && !somebody_reads())
            jump();
    }
}

/* ---- the end ---- */

static void thaw_all(void)
{
    for (uint32_t i = 1; i <= lines_n(); i++) {
        struct line *k = line_by_number(i);

        if (k->socket->is_frozen)
            socket_thaw(k->socket);
        k->is_slow = false;
    }
}

static bool wants_new_line(const struct client *c)
{
    return c->line == NULL || c->line->is_silent ||
           (c->line->phase == PHASE_OPEN && c->line->packet_max != UINT32_MAX);
}

static bool all_content(void)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        if (client_is_busy(&clients[i]) || wants_new_line(&clients[i]))
            return false;
    }
    return !lines_wait_for_node() && !node_has_auth_jobs() && !node_holds_back() &&
           !somebody_reads() && sockets_next_arrival_ns() == UINT64_MAX;
}

static bool nothing_moves(void)
{
    return !some_worker_wants_turn() && all_content();
}

/* All come back, take what is theirs and give what they owe. */
static void calm_down(void)
{
    uint64_t calm_since_ns = 0;

    trace("all is healed");
    thaw_all();
    settings.stalls = settings.shortages = false;
    for (unsigned steps = 0; steps < CALM_STEPS_MAX; steps++) {
        bool moved = step();

        for (unsigned i = 0; i < settings.n_clients; i++) {
            client_settle(&clients[i]);
            if (wants_new_line(&clients[i]) && client_may_connect(&clients[i]))
                client_connect(&clients[i], true);
        }
        pass_time();
        if (!moved && !turn_some_worker()) {
            read_all(false);
            jump();
        }
        if (!nothing_moves())
            calm_since_ns = kernel_now_ns();
        else if (kernel_now_ns() - calm_since_ns > CALM_NS)
            return;
    }
    fail("it does not calm down");
}

/* With nobody coming or going all members of a share get the same. */
static void deal_out(void)
{
    shares_join_all();
    calm_down();
    shares_publish_evenly();
    calm_down();
    shares_check_fair();
}

static void expect_end(void)
{
    for (uint32_t i = 1; i <= lines_n(); i++)
        line_by_number(i)->may_end |= MAY_END_STOPPED;
    model_node_ends(true);
}

/** world_run() - all of one seed; fails or returns */
void world_run(uint64_t seed, bool print_trace)
{
    settings_draw(seed);
    kernel_start();
    trace_start(seed, print_trace);
    hash_key_set(chance_u64(), chance_u64());
    log_level_set(LOG_ERROR);
    trace("%u workers, %u clients, %u actions", settings.n_workers, settings.n_clients,
          settings.n_actions);
    model_start();
    paging_start();
    quarantine_start();
    reload_start();
    shares_start();
    model_node_ends(false);
    clients_start();
    node = node_start();
    if (settings.outlet)
        outlet_start(node);
    live();
    if (settings.durable && one_in(2))
        crash();
    calm_down();
    if (!settings.small_queues)
        deal_out();
    check_delivered(node);
    shares_check();
    check_retained(node);
    if (settings.outlet)
        outlet_check();
    check_empty(node);
    trace("the node ends");
    expect_end();
    node_end();
    if (settings.outlet)
        outlet_end();
    read_all(true);
    clients_end();
    shares_end();
    model_end();
    kernel_end();
    trace_done();
}
