/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/detector.h - what a detector is made of; private to detect
 *
 * A detector is one file that ends in a const struct detector, and a row in the
 * table of detect.c.  It keeps its counters by subject and says how they stand;
 * hysteresis, severity steps and closing are the judge's.
 *
 * Times are the detectors' time: scaled by settings.time_scale.
 */
#pragma once

#include "detect/counters.h"
#include "detect/detect.h"
#include "detect/samples.h"
#include "detect/subjects.h"

/* How a subject stands against the limits of a detector. */
struct measure {
    bool over; /* a limit is reached; otherwise only .ratio counts */
    enum severity severity;
    double count;
    double limit;
    unsigned window_s;
    double ratio; /* of count to limit, the largest of all limits; below half a finding closes */
};

struct suspect {
    enum subject_kind kind;
    struct bytes name;
    uint64_t key; /* subject_key() of the name */
    unsigned confidence;
    bool alert_only;
    const struct samples *samples; /* NULL: none */
};

struct judge;

void judge_suspect(struct judge *j, const struct event *e, const struct suspect *s);
bool judge_stands(const struct judge *j, enum subject_kind kind, uint64_t key);

struct detector {
    struct detector_info info;
    void *(*new)(const struct detect_settings *s); /* @s outlives the detector */
    void (*free)(void *me);
    void (*observe)(void *me, struct judge *j, const struct event *e);
    struct measure (*measure)(const void *me, enum subject_kind kind, uint64_t key,
                              uint64_t now_ns);
    uint64_t (*shed)(const void *me);
    void (*forget)(void *me, uint64_t client_key); /* NULL: nothing */
    struct detect_learned (*learned)(const void *me,
                                     uint64_t client_key); /* NULL: learns nothing */
};

extern const struct detector detect_repeated_connections;
extern const struct detector detect_repeated_auth_failures;
extern const struct detector detect_topic_scan_publish;
extern const struct detector detect_topic_scan_subscribe;
extern const struct detector detect_unauthorized_command;

#define SECONDS(n) ((uint64_t)(n)*1000000000ULL)
