/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/keyring.h - sealing, and the keys of data at rest: one that opens, many that seal
 *
 * The at-rest key (from a file, a systemd credential or a passphrase) seals nothing
 * but the keyring, a file of data keys by id.  What is stored is sealed by keys that
 * are derived from a data key for one purpose.  New data gets the current data key;
 * an old one is dropped when nothing is sealed with it any more.  The keyring also
 * holds the key that signs the audit.
 *
 * Keys are in guarded memory: locked, not in core dumps, wiped when freed.  A keyring
 * may be used by several threads at once.
 *
 * MQ.PR.SP-06 MQ.PR.IP-05
 */
#pragma once

#include "crypto/crypto.h"

/* ---- memory for keys ---- */

/* @n bytes: between guard pages, locked as far as the limit of locked memory allows, not in core
 * dumps, wiped when freed. */
void *guarded_new(size_t n);
void *guarded_free(void *at); /* NULL is fine; Return: NULL */

/* ---- AES-256-GCM ---- */

#define SEAL_KEY_BYTES   32
#define SEAL_NONCE_BYTES 12
#define SEAL_TAG_BYTES   16
#define SEAL_MORE_BYTES  (SEAL_NONCE_BYTES + SEAL_TAG_BYTES) /* of seal_box() */

/* @ret has plain.len bytes and may be plain.at.  A nonce is never used twice with a key. */
void seal(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
          struct bytes bound, struct bytes plain, uint8_t *ret, uint8_t ret_tag[SEAL_TAG_BYTES]);
/* False: not what was sealed with this key, nonce and @bound; @ret is then zero. */
MUST_CHECK bool unseal(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
                       struct bytes bound, struct bytes sealed, const uint8_t tag[SEAL_TAG_BYTES],
                       uint8_t *ret);
/* The same with a random nonce, and all in one piece: nonce, what is sealed, tag. */
void seal_box(const uint8_t key[SEAL_KEY_BYTES], struct bytes bound, struct bytes plain,
              struct buf *ret);
MUST_CHECK bool unseal_box(const uint8_t key[SEAL_KEY_BYTES], struct bytes bound, struct bytes box,
                           struct buf *ret);
/* Another key from a uniformly random one, for the purpose @info: HKDF-Expand with SHA-256
 * [RFC 5869]. */
void key_derive(const uint8_t secret[SEAL_KEY_BYTES], struct bytes info,
                uint8_t ret_secret[SEAL_KEY_BYTES]);

/* ---- where the at-rest key comes from ---- */

enum key_source_kind {
    KEY_FROM_FILE,
    KEY_FROM_CREDENTIAL, /* of systemd: a file in $CREDENTIALS_DIRECTORY, of the same form */
    KEY_FROM_PASSPHRASE, /* Argon2id */
};

struct key_source {
    enum key_source_kind kind;
    const char *name;               /* path of the file, name of the credential; borrowed */
    struct bytes passphrase_secret; /* KEY_FROM_PASSPHRASE; borrowed */
};

#define PASSPHRASE_BYTES_MIN 12

/* ---- the keyring ---- */

#define KEYRING_KEYS_MAX 64 /* data keys that are still needed; then none is added */

struct keyring;

bool keyring_exists(const char *path);
/* Both: NULL with @ret_error, which says whether the key is missing, wrong, or the file damaged. */
struct keyring *keyring_create(const char *path, const struct key_source *from, char **ret_error);
struct keyring *keyring_open(const char *path, const struct key_source *from, char **ret_error);
struct keyring *keyring_free(struct keyring *k);

uint32_t keyring_current(struct keyring *k);         /* id of the data key for what is new */
uint64_t keyring_current_unix_ms(struct keyring *k); /* when it was made */
/* False: there is no such data key (any more). */
MUST_CHECK bool keyring_derive(struct keyring *k, uint32_t id, struct bytes info,
                               uint8_t ret_secret[SEAL_KEY_BYTES]);
/* From a key that is never replaced; for what outlives data keys: backups. */
void keyring_derive_lasting(struct keyring *k, struct bytes info,
                            uint8_t ret_secret[SEAL_KEY_BYTES]);
size_t keyring_ids(struct keyring *k, uint32_t ret[KEYRING_KEYS_MAX]);
bool keyring_is_locked(const struct keyring *k); /* the system lets the keys be kept off swap */

/* Each is on disk when it returns; on failure nothing has changed.  If only the flush of its folder
 * failed, the file may have the data key that was to be added, or lack the one that was to be
 * dropped, until it is written the next time; nothing here uses the one or misses the other. */
MUST_CHECK bool keyring_add(struct keyring *k, uint32_t *ret_id, char **ret_error);
MUST_CHECK bool keyring_drop(struct keyring *k, uint32_t id, char **ret_error);
/* Under another at-rest key from now on; if only the flush of its folder failed, that is so, too,
 * and @ret_error, not NULL, says it. */
MUST_CHECK bool keyring_reseal(struct keyring *k, const struct key_source *from, char **ret_error);

#define KEYRING_PUBLIC_TEXT_LEN 45 /* 32 bytes in base64 and a zero */

void keyring_sign(struct keyring *k, struct bytes message, char ret[SIGNATURE_TEXT_LEN]);
void keyring_public_text(struct keyring *k, char ret[KEYRING_PUBLIC_TEXT_LEN]);
/* Did the key of @public_text sign exactly @message? */
bool signature_text_check(const char *public_text, struct bytes message,
                          const char *signature_text);
