/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/signature.c - Ed25519 signatures of who attests something */
#include "crypto/private.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define SIGNATURE_BYTES 64

_Static_assert(sodium_base64_ENCODED_LEN(SIGNATURE_BYTES, sodium_base64_VARIANT_ORIGINAL) ==
                   SIGNATURE_TEXT_LEN,
               "the length that is promised");

struct signing_key {
    EVP_PKEY *key; /* owned */
};

struct verifying_key {
    EVP_PKEY *key; /* owned */
};

/**
 * signing_key_create() - draw a key pair into two PEM files
 * @private_path:  mode 0600; refused if it exists
 * @public_path:   mode 0644
 */
bool signing_key_create(const char *private_path, const char *public_path, char **ret_error)
{
    EVP_PKEY *key;
    bool ok;

    if (access(private_path, F_OK) == 0)
        return text_fail(ret_error,
                         "%s exists; move it away first if a new key is really wanted: "
                         "what the old one signed is not valid under the new one",
                         private_path);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (key == NULL)
        return openssl_failed(ret_error, "cannot make an Ed25519 key");
    ok = pem_write_private_key(private_path, key, ret_error) &&
         pem_write_public_key(public_path, key, ret_error);
    EVP_PKEY_free(key);
    return ok;
}

/* NULL, and @key freed, when it is of another type. */
static EVP_PKEY *only_ed25519(EVP_PKEY *key, const char *path, char **ret_error)
{
    if (key == NULL || EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
        return key;
    text_fail(ret_error, "%s holds a key of another type than Ed25519", path);
    EVP_PKEY_free(key);
    return NULL;
}

/** signing_key_load() - from the private file; Return: owned, or NULL with @ret_error */
struct signing_key *signing_key_load(const char *private_path, char **ret_error)
{
    EVP_PKEY *key =
        only_ed25519(pem_read_private_key(private_path, ret_error), private_path, ret_error);
    struct signing_key *k;

    if (key == NULL)
        return NULL;
    k = mem_new(struct signing_key);
    k->key = key;
    return k;
}

/** signing_key_free() - wipe and free; NULL is fine */
struct signing_key *signing_key_free(struct signing_key *k)
{
    if (k != NULL)
        EVP_PKEY_free(k->key);
    free(k);
    return NULL;
}

/**
 * signing_key_sign() - the signature of @message in base64
 *
 * The same message always gives the same signature.
 */
void signing_key_sign(const struct signing_key *k, struct bytes message,
                      char ret[SIGNATURE_TEXT_LEN])
{
    uint8_t signature[SIGNATURE_BYTES];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    check(sodium_init() >= 0);
    check(ctx != NULL);
    check(EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->key) == 1);
    check(EVP_DigestSign(ctx, signature, &len, message.at, message.len) == 1);
    check(len == sizeof(signature));
    EVP_MD_CTX_free(ctx);
    sodium_bin2base64(ret, SIGNATURE_TEXT_LEN, signature, sizeof(signature),
                      sodium_base64_VARIANT_ORIGINAL);
}

/** verifying_key_load() - from the public file; Return: owned, or NULL with @ret_error */
struct verifying_key *verifying_key_load(const char *public_path, char **ret_error)
{
    EVP_PKEY *key =
        only_ed25519(pem_read_public_key(public_path, ret_error), public_path, ret_error);
    struct verifying_key *k;

    if (key == NULL)
        return NULL;
    k = mem_new(struct verifying_key);
    k->key = key;
    return k;
}

/** verifying_key_free() - NULL is fine */
struct verifying_key *verifying_key_free(struct verifying_key *k)
{
    if (k != NULL)
        EVP_PKEY_free(k->key);
    free(k);
    return NULL;
}

/**
 * verifying_key_check() - did the private key of @k sign exactly @message?
 * @signature_text:  what signing_key_sign() gave; any other text is false
 */
bool verifying_key_check(const struct verifying_key *k, struct bytes message,
                         const char *signature_text)
{
    uint8_t signature[SIGNATURE_BYTES];
    size_t len = 0;
    const char *end = NULL;
    EVP_MD_CTX *ctx;
    bool good;

    check(sodium_init() >= 0);
    if (sodium_base642bin(signature, sizeof(signature), signature_text, strlen(signature_text),
                          NULL, &len, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len != sizeof(signature) || *end != '\0')
        return false;
    ctx = EVP_MD_CTX_new();
    check(ctx != NULL);
    check(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->key) == 1);
    good = EVP_DigestVerify(ctx, signature, sizeof(signature), message.at, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}
