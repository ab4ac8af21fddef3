/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/feeder.h - a small distribution feeder, single-phase and in steady state
 *
 *     source ---- R + jX ----+---- meter, load G - jB
 *                            |
 *                            +---- capacitor bank jBc, when closed
 *
 * Pure: what stands on the bus and what does not, the physics is the same.
 */
#pragma once

#include <stdbool.h>

#define FEEDER_NOMINAL_V 120.0
/* ANSI C84.1, range A: nominal less and plus 5 %, at the service entrance */
#define FEEDER_LOW_V  114.0
#define FEEDER_HIGH_V 126.0
/* What the power supply can do. */
#define FEEDER_SOURCE_MIN_V 100.0
#define FEEDER_SOURCE_MAX_V 130.0

struct feeder {
    double source_v;
    double line_r_ohm;
    double line_x_ohm;
    double load_g_siemens;
    double load_b_siemens; /* inductive */
    double cap_b_siemens;  /* of the closed capacitor bank */
    bool cap_is_closed;
};

enum feeder_status {
    FEEDER_LOW,
    FEEDER_NORMAL,
    FEEDER_HIGH,
};

extern const struct feeder feeder_default;

double feeder_meter_v(const struct feeder *f);
double feeder_load_w(const struct feeder *f);
enum feeder_status feeder_status_of(double volts);
const char *feeder_status_text(enum feeder_status s);
