/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/node.h - the running node, and the control plane's calls on it
 *
 * node_new() takes a configuration, node_run() blocks the main thread until the
 * node stops.  Everything below "control plane" may be called from any other one
 * thread (the admin's) between hooks.started() and hooks.stopping(); a call
 * blocks until what it asks for is in force on every worker: as long as their
 * turns take, since it goes before message delivery.
 *
 * What comes back as JSON is a new reference, owned by the caller, never NULL.
 * Dates are integers named *_unix_ms, 0 or absent when not known; a text that is
 * not known is absent.  A field that is named here is promised to scripts; there
 * may be more.
 */
#pragma once

#include <jansson.h>

#include "crypto/keyring.h"
#include "node/config.h"
#include "protect/protect.h"

struct node;

#define AUTH_QUEUE_MAX         1024 /* passwords that wait to be verified (auth.c) */
#define SUBSCRIBES_WAITING_MAX 8    /* of one filter, for what is retained: RETAINED_WANTS_MAX */

/* ---- life ---- */

/*
 * What a face of the node (the admin API, systemd) wants to be told.  All are called by the main
 * thread inside node_run(); a NULL member is not called.
 */
struct node_hooks {
    void *owner;
    /* Listeners are open, privileges dropped, workers run.  Not 0 (-errno): the node stops and
     * node_run() returns 1. */
    int (*started)(void *owner, struct node *n);
    /* The configuration is about to be read anew (SIGHUP or node_reload()), and has been. */
    void (*reloading)(void *owner);
    void (*reloaded)(void *owner);
    /* The node is about to stop: workers still run, no control-plane call is made after this
     * returns.  It waits for a call that is under way; so a call that only the main thread could
     * serve ends with NODE_E_CONFLICT from here on. */
    void (*stopping)(void *owner);
};

/* @c and @keys are taken, on failure too.  On failure NULL and @ret_error (owned by the caller)
 * says what, where, what to do. */
struct node *node_new(struct config *c, struct keyring *keys, char **ret_error);
/* Blocks until SIGTERM, SIGINT or node_stop().  Return: exit status, 0 for an orderly stop.  @hooks
 * may be NULL. */
int node_run(struct node *n, const struct node_hooks *hooks);
struct node *node_free(struct node *n);
/* By the thread of the admin API, when its work begins. */
void node_confine_admin(const struct node *n);
/* Borrowed; for what does not change by a reload: paths, listeners, name.  Any thread between
 * hooks.started() and stopping(). */
const struct config *node_config(const struct node *n);

/* ---- control plane: answers ---- */

/* clang-format off */
/*    name           text (the "error" when the node gives no better one) */
#define NODE_ANSWERS(X)                                             \
    X(OK,            "done")                                        \
    X(E_INVALID,     "the request does not make sense")             \
    X(E_NOT_FOUND,   "there is no such thing")                      \
    X(E_CONFLICT,    "its state does not allow that")               \
    X(E_LIMIT,       "a limit of the node would be passed")         \
    X(HELD,          "it waits for a second person")                \
    X(E_FAILED,      "the machine failed; the node's log says more")
/* clang-format on */

enum node_answer {
#define X(name, text) NODE_##name,
    NODE_ANSWERS(X)
#undef X
};

const char *node_answer_text(enum node_answer a);

/* ---- control plane: what is ---- */

/*
 * {"node", "location", "version", "pid", "config", "started_unix_ms", "loaded_unix_ms"
 * (configuration), "workers", "clients_connected", "sessions", "subscriptions",
 * "retained_messages", "retained_bytes", "messages_received", "messages_sent", "messages_dropped",
 * "bytes_received", "bytes_sent", "users", "roles", "assets", "bans", "incidents_open", "respond":
 * {"posture", "waiting" (for a person: actions, orders and commands), "enforce": bool,
 * "suspended_until_unix_ms", "kept": bool (bans and incidents are on disk), "time_scale"},
 * "journal" (where there is one): {"state": "ok"|"full"|"failed", "bytes", "bytes_needed",
 * "records"}, "listeners": [{"name", "address", "port" (of no unix socket), "plane":
 * "delivery"|"control", "tls": bool, "websocket": bool, "proxy_protocol": bool, "anonymous": bool,
 * "connections", and of TLS "certificate_not_before_unix_ms", "certificate_not_after_unix_ms",
 * "crl_this_update_unix_ms", "crl_next_update_unix_ms"}]}
 */
json_t *node_status_json(struct node *n);
/*
 * Array, one object a session, at most @limit (0: all):
 * {"client_id", "user", "role", "connected": bool, "address", "port", "listener", "conn" (number of
 * the connection), "since_unix_ms" (connected or disconnected since), "protocol": "5.0"|"3.1.1",
 * "tls_version", "keep_alive_s", "session_expiry_s", "subscriptions" (count),
 * "subscriptions_suspended" (of them), "queue_messages",
 * "queue_bytes", "inflight", "messages_received", "messages_sent", "messages_dropped"}
 */
json_t *node_clients_json(struct node *n, size_t limit);
/* One of the above, with "certificate_cn", "certificate_serial", "certificate_issuer",
 * "certificate_fingerprint", "certificate_not_after_unix_ms", "tls_cipher", "will_topic" and
 * "subscription_list": [{"filter", "qos", "group" (of a shared one), "suspended": bool (no rule
 * allows it now)}]; json_null() when there is no such session. */
json_t *node_client_json(struct node *n, const char *client_id);
/* {"at_unix_ms", "n", "dropped" (did not fit), "assets": [{"id", "name", "state", "declared": bool,
 * "connected": bool, "client_id", "principal", "role", "address", "owner", "site", "location",
 * "criticality", "first_seen_unix_ms", "last_seen_unix_ms"}]}, as identify_assets_json() makes it;
 * MQ.ID.AM-01. */
json_t *node_assets_json(struct node *n);
/* {"at_unix_ms", "n", "dropped", "flows": [{"from", "topic", "to", "declared": bool, "live": bool,
 * "classification", "first_seen_unix_ms", "last_seen_unix_ms"}], "declared_not_seen": [{"from",
 * "topic", "to"}]}; MQ.ID.IC-01. */
json_t *node_flows_json(struct node *n);

/* Both as identify_crypto_json() and identify_network_json() make them, the second with "node":
 * {"name"}; MQ.ID.IC-04, MQ.ID.AM-03. */
json_t *node_crypto_json(struct node *n);
json_t *node_network_json(struct node *n);
/* Without a node: is this file an inventory?  False: @ret_error, owned by the caller, one line an
 * error. */
bool node_inventory_check(const char *path, char **ret_error);
/* The certificates and keys of @l, which has TLS; owned by the caller.  Any thread.  NULL:
 * @ret_error, owned by the caller, says which file is not as it has to be, and why. */
struct tls_context *node_tls_of(const struct config_listener *l, char **ret_error);

/* NULL or 0: not asked for. */
struct node_incident_filter {
    const char *id;
    const char *state;      /* "open", "acknowledged", "closed" */
    const char *severity;   /* this and worse: "info", "low", "medium", "high", "critical" */
    const char *kind;       /* detector's stable name */
    uint64_t since_unix_ms; /* "updated_unix_ms" greater than this */
    size_t limit;           /* the newest so many */
};

/* Array, oldest first, of the incident record: {"id", "kind", "subject", "severity", "state",
 * "action", "count", "limit", "window_s", "attck": [...], "time_unix_ms" (first),
 * "updated_unix_ms", "expires_unix_ms", "client_id", "address", "user", "text" (a sentence for a
 * person), "subcategory", "disposition", "actions": [{"at_unix_ms", "what", "exactly", "state",
 * "target", "expires_unix_ms", "author", "reason", "why_not" (what stood against it), "undone":
 * bool}], "notes": [{"at_unix_ms", "author", "text"}], "related": [ids of the same client, user or
 * address within an hour], "samples": [...], "assigned_to", "acknowledged_unix_ms", "rule" (that
 * was reached)}. */
json_t *node_incidents_json(struct node *n, const struct node_incident_filter *f);
/* Is there such a kind?  NULL, or what is wrong, owned by the caller; any thread. */
char *node_incident_kind_wrong_why(const char *kind);
/* Of 30 days: {"since_unix_ms", "client_days", "all": {"opened", "open", "true", "false", "benign",
 * "not_judged", "wrong_per_1000_client_days"}, "kinds": [the same with "kind", "detector",
 * "subcategory"]}; MQ.PR.SP-03. */
json_t *node_incident_stats_json(struct node *n);
/* Array of {"kind", "subject", "address", "created_unix_ms", "expires_unix_ms" (0: until lifted),
 * "reason", "author", "incident" (because of which)}. */
json_t *node_bans_json(struct node *n);
/* Array of {"seq", "at_unix_ms", "actor", "action", "object", "reason", "result", "prev_hash",
 * "hash"}, oldest first: those behind number @after, or with UINT64_MAX the newest, at most @limit
 * (0: all); json_null() when it cannot be read.  MQ.PR.IP-04 */
json_t *node_audit_json(struct node *n, uint64_t after, size_t limit);
/* {"key", "heads": [{"seq", "at_unix_ms", "hash", "signature"}]}, or json_null() */
json_t *node_audit_heads_json(struct node *n);
/* {"posture", "suspended_until_unix_ms" (0: not), "in_force": [{"what", "target_kind", "target",
 * "address", "directions", "amount", "created_unix_ms", "expires_unix_ms" (0: until undone),
 * "reason", "author", "incident", "undo_by" (who has undone it, which the node could not do yet),
 * "exactly" ("throttle 50/s for 10m")}] (bans as well), "held": [{"id" (of an incident, an order or
 * a command), "what", "target_kind", "target", "address", "author", "expires_unix_ms", "reason",
 * "why_not" (an action), "exactly" (as above), "n_hit" (connections, when it was given or
 * proposed)}, of a command with "client_id", "user", "role", "address", "at_unix_ms", "qos",
 * "retain", "is_will", "bytes" (of its payload), "approved_by" (where it takes two)], "actions":
 * [{"what", "targets": [...], "does", "undone" (how)}]} */
json_t *node_responses_json(struct node *n);
/* A command that waits, as above, with "payload" where that is text or "payload_hex", the first
 * 1024 bytes; json_null(): none such waits.  That it was shown to @author is in the audit. */
json_t *node_command_json(struct node *n, const char *id, const char *author);
/* Array of evidence, as assess/assess.h reads it: one object a probe. */
json_t *node_evidence_json(struct node *n);
/* Array, families next to each other, of {"name" (without "bastide_"), "type": "counter"|"gauge",
 * "help", "value": number, "labels": {name: text} (may be absent)}. */
json_t *node_metrics_json(struct node *n);
/* The table of metrics without values, for documents: array of {"name" (without "bastide_"; absent:
 * not in Prometheus), "type", "topic" (below "$SYS/broker/"; may be absent), "load" (where its
 * moving averages stand; may be absent), "label" (may be absent), "help"}. */
json_t *node_metrics_describe(void);

/* ---- control plane: what to do; @author is "admin:alice", for the audit ---- */
/* @ret_text: one sentence for a person, what was done or why not; owned by the caller; always set.
 */

enum node_subject_kind {
    NODE_SUBJECT_CLIENT,  /* client id */
    NODE_SUBJECT_USER,    /* principal */
    NODE_SUBJECT_ADDRESS, /* address or prefix */
    NODE_SUBJECT_CONN,    /* number of the connection */
    NODE_SUBJECT_KIND_N,
};

const char *
node_subject_kind_text(enum node_subject_kind kind); /* "client", "user", "address", "conn" */
bool node_subject_kind_parse(const char *text, enum node_subject_kind *ret);

/* Close every connection of the subject with 0x98; NODE_E_NOT_FOUND when there is none. @ret_count:
 * how many were closed. */
enum node_answer node_disconnect(struct node *n, enum node_subject_kind kind, const char *subject,
                                 const char *author, unsigned *ret_count, char **ret_text);

struct node_ban_request {
    enum ban_kind kind;
    const char *subject;
    const char *address; /* BAN_CLIENT_ADDRESS only, otherwise NULL */
    uint64_t for_ms;     /* 0: until lifted */
    const char *reason;
};

/* Ban, and disconnect whom it hits (@ret_count).  A ban of the same subject is replaced. */
enum node_answer node_ban(struct node *n, const struct node_ban_request *r, const char *author,
                          unsigned *ret_count, char **ret_text);
enum node_answer node_unban(struct node *n, enum ban_kind kind, const char *subject,
                            const char *address, const char *author, char **ret_text);

/* The state of the device with record @name in the inventory, from now on; MQ.ID.AM-04. */
enum node_answer node_asset_state(struct node *n, const char *name, const char *state,
                                  const char *reason, const char *author, char **ret_text);

/* It was looked at, and is in order; @reason says what was looked at.  MQ.RC.RP-06 */
enum node_answer node_asset_inspected(struct node *n, const char *name, const char *reason,
                                      const char *author, char **ret_text);

/* What a person orders; all borrowed, NULL or 0: not said. */
struct node_order {
    const char *what;        /* "throttle", "quarantine", ...; see node_responses_json() */
    const char *target_kind; /* "client", "topic", ...; NULL: "node" */
    const char *target;
    const char *address;   /* "client-address" only */
    const char *direction; /* of a quarantine: "publish", "deliver", "both" */
    const char *posture;   /* "elevated", "lockdown" */
    uint64_t amount;       /* throttle: messages a second; delay: milliseconds */
    uint64_t for_ms;       /* 0: until undone */
    const char *reason;
};

/* Do it, in force on return; or, with @dry_run, only say whom it would hit.  @ret_count: how many
 * connections it hit or would. */
enum node_answer node_respond(struct node *n, const struct node_order *o, bool dry_run,
                              const char *author, unsigned *ret_count, char **ret_text);
/* Of an order that waits for a second person (NODE_HELD): do it, if @author is another one than who
 * ordered it; or not any more. */
enum node_answer node_order_approve(struct node *n, const char *id, const char *author,
                                    unsigned *ret_count, char **ret_text);
enum node_answer node_order_withdraw(struct node *n, const char *id, const char *author,
                                     char **ret_text);
/* Of a client's command that waits: publish it as it came, with its QoS, RETAIN and properties; or
 * drop it.  Where four_eyes.actions has hold, the first approval is NODE_HELD, and that of another
 * one publishes it.  NODE_E_CONFLICT: it cannot be published now, and goes on waiting. */
enum node_answer node_command_approve(struct node *n, const char *id, const char *reason,
                                      const char *author, char **ret_text);
enum node_answer node_command_withdraw(struct node *n, const char *id, const char *reason,
                                       const char *author, char **ret_text);
/* Was a shutdown done by order, so that the node is to stop once the answer has left? */
bool node_shutdown_is_ordered(struct node *n);
/* The inverse, of just what was ordered or done automatically to this target. */
enum node_answer node_respond_undo(struct node *n, const struct node_order *o, const char *author,
                                   char **ret_text);

enum node_incident_verb {
    NODE_INCIDENT_ACK,      /* somebody looks after it */
    NODE_INCIDENT_ASSIGN,   /* @assignee is to look after it */
    NODE_INCIDENT_CLOSE,    /* dealt with; @note says how, @disposition how it was judged */
    NODE_INCIDENT_ROLLBACK, /* undo all that was done automatically because of it */
    NODE_INCIDENT_APPROVE,  /* do what waits for a person's approval */
};

struct node_incident_request {
    enum node_incident_verb verb;
    const char *id;
    const char *disposition; /* CLOSE: "true", "false" or "benign"; NULL: not judged.  After "false"
                                the detector learns the client anew */
    const char *assignee;    /* ASSIGN; "" takes it back */
    const char *note;        /* ACK, ASSIGN and CLOSE; may be NULL */
};

enum node_answer node_incident(struct node *n, const struct node_incident_request *r,
                               const char *author, char **ret_text);
/* The kill switch: no automatic action for so long; 0: act again from now on.  At most 1440. */
enum node_answer node_suspend_responses(struct node *n, unsigned minutes, const char *author,
                                        char **ret_text);
/* Rows that people and exercises add, oldest first; @table: "drill" or "assessment", as
 * assess/assess.h has them; json_null() for another one. */
json_t *node_records_json(struct node *n, const char *table);
enum node_answer node_record(struct node *n, const char *table, const json_t *row,
                             const char *author, char **ret_text);

/* What the command line has changed in the home's files; all borrowed. */
struct node_home_change {
    const char *action; /* "user add", "pki revoke", ...: those that change who may come in */
    const char *object; /* "user alice" */
    const char *reason; /* NULL is "" */
};

/* An entry of the audit for a change that was made beside the node; MQ.PR.IP-04.  NODE_E_INVALID:
 * the action is none of these; NODE_E_FAILED: it is not on disk. */
enum node_answer node_audit_home(struct node *n, const struct node_home_change *h,
                                 const char *author, char **ret_text);
/* {"current", "keys": [ids of data keys], "locked": bool (kept off swap)} */
json_t *node_keys_json(struct node *n);
/* A new data key; all that is stored is sealed with it, then the older ones are destroyed. */
enum node_answer node_key_rotate(struct node *n, const char *author, char **ret_text);
/* The keyring under another at-rest key, which is made in @file (absolute, not there yet); the
 * configuration has to name it from the next start on. */
enum node_answer node_key_change(struct node *n, const char *file, const char *author,
                                 char **ret_text);
/* The home and what is stored, into folder @dir (absolute); see store/backup.h. */
enum node_answer node_backup(struct node *n, const char *dir, const char *author, char **ret_text);
/* What SIGHUP does: read configuration, users, certificates and CRL anew.  All or nothing;
 * @ret_text: what changed, what needs a restart, or the errors, one a line. */
enum node_answer node_reload(struct node *n, const char *author, char **ret_text);
/* Ask for an orderly stop; returns at once, so that the answer can be sent before hooks.stopping().
 */
void node_stop(struct node *n, const char *author);

/* ---- offline ---- */

/* A record of the journal in a line for a person, without the line's end; appended to @ret. */
bool node_record_describe(uint8_t kind, uint64_t id, struct bytes record, struct buf *ret);
