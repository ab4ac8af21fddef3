/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/topic_scan.h - what D07 and D08 have in common
 *
 * LC(256 bit, 60 s) of the topics of a client that are not in its Bloom filter,
 * whether they were accepted or refused.  What was accepted is learned, but for as
 * long as a finding on the client stands.
 */
#pragma once

#include "detect/detector.h"

struct topic_scan_rule {
    enum event_kind accepted;
    enum event_kind denied;
    double limit_learned;
    double limit_unlearned;
};

void *topic_scan_new(const struct topic_scan_rule *rule, const struct detect_settings *s);
void topic_scan_free(void *it);
void topic_scan_observe(void *it, struct judge *j, const struct event *e);
struct measure topic_scan_measure(const void *it, enum subject_kind kind, uint64_t key,
                                  uint64_t now_ns);
uint64_t topic_scan_shed(const void *it);
void topic_scan_forget(void *it, uint64_t client_key);
struct detect_learned topic_scan_learned(const void *it, uint64_t client_key);
