/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_webhook.c - a receiver's answer: however it is cut, it has the same status */
#include "fuzz.h"

#include "alert/private.h"

#define NO_ANSWER 0
#define CUT_SHORT 1 /* more has to come */

/* In pieces of @n bytes. */
static unsigned status_in_pieces(struct bytes answer, size_t n)
{
    struct buf in = {0};
    struct buf why = {0};
    unsigned status = 0;
    bool ok = true;

    while (ok && status == 0 && answer.len > 0) {
        n = MIN(n, answer.len);
        buf_add(&in, bytes_of(answer.at, n));
        answer = bytes_of(answer.at + n, answer.len - n);
        ok = webhook_take_status(&in, &status, &why);
        check(ok == (why.len == 0));
    }
    check(status == 0 || (ok && status >= 200 && status <= 999));
    if (ok && status == 0)
        status = CUT_SHORT;
    buf_done(&in);
    buf_done(&why);
    return ok ? status : NO_ANSWER;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes answer = bytes_of(data, size);
    unsigned whole = status_in_pieces(answer, size);

    if (size > 0 && size <= 4096) { /* less than what is too long */
        check(status_in_pieces(answer, 1) == whole);
        check(status_in_pieces(answer, 7) == whole);
    }
    return 0;
}
