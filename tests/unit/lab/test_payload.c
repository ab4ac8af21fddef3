/* SPDX-License-Identifier: Apache-2.0 */
/* test_payload.c - what the lab's messages say */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "lab/lab_private.h"

static void what_is_written_is_read(void **state)
{
    struct lab_state s = {.source_v = 120,
                          .meter_v = 119.976,
                          .meter_status = FEEDER_NORMAL,
                          .cap_is_known = true,
                          .cap_is_closed = true};
    struct lab_state got = {0};
    enum feeder_status status;
    double volts;
    bool is_closed;
    char *text;

    (void)state;
    text = payload_volts(114);
    assert_string_equal(text, "{\"volts\":114.0}");
    assert_true(payload_read_volts(bytes_str(text), &volts));
    assert_true(volts == 114);
    free(text);

    text = payload_meter(112.19689, FEEDER_LOW);
    assert_true(payload_read_meter(bytes_str(text), &volts, &status));
    assert_true(volts > 112.19 && volts < 112.21);
    assert_int_equal(status, FEEDER_LOW);
    free(text);

    text = payload_switch(true);
    assert_string_equal(text, "{\"position\":\"closed\"}");
    assert_true(payload_read_switch(bytes_str(text), &is_closed));
    assert_true(is_closed);
    free(text);

    text = payload_diagram(&s);
    assert_true(payload_read_diagram(bytes_str(text), &got));
    assert_true(got.source_v == 120 && got.cap_is_known && got.cap_is_closed);
    assert_int_equal(got.meter_status, FEEDER_NORMAL);
    free(text);
}

/* Any peer with the right to publish could send these. */
static void what_is_something_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"volts\":\"114\"}",
        "{\"volts\":null}",
        "{\"position\":\"shut\"}",
        "{\"position\":1}",
        "{\"volts\":114,\"volts\":115}",
        "{\"volts\":114} x",
    };
    double volts = 7;
    enum feeder_status status = FEEDER_HIGH;
    bool is_closed = true;
    struct lab_state s = {.source_v = 7};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        print_message("  %s\n", bad[i]);
        assert_false(payload_read_volts(bytes_str(bad[i]), &volts));
        assert_false(payload_read_meter(bytes_str(bad[i]), &volts, &status));
        assert_false(payload_read_switch(bytes_str(bad[i]), &is_closed));
        assert_false(payload_read_diagram(bytes_str(bad[i]), &s));
    }
    assert_true(volts == 7 && is_closed && s.source_v == 7 && status == FEEDER_HIGH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_something_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
