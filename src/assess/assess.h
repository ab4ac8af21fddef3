/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/assess.h - from evidence to a Current Profile, its gaps and their risk
 *
 * A library over data: the catalogue (66 subcategories, their tests and
 * thresholds), a Target Profile, a scope, attestations, a history, and evidence
 * that a node measured.  It opens no connection and reads no clock.
 *
 * Three rules hold everywhere.  A test without evidence is unknown: never met,
 * never failed.  An attestation never outvotes a failed test.  A roll-up is the
 * minimum of its members.  Tiers say how risk is managed, never that a system is
 * secure, certified or compliant.
 *
 * The files under framework/ document their own formats.
 */
#pragma once

#include "base/bytes.h"

#include <jansson.h>

/*
 * ---- what a node can measure: evidence by test id ----
 *
 * The facts of IDENTIFY_FACTS (identify/identify.h) under their own test ids, and
 * the following.  "1 if" gives 1 or 0, samples = the number of listeners, kinds or
 * cases tried (at least 1).  A ratio gives samples = its denominator.  A time that
 * was not reached within the probe's patience is not reported at all.
 *
 * Needed are 20 samples for a share or rate over what happens or over a fleet
 * (kinds runtime, log, drill, inventory), 10 for a percentile, else 1: what is
 * looked at whole needs one look.  The scope may lower that, with a reason.
 * Evidence is used for the test's window, at least 35 days.
 */
/* clang-format off */
/*
 *   config, read back from the running node
 *   MQ.ID.AM-03.t1  1 if the sockets bound equal the listeners configured (address, port)
 *   MQ.ID.IC-01.t3  1 if a control listener exists and command topics need may_command, $SYS needs control_plane
 *   MQ.PR.IA-02.t2  number of trust anchors in the client_ca files
 *   MQ.PR.IA-03.t1  listeners not on loopback that let an anonymous CONNECT in (tried, not read)
 *   MQ.PR.IA-05.t2  ratio: enabled users whose role has at least one allow rule other than "#" / enabled users
 *   MQ.PR.IA-05.t3  count: allow rules for '#', '+/#', or publish to a command topic, in roles without may_command and control_plane
 *   MQ.PR.SP-02.t5  mechanisms in force of 6: keep alive, connect timeout, session expiry limit, quota, protocol error, revocation (a CRL is loaded)
 *   MQ.PR.SP-03.t1  ratio: detectors enabled / built in
 *   MQ.PR.SP-04.t3  ratio: bans with author or detector, reason and expiry / bans; no bans: leave it out
 *   MQ.PR.SP-04.t5  1 if at least one role is critical, or the file says critical: no for each role in so many words
 *   MQ.PR.SP-05.t1  limits set of 7: connects per address, failed authentication, publishes/s, bytes/s, subscriptions, packet size, queued messages
 *   MQ.PR.SP-06.t2  ratio over 5 stores (messages, sessions, credentials, audit log, backups): encrypted ones; samples 5
 *   MQ.PR.SP-06.t3  1 if the key file is 0400/0600, owned by the service, and on another volume than the state
 *   MQ.DE.NM-01.t1  keys the detector counts of 4: address, prefix, client id, principal
 *   MQ.RS.RP-03.t3  1 if automatic responses stop at an alert for critical roles (tried on a dry run)
 *   MQ.RS.RP-01.t4  1 if a CRL past its nextUpdate leads to the configured behaviour
 *   MQ.RC.RP-04.t4  count: temporary bans or rules past their expiry that are still in force
 *
 *   crypto, from files and sessions
 *   MQ.PR.IA-01.t3  ratio: time of 30 d in which no CRL was past nextUpdate; samples = checks made
 *   MQ.PR.IA-02.t1  ratio: certificates in use whose chain ends at an approved anchor / certificates in use
 *   MQ.PR.IA-02.t3  1 if every anchor has RSA >= 3072 or EC >= 256 bits and SHA-256 or better
 *   MQ.PR.IA-02.t4  count: self-signed leaf certificates that were accepted
 *   MQ.PR.IA-04.t1  1 if the presented chain verifies against the clients' anchor, names match, more than 14 d left
 *   MQ.PR.IP-05.t2  count: devices whose public key another one presented too; samples = devices with a certificate
 *   MQ.PR.CL-02.t1  ratio: devices whose key no other device uses / devices with a certificate
 *   MQ.PR.CL-02.t3  90th percentile of (notAfter - notBefore) in days over client certificates in use; samples = certificates
 *   MQ.PR.SP-06.t4  age of the current data key in days
 *   MQ.PR.SP-07.t3  age of the oldest ticket key accepted, in hours
 *   MQ.PR.IP-04.t2  1 if the audit chain verifies from the last anchor to its head; samples = entries
 *   MQ.RC.RP-08.t1  hours since the last backup from which nothing was left out
 *   MQ.RC.RP-08.t3  1 if backups are encrypted and authenticated, and the at-rest key is not in their folder
 *
 *   runtime, counted over the window (or since the start, if shorter: say so in detail)
 *   MQ.PR.IA-01.t1  ratio: sessions with a verified client certificate / sessions, loopback left out
 *   MQ.PR.IA-01.t2  count: sessions without TLS from an address that is not loopback; samples = sessions
 *   MQ.PR.IA-01.t4  count: certificates in use with less than 14 d left; samples = certificates (inventory)
 *   MQ.PR.IA-03.t2  ratio: connections let in by certificate, enhanced AUTH or Argon2id password / connections let in
 *   MQ.PR.IA-05.t4  ratio: granted rules without a hit in 90 d / granted rules
 *   MQ.PR.IP-01.t1  ratio: bytes over TLS 1.3, or 1.2 with AEAD and forward secrecy / bytes, loopback left out
 *   MQ.PR.IP-01.t2  ratio: sessions on TLS 1.3 / TLS sessions
 *   MQ.PR.IP-02.t1  ratio: bytes under an AEAD suite / bytes, loopback left out
 *   MQ.PR.IP-03.t1  count: deliveries of confidential topics without TLS to an address that is not loopback
 *   MQ.PR.SP-01.t3  protocol errors per 1000 connects; samples = connects
 *   MQ.PR.SP-05.t4  1 - peak use / capacity, worst of descriptors, memory, queue bytes, CPU
 *   MQ.PR.SP-07.t1  99th percentile of hours since the last key establishment over live sessions
 *   MQ.PR.SP-07.t2  99th percentile of the age of live TLS sessions, in hours
 *   MQ.DE.PM-01.t3  time-weighted share of expected devices present; samples = devices
 *   MQ.DE.ID-04.t3  connection slots held by clients idle past their role's limit / slots in use
 *
 *   log: incidents, actions
 *   MQ.DE.NM-02.t1  ratio: closed connections with a cause / closed connections
 *   MQ.DE.NM-01.t4 MQ.DE.ID-02.t4 MQ.PR.SP-03.t4  incidents closed as false or benign per 1000 client-days; samples = client-days
 *   MQ.DE.ID-01.t4  ratio: confirmed guessing incidents with an automatic limit or ban within 60 s / such incidents
 *   MQ.DE.PM-01.t2  ratio: silences past 3 intervals alerted within 4 / silences past 3 intervals
 *   MQ.ID.IC-02.t2  ratio: high incidents acknowledged in time by a named person / high incidents
 *   MQ.RS.RP-03.t1  median seconds from a high incident to disconnect or ban; samples = containments
 *   MQ.RS.RP-03.t4  ratio: containments judged wrong / containments
 *   MQ.RC.RP-02.t1  count: temporary measures of closed incidents still in force after 7 d
 *
 *   self-test, over loopback with test principals (client ids begin with IDENTIFY_TEST_PREFIX)
 *   MQ.PR.IA-03.t4  count: accounts whose verifier accepts one of the built-in default passwords; samples = accounts
 *   MQ.PR.IA-05.t1  1 if a principal without rules is refused publish and subscribe on a random topic, on every listener
 *   MQ.PR.IP-01.t3  1 if a handshake offering only TLS 1.0/1.1, NULL, RC4, 3DES or static RSA is refused on every TLS listener
 *   MQ.PR.IP-02.t2  ratio: malformed packets of the corpus answered by the right reason code or close / corpus
 *   MQ.PR.IP-03.t3  1 if a normal principal cannot read $SYS
 *   MQ.PR.IP-05.t1  1 if getrandom(GRND_NONBLOCK) answers and RAND_status() is 1
 *   MQ.PR.SP-01.t1 MQ.ID.CO-04.t2  ratio: normative statements that apply and are obeyed and tested in this version
 *   MQ.PR.SP-01.t2  days since that self-test, of this binary
 *   MQ.PR.SP-02.t1  1 if a silent client was closed within 1.5 x keep alive + 1 s
 *   MQ.PR.SP-02.t2  seconds until a connection without CONNECT was closed
 *   MQ.PR.SP-02.t4  1 if the same principal takes a client id over and another principal is refused
 *   MQ.PR.SP-04.t1  worst seconds until a newly banned address, client id, principal is refused
 *   MQ.PR.SP-04.t2  worst seconds until its live session is closed
 *   MQ.PR.SP-04.t4  1 if a ban is in force after the state was read back
 *   MQ.PR.SP-06.t1  1 if a random 32-byte canary, retained and queued, is in none of the node's files
 *   MQ.PR.SP-07.t4  1 if client-initiated TLS 1.2 renegotiation is refused
 *   MQ.DE.ID-01.t1  ratio: kinds of failed authentication that left an event with address, name and reason / kinds tried; samples = kinds
 *   MQ.DE.ID-02.t3  1 if denied publish and subscribe are counted and answered 0x87
 *   MQ.DE.ID-03.t1  1 if a publish without subscriber is counted and answered 0x10
 *   MQ.RS.RP-04.t1  scopes blocked under test of 4: topic filter, bridge, listener, zone pair
 *   MQ.RS.RP-04.t4  1 if a block is not lifted without a reason, and what is retained and waits under it is told
 *
 *   drill: rows of the store's table "drill", an object each
 *     {"at": unix ms, "subcategory": "MQ.DE.ID-02", "scenario": "R04", "injected": n, "detected": n,
 *      "seconds": [to alert, one each detected], "touched": [tries or topics before the alert],
 *      "contained": n, "contain_seconds": [to what was done about it, one each contained], "by": "..."}
 *   assess_drills_evidence() turns them into evidence of
 *   MQ.DE.NM-01.t2 .t3  MQ.DE.NM-02.t2  MQ.DE.ID-01.t2 .t3  MQ.DE.ID-02.t1 .t2  MQ.DE.ID-03.t3
 *   MQ.DE.ID-04.t2  MQ.PR.SP-03.t3 .t5  MQ.PR.SA-03.t1 .t2 .t4
 *   and of one test by a row {"at", "test": "MQ.RS.RP-01.t1", "value", "samples", "scenario", "by"}, where the
 *   test is of a kind that a person can measure: drill, file, import, log, self-test.  An age (metric ..._days
 *   or ..._age_h) grows from "at" on.  What the node itself measured is never outvoted by such a row.
 */
/* clang-format on */

#define ASSESS_TIER_MIN 1
#define ASSESS_TIER_MAX 4

/* ---- the catalogue: data, immutable once loaded ---- */

enum catalog_op {
    CATALOG_AT_LEAST, /* >= */
    CATALOG_AT_MOST,  /* <= */
    CATALOG_EQUAL,    /* == */
};

struct catalog_test {
    char *id; /* "MQ.PR.IA-04.t2" */
    char *metric;
    char *kind;    /* config, inventory, runtime, log, crypto, drill, file, self-test, import */
    char *observe; /* what exactly is observed */
    char *window;  /* "30d"; NULL: now */
    enum catalog_op op;
    uint64_t samples_min;          /* fewer are unknown */
    bool has[ASSESS_TIER_MAX + 1]; /* a threshold applies at this tier, inherited upward */
    double threshold[ASSESS_TIER_MAX + 1];
};

struct catalog_link {
    unsigned scenario; /* index into catalog.scenarios */
    char role;         /* 'L' likelihood, 'I' impact, 'D' detection */
    double weight;
};

struct catalog_subcategory {
    char *id;
    char *name;
    char *outcome;
    unsigned category; /* index into catalog.categories */
    struct catalog_test *tests;
    size_t n_tests;
    char *attest_who; /* NULL: no attestation is asked for */
    char *attest_statement;
    unsigned attest_days;
    unsigned attest_from_tier;
    char *tier_text[ASSESS_TIER_MAX + 1];
    double effort_days[ASSESS_TIER_MAX + 1]; /* to reach that tier from the one below */
    struct catalog_link *links;
    size_t n_links;
    char *notes;
};

struct catalog_category {
    char *id;
    char *name;
    unsigned function;
};

struct catalog_function {
    char *id;
    char *name;
    char *purpose;
};

struct catalog_scenario {
    char *id;
    char *name;
};

/* A line of Appendix A, and the subcategories it stands for. */
struct catalog_alias {
    char *id;
    unsigned *refs; /* indexes into catalog.subcategories */
    size_t n_refs;
};

struct catalog {
    char *version;
    char *path;
    struct catalog_function *functions;
    size_t n_functions;
    struct catalog_category *categories;
    size_t n_categories;
    struct catalog_subcategory *subcategories;
    size_t n_subcategories;
    struct catalog_scenario *scenarios;
    size_t n_scenarios;
    struct catalog_alias *aliases;
    size_t n_aliases;
    double effectiveness[ASSESS_TIER_MAX + 1];
    double likelihood_floor;
    double impact_floor;
    double kappa_max;
};

/* @path NULL: the installed one, else the one of the source tree.  NULL: @ret_error says why. */
struct catalog *assess_catalog_load(const char *path, char **ret_error);
struct catalog *assess_catalog_free(struct catalog *c);
const struct catalog_test *assess_catalog_test(const struct catalog *c, struct bytes id);

/* ---- what is read beside it; each loader gives NULL and @ret_error (file:line:column: what) ----
 */

struct target;
struct scope;
struct attestations;
struct history;
struct evidence_set;

struct target *assess_target_load(const char *path, const struct catalog *c, char **ret_error);
struct target *assess_target_free(struct target *t);

struct scope *assess_scope_load(const char *path, const struct catalog *c, char **ret_error);
struct scope *assess_scope_free(struct scope *s);

/* @public_key_path is an Ed25519 public key; without it no signature verifies. */
struct attestations *assess_attestations_load(const char *path, const char *public_key_path,
                                              const struct catalog *c, char **ret_error);
struct attestations *assess_attestations_free(struct attestations *a);
/* The bytes that a signature covers: the object without "signature", keys sorted, compact. */
char *assess_attestation_bytes(const json_t *attestation);

/* Rows of the store's table "assessment": runs, changes, indicators. */
struct history *assess_history_read(const json_t *rows, char **ret_error);
struct history *assess_history_free(struct history *h);

/* One measured value. */
struct evidence {
    const char *test;
    double value;
    uint64_t samples;
    const char *window; /* NULL: none */
    uint64_t at_unix_ms;
    const char *detail; /* where it came from, in words; NULL */
};

/* [{"test", "value", "samples", "window", "at", "detail"}]; a test twice: the later "at" counts. */
struct evidence_set *assess_evidence_parse(const json_t *array, const struct catalog *c,
                                           char **ret_error);
struct evidence_set *assess_evidence_new(void);
struct evidence_set *assess_evidence_free(struct evidence_set *e);
void assess_evidence_add(struct evidence_set *e, const struct evidence *one); /* copies */
json_t *assess_evidence_json(const struct evidence_set *e);
/* Add what the rows of table "drill" show. */
bool assess_drills_evidence(struct evidence_set *e, const json_t *rows, const struct catalog *c,
                            uint64_t now_unix_ms, char **ret_error);
/* May a person record a value of @t? */
bool assess_drill_may_record(const struct catalog_test *t);

/* ---- the assessment ---- */

struct assess_input {
    const struct catalog *catalog;
    const struct target *target;             /* NULL: no target; gate 2 is shut */
    const struct scope *scope;               /* NULL: none; gate 2 is shut */
    const struct attestations *attestations; /* NULL: none */
    const struct history *history;           /* NULL: none */
    const struct evidence_set *evidence;
    const char *node_name;
    uint64_t now_unix_ms;
};

enum assess_mark {
    ASSESS_PASS,
    ASSESS_FAIL,
    ASSESS_UNKNOWN,
    ASSESS_NOT_APPLICABLE, /* the scope declares its population empty */
    ASSESS_NOT_ASKED,      /* no threshold at this tier */
};

struct assess_test {
    const struct catalog_test *test;
    bool known;
    double value;
    uint64_t samples;
    uint64_t at_unix_ms;
    char *detail;  /* NULL: none */
    char *why_not; /* of an unknown test: "no evidence", "12 samples, 20 needed", ...; NULL when
                      known */
    enum assess_mark mark[ASSESS_TIER_MAX + 1];
};

/* clang-format off */
#define ATTESTATION_STATUSES(X)                                              \
    X(NOT_NEEDED,  "not needed")                                             \
    X(VALID,       "valid")                                                  \
    X(MISSING,     "missing")                                                \
    X(EXPIRED,     "expired")                                                \
    X(NOT_YET,     "not yet in force")                                       \
    X(FORGED,      "signature does not verify")                              \
    X(NO_KEY,      "no key to verify it with")                               \
    X(WRONG_ROLE,  "signed by a role that may not attest this")              \
    X(NO_DOCUMENT, "no document with a SHA-256")
/* clang-format on */

enum attestation_status {
#define X(name, text) ATTESTATION_##name,
    ATTESTATION_STATUSES(X)
#undef X
};

const char *attestation_status_text(enum attestation_status s);
/* Whether the last one of the file counts, for the first subcategory that it is about. */
enum attestation_status assess_attestation_newest(const struct attestations *a,
                                                  const struct catalog *c, uint64_t now_unix_ms,
                                                  const char **ret_signer);

struct assess_sub {
    const struct catalog_subcategory *sub;
    bool in_profile;
    bool not_applicable; /* with na_reason; out of the roll-up */
    const char *na_reason;
    unsigned tier;       /* 1 to 4 */
    unsigned tier_tests; /* by tests alone; gates and attestation may hold .tier below it */
    unsigned tier_best;  /* by tests alone, as if every unknown one passed */
    unsigned target;     /* 0: none */
    const char *target_reason;
    struct assess_test *tests;
    size_t n_tests;
    size_t n_known;
    enum attestation_status attestation;
    const char *attested_by;
    uint64_t attestation_expires_unix_ms;
    bool attestation_is_independent; /* by somebody else than the implementer, who is named */
    char *blocker;                   /* what holds the next tier back, in words; NULL at tier 4 */
    char *next_step;                 /* what to do about it */
};

struct assess_rollup {
    const char *id;
    const char *name;
    unsigned tier;   /* 0: nothing of it is in the profile */
    unsigned target; /* 0: none */
    double mean;     /* of its subcategories: for the trend, never instead of the tier */
    double coverage; /* known tests / tests asked for, up to the target */
    size_t n_known;
    size_t n_asked;
    bool capped;           /* coverage below 0.8 holds it at tier 2 */
    char *gate;            /* first gate that is shut, in words; categories only; NULL */
    const char *gate_todo; /* what to do about it */
};

enum assess_level {
    ASSESS_VERY_LOW,
    ASSESS_LOW,
    ASSESS_MODERATE,
    ASSESS_HIGH,
    ASSESS_VERY_HIGH,
};

const char *assess_level_text(enum assess_level l);

struct assess_risk {
    const struct catalog_scenario *scenario;
    const char *zone;
    double frequency;  /* events a year */
    double v, j;       /* vulnerability and impact factor, 0 to 1 */
    double score;      /* 0 to 100, for ranking; unknown tests count as failed */
    double score_best; /* as if every unknown test passed */
    enum assess_level level;
    enum assess_level level_best;
    bool has_tolerance; /* the scope says what is tolerated; without it nothing can be over it */
    bool over_tolerance;
};

struct assess_gap {
    const struct assess_sub *sub;
    unsigned from, to;
    double gain; /* risk score points that closing it takes away, over all zones and scenarios */
    double gain_best; /* the same, as if every other unknown test passed */
    double effort_days;
    bool must; /* law or contract, by the scope */
    bool over_tolerance;
    bool by_evidence;  /* nothing failed: what is missing is evidence */
    bool out_of_reach; /* the next tier needs a test that this version cannot measure */
};

struct assessment {
    const struct catalog *catalog;
    char *node_name;
    char *target_name; /* NULL: none */
    char *scope_name;  /* NULL: none */
    uint64_t at_unix_ms;
    struct assess_sub *subs; /* in the catalogue's order */
    size_t n_subs;
    struct assess_rollup *categories;
    size_t n_categories;
    struct assess_rollup *functions;
    size_t n_functions;
    struct assess_rollup organisation;
    struct assess_risk *risks; /* highest first */
    size_t n_risks;
    struct assess_gap *gaps; /* most urgent first */
    size_t n_gaps;
    char *
        *notes; /* what a reader must know: lowered sample sizes, evidence for unknown tests, ... */
    size_t n_notes;
};

struct assessment *assess_run(const struct assess_input *in);
struct assessment *assess_free(struct assessment *a);

/* The row of this run, to be kept in table "assessment"; a new reference. */
json_t *assess_history_run(const struct assessment *a);

/* ---- outputs; each is appended to @out ---- */

void assess_print_text(struct buf *out, const struct assessment *a, unsigned columns, bool color);
void assess_html(struct buf *out, const struct assessment *a);
json_t *assess_json(const struct assessment *a);
/* What changed between two results of assess_json(). */
void assess_compare(struct buf *out, const json_t *before, const json_t *after);
