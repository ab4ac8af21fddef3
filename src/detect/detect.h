/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/detect.h - from events to findings
 *
 * Pure: time comes in with events (at_ns) and ticks.  Each detector is one file
 * and one row of a table: it watches some kinds of events, keeps a bounded table
 * of subjects and answers one question; it has no power to act.  What an
 * unauthenticated peer says moves counters of its address, or raises findings
 * that are alert_only; never an action on an identity.
 *
 * A finding is handed out once per (detector, subject): when its limit is
 * reached (open), on a step of severity or when it still stands after 600 s
 * (update), and when its counter has fallen below half (closed; by
 * detect_tick()).
 *
 * One thread owns a struct detect.  MQ.DE.NM-01 MQ.DE.ID-01 MQ.DE.ID-02 MQ.PR.SP-03
 */
#pragma once

#include "event/event.h"

#define DETECT_SAMPLES_MAX      8
#define DETECT_SAMPLE_BYTES_MAX 128
#define DETECT_ATTCK_MAX        4

/* clang-format off */
/*    name      text, as incidents carry it */
#define SEVERITIES(X)       \
    X(INFO,     "info")     \
    X(LOW,      "low")      \
    X(MEDIUM,   "medium")   \
    X(HIGH,     "high")     \
    X(CRITICAL, "critical")

#define SUBJECT_KINDS(X)    \
    X(ADDRESS,  "ip")       \
    X(CLIENT,   "client")   \
    X(USER,     "user")
/* clang-format on */

enum severity {
#define X(name, text) SEVERITY_##name,
    SEVERITIES(X)
#undef X
        SEVERITY_N,
};

enum subject_kind {
#define X(name, text) SUBJECT_##name,
    SUBJECT_KINDS(X)
#undef X
        SUBJECT_KIND_N,
};

enum finding_state {
    FINDING_OPEN,
    FINDING_UPDATE,
    FINDING_CLOSED,
};

const char *severity_text(enum severity s);
bool severity_parse(const char *text, enum severity *ret);
const char *subject_kind_text(enum subject_kind k);

/* What is written on a detector's door; constant, lives as long as the program. */
struct detector_info {
    const char *name;                    /* stable: "repeated-auth-failures" */
    const char *id;                      /* "D05" */
    const char *subcategory;             /* "MQ.DE.ID-01" */
    const char *counts;                  /* what a finding's count counts: "failed logins" */
    const char *attck[DETECT_ATTCK_MAX]; /* "T0859"; NULL after the last */
    uint32_t watches;                    /* BIT(enum event_kind) */
};

/* Borrowed until the detect_found_fn returns. */
struct finding {
    const struct detector_info *detector;
    enum finding_state state;
    enum severity severity;
    enum subject_kind subject_kind;
    struct bytes subject; /* address, client id or user name, whole */
    struct bytes client_id;
    struct bytes user_name;
    struct bytes address;
    struct bytes role;
    double count; /* what was reached, against ... */
    double limit; /* ... the limit of this severity ... */
    unsigned window_s;
    unsigned confidence; /* 0..100 */
    bool alert_only;     /* never act on the subject: it is a name that anybody may have said */
    bool in_grace;       /* within startup_grace_s: look, do not act */
    uint64_t at_ns;      /* of the event or tick, not scaled */
    unsigned n_samples;
    char samples[DETECT_SAMPLES_MAX][DETECT_SAMPLE_BYTES_MAX]; /* topics or addresses, cut */
};

typedef void detect_found_fn(void *arg, const struct finding *f);

struct detect_settings {
    double time_scale; /* detectors see time pass this many times faster; 0: 1; for tests */
    unsigned startup_grace_s;
    uint64_t started_ns; /* CLOCK_MONOTONIC */
    /* Multiplies the topic-scan limits of a role (gateway 20, monitor 5); 0 counts as 1.  May be
     * NULL: 1. */
    unsigned (*scan_factor)(void *arg, struct bytes role);
    void *scan_factor_arg;
};

struct detect;

struct detect *detect_new(const struct detect_settings *s); /* copies @s */
struct detect *detect_free(struct detect *d);
void detect_event(struct detect *d, const struct event *e, detect_found_fn *found, void *arg);
/* Call about once a second: closes what has calmed down. */
void detect_tick(struct detect *d, uint64_t now_ns, detect_found_fn *found, void *arg);

struct detector_counters {
    const struct detector_info *detector;
    uint64_t events;     /* looked at */
    uint64_t fired;      /* findings opened or updated */
    uint64_t suppressed; /* over the limit, but the finding stands already */
    uint64_t shed;     /* subjects with something on record that were forgotten for want of room */
    unsigned standing; /* findings open now */
};

size_t detect_detectors(void); /* how many */
const struct detector_info *detect_detector(size_t i);
struct detector_counters detect_counters(const struct detect *d, size_t i);

/* What a topic-scan detector knows of a client. */
struct detect_learned {
    bool known;
    bool learned;      /* the tighter limit applies */
    unsigned topics;   /* topics that it uses, estimated */
    uint64_t events;   /* events that taught it */
    uint64_t since_ns; /* of the first, in the detectors' time */
};

struct detect_learned detect_client_learned(const struct detect *d, struct bytes client_id);
/* A device was swapped, or a finding was judged false: the client begins anew.  Its finding closes
 * at the next tick. */
void detect_client_forget(struct detect *d, struct bytes client_id);
