/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/detector.h - what a detector is made of; private to detect
 *
 * A detector is one file that ends in a const struct detector, and a row in the
 * table of detect.c.  It watches some kinds of events, counts in its slots of the
 * records concerned, and measures how such a record stands against its rules;
 * hysteresis, severity steps, observe mode and closing are the judge's.
 *
 * Times are the detectors' time: scaled by settings.time_scale.
 */
#pragma once

#include "detect/conns.h"
#include "detect/counters.h"
#include "detect/detect.h"
#include "detect/record.h"
#include "detect/rules.h"

/* One event, and whom it concerns. */
struct sight {
    const struct event *e;  /* in the detectors' time */
    struct record *client;  /* NULL: nobody has proved to be one */
    struct record *address; /* NULL: none, or a source of health checks */
    struct conn_record *conn;
    const struct role_rules *role;
    uint64_t topic;       /* topic_hash(); 0 without a topic */
    bool is_new_topic;    /* to this client */
    bool breaks_silence;  /* it speaks, or ends, and was counted as silent */
    bool is_health_check; /* by its source */
};

/* How a record stands against the rules of a detector. */
struct measure {
    bool over; /* a limit is reached: that of .rule */
    enum rule rule;
    double count;
    double limit;
    double ratio; /* of count to limit, the largest of all rules; below half a finding closes */
};

struct judge;

struct detector {
    struct detector_info info;
    enum part part;               /* where its slots are */
    size_t bytes[SUBJECT_KIND_N]; /* of its slot in such a record; 0: none */
    size_t learned_bytes;         /* of its slot in PART_LEARNED of a client: numbers only */
    void *(*new)(void);           /* what it keeps beyond records; NULL: nothing */
    void (*free)(void *own);
    void (*observe)(struct judge *j, const struct sight *s);
    void (*measure)(const struct judge *j, const struct record *r, struct measure *m);
    uint64_t (*shed)(const void *own); /* NULL: 0 */
};

/* For detectors. */
uint64_t now_of(const struct judge *j);
void *own_of(const struct judge *j);
const struct role_rules *role_of(const struct judge *j, const struct record *r);
void *slot(const struct judge *j, struct record *r);
const void *slot_peek(const struct judge *j, const struct record *r);
void *learned_slot(const struct judge *j, struct record *r);
const struct knowledge *knowledge_of(const struct record *r);
struct record *fleet_of(const struct judge *j);
struct record *client_by_key(const struct judge *j, uint64_t key);
struct record *user_of(struct judge *j, struct bytes name);
struct record *prefix_of(struct judge *j, struct bytes address);
size_t clients_online(const struct judge *j);
void await_client(struct judge *j, struct record *r, double seconds);
void sample(const struct judge *j, const struct record *r, struct bytes text);
void suspect(struct judge *j, const struct sight *s, struct record *r);
bool stands(const struct judge *j, const struct record *r);

void measure_rule(const struct judge *j, const struct record *r, enum rule rule, double count,
                  struct measure *m);

#define DETECTORS(X)                                                                               \
    X(repeated_connections)                                                                        \
    X(repeated_auth_failures)                                                                      \
    X(topic_scan_publish)                                                                          \
    X(topic_scan_subscribe)                                                                        \
    X(unauthorized_command)

#define X(name) extern const struct detector detect_##name;
DETECTORS(X)
#undef X

#define SECONDS(n) ((uint64_t)(n)*1000000000ULL)
