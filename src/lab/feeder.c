/* SPDX-License-Identifier: Apache-2.0 */
/* lab/feeder.c - Ohm's law on a feeder */
#include "lab/feeder.h"

#include <complex.h>

/* A line that drops some 1.6 % under this load, and a bank that makes up for it. */
const struct feeder feeder_default = {
    .source_v = FEEDER_NOMINAL_V,
    .line_r_ohm = 0.2,
    .line_x_ohm = 0.4,
    .load_g_siemens = 0.04,
    .load_b_siemens = 0.02,
    .cap_b_siemens = 0.04,
};

/**
 * feeder_meter_v() - the voltage where the meter is, in volts RMS
 *
 * A voltage divider of the line's impedance and what hangs on its end:
 * V = E / |1 + Z Y|.
 */
double feeder_meter_v(const struct feeder *f)
{
    double _Complex z = f->line_r_ohm + f->line_x_ohm * I;
    double b = (f->cap_is_closed ? f->cap_b_siemens : 0) - f->load_b_siemens;
    double _Complex y = f->load_g_siemens + b * I;

    return f->source_v / cabs(1 + z * y);
}

/** feeder_load_w() - the power that the load takes, in watts */
double feeder_load_w(const struct feeder *f)
{
    double v = feeder_meter_v(f);

    return v * v * f->load_g_siemens;
}

/** feeder_status_of() - what a meter calls this voltage */
enum feeder_status feeder_status_of(double volts)
{
    if (volts < FEEDER_LOW_V)
        return FEEDER_LOW;
    return volts > FEEDER_HIGH_V ? FEEDER_HIGH : FEEDER_NORMAL;
}

/** feeder_status_text() - as it stands in a meter's message */
const char *feeder_status_text(enum feeder_status s)
{
    /* clang-format off */
    static const char *const texts[] = {
        [FEEDER_LOW]    = "low",
        [FEEDER_NORMAL] = "normal",
        [FEEDER_HIGH]   = "high",
    };
    /* clang-format on */

    return texts[s];
}
