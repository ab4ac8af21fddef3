/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/connect_admit.c - a client whose identity is proved: its rights, its session, CONNACK
 *
 * On the home worker of the client id.
 *
 * MQ.PR.IA-03 MQ.PR.SP-04 MQ.PR.SP-05
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "node/node_private.h"

static void count_accepted(struct worker *w, const struct link *l)
{
    const struct stream_peer *peer = stream_peer(l->stream);
    struct counters *c = &w->counters;

    c->connects_accepted++;
    if (grant_principal(l->grant)[0] == '\0')
        c->connects_anonymous++;
    else if (l->by_password)
        c->connects_password++;
    else
        c->connects_certificate++;
    if (!peer->is_tls) {
        c->connects_plain++;
        c->connects_plain_remote += !peer->is_loopback;
        return;
    }
    if (strcmp(peer->tls->version, "TLSv1.3") == 0)
        c->connects_tls13++;
    else
        c->connects_tls12++;
    c->connects_sni += peer->tls->sni != NULL && peer->tls->sni[0] != '\0';
}

/* The client of @old is here again, by @l [MQTT5-3.1.4-3] [MQTT3-3.1.4-2]; if it had left before,
 * nothing is taken over. */
static void end_older(struct link *old, const struct link *l)
{
    struct worker *w = l->worker;

    link_hear_goodbye(old);
    if (old->resident == NULL)
        return;
    w->counters.takeovers++;
    worker_event_of(w, old, EVENT_TAKEN_OVER, 0, BYTES_NONE, l->address);
    link_close(old, REASON_SESSION_TAKEN_OVER, "session taken over by a newer connection");
}

/* The session for this CONNECT, by its client id [MQTT5-3.1.3-2] [MQTT3-3.1.3-2]: resumed, or new
 * [MQTT5-3.1.2-4] to -6 [MQTT5-3.1.4-4] [MQTT3-3.1.2-4] [MQTT3-3.1.2-6] [MQTT3-3.1.4-3], which
 * Session Present tells [MQTT5-3.2.2-2] [MQTT5-3.2.2-3] [MQTT3-3.2.2-1] to -3. */
static struct resident *session_for(struct link *l, const struct wire_connect *p,
                                    const struct session_limits *limits, bool *ret_present)
{
    struct worker *w = l->worker;
    struct resident *c = resident_find(w, bytes_str(l->client_id));

    if (c != NULL)
        c->has_place = false; /* its successor has it, if it ends here: nobody comes between */
    if (c != NULL && c->link != NULL) {
        end_older(c->link, l);
        c = resident_find(w, bytes_str(l->client_id)); /* gone if it ended with its connection */
    }
    if (c != NULL && (p->clean_start || c->expelled != NULL)) { /* or its user is back already */
        resident_end(w, c);
        c = NULL;
    }
    *ret_present = c != NULL;
    if (c == NULL)
        return resident_new(w, bytes_str(l->client_id), l->grant, limits);
    c->has_place = true;
    return c;
}

static void tell_resumed_subscriptions(struct link *l)
{
    list_each (it, &l->resident->session->subscriber.subscriptions) {
        const struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        if (!sub->is_suspended)
            worker_event_of(l->worker, l, EVENT_SUBSCRIBED, sub->qos, subscription_filter(sub),
                            NULL);
    }
}

/* Behind its CONNECT, which is what makes a client known to the detectors. */
static void tell_unkept(struct link *l, const struct wire_connect *p)
{
    uint64_t max = grant_sessions_per_user_max(l->grant);

    if (l->resident->is_counted || agree_asked_expiry_s(p) == 0 ||
        policy_limits(l->worker->policy)->session_expiry_max_s == 0)
        return;
    l->worker->counters.limits_hit++;
    worker_event_of(l->worker, l, EVENT_LIMIT_HIT, (uint32_t)max, BYTES_NONE,
                    "sessions_per_user_max");
    log_info("connect", "%s %s: its session ends with its connection: sessions_per_user_max",
             l->address, l->client_id);
}

/* CONNACK is the first packet that is sent, and there is one [MQTT5-3.1.4-5] [MQTT5-3.2.0-1]
 * [MQTT5-3.2.0-2] [MQTT3-3.1.4-4] [MQTT3-3.2.0-1]. */
static void accept_connect(struct link *l, const struct wire_connect *p)
{
    struct worker *w = l->worker;
    const struct limits *limits = policy_limits(w->policy);
    const struct session_limits session_limits = {
        .queue = {limits->queue_messages_max, limits->queue_bytes_max},
        .inflight_max = (uint32_t)limits->inflight_max,
    };
    CLEANUP(buf_done) struct buf response = {0};
    struct readmitted readmitted = {0};
    struct wire_connack ack = {.reason = REASON_SUCCESS};
    struct resident *c;

    conn_agree(&l->conn, p, (uint16_t)limits->receive_max, (uint16_t)limits->topic_alias_max,
               (uint16_t)limits->topic_alias_sent_max);
    agree(l, p, &response, &ack);
    if (!connect_may_answer(p, &ack)) { /* known before anything is done to a session */
        connect_refuse(l, p, REASON_PACKET_TOO_LARGE,
                       "the client takes no packet as large as CONNACK");
        return;
    }
    c = session_for(l, p, &session_limits, &ack.session_present);
    resident_connected(w, c, l, &session_limits);
    agree_session(l, p, &ack);
    l->conn.notes = w->notes;
    note_session(w, c);
    share_member_changed(w, c->session);
    connect_answer(l, p, &ack);
    resident_set_will(w, c, p);
    conn_become(&l->conn, CONN_ACTIVE);
    link_restrain(l);
    count_accepted(w, l);
    admit_accepted(l);
    if (p->client_id.len > 0) /* what the node has made up is new each time */
        acquaintances_add(w->node->acquaintances, bytes_str(l->address), bytes_str(l->client_id));
    notice_connect(l, p);
    tell_unkept(l, p);
    introduce_client(l, p);
    tap_connect(l, p, REASON_SUCCESS);
    readmit_subscriptions(w, c, NULL, &readmitted); /* it may be resumed with other rights */
    tell_resumed_subscriptions(l);
    log_debug("connect", "%s %s: accepted: user %s, role %s", l->address, l->client_id,
              grant_principal(l->grant), grant_role(l->grant));
    l->alive_ns = w->now_ns; /* while its password was verified it was not silent, but waiting */
    link_heard(l);
    link_dirty(l);
}

/* Whose session it is: another principal can neither take it over nor resume it. */
static bool may_have_session(const struct link *l)
{
    const struct resident *c = resident_find(l->worker, bytes_str(l->client_id));

    return c == NULL || strcmp(c->principal, grant_principal(l->grant)) == 0;
}

/* Where the node is told to look at it: is a Will's payload the text that it says it is? */
static bool will_is_as_indicated(const struct link *l, const struct wire_connect *p)
{
    return !p->has_will || !policy_answers(l->worker->policy)->check_payload_format ||
           !(p->will_props.set & BIT64(PROP_PAYLOAD_FORMAT)) || p->will_props.payload_format == 0 ||
           wire_text_valid(p->will_payload);
}

static bool will_allowed(struct link *l, const struct wire_connect *p,
                         char ret_why[2 * REFUSAL_TEXT_MAX])
{
    struct gate_answer a;
    char why[REFUSAL_TEXT_MAX];

    if (!p->has_will)
        return true;
    a = gate_check(l->grant, GATE_PUBLISH, p->will_topic);
    notice_will(l, p, &a);
    if (a.outcome == GATE_ALLOWED)
        return true;
    flow_refusal_text(&a, p->will_topic, why);
    snprintf(ret_why, 2 * REFUSAL_TEXT_MAX, "the Will topic, %s", why);
    return false;
}

/* The limit that keeps a client without a session out, or NULL: it has a place; who comes back to a
 * session has one, and may fetch what waits there. */
static const char *session_limit(const struct link *l)
{
    struct worker *w = l->worker;

    if (resident_find(w, bytes_str(l->client_id)) != NULL)
        return NULL;
    if (l->listener->plane == CONFIG_PLANE_DELIVERY && memory_stage(w) == MEMORY_FULL)
        return "memory_bytes_max";
    return resident_place(w) ? NULL : "sessions_max";
}

static void refuse_by_limit(struct link *l, const struct wire_connect *p, const char *limit,
                            uint8_t reason, const char *why)
{
    l->worker->counters.limits_hit++;
    worker_event_of(l->worker, l, EVENT_LIMIT_HIT, 0, BYTES_NONE, limit);
    connect_refuse(l, p, reason, why);
}

/* What has come into force since it connected, perhaps while it was on its way from another worker:
 * whom that concerns is looked for among those who are there.  Return: true after a refusal. */
static bool is_kept_out(struct link *l, const struct wire_connect *p, const struct gate_subject *s)
{
    struct worker *w = l->worker;
    const struct ban *ban =
        ban_table_find(w->bans, s, bytes_str(grant_principal(l->grant)), clock_unix_ms());
    const char *shut_by = admit_shut_by(l);

    if (ban != NULL) {
        w->counters.bans_hit++;
        worker_event_of(w, l, EVENT_BAN_HIT, 0, BYTES_NONE, ban->subject);
        connect_refuse(l, p, REASON_BANNED, "banned");
    } else if (shut_by != NULL) {
        refuse_by_limit(l, p, shut_by, REASON_SERVER_UNAVAILABLE, ADMIT_SHUT_TEXT);
    } else if (!readmit_trusts_newcomer(l)) {
        connect_refuse(l, p, REASON_NOT_AUTHORIZED, READMIT_DISTRUST_TEXT);
    } else {
        return false;
    }
    return true;
}

/** connect_admit() - the identity is proved: its rights, and what the node has room for */
void connect_admit(struct link *l, const struct wire_connect *p)
{
    struct worker *w = l->worker;
    struct gate_subject s = connect_subject(l, p);
    enum gate_outcome outcome = GATE_ALLOWED;
    const char *limit;
    char why[2 * REFUSAL_TEXT_MAX];

    l->grant = gate_admit(w->policy, &s, &outcome);
    if (l->grant == NULL) {
        connect_refuse_credentials(l, p, outcome, 0);
        return;
    }
    if (is_kept_out(l, p, &s))
        return;
    if (!may_have_session(l)) {
        connect_refuse(l, p, REASON_CLIENT_IDENTIFIER_NOT_VALID,
                       "the client identifier belongs to another user's session");
    } else if (!will_allowed(l, p, why)) {
        connect_refuse(l, p, REASON_NOT_AUTHORIZED, why);
    } else if (!will_is_as_indicated(l, p)) {
        connect_refuse(l, p, REASON_PAYLOAD_FORMAT_INVALID, "the Will's payload is not UTF-8");
    } else if (note_has_failed(w) && agree_asked_expiry_s(p) > 0) {
        connect_refuse(l, p, REASON_SERVER_UNAVAILABLE,
                       "the node cannot keep a session now: its journal has failed");
    } else if ((limit = session_limit(l)) != NULL) {
        snprintf(why, sizeof(why), "the node takes no more sessions: %s", limit);
        refuse_by_limit(l, p, limit, REASON_QUOTA_EXCEEDED, why);
    } else {
        accept_connect(l, p);
    }
}
