/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/samples.h - a few topics or addresses to show with a finding
 *
 * Fixed memory: each subject of each detector has one possible place; a subject that finds
 * another's there takes it over.  Evidence may be lost so, a finding never.
 */
#pragma once

#include "detect/detect.h"

struct samples {
    uint64_t key;
    unsigned n;    /* at most DETECT_SAMPLES_MAX */
    unsigned next; /* the oldest, once full */
    char text[DETECT_SAMPLES_MAX][DETECT_SAMPLE_BYTES_MAX];
};

struct samples *samples_new(void);
void samples_keep(struct samples *all, uint64_t key, struct bytes text);
const struct samples *samples_of(const struct samples *all, uint64_t key);
void sample_cut(struct bytes text, char ret[DETECT_SAMPLE_BYTES_MAX]);
