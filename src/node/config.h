/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/config.h - the configuration file: YAML, one table of keys
 *
 * Each error names file, line and column, the key, what is wrong and what is
 * allowed.  Paths in the file are relative to the file's folder.  Immutable once
 * loaded.  Of what config_load() returned policy_new() makes a policy.
 */
#pragma once

#include "base/bytes.h"
#include "detect/detect.h"
#include "protect/protect.h"

struct respond_play;

enum config_plane {
    CONFIG_PLANE_DELIVERY,
    CONFIG_PLANE_CONTROL,
};

enum config_client_certificate {
    CONFIG_CLIENT_CERTIFICATE_NONE,
    CONFIG_CLIENT_CERTIFICATE_OPTIONAL,
    CONFIG_CLIENT_CERTIFICATE_REQUIRED,
};

enum config_sandbox {
    CONFIG_SANDBOX_OFF,
    CONFIG_SANDBOX_ENFORCE,
};

struct config_listener {
    char *name;
    char *address; /* IP address, or "unix:" and an absolute path */
    uint16_t port; /* 0 for unix sockets */
    enum config_plane plane;
    bool anonymous;                 /* clients without credentials are let in as anonymous_role */
    bool plaintext_beyond_loopback; /* "allow_plaintext_beyond_loopback: yes" in so many words */
    bool has_tls;
    char *certificate; /* absolute paths from here on */
    char *key;
    char *client_ca;
    char *crl;
    enum config_client_certificate client_certificate;
    int tls_version_min; /* 0x0303 or 0x0304 */
    bool websocket;
    char *websocket_path;
    char **
        websocket_origins; /* of pages that may connect; none: pages from this machine, to itself */
    size_t n_websocket_origins;
    bool proxy_protocol;  /* a PROXY header comes first */
    char **proxy_trusted; /* addresses and prefixes of the proxies that are believed */
    size_t n_proxy_trusted;
};

enum config_durability {
    CONFIG_DURABILITY_MEMORY,
    CONFIG_DURABILITY_COMMIT,
};

struct config_durability_rule {
    char *filter;
    enum config_durability durability;
};

/* What is in force in a posture, instead of what the rest of the file says. */
struct config_posture {
    struct limits limits;    /* 0: as limits says */
    char **closed_listeners; /* by name: nobody is connected there */
    size_t n_closed_listeners;
};

#define WORKERS_MAX          32
#define CONFIG_LISTENERS_MAX 64
#define CONFIG_POSTURES      3 /* by enum respond_posture; the first stays empty */

struct config {
    char *path; /* of the file */
    char *dir;  /* its folder */
    char *node_name;
    char *location;   /* MQ.ID.EA-03; NULL when not declared */
    unsigned workers; /* 0: one a CPU */
    char *state_dir;  /* of what the node keeps: ARCHITECTURE.md lists it */
    char *admin_socket;
    char *log_level;             /* error, warning, info, debug */
    char *run_as;                /* user to become after the start when root; NULL: stay */
    uint32_t sys_interval_s;     /* between two publications on $SYS; 0: none */
    enum config_sandbox sandbox; /* no capability; system calls filtered by the thread's role */
    enum config_durability durability;
    struct config_durability_rule *durability_rules; /* the first that matches a topic counts */
    size_t n_durability_rules;
    uint64_t journal_bytes_max;
    uint64_t journal_space_min;
    struct config_listener *listeners;
    size_t n_listeners;
    /* Policy: roles, limits, command topics from the file; users from users_file. */
    char *users_file;
    struct policy_spec policy; /* owned by this config */
    /* Identify */
    char *inventory_file; /* declared assets and flows; NULL */
    /* Detect and respond */
    bool respond_enforce; /* false: observe; nothing is acted on */
    char *ward_socket;    /* of bastide-ward; NULL: the firewall is nobody's */
    char *respond_ca;     /* folder of the built-in CA, to revoke certificates; NULL */
    struct respond_play *plays;
    size_t n_plays;
    char **four_eyes_actions; /* orders of these wait for a second person */
    size_t n_four_eyes_actions;
    char **never_act_on; /* "client NAME", "address PREFIX": no automatic action touches them */
    size_t n_never_act_on;
    bool hold_commands;                 /* those of roles that may not command wait for a person */
    uint32_t four_eyes_connections_max; /* orders that hit more wait as well; 0: none does */
    struct config_posture postures[CONFIG_POSTURES];
    double detect_time_scale; /* 1; test builds of scenarios raise it: the clock that detectors and
                                 ban expiry see runs so much faster */
    uint32_t startup_grace_s;
    struct detect_override *detect_overrides; /* in the order of the file: a later one wins */
    size_t n_detect_overrides;
    char **health_check_sources; /* addresses and prefixes: nobody is blamed for what they do */
    size_t n_health_check_sources;
    /* Alerts: incidents to other systems */
    char *alert_syslog; /* NULL: none, as below */
    char *alert_webhook;
    char *alert_webhook_ca; /* PEM; NULL: what the system trusts */
    char *alert_webhook_token_file;
    uint64_t alert_queue_max; /* incidents that wait for one receiver */
    enum severity_min {
        CONFIG_SEVERITY_LOW = 1, /* as detect's severities */
        CONFIG_SEVERITY_MEDIUM,
        CONFIG_SEVERITY_HIGH,
        CONFIG_SEVERITY_CRITICAL,
    } alert_severity_min;
    /* Store: where the at-rest key comes from */
    int key_from;         /* enum key_source_kind of crypto */
    char *key_file;       /* KEY_FROM_FILE */
    char *key_credential; /* KEY_FROM_CREDENTIAL */
    /* Monitor: metadata of the traffic for others to watch */
    char *monitor_log_dir; /* NULL: no files */
    uint64_t monitor_log_bytes_max;
    uint32_t monitor_log_files;
    uint32_t monitor_payload_bytes_max;
    bool monitor_tap;
    /* Assess */
    char *target_profile;    /* YAML */
    char *attestations_file; /* NULL */
    char *attestation_key;   /* public key that attestations are verified with; NULL */
    char *scope_file;        /* NULL */
    /* What is allowed and yet unwise, one a line, in the form of errors; NULL when there is
     * nothing. */
    char *warnings;
};

/* Is anything other in it? */
bool config_posture_is_prepared(const struct config_posture *p);

#define CONFIG_BYTES_MAX       (1U << 20)  /* of the file */
#define CONFIG_USERS_BYTES_MAX (16U << 20) /* of users_file */

/* On failure NULL, and @ret_error (owned by the caller) holds one error a line. */
struct config *config_load(const char *path, char **ret_error);
struct config *config_free(struct config *c);
/* The admin socket's path alone, from a file that need not be right otherwise; owned; NULL with
 * @ret_error as above. */
char *config_admin_socket(const char *path, char **ret_error);
/* Is there something that a journal has to keep? */
bool config_wants_journal(const struct config *c);
/* The path of a unix socket, borrowed; NULL: the listener is on an IP address. */
const char *config_listener_unix_path(const struct config_listener *l);
/* Clients speak MQTT there at once, or after TLS: no WebSocket, no proxy, no unix socket. */
bool config_listener_is_direct(const struct config_listener *l);
/* Does it differ in nothing but what is read again: certificates, key, CA, CRL? */
bool config_listener_is_same(const struct config_listener *a, const struct config_listener *b);
/* "127.0.0.1 port 8883, delivery plane, TLS", for a person; appended to @ret. */
void config_listener_describe(const struct config_listener *l, struct buf *ret);
/* The reference of all keys, for a person: kind, range, default, meaning; appended to @ret. */
/* config_change.c */
void config_say_restart(const struct config *started, const struct config *now, struct buf *ret);
void config_describe(struct buf *ret);
