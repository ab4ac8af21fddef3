/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_proxy.c - what a connection from a proxy begins with */
#include "fuzz.h"

#include "base/address.h"
#include "wire/proxy.h"

/* A header that is whole is not whole in less of it, and does not depend on what is behind it. */
static void check_header(struct bytes in, const struct proxy_header *h)
{
    struct proxy_header again;
    struct address a;

    check(h->len > 0 && h->len <= in.len && h->len <= PROXY_HEADER_BYTES_MAX);
    check(h->has_client == (h->address[0] != '\0') && (h->has_client || h->port == 0));
    check(!h->has_client || address_parse(bytes_str(h->address), &a));
    for (size_t n = 0; n < h->len; n++)
        check(proxy_header_read(bytes_of(in.at, n), &again) == PROXY_MORE);
    check(proxy_header_read(bytes_of(in.at, h->len), &again) == PROXY_OK);
    check(memcmp(&again, h, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct proxy_header h;
    enum proxy_outcome outcome = proxy_header_read(in, &h);

    if (outcome == PROXY_OK)
        check_header(in, &h);
    else if (outcome == PROXY_MORE)
        check(size < PROXY_HEADER_BYTES_MAX);
    else
        check(proxy_outcome_text(outcome)[0] != '\0');
    return 0;
}
