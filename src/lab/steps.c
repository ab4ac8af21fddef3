/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/steps.c - the test lab scenario of Appendix A, sentence by sentence
 *
 * Each step causes the next one, so they can only come in this order.  What a
 * step has to show is computed from the feeder, not from what was said.
 */
#include "lab/lab_private.h"

#include <math.h>

#define MATCH_V 0.05

static bool is_near(double a, double b)
{
    return fabs(a - b) < MATCH_V;
}

/* Is the meter's voltage the one that physics gives for this source and this switch? */
static bool is_physical(const struct lab_state *s, double source_v, bool cap_is_closed)
{
    struct feeder f = feeder_default;

    f.source_v = source_v;
    f.cap_is_closed = cap_is_closed;
    return is_near(s->meter_v, feeder_meter_v(&f)) &&
           s->meter_status == feeder_status_of(s->meter_v);
}

static bool anything(const struct lab_state *s)
{
    (void)s;
    return true;
}

static bool source_is_low(const struct lab_state *s)
{
    return is_near(s->source_v, LAB_START_V);
}

static bool meter_is_low(const struct lab_state *s)
{
    return s->meter_status == FEEDER_LOW && is_physical(s, LAB_START_V, false);
}

static bool cap_is_open(const struct lab_state *s)
{
    return s->cap_is_known && !s->cap_is_closed;
}

static bool cap_is_closed(const struct lab_state *s)
{
    return s->cap_is_known && s->cap_is_closed;
}

static bool source_is_nominal(const struct lab_state *s)
{
    return is_near(s->source_v, LAB_PLANT_V);
}

static bool meter_is_raised(const struct lab_state *s)
{
    return s->meter_status == FEEDER_NORMAL && is_physical(s, LAB_PLANT_V, true);
}

static bool all_is_raised(const struct lab_state *s)
{
    return cap_is_closed(s) && source_is_nominal(s) && meter_is_raised(s);
}

static bool all_is_as_at_first(const struct lab_state *s)
{
    return cap_is_open(s) && source_is_nominal(s) && is_physical(s, LAB_PLANT_V, false);
}

/* clang-format off */
/* The initial state, which the scenario finds; also what later rounds go back to. */
const struct lab_step lab_prologue[] = {
    {LAB_TABLET_RESTORES, LAB_TABLET,   "Tablet UI asks for normal operation",                          anything},
    {LAB_TABLET_SHOWS,    LAB_TABLET,   "Tablet UI displays the initial state: capacitor bank open",    all_is_as_at_first},
};

const struct lab_step lab_steps[] = {
    {LAB_TABLET_SETS,     LAB_TABLET,   "Tablet UI publishes low voltage, 114 V, to the power supply",  anything},
    {LAB_SUPPLY_CHANGES,  LAB_SUPPLY,   "Power supply makes the change",                                source_is_low},
    {LAB_METER_PUBLISHES, LAB_METER,    "Smart meter sees low voltage and publishes its status change", meter_is_low},
    {LAB_DMS_TAKES_IN,    LAB_DMS,      "DMS updates its status",                                       meter_is_low},
    {LAB_DMS_SWITCHES,    LAB_DMS,      "DMS publishes a control command: close the capacitor bank",    cap_is_open},
    {LAB_CAP_SWITCHES,    LAB_CAP_BANK, "Cap bank controller publishes its status change: closed",      cap_is_closed},
    {LAB_DMS_REDRAWS,     LAB_DMS,      "DMS updates its single-line diagram",                          cap_is_closed},
    {LAB_DMS_RAISES,      LAB_DMS,      "DMS publishes raise voltage, 120 V, to the power supply",      cap_is_closed},
    {LAB_SUPPLY_CHANGES,  LAB_SUPPLY,   "Power supply makes the change",                                source_is_nominal},
    {LAB_METER_PUBLISHES, LAB_METER,    "Smart meter publishes its status change, 120 V",               meter_is_raised},
    {LAB_DMS_PUBLISHES,   LAB_DMS,      "DMS publishes the updated single-line diagram",                all_is_raised},
    {LAB_TABLET_SHOWS,    LAB_TABLET,   "Tablet UI displays it: capacitor bank closed, 120 V",          all_is_raised},
};
/* clang-format on */

const size_t lab_prologue_n = COUNT_OF(lab_prologue);
const size_t lab_steps_n = COUNT_OF(lab_steps);
