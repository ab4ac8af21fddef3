/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_pem.c - a file of certificates, revocation lists or a public key
 *
 * Whoever reads it gets facts or a reason, and no error of OpenSSL stays behind for the next one.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "crypto/crypto.h"

static void check_read(bool ok, char *error)
{
    check(ok == (error == NULL));
    check(error == NULL || error[0] != '\0');
    check(ERR_peek_error() == 0);
    free(error);
}

static void read_certificate(const char *path)
{
    struct certificate_facts f = {0};
    char *error = NULL;
    bool ok = certificate_read(path, &f, &error);

    check_read(ok, error);
    check(!ok || (strlen(f.fingerprint) == 64 && f.common_name != NULL && f.key_type != NULL));
    certificate_facts_done(&f);
}

static void read_list(const char *path)
{
    struct crl_facts f = {0};
    char *error = NULL;
    bool ok = crl_read(path, &f, &error);

    check_read(ok, error);
}

static void read_anchors(const char *path)
{
    struct anchors_facts f = {0};
    char *error = NULL;
    bool ok = anchors_read(path, &f, &error);

    check_read(ok, error);
    check(!ok || (f.n > 0 && f.n_strong <= f.n && f.n_leaves <= f.n));
}

static void read_key(const char *path)
{
    char *error = NULL;
    struct verifying_key *k = verifying_key_load(path, &error);

    check_read(k != NULL, error);
    verifying_key_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_as_file(bytes_of(data, size));

    read_certificate(path);
    read_list(path);
    read_anchors(path);
    read_key(path);
    return 0;
}
