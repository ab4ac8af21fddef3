/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/protect.h - the gate: who may come in, and what each may do
 *
 * Pure: takes a time, reads no clock, file or socket, never blocks.  A policy is
 * immutable and atomically reference-counted; a new one is built aside and its
 * pointer given to each worker.  Deny by default: what no rule allows is refused.
 *
 * MQ.PR.IA-03 MQ.PR.IA-05 MQ.PR.SP-02 MQ.PR.SP-04 MQ.PR.SP-05
 */
#pragma once

#include "base/bytes.h"
#include "base/list.h"

/* ---- limits: everything a peer can make grow ---- */

/* clang-format off */
/*    field                        default     min   max          what, and what happens at the limit (goes to the manual) */
#define LIMITS(X)                                                                                                      \
    X(connections_max,             10000,      1,    1000000,     "network connections to the node; more are closed at once") \
    X(connections_per_address_max, 2000,       1,    1000000,     "network connections from one address; more are closed at once") \
    X(connecting_max,              2500,       1,    1000000,     "network connections to the node whose CONNECT was not accepted yet; more are closed at once") \
    X(connecting_per_address_max,  1000,       1,    1000000,     "of them from one address; more are closed at once") \
    X(storm_connects_per_s_max,    200,        1,    1000000,     "CONNECTs a second at one listener while the node delays all of them, as in a reconnect storm; the others wait, those of critical roles in front") \
    X(storm_waiting_max,           7500,       0,    1000000,     "network connections that wait so, each with a whole CONNECT of at most 4096 bytes; who is one too many waits too, and counts for connecting_max") \
    X(connect_timeout_ms,           8000,      100,  600000,      "from accept to a whole CONNECT; then the connection is closed") \
    X(connect_bytes_max,           65536,      64,   1048576,     "size of a CONNECT packet; larger is refused with 0x95") \
    X(client_id_bytes_max,         256,        23,   1024,        "size of a client id; a longer one is refused with 0x85, of 3.1.1 0x02") \
    X(packet_bytes_max,            1048576,    64,   268435460,   "size of any packet; told to 5.0 clients, whose connections keep it over a reload; larger is refused with 0x95") \
    X(keep_alive_max_s,            3600,       5,    65535,       "keep alive; 5.0 clients are told, 3.1.1 clients are held to it; who is read slowly is not silent, and a packet under way counts while 1024 bytes or more of it come in one and a half times the keep alive") \
    X(session_expiry_max_s,        604800,     0,    4294967295,  "how long a session outlives its connection; larger is lowered") \
    X(sessions_max,                100000,     1,    10000000,    "sessions of the node, connected or not, whatever worker they are on; a new one is then refused with 0x97") \
    X(sessions_per_user_max,       20,         0,    10000000,    "sessions kept of one user, clients without a user are one together; a further one ends with its connection, which 5.0 clients are told")           \
    X(session_unresumed_max_s,     3600,       1,    4294967295,  "how long a user's session outlives its connection that was never resumed, while the user has others; 5.0 clients are told")           \
    X(subscriptions_per_session_max, 500,      1,    100000,      "subscriptions of one session; more get 0x97 in SUBACK") \
    X(queue_messages_max,          10000,      1,    10000000,    "messages waiting for one session, QoS 0 up to half of it; past that the newest is dropped") \
    X(queue_bytes_max,             16777216,   1024, 4294967295,  "bytes waiting for one session; as queue_messages_max") \
    X(inflight_max,                100,        1,    65535,       "unacknowledged messages to one client; the client's Receive Maximum if lower") \
    X(receive_max,                 100,        1,    65535,       "unacknowledged QoS 2 messages from one client; told to 5.0 clients; more is 0x93") \
    X(topic_alias_max,             16,         0,    1024,        "topic aliases a client may set; more is 0x94") \
    X(topic_alias_sent_max,    16,         0,    1024,        "topic aliases for the topics most sent to one client, if it takes as many; others are sent in full") \
    X(retained_messages_max,       100000,     0,    100000000,   "retained messages of the node; a new one is then refused with 0x97, at QoS 0 without a word; a Will, and what 3.1.1 clients publish, is delivered and not retained") \
    X(retained_bytes_max,          268435456,  0,    68719476736, "memory of retained messages and of the tree of their topics; a message that would pass it: as retained_messages_max, and what its topic retains stays") \
    X(retained_per_client_max,     1000,       0,    100000000,   "retained messages of one client, twenty times as many of a gateway; a new one: as retained_messages_max") \
    X(memory_bytes_max,            536870912,  16777216, 1099511627776, "memory of all messages in queues, retained, in buffers and mailboxes; from 3/4 of it on who publishes what has to wait is read slowly, from 7/8 QoS 0 that would wait is dropped, from 15/16 messages and new sessions are refused with 0x97; the control plane goes on") \
    X(messages_per_s_max,          1000,       1,    100000000,   "PUBLISH a second from one client, averaged over 5 s; faster is read more slowly") \
    X(will_delay_max_s,            604800,     0,    4294967295,  "Will delay; larger is lowered, so that with less than session_expiry_max_s a Will comes earlier than its client said") \
    X(held_commands_max,           256,        0,    10000,       "commands that wait for a person's approval; a further one is refused with 0x97") \
    X(held_commands_bytes_max,     1048576,    0,    4294967295,  "memory of them; as held_commands_max") \
    X(held_commands_per_client_max, 32,        0,    10000,       "of them from one client; as held_commands_max")
/* clang-format on */

struct limits {
#define X(field, deflt, min, max, what) uint64_t field;
    LIMITS(X)
#undef X
};

extern const struct limits limits_default;

/* ---- what the configuration says; borrowed while a policy is built, which copies ---- */

#define ROLE_NAME_MAX         64
#define ROLE_RULES_MAX        1000
#define POLICY_ROLES_MAX      1000
#define POLICY_USERS_MAX      1000000
#define PING_INTERVAL_S       60
#define POLICY_TOPICS_MAX     1000
#define USER_NAME_MAX         256
#define RULE_FILTER_BYTES_MAX 1024 /* as configured */
#define RULE_VALUE_BYTES_MAX  256  /* of ${client_id} and the like */

/* One entry of a role's "allow" or "deny" list, e.g. publish to "fmb/meter/${client_id}/#".
 * In @filter, ${client_id}, ${user_name} and ${certificate_cn} stand for the connection's own; a
 * value with '/', '+', '#' or nothing, a longer one than RULE_VALUE_BYTES_MAX, and one that would
 * put a '$' at the filter's front make the rule match nothing (and explain says so). */
struct rule_spec {
    const char *filter;
    bool publish;
    bool subscribe;
    bool deny; /* deny rules are looked at before allow rules */
};

struct role_spec {
    const char *name;
    const char *kind; /* what the detectors take it for; NULL: by its name */
    const struct rule_spec *rules;
    size_t n_rules;
    bool critical;    /* automatic responses never go beyond an alert */
    bool may_command; /* may publish to command topics without being an incident (D32) */
    const char *const *command_topics; /* only to these; further ones of the node */
    size_t n_command_topics;
    bool hold_commands; /* others of its commands wait for a person (D32) */
    bool control_plane; /* may connect to the control listener, and there subscribe to $bastide/
                           topics that its rules allow */
    uint64_t messages_per_s_max;      /* 0: the node's limit */
    uint64_t retained_per_client_max; /* 0: the node's limit, @retained_factor times */
    uint64_t sessions_per_user_max;   /* 0: the node's limit */
    uint32_t retained_factor;         /* by its kind; 0: 1 */
    uint32_t scan_factor; /* multiplies the topic-scan limits (gateway 20, monitor 5); 0: 1 */
    const char
        *ping_topic; /* where its clients are asked whether they are there (D04); NULL: not */
};

struct user_spec {
    const char *name;
    const char *password_verifier; /* of crypto/; NULL: no password login */
    const char *scram_verifier;    /* text, of crypto/scram.h; NULL: no login by SCRAM */
    const char *certificate_cn;    /* NULL: no certificate login */
    const char *role;
    bool disabled;
};

/* When clients are sent to another server. */
enum redirect {
    REDIRECT_AT_STOP,     /* with DISCONNECT 0x9C */
    REDIRECT_USE_ANOTHER, /* every CONNECT too, with 0x9C */
    REDIRECT_MOVED,       /* every CONNECT too, with 0x9D */
};

/* What clients of MQTT 5.0 are told, and asked for. */
struct answers_spec {
    const char
        *response_information;    /* topics of replies begin so; with ${...} as in a rule; NULL */
    const char *server_reference; /* the other server; NULL: none */
    enum redirect redirect;
    bool check_payload_format; /* a payload that is said to be UTF-8 has to be */
};

struct policy_spec {
    struct limits limits;
    struct answers_spec answers;
    const struct role_spec *roles;
    size_t n_roles;
    const struct user_spec *users;
    size_t n_users;
    const char *const *command_topics; /* filters of topics that command equipment (D32) */
    size_t n_command_topics;
    const char *const *unread_topics; /* filters of topics that nobody has to subscribe to (D09) */
    size_t n_unread_topics;
    const char *const *owner_only_topics; /* filters of topics whose retained message is its
                                             publisher's alone to change (D25) */
    size_t n_owner_only_topics;
    uint32_t ping_interval_s;   /* between two such questions; 0: PING_INTERVAL_S */
    const char *anonymous_role; /* role of clients without credentials on listeners that allow them;
                                   NULL: nobody */
};

/* What is wrong with a name or a filter that the configuration says: NULL, or a sentence without
 * subject such as "is empty; ...".  Static. */
const char *role_name_wrong_why(const char *name);
const char *user_name_wrong_why(const char *name); /* certificate_cn as well */
const char *rule_filter_wrong_why(const char *filter);
const char *response_information_wrong_why(const char *text);
const char *ping_topic_wrong_why(const char *text);
const char *listed_topic_wrong_why(const char *filter); /* as a rule's, but without ${...} */

struct policy;

/* NULL on failure, and @ret_error (owned by the caller) names the offender. */
struct policy *policy_new(const struct policy_spec *spec, char **ret_error);
struct policy *policy_ref(struct policy *p);
struct policy *policy_unref(struct policy *p);
const struct limits *policy_limits(const struct policy *p);
uint32_t policy_ping_interval_s(const struct policy *p);
const struct answers_spec *policy_answers(const struct policy *p);

/* ---- connect ---- */

/* Who knocks.  All borrowed. */
struct gate_subject {
    struct bytes client_id;
    struct bytes user_name;          /* of CONNECT, or of its SCRAM message */
    struct bytes address;            /* without port */
    struct bytes certificate_cn;     /* of a verified client certificate */
    struct bytes certificate_serial; /* of the same, hex */
    struct bytes certificate_issuer; /* common name */
    bool has_user_name;
    bool has_password;
    bool has_scram; /* the password is proved by SCRAM, and not sent */
    bool has_certificate;
    bool is_control;        /* came by the control listener */
    bool anonymous_allowed; /* by the listener */
};

/* clang-format off */
/*    name               reason  text for log, reason string and explain */
#define GATE_OUTCOMES(X)                                                                        \
    X(ALLOWED,           0x00, "allowed")                                                       \
    X(ASK_PASSWORD,      0x00, "password to be verified")                                       \
    X(E_BANNED,          0x8a, "banned")                                                        \
    X(E_UNKNOWN_USER,    0x86, "no such user")                                                  \
    X(E_WRONG_PASSWORD,  0x86, "wrong password")                                                \
    X(E_NO_CREDENTIALS,  0x87, "neither a known certificate nor a user name and password")      \
    X(E_CERTIFICATE,     0x87, "the certificate's name belongs to no user")                     \
    X(E_CLIENT_ID,       0x85, "the client identifier is another user's name")                     \
    X(E_USER_NAME,       0x87, "the user name is not the one that the certificate belongs to")      \
    X(E_DISABLED,        0x87, "the user is disabled")                                          \
    X(E_CONTROL_PLANE,   0x87, "the role may not use the control listener")                     \
    X(E_NOT_AUTHORIZED,  0x87, "no rule allows it")                                             \
    X(E_DENIED,          0x87, "a rule denies it")                                              \
    X(E_RESERVED,        0x87, "the topic is the node's own")                                   \
    X(E_QUARANTINED,     0x87, "the topic is quarantined")                                      \
    X(E_HELD,            0x87, "the command is held for approval")                              \
    X(E_TOO_DEEP,        0x90, "more levels than a topic may have")
/* clang-format on */

enum gate_outcome {
#define X(name, reason, text) GATE_##name,
    GATE_OUTCOMES(X)
#undef X
};

uint8_t gate_outcome_reason(enum gate_outcome o);
const char *gate_outcome_text(enum gate_outcome o);

struct grant; /* what one connection may do; owned by it, keeps its policy */

/* Identify the principal.  A certificate goes before a password; with a certificate whose CN
 * belongs to a user, a CONNECT user name must be absent or that user's name.  On GATE_ASK_PASSWORD
 * @ret_verifier (borrowed from the policy; for an unknown user a dummy of the same cost, so that
 * time does not tell) is to be checked by an auth thread, then gate_admit() is called; an unknown
 * user always ends as E_WRONG_PASSWORD/E_UNKNOWN_USER after the same work. */
enum gate_outcome gate_connect(const struct policy *p, const struct gate_subject *s,
                               const char **ret_verifier);
bool gate_claims_critical(const struct policy *p, const struct gate_subject *s);
/* What user @name has to fit by SCRAM; NULL: there is no such user, or it has none.  Borrowed. */
struct scram_verifier;
const struct scram_verifier *gate_scram_verifier(const struct policy *p, struct bytes user_name);
/* After gate_connect() said ALLOWED, or the password was right: the grant, or NULL with @ret why
 * not. */
struct grant *gate_admit(struct policy *p, const struct gate_subject *s, enum gate_outcome *ret);
struct grant *gate_rights(struct policy *p, const struct gate_subject *s);
struct grant *grant_free(struct grant *g);
bool gate_response_information(const struct grant *g, const struct gate_subject *s,
                               struct buf *ret);
const char *grant_role(const struct grant *g);
const char *grant_principal(const struct grant *g); /* user name; "" when anonymous */
bool grant_is_critical(const struct grant *g);
bool grant_is_control_plane(
    const struct grant *g); /* of such a role, and came by the control listener */
uint64_t grant_messages_per_s_max(const struct grant *g);
uint64_t grant_retained_per_client_max(const struct grant *g);
uint64_t grant_sessions_per_user_max(const struct grant *g);
bool gate_ping_topic(const struct grant *g, const struct gate_subject *s, struct buf *ret);

/* ---- publish, subscribe ---- */

enum gate_action {
    GATE_PUBLISH,
    GATE_SUBSCRIBE,
};

struct gate_answer {
    enum gate_outcome outcome; /* GATE_ALLOWED, E_NOT_AUTHORIZED, E_DENIED, E_RESERVED */
    bool is_command;           /* GATE_PUBLISH: the topic matches a command topic, ... */
    bool is_foreign;           /* ... and it is not this role's to command there, ... */
    bool is_held;              /* ... and so waits for a person, where it is allowed */
    bool is_unread;            /* GATE_PUBLISH: nobody has to subscribe to it */
    bool is_owner_only; /* GATE_PUBLISH: what another one has retained there is not its to change */
    const char *role;   /* borrowed from the grant */
    const char
        *rule; /* the filter of the rule that decided, as configured; NULL if none; borrowed */
};

/* A subscription is allowed if one allow rule's filter covers it and no deny rule's filter overlaps
 * it.  "$share/group/" must have been taken off.  No allocation. */
struct gate_answer gate_check(const struct grant *g, enum gate_action action, struct bytes topic);
/* One paragraph for a person: every rule looked at, which decides and why; appended to @ret. */
void gate_explain(const struct grant *g, enum gate_action action, struct bytes topic,
                  struct buf *ret);

/* ---- bans: an immutable snapshot, as the policy ---- */

enum ban_kind {
    BAN_ADDRESS,        /* one address, or a prefix "192.0.2.0/24" */
    BAN_CLIENT,         /* client id */
    BAN_USER,           /* principal */
    BAN_CLIENT_ADDRESS, /* the pair: nobody can lock out another by using its name */
    BAN_CERTIFICATE,    /* serial number, hex */
    BAN_ISSUER,         /* common name of who issued the certificate */
    BAN_KIND_N,
};

struct ban {
    enum ban_kind kind;
    char *subject; /* address, prefix, client id, user name, serial number or common name */
    char *address; /* BAN_CLIENT_ADDRESS only */
    uint64_t created_unix_ms;
    uint64_t expires_unix_ms; /* 0: until lifted */
    char *reason;
    char *author;   /* "admin:alice", "detector:repeated-auth-failures" */
    uint64_t per_s; /* of a throttle: what is left to it, messages a second; 0: it is kept out */
};

struct ban_table;

/* "address", "client", "user", "client-address", "certificate", "issuer" */
const char *ban_kind_text(enum ban_kind kind);
bool ban_kind_parse(const char *text, enum ban_kind *ret);
bool ban_subject_valid(enum ban_kind kind, const char *subject, const char *address,
                       const char **ret_why);
struct ban_table *ban_table_new(const struct ban *bans, size_t n); /* copies */
struct ban_table *ban_table_ref(struct ban_table *t);
struct ban_table *ban_table_unref(struct ban_table *t);
/* The first ban in force that hits, or NULL.  Empty fields of @s are not looked at, so that the
 * address can be asked before CONNECT.  @principal may be empty. */
const struct ban *ban_table_find(const struct ban_table *t, const struct gate_subject *s,
                                 struct bytes principal, uint64_t now_unix_ms);

/* ---- throttles, and what is quarantined: an immutable snapshot, as the bans ---- */

#define QUARANTINE_PUBLISH BIT(0) /* publishing is refused */
#define QUARANTINE_DELIVER BIT(1) /* nothing is delivered */
#define QUARANTINE_HOLD    BIT(2) /* commands wait for a person */

struct quarantine {
    char *filter;
    unsigned directions;
};

struct restraints;

struct restraints *restraints_new(struct ban *throttles, size_t n_throttles,
                                  const struct quarantine *quarantines, size_t n_quarantines);
/* Let nobody in by the listener, or nobody from the prefix; NULL: everybody.  Before the table is
 * shared. */
void restraints_shut(struct restraints *r, const char *listener, const char *prefix);
/* The commands of these wait for a person.  Before the table is shared. */
void restraints_hold(struct restraints *r, const struct ban *whom, size_t n);
bool restraints_holds(const struct restraints *r, const struct gate_subject *s,
                      struct bytes principal, uint64_t now_unix_ms);
/* Nothing that one of @from has published is delivered to one of @to; client_key() each, sorted
 * here and copied.  Before the table is shared. */
void restraints_part(struct restraints *r, uint64_t *from, size_t n_from, uint64_t *to,
                     size_t n_to);
bool restraints_is_parted(const struct restraints *r);
bool restraints_parts(const struct restraints *r, uint64_t publisher, uint64_t receiver);
bool restraints_is_shut(const struct restraints *r, const char *listener, struct bytes address);
struct restraints *restraints_ref(struct restraints *r);
struct restraints *restraints_unref(struct restraints *r);
uint64_t restraints_per_s(const struct restraints *r, const struct gate_subject *s,
                          struct bytes principal, uint64_t now_unix_ms);
unsigned restraints_directions(const struct restraints *r);
const char *restraints_block(const struct restraints *r, unsigned direction, struct bytes topic);

/* ---- token bucket: messages_per_s_max ---- */

struct quota {
    uint64_t full_at_ns; /* GCRA: theoretical arrival time */
};

uint64_t quota_take_each(struct quota *q, uint64_t cost_ns, uint64_t window_ns, uint64_t now_ns);
/* Return: 0 when one more is within @per_s averaged over 5 s, otherwise ns to wait. */
uint64_t quota_take(struct quota *q, uint64_t per_s, uint64_t now_ns);

/* ---- acquaintances: who was let in lately with which client id from where; any thread ---- */

#define ACQUAINTANCES_MAX 100000 /* the last so many are remembered, and at most twice as many */

struct acquaintances;

struct acquaintances *acquaintances_new(void);
struct acquaintances *acquaintances_free(struct acquaintances *a);
void acquaintances_add(struct acquaintances *a, struct bytes address, struct bytes client_id);
bool acquaintances_have(const struct acquaintances *a, struct bytes address,
                        struct bytes client_id);

/* ---- pace: one after another, critical ones first ---- */

enum pace_rank {
    PACE_CRITICAL,
    PACE_OTHER,
    PACE_RANK_N,
};

/* Who waits for a turn; see pace.c. */
struct pace {
    struct list waiting[PACE_RANK_N]; /* those that have waited longest first */
    struct quota turns;
    unsigned n_critical; /* that went in turn while others waited */
};

void pace_init(struct pace *p);
bool pace_is_idle(const struct pace *p);
bool pace_enter(struct pace *p, uint64_t cost_ns, uint64_t now_ns);
void pace_wait(struct pace *p, struct list *who, enum pace_rank rank);
struct list *pace_next(struct pace *p, uint64_t cost_ns, uint64_t now_ns, uint64_t *ret_wait_ns);
