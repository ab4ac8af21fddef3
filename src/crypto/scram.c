/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/scram.c - verifiers of SCRAM-SHA-256, and what both sides compute; MQ.PR.IA-02
 *
 * The names are those of RFC 5802, section 3.
 */
#include "crypto/scram_private.h"

#include <sodium.h>
#include <stdio.h>
#include <openssl/hmac.h>

#include "base/err.h"

/** scram_hmac() - HMAC-SHA-256 under a key of SCRAM's size */
void scram_hmac(const uint8_t key[SCRAM_KEY_BYTES], struct bytes message,
                uint8_t ret[SCRAM_KEY_BYTES])
{
    unsigned len = 0;

    check(HMAC(EVP_sha256(), key, SCRAM_KEY_BYTES, message.at, message.len, ret, &len) != NULL);
    check(len == SCRAM_KEY_BYTES);
}

/** scram_hash() - H() of a key */
void scram_hash(const uint8_t key[SCRAM_KEY_BYTES], uint8_t ret[SCRAM_KEY_BYTES])
{
    size_t len = 0;

    check(EVP_Q_digest(NULL, "SHA256", NULL, key, SCRAM_KEY_BYTES, ret, &len) == 1);
    check(len == SCRAM_KEY_BYTES);
}

/** scram_xor() - @at becomes @at XOR @with */
void scram_xor(uint8_t at[SCRAM_KEY_BYTES], const uint8_t with[SCRAM_KEY_BYTES])
{
    for (size_t i = 0; i < SCRAM_KEY_BYTES; i++)
        at[i] ^= with[i];
}

/** scram_keys_of() - from a password, at the cost of @iterations; @ret is to be wiped */
void scram_keys_of(struct bytes password, struct bytes salt, uint32_t iterations,
                   struct scram_keys *ret)
{
    uint8_t salted_secret[SCRAM_KEY_BYTES];

    check(password.len <= INT32_MAX && salt.len <= SCRAM_SALT_MAX);
    check(PKCS5_PBKDF2_HMAC(password.len > 0 ? (const char *)password.at : "", (int)password.len,
                            salt.at, (int)salt.len, (int)iterations, EVP_sha256(), SCRAM_KEY_BYTES,
                            salted_secret) == 1);
    scram_hmac(salted_secret, BYTES("Client Key"), ret->client_key);
    scram_hmac(salted_secret, BYTES("Server Key"), ret->server_key);
    scram_hash(ret->client_key, ret->stored_key);
    secret_wipe(salted_secret, sizeof(salted_secret));
}

/* ---- texts ---- */

/** scram_add_base64() - append @b, of at most SCRAM_MESSAGE_MAX bytes, in base64 with padding */
void scram_add_base64(struct buf *to, struct bytes b)
{
    size_t room = sodium_base64_ENCODED_LEN(b.len, sodium_base64_VARIANT_ORIGINAL);
    char *at = (char *)buf_reserve(to, room);

    check(b.len <= SCRAM_MESSAGE_MAX);
    sodium_bin2base64(at, room, b.at, b.len, sodium_base64_VARIANT_ORIGINAL);
    to->len += room - 1; /* without the zero */
}

/** scram_from_base64() - the whole of @text; Return: false if it is none, or more than @max */
bool scram_from_base64(struct bytes text, uint8_t *ret, size_t max, size_t *ret_len)
{
    const char *end = NULL;

    if (text.len == 0)
        return false;
    return sodium_base642bin(ret, max, (const char *)text.at, text.len, NULL, ret_len, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           end == (const char *)text.at + text.len;
}

/** scram_key_from_base64() - one of SCRAM_KEY_BYTES */
bool scram_key_from_base64(struct bytes text, uint8_t ret[SCRAM_KEY_BYTES])
{
    size_t len = 0;

    return scram_from_base64(text, ret, SCRAM_KEY_BYTES, &len) && len == SCRAM_KEY_BYTES;
}

/** scram_iterations_parse() - within what is borne, digits only */
bool scram_iterations_parse(struct bytes text, uint32_t *ret)
{
    uint32_t n = 0;

    if (text.len == 0 || text.len > strlen("10000000"))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = n * 10 + (uint32_t)(text.at[i] - '0');
    }
    if (n < SCRAM_ITERATIONS_MIN || n > SCRAM_ITERATIONS_MAX)
        return false;
    *ret = n;
    return true;
}

/** scram_take() - see scram_private.h */
bool scram_take(struct bytes *rest, char name, struct bytes *ret_value)
{
    const uint8_t *comma;
    size_t len;

    if (rest->len < 2 || rest->at[0] != (uint8_t)name || rest->at[1] != '=')
        return false;
    comma = memchr(rest->at, ',', rest->len);
    len = comma != NULL ? (size_t)(comma - rest->at) : rest->len;
    *ret_value = bytes_of(rest->at + 2, len - 2);
    *rest = comma != NULL ? bytes_of(comma + 1, rest->len - len - 1) : BYTES_NONE;
    return true;
}

/** scram_nonce_valid() - printable ASCII without a comma, and not nothing */
bool scram_nonce_valid(struct bytes nonce)
{
    for (size_t i = 0; i < nonce.len; i++) {
        if (nonce.at[i] <= ' ' || nonce.at[i] > '~' || nonce.at[i] == ',')
            return false;
    }
    return nonce.len > 0;
}

/** scram_outcome_text() - for logs and reason strings; static */
const char *scram_outcome_text(enum scram_outcome o)
{
    static const char *const texts[] = {
#define X(name, text) [SCRAM_##name] = text,
        SCRAM_OUTCOMES(X)
#undef X
    };

    check((size_t)o < COUNT_OF(texts));
    return texts[o];
}

/* ---- verifiers ---- */

/**
 * scram_verifier_make() - what is kept in place of @password
 * @salt:        at most SCRAM_SALT_MAX bytes
 * @iterations:  blocks for so many
 */
void scram_verifier_make(struct bytes password, struct bytes salt, uint32_t iterations,
                         struct scram_verifier *ret)
{
    struct scram_keys keys_secret;

    scram_keys_of(password, salt, iterations, &keys_secret);
    *ret = (struct scram_verifier){.iterations = iterations, .salt_len = (uint32_t)salt.len};
    memcpy(ret->salt, salt.at, salt.len);
    memcpy(ret->stored_key, keys_secret.stored_key, SCRAM_KEY_BYTES);
    memcpy(ret->server_key, keys_secret.server_key, SCRAM_KEY_BYTES);
    secret_wipe(&keys_secret, sizeof(keys_secret));
}

/** scram_verifier_write() - append @v as text; it is as secret as @v */
void scram_verifier_write(const struct scram_verifier *v, struct buf *ret)
{
    buf_addf(ret, "%s$%u:", SCRAM_METHOD, v->iterations);
    scram_add_base64(ret, bytes_of(v->salt, v->salt_len));
    buf_add_u8(ret, '$');
    scram_add_base64(ret, bytes_of(v->stored_key, SCRAM_KEY_BYTES));
    buf_add_u8(ret, ':');
    scram_add_base64(ret, bytes_of(v->server_key, SCRAM_KEY_BYTES));
}

/**
 * scram_verifier_new() - of @password under a new salt, as text
 *
 * Blocks for SCRAM_ITERATIONS.
 *
 * Return: owned, for secret_free(): who has it can pass for the server, and try
 *         passwords at the cost of PBKDF2.
 */
char *scram_verifier_new(struct bytes password)
{
    CLEANUP(secret_buf_done) struct buf text = {0};
    uint8_t salt[SCRAM_SALT_BYTES];
    struct scram_verifier v;

    random_bytes(salt, sizeof(salt));
    scram_verifier_make(password, bytes_of(salt, sizeof(salt)), SCRAM_ITERATIONS, &v);
    scram_verifier_write(&v, &text);
    secret_wipe(&v, sizeof(v));
    return bytes_dup_str(buf_view(&text));
}

/* What stands before the next @end, which is taken off with it. */
static bool take_until(struct bytes *rest, char end, struct bytes *ret)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->at, end, rest->len) : NULL;
    size_t len;

    if (at == NULL)
        return false;
    len = (size_t)(at - rest->at);
    *ret = bytes_of(rest->at, len);
    *rest = bytes_of(at + 1, rest->len - len - 1);
    return true;
}

/**
 * scram_verifier_parse() - what scram_verifier_new() or another SCRAM server wrote
 *
 * Return: false if it is none, or its iterations are not from SCRAM_ITERATIONS_MIN to
 *         SCRAM_ITERATIONS_MAX.
 */
bool scram_verifier_parse(const char *text, struct scram_verifier *ret)
{
    struct bytes rest = bytes_str(text);
    struct bytes method;
    struct bytes iterations;
    struct bytes salt;
    struct bytes stored_key;
    struct scram_verifier v = {0};
    size_t salt_len = 0;

    if (!take_until(&rest, '$', &method) || !bytes_equal(method, BYTES(SCRAM_METHOD)) ||
        !take_until(&rest, ':', &iterations) || !take_until(&rest, '$', &salt) ||
        !take_until(&rest, ':', &stored_key))
        return false;
    if (!scram_iterations_parse(iterations, &v.iterations) ||
        !scram_from_base64(salt, v.salt, sizeof(v.salt), &salt_len) ||
        !scram_key_from_base64(stored_key, v.stored_key) ||
        !scram_key_from_base64(rest, v.server_key))
        return false;
    v.salt_len = (uint32_t)salt_len;
    *ret = v;
    return true;
}

/** scram_verifier_fits() - is it the password that @text was made of?  Blocks, as making it did. */
bool scram_verifier_fits(const char *text, struct bytes password)
{
    struct scram_verifier kept;
    struct scram_verifier tried;

    if (!scram_verifier_parse(text, &kept))
        return false;
    scram_verifier_make(password, bytes_of(kept.salt, kept.salt_len), kept.iterations, &tried);
    return scram_verifier_equal(&kept, &tried);
}

/** scram_verifier_equal() - made of the same password by the same salt?  In constant time. */
bool scram_verifier_equal(const struct scram_verifier *a, const struct scram_verifier *b)
{
    return a->iterations == b->iterations && a->salt_len == b->salt_len &&
           bytes_equal_secret(bytes_of(a->salt, a->salt_len), bytes_of(b->salt, b->salt_len)) &&
           bytes_equal_secret(bytes_of(a->stored_key, SCRAM_KEY_BYTES),
                              bytes_of(b->stored_key, SCRAM_KEY_BYTES));
}

/**
 * scram_verifier_fake() - for a user that does not exist, so that the challenge does not tell
 * @key:  the same after a restart, or the salt of a name would change and tell
 *
 * A proof that fits it cannot be found: its keys are hashes under @key of the name, too.
 */
void scram_verifier_fake(const uint8_t key[SCRAM_KEY_BYTES], struct bytes user_name,
                         struct scram_verifier *ret)
{
    CLEANUP(buf_done) struct buf text = {0};
    uint8_t salt[SCRAM_KEY_BYTES];

    buf_addf(&text, "salt:");
    buf_add(&text, user_name);
    scram_hmac(key, buf_view(&text), salt);
    *ret = (struct scram_verifier){.iterations = SCRAM_ITERATIONS, .salt_len = SCRAM_SALT_BYTES};
    memcpy(ret->salt, salt, SCRAM_SALT_BYTES);
    memcpy(text.at, "keys:", strlen("keys:"));
    scram_hmac(key, buf_view(&text), ret->stored_key);
    scram_hash(ret->stored_key, ret->server_key);
}
