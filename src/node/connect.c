/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/connect.c - CONNECT: who is it, and may it?  connect_admit.c has what follows a yes
 *
 * Any worker reads the CONNECT; it is decided on the home worker of the client id,
 * so that taking over and resuming a session are single-threaded.  Passwords are
 * verified by an auth thread; until its answer the packet stays in the buffer and
 * nothing more is read.
 *
 * MQ.PR.IA-03 MQ.PR.SP-02 MQ.PR.SP-04
 */
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "node/node_private.h"
#include "node/self_test.h"

#define ASSIGNED_ID_BYTES 12

static struct bytes user_name_of(const struct link *l, const struct wire_connect *p)
{
    return l->exchange != NULL ? exchange_user(l->exchange) : p->user_name;
}

/** connect_subject() - who knocks; borrowed from both */
struct gate_subject connect_subject(const struct link *l, const struct wire_connect *p)
{
    const struct stream_peer *peer = stream_peer(l->stream);
    bool by_scram = l->exchange != NULL;

    return (struct gate_subject){
        .client_id = bytes_str(l->client_id),
        .user_name = user_name_of(l, p),
        .address = bytes_str(l->address),
        .certificate_cn = peer->has_certificate ? bytes_str(peer->tls->certificate.cn) : BYTES_NONE,
        .certificate_serial =
            peer->has_certificate ? bytes_str(peer->tls->certificate.serial) : BYTES_NONE,
        .certificate_issuer =
            peer->has_certificate ? bytes_str(peer->tls->certificate.issuer) : BYTES_NONE,
        .has_user_name = p->has_user_name || by_scram,
        .has_password = p->has_password && !by_scram,
        .has_scram = by_scram,
        .has_certificate = peer->has_certificate,
        .is_control = l->listener->plane == CONFIG_PLANE_CONTROL,
        .anonymous_allowed = l->listener->anonymous,
    };
}

/** connect_may_answer() - is this CONNACK no larger than the client takes [MQTT5-3.1.2-24]? */
bool connect_may_answer(const struct wire_connect *p, const struct wire_connack *ack)
{
    CLEANUP(buf_done) struct buf packet = {0};

    if (!(p->props.set & BIT64(PROP_PACKET_MAX)))
        return true;
    wire_encode_connack(&packet, ack, p->level);
    return packet.len <= p->props.packet_max;
}

/** connect_answer() - CONNACK, that may be sent, behind what the journal has to be told first */
void connect_answer(struct link *l, const struct wire_connect *p, const struct wire_connack *ack)
{
    struct buf *out = conn_gate(&l->conn);

    wire_encode_connack(out, ack, p->level);
    if (out != &l->out)
        l->conn.gate->has_connack = true;
    l->conn.n_packets++;
}

/** connect_tell_refused() - CONNACK with the reason; the caller closes the connection */
void connect_tell_refused(struct link *l, const struct wire_connect *p, uint8_t reason,
                          const char *why)
{
    static const uint64_t kept[] = {UINT64_MAX, ~BIT64(PROP_REASON_STRING), 0};
    const char *reference = link_server_reference(l, reason);
    struct wire_connack ack = {.reason = reason};

    if (p->level == WIRE_V5) {
        ack.props.set = BIT64(PROP_REASON_STRING);
        ack.props.reason_string = bytes_str(why);
    }
    if (reference != NULL && p->level == WIRE_V5) {
        ack.props.set |= BIT64(PROP_SERVER_REFERENCE);
        ack.props.server_reference = bytes_str(reference);
    }
    /* Without the reason string then, or with nothing; there are no User Properties
     * [MQTT5-3.2.2-19] [MQTT5-3.2.2-20]. */
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        ack.props.set &= kept[i];
        if (connect_may_answer(p, &ack)) {
            connect_answer(l, p, &ack);
            return;
        }
    }
}

/**
 * connect_refuse() - CONNACK with the reason, an event and a log line, then the connection closes
 * @why:  static or kept until return
 *
 * [MQTT5-3.1.4-2] [MQTT5-3.2.2-7] [MQTT5-4.12.0-4] [MQTT5-4.13.2-1] [MQTT3-3.2.2-5]
 */
void connect_refuse(struct link *l, const struct wire_connect *p, uint8_t reason, const char *why)
{
    struct worker *w = l->worker;
    struct event e = {
        .kind = EVENT_CONNECT_REFUSED,
        .value = reason,
        .user_name = user_name_of(l, p),
        .text = bytes_str(why),
    };

    w->counters.connects_refused++;
    tap_connect(l, p, reason);
    worker_event(w, l, &e);
    link_log(l, "connect", "refused: %s", why);
    connect_tell_refused(l, p, reason, why);
    link_close(l, reason, why);
}

/**
 * connect_tell_failed() - the event of credentials that do not fit
 * @secret_hash:  16 bits of a salted hash of what was tried
 */
void connect_tell_failed(struct link *l, struct bytes user_name, enum gate_outcome outcome,
                         uint16_t secret_hash)
{
    struct event e = {
        .kind = EVENT_AUTH_FAILED,
        .value = secret_hash,
        .user_name = user_name,
        .text = bytes_str(gate_outcome_text(outcome)),
    };

    worker_event(l->worker, l, &e);
}

/** connect_refuse_credentials() - as connect_refuse(), and as connect_tell_failed() */
void connect_refuse_credentials(struct link *l, const struct wire_connect *p,
                                enum gate_outcome outcome, uint16_t secret_hash)
{
    connect_tell_failed(l, user_name_of(l, p), outcome, secret_hash);
    /* Which of the two was wrong is for the log, not for the client. */
    if (outcome == GATE_E_UNKNOWN_USER || outcome == GATE_E_WRONG_PASSWORD)
        connect_refuse(l, p, gate_outcome_reason(outcome), "bad user name or password");
    else
        connect_refuse(l, p, gate_outcome_reason(outcome), gate_outcome_text(outcome));
}

/* ---- decided ---- */

/** connect_may_prove() - may who says it is exchange_user() prove it?  Return: false after a
 * refusal. */
bool connect_may_prove(struct link *l, const struct wire_connect *p)
{
    struct gate_subject s = connect_subject(l, p);
    const char *verifier = NULL;
    enum gate_outcome outcome = gate_connect(l->worker->policy, &s, &verifier);

    if (outcome == GATE_ALLOWED || outcome == GATE_ASK_PASSWORD)
        return true;
    connect_refuse_credentials(l, p, outcome, 0);
    return false;
}

/* Is every client told to go to another server?  Operators are not, nor is the node itself. */
static bool is_sent_on(const struct link *l)
{
    const struct answers_spec *a = policy_answers(l->worker->policy);

    return a->server_reference != NULL && a->redirect != REDIRECT_AT_STOP &&
           l->listener->plane == CONFIG_PLANE_DELIVERY &&
           !self_test_is_own(l->worker->node->self_test, bytes_str(l->client_id));
}

static void refuse_busy(struct link *l, const struct wire_connect *p)
{
    connect_refuse(l, p, REASON_SERVER_BUSY, "too many passwords to verify; try again later");
}

static void decide(struct link *l, const struct wire_connect *p)
{
    struct worker *w = l->worker;
    struct gate_subject s = connect_subject(l, p);
    const char *verifier = NULL;
    enum gate_outcome outcome;
    const struct ban *ban = ban_table_find(w->bans, &s, BYTES_NONE, clock_unix_ms());

    if (ban != NULL) {
        w->counters.bans_hit++;
        worker_event_of(w, l, EVENT_BAN_HIT, 0, BYTES_NONE, ban->subject);
        connect_refuse(l, p, REASON_BANNED, "banned");
        return;
    }
    /* [MQTT5-3.1.3-8] [MQTT3-3.1.3-9] */
    if (self_test_is_forged(w->node->self_test, s.client_id)) {
        connect_refuse(l, p, REASON_CLIENT_IDENTIFIER_NOT_VALID,
                       "the client identifier is the node's own");
        return;
    }
    if (is_sent_on(l)) {
        connect_refuse(l, p, link_redirect_reason(w), "this node is not for clients any more");
        return;
    }
    if (p->props.set & BIT64(PROP_AUTH_METHOD)) {
        authenticate_begin(l, p);
        return;
    }
    outcome = gate_connect(w->policy, &s, &verifier);
    if (outcome == GATE_ALLOWED) {
        connect_admit(l, p);
    } else if (outcome == GATE_ASK_PASSWORD) {
        if (!auth_verify(w->node->auth, w, l->number, bytes_str(l->address), verifier, p->password))
            refuse_busy(l, p);
    } else {
        connect_refuse_credentials(l, p, outcome, 0);
    }
}

/* The CONNECT that waits at the front of the input buffer. */
static bool waiting_connect(const struct link *l, struct wire_connect *ret, size_t *ret_len)
{
    struct wire_frame f;

    if (wire_next(buf_view(&l->in), &f) != WIRE_NEXT_PACKET)
        return false;
    *ret_len = f.len;
    return wire_decode_connect(f.flags, f.body, ret) == WIRE_OK;
}

/* What came behind the CONNECT is taken now; the password is wiped. */
static void go_on(struct link *l, size_t connect_len)
{
    if (l->phase != LINK_OPEN)
        return;
    explicit_bzero(l->in.at, connect_len);
    buf_drop_front(&l->in, connect_len);
    link_process(l);
    if (l->phase != LINK_OPEN)
        return;
    link_dirty(l);
    if (!list_is_linked(&l->again)) /* TLS may hold more than epoll knows of */
        list_append(&l->worker->again, &l->again);
}

/* A new policy may have come into force while the password was verified. */
static bool is_asked_still(const struct link *l, const struct wire_connect *p, const char *verifier)
{
    struct gate_subject s = connect_subject(l, p);
    const char *now = NULL;

    return gate_connect(l->worker->policy, &s, &now) == GATE_ASK_PASSWORD &&
           strcmp(now, verifier) == 0;
}

/**
 * connect_verified() - an auth thread's answer
 * @link:         may be gone meanwhile
 * @verifier:     what the password was verified by
 * @secret_hash:  16 bits of a salted hash of the password, for AUTH_FAILED events; 0 of AUTH_BUSY
 */
void connect_verified(struct worker *w, uint64_t link, const char *verifier,
                      enum auth_outcome outcome, uint16_t secret_hash)
{
    struct link *l = link_find(w, link);
    struct wire_connect p;
    size_t len;

    if (l == NULL || l->phase != LINK_OPEN || l->conn.state != CONN_AUTHENTICATING)
        return;
    check(waiting_connect(l, &p, &len));
    if (!is_asked_still(l, &p, verifier)) {
        decide(l, &p);
    } else if (outcome == AUTH_BUSY) {
        refuse_busy(l, &p);
    } else if (outcome == AUTH_RIGHT) {
        l->by_password = true;
        connect_admit(l, &p);
    } else {
        connect_refuse_credentials(l, &p, GATE_E_WRONG_PASSWORD, secret_hash);
    }
    if (l->conn.state != CONN_AUTHENTICATING)
        go_on(l, len);
}

/* [MQTT5-3.1.3-6] [MQTT3-3.1.3-6] */
static char *assigned_id(void)
{
    uint8_t random[ASSIGNED_ID_BYTES];
    struct buf id = {0};

    check(getrandom(random, sizeof(random), 0) == (ssize_t)sizeof(random));
    buf_addf(&id, "auto-");
    for (size_t i = 0; i < sizeof(random); i++)
        buf_addf(&id, "%02x", random[i]);
    buf_add_u8(&id, '\0');
    return (char *)id.at;
}

/**
 * connect_delay_key() - what a delay is found by
 * @address:    or CONNECT_STRANGERS
 * @client_id:  empty: all from there
 * @ret:        appended to
 */
void connect_delay_key(struct bytes address, struct bytes client_id, struct buf *ret)
{
    buf_add(ret, address);
    if (client_id.len == 0)
        return;
    buf_add_u8(ret, 0);
    buf_add(ret, client_id);
}

static uint64_t delay_of(const struct worker *w, struct bytes address, struct bytes client_id)
{
    CLEANUP(buf_done) struct buf key = {0};
    const struct connect_delay *d;

    connect_delay_key(address, client_id, &key);
    d = map_find(&w->delays, buf_view(&key));
    return d != NULL && d->until_ns > w->now_ns ? d->delay_ns : 0;
}

/* Not of those who came by the control listener: operators are known by other means. */
static uint64_t stranger_delay_of(const struct link *l)
{
    const struct worker *w = l->worker;

    if (l->listener->plane != CONFIG_PLANE_DELIVERY ||
        acquaintances_have(w->node->acquaintances, bytes_str(l->address), bytes_str(l->client_id)))
        return 0;
    return delay_of(w, CONNECT_STRANGERS, BYTES_NONE);
}

/* The longest of those that mean it, once. */
static bool is_delayed(struct link *l)
{
    const struct worker *w = l->worker;
    struct bytes address = bytes_str(l->address);
    uint64_t delay_ns;

    if (w->delays.n == 0 || l->delay_served)
        return false;
    delay_ns = MAX(delay_of(w, address, BYTES_NONE), delay_of(w, address, bytes_str(l->client_id)));
    delay_ns = MAX(delay_ns, stranger_delay_of(l));
    if (delay_ns > 0)
        l->read_again_ns = w->now_ns + delay_ns;
    return delay_ns > 0;
}

/* Answers to this address, client or stranger, or to all, are delayed (a response of MQ.RS.RP): the
 * packet waits in the buffer. */
static bool delayed(struct link *l, const struct wire_connect *p, size_t len)
{
    if (!is_delayed(l) && !pace_holds(l, p, len))
        return false;
    link_heard(l);
    link_dirty(l);
    return true;
}

/**
 * connect_tell_too_large() - CONNACK for a CONNECT above connect_bytes_max, as far as it has come
 * @begun:  of what is behind the fixed header
 *
 * Only 5.0 has a reason for it (section 3.2.2.2), and whose level has not come yet cannot be told.
 */
void connect_tell_too_large(struct link *l, struct bytes begun)
{
    struct wire_connect p = {0};

    (void)wire_decode_connect(0, begun, &p); /* for the level alone */
    if (p.level == WIRE_V5)
        connect_tell_refused(l, &p, REASON_PACKET_TOO_LARGE,
                             "CONNECT is larger than connect_bytes_max");
}

/* Before anything is known by it: what is found, banned and shown is under its whole name
 * [MQTT5-3.1.3-8] [MQTT3-3.1.3-9]. */
static void refuse_long_id(struct link *l, const struct wire_connect *p)
{
    l->worker->counters.limits_hit++;
    connect_refuse(l, p, REASON_CLIENT_IDENTIFIER_NOT_VALID,
                   "the client identifier is longer than client_id_bytes_max");
}

/**
 * connect_receive() - the first packet of a network connection
 *
 * Afterwards the connection is active or closed; or it waits for a password, a delay or
 * its move to the home worker: then the packet must stay in the input buffer, which
 * take_packets() of link_read.c sees to.
 */
void connect_receive(struct link *l, const struct wire_frame *f)
{
    struct worker *w = l->worker;
    struct wire_connect p = {0};
    enum wire_outcome outcome = wire_decode_connect(f->flags, f->body, &p);
    char why[WIRE_FAULT_TEXT_MAX];
    unsigned home;

    if (outcome != WIRE_OK) {
        wire_fault_text(outcome, WIRE_CONNECT, why);
        if (p.level == 0 && outcome == WIRE_E_LEVEL) /* [MQTT3-3.1.2-2] */
            p.level = WIRE_V311;
        if (p.level == WIRE_V5 || outcome == WIRE_E_LEVEL || outcome == WIRE_E_CLIENT_ID)
            connect_tell_refused(l, &p, wire_outcome_reason(outcome), why);
        flow_protocol_error(l, violation_of_outcome(outcome), wire_outcome_reason(outcome), why);
        return;
    }
    if (p.client_id.len > policy_limits(w->policy)->client_id_bytes_max) {
        refuse_long_id(l, &p);
        return;
    }
    if (l->client_id == NULL)
        l->client_id = p.client_id.len > 0 ? bytes_dup_str(p.client_id) : assigned_id();
    home = (unsigned)(client_key(bytes_str(l->client_id)) % w->n_workers);
    if (delayed(l, &p, f->len))
        return;
    if (home != w->index) {
        l->moves_to = w->node->workers[home];
        return;
    }
    conn_become(&l->conn, CONN_AUTHENTICATING);
    link_dirty(l); /* what comes before the answer is not watched for */
    decide(l, &p);
}
