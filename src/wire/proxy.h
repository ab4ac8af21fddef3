/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/proxy.h - the PROXY header, versions 1 and 2: who the client of a proxy is
 *
 * Source: "The PROXY protocol", haproxy, doc/proxy-protocol.txt.  Pure functions.
 */
#pragma once

#include "base/bytes.h"

#define PROXY_HEADER_BYTES_MAX 4096 /* with all its TLVs; the document asks for 536 at least */
#define PROXY_ADDRESS_LEN      48

/* clang-format off */
/*    name        what is wrong */
#define PROXY_OUTCOMES(X)                                                           \
    X(OK,         "")                                                               \
    X(MORE,       "")                                                               \
    X(E_NONE,     "the connection does not begin with a PROXY header")              \
    X(E_VERSION,  "a version or command of the PROXY header that is not known")     \
    X(E_FAMILY,   "a PROXY header for something else than a stream")                \
    X(E_ADDRESS,  "an address or port in the PROXY header that is none")            \
    X(E_LENGTH,   "lengths in the PROXY header that do not fit, or are too large")  \
    X(E_CHECKSUM, "a checksum of the PROXY header that is wrong")
/* clang-format on */

enum proxy_outcome {
#define X(name, text) PROXY_##name,
    PROXY_OUTCOMES(X)
#undef X
};

struct proxy_header {
    size_t len;      /* the connection's own bytes begin behind it */
    bool has_client; /* no: the proxy speaks for itself, or does not know for whom */
    char address[PROXY_ADDRESS_LEN]; /* IPv4 in IPv6 as IPv4 */
    uint16_t port;
};

enum proxy_outcome proxy_header_read(struct bytes in, struct proxy_header *ret);
const char *proxy_outcome_text(enum proxy_outcome outcome);
