/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "bench/private.h"
#include "unit/unit.h"

#define RUN   0x12345678U
#define N     5100
#define BLOCK 30 /* so that none is late by more than a track remembers */

static const struct stamp sent = {
    .due_ns = 123456789012345, .sequence = 77, .run = RUN, .publisher = 3, .topic = 4};

static void make(uint8_t *payload, size_t len)
{
    stamp_fill(payload, len);
    stamp_write(payload, sent, len);
}

static void what_was_sent_is_read(void **state)
{
    static const size_t lengths[] = {STAMP_BYTES, STAMP_BYTES + 1, 39, 40, 41, 64, 1000};
    uint8_t payload[1000];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct stamp s;

        make(payload, lengths[i]);
        assert_true(stamp_read(bytes_of(payload, lengths[i]), RUN, &s));
        assert_int_equal(s.due_ns, sent.due_ns);
        assert_int_equal(s.sequence, sent.sequence);
        assert_int_equal(s.publisher, sent.publisher);
        assert_int_equal(s.topic, sent.topic);
    }
}

static void any_changed_bit_is_found(void **state)
{
    uint8_t payload[100];
    struct stamp s;

    (void)state;
    make(payload, sizeof(payload));
    for (size_t bit = 0; bit < 8 * sizeof(payload); bit++) {
        payload[bit / 8] ^= (uint8_t)BIT(bit % 8);
        assert_false(stamp_read(bytes_of(payload, sizeof(payload)), RUN, &s));
        payload[bit / 8] ^= (uint8_t)BIT(bit % 8);
    }
}

static void any_missing_byte_is_found(void **state)
{
    uint8_t payload[100];
    struct stamp s;

    (void)state;
    make(payload, sizeof(payload));
    for (size_t len = 0; len < sizeof(payload); len++)
        assert_false(stamp_read(bytes_of(payload, len), RUN, &s));
}

static void a_payload_of_another_run_is_not_ours(void **state)
{
    uint8_t payload[64];
    struct stamp s;

    (void)state;
    make(payload, sizeof(payload));
    assert_false(stamp_read(bytes_of(payload, sizeof(payload)), RUN + 1, &s));
}

static const struct story {
    const char *name;
    uint64_t come[8];
    size_t n;
    enum tracked last;
    uint64_t n_missing; /* afterwards */
} stories[] = {
    {"the first", {0}, 1, TRACK_NEW, 0},
    {"in order", {0, 1, 2}, 3, TRACK_NEW, 0},
    {"the first is missing", {1}, 1, TRACK_NEW, 1},
    {"a gap", {0, 1, 4}, 3, TRACK_NEW, 2},
    {"a gap is closed", {0, 2, 1}, 3, TRACK_LATE, 0},
    {"the last twice", {0, 1, 1}, 3, TRACK_DUPLICATE, 0},
    {"an old one twice", {0, 1, 2, 3, 0}, 5, TRACK_DUPLICATE, 0},
    {"a late one twice", {0, 2, 1, 1}, 4, TRACK_DUPLICATE, 0},
    {"a very old one twice", {0, 1, 100, 1}, 4, TRACK_LATE, 97}, /* it fills one of 98 gaps */
    {"late by 64", {1, 65, 0}, 3, TRACK_LATE, 63},
    {"late by 65", {1, 66, 0}, 3, TRACK_LATE, 64},
    {"a jump of exactly the window", {0, 64, 0}, 3, TRACK_DUPLICATE, 63},
};

static void each_message_is_new_late_or_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        const struct story *t = &stories[i];
        struct track track = {0};
        enum tracked last = TRACK_NEW;

        print_message("  %s\n", t->name);
        for (size_t j = 0; j < t->n; j++)
            last = track_add(&track, t->come[j]);
        assert_int_equal(last, t->last);
        assert_int_equal(track.n_missing, t->n_missing);
    }
}

/* Shuffled in blocks, some dropped, some doubled: against a list of what has come. */
static void it_agrees_with_a_list_of_all(void **state)
{
    static uint64_t order[N];
    static bool has_come[N];
    struct track track = {0};
    uint64_t seed = 3, highest = 0, n_missing;
    size_t n_come = 0;

    (void)state;
    for (size_t i = 0; i < N; i++)
        order[i] = i;
    for (size_t i = 0; i < N; i++) {
        size_t block = i / BLOCK * BLOCK;
        size_t other = block + noise(&seed) % BLOCK;
        uint64_t swapped = order[i];

        order[i] = order[other];
        order[other] = swapped;
    }
    for (size_t i = 0; i < N; i++) {
        size_t times = noise(&seed) % 10 == 0 ? 0 : noise(&seed) % 10 == 0 ? 2 : 1;

        for (size_t j = 0; j < times; j++) {
            uint64_t s = order[i];
            enum tracked want = has_come[s]                 ? TRACK_DUPLICATE
                                : n_come > 0 && s < highest ? TRACK_LATE
                                                            : TRACK_NEW;

            assert_int_equal(track_add(&track, s), want);
            n_come += !has_come[s];
            has_come[s] = true;
            highest = MAX(highest, s);
        }
    }
    n_missing = highest + 1 - n_come;
    assert_int_equal(track.n_missing, n_missing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sent_is_read),
        cmocka_unit_test(any_changed_bit_is_found),
        cmocka_unit_test(any_missing_byte_is_found),
        cmocka_unit_test(a_payload_of_another_run_is_not_ours),
        cmocka_unit_test(each_message_is_new_late_or_twice),
        cmocka_unit_test(it_agrees_with_a_list_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
