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
    uint64_t topic;   /* hash of the topic, or of the filter; 0 without one */
    uint64_t pattern; /* of a topic that is new to this client: what it has in common with others */
    bool is_new_topic;    /* to this client */
    bool is_new_client;   /* never let in before, as far as is known */
    bool was_let_in;      /* this client id, from this address, at least once */
    bool had_reader;      /* somebody has subscribed to the topic once */
    bool breaks_silence;  /* it speaks, or ends, and was counted as silent */
    bool is_health_check; /* from such a source, or of a proxy that speaks for itself; and its
                             client, if any, has neither published nor subscribed so far */
};

/* How a record stands against the rules of a detector. */
struct measure {
    bool over; /* a limit is reached: that of .rule */
    enum rule rule;
    double count;
    double limit;
    double ratio; /* of count to limit, the largest of all rules; below half a finding closes */
    bool at_once; /* this one does not wait for info.hold_s */
};

struct judge;

struct detector {
    struct detector_info info;
    bool acts_each_time;          /* what its high rules tell of is one event: each is acted upon */
    size_t bytes[SUBJECT_KIND_N]; /* of its slot in such a record; 0: none */
    size_t more_bytes;            /* of a second one, which only few clients need; 0: none */
    size_t learned_bytes;         /* of what it learns of a client: numbers only; 0: nothing */
    void *(*new)(void);           /* what it keeps beyond records; NULL: nothing */
    void (*free)(void *own);
    size_t kept_bytes; /* so much of what new() returns outlives a restart: numbers without times,
                          of names only topic_hash() */
    /* What is usual of the @n learned slots of @peers, of the same role, into that of a new client,
       which is zero; NULL: it begins with nothing */
    void (*warm)(const void *const *peers, size_t n, void *mine);
    void (*forget)(void *own, uint64_t client); /* topic_hash() of its id; NULL: nothing to do */
    void (*observe)(struct judge *j, const struct sight *s);
    void (*measure)(const struct judge *j, const struct record *r, struct measure *m);
    uint64_t (*shed)(const void *own); /* NULL: 0 */
};

/* A rate that is learned. */
struct learned_rate {
    float per_s;
    uint32_t n; /* periods that taught it */
};

void warm_rate(const void *const *peers, size_t n, void *mine);

/* For detectors. */
uint64_t now_of(const struct judge *j);
void *own_of(const struct judge *j);
const struct role_rules *role_of(const struct judge *j, const struct record *r);
void *slot(const struct judge *j, struct record *r);
const void *slot_peek(const struct judge *j, const struct record *r);
void *slot_more(const struct judge *j, struct record *r);
const void *slot_more_peek(const struct judge *j, const struct record *r);
const void *learned_peek(const struct judge *j, const struct record *r);
void *learned_slot(const struct judge *j, struct record *r);
struct record *fleet_of(const struct judge *j);
struct record *client_by_key(const struct judge *j, uint64_t key);
struct record *user_of(struct judge *j, struct bytes name);
struct record *user_find(const struct judge *j, struct bytes name);
struct record *prefix_of(struct judge *j, struct bytes address);
uint64_t topic_hash(const struct judge *j, struct bytes text);
bool are_peers(const struct judge *j, const struct record *a, const struct record *b);
size_t clients_online(const struct judge *j);
size_t clients_known(const struct judge *j);
size_t places_of(const struct judge *j);
double sharers_of(const struct judge *j, uint64_t pattern);
void share_pattern(struct judge *j, uint64_t pattern, const struct record *r);
double shared_now(const struct judge *j);
void await_client(struct judge *j, struct record *r, double seconds);
void sample(const struct judge *j, const struct record *r, struct bytes text);
void suspect(struct judge *j, const struct sight *s, struct record *r);
void mended(struct judge *j, const struct record *r);
bool stands(const struct judge *j, const struct record *r);

void measure_rule(const struct judge *j, const struct record *r, enum rule rule, double count,
                  struct measure *m);
void measure_rule_least(const struct judge *j, const struct record *r, enum rule rule, double count,
                        double least, struct measure *m);

/* clang-format off */
#define DETECTORS(X) \
    X(repeated_connections)   \
    X(connection_flood)       \
    X(abnormal_termination)   \
    X(client_unavailable)     \
    X(repeated_auth_failures) \
    X(credential_stuffing)    \
    X(topic_scan_publish)     \
    X(topic_scan_subscribe)   \
    X(undeliverable_messages) \
    X(silent_client)          \
    X(connection_pileup)      \
    X(slow_connect)           \
    X(keepalive_abuse)        \
    X(takeover_war)           \
    X(session_hoarding)       \
    X(protocol_downgrade)     \
    X(malformed_packets)      \
    X(property_abuse)         \
    X(topic_depth_abuse)      \
    X(oversize_payload)       \
    X(qos2_exhaustion)        \
    X(slow_consumer)          \
    X(bad_certificate)        \
    X(source_change)          \
    X(retained_poisoning)     \
    X(retained_flood)         \
    X(publish_flood)          \
    X(publish_rate_anomaly)   \
    X(new_topics)             \
    X(payload_shape)          \
    X(spoofed_report)         \
    X(unauthorized_command)   \
    X(brute_force_io)         \
    X(message_replay)         \
    X(will_abuse)             \
    X(subscription_bomb)      \
    X(wildcard_snoop)         \
    X(sys_recon)              \
    X(acl_violations)         \
    X(share_steal)            \
    X(exfil_volume)           \
    X(beaconing)              \
    X(reconnect_storm)        \
    X(mass_disconnect)        \
    X(default_credentials)    \
    X(consumer_outage)        \
    X(rollout)                \
    X(inspection_overdue)     \
    X(store_fault)            \
    X(retired_device)         \
    X(certificate_expiry)
/* clang-format on */

#define X(name) extern const struct detector detect_##name;
DETECTORS(X)
#undef X

#define SECONDS(n) ((uint64_t)(n)*1000000000ULL)
