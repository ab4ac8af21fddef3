/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the ward as bytes: what is one, what is none, and what may be done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ward/ward.h"

static struct ward_request request_of(enum ward_verb verb, const char *prefix, uint32_t seconds)
{
    struct ward_request r = {.verb = verb, .seconds = seconds};

    if (prefix != NULL)
        assert_null(prefix_parse(prefix, &r.prefix));
    return r;
}

static void a_request_is_what_it_was_encoded_from(void **state)
{
    static const struct {
        enum ward_verb verb;
        const char *prefix;
        uint32_t seconds;
    } cases[] = {
        {WARD_PING, NULL, 0},
        {WARD_BLOCK, "192.0.2.1", 600},
        {WARD_BLOCK, "192.0.2.0/24", 1},
        {WARD_BLOCK, "2001:db8::/32", WARD_SECONDS_MAX},
        {WARD_UNBLOCK, "2001:db8::1", 0},
        {WARD_CLEAR, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ward_request r = request_of(cases[i].verb, cases[i].prefix, cases[i].seconds);
        struct ward_request again = {0};
        uint8_t bytes[WARD_REQUEST_BYTES];

        ward_request_encode(&r, bytes);
        assert_true(ward_request_decode(bytes, &again));
        assert_int_equal(again.verb, r.verb);
        assert_int_equal(again.seconds, r.seconds);
        assert_memory_equal(&again.prefix, &r.prefix, sizeof(r.prefix));
    }
}

static void each_field_of_a_request_is_checked(void **state)
{
    static const struct {
        const char *what;
        enum ward_verb verb;
        const char *prefix;
        uint32_t seconds;
        size_t at;
        uint8_t value;
    } cases[] = {
        {"another version", WARD_BLOCK, "192.0.2.1", 60, 3, '2'},
        {"a verb that is none", WARD_BLOCK, "192.0.2.1", 60, 4, WARD_VERB_N},
        {"a prefix longer than an address", WARD_BLOCK, "192.0.2.1", 60, 5, 129},
        {"bits past the prefix", WARD_BLOCK, "192.0.2.1", 60, 5, 120},
        {"something in a spare field", WARD_BLOCK, "192.0.2.1", 60, 6, 1},
        {"something in the other", WARD_BLOCK, "192.0.2.1", 60, 7, 1},
        {"a ping with an address", WARD_PING, NULL, 0, 8, 1},
        {"a ping with a prefix", WARD_PING, NULL, 0, 5, 1},
        {"a ping with a time", WARD_PING, NULL, 0, 27, 1},
        {"an unblock with a time", WARD_UNBLOCK, "192.0.2.1", 0, 27, 1},
        {"a clear with an address", WARD_CLEAR, NULL, 0, 20, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ward_request r = request_of(cases[i].verb, cases[i].prefix, cases[i].seconds);
        struct ward_request untouched = {.seconds = 77};
        uint8_t bytes[WARD_REQUEST_BYTES];

        ward_request_encode(&r, bytes);
        bytes[cases[i].at] = cases[i].value;
        if (ward_request_decode(bytes, &untouched))
            fail_msg("%s: was taken", cases[i].what);
        assert_int_equal(untouched.seconds, 77);
    }
}

static void what_would_harm_is_refused(void **state)
{
    static const struct {
        enum ward_verb verb;
        const char *prefix;
        uint32_t seconds;
        enum ward_answer answer;
    } cases[] = {
        {WARD_BLOCK, "192.0.2.7", 600, WARD_OK},
        {WARD_BLOCK, "198.51.0.0/16", 600, WARD_OK},
        {WARD_BLOCK, "198.50.0.0/15", 600, WARD_E_PREFIX},
        {WARD_BLOCK, "0.0.0.0/0", 600, WARD_E_PREFIX},
        {WARD_BLOCK, "::/0", 600, WARD_E_PREFIX},
        {WARD_BLOCK, "2001:db8::/32", 600, WARD_OK},
        {WARD_BLOCK, "2001:d00::/24", 600, WARD_E_PREFIX},
        {WARD_BLOCK, "127.0.0.1", 600, WARD_E_SPECIAL},
        {WARD_BLOCK, "127.9.0.0/16", 600, WARD_E_SPECIAL},
        {WARD_BLOCK, "0.0.0.0", 600, WARD_E_SPECIAL},
        {WARD_BLOCK, "239.1.2.3", 600, WARD_E_SPECIAL},
        {WARD_BLOCK, "::1", 600, WARD_E_SPECIAL},
        {WARD_BLOCK, "ff02::1", 600, WARD_E_SPECIAL},
        {WARD_BLOCK, "203.0.113.9", 600, WARD_E_NEVER},
        {WARD_BLOCK, "203.0.113.9/32", 600, WARD_E_NEVER},
        {WARD_BLOCK, "203.0.0.0/16", 600, WARD_E_NEVER},
        {WARD_BLOCK, "192.0.2.7", 0, WARD_E_SECONDS},
        {WARD_BLOCK, "192.0.2.7", WARD_SECONDS_MAX + 1, WARD_E_SECONDS},
        {WARD_UNBLOCK, "203.0.113.9", 0, WARD_OK},
        {WARD_PING, NULL, 0, WARD_OK},
        {WARD_CLEAR, NULL, 0, WARD_OK},
    };
    struct address never;

    (void)state;
    assert_null(prefix_parse("203.0.113.0/24", &never));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ward_request r = request_of(cases[i].verb, cases[i].prefix, cases[i].seconds);
        enum ward_answer a = ward_request_judge(&r, &never, 1);

        if (a != cases[i].answer)
            fail_msg("%s %s: %s", ward_verb_text(r.verb),
                     cases[i].prefix != NULL ? cases[i].prefix : "", ward_answer_text(a));
    }
}

static void an_answer_is_what_it_was_encoded_from(void **state)
{
    const struct ward_reply r = {.answer = WARD_E_OVERLAP, .n_blocks = 4096};
    struct ward_reply again = {0};
    uint8_t bytes[WARD_ANSWER_BYTES];

    (void)state;
    ward_reply_encode(&r, bytes);
    assert_true(ward_reply_decode(bytes, &again));
    assert_int_equal(again.answer, WARD_E_OVERLAP);
    assert_int_equal(again.n_blocks, 4096);
    bytes[4] = WARD_ANSWER_N;
    assert_false(ward_reply_decode(bytes, &again));
    bytes[4] = WARD_OK;
    bytes[0]++;
    assert_false(ward_reply_decode(bytes, &again));
}

static void nobody_answers_where_no_ward_is(void **state)
{
    const struct ward_request r = {.verb = WARD_PING};

    (void)state;
    assert_int_equal(ward_ask("/nowhere/ward.sock", &r).answer, WARD_E_NOBODY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_what_it_was_encoded_from),
        cmocka_unit_test(each_field_of_a_request_is_checked),
        cmocka_unit_test(what_would_harm_is_refused),
        cmocka_unit_test(an_answer_is_what_it_was_encoded_from),
        cmocka_unit_test(nobody_answers_where_no_ward_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
