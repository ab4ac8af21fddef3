/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_scram.c - messages of SCRAM: two lines in, each for whom it may concern */
#include "fuzz.h"

#include <stdlib.h>

#include "crypto/scram.h"

#define NONCE "0123456789"

/* A client-first, and the client-final behind it; without the password no proof is right. */
static void play_client(struct bytes first, struct bytes final, bool binds)
{
    static const uint8_t key[SCRAM_KEY_BYTES] = {1};
    struct scram_server *s = scram_server_new();
    struct scram_verifier v;
    struct buf out = {0};
    size_t len;

    if (binds)
        scram_server_channel(s, key, true);
    if (scram_server_hello(s, first) == SCRAM_OK) {
        check(scram_server_user(s).len > 0);
        scram_verifier_fake(key, scram_server_user(s), &v);
        scram_server_challenge(s, &v, BYTES(NONCE), &out);
        len = out.len;
        check(len > 0 && memchr(out.at, '\0', len) == NULL);
        check(scram_server_finish(s, final, &out) != SCRAM_OK && out.len == len);
    }
    buf_done(&out);
    scram_server_free(s);
}

/* A server-first, which costs what it asks for: only what is refused is looked at. */
static void play_server(struct bytes first, struct bytes final)
{
    struct scram_client *c = scram_client_new(BYTES("a,b=c"), BYTES("secret"), BYTES(NONCE));
    struct buf out = {0};
    bool is_costly = first.len > 1 && memmem(first.at, first.len, ",i=", 3) != NULL;

    scram_client_hello(c, &out);
    out.len = 0;
    if (!is_costly)
        check(scram_client_answer(c, first, &out) != SCRAM_OK && out.len == 0);
    check(scram_client_check(c, final) != SCRAM_OK);
    buf_done(&out);
    scram_client_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t len = end != NULL ? (size_t)(end - data) : size;
    struct bytes first = bytes_of(data, len);
    struct bytes rest = end != NULL ? bytes_of(end + 1, size - len - 1) : BYTES_NONE;
    struct scram_verifier v;
    char *text = bytes_dup_str(first);

    if (scram_verifier_parse(text, &v))
        check(v.iterations >= SCRAM_ITERATIONS_MIN && v.salt_len > 0 &&
              v.salt_len <= SCRAM_SALT_MAX && scram_verifier_equal(&v, &v));
    free(text);
    play_client(first, rest, false);
    play_client(first, rest, true);
    play_server(first, rest);
    return 0;
}
