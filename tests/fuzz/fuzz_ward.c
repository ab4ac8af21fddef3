/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_ward.c - requests to bastide-ward, one behind the other
 *
 * What is taken is written in one way only, and what may be done becomes JSON for nft that
 * holds no other prefix.  The first byte says how many addresses are never to be blocked; they
 * are what the requests name, from the end.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <jansson.h>

#include "ward/keeper.h"

#define REQUESTS_MAX 16

static void fuzz_rules(const struct ward_request *r)
{
    struct buf rules = {0};
    json_t *root, *commands;

    rules_of(r, &rules);
    root = json_loadb((const char *)rules.at, rules.len, JSON_REJECT_DUPLICATES, NULL);
    commands = json_object_get(root, "nftables");
    check(json_is_array(commands) && json_object_size(root) == 1);
    check(r->verb != WARD_BLOCK || json_array_size(commands) == 3);
    json_decref(root);
    buf_done(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address never[REQUESTS_MAX];
    struct ward_request asked[REQUESTS_MAX];
    uint8_t again[WARD_REQUEST_BYTES];
    size_t n = 0;
    size_t n_never = 0;

    if (size == 0)
        return 0;
    for (size_t at = 1; n < REQUESTS_MAX && size - at >= WARD_REQUEST_BYTES;
         at += WARD_REQUEST_BYTES) {
        if (!ward_request_decode(data + at, &asked[n]))
            continue;
        ward_request_encode(&asked[n], again);
        check(memcmp(again, data + at, sizeof(again)) == 0);
        n++;
    }
    for (size_t i = n; i > 0 && n_never < data[0] % REQUESTS_MAX; i--)
        never[n_never++] = asked[i - 1].prefix;
    for (size_t i = 0; i < n; i++) {
        if (ward_request_judge(&asked[i], never, n_never) == WARD_OK)
            fuzz_rules(&asked[i]);
    }
    return 0;
}
