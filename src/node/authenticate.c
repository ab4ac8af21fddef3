/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/authenticate.c - extended authentication: SCRAM-SHA-256 in CONNECT and AUTH, and over
 * TLS 1.3 SCRAM-SHA-256-PLUS
 *
 * CONNECT with a method is kept aside while its client is challenged; when the proof
 * is right it is admitted as if its password had been.  A client that began so may
 * authenticate again on the same connection, as the same user; what it does meanwhile
 * is done by its first authentication.  There is one exchange at a time.
 *
 * A user that does not exist is challenged as any other, and fails by the proof; what
 * fails is one event and one answer, whether name or password was wrong.
 *
 * MQ.PR.IA-03
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "crypto/scram.h"
#include "node/node_private.h"

_Static_assert(SCRAM_CHANNEL_BYTES == STREAM_CHANNEL_BYTES, "a stream tells what SCRAM binds to");

struct exchange {
    struct scram_server *scram; /* owned */
    struct buf connect;         /* owned; CONNECT as it came; empty: the client is in already */
    struct buf proof;           /* owned; server-final, for CONNACK */
    uint64_t challenged_ns;
};

/** exchange_free() - NULL is fine; Return: NULL */
struct exchange *exchange_free(struct exchange *x)
{
    if (x == NULL)
        return NULL;
    scram_server_free(x->scram);
    secret_buf_done(&x->connect);
    buf_done(&x->proof);
    free(x);
    return NULL;
}

/** exchange_user() - whom the client says it is; borrowed */
struct bytes exchange_user(const struct exchange *x)
{
    return scram_server_user(x->scram);
}

/** exchange_challenged_ns() - since when the client's answer is waited for */
uint64_t exchange_challenged_ns(const struct exchange *x)
{
    return x->challenged_ns;
}

/* Of its CONNECT. */
static struct bytes method_of(const struct link *l)
{
    return l->binds ? BYTES(SCRAM_METHOD_PLUS) : BYTES(SCRAM_METHOD);
}

/** exchange_tell() - the method and the proof that the node knows the verifier, for CONNACK
 * [MQTT5-4.12.0-5] */
void exchange_tell(const struct link *l, struct wire_props *props)
{
    props->set |= BIT64(PROP_AUTH_METHOD) | BIT64(PROP_AUTH_DATA);
    props->auth_method = method_of(l);
    props->auth_data = buf_view(&l->exchange->proof);
}

static uint8_t reason_of(enum scram_outcome o)
{
    static const uint8_t reasons[] = {
        [SCRAM_OK] = REASON_SUCCESS,
        [SCRAM_E_MALFORMED] = REASON_PROTOCOL_ERROR,
        [SCRAM_E_CHANNEL_BINDING] = REASON_BAD_AUTHENTICATION_METHOD,
        [SCRAM_E_DOWNGRADED] = REASON_BAD_AUTHENTICATION_METHOD,
        [SCRAM_E_OTHER_CHANNEL] = REASON_NOT_AUTHORIZED,
        [SCRAM_E_IDENTITY] = REASON_NOT_AUTHORIZED,
        [SCRAM_E_PROOF] = REASON_NOT_AUTHORIZED,
    };

    return reasons[o];
}

/* AUTH has neither a Reason String nor User Properties [MQTT5-3.15.2-2] [MQTT5-3.15.2-3].
 * Return: false, and nothing is sent, if it is larger than the client takes [MQTT5-3.1.2-24]. */
static bool send_auth(struct link *l, uint8_t reason, struct bytes data, size_t packet_max)
{
    const struct wire_disconnect auth = {
        .reason = reason,
        .props = {.set = BIT64(PROP_AUTH_METHOD) | BIT64(PROP_AUTH_DATA),
                  .auth_method = method_of(l),
                  .auth_data = data},
    };
    struct buf *out = conn_out(&l->conn);
    size_t begun = out->len;

    wire_encode_disconnect(out, WIRE_AUTH, &auth, WIRE_V5);
    link_dirty(l);
    if (out->len - begun > packet_max) {
        out->len = begun;
        return false;
    }
    l->conn.n_packets++;
    return true;
}

static enum scram_outcome take_hello(struct exchange *x, struct bytes data)
{
    enum scram_outcome o = scram_server_hello(x->scram, data);

    return o == SCRAM_OK && !wire_utf8_valid(exchange_user(x)) ? SCRAM_E_MALFORMED : o;
}

static struct exchange *exchange_new(const struct link *l)
{
    struct exchange *x = mem_new(struct exchange);
    uint8_t channel[SCRAM_CHANNEL_BYTES];

    x->scram = scram_server_new();
    x->challenged_ns = l->worker->now_ns;
    if (stream_channel(l->stream, channel))
        scram_server_channel(x->scram, channel, l->binds);
    return x;
}

/* Reason 0x18: the client is to go on [MQTT5-4.12.0-2].  Return: as send_auth(). */
static bool challenge(struct link *l, size_t packet_max)
{
    struct worker *w = l->worker;
    struct exchange *x = l->exchange;
    const struct scram_verifier *known = gate_scram_verifier(w->policy, exchange_user(x));
    CLEANUP(buf_done) struct buf data = {0};
    struct scram_verifier v;
    char *nonce = random_text(SCRAM_NONCE_LEN);

    scram_verifier_fake(w->node->scram_key, exchange_user(x), &v);
    scram_server_challenge(x->scram, known != NULL ? known : &v, bytes_str(nonce), &data);
    secret_free(nonce);
    return send_auth(l, REASON_CONTINUE_AUTHENTICATION, buf_view(&data), packet_max);
}

/* Take client-final.  A new policy may have come into force meanwhile, and a user that does not
 * exist has no verifier that could be the same. */
static enum scram_outcome finish(struct link *l, struct bytes data)
{
    struct exchange *x = l->exchange;
    enum scram_outcome o = scram_server_finish(x->scram, data, &x->proof);
    const struct scram_verifier *now = gate_scram_verifier(l->worker->policy, exchange_user(x));

    if (o == SCRAM_OK &&
        (now == NULL || !scram_verifier_equal(now, scram_server_verifier(x->scram))))
        return SCRAM_E_PROOF;
    return o;
}

/* Each proof is another, so each counts as another guess. */
static uint16_t guess_hash(struct bytes data)
{
    return (uint16_t)hash_keyed(data);
}

/* ---- with CONNECT ---- */

static void keep_connect(struct link *l)
{
    struct wire_frame f;

    check(wire_next(buf_view(&l->in), &f) == WIRE_NEXT_PACKET && f.type == WIRE_CONNECT);
    buf_add(&l->exchange->connect, bytes_of(l->in.at, f.len));
}

static const char *two_users(const struct link *l, const struct wire_connect *p)
{
    if (p->has_user_name && !bytes_equal(p->user_name, exchange_user(l->exchange)))
        return "the user name is not the one in the authentication data";
    return NULL;
}

/* Is it one of those that there are on this connection? */
static bool choose_method(struct link *l, struct bytes name)
{
    uint8_t channel[SCRAM_CHANNEL_BYTES];

    l->binds = stream_channel(l->stream, channel) && bytes_equal(name, BYTES(SCRAM_METHOD_PLUS));
    return bytes_equal(name, method_of(l));
}

/**
 * authenticate_begin() - CONNECT names an Authentication Method
 * @p:  stands in front of the input buffer
 *
 * Afterwards the connection is challenged, or refused: closed.
 */
void authenticate_begin(struct link *l, const struct wire_connect *p)
{
    size_t packet_max = p->props.set & BIT64(PROP_PACKET_MAX) ? p->props.packet_max : UINT32_MAX;
    enum scram_outcome o;

    if (!choose_method(l, p->props.auth_method)) { /* [MQTT5-4.12.0-1] */
        connect_refuse(l, p, REASON_BAD_AUTHENTICATION_METHOD,
                       "the authentication methods here are " SCRAM_METHOD
                       " and, over TLS 1.3, " SCRAM_METHOD_PLUS);
        return;
    }
    exchange_free(l->exchange); /* of a policy that is no longer in force */
    l->exchange = exchange_new(l);
    o = take_hello(l->exchange, p->props.auth_data);
    if (o != SCRAM_OK) {
        connect_refuse(l, p, reason_of(o), scram_outcome_text(o));
    } else if (two_users(l, p) != NULL) {
        connect_refuse(l, p, REASON_NOT_AUTHORIZED, two_users(l, p));
    } else if (connect_may_prove(l, p)) {
        keep_connect(l);
        if (challenge(l, packet_max))
            conn_become(&l->conn, CONN_CHALLENGED);
        else
            link_close(l, REASON_PACKET_TOO_LARGE, "the client takes no packet as large as AUTH");
        link_heard(l);
    }
}

/* What it borrows from lives as long as the exchange. */
static struct wire_connect kept_connect(const struct link *l)
{
    struct wire_connect p;
    struct wire_frame f;

    check(wire_next(buf_view(&l->exchange->connect), &f) == WIRE_NEXT_PACKET &&
          wire_decode_connect(f.flags, f.body, &p) == WIRE_OK);
    return p;
}

/** authenticate_tell_refused() - CONNACK for a client that breaks a rule while it is challenged;
 * the caller closes the connection [MQTT5-4.12.0-4] */
void authenticate_tell_refused(struct link *l, uint8_t reason, const char *why)
{
    struct wire_connect p = kept_connect(l);

    connect_tell_refused(l, &p, reason, why);
}

/* The client's answer [MQTT5-4.12.0-3]; a proof that is wrong closes [MQTT5-4.12.0-4]. */
static void finish_connect(struct link *l, const struct wire_disconnect *auth)
{
    enum scram_outcome o = finish(l, auth->props.auth_data);
    struct wire_connect p = kept_connect(l);

    conn_become(&l->conn, CONN_AUTHENTICATING);
    if (o == SCRAM_OK) {
        l->by_password = l->by_scram = true;
        connect_admit(l, &p);
    } else if (o == SCRAM_E_PROOF) {
        connect_refuse_credentials(l, &p, GATE_E_WRONG_PASSWORD, guess_hash(auth->props.auth_data));
    } else {
        connect_refuse(l, &p, reason_of(o), scram_outcome_text(o));
    }
}

/* ---- again ---- */

static void fail_again(struct link *l, uint8_t reason, const char *why) /* [MQTT5-4.12.1-2] */
{
    link_log(l, "authenticate", "refused: %s", why);
    link_close(l, reason, why);
}

static void begin_again(struct link *l, const struct wire_disconnect *auth)
{
    enum scram_outcome o;

    l->exchange = exchange_new(l);
    o = take_hello(l->exchange, auth->props.auth_data);
    if (o == SCRAM_OK &&
        !bytes_equal(exchange_user(l->exchange), bytes_str(grant_principal(l->grant))))
        o = SCRAM_E_IDENTITY;
    if (o != SCRAM_OK)
        fail_again(l, reason_of(o), scram_outcome_text(o));
    else if (!challenge(l, l->conn.packet_max))
        link_close(l, REASON_PACKET_TOO_LARGE, "the client takes no packet as large as AUTH");
}

static void finish_again(struct link *l, const struct wire_disconnect *auth)
{
    enum scram_outcome o = finish(l, auth->props.auth_data);

    if (o == SCRAM_E_PROOF)
        connect_tell_failed(l, exchange_user(l->exchange), GATE_E_WRONG_PASSWORD,
                            guess_hash(auth->props.auth_data));
    if (o != SCRAM_OK)
        fail_again(l, reason_of(o), scram_outcome_text(o));
    else if (!send_auth(l, REASON_SUCCESS, buf_view(&l->exchange->proof), l->conn.packet_max))
        link_close(l, REASON_PACKET_TOO_LARGE, "the client takes no packet as large as AUTH");
}

typedef void step_fn(struct link *l, const struct wire_disconnect *auth);

/* What @reason asks for; NULL: it may not come now. */
static step_fn *step_for(const struct link *l, uint8_t reason)
{
    if (l->conn.state == CONN_CHALLENGED)
        return reason == REASON_CONTINUE_AUTHENTICATION ? finish_connect : NULL;
    if (l->exchange == NULL)
        return reason == REASON_REAUTHENTICATE ? begin_again : NULL;
    return reason == REASON_CONTINUE_AUTHENTICATION ? finish_again : NULL;
}

/**
 * authenticate_receive() - AUTH: the answer to a challenge, or the wish to authenticate again
 *
 * The method is that of CONNECT [MQTT5-4.12.0-5] [MQTT5-4.12.1-1].
 */
void authenticate_receive(struct link *l, const struct wire_frame *f)
{
    struct wire_disconnect auth;
    step_fn *step;

    if (!flow_well_formed(l, f, wire_decode_disconnect(f->type, f->flags, f->body, WIRE_V5, &auth)))
        return;
    if (!bytes_equal(auth.props.auth_method, method_of(l))) {
        flow_protocol_error(l, VIOLATION_PROTOCOL_ERROR, REASON_PROTOCOL_ERROR,
                            "AUTH with another Authentication Method than CONNECT");
        return;
    }
    step = step_for(l, auth.reason);
    if (step == NULL) {
        flow_protocol_error(l, VIOLATION_PROTOCOL_ERROR, REASON_PROTOCOL_ERROR,
                            "AUTH with a reason that does not fit");
        return;
    }
    step(l, &auth);
    if (step != begin_again)
        l->exchange = exchange_free(l->exchange);
}
