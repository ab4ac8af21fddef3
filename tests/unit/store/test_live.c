/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/test_live.c - the set of ids against a plain array; entries both ways */
#include "store/batch.h"
#include "store/live.h"
#include "unit/unit.h"

#define IDS      20000
#define SEGMENTS 5

static void it_is_the_set_that_was_made(void **state)
{
    static uint32_t segment[IDS]; /* 0: not in */
    static uint64_t offset[IDS];
    struct live l = {0};
    struct live_place p;
    uint64_t seed = 7;
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i < 400000; i++) {
        /* Grows for a while, then shrinks. */
        uint64_t id = 1 + noise(&seed) % (IDS - 1);
        bool put = noise(&seed) % 100 < (i < 200000 ? 60 : 35);

        if (put) { /* or moved */
            n += segment[id] == 0;
            segment[id] = 1 + (uint32_t)(noise(&seed) % SEGMENTS);
            offset[id] = noise(&seed) % 1000 * 16;
            live_put(&l, id, 10, segment[id], offset[id]);
        } else {
            live_drop(&l, id);
            n -= segment[id] != 0;
            segment[id] = 0;
        }
        assert_int_equal(l.n, n);
        assert_int_equal(l.bytes, 10 * n);
    }
    for (uint64_t id = 1; id < IDS; id++) {
        assert_int_equal(live_has(&l, id), segment[id] != 0);
        assert_int_equal(live_find(&l, id, &p), segment[id] != 0);
        if (segment[id] != 0) {
            assert_int_equal(p.segment, segment[id]);
            assert_in_range(offset[id], p.from, p.last);
        }
    }
    assert_true(l.cap <= MAX(l.n * 16, (size_t)2048));
    live_done(&l);
}

static void neighbours_share_a_block(void **state)
{
    struct live l = {0};
    struct live_place p;

    (void)state;
    for (uint64_t count = 1; count <= 100000; count++)
        live_put(&l, count << 8 | 4, 100, 7, count * 16);
    assert_int_equal(l.n, 100000);
    assert_true(l.n_blocks <= 100000 / 32 + 1);
    assert_true(live_find(&l, 320ULL << 8 | 4, &p)); /* the first of a block */
    assert_int_equal(p.from, 320 * 16);
    assert_int_equal(p.last, 351 * 16);
    for (uint64_t count = 1; count <= 100000; count++)
        live_drop(&l, count << 8 | 4);
    assert_int_equal(l.n_blocks, 0);
    assert_int_equal(l.bytes, 0);
    live_done(&l);
}

static void sizes_that_differ_sum_up_to_nothing_in_the_end(void **state)
{
    struct live l = {0};

    (void)state;
    for (uint64_t count = 1; count <= 1000; count++)
        live_put(&l, count << 8, count * count, 1, 16);
    assert_int_equal(l.bytes, 1000ULL * 1001 * 2001 / 6);
    for (uint64_t count = 1000; count >= 1; count--)
        live_drop(&l, count << 8);
    assert_int_equal(l.bytes, 0);
    live_done(&l);
}

static void each_is_seen_once(void **state)
{
    struct live l = {0};

    (void)state;
    assert_false(live_see(&l, 5, 1));
    live_put(&l, 5, 10, 1, 16);
    assert_false(live_see(&l, 5, 2));
    assert_true(live_see(&l, 5, 1));
    assert_false(live_see(&l, 5, 1));
    live_unsee_all(&l);
    assert_true(live_see(&l, 5, 1));
    live_put(&l, 5, 10, 2, 16);
    assert_false(live_see(&l, 5, 1)); /* it stands elsewhere now */
    assert_true(live_see(&l, 5, 2));
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
        cmocka_unit_test(neighbours_share_a_block),
        cmocka_unit_test(sizes_that_differ_sum_up_to_nothing_in_the_end),
        cmocka_unit_test(each_is_seen_once),
        cmocka_unit_test(entries_are_read_as_they_were_written),
        cmocka_unit_test(half_an_entry_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
