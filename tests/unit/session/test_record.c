/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/session/test_record.c - what is noted, byte by byte; MQ.PR.SP-06 */
#include <stdlib.h>

#include "base/mem.h"
#include "session/record.h"
#include "unit/unit.h"

static struct bytes only_record(const struct batch *b)
{
    struct bytes rest = buf_view(&b->bytes);
    struct batch_entry e;

    assert_int_equal(batch_next(&rest, &e), BATCH_ENTRY);
    assert_int_equal(rest.len, 0);
    return e.record;
}

static void records_are_read_as_they_were_written_and_halves_are_none(void **state)
{
    const struct session_record r = {
        .number = 1ULL << 40,
        .left_unix_ms = 77,
        .expiry_s = UINT32_MAX,
        .level = 5,
        .home = 31,
        .by_password = true,
        .has_certificate = true,
        .client_id = BYTES("client"),
        .principal = BYTES(""),
        .certificate_cn = BYTES("cn"),
    };
    struct session_record back;
    struct batch b = {0};
    struct bytes record;

    (void)state;
    record_put_session(&b, 4, &r);
    record = only_record(&b);
    assert_true(record_get_session(record, &back));
    assert_true(back.number == r.number && back.left_unix_ms == 77 && back.home == 31);
    assert_true(back.by_password && !back.is_control && back.has_certificate);
    assert_bytes_equal(back.client_id, r.client_id);
    assert_bytes_equal(back.certificate_cn, r.certificate_cn);
    for (size_t len = 0; len < record.len; len++)
        assert_false(record_get_session(bytes_of(record.at, len), &back));
    buf_done(&b.bytes);
}

static void a_delivery_has_any_number_of_subscription_identifiers(void **state)
{
    static const uint32_t numbers[] = {0,     1, 17, UINT16_MAX - 1, UINT16_MAX, UINT16_MAX + 1,
                                       100000};
    uint32_t *ids = mem_zero(100000 * sizeof(*ids));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct delivery_record r = {.session = 1,
                                    .message = 4,
                                    .qos = 1,
                                    .retain = (uint8_t)(i % 3),
                                    .n_subids = numbers[i]};
        struct batch b = {0};
        struct delivery_record back;

        ids[numbers[i] > 0 ? numbers[i] - 1 : 0] = 268435455;
        record_put_delivery(&b, 8, &r, ids);
        assert_true(record_get_delivery(only_record(&b), &back));
        assert_int_equal(back.n_subids, numbers[i]);
        assert_int_equal(back.retain, r.retain);
        if (numbers[i] > 0)
            assert_int_equal(delivery_record_subid(&back, numbers[i] - 1), 268435455);
        buf_done(&b.bytes);
    }
    free(ids);
}

static void ids_say_what_they_are_about(void **state)
{
    uint64_t message = record_id((1ULL << RECORD_COUNT_BITS) - 1, RECORD_WORKERS_MAX - 1);

    (void)state;
    assert_true(intent_message(intent_id(message, 31)) == message);
    assert_int_equal(intent_outlet(intent_id(message, 31)), 31);
    assert_true(message >> 62 == 0 && intent_id(message, 31) >> 62 == 1);
    assert_true(received_session(received_id((1ULL << 45) - 1, 65535)) == (1ULL << 45) - 1);
    assert_true(received_id((1ULL << 45) - 1, 65535) >> 62 == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_as_they_were_written_and_halves_are_none),
        cmocka_unit_test(a_delivery_has_any_number_of_subscription_identifiers),
        cmocka_unit_test(ids_say_what_they_are_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
