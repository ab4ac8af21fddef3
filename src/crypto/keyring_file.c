/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/keyring_file.c - the file of data keys, sealed under the at-rest key
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

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/keyring_private.h"

#define MAGIC                 "BASTKEY1"
#define MAGIC_BYTES           8
#define CHECK_BYTES           16
#define ENTRY_HEAD_BYTES      16
#define ENTRY_BYTES           (ENTRY_HEAD_BYTES + SEAL_KEY_BYTES + SEAL_MORE_BYTES)
#define HEAD_BYTES            (MAGIC_BYTES + KEYRING_ID_BYTES + 8 + KEYRING_SALT_BYTES + 16 + CHECK_BYTES + 8)
#define FILE_BYTES_MAX        (HEAD_BYTES + ENTRIES_MAX * ENTRY_BYTES + SEAL_MORE_BYTES)
#define FILE_MODE             0600
#define PASSPHRASE_COST_MAX   (1ULL << 32) /* of a file, lest it make the node ask for all memory */
#define PASSPHRASE_PASSES_MAX 100

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

/** keyring_write() - the file is replaced as a whole; Return: as files_replace() */
enum file_replaced keyring_write(const struct keyring *k, char **ret_error)
{
    uint8_t key_secret[SEAL_KEY_BYTES];
    struct buf file = {0};
    struct buf end = {0};
    struct file_new f = {.path = k->path, .mode = FILE_MODE};
    enum file_replaced what;

    add_head(k, &file);
    own_key(k, "keys", key_secret);
    for (size_t i = 0; i < k->n_entries; i++)
        add_entry(k, i, key_secret, &file);
    own_key(k, "file", key_secret);
    seal_box(key_secret, buf_view(&file), BYTES_NONE, &end);
    buf_add(&file, buf_view(&end));
    secret_wipe(key_secret, sizeof(key_secret));
    f.content = buf_view(&file);
    what = files_replace(&f, 1, ret_error);
    buf_done(&end);
    buf_done(&file);
    return what;
}

static bool damaged(const char *path, char **ret_error)
{
    return text_fail(
        ret_error,
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
        return text_fail(ret_error, "%s is no keyring of this version, or was cut short", k->path);
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

/** keyring_read() - from its file, with the at-rest key; says what is wrong: key or file */
bool keyring_read(struct keyring *k, const struct key_source *from, char **ret_error)
{
    CLEANUP(buf_done) struct buf file = {0};
    uint8_t told[CHECK_BYTES];
    uint8_t tell[CHECK_BYTES];

    if (!file_read(k->path, FILE_BYTES_MAX, &file, ret_error) ||
        !read_head(k, buf_view(&file), told, ret_error))
        return false;
    if (is_passphrase(k->kind) != is_passphrase(from->kind))
        return text_fail(ret_error,
                         "%s is sealed under %s, but the configuration names %s (store.key_from)",
                         k->path, source_texts[k->kind], source_texts[from->kind]);
    if (!keyring_take_at_rest(k, from, ret_error))
        return false;
    make_check(k, tell);
    if (!bytes_equal_secret(bytes_of(tell, CHECK_BYTES), bytes_of(told, CHECK_BYTES)))
        return text_fail(ret_error,
                         "the at-rest key from %s%s%s is not the one that %s is sealed under: give "
                         "the right key; nothing was changed",
                         source_texts[from->kind], from->name != NULL ? " " : "",
                         text_or_empty(from->name), k->path);
    return read_entries(k, buf_view(&file)) || damaged(k->path, ret_error);
}
