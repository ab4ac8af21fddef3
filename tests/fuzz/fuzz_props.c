/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_props.c - any bytes where a property block should be */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes block = bytes_of(data, size);
    struct buf once = {0};
    struct buf twice = {0};
    struct buf users = {0};
    struct wire_pair pair;
    size_t cursor = 0;

    while (wire_user_next(block, &cursor, &pair)) {
        check(cursor <= size);
        wire_user_add(&users, pair.name, pair.value);
    }
    wire_forward_props(block, &once);
    wire_forward_props(buf_view(&once), &twice);
    check(bytes_equal(buf_view(&once), buf_view(&twice)));
    check(once.len <= size);
    check(same_user(block, buf_view(&users)));
    check(same_user(buf_view(&once), buf_view(&users)));
    buf_done(&once);
    buf_done(&twice);
    buf_done(&users);
    return 0;
}
