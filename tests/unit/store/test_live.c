/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/test_live.c - the set of ids against a plain array; entries both ways */
#include "store/batch.h"
#include "store/live.h"
#include "unit/unit.h"

#define IDS 20000

static void it_is_the_set_that_was_made(void **state)
{
    static uint32_t size[IDS];
    struct live l = {0};
    uint64_t seed = 7;
    uint64_t bytes = 0;
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i < 400000; i++) {
        /* Grows for a while, then shrinks. */
        uint64_t id = 1 + noise(&seed) % (IDS - 1);
        bool put = noise(&seed) % 100 < (i < 200000 ? 60 : 35);

        if (put && size[id] == 0) {
            size[id] = 1 + (uint32_t)(noise(&seed) % 1000);
            bytes += size[id];
            n++;
            live_put(&l, id, size[id]);
        } else if (!put) {
            live_drop(&l, id);
            bytes -= size[id];
            n -= size[id] != 0;
            size[id] = 0;
        }
        assert_int_equal(l.n, n);
        assert_int_equal(l.bytes, bytes);
    }
    for (uint64_t id = 1; id < IDS; id++)
        assert_int_equal(live_has(&l, id), size[id] != 0);
    assert_true(l.cap <= MAX(l.n * 16, (size_t)2048));
    live_done(&l);
}

static void each_is_seen_once(void **state)
{
    struct live l = {0};

    (void)state;
    assert_false(live_see(&l, 5));
    live_put(&l, 5, 10);
    assert_true(live_see(&l, 5));
    assert_false(live_see(&l, 5));
    live_unsee_all(&l);
    assert_true(live_see(&l, 5));
    live_drop(&l, 5);
    assert_int_equal(l.bytes, 0);
    live_done(&l);
}

static void entries_are_read_as_they_were_written(void **state)
{
    struct batch b = {0};
    struct batch_entry e;
    struct bytes rest;
    size_t begun;

    (void)state;
    batch_put(&b, 3, 0x1122334455667788, BYTES("record"));
    batch_drop(&b, 9);
    begun = batch_begin(&b, 255, 1);
    buf_add(&b.bytes, BYTES("in place"));
    batch_end(&b, begun);
    rest = buf_view(&b.bytes);
    assert_int_equal(batch_next(&rest, &e), BATCH_ENTRY);
    assert_int_equal(e.kind, 3);
    assert_true(e.id == 0x1122334455667788);
    assert_bytes_equal(e.record, BYTES("record"));
    assert_int_equal(batch_next(&rest, &e), BATCH_ENTRY);
    assert_int_equal(e.kind, 0);
    assert_int_equal(e.id, 9);
    assert_int_equal(batch_next(&rest, &e), BATCH_ENTRY);
    assert_bytes_equal(e.record, BYTES("in place"));
    assert_int_equal(batch_next(&rest, &e), BATCH_END);
    buf_done(&b.bytes);
}

static void half_an_entry_is_none(void **state)
{
    struct batch b = {0};
    struct batch_entry e;

    (void)state;
    batch_put(&b, 3, 4, BYTES("record"));
    for (size_t len = 1; len < b.bytes.len; len++) {
        struct bytes rest = bytes_of(b.bytes.at, len);

        assert_int_equal(batch_next(&rest, &e), BATCH_BAD);
    }
    b.bytes.len = 0;
    batch_drop(&b, 1);
    for (size_t len = 1; len < b.bytes.len; len++) {
        struct bytes rest = bytes_of(b.bytes.at, len);

        assert_int_equal(batch_next(&rest, &e), BATCH_BAD);
    }
    buf_done(&b.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_set_that_was_made),
        cmocka_unit_test(each_is_seen_once),
        cmocka_unit_test(entries_are_read_as_they_were_written),
        cmocka_unit_test(half_an_entry_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
