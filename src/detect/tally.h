/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/tally.h - a detector that counts one thing in a window
 *
 * Its slot is a struct tally.  Private to detect.
 */
#pragma once

#include "detect/detector.h"

struct tally {
    struct window window;
};

/* Count @n more of @r, with the event's topic as sample, and judge it; @r may be NULL. */
void tally(struct judge *j, const struct sight *s, struct record *r, enum rule rule, double n);
void measure_tally(const struct judge *j, const struct record *r, enum rule least, enum rule most,
                   struct measure *m);
