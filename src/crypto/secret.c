/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/secret.c - random bytes, hashes, secrets in memory, and the at-rest key */
#include "crypto/private.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/keyring.h"

static const char random_alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz";
static const char at_rest_head[] = "bastide-at-rest-key-1 ";

#define AT_REST_FILE_MAX 256

/** openssl_failed() - text_fail() with what OpenSSL says of it; its queue of errors is empty then
 */
bool openssl_failed(char **ret_error, const char *format, ...)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code != 0 ? ERR_reason_error_string(code) : NULL;
    va_list args;
    char *what;

    va_start(args, format);
    what = text_vformat(format, args);
    va_end(args);
    (void)text_fail(ret_error, "%s: OpenSSL says: %s", what, why != NULL ? why : "no reason given");
    free(what);
    ERR_clear_error();
    return false;
}

/** random_is_ready() - OpenSSL's generator is seeded; MQ.PR.IP-05 */
bool random_is_ready(void)
{
    return RAND_status() == 1;
}

/** random_bytes() - fill @at with @n bytes from the kernel's generator */
void random_bytes(void *at, size_t n)
{
    check(sodium_init() >= 0);
    randombytes_buf(at, n);
}

/**
 * random_text() - @len random characters that can be read aloud and typed
 *
 * Return: owned, to be given to secret_free().
 */
char *random_text(size_t len)
{
    char *text = mem_alloc(len + 1);

    check(sodium_init() >= 0);
    for (size_t i = 0; i < len; i++)
        text[i] = random_alphabet[randombytes_uniform(sizeof(random_alphabet) - 1)];
    text[len] = '\0';
    return text;
}

/** secret_wipe() - overwrite; the compiler does not leave it out */
void secret_wipe(void *at, size_t n)
{
    OPENSSL_cleanse(at, n);
}

/** secret_free() - wipe and free a C string; NULL is fine */
char *secret_free(char *text)
{
    if (text != NULL)
        secret_wipe(text, strlen(text));
    free(text);
    return NULL;
}

/** secret_buf_done() - wipe all that @b has room for, and free it */
void secret_buf_done(struct buf *b)
{
    if (b->at != NULL)
        secret_wipe(b->at, b->cap);
    buf_done(b);
}

/** sha256_text() - SHA-256 of @b in lower-case hex */
void sha256_text(struct bytes b, char ret[SHA256_TEXT_LEN])
{
    uint8_t hash[crypto_hash_sha256_BYTES];

    check(sodium_init() >= 0);
    crypto_hash_sha256(hash, b.at, b.len);
    sodium_bin2hex(ret, SHA256_TEXT_LEN, hash, sizeof(hash));
}

/** sha256_file() - SHA-256 of a file of any size in lower-case hex */
bool sha256_file(const char *path, char ret[SHA256_TEXT_LEN], char **ret_error)
{
    crypto_hash_sha256_state state;
    uint8_t hash[crypto_hash_sha256_BYTES];
    uint8_t part[16384];
    size_t n;
    bool read_all;
    FILE *file = fopen(path, "re");

    check(sodium_init() >= 0);
    if (file == NULL)
        return text_fail(ret_error, "cannot open %s: %s", path, strerror(errno));
    crypto_hash_sha256_init(&state);
    while ((n = fread(part, 1, sizeof(part), file)) > 0)
        crypto_hash_sha256_update(&state, part, n);
    read_all = ferror(file) == 0;
    fclose(file);
    if (!read_all)
        return text_fail(ret_error, "cannot read all of %s", path);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(ret, SHA256_TEXT_LEN, hash, sizeof(hash));
    return true;
}

/**
 * at_rest_key_create() - draw a key and keep it in @path, mode 0600
 *
 * The file is one line: "bastide-at-rest-key-1", a space, 64 hex digits.  A file
 * that exists is not overwritten, for what was sealed with its key would be lost.
 */
bool at_rest_key_create(const char *path, char **ret_error)
{
    char line[sizeof(at_rest_head) + 2 * AT_REST_KEY_BYTES + 1];
    uint8_t key_secret[AT_REST_KEY_BYTES];
    size_t head_len = sizeof(at_rest_head) - 1;
    bool ok;

    if (access(path, F_OK) == 0)
        return text_fail(ret_error,
                         "%s exists; move it away first if a new at-rest key is really wanted: "
                         "what was sealed with the old key can then not be read any more",
                         path);
    random_bytes(key_secret, sizeof(key_secret));
    memcpy(line, at_rest_head, head_len);
    sodium_bin2hex(line + head_len, sizeof(line) - head_len, key_secret, sizeof(key_secret));
    line[sizeof(line) - 2] = '\n';
    ok = file_replace(path, bytes_of(line, sizeof(line) - 1), 0600, ret_error);
    secret_wipe(key_secret, sizeof(key_secret));
    secret_wipe(line, sizeof(line));
    return ok;
}

/* The key in the text of such a file; NULL with @ret_error. */
static uint8_t *key_in(const struct buf *text, const char *path, char **ret_error)
{
    size_t head_len = sizeof(at_rest_head) - 1;
    size_t key_len = 0;
    const char *end = NULL;
    uint8_t *key_secret = guarded_new(AT_REST_KEY_BYTES);

    if (bytes_has_prefix(buf_view(text), bytes_str(at_rest_head)) &&
        sodium_hex2bin(key_secret, AT_REST_KEY_BYTES, (const char *)text->at + head_len,
                       text->len - head_len, NULL, &key_len, &end) == 0 &&
        key_len == AT_REST_KEY_BYTES && end == (const char *)text->at + text->len - 1 &&
        *end == '\n')
        return key_secret;
    text_fail(ret_error, "%s does not hold an at-rest key; restore it from the backup of the keys",
              path);
    return at_rest_key_free(key_secret);
}

/**
 * at_rest_key_load() - read what at_rest_key_create() wrote
 *
 * Return: AT_REST_KEY_BYTES in guarded memory, to be given to
 *         at_rest_key_free(); NULL with @ret_error when the file cannot be read,
 *         can be read by others, or does not hold a key.
 */
uint8_t *at_rest_key_load(const char *path, char **ret_error)
{
    CLEANUP(secret_buf_done) struct buf text = {0};

    check(sodium_init() >= 0);
    if (access(path, R_OK) < 0) {
        text_fail(ret_error,
                  "cannot open %s: %s; put the at-rest key back there from where its copy "
                  "is kept, for the node's user to read",
                  path, strerror(errno));
        return NULL;
    }
    if (!secret_file_read(path, AT_REST_FILE_MAX, &text, ret_error))
        return NULL;
    return key_in(&text, path, ret_error);
}

/** at_rest_key_of_service() - at_rest_key_load() of a file that a service manager keeps from others
 */
uint8_t *at_rest_key_of_service(const char *path, char **ret_error)
{
    CLEANUP(secret_buf_done) struct buf text = {0};

    check(sodium_init() >= 0);
    if (!file_read(path, AT_REST_FILE_MAX, &text, ret_error))
        return NULL;
    return key_in(&text, path, ret_error);
}

/** at_rest_key_free() - wipe and free; NULL is fine */
uint8_t *at_rest_key_free(uint8_t *key)
{
    return guarded_free(key);
}
