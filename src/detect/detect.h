/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/detect.h - from events to findings
 *
 * Pure: time comes in with events (at_ns) and ticks.  Each detector is one file
 * and one row of a table: it watches some kinds of events, counts in a slot of the
 * record of who is concerned, and answers one question; it has no power to act.
 * What an unauthenticated peer says moves counters of its address, or raises
 * findings that are alert_only; never an action on an identity.
 *
 * A finding is handed out once per (detector, subject): when its limit is
 * reached (open), on a step of severity or when it still stands after 600 s
 * (update), and when its counter has fallen below half (closed; by
 * detect_tick()).  What befalls many at once (a power cut, a roll-out) is one
 * finding of the fleet, in place of one for each of them.
 *
 * What a client is used to is learned, and kept over a restart by detect_save().
 *
 * One thread owns a struct detect.  MQ.DE.NM-01 MQ.DE.NM-02 MQ.DE.PM-01 MQ.DE.PM-02 MQ.DE.ID-01
 * MQ.DE.ID-02 MQ.DE.ID-03 MQ.DE.ID-04 MQ.PR.SP-03
 */
#pragma once

#include "event/event.h"

#define DETECT_SAMPLES_MAX      8
#define DETECT_SAMPLE_BYTES_MAX 128
#define DETECT_ATTCK_MAX        4
#define DETECT_DETECTORS_MAX    64
#define DETECT_ROLE_MAX         65 /* a role's name, with its zero */

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
    X(USER,     "user")     \
    X(FLEET,    "fleet")

/*    name      text in the configuration */
#define DETECT_MODES(X)       \
    X(DEFAULT,  "default")    \
    X(OFF,      "off")        \
    X(OBSERVE,  "observe")    \
    X(ENFORCE,  "enforce")
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

/* Off: it does not look.  Observe: it tells, and nothing is done about it.  Enforce: it may be
 * acted upon. */
enum detect_mode {
#define X(name, text) DETECT_MODE_##name,
    DETECT_MODES(X)
#undef X
};

enum finding_state {
    FINDING_OPEN,
    FINDING_UPDATE,
    FINDING_REFRESH, /* it goes on: what was counted, and nothing that is to be done about it */
    FINDING_CLOSED,
};

const char *severity_text(enum severity s);
bool severity_parse(const char *text, enum severity *ret);
const char *subject_kind_text(enum subject_kind k);
const char *detect_mode_text(enum detect_mode m);

/* What is written on a detector's door; constant, lives as long as the program. */
struct detector_info {
    const char *name;                    /* stable: "repeated-auth-failures" */
    const char *id;                      /* "D05" */
    const char *subcategory;             /* "MQ.DE.ID-01" */
    const char *counts;                  /* what a finding's count counts: "failed logins" */
    const char *attck[DETECT_ATTCK_MAX]; /* "T0859"; NULL after the last */
    const char *what;                    /* it finds, in a sentence, for the manual */
    enum detect_mode mode;               /* unless the configuration says otherwise */
    unsigned confidence;                 /* 0..100 */
    bool is_of_node;       /* a state of the node itself: nobody did it, and no time counts */
    unsigned told_only;    /* BIT(enum subject_kind): such subjects are never acted upon */
    unsigned hold_s;       /* a finding waits for so long whether one of the fleet explains it */
    const char *yields[2]; /* ids of findings of the fleet that replace its own while they stand */
    uint64_t watches;      /* BIT64(enum event_kind) */
};

struct detect_rule;

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
    double count;                   /* what was reached, against ... */
    double limit;                   /* ... the limit of this severity ... */
    const struct detect_rule *rule; /* ... which is that of this rule; NULL: CLOSED */
    unsigned window_s;
    unsigned confidence; /* 0..100 */
    bool alert_only;     /* never act on the subject: it is a name that anybody may have said */
    bool in_grace;       /* within startup_grace_s: look, do not act */
    bool observe_only;   /* the detector's mode for this role */
    const char
        *replaced_by; /* CLOSED: the detector whose finding of the fleet explains it; or NULL */
    uint64_t at_ns;   /* of the event or tick, not scaled */
    unsigned n_samples;
    char samples[DETECT_SAMPLES_MAX][DETECT_SAMPLE_BYTES_MAX]; /* topics or addresses, cut */
};

typedef void detect_found_fn(void *arg, const struct finding *f);

/* A role, as the detectors have to know it; texts borrowed. */
struct detect_role {
    const char *name;
    const char *kind; /* one of detect_role_kind(); NULL: its name if that is one, else device */
    bool may_command;
    bool has_commands; /* certain ones only: EVENT_COMMAND stands, whatever its kind */
    bool critical;
    uint32_t scan_factor; /* so many times the usual number of topics; 0, 1: as its kind */
};

/* One entry of detect.detectors of the configuration; texts borrowed. */
struct detect_override {
    char *detector;
    char *role;    /* NULL: all */
    char *rule;    /* NULL: all of the detector */
    double limit;  /* 0: as it is */
    double factor; /* 0: 1 */
    enum detect_mode mode;
};

/* What the configuration says; borrowed, and copied. */
struct detect_config {
    const struct detect_role *roles;
    size_t n_roles;
    const struct detect_override *overrides;
    size_t n_overrides;
    char *const *health_check_sources; /* addresses and prefixes */
    size_t n_health_check_sources;
    size_t connections_max; /* of the node; 0: not said */
    unsigned startup_grace_s;
};

struct detect_settings {
    double time_scale;   /* detectors see time pass this many times faster; 0: 1; for tests */
    uint64_t started_ns; /* CLOCK_MONOTONIC */
};

struct detect;

struct detect *detect_new(const struct detect_settings *s, const struct detect_config *c);
struct detect *detect_free(struct detect *d);
/* A new configuration is in force; what was counted and learned stays. */
void detect_configure(struct detect *d, const struct detect_config *c);
void detect_event(struct detect *d, const struct event *e, detect_found_fn *found, void *arg);
/* Call about once a second: what is due, and closes what has calmed down. */
void detect_tick(struct detect *d, uint64_t now_ns, detect_found_fn *found, void *arg);
/* A person has dealt with what @of finds of the subject: the next time is news, whatever is counted
 * still. */
void detect_dismiss(struct detect *d, const struct detector_info *of, enum subject_kind kind,
                    struct bytes subject);
/* The connection has ended and no event told of it: it is no longer waited for. */
void detect_conn_gone(struct detect *d, uint64_t conn);

/* Kinds of roles; the i-th's name, NULL after the last. */
const char *detect_role_kind(size_t i, const char **ret_what);
bool detect_role_is_critical(const struct detect_role *r);
bool detect_role_commands_all(const struct detect_role *r);
double detect_role_factor(const struct detect_role *r, const char *detector);
/* NULL: @o names a detector and a rule that there are; else what is wrong, to be read after it. */
const char *detect_override_wrong_why(const struct detect_override *o);

/* A rule: what it counts, and from where on. */
struct detect_rule {
    const char *detector; /* id */
    const char *name;
    enum severity severity;
    double limit;
    unsigned window_s;
    const char *what;
};

/* The @i-th, for the manual; NULL after the last. */
const struct detect_rule *detect_rule(size_t i);
/* That of the detector with the name; NULL: there is none. */
const struct detect_rule *detect_rule_named(const char *detector_id, const char *name);
/* What it counts, without the row of the table that it goes by; owned by the caller. */
char *detect_rule_counts(const struct detect_rule *r);

/* What clients are used to, and what detectors know of all together, to be kept over a restart:
 * rows of text. */
typedef void detect_habit_fn(void *arg, const char *key, const char *doc);
size_t detect_habits_each(struct detect *d, size_t n_max, detect_habit_fn *fn, void *arg);
char *detect_habit_key(struct bytes client_id);
bool detect_habit_take(struct detect *d, const char *key, const char *doc, uint64_t now_ns);

struct detector_counters {
    const struct detector_info *detector;
    enum detect_mode mode; /* for clients without a role */
    uint64_t events;       /* looked at */
    uint64_t fired;        /* findings opened or updated */
    uint64_t suppressed;   /* over the limit, but the finding stands already */
    uint64_t shed;         /* findings and what it keeps by itself, forgotten for want of room */
    unsigned standing;     /* findings open now */
};

/* What a payload looks like; of PUBLISH_TOPIC.  Any thread. */
struct detect_shape {
    uint32_t shape;  /* 0: nothing is said, it is empty or large */
    uint8_t entropy; /* in 1/16 bit a byte, of the first 256 */
};

struct detect_shape detect_shape(struct bytes payload);

size_t detect_detectors(void); /* how many */
const struct detector_info *detect_detector(size_t i);
/* Does the @i-th have findings of such subjects that may be acted upon? */
bool detect_acts_on(size_t i, enum subject_kind k);
struct detector_counters detect_counters(const struct detect *d, size_t i);
/* Clients, addresses and user names that were forgotten for want of room although something was on
 * record. */
uint64_t detect_shed(const struct detect *d);

/* Clients that publish or subscribe, and connections, as they are now. */
struct detect_census {
    size_t n_active;  /* clients with something learned */
    size_t n_learned; /* of them: enough of it */
    size_t n_connections;
    size_t n_idle; /* of them: silent beyond what their role and keep alive allow */
};

struct detect_census detect_census(const struct detect *d);

/* What is known of a client's habits. */
struct detect_learned {
    bool known;
    bool learned;    /* enough to tell what is new */
    unsigned topics; /* topics and filters that it uses, estimated */
    uint64_t events; /* events that taught it */
};

struct detect_learned detect_client_learned(const struct detect *d, struct bytes client_id);
/* A device was swapped, or a finding was judged false: the client begins anew.  Its finding closes
 * at the next tick; who keeps rows drops that of detect_habit_key(). */
void detect_client_forget(struct detect *d, struct bytes client_id);
