/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/scram_client.c - the client's part of a SCRAM exchange; the messages are in scram_server.c
 */
#include "crypto/scram_private.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

struct scram_client {
    struct buf user_name;
    struct buf password_secret;
    struct buf nonce;
    struct buf message;                 /* AuthMessage, as far as it is known */
    uint8_t signature[SCRAM_KEY_BYTES]; /* that the server has to show */
    bool has_answered;
};

/**
 * scram_client_new() - one exchange
 * @nonce:  SCRAM_NONCE_LEN or more characters that nobody can guess
 *
 * All is copied; the password is wiped by scram_client_free().
 */
struct scram_client *scram_client_new(struct bytes user_name, struct bytes password,
                                      struct bytes nonce)
{
    struct scram_client *c = mem_new(struct scram_client);

    check(scram_nonce_valid(nonce));
    buf_add(&c->user_name, user_name);
    buf_add(&c->password_secret, password);
    buf_add(&c->nonce, nonce);
    return c;
}

/** scram_client_free() - NULL is fine; Return: NULL */
struct scram_client *scram_client_free(struct scram_client *c)
{
    if (c == NULL)
        return NULL;
    buf_done(&c->user_name);
    secret_buf_done(&c->password_secret);
    buf_done(&c->nonce);
    buf_done(&c->message);
    free(c);
    return NULL;
}

/** scram_client_hello() - make client-first, without channel binding */
void scram_client_hello(struct scram_client *c, struct buf *ret_client_first)
{
    c->message.len = 0;
    buf_addf(&c->message, "n=");
    for (size_t i = 0; i < c->user_name.len; i++) {
        if (c->user_name.at[i] == ',')
            buf_addf(&c->message, "=2C");
        else if (c->user_name.at[i] == '=')
            buf_addf(&c->message, "=3D");
        else
            buf_add_u8(&c->message, c->user_name.at[i]);
    }
    buf_addf(&c->message, ",r=");
    buf_add(&c->message, buf_view(&c->nonce));
    buf_addf(ret_client_first, "n,,");
    buf_add(ret_client_first, buf_view(&c->message));
}

/* The nonce has to begin with ours, or the answer is one to somebody else. */
static bool take_challenge(const struct scram_client *c, struct bytes rest, struct bytes *ret_nonce,
                           struct scram_verifier *ret)
{
    struct bytes salt;
    struct bytes iterations;
    size_t salt_len = 0;

    if (!scram_take(&rest, 'r', ret_nonce) || !scram_take(&rest, 's', &salt) ||
        !scram_take(&rest, 'i', &iterations))
        return false;
    if (!scram_nonce_valid(*ret_nonce) || ret_nonce->len <= c->nonce.len ||
        !bytes_has_prefix(*ret_nonce, buf_view(&c->nonce)) ||
        !scram_from_base64(salt, ret->salt, sizeof(ret->salt), &salt_len))
        return false;
    ret->salt_len = (uint32_t)salt_len;
    return scram_iterations_parse(iterations, &ret->iterations);
}

static void add_proof(struct scram_client *c, const struct scram_verifier *v, struct buf *to)
{
    uint8_t proof[SCRAM_KEY_BYTES];
    struct scram_keys keys_secret;

    scram_keys_of(buf_view(&c->password_secret), bytes_of(v->salt, v->salt_len), v->iterations,
                  &keys_secret);
    scram_hmac(keys_secret.stored_key, buf_view(&c->message), proof);
    scram_xor(proof, keys_secret.client_key);
    scram_hmac(keys_secret.server_key, buf_view(&c->message), c->signature);
    buf_addf(to, ",p=");
    scram_add_base64(to, bytes_of(proof, sizeof(proof)));
    secret_wipe(&keys_secret, sizeof(keys_secret));
}

/**
 * scram_client_answer() - take server-first, and make client-final
 *
 * Once, after scram_client_hello().  Blocks for the iterations that the server asks for; it may not
 * ask for fewer than SCRAM_ITERATIONS_MIN, which would make the proof easy to guess from.
 *
 * Return: SCRAM_OK or SCRAM_E_MALFORMED.
 */
enum scram_outcome scram_client_answer(struct scram_client *c, struct bytes server_first,
                                       struct buf *ret_client_final)
{
    struct scram_verifier asked = {0};
    size_t begun = ret_client_final->len;
    struct bytes nonce;

    if (c->has_answered || server_first.len > SCRAM_MESSAGE_MAX ||
        !take_challenge(c, server_first, &nonce, &asked))
        return SCRAM_E_MALFORMED;
    buf_addf(ret_client_final, "c=biws,r="); /* "n,," in base64 */
    buf_add(ret_client_final, nonce);
    buf_add_u8(&c->message, ',');
    buf_add(&c->message, server_first);
    buf_add_u8(&c->message, ',');
    buf_add(&c->message, bytes_of(ret_client_final->at + begun, ret_client_final->len - begun));
    add_proof(c, &asked, ret_client_final);
    c->has_answered = true;
    return SCRAM_OK;
}

/** scram_client_check() - does server-final show that the server has the verifier, or is it
 * another? */
enum scram_outcome scram_client_check(struct scram_client *c, struct bytes server_final)
{
    uint8_t signature[SCRAM_KEY_BYTES];
    struct bytes value;

    if (!c->has_answered || !scram_take(&server_final, 'v', &value) ||
        !scram_key_from_base64(value, signature))
        return SCRAM_E_MALFORMED;
    return bytes_equal_secret(bytes_of(signature, sizeof(signature)),
                              bytes_of(c->signature, sizeof(c->signature)))
               ? SCRAM_OK
               : SCRAM_E_PROOF;
}
