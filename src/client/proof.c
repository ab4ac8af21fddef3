/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/proof.c - extended authentication by SCRAM-SHA-256: the client's side
 *
 * With CONNECT, and not again while the connection lasts.  The server has to prove that it
 * knows the verifier; one that does not is not talked to any more.
 */
#include "client/client_private.h"

#include "base/err.h"
#include "crypto/crypto.h"

/** proof_hello() - begin an exchange: its method and first message
 * @ret_data:  emptied; must live as long as @props
 */
void proof_hello(struct client *c, struct wire_props *props, struct buf *ret_data)
{
    char *nonce = random_text(SCRAM_NONCE_LEN);

    scram_client_free(c->scram);
    c->scram =
        scram_client_new(bytes_str(c->s.user_name), bytes_str(c->s.password), bytes_str(nonce));
    secret_free(nonce);
    ret_data->len = 0;
    scram_client_hello(c->scram, ret_data);
    props->set |= BIT64(PROP_AUTH_METHOD) | BIT64(PROP_AUTH_DATA);
    props->auth_method = BYTES(SCRAM_METHOD);
    props->auth_data = buf_view(ret_data);
}

/** proof_done() - forget the exchange that is under way; NULL is fine */
void proof_done(struct client *c)
{
    c->scram = scram_client_free(c->scram);
}

/**
 * proof_check() - the server's last message, in CONNACK
 *
 * [MQTT5-4.12.0-5]
 *
 * Return: false if it does not prove that the server knows the password's verifier.
 */
bool proof_check(struct client *c, const struct wire_props *props)
{
    bool ok = c->scram != NULL && (props->set & BIT64(PROP_AUTH_METHOD)) &&
              bytes_equal(props->auth_method, BYTES(SCRAM_METHOD)) &&
              scram_client_check(c->scram, props->auth_data) == SCRAM_OK;

    proof_done(c);
    return ok;
}

static enum client_outcome send_auth(struct client *c, struct wire_disconnect *auth)
{
    c->out.len = 0;
    wire_encode_disconnect(&c->out, WIRE_AUTH, auth, c->level);
    return channel_send(c, buf_view(&c->out), client_deadline_ns(c));
}

/* [MQTT5-4.12.0-3] */
static enum client_outcome answer(struct client *c, const struct wire_disconnect *challenge)
{
    CLEANUP(buf_done) struct buf data = {0};
    struct wire_disconnect auth = {
        .reason = REASON_CONTINUE_AUTHENTICATION,
        .props = {.set = BIT64(PROP_AUTH_METHOD) | BIT64(PROP_AUTH_DATA),
                  .auth_method = BYTES(SCRAM_METHOD)},
    };

    if (scram_client_answer(c->scram, challenge->props.auth_data, &data) != SCRAM_OK)
        return client_misbehaved(c, WIRE_E_PROTOCOL, WIRE_AUTH);
    auth.props.auth_data = buf_view(&data);
    return send_auth(c, &auth);
}

/** proof_receive() - AUTH: a challenge */
enum client_outcome proof_receive(struct client *c, const struct wire_frame *f)
{
    struct wire_disconnect auth;
    enum wire_outcome o = wire_decode_disconnect(f->type, f->flags, f->body, c->level, &auth);

    if (o == WIRE_OK && (c->scram == NULL || auth.reason != REASON_CONTINUE_AUTHENTICATION ||
                         !bytes_equal(auth.props.auth_method, BYTES(SCRAM_METHOD))))
        o = WIRE_E_PROTOCOL;
    return o == WIRE_OK ? answer(c, &auth) : client_misbehaved(c, o, f->type);
}
