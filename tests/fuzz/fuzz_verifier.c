/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_verifier.c - a verifier of a password, as a file of users has it
 *
 * One of Argon2id that is taken costs no more than the node bears; one of SCRAM is written and read
 * back the same.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/scram_private.h"

#define MEMORY_KIB_MAX 262144
#define PASSES_MAX     16

/* As libsodium reads it: what stands behind @name, digits alone. */
static unsigned long number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    char *end = NULL;
    unsigned long n;

    check(at != NULL);
    at += strlen(name);
    check(*at >= '1' && *at <= '9');
    n = strtoul(at, &end, 10);
    check(*end == ',');
    return n;
}

static void take_argon2id(const char *text)
{
    if (!password_verifier_valid(text))
        return;
    check(number_behind(text, "$m=") <= MEMORY_KIB_MAX);
    check(number_behind(text, ",t=") <= PASSES_MAX);
}

static void take_scram(const char *text)
{
    struct scram_verifier v;
    struct scram_verifier back;
    struct buf again = {0};
    char *written;

    if (!scram_verifier_parse(text, &v))
        return;
    check(v.iterations >= SCRAM_ITERATIONS_MIN && v.iterations <= SCRAM_ITERATIONS_MAX);
    check(v.salt_len > 0 && v.salt_len <= SCRAM_SALT_MAX);
    scram_verifier_write(&v, &again);
    written = bytes_dup_str(buf_view(&again));
    check(scram_verifier_parse(written, &back));
    check(scram_verifier_equal(&v, &back));
    check(memcmp(v.server_key, back.server_key, SCRAM_KEY_BYTES) == 0);
    free(written);
    buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = bytes_dup_str(bytes_of(data, size));

    take_argon2id(text);
    take_scram(text);
    free(text);
    return 0;
}
