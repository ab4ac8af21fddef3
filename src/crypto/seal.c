/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/seal.c - memory for keys, AES-256-GCM, and keys from keys */
#include "crypto/private.h"

#include <sodium.h>

#include "base/err.h"
#include "crypto/keyring.h"

_Static_assert(crypto_auth_hmacsha256_BYTES == SEAL_KEY_BYTES, "one block of HKDF is one key");

/** guarded_new() - see keyring.h */
void *guarded_new(size_t n)
{
    void *at;

    check(sodium_init() >= 0);
    at = sodium_malloc(n);
    check(at != NULL);
    return at;
}

/** guarded_free() - see keyring.h */
void *guarded_free(void *at)
{
    sodium_free(at);
    return NULL;
}

/** seal() - encrypt @plain and bind it to @bound; see keyring.h */
void seal(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
          struct bytes bound, struct bytes plain, uint8_t *ret, uint8_t ret_tag[SEAL_TAG_BYTES])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    check(ctx != NULL);
    check(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
    check(bound.len == 0 || EVP_EncryptUpdate(ctx, NULL, &n, bound.at, (int)bound.len) == 1);
    check(plain.len == 0 || EVP_EncryptUpdate(ctx, ret, &n, plain.at, (int)plain.len) == 1);
    check(EVP_EncryptFinal_ex(ctx, NULL, &n) == 1);
    check(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, ret_tag) == 1);
    EVP_CIPHER_CTX_free(ctx); /* wipes the key */
}

/** unseal() - decrypt, if it is authentic; see keyring.h */
bool unseal(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
            struct bytes bound, struct bytes sealed, const uint8_t tag[SEAL_TAG_BYTES],
            uint8_t *ret)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t expected[SEAL_TAG_BYTES];
    bool good;
    int n = 0;

    memcpy(expected, tag, sizeof(expected)); /* may stand in what @ret overwrites */
    check(ctx != NULL);
    check(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
    check(bound.len == 0 || EVP_DecryptUpdate(ctx, NULL, &n, bound.at, (int)bound.len) == 1);
    check(sealed.len == 0 || EVP_DecryptUpdate(ctx, ret, &n, sealed.at, (int)sealed.len) == 1);
    check(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, expected) == 1);
    good = EVP_DecryptFinal_ex(ctx, NULL, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!good && sealed.len > 0)
        secret_wipe(ret, sealed.len);
    return good;
}

/**
 * seal_box() - as seal(), with a random nonce
 * @ret:  appended to: SEAL_MORE_BYTES more than @plain has
 *
 * Good for 2^32 boxes of one key.
 */
void seal_box(const uint8_t key[SEAL_KEY_BYTES], struct bytes bound, struct bytes plain,
              struct buf *ret)
{
    uint8_t *at = buf_reserve(ret, plain.len + SEAL_MORE_BYTES);

    random_bytes(at, SEAL_NONCE_BYTES);
    seal(key, at, bound, plain, at + SEAL_NONCE_BYTES, at + SEAL_NONCE_BYTES + plain.len);
    ret->len += plain.len + SEAL_MORE_BYTES;
}

/**
 * unseal_box() - what seal_box() was given
 * @ret:  appended to when it is authentic, otherwise untouched
 */
bool unseal_box(const uint8_t key[SEAL_KEY_BYTES], struct bytes bound, struct bytes box,
                struct buf *ret)
{
    size_t len = box.len - SEAL_MORE_BYTES;

    if (box.len < SEAL_MORE_BYTES)
        return false;
    if (!unseal(key, box.at, bound, bytes_of(box.at + SEAL_NONCE_BYTES, len),
                box.at + SEAL_NONCE_BYTES + len, buf_reserve(ret, len)))
        return false;
    ret->len += len;
    return true;
}

/** key_derive() - HKDF-Expand of one block: HMAC(secret, info, 1) */
void key_derive(const uint8_t secret[SEAL_KEY_BYTES], struct bytes info,
                uint8_t ret_secret[SEAL_KEY_BYTES])
{
    static const uint8_t block = 1;
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, secret, SEAL_KEY_BYTES);
    crypto_auth_hmacsha256_update(&state, info.at, info.len);
    crypto_auth_hmacsha256_update(&state, &block, 1);
    crypto_auth_hmacsha256_final(&state, ret_secret);
    sodium_memzero(&state, sizeof(state));
}
