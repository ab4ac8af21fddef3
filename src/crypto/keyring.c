/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/keyring.c - data keys by id, and the key that signs; see keyring.h */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/keyring_private.h"

/* ---- life ---- */

static struct keyring *keyring_new(const char *path)
{
    struct keyring *k = mem_new(struct keyring);

    pthread_mutex_init(&k->lock, NULL);
    k->path = text_dup(path);
    k->secrets = guarded_new(sizeof(*k->secrets));
    /* guarded_new() asks for it, too, and does not tell what came of it */
    k->is_locked = mlock(k->secrets, sizeof(*k->secrets)) == 0;
    return k;
}

/** keyring_free() - wipe and free; NULL is fine */
struct keyring *keyring_free(struct keyring *k)
{
    if (k == NULL)
        return NULL;
    guarded_free(k->secrets);
    pthread_mutex_destroy(&k->lock);
    free(k->path);
    free(k);
    return NULL;
}

static void put_entry(struct keyring *k, uint32_t id, enum purpose purpose)
{
    k->entries[k->n_entries] =
        (struct entry){.id = id, .purpose = purpose, .made_unix_ms = clock_unix_ms()};
    random_bytes(k->secrets->keys[k->n_entries], SEAL_KEY_BYTES);
    k->n_entries++;
}

/** keyring_exists() - is there a file @path? */
bool keyring_exists(const char *path)
{
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/** keyring_create() - draw a first data key and the audit's, and keep them in @path, mode 0600 */
struct keyring *keyring_create(const char *path, const struct key_source *from, char **ret_error)
{
    struct keyring *k;

    if (keyring_exists(path)) {
        text_fail(ret_error, "%s exists, and is not overwritten", path);
        return NULL;
    }
    k = keyring_new(path);
    random_bytes(k->id, sizeof(k->id));
    keyring_choose_kind(k, from->kind);
    k->current = 1;
    put_entry(k, 1, PURPOSE_DATA);
    put_entry(k, 0, PURPOSE_SIGN);
    if (keyring_take_at_rest(k, from, ret_error) && keyring_write(k, ret_error) == FILE_REPLACED)
        return k;
    return keyring_free(k);
}

/** keyring_open() - read it with the at-rest key */
struct keyring *keyring_open(const char *path, const struct key_source *from, char **ret_error)
{
    struct keyring *k = keyring_new(path);

    if (keyring_read(k, from, ret_error))
        return k;
    return keyring_free(k);
}

/* ---- use ---- */

/* Return: its index, or k->n_entries. */
static size_t find(const struct keyring *k, uint32_t id, enum purpose purpose)
{
    size_t i = 0;

    while (i < k->n_entries && (k->entries[i].id != id || k->entries[i].purpose != purpose))
        i++;
    return i;
}

/** keyring_current() - the data key for what is new */
uint32_t keyring_current(struct keyring *k)
{
    uint32_t id;

    pthread_mutex_lock(&k->lock);
    id = k->current;
    pthread_mutex_unlock(&k->lock);
    return id;
}

/** keyring_current_unix_ms() - when the current data key was made */
uint64_t keyring_current_unix_ms(struct keyring *k)
{
    uint64_t made_unix_ms;

    pthread_mutex_lock(&k->lock);
    made_unix_ms = k->entries[find(k, k->current, PURPOSE_DATA)].made_unix_ms;
    pthread_mutex_unlock(&k->lock);
    return made_unix_ms;
}

/** keyring_derive() - a key for the purpose @info from data key @id; @ret_secret is to be wiped */
bool keyring_derive(struct keyring *k, uint32_t id, struct bytes info,
                    uint8_t ret_secret[SEAL_KEY_BYTES])
{
    size_t i;
    bool ok;

    pthread_mutex_lock(&k->lock);
    i = find(k, id, PURPOSE_DATA);
    ok = i < k->n_entries;
    if (ok)
        key_derive(k->secrets->keys[i], info, ret_secret);
    pthread_mutex_unlock(&k->lock);
    return ok;
}

/** keyring_ids() - of all data keys, oldest first; Return: how many */
size_t keyring_ids(struct keyring *k, uint32_t ret[KEYRING_KEYS_MAX])
{
    size_t n = 0;

    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->n_entries; i++)
        if (k->entries[i].purpose == PURPOSE_DATA)
            ret[n++] = k->entries[i].id;
    pthread_mutex_unlock(&k->lock);
    return n;
}

/** keyring_is_locked() - false: swap may get to hold the keys, raise the limit of locked memory */
bool keyring_is_locked(const struct keyring *k)
{
    return k->is_locked;
}

/** keyring_add() - draw a data key, which is the current one from now on */
bool keyring_add(struct keyring *k, uint32_t *ret_id, char **ret_error)
{
    uint32_t before;
    bool ok;

    pthread_mutex_lock(&k->lock);
    before = k->current;
    ok = k->n_entries < ENTRIES_MAX;
    if (ok) {
        k->current = before + 1;
        put_entry(k, k->current, PURPOSE_DATA);
        ok = keyring_write(k, ret_error) == FILE_REPLACED;
        if (ok) {
            *ret_id = k->current;
        } else {
            k->current = before;
            k->n_entries--;
        }
    } else {
        text_fail(ret_error, "%d data keys are in use; wait until what they sealed is sealed anew",
                  KEYRING_KEYS_MAX);
    }
    pthread_mutex_unlock(&k->lock);
    return ok;
}

/**
 * keyring_drop() - destroy a data key: what is sealed with it can not be read by anybody any more
 * @id:  not the current one
 */
bool keyring_drop(struct keyring *k, uint32_t id, char **ret_error)
{
    size_t i;
    size_t after;
    bool ok = true;

    pthread_mutex_lock(&k->lock);
    check(id != k->current);
    i = find(k, id, PURPOSE_DATA);
    if (i < k->n_entries) {
        struct entry dropped = k->entries[i];
        uint8_t key_secret[SEAL_KEY_BYTES];

        memcpy(key_secret, k->secrets->keys[i], SEAL_KEY_BYTES);
        after = --k->n_entries - i;
        memmove(&k->entries[i], &k->entries[i + 1], after * sizeof(k->entries[0]));
        memmove(k->secrets->keys[i], k->secrets->keys[i + 1], after * SEAL_KEY_BYTES);
        ok = keyring_write(k, ret_error) == FILE_REPLACED;
        if (!ok) {
            k->entries[k->n_entries] = dropped;
            memcpy(k->secrets->keys[k->n_entries++], key_secret, SEAL_KEY_BYTES);
        } else {
            secret_wipe(k->secrets->keys[k->n_entries], SEAL_KEY_BYTES);
        }
        secret_wipe(key_secret, sizeof(key_secret));
    }
    pthread_mutex_unlock(&k->lock);
    return ok;
}

/* What another at-rest key changes of a keyring. */
struct outside {
    enum key_source_kind kind;
    uint8_t salt[KEYRING_SALT_BYTES];
    uint64_t passes;
    uint64_t bytes;
    uint8_t *at_rest_secret; /* guarded; owned */
};

static void outside_take(struct outside *o, const struct keyring *k)
{
    *o = (struct outside){.kind = k->kind, .passes = k->passes, .bytes = k->bytes};
    memcpy(o->salt, k->salt, KEYRING_SALT_BYTES);
    o->at_rest_secret = guarded_new(SEAL_KEY_BYTES);
    memcpy(o->at_rest_secret, k->secrets->at_rest, SEAL_KEY_BYTES);
}

static void outside_give_back(struct outside *o, struct keyring *k)
{
    k->kind = o->kind;
    k->passes = o->passes;
    k->bytes = o->bytes;
    memcpy(k->salt, o->salt, KEYRING_SALT_BYTES);
    memcpy(k->secrets->at_rest, o->at_rest_secret, SEAL_KEY_BYTES);
}

/* What files_replace() said is not all: which key opens the file from now on? */
static void say_both_keys(const struct keyring *k, char **ret_error)
{
    char *why = *ret_error;

    text_fail(
        ret_error,
        "%s; %s is under the new at-rest key from now on, so let the configuration name that; "
        "keep the old one, too, for a power cut may bring back what was",
        why, k->path);
    free(why);
}

/**
 * keyring_reseal() - the data keys stay, so nothing else has to be sealed anew
 *
 * False: it is under the old at-rest key as before, in its file and for what is written later; or,
 * if only the flush of its folder failed, under the new one, and @ret_error says so.
 */
bool keyring_reseal(struct keyring *k, const struct key_source *from, char **ret_error)
{
    enum file_replaced what = FILE_AS_IT_WAS;
    struct outside before;

    pthread_mutex_lock(&k->lock);
    outside_take(&before, k);
    keyring_choose_kind(k, from->kind);
    if (keyring_take_at_rest(k, from, ret_error))
        what = keyring_write(k, ret_error);
    if (what == FILE_AS_IT_WAS)
        outside_give_back(&before, k);
    else if (what == FILE_NOT_LASTING)
        say_both_keys(k, ret_error);
    pthread_mutex_unlock(&k->lock);
    guarded_free(before.at_rest_secret);
    return what == FILE_REPLACED;
}

/* ---- signatures ---- */

/* The index of the key that signs: each keyring has one. */
static const uint8_t *seed_of(const struct keyring *k)
{
    size_t i = find(k, 0, PURPOSE_SIGN);

    check(i < k->n_entries);
    return k->secrets->keys[i];
}

/** keyring_derive_lasting() - see keyring.h; @ret_secret is to be wiped */
void keyring_derive_lasting(struct keyring *k, struct bytes info,
                            uint8_t ret_secret[SEAL_KEY_BYTES])
{
    pthread_mutex_lock(&k->lock);
    key_derive(seed_of(k), info, ret_secret);
    pthread_mutex_unlock(&k->lock);
}

/* The pair of keys that signs; the private one is for guarded_free(). */
static uint8_t *signing_pair(struct keyring *k, uint8_t ret_public[crypto_sign_PUBLICKEYBYTES])
{
    uint8_t *key_secret = guarded_new(crypto_sign_SECRETKEYBYTES);

    pthread_mutex_lock(&k->lock);
    crypto_sign_seed_keypair(ret_public, key_secret, seed_of(k));
    pthread_mutex_unlock(&k->lock);
    return key_secret;
}

/** keyring_sign() - the Ed25519 signature of @message in base64; the same message, the same one */
void keyring_sign(struct keyring *k, struct bytes message, char ret[SIGNATURE_TEXT_LEN])
{
    uint8_t signature[crypto_sign_BYTES];
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t *key_secret = signing_pair(k, public);

    crypto_sign_detached(signature, NULL, message.at, message.len, key_secret);
    guarded_free(key_secret);
    sodium_bin2base64(ret, SIGNATURE_TEXT_LEN, signature, sizeof(signature),
                      sodium_base64_VARIANT_ORIGINAL);
}

/** keyring_public_text() - what signature_text_check() wants to know, in base64 */
void keyring_public_text(struct keyring *k, char ret[KEYRING_PUBLIC_TEXT_LEN])
{
    uint8_t public[crypto_sign_PUBLICKEYBYTES];

    guarded_free(signing_pair(k, public));
    sodium_bin2base64(ret, KEYRING_PUBLIC_TEXT_LEN, public, sizeof(public),
                      sodium_base64_VARIANT_ORIGINAL);
}

static bool base64_is(const char *text, uint8_t *ret, size_t len)
{
    const char *end = NULL;
    size_t n = 0;

    return sodium_base642bin(ret, len, text, strlen(text), NULL, &n, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           n == len && *end == '\0';
}

/** signature_text_check() - see keyring.h; any other text is false */
bool signature_text_check(const char *public_text, struct bytes message, const char *signature_text)
{
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t signature[crypto_sign_BYTES];

    check(sodium_init() >= 0);
    return base64_is(public_text, public, sizeof(public)) &&
           base64_is(signature_text, signature, sizeof(signature)) &&
           crypto_sign_verify_detached(signature, message.at, message.len, public) == 0;
}
