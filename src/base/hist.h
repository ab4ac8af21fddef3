/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hist.h - how often which value came: a log-linear histogram
 *
 * Each power of two is cut into HIST_STEPS equal steps, so a value is known to
 * less than 1 in HIST_STEPS, over all of 64 bits, in fixed memory.  Values have
 * no unit here.  Zero-initialised is valid and empty.
 */
#pragma once

#include "base/bytes.h"

#define HIST_STEP_BITS 7
#define HIST_STEPS     (1U << HIST_STEP_BITS)
#define HIST_COUNTS    ((64 - HIST_STEP_BITS + 1) * HIST_STEPS)

struct hist {
    uint64_t n;
    uint64_t max;
    uint64_t counts[HIST_COUNTS];
};

void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *to, const struct hist *from);
uint64_t hist_quantile(const struct hist *h, double q);
