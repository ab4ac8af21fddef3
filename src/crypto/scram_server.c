/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/scram_server.c - the server's part of a SCRAM exchange; MQ.PR.IA-03
 *
 *   client-first   n,,n=user,r=nonce          scram_server_hello()   or p=tls-exporter,,...
 *   server-first   r=nonces,s=salt,i=count    scram_server_challenge()
 *   client-final   c=biws,r=nonces,p=proof    scram_server_finish()
 *   server-final   v=signature                by it
 */
#include "crypto/scram_private.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

struct scram_server {
    struct buf user_name;
    struct buf binding; /* the GS2 header, and what binds: comes again in client-final */
    struct buf nonce;   /* the client's, then both */
    struct buf message; /* AuthMessage, as far as it is known */
    struct scram_verifier verifier;
    uint8_t channel[SCRAM_CHANNEL_BYTES];
    bool has_channel;
    bool binds; /* the method is SCRAM_METHOD_PLUS */
};

/** scram_server_new() - nothing was received yet */
struct scram_server *scram_server_new(void)
{
    return mem_new(struct scram_server);
}

/** scram_server_free() - NULL is fine; Return: NULL */
struct scram_server *scram_server_free(struct scram_server *s)
{
    if (s == NULL)
        return NULL;
    buf_done(&s->user_name);
    buf_done(&s->binding);
    buf_done(&s->nonce);
    buf_done(&s->message);
    secret_wipe(s, sizeof(*s));
    free(s);
    return NULL;
}

/**
 * scram_server_channel() - there is a channel that can be bound to (RFC 5802, section 6)
 * @s:      new
 * @data:   of "tls-exporter" (RFC 9266)
 * @binds:  the method is SCRAM_METHOD_PLUS
 */
void scram_server_channel(struct scram_server *s, const uint8_t data[SCRAM_CHANNEL_BYTES],
                          bool binds)
{
    memcpy(s->channel, data, SCRAM_CHANNEL_BYTES);
    s->has_channel = true;
    s->binds = binds;
}

/* "=2C" is a comma and "=3D" an equals sign; there is no other "=" in a name. */
static bool unescape(struct bytes text, struct buf *ret)
{
    for (size_t i = 0; i < text.len; i++) {
        struct bytes at = bytes_of(text.at + i, text.len - i);

        if (text.at[i] != '=') {
            buf_add_u8(ret, text.at[i]);
            continue;
        }
        if (bytes_has_prefix(at, BYTES("=2C")))
            buf_add_u8(ret, ',');
        else if (bytes_has_prefix(at, BYTES("=3D")))
            buf_add_u8(ret, '=');
        else
            return false;
        i += 2;
    }
    return ret->len > 0;
}

/* How the client sees the channel: "n", "y" or "p=name", and the comma behind it. */
static enum scram_outcome take_flag(const struct scram_server *s, struct bytes *rest)
{
    struct bytes name;

    if (scram_take(rest, 'p', &name))
        return s->binds && bytes_equal(name, BYTES("tls-exporter")) ? SCRAM_OK
                                                                    : SCRAM_E_CHANNEL_BINDING;
    if (rest->len < 2 || (rest->at[0] != 'n' && rest->at[0] != 'y') || rest->at[1] != ',')
        return SCRAM_E_MALFORMED;
    if (s->binds)
        return SCRAM_E_CHANNEL_BINDING;
    if (rest->at[0] == 'y' && s->has_channel)
        return SCRAM_E_DOWNGRADED;
    *rest = bytes_of(rest->at + 2, rest->len - 2);
    return SCRAM_OK;
}

/* The flag, and an identity "a=" perhaps; the rest is client-first-bare. */
static enum scram_outcome take_gs2(struct scram_server *s, struct bytes message,
                                   struct bytes *ret_bare, struct bytes *ret_identity)
{
    struct bytes rest = message;
    enum scram_outcome o = take_flag(s, &rest);

    if (o != SCRAM_OK)
        return o;
    *ret_identity = BYTES_NONE;
    if (!scram_take(&rest, 'a', ret_identity)) {
        if (rest.len == 0 || rest.at[0] != ',')
            return SCRAM_E_MALFORMED;
        rest = bytes_of(rest.at + 1, rest.len - 1);
    }
    buf_add(&s->binding, bytes_of(message.at, message.len - rest.len));
    if (s->binds)
        buf_add(&s->binding, bytes_of(s->channel, sizeof(s->channel)));
    *ret_bare = rest;
    return SCRAM_OK;
}

/* One extension.  None has a meaning for us, and they are passed over, but for "m=", which must
 * have one: RFC 5802, section 5.1. */
static bool pass_over(struct bytes *rest)
{
    struct bytes value;

    return rest->len >= 2 && rest->at[0] != 'm' && scram_take(rest, (char)rest->at[0], &value);
}

/**
 * scram_server_hello() - take client-first: who it says it is
 * @s:  new
 *
 * Return: SCRAM_OK, SCRAM_E_MALFORMED, SCRAM_E_CHANNEL_BINDING, SCRAM_E_DOWNGRADED or
 *         SCRAM_E_IDENTITY.
 */
enum scram_outcome scram_server_hello(struct scram_server *s, struct bytes client_first)
{
    struct bytes identity;
    struct bytes bare;
    struct bytes name;
    struct bytes nonce;
    enum scram_outcome o = client_first.len <= SCRAM_MESSAGE_MAX
                               ? take_gs2(s, client_first, &bare, &identity)
                               : SCRAM_E_MALFORMED;

    if (o != SCRAM_OK)
        return o;
    buf_add(&s->message, bare);
    if (!scram_take(&bare, 'n', &name) || !scram_take(&bare, 'r', &nonce) ||
        !scram_nonce_valid(nonce) || !unescape(name, &s->user_name))
        return SCRAM_E_MALFORMED;
    while (bare.len > 0) {
        if (!pass_over(&bare))
            return SCRAM_E_MALFORMED;
    }
    buf_add(&s->nonce, nonce);
    return identity.len == 0 || bytes_equal(identity, name) ? SCRAM_OK : SCRAM_E_IDENTITY;
}

/** scram_server_user() - who the client says it is; borrowed */
struct bytes scram_server_user(const struct scram_server *s)
{
    return buf_view(&s->user_name);
}

/** scram_server_verifier() - that the client is asked to fit; borrowed */
const struct scram_verifier *scram_server_verifier(const struct scram_server *s)
{
    return &s->verifier;
}

/**
 * scram_server_challenge() - make server-first
 * @v:      of the user, or a fake; copied
 * @nonce:  SCRAM_NONCE_LEN or more characters that nobody can guess
 */
void scram_server_challenge(struct scram_server *s, const struct scram_verifier *v,
                            struct bytes nonce, struct buf *ret_server_first)
{
    size_t begun = ret_server_first->len;

    check(scram_nonce_valid(nonce) && s->nonce.len > 0);
    s->verifier = *v;
    buf_add(&s->nonce, nonce);
    buf_addf(ret_server_first, "r=");
    buf_add(ret_server_first, buf_view(&s->nonce));
    buf_addf(ret_server_first, ",s=");
    scram_add_base64(ret_server_first, bytes_of(v->salt, v->salt_len));
    buf_addf(ret_server_first, ",i=%u", v->iterations);
    buf_add_u8(&s->message, ',');
    buf_add(&s->message, bytes_of(ret_server_first->at + begun, ret_server_first->len - begun));
}

/* ClientProof XOR ClientSignature is ClientKey, of which StoredKey is the hash. */
static bool proves(const struct scram_server *s, const uint8_t proof[SCRAM_KEY_BYTES])
{
    uint8_t key_secret[SCRAM_KEY_BYTES];
    uint8_t hash[SCRAM_KEY_BYTES];

    scram_hmac(s->verifier.stored_key, buf_view(&s->message), key_secret);
    scram_xor(key_secret, proof);
    scram_hash(key_secret, hash);
    secret_wipe(key_secret, sizeof(key_secret));
    return bytes_equal_secret(bytes_of(hash, sizeof(hash)),
                              bytes_of(s->verifier.stored_key, SCRAM_KEY_BYTES));
}

/* "c=" is the header that came first, with what binds behind it, and "r=" are both nonces. */
static enum scram_outcome take_binding(const struct scram_server *s, struct bytes *rest)
{
    CLEANUP(buf_done) struct buf expected = {0};
    struct bytes binding;
    struct bytes nonce;

    scram_add_base64(&expected, buf_view(&s->binding));
    if (!scram_take(rest, 'c', &binding) || !scram_take(rest, 'r', &nonce) ||
        !bytes_equal(nonce, buf_view(&s->nonce)))
        return SCRAM_E_MALFORMED;
    if (bytes_equal(binding, buf_view(&expected)))
        return SCRAM_OK;
    return s->binds ? SCRAM_E_OTHER_CHANNEL : SCRAM_E_MALFORMED;
}

/* The proof, which comes last; @ret_before is what it is about. */
static bool take_proof(struct bytes message, struct bytes rest, struct bytes *ret_before,
                       uint8_t ret[SCRAM_KEY_BYTES])
{
    struct bytes value;

    while (rest.len > 0) {
        struct bytes begun = rest;

        if (scram_take(&rest, 'p', &value)) {
            *ret_before = bytes_of(message.at, message.len - begun.len - 1);
            return rest.len == 0 && scram_key_from_base64(value, ret);
        }
        if (!pass_over(&rest))
            return false;
    }
    return false;
}

/**
 * scram_server_finish() - take client-final and, if the proof is right, make server-final
 *
 * Once only.  Compares in constant time.
 *
 * Return: SCRAM_OK, SCRAM_E_MALFORMED, SCRAM_E_OTHER_CHANNEL or SCRAM_E_PROOF.
 */
enum scram_outcome scram_server_finish(struct scram_server *s, struct bytes client_final,
                                       struct buf *ret_server_final)
{
    uint8_t signature[SCRAM_KEY_BYTES];
    uint8_t proof[SCRAM_KEY_BYTES];
    struct bytes rest = client_final;
    struct bytes before;
    enum scram_outcome o =
        client_final.len <= SCRAM_MESSAGE_MAX ? take_binding(s, &rest) : SCRAM_E_MALFORMED;

    if (o != SCRAM_OK)
        return o;
    if (!take_proof(client_final, rest, &before, proof))
        return SCRAM_E_MALFORMED;
    buf_add_u8(&s->message, ',');
    buf_add(&s->message, before);
    if (!proves(s, proof))
        return SCRAM_E_PROOF;
    scram_hmac(s->verifier.server_key, buf_view(&s->message), signature);
    buf_addf(ret_server_final, "v=");
    scram_add_base64(ret_server_final, bytes_of(signature, sizeof(signature)));
    return SCRAM_OK;
}
