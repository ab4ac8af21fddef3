/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/topic_scan.h - what D07 and D08 have in common: many topics that are new to a client
 *
 * Of the topics that a client uses or tries, those that are new to it are counted,
 * different ones a minute.  Linear counting tells at most LINEAR_MAX: a limit beyond
 * that is never reached, which switches the detector off for the role; where only
 * the limit of "high" is beyond, a full count is high.
 */
#pragma once

#include "detect/detector.h"

struct topic_scan_rules {
    enum rule medium;
    enum rule high;
};

void topic_scan_observe(struct judge *j, const struct sight *s, enum rule medium);
/* @rules: of a client that is learned, and of one that is not yet. */
void topic_scan_measure(const struct judge *j, const struct record *r,
                        const struct topic_scan_rules rules[2], struct measure *m);
