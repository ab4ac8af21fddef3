/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/keyring.c - the file of data keys, sealed under the at-rest key
 *
 *   "BASTKEY1" | keyring id 16 | kind of at-rest key u8, 0 × 7 | salt 16 | passes u64 | bytes u64
 *   | check 16 | number of keys u32 | id of the current one u32
 *   | keys: id u32, purpose u32, made unix ms u64, sealed box of 32 bytes
 *   | sealed box of nothing, bound to all that stands before it
 *
 * Integers are little-endian.  "check" is derived from the at-rest key and tells a wrong key
 * from a damaged file.  Each box is bound to the keyring's id and to the key's own head, so
 * that keys cannot be exchanged.  The file is replaced as a whole.
 */
#include "crypto/private.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/keyring.h"

#define MAGIC            "BASTKEY1"
#define MAGIC_BYTES      8
#define ID_BYTES         16
#define SALT_BYTES       16
#define CHECK_BYTES      16
#define ENTRY_HEAD_BYTES 16
#define ENTRY_BYTES      (ENTRY_HEAD_BYTES + SEAL_KEY_BYTES + SEAL_MORE_BYTES)
#define HEAD_BYTES       (MAGIC_BYTES + ID_BYTES + 8 + SALT_BYTES + 16 + CHECK_BYTES + 8)
#define ENTRIES_MAX      (KEYRING_KEYS_MAX + 1) /* and the one that signs */
#define FILE_BYTES_MAX   (HEAD_BYTES + ENTRIES_MAX * ENTRY_BYTES + SEAL_MORE_BYTES)
#define FILE_MODE        0600

/* Argon2id of a passphrase: half a second or so, once a start. */
#define PASSPHRASE_PASSES     3
#define PASSPHRASE_BYTES      (128U << 20)
#define PASSPHRASE_COST_MAX   (1ULL << 32) /* of a file, lest it make the node ask for all memory */
#define PASSPHRASE_PASSES_MAX 100

enum purpose {
    PURPOSE_DATA = 1,
    PURPOSE_SIGN = 2,
};

struct entry {
    uint32_t id;
    uint32_t purpose;
    uint64_t made_unix_ms;
};

/* In guarded memory. */
struct secrets {
    uint8_t at_rest[SEAL_KEY_BYTES];
    uint8_t keys[ENTRIES_MAX][SEAL_KEY_BYTES]; /* beside keyring.entries */
};

struct keyring {
    pthread_mutex_t lock; /* for all that follows */
    char *path;           /* owned */
    struct secrets *secrets;
    bool is_locked;
    uint8_t id[ID_BYTES];
    enum key_source_kind kind;
    uint8_t salt[SALT_BYTES];
    uint64_t passes;
    uint64_t bytes;
    uint32_t current;
    struct entry entries[ENTRIES_MAX];
    size_t n_entries;
};

/* ---- the at-rest key ---- */

static uint8_t *from_credential(const char *name, char **ret_error)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    struct buf path = {0};
    uint8_t *key_secret;

    if (dir == NULL) {
        failed(ret_error,
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
    uint8_t *key_secret = sodium_malloc(SEAL_KEY_BYTES);

    check(key_secret != NULL);
    if (passphrase.len < PASSPHRASE_BYTES_MIN) {
        failed(ret_error, "the passphrase of the at-rest key has less than %d bytes",
               PASSPHRASE_BYTES_MIN);
    } else if (crypto_pwhash(key_secret, SEAL_KEY_BYTES, (const char *)passphrase.at,
                             passphrase.len, k->salt, k->passes, k->bytes,
                             crypto_pwhash_ALG_ARGON2ID13) != 0) {
        failed(ret_error, "no memory to work on the passphrase: it takes %llu MiB",
               (unsigned long long)(k->bytes >> 20));
    } else {
        return key_secret;
    }
    sodium_free(key_secret);
    return NULL;
}

/* By the salt and cost that stand in @k. */
static bool take_at_rest(struct keyring *k, const struct key_source *from, char **ret_error)
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
    sodium_free(key_secret);
    return true;
}

static void choose_kind(struct keyring *k, enum key_source_kind kind)
{
    k->kind = kind;
    random_bytes(k->salt, sizeof(k->salt));
    k->passes = kind == KEY_FROM_PASSPHRASE ? PASSPHRASE_PASSES : 0;
    k->bytes = kind == KEY_FROM_PASSPHRASE ? PASSPHRASE_BYTES : 0;
}

/* ---- as bytes ---- */

static void add_number(struct buf *to, uint64_t n, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        buf_add_u8(to, (uint8_t)(n >> (8 * i)));
}

static uint64_t take_number(const uint8_t **at, size_t bytes)
{
    uint64_t n = 0;

    for (size_t i = 0; i < bytes; i++)
        n |= (uint64_t)(*at)[i] << (8 * i);
    *at += bytes;
    return n;
}

static void take(const uint8_t **at, void *to, size_t n)
{
    memcpy(to, *at, n);
    *at += n;
}

/* From the at-rest key, for this keyring and one of three uses. */
static void own_key(const struct keyring *k, const char *use, uint8_t ret_secret[SEAL_KEY_BYTES])
{
    struct buf info = {0};

    buf_addf(&info, "bastide keyring %s", use);
    buf_add(&info, bytes_of(k->id, sizeof(k->id)));
    key_derive(k->secrets->at_rest, buf_view(&info), ret_secret);
    buf_done(&info);
}

static void make_check(const struct keyring *k, uint8_t ret[CHECK_BYTES])
{
    uint8_t key_secret[SEAL_KEY_BYTES];

    own_key(k, "check", key_secret);
    memcpy(ret, key_secret, CHECK_BYTES);
    secret_wipe(key_secret, sizeof(key_secret));
}

static void add_head(const struct keyring *k, struct buf *to)
{
    uint8_t tell[CHECK_BYTES];

    make_check(k, tell);
    buf_add(to, BYTES(MAGIC));
    buf_add(to, bytes_of(k->id, sizeof(k->id)));
    add_number(to, k->kind, 8);
    buf_add(to, bytes_of(k->salt, sizeof(k->salt)));
    add_number(to, k->passes, 8);
    add_number(to, k->bytes, 8);
    buf_add(to, bytes_of(tell, sizeof(tell)));
    add_number(to, k->n_entries, 4);
    add_number(to, k->current, 4);
}

static void add_entry(const struct keyring *k, size_t i, const uint8_t key[SEAL_KEY_BYTES],
                      struct buf *to)
{
    size_t start = to->len;
    struct buf bound = {0};

    add_number(to, k->entries[i].id, 4);
    add_number(to, k->entries[i].purpose, 4);
    add_number(to, k->entries[i].made_unix_ms, 8);
    buf_add(&bound, bytes_of(k->id, sizeof(k->id)));
    buf_add(&bound, bytes_of(to->at + start, ENTRY_HEAD_BYTES));
    seal_box(key, buf_view(&bound), bytes_of(k->secrets->keys[i], SEAL_KEY_BYTES), to);
    buf_done(&bound);
}

static bool write_to(const struct keyring *k, const char *path, char **ret_error)
{
    uint8_t key_secret[SEAL_KEY_BYTES];
    struct buf file = {0};
    struct buf end = {0};
    bool ok;

    add_head(k, &file);
    own_key(k, "keys", key_secret);
    for (size_t i = 0; i < k->n_entries; i++)
        add_entry(k, i, key_secret, &file);
    own_key(k, "file", key_secret);
    seal_box(key_secret, buf_view(&file), BYTES_NONE, &end);
    buf_add(&file, buf_view(&end));
    secret_wipe(key_secret, sizeof(key_secret));
    ok = file_replace(path, buf_view(&file), FILE_MODE, ret_error);
    buf_done(&end);
    buf_done(&file);
    return ok;
}

static bool damaged(const char *path, char **ret_error)
{
    return failed(ret_error,
                  "%s is damaged: it does not authenticate; restore it from a backup: without its "
                  "keys nothing that this node stored can be read",
                  path);
}

static bool read_head(struct keyring *k, struct bytes file, uint8_t ret_check[CHECK_BYTES],
                      char **ret_error)
{
    const uint8_t *at = file.at + MAGIC_BYTES;
    uint64_t kind;

    if (file.len < HEAD_BYTES + SEAL_MORE_BYTES || !bytes_has_prefix(file, BYTES(MAGIC)))
        return failed(ret_error, "%s is no keyring of this version, or was cut short", k->path);
    take(&at, k->id, sizeof(k->id));
    kind = take_number(&at, 8);
    take(&at, k->salt, sizeof(k->salt));
    k->passes = take_number(&at, 8);
    k->bytes = take_number(&at, 8);
    take(&at, ret_check, CHECK_BYTES);
    k->n_entries = (size_t)take_number(&at, 4);
    k->current = (uint32_t)take_number(&at, 4);
    k->kind = (enum key_source_kind)kind;
    if (kind > KEY_FROM_PASSPHRASE || k->n_entries > ENTRIES_MAX ||
        file.len != HEAD_BYTES + k->n_entries * ENTRY_BYTES + SEAL_MORE_BYTES ||
        k->bytes > PASSPHRASE_COST_MAX || k->passes > PASSPHRASE_PASSES_MAX)
        return damaged(k->path, ret_error);
    return true;
}

static bool read_entry(struct keyring *k, size_t i, const uint8_t key[SEAL_KEY_BYTES],
                       const uint8_t *at)
{
    struct bytes box = bytes_of(at + ENTRY_HEAD_BYTES, SEAL_KEY_BYTES + SEAL_MORE_BYTES);
    struct buf bound = {0};
    bool ok;

    buf_add(&bound, bytes_of(k->id, sizeof(k->id)));
    buf_add(&bound, bytes_of(at, ENTRY_HEAD_BYTES));
    k->entries[i].id = (uint32_t)take_number(&at, 4);
    k->entries[i].purpose = (uint32_t)take_number(&at, 4);
    k->entries[i].made_unix_ms = take_number(&at, 8);
    ok = unseal(key, box.at, buf_view(&bound), bytes_of(box.at + SEAL_NONCE_BYTES, SEAL_KEY_BYTES),
                box.at + SEAL_NONCE_BYTES + SEAL_KEY_BYTES, k->secrets->keys[i]);
    buf_done(&bound);
    return ok;
}

static bool read_entries(struct keyring *k, struct bytes file)
{
    size_t len = file.len - SEAL_MORE_BYTES;
    uint8_t key_secret[SEAL_KEY_BYTES];
    struct buf nothing = {0};
    bool ok;

    own_key(k, "file", key_secret);
    ok = unseal_box(key_secret, bytes_of(file.at, len), bytes_of(file.at + len, SEAL_MORE_BYTES),
                    &nothing);
    own_key(k, "keys", key_secret);
    for (size_t i = 0; i < k->n_entries && ok; i++)
        ok = read_entry(k, i, key_secret, file.at + HEAD_BYTES + i * ENTRY_BYTES);
    secret_wipe(key_secret, sizeof(key_secret));
    buf_done(&nothing);
    return ok;
}

static const char *const source_texts[] = {
    [KEY_FROM_FILE] = "a key file",
    [KEY_FROM_CREDENTIAL] = "a systemd credential",
    [KEY_FROM_PASSPHRASE] = "a passphrase",
};

/* A file and a credential hold the same kind of key. */
static bool is_passphrase(enum key_source_kind kind)
{
    return kind == KEY_FROM_PASSPHRASE;
}

static bool read_all(struct keyring *k, const struct key_source *from, char **ret_error)
{
    CLEANUP(buf_done) struct buf file = {0};
    uint8_t told[CHECK_BYTES];
    uint8_t tell[CHECK_BYTES];

    if (!file_read(k->path, FILE_BYTES_MAX, &file, ret_error) ||
        !read_head(k, buf_view(&file), told, ret_error))
        return false;
    if (is_passphrase(k->kind) != is_passphrase(from->kind))
        return failed(ret_error,
                      "%s is sealed under %s, but the configuration names %s (store.key_from)",
                      k->path, source_texts[k->kind], source_texts[from->kind]);
    if (!take_at_rest(k, from, ret_error))
        return false;
    make_check(k, tell);
    if (!bytes_equal_secret(bytes_of(tell, CHECK_BYTES), bytes_of(told, CHECK_BYTES)))
        return failed(ret_error,
                      "the at-rest key from %s%s%s is not the one that %s is sealed under: give "
                      "the right key; nothing was changed",
                      source_texts[from->kind], from->name != NULL ? " " : "",
                      from->name != NULL ? from->name : "", k->path);
    return read_entries(k, buf_view(&file)) || damaged(k->path, ret_error);
}

/* ---- life ---- */

static struct keyring *keyring_new(const char *path)
{
    struct keyring *k = mem_new(struct keyring);

    check(sodium_init() >= 0);
    pthread_mutex_init(&k->lock, NULL);
    k->path = bytes_dup_str(bytes_str(path));
    k->secrets = sodium_malloc(sizeof(*k->secrets));
    check(k->secrets != NULL);
    /* sodium_malloc() asks for it, too, and does not tell what came of it */
    k->is_locked = mlock(k->secrets, sizeof(*k->secrets)) == 0;
    return k;
}

/** keyring_free() - wipe and free; NULL is fine */
struct keyring *keyring_free(struct keyring *k)
{
    if (k == NULL)
        return NULL;
    sodium_free(k->secrets);
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
        failed(ret_error, "%s exists, and is not overwritten", path);
        return NULL;
    }
    k = keyring_new(path);
    random_bytes(k->id, sizeof(k->id));
    choose_kind(k, from->kind);
    k->current = 1;
    put_entry(k, 1, PURPOSE_DATA);
    put_entry(k, 0, PURPOSE_SIGN);
    if (take_at_rest(k, from, ret_error) && write_to(k, path, ret_error))
        return k;
    return keyring_free(k);
}

/** keyring_open() - read it with the at-rest key */
struct keyring *keyring_open(const char *path, const struct key_source *from, char **ret_error)
{
    struct keyring *k = keyring_new(path);

    if (read_all(k, from, ret_error))
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
        ok = write_to(k, k->path, ret_error);
        if (ok) {
            *ret_id = k->current;
        } else {
            k->current = before;
            k->n_entries--;
        }
    } else {
        failed(ret_error, "%d data keys are in use; wait until what they sealed is sealed anew",
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
        ok = write_to(k, k->path, ret_error);
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
    uint8_t salt[SALT_BYTES];
    uint64_t passes;
    uint64_t bytes;
    uint8_t *at_rest_secret; /* guarded; owned */
};

static void outside_take(struct outside *o, const struct keyring *k)
{
    *o = (struct outside){.kind = k->kind, .passes = k->passes, .bytes = k->bytes};
    memcpy(o->salt, k->salt, SALT_BYTES);
    o->at_rest_secret = sodium_malloc(SEAL_KEY_BYTES);
    check(o->at_rest_secret != NULL);
    memcpy(o->at_rest_secret, k->secrets->at_rest, SEAL_KEY_BYTES);
}

static void outside_give_back(struct outside *o, struct keyring *k)
{
    k->kind = o->kind;
    k->passes = o->passes;
    k->bytes = o->bytes;
    memcpy(k->salt, o->salt, SALT_BYTES);
    memcpy(k->secrets->at_rest, o->at_rest_secret, SEAL_KEY_BYTES);
}

/* Written to @path under the key of @from; @stays: and that is its key from now on. */
static bool write_under(struct keyring *k, const struct key_source *from, const char *path,
                        bool stays, char **ret_error)
{
    struct outside before;
    bool ok;

    pthread_mutex_lock(&k->lock);
    outside_take(&before, k);
    choose_kind(k, from->kind);
    ok = take_at_rest(k, from, ret_error) && write_to(k, path, ret_error);
    if (!ok || !stays)
        outside_give_back(&before, k);
    pthread_mutex_unlock(&k->lock);
    sodium_free(before.at_rest_secret);
    return ok;
}

/** keyring_reseal() - see keyring.h; the data keys stay, so nothing else has to be sealed anew */
bool keyring_reseal(struct keyring *k, const struct key_source *from, char **ret_error)
{
    return write_under(k, from, k->path, true, ret_error);
}

/** keyring_copy() - see keyring.h */
bool keyring_copy(struct keyring *k, const struct key_source *from, const char *path,
                  char **ret_error)
{
    return write_under(k, from, path, false, ret_error);
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

/** keyring_sign() - the Ed25519 signature of @message in base64; the same message, the same one */
void keyring_sign(struct keyring *k, struct bytes message, char ret[SIGNATURE_TEXT_LEN])
{
    uint8_t signature[crypto_sign_BYTES];
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t *key_secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);

    check(key_secret != NULL);
    pthread_mutex_lock(&k->lock);
    crypto_sign_seed_keypair(public, key_secret, seed_of(k));
    pthread_mutex_unlock(&k->lock);
    crypto_sign_detached(signature, NULL, message.at, message.len, key_secret);
    sodium_free(key_secret);
    sodium_bin2base64(ret, SIGNATURE_TEXT_LEN, signature, sizeof(signature),
                      sodium_base64_VARIANT_ORIGINAL);
}

/** keyring_public_text() - what signature_text_check() wants to know, in base64 */
void keyring_public_text(struct keyring *k, char ret[KEYRING_PUBLIC_TEXT_LEN])
{
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t *key_secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);

    check(key_secret != NULL);
    pthread_mutex_lock(&k->lock);
    crypto_sign_seed_keypair(public, key_secret, seed_of(k));
    pthread_mutex_unlock(&k->lock);
    sodium_free(key_secret);
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
