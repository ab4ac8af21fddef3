/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/sentinel.c - the thread of the control plane
 *
 * events -> identify, detect -> findings -> respond -> commands to the workers, and
 * incidents on $bastide/incident/<kind>/<id>.  It waits for workers (a command is in
 * force when the call returns); workers never wait for it.  When it is behind,
 * blocks of events are dropped and counted: detection is shed, never traffic; who is
 * connected is asked for later (amends.c).
 *
 * MQ.ID.* MQ.DE.* MQ.RS.*
 */
#include "node/sentinel.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/self_test.h"

#define BLOCKS_MAX  512
#define BLOCKS_MANY 32        /* so many waited: what they took is worth giving back */
#define GATHER_NS   NS_PER_MS /* after events more of them gather before the next look */

/* ---- roles ---- */

static const struct role_traits *traits_of(const struct sentinel *s, struct bytes role)
{
    for (size_t i = 0; i < s->n_roles; i++) {
        if (bytes_equal(bytes_str(s->roles[i].name), role))
            return &s->roles[i];
    }
    return NULL;
}

static bool role_is_critical(void *arg, struct bytes role)
{
    const struct role_traits *t = traits_of(arg, role);

    return t != NULL && t->critical;
}

static uint64_t role_per_s(void *arg, struct bytes role)
{
    const struct role_traits *t = traits_of(arg, role);

    return t != NULL ? t->messages_per_s_max : ((const struct sentinel *)arg)->messages_per_s_max;
}

static void learn_roles(struct sentinel *s, const struct config *c)
{
    free(s->roles);
    s->messages_per_s_max = c->policy.limits.messages_per_s_max;
    s->n_roles = c->policy.n_roles;
    s->roles = mem_zero(MAX(s->n_roles, (size_t)1) * sizeof(*s->roles));
    for (size_t i = 0; i < s->n_roles; i++) {
        snprintf(s->roles[i].name, sizeof(s->roles[i].name), "%s", c->policy.roles[i].name);
        s->roles[i].critical = c->policy.roles[i].critical;
        s->roles[i].messages_per_s_max = c->policy.roles[i].messages_per_s_max > 0
                                             ? c->policy.roles[i].messages_per_s_max
                                             : s->messages_per_s_max;
    }
}

static bool learn_inventory(struct sentinel *s, const struct config *c, char **ret_error)
{
    return c->inventory_file == NULL ||
           identify_inventory_load(s->identify, c->inventory_file, clock_unix_ms(), ret_error);
}

/** sentinel_learn_config() - a new configuration is in force; on the sentinel's thread */
void sentinel_learn_config(struct sentinel *s, const struct config *c)
{
    char *error = NULL;

    learn_roles(s, c);
    habits_configure(s, c, NULL);
    s->due_ns[CHORE_DECLARED] = 0; /* the inventory may say something else now */
    respond_settings_change(s->respond, &(struct respond_settings){
                                            .enforce = c->respond_enforce,
                                            .commands_are_held = c->hold_commands,
                                            .plays = c->plays,
                                            .n_plays = c->n_plays,
                                            .never_act_on = c->never_act_on,
                                            .n_never_act_on = c->n_never_act_on,
                                        });
    s->alert_severity_min = (enum severity)c->alert_severity_min;
    if (!learn_inventory(s, c, &error)) {
        log_error("identify", "inventory not changed: %s", error);
        free(error);
    }
}

/* ---- errands ---- */

/* Return: how many there were. */
static size_t take_lane(struct sentinel *s, enum lane lane)
{
    struct list mails = LIST_INIT(mails);
    size_t n = mailbox_take(s->mailbox, lane, &mails);

    list_each (it, &mails) {
        struct errand *e = list_item(it, struct errand, mail.link);

        list_remove(it);
        e->take(s, e);
    }
    return n;
}

static void take_orders(struct sentinel *s)
{
    atomic_store(&s->is_called, false); /* before the mailbox: who calls behind it sets it again */
    (void)take_lane(s, LANE_CONTROL);
}

/** sentinel_take_urgent_orders() - nobody waits until all events of a storm are taken, or all that
 * is done each second; on the sentinel's thread */
void sentinel_take_urgent_orders(struct sentinel *s)
{
    if (atomic_load_explicit(&s->is_called, memory_order_relaxed))
        take_orders(s);
}

/* ---- findings ---- */

/** sentinel_now() - both clocks, as read at the start of this turn */
struct respond_now sentinel_now(const struct sentinel *s)
{
    return (struct respond_now){.ns = s->now_ns, .unix_ms = s->now_unix_ms};
}

/** sentinel_found() - what a detector has found, to those who respond; a detect_found_fn of @arg, a
 * sentinel, on its thread */
void sentinel_found(void *arg, const struct finding *f)
{
    struct sentinel *s = arg;

    respond_finding(s->respond, f, sentinel_now(s));
}

static void take_event(struct sentinel *s, const struct event *e)
{
    if (self_test_causes(s->node->self_test, e)) {
        self_test_saw(s->node->self_test, e);
        return;
    }
    s->n_events[e->kind]++;
    online_event(s, e);
    identify_event(s->identify, e, s->now_unix_ms);
    respond_protect_event(s->respond, e);
    detect_event(s->detect, e, sentinel_found, s);
    if (e->kind == EVENT_CONNECT_ACCEPTED || e->kind == EVENT_STANDING) {
        habits_lifecycle_of(s, e->conn);
        s->has_newcomers = true;
    }
}

struct block_errand {
    struct errand errand;
    struct event_block *block;
};

static void take_block(struct sentinel *s, struct errand *e)
{
    struct block_errand *b = list_item(e, struct block_errand, errand);

    for (unsigned i = 0; i < b->block->n_events; i++) {
        sentinel_take_urgent_orders(s);
        take_event(s, &b->block->events[i]);
    }
    s->n_shed_events += b->block->n_dropped;
    s->had_many |= atomic_fetch_sub(&s->n_blocks, 1) > BLOCKS_MANY;
    event_block_free(b->block);
    free(b);
}

/** sentinel_take_events() - a worker's events of one turn; @b is taken over; any thread */
void sentinel_take_events(struct sentinel *s, struct event_block *b)
{
    struct block_errand *e;

    if (atomic_load(&s->n_blocks) >= BLOCKS_MAX) {
        atomic_fetch_add(&s->n_shed_blocks, 1);
        event_block_free(b);
        return;
    }
    atomic_fetch_add(&s->n_blocks, 1);
    e = mem_new(struct block_errand);
    e->errand.take = take_block;
    e->block = b;
    mailbox_post(s->mailbox, LANE_DELIVERY, &e->errand.mail);
}

/* ---- orders ---- */

struct call_errand {
    struct errand errand;
    void (*fn)(struct sentinel *s, void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
};

static void take_call(struct sentinel *s, struct errand *e)
{
    struct call_errand *c = list_item(e, struct call_errand, errand);

    c->fn(s, c->arg);
    pthread_mutex_lock(&c->lock);
    c->is_done = true;
    pthread_cond_signal(&c->done);
    pthread_mutex_unlock(&c->lock);
}

/**
 * sentinel_call() - run @fn on the sentinel's thread, before the next event or step of a tick, and
 * wait for it
 *
 * Never from that thread or a worker's.
 */
void sentinel_call(struct sentinel *s, void (*fn)(struct sentinel *s, void *arg), void *arg)
{
    struct call_errand c = {
        .errand = {.take = take_call},
        .fn = fn,
        .arg = arg,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .done = PTHREAD_COND_INITIALIZER,
    };

    mailbox_post(s->mailbox, LANE_CONTROL, &c.errand.mail);
    atomic_store(&s->is_called, true);
    pthread_mutex_lock(&c.lock);
    while (!c.is_done)
        pthread_cond_wait(&c.done, &c.lock);
    pthread_mutex_unlock(&c.lock);
}

/* ---- turns ---- */

static void on_mail(struct loop_file *f, uint32_t ready)
{
    (void)ready;
    mailbox_clear_wakeup(list_item(f, struct sentinel, mail_file)->mailbox);
}

/* Where there are events there are more: workers that have some in each turn do not wake it each
 * time. */
static void turn(struct sentinel *s, uint64_t until_ns)
{
    if (s->gathers)
        until_ns = MIN(until_ns, s->now_ns + GATHER_NS);
    loop_wait(s->loop, s->has_mail ? 0 : until_ns);
    s->now_ns = loop_now_ns(s->loop);
    s->now_unix_ms = clock_unix_ms();
    mailbox_rouse(s->mailbox);
    loop_call(s->loop);
    take_orders(s);
    s->gathers = take_lane(s, LANE_DELIVERY) > 0;
    enforce_newcomers(s);
    if (s->now_ns >= s->next_tick_ns)
        chores_take(s);
    s->has_mail = !(s->gathers ? mailbox_gather(s->mailbox) : mailbox_rest(s->mailbox));
}

static void *run(void *arg)
{
    struct sentinel *s = arg;

    pthread_setname_np(pthread_self(), "sentinel");
    node_confine(s->node, SANDBOX_SENTINEL);
    respond_measures_resume(s->respond, BIT(ACTION_FIREWALL) | BIT(ACTION_POSTURE),
                            sentinel_now(s));
    while (!s->stopping)
        turn(s, s->next_tick_ns);
    return NULL;
}

/* ---- life ---- */

/** sentinel_alerts() - where incidents go by @c; NULL with @ret_error, owned by the caller */
struct alert_change *sentinel_alerts(const struct config *c, char **ret_error)
{
    const struct alert_settings settings = {
        .syslog = c->alert_syslog,
        .webhook = c->alert_webhook,
        .webhook_ca = c->alert_webhook_ca,
        .webhook_token_file = c->alert_webhook_token_file,
        .queue_max = c->alert_queue_max,
    };

    return alert_prepare(&settings, ret_error);
}

/**
 * sentinel_new() - what earlier runs learned is read back; no thread yet
 *
 * Return: NULL with @ret_error, owned by the caller, if the inventory is not valid.
 */
struct sentinel *sentinel_new(struct node *n, char **ret_error)
{
    struct sentinel *s = mem_new(struct sentinel);
    const struct config *c = n->config;
    const struct detect_settings detect = {
        .time_scale = c->detect_time_scale,
        .started_ns = clock_now_ns(),
    };
    const struct respond_settings respond = {
        .enforce = c->respond_enforce,
        .commands_are_held = c->hold_commands,
        .time_scale = c->detect_time_scale,
        .state_dir = c->state_dir,
        .control = n->control,
        .role_is_critical = role_is_critical,
        .role_is_critical_arg = s,
        .role_per_s = role_per_s,
        .has_firewall = c->ward_socket != NULL,
        .plays = c->plays,
        .n_plays = c->n_plays,
        .never_act_on = c->never_act_on,
        .n_never_act_on = c->n_never_act_on,
    };
    const struct respond_hands hands = hands_of(s);
    struct alert_change *alerts;
    char *error = NULL;

    s->node = n;
    s->store_faults = ~0U;
    s->certificate_dates = s->crl_dates = (struct certificate_dates){~0ULL, ~0ULL};
    s->loop = loop_new();
    s->mailbox = mailbox_new();
    s->now_ns = clock_now_ns();
    s->now_unix_ms = clock_unix_ms();
    chores_begin(s);
    online_init(s);
    learn_roles(s, c);
    s->identify = identify_new(NULL);
    if (!identify_load(s->identify, n->control, c->state_dir, s->now_unix_ms, &error)) {
        log_warning("identify", "%s", error);
        free(error);
    }
    habits_configure(s, c, &detect);
    habits_load(s);
    s->respond = respond_new(&respond, &hands, sentinel_now(s));
    s->alert_severity_min = (enum severity)c->alert_severity_min;
    alerts = sentinel_alerts(c, ret_error);
    if (alerts == NULL)
        return sentinel_free(s);
    s->alert = alert_new(alerts);
    if (!learn_inventory(s, c, ret_error))
        return sentinel_free(s);
    enforce_load(s);
    return s;
}

/** sentinel_start() - begin; the workers exist; Return: 0 or -errno */
int sentinel_start(struct sentinel *s)
{
    int r;

    s->mail_file = (struct loop_file){.fd = mailbox_fd(s->mailbox), .on_ready = on_mail};
    r = loop_add(s->loop, &s->mail_file, LOOP_READ);
    if (r == 0)
        r = alert_start(s->alert, s->node->sandbox);
    if (r < 0)
        return err_trace(r);
    r = pthread_create(&s->thread, NULL, run, s);
    return r == 0 ? 0 : err_origin(-r);
}

static void stop_here(struct sentinel *s, void *arg)
{
    (void)arg;
    s->stopping = true;
}

/** sentinel_stop() - before the workers stop; later events are taken by sentinel_free() without
 * acting */
void sentinel_stop(struct sentinel *s)
{
    sentinel_call(s, stop_here, NULL);
    pthread_join(s->thread, NULL);
}

static void drop_late(struct sentinel *s)
{
    struct list mails = LIST_INIT(mails);

    mailbox_take(s->mailbox, LANE_DELIVERY, &mails);
    list_each (it, &mails) {
        struct block_errand *b = list_item(it, struct block_errand, errand.mail.link);

        for (unsigned i = 0; i < b->block->n_events; i++)
            identify_event(s->identify, &b->block->events[i], s->now_unix_ms);
        event_block_free(b->block);
        free(b);
    }
}

/** sentinel_free() - after the workers have ended: what was learned is saved; Return: NULL */
struct sentinel *sentinel_free(struct sentinel *s)
{
    if (s == NULL)
        return NULL;
    drop_late(s);
    while (s->stopping && !identify_save(s->identify, s->node->control, s->now_unix_ms))
        ; /* a part at a time */
    while (s->stopping && !habits_save(s))
        ;
    online_done(s);
    respond_free(s->respond);
    alert_free(s->alert);
    detect_free(s->detect);
    identify_free(s->identify);
    mailbox_free(s->mailbox);
    loop_free(s->loop);
    free(s->roles);
    free(s);
    return NULL;
}
