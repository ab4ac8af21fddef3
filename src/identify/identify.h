/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/identify.h - which assets there are, and who tells whom what
 *
 * Assets and data flows are learned from events and held against a declared
 * inventory.  An asset is a device key that was let in once: the name in its
 * client certificate (renewing a certificate does not make a new device), else
 * principal and client id.  A flow is publisher -> topic -> subscriber: a topic
 * that a live connection used, matched with a subscription that stands.
 *
 * One thread (the sentinel).  No clock of its own: every call that needs a time
 * takes one.  Everything is bounded; what does not fit is counted.
 *
 * Subscriptions end with their connection here.  For a resumed session the node
 * leaves a SUBSCRIBED event for each subscription that came back.
 *
 * Clients whose id begins with IDENTIFY_TEST_PREFIX are the node's own probes:
 * they are no assets and take part in no flow.
 *
 * MQ.ID.AM-01 MQ.ID.AM-03 MQ.ID.AM-04 MQ.ID.IC-01 MQ.ID.IC-02 MQ.ID.IC-03 MQ.ID.EA-01 MQ.ID.EA-02
 * MQ.ID.EA-03 MQ.DE.PM-01 MQ.DE.ID-04
 */
#pragma once

#include <jansson.h>

#include "base/bytes.h"
#include "event/event.h"
#include "store/control.h"

#define IDENTIFY_TEST_PREFIX "bastide-self-test"
#define IDENTIFY_TEXT_MAX                                                                          \
    1024 /* bytes of a client id, a principal or a topic; longer ones are counted, not kept */
#define IDENTIFY_FORGET_DAYS 180

struct identify_limits {
    size_t assets_max; /* then new device keys are counted as dropped */
    size_t flows_max;  /* then new flows are counted as dropped */
    size_t
        conns_max; /* live connections whose topics are followed; of more only the asset is kept */
    size_t addresses_max;        /* distinct remote addresses that are remembered */
    size_t topics_per_conn_max;  /* topics that one connection is known to publish */
    size_t filters_per_conn_max; /* subscriptions of one connection that are followed */
    size_t visits_per_event_max; /* steps through the topic tree that one event may cost */
};

extern const struct identify_limits
    identify_limits_default; /* 100,000 200,000 100,000 20,000 256 512 1,000 */

struct identify;

/* @limits NULL: the default ones. */
struct identify *identify_new(const struct identify_limits *limits);
struct identify *identify_free(struct identify *id);

/* Take the declared inventory from a YAML file (framework/inventory-example.yaml documents it); it
 * replaces the one before, what was learned stays.  False: nothing changed, and @ret_error (owned
 * by the caller) holds one line an error with file, line, column. */
bool identify_inventory_load(struct identify *id, const char *path, uint64_t unix_ms,
                             char **ret_error);

/* What was learned since the last call, to the store, without waiting for it.  False: not all of it
 * yet, the rest goes with the next call. */
bool identify_save(struct identify *id, struct control *control, uint64_t unix_ms);
/* Once, before the first event.  Files of an older version in @state_dir are taken over and
 * removed; one that does not parse is moved aside to *.corrupt-<unix ms>.  False: @ret_error (owned
 * by the caller) says what could not be used: what could is in, the node may go on.  Undeclared
 * assets and flows that were not seen for IDENTIFY_FORGET_DAYS are left out. */
MUST_CHECK bool identify_load(struct identify *id, struct control *control, const char *state_dir,
                              uint64_t unix_ms, char **ret_error);

/* About once a second. */
void identify_tick(struct identify *id, uint64_t unix_ms);
/* Days that clients were connected, added up over the last @days, at most 90. */
double identify_client_days(const struct identify *id, uint64_t unix_ms, unsigned days);

void identify_event(struct identify *id, const struct event *e, uint64_t unix_ms);

/* {"at_unix_ms", "n", "dropped", "assets": [{"id", "name", "state": "declared" | "learned" |
 * "declared-not-seen", "declared", "connected", "client_id", "principal", "fingerprints",
 * "address", "addresses", "traits": {"firmware": ...}, "components": [{"name", "traits"}],
 * "changes": [{"at_unix_ms", "what", "from", "to"}], "protocol_level", "role", "n_connects",
 * "first_seen_unix_ms", "last_seen_unix_ms", "publishes", "subscribes",
 * "zone_seen", "messages_per_s", "bytes_in_per_s" and "bytes_out_per_s" while connected,
 * "differences": [{"what": "unknown-device" | "missing-device" | "lifecycle" | "address" | "zone" |
 * "protocol" | "certificate" or a trait, "declared", "seen"}], and of its record "owner", "site",
 * "location", "zone", "criticality", "lifecycle", "lifecycle_since_unix_ms", "hw_model",
 * "hw_serial"}]}; what is not known is absent */
json_t *identify_assets_json(const struct identify *id, uint64_t unix_ms);
/* {"at_unix_ms", "n", "has_profile", "assets": [{"id", "name", "connected", "tls_version" ("none"
 * without TLS), "tls_cipher", "tls_group", "certificate_key", "certificate_signature",
 * "certificate_issuer", "certificate_serial", "certificate_not_after",
 * "certificate_not_after_unix_ms", "profile": "inside" | "deprecated" | "outside" |
 * "no-profile"}]}; MQ.ID.IC-04 */
json_t *identify_crypto_json(const struct identify *id, uint64_t unix_ms);
/* Serial number of the certificate that the client came with last, hex; NULL: none is known; owned
 * by the caller. */
char *identify_certificate_serial(const struct identify *id, struct bytes client_id);
/* Client ids of the zone: of assets whose record says it, and of those whose record says none that
 * came from there last. */
void identify_zone_clients(const struct identify *id, const char *zone,
                           void (*fn)(void *arg, const char *client_id), void *arg);
bool identify_has_zone(const struct identify *id, const char *zone);
/* Names of all of them, with commas, appended. */
void identify_zone_names(const struct identify *id, struct buf *ret);
/* {"at_unix_ms", "zones": [{"name", "external", "assets" (how many)}], "conduits": [{"name",
 * "from_zone", "to_zone", "external", "mutual_tls", "owner", "carrier", "medium", "route_class",
 * "agreement", "agreement_expires_unix_ms", "redundant"}], "brokers": [{"name", "site", "room"}]}
 */
json_t *identify_network_json(const struct identify *id, uint64_t unix_ms);
/* {"at_unix_ms", "n", "dropped", "flows": [{"from_zone", "to_zone", "conduit", "crosses_zones",
 * "messages_per_s" (about: the publisher's, shared among its topics), "from", "topic", "to" (as
 * declared flows name them), "from_name", "to_name" (as assets are shown), "from_id", "to_id",
 * "declared", "classification", "live", "first_seen_unix_ms", "last_seen_unix_ms"}],
 * "declared_not_seen": [{"from", "topic", "to", "declared", "crosses_zones"}]}; live: both ends are
 * connected, the topic was used on this connection, and the subscription stands */
json_t *identify_flows_json(const struct identify *id, uint64_t unix_ms);

/* Each live connection that has published to a topic which @filter matches, as far as its topics
 * are followed: the first topics_per_conn_max.  Looks at all of them, whatever the filter. */
typedef void identify_writer_fn(void *arg, uint64_t conn);
void identify_writers_each(const struct identify *id, struct bytes filter, identify_writer_fn *fn,
                           void *arg);

/* ---- states of devices ---- */

/* Names of states, as the inventory has them: the @i-th; NULL after the last. */
const char *identify_lifecycle(size_t i);

enum identify_answer {
    IDENTIFY_OK,
    IDENTIFY_E_NOT_FOUND, /* no such record in the inventory */
    IDENTIFY_E_INVALID,   /* no such state */
};

/* A person sets the state of record @name; it stands, also after a restart, until the inventory
 * gives the record a state of a later date.  Asked of the store, without waiting.  MQ.ID.AM-04 */
MUST_CHECK enum identify_answer identify_lifecycle_set(struct identify *id, struct control *control,
                                                       const char *name, const char *state,
                                                       uint64_t unix_ms);

/* A person has looked at the device with record @name: it is in order.  Asked of the store, without
 * waiting.  MQ.DE.PM-02 MQ.RC.RP-06 */
MUST_CHECK enum identify_answer identify_inspected(struct identify *id, struct control *control,
                                                   const char *name, uint64_t unix_ms);

/* Each asset that has a record: its name, and what it was last let in as; borrowed. */
typedef void identify_device_fn(void *arg, const char *name, const char *client_id,
                                const char *principal);
void identify_devices_each(const struct identify *id, identify_device_fn *fn, void *arg);

/* What the state of an asset means for who watches it: @flags as of EVENT_LIFECYCLE; @conn: its
 * newest live connection, 0: none; texts borrowed. */
typedef void identify_lifecycle_fn(void *arg, const char *client_id, uint64_t conn, unsigned flags,
                                   const char *state);
/* Of each asset; and of the one behind @conn, if it has a record. */
void identify_lifecycles_each(const struct identify *id, identify_lifecycle_fn *fn, void *arg);
void identify_lifecycle_of(const struct identify *id, uint64_t conn, identify_lifecycle_fn *fn,
                           void *arg);

/* ---- what a device says of itself, and TLS of it ---- */

#define IDENTIFY_TRAIT_BYTES_MAX 128
#define IDENTIFY_COMPONENTS_MAX                                                                    \
    256                        /* devices behind one node that are kept; then none is added        \
                                */
#define IDENTIFY_CHANGES_MAX 8 /* of one asset; then the oldest goes */

/* clang-format off */
/*    name                   in records and reports */
#define IDENTIFY_TRAITS(X)                              \
    X(MANUFACTURER,          "manufacturer")            \
    X(HW_MODEL,              "hw_model")                \
    X(HW_SERIAL,             "hw_serial")               \
    X(FIRMWARE,              "firmware")                \
    X(SOFTWARE,              "software")                \
    X(LIBRARY,               "library")                 \
    X(OS,                    "os")                      \
    X(OS_VERSION,            "os_version")              \
    X(TLS_VERSION,           "tls_version")             \
    X(TLS_CIPHER,            "tls_cipher")              \
    X(TLS_GROUP,             "tls_group")               \
    X(CERTIFICATE_KEY,       "certificate_key")         \
    X(CERTIFICATE_SIGNATURE, "certificate_signature")   \
    X(CERTIFICATE_ISSUER,    "certificate_issuer")      \
    X(CERTIFICATE_SERIAL,    "certificate_serial")      \
    X(CERTIFICATE_NOT_AFTER, "certificate_not_after")   \
    X(CERTIFICATE_NOT_BEFORE, "certificate_not_before") \
    X(CERTIFICATE_KEY_PRINT, "certificate_key_print") /* SHA-256 of the public key, hex */
/* clang-format on */

enum identify_trait {
#define X(name, text) IDENTIFY_TRAIT_##name,
    IDENTIFY_TRAITS(X)
#undef X
        IDENTIFY_TRAIT_N,
};

#define IDENTIFY_TRAITS_SAID_N IDENTIFY_TRAIT_TLS_VERSION /* those before it a client may say */

/* These make the text of an EVENT_DEVICE_TRAITS; any thread. */
const char *identify_trait_name(enum identify_trait t);
bool identify_trait_said(struct bytes name, enum identify_trait *ret);
void identify_trait_add(struct buf *traits, enum identify_trait t, struct bytes value);
bool identify_birth(struct bytes topic, struct bytes payload, struct bytes *ret_device,
                    struct buf *ret);

/* What the assessment asks.  A ratio's value is numerator / denominator, its samples the
 * denominator; a count or an age is its numerator, and its samples what was looked at.
 * No value (samples 0): unknown, never zero. */
/* clang-format off */
/*    name                           test               what is counted */
#define IDENTIFY_FACTS(X)                                                                                             \
    X(APPROVED_DEVICE_RATIO,         "MQ.ID.AM-01.t1",  "devices let in during 30 d whose record is approved / devices let in during 30 d") \
    X(RECORD_COMPLETE_RATIO,         "MQ.ID.AM-01.t2",  "approved records with owner, site, hw_model, hw_serial and criticality / approved records") \
    X(UNKNOWN_TRIAGE_DAYS_P50,       "MQ.ID.AM-01.t3",  "median days from first seen to declared, over devices first seen in 90 d; undeclared ones count up to now") \
    X(STALE_RECORD_RATIO,            "MQ.ID.AM-01.t4",  "approved records with an expected interval, in service, not seen for 3 intervals / such records") \
    X(FW_KNOWN_RATIO,                "MQ.ID.AM-02.t2",  "approved devices of 30 d whose firmware is known and not older than 90 d / approved devices of 30 d") \
    X(MAPPED_PEER_RATIO,             "MQ.ID.AM-03.t2",  "remote addresses of 30 d inside a declared zone / remote addresses of 30 d") \
    X(MAP_AGE_DAYS,                  "MQ.ID.AM-03.t4",  "days since the inventory's approved_at") \
    X(STATE_KNOWN_RATIO,             "MQ.ID.AM-04.t1",  "records with a lifecycle state and its date / records") \
    X(RETIRED_CONNECT_COUNT,         "MQ.ID.AM-04.t2",  "connections let in during 90 d from devices whose record is retired or disposed") \
    X(EOL_WITHOUT_PLAN_COUNT,        "MQ.ID.AM-04.t4",  "records whose end_of_support is under 180 d away and that name no replacement") \
    X(SLO_DEFINED_RATIO,             "MQ.ID.CO-01.t1",  "declared topics of high criticality with availability, latency_ms and retention_days / such topics") \
    X(EXTERNAL_PEER_CONTRACT_RATIO,  "MQ.ID.CO-03.t1",  "external conduits with agreement, agreement_expires and security_clause / external conduits") \
    X(EXPIRED_CONTRACT_CONNECTED,    "MQ.ID.CO-03.t2",  "devices of 30 d from an external zone whose agreements have all ended") \
    X(DECLARED_FLOW_RATIO,           "MQ.ID.IC-01.t1",  "flows of 30 d that match a declared flow / flows of 30 d (each counts once, not by messages)") \
    X(UNDECLARED_CROSS_ZONE_EDGES,   "MQ.ID.IC-01.t2",  "flows of 30 d between two zones that no declared flow or conduit covers") \
    X(CLASSIFIED_TOPIC_RATIO,        "MQ.ID.IC-01.t4",  "topics delivered in 30 d with owner and classification / topics delivered in 30 d") \
    X(INTERNAL_FLOW_DECLARED_RATIO,  "MQ.ID.IC-02.t1",  "as declared_flow_ratio, flows whose two ends are in internal zones") \
    X(EXTERNAL_PEER_DECLARED_RATIO,  "MQ.ID.IC-03.t1",  "addresses of 30 d outside internal zones that are in a declared external zone / such addresses") \
    X(EXTERNAL_CONDUIT_PROTECTED_RATIO, "MQ.ID.IC-03.t2", "external conduits with mutual_tls, topic_allow_list and agreement / external conduits") \
    X(SUITE_IN_POLICY_RATIO,         "MQ.ID.IC-04.t1",  "devices of 30 d with TLS that fit an entry of crypto_profile / devices of 30 d with TLS") \
    X(DEPRECATED_SHARE,              "MQ.ID.IC-04.t3",  "devices of 30 d with TLS whose entry is deprecated or ends in 365 d / devices of 30 d with TLS") \
    X(INSPECTION_ON_TIME_RATIO,      "MQ.DE.PM-02.t1",  "approved records in service, with an exposure class, inspected within its interval (public 180 d, outdoor 365 d, else 730 d) / such records") \
    X(LOCATION_KNOWN_RATIO,          "MQ.ID.EA-01.t1",  "approved records with a site and an exposure class / approved records") \
    X(LOCATION_AGE_DAYS_P90,         "MQ.ID.EA-01.t2",  "90th percentile of days since location_confirmed, over approved records with one") \
    X(SOURCE_ZONE_MISMATCH,          "MQ.ID.EA-01.t3",  "devices that connect from another zone than their record's, for more than 7 d") \
    X(CONDUIT_ROUTE_KNOWN_RATIO,     "MQ.ID.EA-02.t1",  "conduits with carrier, medium, route_class, owner and redundant / conduits") \
    X(SINGLE_PATH_CRITICAL,          "MQ.ID.EA-02.t2",  "flows of 30 d declared critical between zones that one carrier alone joins") \
    X(BROKER_SITE_KNOWN_RATIO,       "MQ.ID.EA-03.t1",  "brokers with site, room, rack, access_control and power_backup / brokers") \
    X(SHARED_IDENTITY_COUNT,         "MQ.PR.IA-03.t3",  "principals used by two devices at the same time during 30 d, not declared as group") \
    X(SENSITIVE_READER_OK_RATIO,     "MQ.PR.IP-03.t2",  "standing subscriptions that meet confidential topics and are on their reader list / such subscriptions") \
    X(DUPLICATE_KEY_COUNT,           "MQ.PR.IP-05.t2",  "devices of 30 d whose public key another device showed too, or that were in two places at once with it during 90 d") \
    X(INDIVIDUAL_KEY_RATIO,          "MQ.PR.CL-02.t1",  "devices of 30 d with a certificate that are not of duplicate_key_count / devices of 30 d with a certificate") \
    X(HW_PROTECTED_RATIO,            "MQ.PR.CL-02.t2",  "approved records whose key_storage is secure-element, tpm or tee / approved records with key_storage") \
    X(CERT_LIFETIME_DAYS_P90,        "MQ.PR.CL-02.t3",  "90th percentile of days from not before to not after, over certificates of devices of 30 d") \
    X(CONCURRENT_USE_COUNT,          "MQ.PR.CL-02.t4",  "certificates used at the same time from two addresses during 90 d") \
    X(EXPECTED_MONITORED_RATIO,      "MQ.DE.PM-01.t1",  "approved records in service with an expected interval / approved records in service") \
    X(SILENT_CRITICAL_COUNT,         "MQ.DE.PM-01.t4",  "approved records in service of criticality high or safety, not seen for 72 h / such records that were ever seen") \
    X(ROLE_KNOWN_RATIO,              "MQ.DE.ID-04.t1",  "devices of 30 d known to publish or to subscribe, or declared so / devices of 30 d") \
    X(AUTO_RENEW_RATIO,              "MQ.RC.RP-05.t4",  "approved records with auto_renew / approved records that say one way or the other")
/* clang-format on */

enum identify_fact {
#define X(name, test, what) IDENTIFY_##name,
    IDENTIFY_FACTS(X)
#undef X
        IDENTIFY_FACT_N,
};

struct identify_value {
    double value; /* no meaning when samples is 0 */
    uint64_t samples;
    char detail[200]; /* where it came from, in words: "4 of 5 approved records ..." */
};

/* Approved devices in service with an exposure class: how many days their inspection on site is
 * overdue; 0: it is not.  Never inspected: since their state_since, or since 1970.  MQ.DE.PM-02 */
typedef void identify_inspection_fn(void *arg, const char *name, uint32_t days_overdue);
void identify_inspections_each(const struct identify *id, uint64_t unix_ms,
                               identify_inspection_fn *fn, void *arg);

const char *identify_fact_test(enum identify_fact fact);
/* False: unknown, and ret->detail says why. */
bool identify_fact(const struct identify *id, enum identify_fact fact, uint64_t unix_ms,
                   struct identify_value *ret);

/* Counters for the metrics page. */
struct identify_counts {
    uint64_t n_assets;
    uint64_t n_connected;
    uint64_t n_records; /* declared */
    uint64_t n_flows;
    uint64_t n_assets_dropped;
    uint64_t n_flows_dropped;
    uint64_t n_conns_dropped;
    uint64_t n_addresses_dropped;
    uint64_t n_topics_dropped;
    uint64_t n_filters_dropped;
    uint64_t n_walks_cut; /* events that would have cost more than visits_per_event_max */
};

struct identify_counts identify_counts(const struct identify *id);
