/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/resident.c - sessions as the node keeps them: connected, waiting, expired; and their Wills
 *
 * MQ.PR.SP-02
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "node/node_private.h"
#include "queue/held.h"

/** resident_find() - the session with this client id on this worker, or NULL */
struct resident *resident_find(const struct worker *w, struct bytes client_id)
{
    return map_find(&w->residents, client_id);
}

/** resident_grant() - its rights, connected or not; borrowed */
const struct grant *resident_grant(const struct resident *c)
{
    return c->link != NULL ? c->link->grant : c->grant;
}

/* @s is owned from here on. */
static struct resident *add(struct worker *w, struct session *s, struct bytes principal)
{
    size_t bytes = offsetof(struct resident, principal) + principal.len + 1;
    struct resident *c = mem_zero(MAX(bytes, sizeof(*c)));

    c->session = s;
    c->has_place = true;
    if (principal.len > 0)
        memcpy(c->principal, principal.at, principal.len);
    check(map_put(&w->residents, c) == NULL);
    return c;
}

/**
 * resident_place() - take a place for one session more
 *
 * There are sessions_max of them on all workers together.  It is given back when the session ends.
 *
 * Return: false: none is free.
 */
bool resident_place(struct worker *w)
{
    uint64_t max = policy_limits(w->policy)->sessions_max;
    size_t taken = atomic_load(&w->node->n_sessions);

    while (taken < max && !atomic_compare_exchange_weak(&w->node->n_sessions, &taken, taken + 1))
        ;
    return taken < max;
}

/** resident_new() - a session for a client id that has none, and a place; not connected yet */
struct resident *resident_new(struct worker *w, struct bytes client_id, const struct grant *g,
                              const struct session_limits *limits)
{
    return add(w, session_new(client_id, limits), bytes_str(grant_principal(g)));
}

/** resident_drop_subscriptions() - the session's state begins anew */
void resident_drop_subscriptions(struct worker *w, struct resident *c)
{
    list_each (it, &c->session->subscriber.subscriptions)
        subscription_end(w, list_item(it, struct subscription, in_subscriber));
}

/* ---- Will ---- */

/** resident_drop_will() - it will not be published; fine if there is none */
void resident_drop_will(struct worker *w, struct resident *c)
{
    const struct will *will = c->session->will;

    heap_clear(&w->timers, &c->will_due.timer);
    if (will != NULL && will->message->record != 0)
        record_forget(will->message->record + RECORD_IS_WILL);
    session_drop_will(c->session);
}

/**
 * resident_set_will() - the Will of this network connection, in place of an earlier one
 *
 * The gate has been asked already, and is asked again when it fires.  Its RETAIN and its
 * properties, in their order, go with it [MQTT5-3.1.2-7] [MQTT5-3.1.2-14] [MQTT5-3.1.2-15]
 * [MQTT5-3.1.3-10] [MQTT3-3.1.2-8] [MQTT3-3.1.2-16] [MQTT3-3.1.2-17].
 */
void resident_set_will(struct worker *w, struct resident *c, const struct wire_connect *p)
{
    const struct limits *limits = policy_limits(w->policy);
    struct will *will;
    struct buf forward = {0};
    struct publication pub = {
        .topic = p->will_topic,
        .payload = p->will_payload,
        .qos = p->will_qos,
        .retain = p->will_retain,
        .expires_ns = EXPIRES_NEVER,
        .publisher = c->session->client_key,
        .publisher_id = c->session->client_id,
        .is_control = publish_is_control(c->link),
        .topic_hash = hash_keyed(p->will_topic),
        .is_durable = note_is_durable(w, p->will_topic),
    };

    resident_drop_will(w, c);
    if (!p->has_will)
        return;
    wire_forward_props(p->will_forward, &forward);
    pub.forward = buf_view(&forward);
    c->session->will = will = mem_new(struct will);
    will->message = publication_keep(&pub);
    will->delay_s = p->will_props.set & BIT64(PROP_WILL_DELAY)
                        ? (uint32_t)MIN(p->will_props.will_delay_s, limits->will_delay_max_s)
                        : 0;
    will->expiry_ns = p->will_props.set & BIT64(PROP_MESSAGE_EXPIRY)
                          ? p->will_props.message_expiry_s * NS_PER_S
                          : EXPIRES_NEVER;
    note_will(c->session, &pub);
    publication_done(&pub);
    buf_done(&forward);
}

/* How long after the end of its network connection; no longer than the session. */
static uint64_t will_delay_s(const struct session *s)
{
    return s->will != NULL ? MIN(s->will->delay_s, s->expiry_s) : 0;
}

static void hold_will(struct worker *w, const struct resident *c, struct publication *p,
                      const struct gate_answer *a)
{
    const struct held_from from = {
        .client_id = c->session->client_id,
        .user_name = bytes_str(c->principal),
        .role = bytes_str(a->role),
        .is_will = true,
    };
    char why[REFUSAL_TEXT_MAX];

    (void)hold_command(w, NULL, p, &from, a->is_foreign, why);
}

/* Return: NULL: it was published; else why not: static, or in @why. */
static const char *will_is_refused(struct worker *w, const struct resident *c,
                                   struct publication *p, char why[2 * REFUSAL_TEXT_MAX])
{
    struct gate_answer a;
    char rule[REFUSAL_TEXT_MAX];

    if (c->grant == NULL)
        return "there is no such user any more";
    a = gate_check(c->grant, GATE_PUBLISH, p->topic);
    if (a.outcome != GATE_ALLOWED) {
        flow_refusal_text(&a, BYTES_NONE, rule);
        snprintf(why, 2 * REFUSAL_TEXT_MAX, "role %s: %s", a.role, rule);
        return why;
    }
    if (!hold_of_will(w, c, p, &a))
        return flow_publish_own(w, p, c->grant);
    hold_will(w, c, p, &a);
    return gate_outcome_text(GATE_E_HELD);
}

/* Once, and only if there is one [MQTT5-3.1.2-8] [MQTT5-3.1.2-10] [MQTT3-3.1.2-10]
 * [MQTT3-3.1.2-12]; its rights are those of the moment it fires. */
static void publish_will(struct worker *w, struct resident *c)
{
    struct will *will = c->session->will;
    struct message *m;
    struct publication pub;
    const char *refused;
    char why[2 * REFUSAL_TEXT_MAX];

    heap_clear(&w->timers, &c->will_due.timer);
    if (will == NULL)
        return;
    c->session->will = NULL;
    m = will->message;
    pub = publication_of(m);
    pub.message = message_unref(pub.message); /* a message of its own: expiry and stamp are new */
    pub.is_durable = note_is_durable(w, m->topic);
    pub.publisher_id = c->session->client_id;
    pub.expires_ns = expires_at(w->now_ns, will->expiry_ns);
    refused = will_is_refused(w, c, &pub, why);
    if (refused == NULL) {
        struct event e = {
            .kind = EVENT_WILL_PUBLISHED,
            .client_id = c->session->client_id,
            .user_name = bytes_str(c->principal),
            .topic = m->topic,
        };

        w->counters.wills_published++;
        worker_event(w, NULL, &e);
    } else {
        log_info("gate", "%.*s: Will on %.*s refused: %s", BYTES_ARG(c->session->client_id),
                 BYTES_ARG(m->topic), refused);
    }
    publication_done(&pub);
    if (m->record != 0)
        record_forget(m->record + RECORD_IS_WILL);
    message_unref(m);
    free(will);
}

/** resident_will_is_due() - the Will's delay is over */
void resident_will_is_due(struct worker *w, struct due *d)
{
    publish_will(w, list_item(d, struct resident, will_due));
}

/* ---- kept ---- */

static void is_kept_no_longer(struct worker *w, struct resident *c)
{
    if (c->is_counted)
        user_sessions_give(w->node->user_sessions, c->principal);
    c->is_counted = c->is_untried = false;
}

/**
 * resident_keep() - may the session outlive its network connection?
 * @c:           connected
 * @is_wanted:   the client asks for it
 * @is_resumed:  it has done so before
 *
 * A session that was there already keeps its place, whatever sessions_per_user_max says now.
 * The answer is resident_expiry_max_s().  MQ.PR.SP-05.
 */
void resident_keep(struct worker *w, struct resident *c, bool is_wanted, bool is_resumed)
{
    size_t before = 0;

    if (!is_wanted) {
        is_kept_no_longer(w, c);
        return;
    }
    c->is_untried &= !is_resumed;
    if (c->is_counted)
        return;
    c->is_counted = user_sessions_take(w->node->user_sessions, c->principal,
                                       grant_sessions_per_user_max(c->link->grant), &before);
    c->is_untried = c->is_counted && before > 0 && !is_resumed;
}

/** resident_expiry_max_s() - for how long the session outlives its network connection at most; 0:
 * not at all */
uint32_t resident_expiry_max_s(const struct worker *w, const struct resident *c)
{
    const struct limits *limits = policy_limits(w->policy);
    uint64_t max_s = MIN(limits->session_expiry_max_s, (uint64_t)UINT32_MAX);

    if (!c->is_counted)
        return 0;
    return (uint32_t)(c->is_untried ? MIN(max_s, limits->session_unresumed_max_s) : max_s);
}

/* ---- life ---- */

/** resident_end() - the session ends: a waiting Will is published [MQTT5-3.1.2-8], all is freed */
void resident_end(struct worker *w, struct resident *c)
{
    check(c->link == NULL);
    (void)readmit_tell_expelled(w, c);
    resident_drop_subscriptions(w, c); /* its groups' other members get its Will */
    publish_will(w, c);
    heap_clear(&w->timers, &c->expiry.timer);
    share_member_ends(w, c->session);
    is_kept_no_longer(w, c);
    map_remove(&w->residents, c->session->client_id);
    session_forget(c->session);
    w->counters.messages_expired += queue_take_expired(&c->session->queue);
    session_free(c->session);
    if (c->has_place)
        atomic_fetch_sub(&w->node->n_sessions, 1);
    grant_free(c->grant);
    free(c->certificate_cn);
    free(c->expelled);
    free(c);
}

/** resident_expired() - a session's expiry interval is over */
void resident_expired(struct worker *w, struct due *d)
{
    w->counters.sessions_expired++;
    resident_end(w, list_item(d, struct resident, expiry));
}

/** resident_expelled() - a session that is kept for nobody ends */
void resident_expelled(struct worker *w, struct due *d)
{
    resident_end(w, list_item(d, struct resident, expiry));
}

static void count_connected(struct node *n)
{
    size_t now = atomic_fetch_add(&n->n_connected, 1) + 1;
    size_t most = atomic_load(&n->n_connected_most);

    while (now > most && !atomic_compare_exchange_weak(&n->n_connected_most, &most, now))
        ;
}

/** resident_connected() - @l is the session's network connection; a Will that waited is not
 * published [MQTT5-3.1.3-9] */
void resident_connected(struct worker *w, struct resident *c, struct link *l,
                        const struct session_limits *limits)
{
    const struct stream_peer *peer = stream_peer(l->stream);

    resident_drop_will(w, c);
    heap_clear(&w->timers, &c->expiry.timer);
    c->grant = grant_free(c->grant);
    free(c->certificate_cn);
    c->certificate_cn = peer->has_certificate ? text_dup(peer->tls->certificate.cn) : NULL;
    c->by_password = l->by_password;
    c->by_scram = l->by_scram;
    c->is_control = l->listener->plane == CONFIG_PLANE_CONTROL;
    c->link = l;
    c->level = l->conn.level;
    c->since_unix_ms = clock_unix_ms();
    c->holding_since_ns = 0;
    l->resident = c;
    free((char *)(uintptr_t)l->client_id);
    l->client_id = (const char *)c->session->client_id.at;
    count_connected(w->node);
    session_attach(c->session, &l->conn, limits);
}

/**
 * resident_disconnected() - the network connection is gone; the session may go on
 * @publish_will_too:  false after a DISCONNECT with reason 0 [MQTT5-3.14.4-3]
 *
 * It is kept for its expiry interval, and not longer [MQTT5-3.1.2-23] [MQTT5-4.1.0-2]
 * [MQTT3-3.1.2-4] [MQTT3-4.1.0-1]; nothing ends it while it is connected [MQTT5-4.1.0-1]
 * [MQTT3-4.1.0-2].  @c may be freed.
 */
void resident_disconnected(struct worker *w, struct resident *c, bool publish_will_too)
{
    struct link *l = c->link;
    struct session *s = c->session;
    uint64_t delay_s = will_delay_s(s);

    session_detach(s);
    share_member_left(w, s);
    c->grant = l->grant;
    l->grant = NULL;
    l->resident = NULL;
    l->client_id = bytes_dup_str(s->client_id);
    c->link = NULL;
    c->commands_held = l->commands_held;
    atomic_fetch_sub(&w->node->n_connected, 1);
    c->since_unix_ms = clock_unix_ms();
    if (!publish_will_too)
        resident_drop_will(w, c);
    if (s->expiry_s == 0) {
        resident_end(w, c);
        return;
    }
    if (s->will != NULL && delay_s > 0)
        worker_due(w, &c->will_due, w->now_ns + delay_s * NS_PER_S, DUE_WILL);
    else
        publish_will(w, c);
    note_session(w, c);
    if (s->expiry_s != UINT32_MAX)
        worker_due(w, &c->expiry, w->now_ns + s->expiry_s * NS_PER_S, DUE_EXPIRY);
}

/* ---- out of the journal ---- */

/**
 * resident_restore() - a session as the journal has it; resident_restored() when all that belongs
 * to it is there
 * @record:  id of what it was read from
 *
 * It has a place, whatever sessions_max says now.
 */
struct resident *resident_restore(struct worker *w, const struct session_record *r, uint64_t record)
{
    const struct limits *limits = policy_limits(w->policy);
    const struct session_limits session_limits = {
        .queue = {limits->queue_messages_max, limits->queue_bytes_max},
        .inflight_max = (uint32_t)limits->inflight_max,
    };
    struct session *s = session_new(r->client_id, &session_limits);
    struct resident *c = add(w, s, r->principal);
    size_t before;

    atomic_fetch_add(&w->node->n_sessions, 1);
    s->expiry_s = r->expiry_s;
    s->is_persistent = true;
    s->notes = w->notes;
    s->number = r->number;
    s->record = record;
    c->certificate_cn = r->has_certificate ? bytes_dup_str(r->certificate_cn) : NULL;
    c->by_password = r->by_password;
    c->is_control = r->is_control;
    c->level = (enum wire_level)r->level;
    c->is_counted = user_sessions_take(w->node->user_sessions, c->principal, SIZE_MAX, &before);
    return c;
}

/**
 * resident_restored() - its clocks go on
 * @left_unix_ms:  it is disconnected since; 0: it was connected, and is disconnected since now
 *
 * The Will of one that was connected is due after its delay.
 */
void resident_restored(struct worker *w, struct resident *c, uint64_t left_unix_ms,
                       uint64_t now_unix_ms)
{
    struct session *s = c->session;
    uint64_t since = left_unix_ms != 0 ? MIN(left_unix_ms, now_unix_ms) : now_unix_ms;
    uint64_t gone_ns = (now_unix_ms - since) * NS_PER_MS;
    uint64_t expiry_ns = s->expiry_s * NS_PER_S;
    uint64_t will_ns = will_delay_s(s) * NS_PER_S;
    uint64_t now_ns = clock_now_ns();

    c->since_unix_ms = since;
    if (s->will != NULL)
        worker_due(w, &c->will_due, now_ns + (will_ns > gone_ns ? will_ns - gone_ns : 0), DUE_WILL);
    if (s->expiry_s != UINT32_MAX)
        worker_due(w, &c->expiry, now_ns + (expiry_ns > gone_ns ? expiry_ns - gone_ns : 0),
                   DUE_EXPIRY);
    note_session(w, c); /* it may live on another worker now */
}
