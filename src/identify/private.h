/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/private.h - what the files of identify share
 *
 *   records    declared: what the inventory file says               inventory.c, zone.c
 *   assets     observed: one a device key, points to its record     asset.c
 *   conns      live connections, each with topics and filters       identify.c
 *   topic tree uses and interests by level; finds the pairs         graph.c
 *   flows      publisher asset -> topic -> subscriber asset         flow.c
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/address.h"
#include "identify/identify.h"

#define DAY_MS              86400000ULL
#define ASSET_ADDRESSES_MAX 4
#define ASSET_PRINTS_MAX    4
#define ADDRESS_TEXT_MAX    46
#define PRINT_TEXT_MAX      65
#define RETIRED_DAYS        92

/* ---- declared ---- */

/* clang-format off */
#define LIFECYCLES(X)                \
    X(PLANNED,      "planned")       \
    X(APPROVED,     "approved")      \
    X(COMMISSIONED, "commissioned")  \
    X(IN_SERVICE,   "in-service")    \
    X(MAINTENANCE,  "maintenance")   \
    X(SUSPENDED,    "suspended")     \
    X(SPARE,        "spare")         \
    X(RETIRED,      "retired")       \
    X(DISPOSED,     "disposed")      \
    X(LOST,         "lost")

/* Texts of an asset record, free but for their length. */
#define RECORD_TEXTS(X) \
    X(client_id)        \
    X(certificate_cn)   \
    X(user_name)        \
    X(address)          \
    X(owner)            \
    X(site)             \
    X(location)         \
    X(zone)             \
    X(role)             \
    X(hw_model)         \
    X(hw_serial)        \
    X(replacement)      \
    X(manufacturer)     \
    X(firmware)         \
    X(software)         \
    X(library)          \
    X(os)               \
    X(protocol)         \
    X(tls_version)      \
    X(expected_address) \
    X(certificate_fingerprint)
/* clang-format on */

enum lifecycle {
#define X(name, text) LIFECYCLE_##name,
    LIFECYCLES(X)
#undef X
        LIFECYCLE_N,
};

#define LIFECYCLE_BIT_APPROVED                                                                     \
    (BIT(LIFECYCLE_APPROVED) | BIT(LIFECYCLE_COMMISSIONED) | BIT(LIFECYCLE_IN_SERVICE) |           \
     BIT(LIFECYCLE_MAINTENANCE) | BIT(LIFECYCLE_SUSPENDED) | BIT(LIFECYCLE_SPARE))
#define LIFECYCLE_BIT_IN_SERVICE                                                                   \
    (BIT(LIFECYCLE_APPROVED) | BIT(LIFECYCLE_COMMISSIONED) | BIT(LIFECYCLE_IN_SERVICE))
#define LIFECYCLE_BIT_GONE (BIT(LIFECYCLE_RETIRED) | BIT(LIFECYCLE_DISPOSED) | BIT(LIFECYCLE_LOST))

enum criticality {
    CRITICALITY_NONE,
    CRITICALITY_LOW,
    CRITICALITY_MEDIUM,
    CRITICALITY_HIGH,
    CRITICALITY_SAFETY,
};

enum answer {
    ANSWER_NONE,
    ANSWER_NO,
    ANSWER_YES,
};

enum direction {
    DIRECTION_NONE,
    DIRECTION_PUBLISHER,
    DIRECTION_SUBSCRIBER,
    DIRECTION_BOTH,
};

enum exposure {
    EXPOSURE_NONE,
    EXPOSURE_ATTENDED,
    EXPOSURE_INDOOR_LOCKED,
    EXPOSURE_OUTDOOR_LOCKED,
    EXPOSURE_PUBLIC,
};

enum key_storage {
    KEY_STORAGE_NONE,
    KEY_STORAGE_FILE,
    KEY_STORAGE_SECURE_ELEMENT,
    KEY_STORAGE_TPM,
    KEY_STORAGE_TEE,
};

struct record {
    char *name;  /* unique */
    char *match; /* key in inventory.by_match: the identifiers it must be met by */
#define X(field) char *field;
    RECORD_TEXTS(X)
#undef X
    bool has_lifecycle;
    enum lifecycle lifecycle; /* APPROVED when the file does not say */
    enum criticality criticality;
    enum direction direction;
    enum exposure exposure;
    enum key_storage key_storage;
    enum answer auto_renew;
    bool is_group;     /* several devices may use the principal at the same time */
    double interval_s; /* 0: none declared */
    uint64_t state_since_unix_ms;
    uint64_t approved_unix_ms;
    uint64_t location_confirmed_unix_ms;
    uint64_t inspected_unix_ms; /* last; 0: never */
    uint64_t end_of_support_unix_ms;
    /* observed, kept by asset.c */
    size_t n_assets;
    size_t n_connected;
    uint64_t last_seen_unix_ms;
};

struct zone {
    char *name;
    bool is_external;
    struct address *prefixes;
    size_t n_prefixes;
};

struct declared_topic {
    char *filter;
    char *owner;
    char *classification; /* "public", "internal", "confidential", "critical" */
    enum criticality criticality;
    char **readers; /* as in declared_flow.to; NULL: no list */
    size_t n_readers;
    bool has_slo;
};

/* @from and @to: the name of a record, a principal (of an anonymous client its id), "role:NAME" or
 * "any". */
struct declared_flow {
    char *from;
    char *topic; /* filter */
    char *to;
    char *classification;
    char *owner;
    bool crosses_zones;
    bool seen; /* while flows are listed */
};

struct conduit {
    char *name;
    char *from_zone;
    char *to_zone;
    char *owner, *carrier, *medium, *route_class, *agreement;
    bool is_external, mutual_tls, topic_allow_list, security_clause;
    enum answer redundant;
    uint64_t agreement_expires_unix_ms;
};

struct broker_record {
    char *name, *site, *room, *rack, *access_control, *power_backup;
};

/* What is allowed; NULL: left open. */
struct crypto_entry {
    char *tls_version, *tls_cipher, *tls_group, *certificate_key;
    bool is_deprecated;
    uint64_t sunset_unix_ms; /* 0: none */
};

struct inventory {
    uint64_t approved_unix_ms; /* 0: not approved */
    struct record *records;
    size_t n_records;
    struct map by_match; /* of struct record */
    struct zone *zones;
    size_t n_zones;
    struct declared_topic *topics;
    size_t n_topics;
    struct declared_flow *flows;
    size_t n_flows;
    struct conduit *conduits;
    size_t n_conduits;
    struct broker_record *brokers;
    size_t n_brokers;
    struct crypto_entry *crypto; /* crypto_profile; the first that fits counts */
    size_t n_crypto;
};

struct inventory *inventory_load(const char *path, char **ret_error);
struct inventory *inventory_free(struct inventory *v);
/* The record that a device meets; NULL.  All texts may be empty. */
struct record *inventory_find(const struct inventory *v, struct bytes client_id,
                              struct bytes principal, bool by_certificate, struct bytes address);

extern const char *const lifecycle_names[];
extern const char *const criticality_names[];

struct conf_value;
void record_check_expected(struct conf_value at, const struct record *r);
void crypto_read(struct conf_value at, struct crypto_entry *e);
void crypto_done(struct crypto_entry *e);
const struct conduit *conduit_between(const struct inventory *v, const char *from, const char *to);

const struct zone *zone_of(const struct inventory *v,
                           const char *address); /* longest prefix; NULL */
const struct zone *zone_named(const struct inventory *v, const char *name);

/* ---- observed ---- */

/* Devices that proved the same name: two at the same time is a shared identity. */
struct principal {
    char *name;
    size_t n_connected;      /* assets, not connections */
    uint64_t shared_unix_ms; /* last time; 0: never */
    uint32_t saved;          /* as of an asset */
};

struct seen_address {
    char text[ADDRESS_TEXT_MAX];
    uint64_t last_unix_ms;
};

/* An address that takes part, whoever comes from it. */
struct peer {
    struct seen_address seen;
    uint32_t saved; /* as of an asset */
};

/* A device behind another one, of a birth. */
struct component {
    char *name;
    struct bytes traits; /* owned; packed, see traits.h */
};

/* What was otherwise before. */
struct change {
    uint64_t at_unix_ms;
    const char *what; /* static: "address", "certificate", "library" */
    char *from;
    char *to;
};

struct detail {
    struct bytes traits; /* owned; packed, see traits.h */
    uint64_t traits_unix_ms;
    struct component *components;
    size_t n_components;
    struct change *changes; /* newest last */
    size_t n_changes;
};

/* As there is one for each device that was ever seen, texts stand here once and lists grow. */
struct asset {
    uint32_t number;
    uint32_t n_connects;
    uint32_t saved; /* hash of what the store was given last */
    uint8_t protocol_level;
    uint8_t n_prints;
    uint8_t n_addresses;
    bool by_certificate : 1;
    bool publishes : 1;
    bool subscribes : 1;
    char *client_id;                /* the latest; owned if @by_certificate, else the end of @id */
    const char *principal;          /* the end of @id if @by_certificate, else of @name */
    const char *role;               /* in identify.roles */
    char (*prints)[PRINT_TEXT_MAX]; /* owned; newest first */
    uint8_t *addresses;             /* owned; newest first; see asset_address_at() */
    uint64_t first_seen_unix_ms;
    uint64_t last_seen_unix_ms;
    uint64_t declared_unix_ms;   /* when it first met a record; 0: not yet */
    uint64_t concurrent_unix_ms; /* last use from two places at once; 0: never */
    uint64_t mismatch_unix_ms;   /* since when it comes from another zone than its record's; 0: it
                                    does not */
    struct list conns;
    struct principal *name; /* NULL for certificates and anonymous */
    struct record *record;  /* NULL: learned only */
    struct detail *detail;  /* owned; NULL: nothing known */
    char id[];              /* "cert:NAME" or "user:PRINCIPAL/CLIENT"; key */
};

struct conn {
    uint64_t number; /* key */
    struct asset *asset;
    struct list in_asset;
    struct list uses;
    struct list interests;
    uint32_t client_hash;  /* of its client id, */
    uint32_t address_hash; /* and where it came from */
    uint16_t n_uses;
    uint16_t n_interests;
    float messages_per_s; /* published, of late */
    float bytes_in_per_s;
    float bytes_out_per_s;
};

struct flow {
    struct bytes key; /* owned: the numbers of both assets, and the topic */
    struct asset *from;
    struct asset *to;
    char *topic; /* owned */
    uint64_t first_seen_unix_ms;
    uint64_t last_seen_unix_ms;
    uint64_t saved_unix_ms; /* the last time that the store was given; 0: none */
};

/* A topic that a connection published, or a filter it subscribed: a leaf of the topic tree. */
struct leaf {
    struct list in_conn;
    struct list in_node;
    struct conn *conn;
    struct topic_node *node;
    char text[];
};

struct topic_node {
    struct topic_node *parent;
    struct map *children; /* owned; NULL before the first */
    struct list uses;
    struct list interests;
    uint16_t level_len;
    uint8_t level[]; /* key among its siblings */
};

/* A search for pairs; stands inside its owner. */
struct pair_walk {
    void (*pair)(struct pair_walk *w, const struct leaf *use, const struct leaf *interest);
    size_t budget; /* nodes and pairs that may still be visited */
    bool is_cut;   /* it did not reach all */
};

struct topic_node *graph_new(void);
struct leaf *graph_add(struct topic_node *root, struct conn *c, struct bytes text, bool is_use,
                       bool *ret_is_new);
void graph_remove(struct leaf *l);
void graph_pairs_of_use(struct topic_node *root, const struct leaf *use, struct pair_walk *w);
void graph_pairs_of_interest(struct topic_node *root, const struct leaf *interest,
                             struct pair_walk *w);
struct topic_node *graph_free(struct topic_node *root);

struct day_count {
    uint64_t day; /* unix ms / DAY_MS */
    uint64_t n;
};

struct identify {
    struct identify_limits limits;
    struct identify_counts counts;
    uint64_t since_unix_ms;      /* first event ever learned from; 0: none */
    struct inventory *inventory; /* never NULL */
    struct asset **assets;       /* by number */
    size_t assets_cap;
    struct map by_id;                       /* of struct asset */
    struct map principals;                  /* of struct principal */
    struct map roles;                       /* of owned texts */
    struct map conns;                       /* of struct conn */
    struct map flows;                       /* of struct flow */
    struct map peers;                       /* of struct peer */
    struct map states;                      /* of lifecycle.c, by record */
    struct map inspections;                 /* of inspect.c, by record */
    struct topic_node *topics;              /* owned */
    struct day_count retired[RETIRED_DAYS]; /* CONNECTs of retired devices, ring by day */
    struct day_count online[RETIRED_DAYS];  /* seconds of connections, ring by day */
    uint64_t ticked_unix_ms;
    uint32_t saved_since, saved_retired, saved_online; /* hashes, as of an asset */
};

/* Keys of table "seen" begin so. */
#define ADDRESS_KEY   "address:"
#define PRINCIPAL_KEY "principal:"
#define STATE_KEY     "state:"
#define INSPECTED_KEY "inspected:"

char *text_clean(struct bytes b);
void asset_set_role(struct identify *id, struct asset *a, struct bytes role);
void asset_add_print(struct asset *a, struct bytes print);
void asset_add_address(struct asset *a, struct bytes address, uint64_t unix_ms);
struct asset *asset_get(struct identify *id, struct bytes client_id, struct bytes principal,
                        bool by_certificate, uint64_t unix_ms);
void asset_connected(struct identify *id, struct asset *a, const struct event *e, uint64_t unix_ms);
void asset_seen(struct asset *a, uint64_t unix_ms);
void asset_bind(struct identify *id, struct asset *a, uint64_t unix_ms);
void asset_conn_add(struct asset *a, struct conn *c, uint64_t unix_ms);
void asset_conn_remove(struct conn *c);
struct asset *asset_free(struct asset *a);
void asset_changed(struct asset *a, const char *what, struct bytes from, struct bytes to,
                   uint64_t unix_ms);
void asset_traits(struct asset *a, struct bytes component, struct bytes traits, uint64_t unix_ms);
struct bytes asset_trait(const struct asset *a, enum identify_trait t);
struct detail *detail_free(struct detail *d);
void detail_set_json(const struct detail *d, json_t *o);
void detail_read_json(struct asset *a, const json_t *o);
void day_add(struct day_count *ring, uint64_t unix_ms, uint64_t n);
void assets_bind_all(struct identify *id, uint64_t unix_ms);
json_t *asset_json(const struct asset *a);

struct record *record_named(const struct inventory *v, const char *name);
struct bytes lifecycle_key(const void *item);
void lifecycles_apply(struct identify *id);
void lifecycle_read(struct identify *id, const char *name, uint64_t at_unix_ms, const json_t *doc);
void lifecycles_done(struct identify *id);

struct bytes inspection_key(const void *item);
void inspections_apply(struct identify *id);
void inspection_read(struct identify *id, const char *name, uint64_t at_unix_ms);
void inspections_done(struct identify *id);

struct flow *flow_seen(struct identify *id, struct asset *from, struct bytes topic,
                       struct asset *to, uint64_t unix_ms);
struct flow *flow_free(struct flow *f);
bool conn_uses(const struct conn *c, const char *topic);
bool flow_is_live(const struct flow *f);
struct declared_flow *flow_declared(const struct inventory *v, const struct flow *f);
const struct declared_topic *topic_declared(const struct inventory *v, struct bytes topic);
bool end_matches(const char *end, const struct asset *a);
const char *end_name(const struct asset *a);
json_t *asset_differences(const struct identify *id, const struct asset *a, uint64_t unix_ms);
json_t *record_differences(const struct identify *id, const struct record *r, uint64_t unix_ms);
const char *protocol_text(unsigned level);
const char *asset_name(const struct asset *a);
const char *asset_address(const struct asset *a); /* the latest; "" */
const char *asset_address_at(const uint8_t **at, uint64_t *ret_unix_ms);
