/* SPDX-License-Identifier: Apache-2.0 */
/* test_diagram.c - the single-line diagram, character by character */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lab/lab_private.h"

static const struct lab_state low = {
    .source_v = 114, .meter_v = 112.2, .meter_status = FEEDER_LOW, .cap_is_known = true};
static const struct lab_state raised = {.source_v = 120,
                                        .meter_v = 119.98,
                                        .meter_status = FEEDER_NORMAL,
                                        .cap_is_known = true,
                                        .cap_is_closed = true};

static void assert_drawn(const struct lab_state *s, bool is_ascii, const char *expected)
{
    struct buf out = {0};

    diagram_draw(&out, s, is_ascii, /* has_colours= */ false);
    buf_add_u8(&out, 0);
    assert_string_equal((const char *)out.at, expected);
    buf_done(&out);
}

static void an_open_bank_hangs_loose(void **state)
{
    (void)state;
    assert_drawn(&low, true,
                 "  +----------------+                     +----------------+\n"
                 "  | power supply   |                     | smart meter    |\n"
                 "  | 114.0 V        |----------o----------| 112.2 V low    |---> load\n"
                 "  +----------------+          |          +----------------+\n"
                 "                              / open\n"
                 "                              |\n"
                 "                            ===== capacitor bank\n"
                 "                              =\n");
}

static void a_closed_bank_is_a_line(void **state)
{
    (void)state;
    assert_drawn(&raised, false,
                 "  ┌────────────────┐                     ┌────────────────┐\n"
                 "  │ power supply   │                     │ smart meter    │\n"
                 "  │ 120.0 V        │──────────●──────────│ 120.0 V normal │───▶ load\n"
                 "  └────────────────┘          │          └────────────────┘\n"
                 "                              │ closed\n"
                 "                              │\n"
                 "                            ━━┷━━ capacitor bank\n"
                 "                              ⏚\n");
}

static void ascii_is_ascii_and_colours_only_come_when_asked_for(void **state)
{
    struct buf out = {0};

    (void)state;
    diagram_draw(&out, &raised, true, false);
    for (size_t i = 0; i < out.len; i++)
        assert_true(out.at[i] < 0x80 && out.at[i] != '\033');
    diagram_draw(&out, &raised, true, true);
    assert_non_null(memchr(out.at, '\033', out.len));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_bank_hangs_loose),
        cmocka_unit_test(a_closed_bank_is_a_line),
        cmocka_unit_test(ascii_is_ascii_and_colours_only_come_when_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
