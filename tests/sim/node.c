/* SPDX-License-Identifier: Apache-2.0 */
/* sim/node.c - see node.h */
#include "sim/node.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/restore.h"
#include "node/scribe.h"
#include "node/sentinel.h"
#include "queue/held.h"
#include "queue/holders.h"
#include "sim/disk.h"
#include "sim/kernel.h"
#include "sim/model.h"
#include "sim/paging.h"
#include "sim/wrap.h"

#define ROUNDS_MAX 20000

static struct node *node;
static struct config config;
static struct config_listener listeners[] = {
    {.name = (char *)"field",
     .address = (char *)"127.0.0.1",
     .port = FIELD_PORT,
     .anonymous = true},
    {.name = (char *)"control",
     .address = (char *)"127.0.0.1",
     .port = CONTROL_PORT,
     .plane = CONFIG_PLANE_CONTROL},
};
static struct policy *policies[POLICY_N];
static enum policy_variant variant;
static bool is_changing;
static bool turning[SIM_WORKERS_MAX];
static unsigned now_turning; /* the innermost; SIM_WORKERS_MAX: none */
static bool is_dying;
static bool scribe_writes;
static unsigned stalled_for[SIM_WORKERS_MAX]; /* so often yet it gets no time of a processor */

/* ---- auth threads ---- */

struct auth_job {
    struct post post;
    struct list in_jobs;
    struct worker *worker;
    uint64_t link;
    char *verifier; /* owned */
    bool is_right;
};

static struct list jobs;
static unsigned n_jobs;

static void take_answer(struct worker *w, struct post *p)
{
    struct auth_job *j = list_item(p, struct auth_job, post);

    connect_verified(w, j->link, j->verifier, j->is_right, 0);
    free(j->verifier);
    free(j);
}

bool __wrap_auth_verify(struct auth *a, struct worker *w, uint64_t link, struct bytes address,
                        const char *verifier, struct bytes password)
{
    struct auth_job *j = mem_new(struct auth_job);

    (void)a, (void)address;
    list_init(&j->post.mail.link);
    j->post.take = take_answer;
    j->worker = w;
    j->link = link;
    j->verifier = bytes_dup_str(bytes_str(verifier));
    j->is_right = bytes_equal(password, BYTES("right"));
    list_append(&jobs, &j->in_jobs);
    n_jobs++;
    return true;
}

/** node_has_auth_jobs() - does a password wait? */
bool node_has_auth_jobs(void)
{
    return n_jobs > 0;
}

/** node_answer_auth() - one of the passwords that wait, any one, has been looked at */
void node_answer_auth(void)
{
    uint64_t skip = chance_below(n_jobs);
    struct list *it = jobs.next;
    struct auth_job *j;

    while (skip-- > 0)
        it = it->next;
    j = list_item(it, struct auth_job, in_jobs);
    list_remove(it);
    n_jobs--;
    trace("a password is %s", j->is_right ? "right" : "wrong");
    worker_post(j->worker, LANE_CONTROL, &j->post);
}

bool __wrap_password_verifier_valid(const char *verifier)
{
    return verifier != NULL;
}

const char *__wrap_password_dummy_verifier(void)
{
    return "nobody's";
}

/* ---- sentinel, self-test ---- */

void __wrap_sentinel_take_events(struct sentinel *s, struct event_block *b)
{
    (void)s;
    if (is_dying) {
        event_block_free(b);
        return;
    }
    expect(b->n_dropped == 0, "worker %u: events were dropped", b->worker);
    for (unsigned i = 0; i < b->n_events; i++)
        model_event(&b->events[i], b->worker);
    event_block_free(b);
}

bool __wrap_self_test_is_own(const struct self_test *t, struct bytes client_id)
{
    (void)t, (void)client_id;
    return false;
}

bool __wrap_self_test_is_from(const struct self_test *t, struct bytes client_id,
                              struct bytes address, uint64_t at_ns)
{
    (void)t, (void)client_id, (void)address, (void)at_ns;
    return false;
}

bool __wrap_self_test_is_forged(const struct self_test *t, struct bytes client_id)
{
    (void)t, (void)client_id;
    return false;
}

/* ---- workers ---- */

/* Between any two uses of a mailbox by one worker others may run. */
static void preempt(void)
{
    unsigned w;

    if (!settings.preempts || !one_in(6))
        return;
    w = (unsigned)chance_below(settings.n_workers);
    if (!turning[w] && node_worker_wants_turn(w) && node_worker_gets_time(w)) {
        trace("in the middle:");
        node_turn(w);
    }
}

void __wrap_mailbox_post(struct mailbox *m, enum lane lane, struct mail *mail)
{
    __real_mailbox_post(m, lane, mail);
    preempt();
}

void __wrap_mailbox_post_all(struct mailbox *m, enum lane lane, struct list *mails, size_t n,
                             size_t bytes)
{
    __real_mailbox_post_all(m, lane, mails, n, bytes);
    preempt();
}

size_t __wrap_mailbox_take(struct mailbox *m, enum lane lane, struct list *mails)
{
    if (now_turning < SIM_WORKERS_MAX) /* an outlet's is taken between turns */
        preempt();
    return __real_mailbox_take(m, lane, mails);
}

/** node_worker_wants_turn() - does its loop not wait? */
bool node_worker_wants_turn(unsigned worker)
{
    const struct worker *w = node->workers[worker];

    return kernel_epoll_has_ready(worker) || !list_is_empty(&w->again) || w->is_behind ||
           heap_next_ns(&w->timers) <= kernel_now_ns();
}

/** node_worker_gets_time() - a worker that stalls gets none for a while, whoever waits for it */
bool node_worker_gets_time(unsigned worker)
{
    if (!settings.stalls)
        return true;
    if (stalled_for[worker] == 0) {
        if (one_in(400))
            stalled_for[worker] = (unsigned)chance_between(10, 200);
        return true;
    }
    stalled_for[worker]--;
    return false;
}

/* Each thread has a listener of its own; here all are one. */
static void hear_what_goes(void)
{
    if (now_turning < SIM_WORKERS_MAX)
        note_begin_turn(node->workers[now_turning]);
    else
        record_forget_by(NULL, NULL);
}

/** node_turn() - one turn of a worker that is not in one */
void node_turn(unsigned worker)
{
    unsigned outer = now_turning;

    check(!turning[worker]);
    turning[worker] = true;
    now_turning = worker;
    trace("worker %u turns", worker);
    paging_turn_begins(worker);
    worker_turn(node->workers[worker]);
    turning[worker] = false;
    now_turning = outer;
    hear_what_goes();
    model_after_turn(worker);
}

/* ---- scribe ---- */

void __wrap_node_audit(struct node *n, const char *actor, const char *action, const char *object,
                       const char *reason, const char *result)
{
    (void)n, (void)actor, (void)action, (void)object, (void)reason, (void)result;
}

/** node_scribe_wants_turn() - does it not wait? */
bool node_scribe_wants_turn(void)
{
    return node->scribe != NULL && scribe_wants_turn(node->scribe);
}

static void write_frame(void)
{
    unsigned outer = now_turning;

    now_turning = SIM_WORKERS_MAX;
    scribe_writes = true;
    hear_what_goes();
    expect(scribe_turn(node->scribe), "the journal cannot be written");
    scribe_writes = false;
    now_turning = outer;
    hear_what_goes();
}

/* In the middle of a worker's turn, before it has done anything more. */
static bool is_written_at_once(void)
{
    if (now_turning == SIM_WORKERS_MAX || scribe_writes)
        return false;
    if (settings.n_written_at_once == 0)
        return settings.preempts && one_in(6);
    settings.n_written_at_once--;
    return true;
}

bool __wrap_scribe_take(struct scribe *s, struct worker *w, uint64_t number, struct buf *batch)
{
    bool has_room = __real_scribe_take(s, w, number, batch);

    if (is_written_at_once()) {
        trace("it is written at once");
        write_frame();
    }
    return has_room;
}

/** node_scribe_turns() - one frame is written and flushed; with nothing to write the last one is
 * proved to be whole */
void node_scribe_turns(void)
{
    trace("the scribe turns");
    model_flushed();
    write_frame();
}

/** node_next_timer_ns() - of all workers */
uint64_t node_next_timer_ns(void)
{
    uint64_t next = TIMER_NEVER;

    for (unsigned i = 0; i < settings.n_workers; i++)
        next = MIN(next, heap_next_ns(&node->workers[i]->timers));
    return next;
}

/** node_home() - the worker that has the session of @client_id */
unsigned node_home(const char *client_id)
{
    return (unsigned)(client_key(bytes_str(client_id)) % settings.n_workers);
}

/** node_holds_back() - some connection is not read for a while */
bool node_holds_back(void)
{
    for (unsigned i = 0; i < settings.n_workers; i++) {
        list_each (it, &node->workers[i]->links) {
            if (list_item(it, struct link, in_worker)->read_again_ns != 0)
                return true;
        }
    }
    return false;
}

/* ---- the control plane ---- */

/** node_restrain() - see node.h; not in the middle of a turn */
void node_restrain(struct restraints *r)
{
    enforce_these_restraints(node, r);
}

static bool some_worker_turns(void)
{
    bool turned = false;

    for (unsigned i = 0; i < settings.n_workers; i++) {
        if (node_worker_wants_turn(i)) {
            node_turn(i);
            turned = true;
        }
    }
    return turned;
}

/** node_settles() - see node.h; a worker that turns on and on does nothing but use up a processor
 */
void node_settles(void)
{
    unsigned n = 0;

    while (some_worker_turns() || node_scribe_wants_turn()) {
        expect(n++ < ROUNDS_MAX, "it does not settle");
        if (node_scribe_wants_turn())
            node_scribe_turns();
    }
}

/* ---- policy ---- */

/** node_policy() - in force, or about to be */
enum policy_variant node_policy(void)
{
    return variant;
}

/** node_policy_is_changing() - some workers have it already */
bool node_policy_is_changing(void)
{
    return is_changing;
}

static void swap_policy(struct worker *w, void *arg)
{
    struct readmitted readmitted = {0};

    policy_unref(w->policy);
    w->policy = policy_ref(arg);
    readmit_all(w, &readmitted);
}

static void part(struct worker *w, void *arg)
{
    struct readmitted readmitted = {0};

    (void)arg;
    readmit_part(w, &readmitted);
}

/** node_change_policy() - to the other one, on every worker on return; not in the middle of a turn
 */
void node_change_policy(void)
{
    variant = variant == POLICY_FULL ? POLICY_LESS : POLICY_FULL;
    trace("policy %s", variant == POLICY_FULL ? "full" : "less");
    is_changing = true;
    node_call_all(node, swap_policy, policies[variant]);
    node_call_all(node, part, NULL);
    node->policy = policies[variant];
    is_changing = false;
}

/** node_begins_with() - the next one, after a crash */
void node_begins_with(enum policy_variant v)
{
    variant = v;
}

/* ---- life ---- */

static struct limits limits_of_settings(void)
{
    struct limits l = limits_default;

    l.keep_alive_max_s = KEEP_ALIVE_MAX_S;
    l.session_expiry_max_s = SESSION_EXPIRY_MAX_S;
    l.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    l.queue_messages_max = settings.queue_messages_max;
    l.receive_max = settings.receive_max;
    l.inflight_max = settings.inflight_max;
    l.messages_per_s_max = 1000000;
    return l;
}

/* A process begins: it listens and has not turned yet. */
static void boot(void)
{
    struct tls_context *tls[COUNT_OF(listeners)] = {NULL};
    char *error = NULL;

    list_init(&jobs);
    n_jobs = 0;
    now_turning = SIM_WORKERS_MAX;
    memset(stalled_for, 0, sizeof(stalled_for));
    memset(turning, 1, sizeof(turning));
    node = mem_new(struct node);
    node->config = node->started = &config;
    node->policy = policies[variant];
    node->admission = admission_new();
    node->user_sessions = user_sessions_new();
    node->acquaintances = acquaintances_new();
    node->held = held_list_new();
    node->n_workers = settings.n_workers;
    atomic_init(&node->next_link, 1);
    for (unsigned i = 0; i < settings.n_workers; i++)
        node->workers[i] = worker_new(node, i, settings.n_workers);
    for (unsigned i = 0; i < settings.n_workers; i++) {
        expect(listen_open(node->workers[i], &config, tls, &error) == 0, "listen_open: %s", error);
        node->workers[i]->bans = ban_table_new(NULL, 0);
        restraints_unref(node->workers[i]->restraints);
        node->workers[i]->restraints = quarantine_restraints();
    }
    if (settings.durable) {
        node->journal = disk_journal();
        expect(restore_all(node) == 0, "restore_all");
        node->scribe = scribe_new(node, node->journal);
        purge_at_start(node);
    }
    for (unsigned i = 0; i < settings.n_workers; i++)
        expect(worker_begin(node->workers[i]) == 0, "worker_begin");
    memset(turning, 0, sizeof(turning));
}

/* The process ends, clients connected or not. */
static void end_workers(void)
{
    unsigned n = settings.n_workers;
    unsigned first = (unsigned)chance_below(n);

    kernel_let_waits_pass(true);
    for (unsigned i = 0; i < n; i++) {
        turning[(first + i) % n] = true; /* and never again */
        node->workers[(first + i) % n]->stopping = true;
        worker_end(node->workers[(first + i) % n]);
    }
    kernel_let_waits_pass(false);
    while (n_jobs > 0) /* workers ask to the last */
        node_answer_auth();
}

static void give_back(void)
{
    unsigned n = settings.n_workers;

    for (unsigned i = 0; i < 2 * n; i++)
        worker_empty(node->workers[i % n]);
    record_forget_by(NULL, NULL);
    record_forget_elsewhere_by(NULL, NULL);
    for (unsigned i = 0; i < n; i++)
        worker_free(node->workers[i]);
    scribe_free(node->scribe);
    expect(holders_counted() == 0, "%zu records are still counted", holders_counted());
    journal_close(node->journal);
    admission_free(node->admission);
    user_sessions_free(node->user_sessions);
    acquaintances_free(node->acquaintances);
    held_list_free(node->held);
    free(node);
    node = NULL;
}

/** node_start() - the first of this seed */
struct node *node_start(void)
{
    struct limits limits = limits_of_settings();

    variant = POLICY_FULL;
    is_changing = is_dying = false;
    config = (struct config){.listeners = listeners, .n_listeners = COUNT_OF(listeners)};
    if (settings.durable) {
        config.durability = CONFIG_DURABILITY_COMMIT;
        disk_start();
    }
    for (unsigned v = 0; v < POLICY_N; v++)
        policies[v] = topics_policy((enum policy_variant)v, &limits);
    boot();
    return node;
}

/** node_is_dying() - see node.h */
bool node_is_dying(void)
{
    return is_dying;
}

/** node_crash() - see node.h; perhaps while a frame is written, which then was never flushed */
struct node *node_crash(void)
{
    bool power = one_in(2);
    bool is_writing = node_scribe_wants_turn() && one_in(2);

    trace(power ? "the power is cut" : "the node is killed");
    model_crashed();
    is_dying = true;
    memset(turning, 1, sizeof(turning));
    if (is_writing) {
        disk_catch();
        (void)scribe_turn(node->scribe);
    }
    disk_crash(power);
    end_workers();
    give_back();
    is_dying = false;
    kernel_process_ends();
    kernel_advance(chance_below(one_in(3) ? 10 * NS_PER_S : 10 * NS_PER_MS));
    if (one_in(3))
        settings.n_workers = (unsigned)chance_between(1, SIM_WORKERS_MAX);
    trace("it begins anew, with %u workers", settings.n_workers);
    boot();
    model_restarted();
    return node;
}

/** node_end() - as the main thread ends it */
void node_end(void)
{
    end_workers();
    while (node_scribe_wants_turn())
        node_scribe_turns();
    give_back();
    memset(turning, 0, sizeof(turning));
    for (unsigned v = 0; v < POLICY_N; v++)
        policy_unref(policies[v]);
    if (settings.durable)
        disk_end();
}
