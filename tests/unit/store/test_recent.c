/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/test_recent.c - what was read back lately is there, and never anything else */
#include "store/recent.h"
#include "unit/unit.h"

static struct bytes record_of(uint64_t id, size_t len, uint8_t *at)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(id * 31 + i);
    return bytes_of(at, len);
}

static size_t len_of(uint64_t id)
{
    return (size_t)(id * 7919 % 3000);
}

static void what_is_found_is_what_was_put(void **state)
{
    static uint8_t at[3000];
    struct recent r = {0};
    struct bytes found;
    uint8_t kind;
    unsigned n_found = 0;

    (void)state;
    assert_false(recent_find(&r, 1, &kind, &found));
    for (uint64_t id = 1; id <= 20000; id++) { /* seven times around */
        recent_put(&r, id, (uint8_t)(id % 7), record_of(id, len_of(id), at));
        assert_true(recent_find(&r, id, &kind, &found));
        for (uint64_t k = id; k > 0 && k + 100 > id; k -= MIN(k, (uint64_t)9)) {
            if (!recent_find(&r, k, &kind, &found))
                continue;
            n_found++;
            assert_int_equal(kind, k % 7);
            assert_true(bytes_equal(found, record_of(k, len_of(k), at)));
        }
    }
    assert_true(n_found > 200000); /* of 240,000; some have lost their slot to a later one */
    assert_false(recent_find(&r, 1, &kind, &found));
    recent_done(&r);
}

static void what_is_large_is_not_kept(void **state)
{
    struct recent r = {0};
    struct buf large = {0};
    struct bytes found;
    uint8_t kind;

    (void)state;
    memset(buf_reserve(&large, RECENT_BYTES / 8 + 1), 1, RECENT_BYTES / 8 + 1);
    recent_put(&r, 1, 1, bytes_of(large.at, RECENT_BYTES / 8 + 1));
    assert_false(recent_find(&r, 1, &kind, &found));
    recent_put(&r, 2, 1, bytes_of(large.at, RECENT_BYTES / 8));
    assert_true(recent_find(&r, 2, &kind, &found));
    assert_int_equal(found.len, RECENT_BYTES / 8);
    buf_done(&large);
    recent_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_is_what_was_put),
        cmocka_unit_test(what_is_large_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
