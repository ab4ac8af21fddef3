/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/scram_private.h - what both sides of SCRAM share; private to scram*.c */
#pragma once

#include "crypto/private.h"
#include "crypto/scram.h"

/* Computes ClientKey, too: the client's secret of which the verifier has only the hash. */
struct scram_keys {
    uint8_t client_key[SCRAM_KEY_BYTES];
    uint8_t stored_key[SCRAM_KEY_BYTES];
    uint8_t server_key[SCRAM_KEY_BYTES];
};

void scram_hmac(const uint8_t key[SCRAM_KEY_BYTES], struct bytes message,
                uint8_t ret[SCRAM_KEY_BYTES]);
void scram_hash(const uint8_t key[SCRAM_KEY_BYTES], uint8_t ret[SCRAM_KEY_BYTES]);
void scram_keys_of(struct bytes password, struct bytes salt, uint32_t iterations,
                   struct scram_keys *ret);
void scram_xor(uint8_t at[SCRAM_KEY_BYTES], const uint8_t with[SCRAM_KEY_BYTES]);

void scram_verifier_write(const struct scram_verifier *v, struct buf *ret);

void scram_add_base64(struct buf *to, struct bytes b);
bool scram_from_base64(struct bytes text, uint8_t *ret, size_t max, size_t *ret_len);
bool scram_key_from_base64(struct bytes text, uint8_t ret[SCRAM_KEY_BYTES]);
bool scram_iterations_parse(struct bytes text, uint32_t *ret);

/* "x=value" in front of @rest, and the comma behind it, are taken off; false: it is not there. */
bool scram_take(struct bytes *rest, char name, struct bytes *ret_value);
bool scram_nonce_valid(struct bytes nonce);
