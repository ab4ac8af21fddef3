/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_certificate.c - a certificate in DER, as a peer shows it
 *
 * A name that is taken is a text without a zero byte; what cannot be used has a reason.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "io/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    X509 *x = d2i_X509(NULL, &at, (long)size);
    struct stream_certificate c;
    char *why;

    ERR_clear_error();
    if (x == NULL)
        return 0;
    why = tls_certificate_read(x, &c);
    check(why != NULL ? why[0] != '\0' : c.cn != NULL && c.issuer != NULL);
    check(strlen(c.fingerprint) == 64 && c.serial != NULL);
    check(ERR_peek_error() == 0);
    tls_certificate_done(&c);
    free(why);
    X509_free(x);
    return 0;
}
