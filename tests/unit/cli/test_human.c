/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/human.h"

#define MIN_MS  60000ULL
#define HOUR_MS (60 * MIN_MS)
#define DAY_MS  (24 * HOUR_MS)

static void assert_buf(struct buf *b, const char *expected)
{
    buf_add_u8(b, 0);
    assert_string_equal((const char *)b->at, expected);
    buf_done(b);
    *b = (struct buf){0};
}

static void line_ends_stay_where_lines_are_meant(void **state)
{
    struct buf b = {0};

    (void)state;
    human_lines(&b, BYTES("one\ntwo\x1b\n\nend"));
    assert_buf(&b, "one\ntwo\\x1b\n\nend");
    human_lines(&b, BYTES("a,b\x9b\r\n\r\nc\rd\r\n"));
    assert_buf(&b, "a,b\\x9b\r\n\r\nc\\x0dd\r\n");
    human_lines(&b, BYTES(""));
    assert_buf(&b, "");
}

static void columns_are_counted_as_a_terminal_does(void **state)
{
    (void)state;
    assert_int_equal(human_columns(BYTES("meter")), 5);
    assert_int_equal(human_columns(BYTES("Zähler")), 6);
    assert_int_equal(human_columns(BYTES("水位")), 4);
    assert_int_equal(human_columns(BYTES("e\xcc\x81")), 1);
}

/* clang-format off */
static const struct {
    uint64_t span_ms;
    const char *shown;
} spans[] = {
    {0,                "0 s"},      {999,              "0 s"},
    {119999,           "119 s"},    {2 * MIN_MS,       "2 min"},
    {119 * MIN_MS,     "119 min"},  {2 * HOUR_MS,      "2 h"},
    {47 * HOUR_MS,     "47 h"},     {48 * HOUR_MS,     "2 days"},
    {400 * DAY_MS + 1, "400 days"},
};
/* clang-format on */

static void a_span_is_told_in_the_unit_that_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        struct buf b = {0};

        human_span(&b, spans[i].span_ms);
        assert_buf(&b, spans[i].shown);
    }
}

static void the_past_and_the_future_are_told_from_now(void **state)
{
    const uint64_t now = 1000 * DAY_MS;
    struct buf b = {0};

    (void)state;
    human_ago(&b, now - 3 * MIN_MS, now);
    assert_buf(&b, "3 min ago");
    human_ago(&b, now + 5000, now);
    assert_buf(&b, "now");
    human_ago(&b, 0, now);
    assert_buf(&b, "-");
    human_until(&b, now + 10 * MIN_MS - 1, now, "never");
    assert_buf(&b, "in 10 min");
    human_until(&b, now, now, "never");
    assert_buf(&b, "over");
    human_until(&b, 0, now, "never");
    assert_buf(&b, "never");
}

static void sizes_are_told_in_binary_units(void **state)
{
    struct buf b = {0};

    (void)state;
    human_bytes(&b, 1023);
    assert_buf(&b, "1023 B");
    human_bytes(&b, 1536);
    assert_buf(&b, "1.5 KiB");
    human_bytes(&b, 16777216);
    assert_buf(&b, "16.0 MiB");
    human_bytes(&b, UINT64_MAX);
    assert_buf(&b, "16777216.0 TiB");
}

static void small_numbers_have_two_digits(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0, "0"},      {0.0003, "<0.001"}, {0.0167, "0.017"}, {0.4986, "0.5"},
                 {2.54, "2.5"}, {9.96, "10"},       {60, "60"},        {1234.6, "1235"}};
    struct buf b = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        human_decimal(&b, cases[i].number);
        assert_buf(&b, cases[i].text);
    }
}

/* clang-format off */
static const struct {
    const char *text;
    uint64_t s; /* 0: refused */
} durations[] = {
    {"90s", 90}, {"10m", 600}, {"1h30m", 5400}, {"2d", 172800}, {"3660d", 3660ULL * 86400},
    {"", 0}, {"10", 0}, {"m", 0}, {"1w", 0}, {"0s", 0}, {"-5m", 0}, {"1.5h", 0}, {" 1h", 0},
    {"1h ", 0}, {"3661d", 0}, {"99999999999999999999d", 0}, {"10M", 0},
};
/* clang-format on */

static void a_duration_needs_its_unit_and_has_a_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        uint64_t s = 0;

        print_message("  \"%s\"\n", durations[i].text);
        assert_int_equal(human_span_parse(durations[i].text, &s), durations[i].s != 0);
        assert_int_equal(s, durations[i].s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends_stay_where_lines_are_meant),
        cmocka_unit_test(columns_are_counted_as_a_terminal_does),
        cmocka_unit_test(a_span_is_told_in_the_unit_that_fits),
        cmocka_unit_test(the_past_and_the_future_are_told_from_now),
        cmocka_unit_test(sizes_are_told_in_binary_units),
        cmocka_unit_test(small_numbers_have_two_digits),
        cmocka_unit_test(a_duration_needs_its_unit_and_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
