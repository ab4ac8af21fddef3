/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_shape.c - what a payload looks like */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "detect/detect.h"

static uint32_t shape(const char *payload)
{
    return detect_shape(bytes_str(payload)).shape;
}

static void
the_same_keys_are_the_same_shape_in_whatever_order_and_with_whatever_values(void **state)
{
    (void)state;
    assert_int_equal(shape("{\"volts\": 119.8, \"phase\": \"a\"}"),
                     shape("{\"phase\":\"b\",\"volts\":1}"));
    assert_int_equal(shape("{\"a\": {\"x\": 1}, \"b\": [1, {\"y\": 2}]}"),
                     shape("{\"a\": {\"z\": \"}\"}, \"b\": []}"));
    assert_int_equal(shape("{\"a\\\"b\": 1}"), shape("{\"a\\\"b\": \"{\"}"));
    assert_int_not_equal(shape("{\"volts\": 1}"), shape("{\"amps\": 1}"));
    assert_int_not_equal(shape("{\"volts\": 1}"), shape("{\"volts\": 1, \"amps\": 1}"));
}

static void numbers_text_and_binary_differ(void **state)
{
    const uint32_t shapes[] = {shape("119.8"), shape("open"), shape("\x01\x02"), shape("{}")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        assert_int_not_equal(shapes[i], 0);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(shapes[i], shapes[k]);
    }
    assert_int_equal(shape("-1e3"), shape("7"));
    assert_int_equal(shape("{"), shape("{"));
}

static void nothing_and_what_is_large_has_no_shape(void **state)
{
    uint8_t *large = mem_zero(5000);

    (void)state;
    assert_int_equal(shape(""), 0);
    assert_int_equal(detect_shape(bytes_of(large, 5000)).shape, 0);
    assert_int_not_equal(detect_shape(bytes_of(large, 4096)).shape, 0);
    free(large);
}

/* In 1/16 bit: one byte again and again has none, 256 different ones have 8 bit. */
static void entropy_is_that_of_the_first_256_bytes(void **state)
{
    uint8_t all[256];

    (void)state;
    for (unsigned i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    assert_int_equal(detect_shape(BYTES("aaaaaaaa")).entropy, 0);
    assert_int_equal(detect_shape(BYTES("abababab")).entropy, 16);
    assert_int_equal(detect_shape(bytes_of(all, sizeof(all))).entropy, 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_same_keys_are_the_same_shape_in_whatever_order_and_with_whatever_values),
        cmocka_unit_test(numbers_text_and_binary_differ),
        cmocka_unit_test(nothing_and_what_is_large_has_no_shape),
        cmocka_unit_test(entropy_is_that_of_the_first_256_bytes),
    };

    hash_key_set(13, 14); /* the same hashes each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
