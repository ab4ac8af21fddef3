/* SPDX-License-Identifier: Apache-2.0 */
/* test_feeder.c - the physics of the lab */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "lab/feeder.h"

static void assert_near(double a, double b, double within)
{
    if (fabs(a - b) > within)
        fail_msg("%.6f is not within %g of %.6f", a, within, b);
}

static struct feeder feeder(double source_v, bool cap_is_closed)
{
    struct feeder f = feeder_default;

    f.source_v = source_v;
    f.cap_is_closed = cap_is_closed;
    return f;
}

static void without_load_nothing_is_lost(void **state)
{
    struct feeder f = feeder(117, false);

    (void)state;
    f.load_g_siemens = f.load_b_siemens = 0;
    assert_near(feeder_meter_v(&f), 117, 1e-9);
    assert_near(feeder_load_w(&f), 0, 1e-9);
}

static void a_resistive_line_and_load_are_a_voltage_divider(void **state)
{
    struct feeder f = {.source_v = 120, .line_r_ohm = 1, .load_g_siemens = 1.0 / 3};

    (void)state;
    assert_near(feeder_meter_v(&f), 90, 1e-9);
    assert_near(feeder_load_w(&f), 2700, 1e-6);
}

/* |1 + jX * jB| = |1 - XB|: an unloaded line with a capacitor at its end rises (Ferranti). */
static void a_capacitor_raises_the_voltage_of_an_inductive_line(void **state)
{
    struct feeder f = {
        .source_v = 100, .line_x_ohm = 1, .cap_b_siemens = 0.2, .cap_is_closed = true};

    (void)state;
    assert_near(feeder_meter_v(&f), 125, 1e-9);
    f.cap_is_closed = false;
    assert_near(feeder_meter_v(&f), 100, 1e-9);
}

static void the_voltage_follows_the_source(void **state)
{
    struct feeder one = feeder(60, true);
    struct feeder two = feeder(120, true);

    (void)state;
    assert_near(2 * feeder_meter_v(&one), feeder_meter_v(&two), 1e-9);
}

/* What Appendix A says, from the numbers of the lab's own feeder. */
static void the_scenario_is_physically_possible(void **state)
{
    struct feeder start = feeder(120, false);
    struct feeder low = feeder(114, false);
    struct feeder closed = feeder(114, true);
    struct feeder raised = feeder(120, true);

    (void)state;
    assert_int_equal(feeder_status_of(feeder_meter_v(&start)), FEEDER_NORMAL);
    assert_int_equal(feeder_status_of(feeder_meter_v(&low)), FEEDER_LOW);
    assert_true(feeder_meter_v(&closed) > feeder_meter_v(&low) + 1); /* the bank helps ... */
    assert_int_equal(feeder_status_of(feeder_meter_v(&closed)), FEEDER_LOW); /* ... not enough */
    assert_int_equal(feeder_status_of(feeder_meter_v(&raised)), FEEDER_NORMAL);
    assert_near(feeder_meter_v(&raised), 120, 0.1);
}

static void the_limits_are_those_of_range_a(void **state)
{
    (void)state;
    assert_int_equal(feeder_status_of(113.99), FEEDER_LOW);
    assert_int_equal(feeder_status_of(114), FEEDER_NORMAL);
    assert_int_equal(feeder_status_of(126), FEEDER_NORMAL);
    assert_int_equal(feeder_status_of(126.01), FEEDER_HIGH);
    assert_string_equal(feeder_status_text(FEEDER_LOW), "low");
    assert_string_equal(feeder_status_text(FEEDER_HIGH), "high");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_load_nothing_is_lost),
        cmocka_unit_test(a_resistive_line_and_load_are_a_voltage_divider),
        cmocka_unit_test(a_capacitor_raises_the_voltage_of_an_inductive_line),
        cmocka_unit_test(the_voltage_follows_the_source),
        cmocka_unit_test(the_scenario_is_physically_possible),
        cmocka_unit_test(the_limits_are_those_of_range_a),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
