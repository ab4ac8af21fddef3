/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_utf8.c - text against a naive reader */
#include "cases.h"
#include "naive.h"

static void text_of_every_length_of_character_is_good(void **state)
{
    static const struct bytes good[] = {
        BYTES(""),
        BYTES("a"),
        BYTES("\x01\x1f\x7f"),
        BYTES("\xc2\x80\xdf\xbf"),
        BYTES("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
        BYTES("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
        BYTES("\xef\xbb\xbf"), /* [MQTT5-1.5.4-3] */
        BYTES("eight by\xc3\xa9ight by\xe2\x82\xac"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct bytes s = exact(good[i]);

        assert_true(wire_utf8_valid(s));
        exact_free(s);
    }
}

static void what_is_not_text_is_refused_at_each_place(void **state)
{
    static const struct {
        const char *rule;
        struct bytes text;
    } bad[] = {
        {"[MQTT5-1.5.4-2] U+0000", BYTES("\0")},
        {"[MQTT5-1.5.4-1] the first surrogate", BYTES("\xed\xa0\x80")},
        {"[MQTT5-1.5.4-1] the last surrogate", BYTES("\xed\xbf\xbf")},
        {"two bytes for U+0000", BYTES("\xc0\x80")},
        {"two bytes for U+007F", BYTES("\xc1\xbf")},
        {"three bytes for U+07FF", BYTES("\xe0\x9f\xbf")},
        {"four bytes for U+FFFF", BYTES("\xf0\x8f\xbf\xbf")},
        {"above U+10FFFF", BYTES("\xf4\x90\x80\x80")},
        {"a lead byte that is none", BYTES("\xf5\x80\x80\x80")},
        {"five bytes", BYTES("\xf8\x88\x80\x80\x80")},
        {"continuation first", BYTES("\x80")},
        {"cut after one of two", BYTES("\xc3")},
        {"cut after two of three", BYTES("\xe2\x82")},
        {"cut after three of four", BYTES("\xf0\x9f\x92")},
        {"second byte is ASCII", BYTES("\xc3(")},
        {"third byte is ASCII", BYTES("\xe2\x82(")},
        {"fourth byte is ASCII", BYTES("\xf0\x9f\x92(")},
        {"0xff", BYTES("\xff")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        print_message("  %s\n", bad[i].rule);
        for (size_t before = 0; before < 20; before++) {
            struct buf text = {0};
            struct bytes s;

            buf_add(&text, bytes_of("abcdefghijklmnopqrst", before));
            buf_add(&text, bad[i].text);
            s = exact(buf_view(&text));
            assert_false(wire_utf8_valid(s));
            exact_free(s);
            buf_done(&text);
        }
    }
}

static void each_two_bytes_are_judged_as_the_naive_reader_judges_them(void **state)
{
    (void)state;
    for (unsigned v = 0; v <= 0xffff; v++) {
        uint8_t pair[2] = {(uint8_t)(v >> 8), (uint8_t)v};

        assert_int_equal(wire_utf8_valid(bytes_of(pair, 2)), naive_utf8(bytes_of(pair, 2)));
    }
}

static void each_lead_and_second_byte_is_judged_as_the_naive_reader_judges_them(void **state)
{
    (void)state;
    for (unsigned v = 0xc000; v <= 0xffff; v++) {
        uint8_t four[4] = {(uint8_t)(v >> 8), (uint8_t)v, 0x80, 0xbf};

        for (size_t len = 2; len <= 4; len++)
            assert_int_equal(wire_utf8_valid(bytes_of(four, len)), naive_utf8(bytes_of(four, len)));
    }
}

static void pseudo_random_text_is_judged_as_the_naive_reader_judges_it(void **state)
{
    static const char *const pieces[] = {"a",
                                         "plain text",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xed\x9f\xbf",
                                         "\xf0\x9f\x92\xa1",
                                         "\xed\xa0\x80",
                                         "\xff",
                                         "\xe2\x82"};
    uint64_t x = 88172645463325252ULL;
    unsigned n_good = 0;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct buf text = {0};
        bool good;

        for (unsigned i = 0; i < 1 + round % 12; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            /* The last three are bad, and rare so that long good texts come up. */
            buf_add(&text, bytes_str(pieces[x % 64 < 3 ? 6 + x % 64 : x % 6]));
        }
        good = naive_utf8(buf_view(&text));
        n_good += good;
        assert_int_equal(wire_utf8_valid(buf_view(&text)), good);
        buf_done(&text);
    }
    assert_in_range(n_good, 10000, 19000);
}

static void the_text_of_a_payload_may_have_zeros(void **state)
{
    (void)state;
    assert_true(wire_text_valid(BYTES_NONE));
    assert_true(wire_text_valid(BYTES("a\0\0b\xc3\xa9\0")));
    assert_true(wire_text_valid(BYTES("\0")));
    assert_false(wire_text_valid(BYTES("a\0\xc3")));
    assert_false(wire_text_valid(BYTES("\xc3\0\xa9")));
    assert_false(wire_text_valid(BYTES("\xed\xa0\x80\0")));
}

static void text_that_was_cut_off_ends_with_a_whole_character(void **state)
{
    struct bytes text = BYTES("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xa1");

    (void)state;
    for (size_t len = 0; len <= text.len; len++) {
        size_t whole = wire_utf8_whole_len(bytes_of(text.at, len));

        assert_true(whole <= len && len - whole < 4);
        assert_true(wire_utf8_valid(bytes_of(text.at, whole)));
        assert_true(whole == text.len || (text.at[whole] & 0xc0) != 0x80);
    }
    assert_int_equal(wire_utf8_whole_len(BYTES("a\xff no text")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_of_a_payload_may_have_zeros),
        cmocka_unit_test(text_that_was_cut_off_ends_with_a_whole_character),
        cmocka_unit_test(text_of_every_length_of_character_is_good),
        cmocka_unit_test(what_is_not_text_is_refused_at_each_place),
        cmocka_unit_test(each_two_bytes_are_judged_as_the_naive_reader_judges_them),
        cmocka_unit_test(each_lead_and_second_byte_is_judged_as_the_naive_reader_judges_them),
        cmocka_unit_test(pseudo_random_text_is_judged_as_the_naive_reader_judges_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
