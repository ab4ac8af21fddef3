/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/show.h"

#define NOW 10000000ULL

/* clang-format off */
static const struct show_field fields[] = {
    {"CLIENT", "client_id", SHOW_TEXT},
    {"SINCE",  "since",     SHOW_AGO},
    {"QUEUE",  "queue",     SHOW_NUMBER},
    {"SIZE",   "size",      SHOW_BYTES},
    {"ENDS",   "ends",      SHOW_LIFTED},
    {"OVER",   "over",      SHOW_UNTIL},
    {"TLS",    "tls",       SHOW_YES},
};
/* clang-format on */

static void assert_shown(struct buf *b, const char *expected)
{
    buf_add_u8(b, 0);
    assert_string_equal((const char *)b->at, expected);
    buf_done(b);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    struct buf b = {0};
    json_t *a = json_array();

    (void)state;
    json_array_append_new(a, json_pack("{s:s, s:I, s:f, s:i, s:i, s:i, s:b}", "client_id", "Zähler",
                                       "since", (json_int_t)(NOW - 5000), "queue", 6.7, "size", 0,
                                       "ends", 0, "over", 0, "tls", 1));
    json_array_append_new(a,
                          json_pack("{s:s, s:I, s:i, s:i, s:I, s:i, s:b}", "client_id", "a\x1b",
                                    "since", (json_int_t)(NOW - 240000), "queue", 12345, "size",
                                    2048, "ends", (json_int_t)(NOW + 1000), "over", 5, "tls", 0));
    show_table(&b, a, fields, COUNT_OF(fields), NOW, 0);
    assert_shown(&b, "CLIENT  SINCE      QUEUE     SIZE  ENDS         OVER  TLS\n"
                     "Zähler  5 s ago        7      0 B  when lifted  -     yes\n"
                     "a\\x1b   4 min ago  12345  2.0 KiB  in 1 s       over  no\n");
    json_decref(a);
}

static void a_long_name_widens_its_own_line_only(void **state)
{
    static const struct show_field two[] = {{"CLIENT", "client_id", SHOW_TEXT},
                                            {"QUEUE", "queue", SHOW_NUMBER}};
    const char longer[] = "12345678901234567890123456789012345678901234567890123456789012345";
    struct buf b = {0};
    json_t *a = json_pack("[{s:s, s:i}, {s:s, s:i}]", "client_id", longer, "queue", 1, "client_id",
                          "short", "queue", 2);

    (void)state;
    show_table(&b, a, two, COUNT_OF(two), NOW, 0);
    assert_shown(&b, "CLIENT                                            QUEUE\n"
                     "12345678901234567890123456789012345678901234567890123456789012345      1\n"
                     "short                                                 2\n");
    json_decref(a);
}

static void what_is_handed_over_has_its_date(void **state)
{
    static const struct show_field both[] = {{"Began", "at", SHOW_BOTH},
                                             {"Noted", "at", SHOW_DATE}};
    struct buf b = {0};
    json_t *o = json_pack("{s:I}", "at", (json_int_t)(NOW - 5000));

    (void)state;
    show_object(&b, o, both, COUNT_OF(both), NOW);
    assert_shown(&b, "Began  1970-01-01T02:46:35.000Z, 5 s ago\nNoted  1970-01-01T02:46:35.000Z\n");
    json_decref(o);
}

static void what_is_absent_null_or_empty_is_a_dash(void **state)
{
    struct buf b = {0};
    json_t *a = json_pack("[{s:s, s:n, s:i}]", "client_id", "", "since", "queue", 0);

    (void)state;
    show_table(&b, a, fields, COUNT_OF(fields), NOW, 0);
    assert_shown(&b, "CLIENT  SINCE  QUEUE  SIZE  ENDS  OVER  TLS\n"
                     "-       -          0     -  -     -     -\n");
    json_decref(a);
}

static void a_long_text_is_cut_to_the_terminal_but_not_the_last(void **state)
{
    static const struct show_field columns[] = {
        {"CLIENT", "client_id", SHOW_TEXT},
        {"QUEUE", "queue", SHOW_NUMBER},
        {"REASON", "reason", SHOW_TEXT},
    };
    struct buf b = {0};
    json_t *a = json_pack("[{s:s, s:i, s:s}, {s:s, s:i, s:s}]", "client_id",
                          "電圧電圧電圧電圧電圧電圧", "queue", 7, "reason", "as long as it is",
                          "client_id", "m1", "queue", 0, "reason", "x");

    (void)state;
    show_table(&b, a, columns, COUNT_OF(columns), NOW, 44);
    assert_shown(&b, "CLIENT               QUEUE  REASON\n"
                     "電圧電圧電圧電圧電…      7  as long as it is\n"
                     "m1                       0  x\n");
    show_table(&b, a, columns, COUNT_OF(columns), NOW, 5); /* wraps then */
    assert_shown(&b, "CLIENT            QUEUE  REASON\n"
                     "電圧電圧電圧電…       7  as long as it is\n"
                     "m1                    0  x\n");
    json_decref(a);
}

static void an_object_leaves_out_what_it_does_not_have(void **state)
{
    struct buf b = {0};
    json_t *o = json_pack("{s:s, s:i}", "client_id", "m1", "size", 1024);

    (void)state;
    show_object(&b, o, fields, COUNT_OF(fields), NOW);
    assert_shown(&b, "CLIENT  m1\nSIZE    1.0 KiB\n");
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_long_name_widens_its_own_line_only),
        cmocka_unit_test(what_is_handed_over_has_its_date),
        cmocka_unit_test(what_is_absent_null_or_empty_is_a_dash),
        cmocka_unit_test(a_long_text_is_cut_to_the_terminal_but_not_the_last),
        cmocka_unit_test(an_object_leaves_out_what_it_does_not_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
