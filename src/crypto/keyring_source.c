/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/keyring_source.c - where the at-rest key comes from */
#include <sodium.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "crypto/keyring_private.h"

/* Argon2id of a passphrase: half a second or so, once a start. */
#define PASSPHRASE_PASSES 3
#define PASSPHRASE_BYTES  (128U << 20)

static uint8_t *from_credential(const char *name, char **ret_error)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    struct buf path = {0};
    uint8_t *key_secret;

    if (dir == NULL) {
        text_fail(
            ret_error,
            "the at-rest key is a systemd credential, but CREDENTIALS_DIRECTORY is not set; add "
            "LoadCredentialEncrypted=%s to the unit, or use a key file",
            name);
        return NULL;
    }
    buf_addf(&path, "%s/%s", dir, name);
    buf_add_u8(&path, 0);
    key_secret = at_rest_key_of_service((const char *)path.at, ret_error);
    buf_done(&path);
    return key_secret;
}

static uint8_t *from_passphrase(const struct keyring *k, struct bytes passphrase, char **ret_error)
{
    uint8_t *key_secret = guarded_new(SEAL_KEY_BYTES);

    if (passphrase.len < PASSPHRASE_BYTES_MIN) {
        text_fail(ret_error, "the passphrase of the at-rest key has less than %d bytes",
                  PASSPHRASE_BYTES_MIN);
    } else if (crypto_pwhash(key_secret, SEAL_KEY_BYTES, (const char *)passphrase.at,
                             passphrase.len, k->salt, k->passes, k->bytes,
                             crypto_pwhash_ALG_ARGON2ID13) != 0) {
        text_fail(ret_error, "no memory to work on the passphrase: it takes %llu MiB",
                  (unsigned long long)(k->bytes >> 20));
    } else {
        return key_secret;
    }
    return guarded_free(key_secret);
}

/** keyring_take_at_rest() - by the salt and cost that stand in @k */
bool keyring_take_at_rest(struct keyring *k, const struct key_source *from, char **ret_error)
{
    uint8_t *key_secret = NULL;

    switch (from->kind) {
    case KEY_FROM_FILE:
        key_secret = at_rest_key_load(from->name, ret_error);
        break;
    case KEY_FROM_CREDENTIAL:
        key_secret = from_credential(from->name, ret_error);
        break;
    case KEY_FROM_PASSPHRASE:
        key_secret = from_passphrase(k, from->passphrase_secret, ret_error);
        break;
    }
    if (key_secret == NULL)
        return false;
    memcpy(k->secrets->at_rest, key_secret, SEAL_KEY_BYTES);
    guarded_free(key_secret);
    return true;
}

/** keyring_choose_kind() - another at-rest key is to come, with a salt of its own */
void keyring_choose_kind(struct keyring *k, enum key_source_kind kind)
{
    k->kind = kind;
    random_bytes(k->salt, sizeof(k->salt));
    k->passes = kind == KEY_FROM_PASSPHRASE ? PASSPHRASE_PASSES : 0;
    k->bytes = kind == KEY_FROM_PASSPHRASE ? PASSPHRASE_BYTES : 0;
}
