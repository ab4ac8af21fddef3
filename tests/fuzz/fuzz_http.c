/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_http.c - the answer to a question over HTTP: what is whole is not whole in less
 * of it */
#include "fuzz.h"

#include <stdlib.h>

#include "cli/http.h"

static bool parse(const uint8_t *data, size_t size, struct http_answer *ret)
{
    struct buf all = {0};
    bool ok;

    buf_add(&all, bytes_of(data, size));
    ok = http_parse(&all, ret);
    check(!ok || all.at == NULL);
    buf_done(&all);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer a, less;

    if (!parse(data, size, &a))
        return 0;
    check(a.status >= 100 && a.status <= 999);
    check(a.body.at + a.body.len == a.all.at + a.all.len && a.body.len <= a.all.len);
    check(!parse(data, size - 1, &less));
    http_answer_done(&a);
    return 0;
}
