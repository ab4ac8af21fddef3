/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/respond.h - from findings to incidents and graded, reversible actions
 *
 * Reads no clock: CLOCK_MONOTONIC ns and unix ms are passed in as one struct
 * respond_now.  Acts through the callbacks of struct respond_hands, on the
 * calling thread; they must not call back into respond.  One thread owns a struct
 * respond.
 *
 * What it keeps: incidents.jsonl in state_dir (one line a change), for other tools; and in
 * the control store the last record of each incident, bans, measures, what subjects did
 * before, whom nothing is done to, and the kill switch, which are read back at the start.
 *
 * MQ.RS.* (detection, section 5)
 */
#pragma once

#include <jansson.h>

#include "detect/detect.h"
#include "event/event.h"
#include "respond/action.h"
#include "store/control.h"

#define RESPOND_INCIDENTS_MAX 1000 /* in memory; then the oldest closed goes, else the oldest */
#define RESPOND_BANS_MAX                                                                           \
    10000 /* then an automatic ban replaces the automatic one that ends first; an admin's is       \
             refused */
#define RESPOND_ACTIONS_MAX         32 /* of one incident; then the oldest that needs no undoing goes */
#define RESPOND_HELD_S              900 /* what waits for a person is given up after that */
#define RESPOND_NOTES_MAX           32  /* of one incident; more are refused */
#define RESPOND_NOTE_BYTES_MAX      1024
#define RESPOND_ASSIGNEE_BYTES_MAX  128
#define RESPOND_SUSPEND_MINUTES_MAX 1440

struct respond_now {
    uint64_t ns; /* CLOCK_MONOTONIC */
    uint64_t unix_ms;
};

/* ---- bans ---- */

enum respond_ban_kind { /* in the order of protect's enum ban_kind */
                        RESPOND_BAN_ADDRESS,
                        RESPOND_BAN_CLIENT,
                        RESPOND_BAN_USER,
                        RESPOND_BAN_CLIENT_ADDRESS, /* the pair: nobody can lock out another by
                                                       using its name */
                        RESPOND_BAN_CERTIFICATE,    /* serial number */
                        RESPOND_BAN_ISSUER,
                        RESPOND_BAN_KIND_N,
};

/* Fields as struct ban of protect; all borrowed from respond until its next call, or from the
 * caller for respond_ban_add(). */
struct respond_ban {
    enum respond_ban_kind kind;
    const char *subject;
    const char *address;      /* RESPOND_BAN_CLIENT_ADDRESS only, otherwise NULL */
    uint64_t created_unix_ms; /* for respond_ban_add() 0: now */
    uint64_t expires_unix_ms; /* 0: until lifted */
    const char *reason;
    const char *author;   /* "admin:alice", "detector:repeated-auth-failures" */
    const char *incident; /* id of the incident that caused it, or NULL */
};

/* ---- what respond can do to the node ---- */

struct incident;
struct respond_measure;
struct respond_order;

/* None may be NULL. */
struct respond_hands {
    void *arg;
    /* Close the connections of the subject; returns how many were closed or told to. */
    unsigned (*disconnect)(void *arg, enum respond_target kind, const char *target,
                           const char *address, const char *reason);
    /* The list of respond_bans_each() is another now: @b was added.  Disconnect whom it hits. */
    void (*ban_add)(void *arg, const struct respond_ban *b);
    /* The same: @b was lifted, or has expired.  Others may keep out the same. */
    void (*ban_remove)(void *arg, const struct respond_ban *b);
    /* Answer CONNECTs of TARGET_ADDRESS, _CLIENT_ADDRESS or _STRANGERS @delay_ms later, until then;
     * 0: no longer.  TARGET_NODE: all, one after another.  @address: of a client, otherwise NULL */
    void (*delay)(void *arg, enum respond_target kind, const char *target, const char *address,
                  unsigned delay_ms, uint64_t until_ns);
    /* Throttles, holds and quarantines are others now: see respond_measures_each(). */
    void (*restrain)(void *arg);
    /* Drop packets of the prefix for so long, 0: let them pass; NULL, or why it cannot be had;
     * static. */
    const char *(*firewall)(void *arg, const char *prefix, unsigned for_s);
    /* NULL, or why it cannot be had; static. */
    const char *(*posture)(void *arg, enum respond_posture p);
    /* Put the certificate on the CA's list; NULL, or why it cannot be done; owned by the caller. */
    char *(*revoke)(void *arg, const char *serial);
    /* Keep evidence and stop, once the answer to who asked has left. */
    void (*shutdown)(void *arg, const char *author, const char *reason);
    /* One record of the incident feed (an object in one line, without newline), for
     * $bastide/incident/... and other systems */
    void (*publish_incident)(void *arg, const struct incident *i, const char *json);
    /* Clients connected now. */
    unsigned (*online_clients)(void *arg);
    /* Clients connected now from the address that have published or subscribed: who has only got in
     * may be the attacker. */
    unsigned (*clients_at_address)(void *arg, const char *address);
    /* Clients connected now that use topics of the filter; @ret_critical: of critical roles. */
    unsigned (*clients_of_topic)(void *arg, const char *filter, unsigned *ret_critical);
    /* Connections that such an order would hit now. */
    unsigned (*would_hit)(void *arg, const struct respond_order *o);
    /* Serial number of the certificate that the client came with last; NULL: none is known; owned
     * by the caller. */
    char *(*certificate_of)(void *arg, const char *client_id);
    /* What is under a quarantine that is about to end, in words; NULL: it holds nothing back; owned
     * by the caller. */
    char *(*under)(void *arg, const struct respond_measure *at);
};

/* ---- the playbook: what a finding leads to ---- */

struct respond_step {
    enum action_kind kind;
    uint64_t for_s;
    uint64_t amount;          /* as of struct respond_measure */
    unsigned directions;      /* the same */
    struct bytes filter;      /* QUARANTINE: of the topics; borrowed from the text */
    enum respond_target whom; /* DELAY: _ADDRESS, what is usual; _CLIENT_ADDRESS, _STRANGERS */
    bool is_tenth;            /* THROTTLE: of what the role may; @amount is 0 */
};

/* One line of it.  The first that fits says what is done besides a record and, above info, an
 * alert. */
struct respond_play {
    const char *detector; /* NULL: any */
    const char *role;     /* NULL: any */
    int subject;          /* enum subject_kind; SUBJECT_KIND_N: any */
    int severity;         /* enum severity */
    unsigned
        times; /* the so manieth medium one in an hour, or high one in 24 h, or later; 0: each */
    char *const *steps; /* "throttle 10 5m"; see respond_step_parse() */
    size_t n_steps;
    bool needs_approval; /* all of them wait for a person */
};

/* "delay 10m", "delay client 10m", "delay strangers 10m", "throttle RATE 10m", "hold 10m",
 * "disconnect", "ban 1h", "quarantine FILTER publish 1h", "firewall 1h", "revoke-certificate",
 * "revoke-user", "posture elevated 1h". Return: NULL, or what is wrong; static.  @ret is written on
 * success. */
const char *respond_step_parse(const char *text, struct respond_step *ret);
const char *respond_step_wrong_why(const char *text);
/* Of a list of them, each of which is one; each action may stand there once. */
const char *respond_steps_wrong_why(char *const *steps, size_t n);

/* One of never_act_on.  Return: NULL, or what is wrong; static. */
const char *respond_spared_wrong_why(const char *text);

struct respond_settings {
    bool enforce;           /* no: observe, record what would have been done */
    bool commands_are_held; /* what unauthorized-command tells of has not been routed */
    double time_scale; /* divides the durations of bans, delays and escalation; 0: 1; for tests */
    const char *state_dir;   /* of the feed; must exist; NULL: no feed */
    struct control *control; /* borrowed; what a restart must not undo; NULL: nothing is kept */
    uint64_t file_bytes_max; /* of incidents.jsonl, then it is rotated; 0: 64 MiB; four old ones are
                                kept */
    unsigned blast_clients_max; /* clients touched automatically in 10 min; 0: 20 */
    unsigned blast_percent_max; /* of those online, but never less than five; 0: 2 */
    /* The role's clients are never acted upon, nor the addresses they authenticated from.  May be
     * NULL: none. */
    bool (*role_is_critical)(void *arg, struct bytes role);
    void *role_is_critical_arg;
    /* PUBLISH a second that one client of the role may send, of which a throttle leaves a tenth;
     * with the same argument.  NULL: nothing is known, and such a throttle is left out. */
    uint64_t (*role_per_s)(void *arg, struct bytes role);
    bool has_firewall; /* else no finding asks for it */
    /* Asked before the default playbook, in this order; copied. */
    const struct respond_play *plays;
    size_t n_plays;
    /* "client scada-1", "address 10.1.0.0/16": whom nothing is ever done to; copied. */
    char *const *never_act_on;
    size_t n_never_act_on;
};

struct respond;

/* ---- life; the owner's thread ---- */

/* Copies @s and @hands; loads the bans that have not expired, without calling hands->ban_add(): see
 * respond_bans_each(); and what subjects did before, whom nothing is done to, and the kill switch.
 * Never fails: what cannot be read or written is logged once. */
struct respond *respond_new(const struct respond_settings *s, const struct respond_hands *hands,
                            struct respond_now now);
struct respond *respond_free(struct respond *r);
/* After a reload: enforce, commands_are_held, plays and never_act_on of @s; what is in force stays
 * so. */
void respond_settings_change(struct respond *r, const struct respond_settings *s);
/* About once a second: expiry of bans, delays and held actions. */
void respond_tick(struct respond *r, struct respond_now now);
void respond_finding(struct respond *r, const struct finding *f, struct respond_now now);

/* ---- never_act_on ---- */

/* Look at every event: CONNECT_ACCEPTED of a critical role protects its client id, user and
 * address. */
void respond_protect_event(struct respond *r, const struct event *e);
/* A dry run: would no disconnect and no ban be done automatically to a client of @role? */
bool respond_is_guarded(struct respond *r, const char *role, struct respond_now now);
bool respond_protect_has(const struct respond *r, enum subject_kind kind, struct bytes subject);

/* ---- incidents ---- */

enum incident_state {
    INCIDENT_OPEN,
    INCIDENT_ACKNOWLEDGED,
    INCIDENT_CLOSED,
};

enum incident_disposition {
    DISPOSITION_NONE,   /* not judged */
    DISPOSITION_TRUE,   /* it was an attack */
    DISPOSITION_FALSE,  /* the detector erred */
    DISPOSITION_BENIGN, /* it happened, and was meant to */
    DISPOSITION_N,
};

/* clang-format off */
#define ACTION_STATES(X)                                                                          \
    X(DONE,       "done")                                                                         \
    X(OBSERVED,   "observed")   /* would have been done: observe mode, grace, suspended, not approved */ \
    X(WITHHELD,   "withheld")   /* the subject is never acted upon */                             \
    X(HELD,       "held")       /* for approval: the blast radius would have been too large */    \
    X(COVERED,    "covered")    /* what is in force already lasts longer, or is stronger */       \
    X(FAILED,     "failed")     /* nobody was hit, a list is full, the node or the firewall cannot: the reason says it */ \
    X(UNDONE,     "undone")                                                                       \
    X(EXPIRED,    "expired")
/* clang-format on */

enum action_state {
#define X(name, text) ACTION_##name,
    ACTION_STATES(X)
#undef X
        ACTION_STATE_N,
};

struct action {
    enum action_kind kind;
    enum action_state state;
    uint64_t at_unix_ms;
    uint64_t expires_unix_ms;       /* 0: nothing that could expire */
    uint64_t amount;                /* as of struct respond_measure */
    unsigned directions;            /* ACTION_QUARANTINE */
    uint64_t for_ms;                /* how long it goes on, from when it is done; 0: until lifted */
    unsigned n_hit;                 /* ACTION_HELD: connections, when it was proposed last */
    enum respond_ban_kind ban_kind; /* ACTION_BAN */
    enum respond_target target_kind; /* what is acted upon: not always the incident's subject */
    char *target;                    /* owned */
    char *address;                   /* owned; TARGET_CLIENT_ADDRESS only, otherwise NULL */
    char *incident;                  /* owned; because of which; NULL: by a person */
    char *author;                    /* owned; "detector:topic-scan-publish", "admin:alice" */
    char *reason;                    /* owned */
    char *why_not;                   /* owned; what stood against it; NULL: nothing */
    char *undone_by;                 /* owned; NULL while not undone */
};

struct incident_note {
    uint64_t at_unix_ms;
    char *author; /* owned */
    char *text;   /* owned */
};

#define INCIDENT_ID_BYTES    24
#define INCIDENT_RELATED_MAX 8 /* the newest of the hour before; more are not named */

/* Read only outside respond; valid until the next call of respond. */
struct incident {
    char id[INCIDENT_ID_BYTES]; /* "I-20261125-0001": UTC date and a number, unique across restarts
                                 */
    const struct detector_info *detector;
    enum incident_state state;
    enum incident_disposition disposition;
    enum severity severity; /* the worst so far */
    enum subject_kind subject_kind;
    char *subject; /* owned, as are the others; "" where not known */
    char *client_id;
    char *user_name;
    char *address;
    char *role;
    char *assignee; /* who is to look after it; "": nobody was named */
    double count;
    double limit;
    const struct detect_rule *rule; /* whose limit that is; NULL: an older version did not say */
    unsigned window_s;
    unsigned confidence;
    uint64_t opened_unix_ms;
    uint64_t updated_unix_ms;
    uint64_t acknowledged_unix_ms; /* when a person first took note of it; 0: not yet */
    unsigned n_related;
    char related[INCIDENT_RELATED_MAX][INCIDENT_ID_BYTES]; /* of the same client, user or address */
    unsigned n_samples;
    char samples[DETECT_SAMPLES_MAX][DETECT_SAMPLE_BYTES_MAX];
    struct action *actions; /* owned */
    unsigned n_actions;
    struct incident_note *notes; /* owned */
    unsigned n_notes;
};

/* clang-format off */
#define RESPOND_ANSWERS(X)                                             \
    X(OK,            "done")                                           \
    X(E_INVALID,     "the request does not make sense")                \
    X(E_NOT_FOUND,   "there is no such thing")                         \
    X(E_CONFLICT,    "its state does not allow that")                  \
    X(E_COVERED,     "what is in force is longer or stronger")         \
    X(E_LIMIT,       "a limit would be passed")
/* clang-format on */

enum respond_answer {
#define X(name, text) RESPOND_##name,
    RESPOND_ANSWERS(X)
#undef X
};

const char *respond_answer_text(enum respond_answer a);
const char *incident_state_text(enum incident_state s);
const char *
incident_disposition_text(enum incident_disposition d); /* "", "true", "false", "benign" */
bool incident_disposition_parse(const char *text, enum incident_disposition *ret);
const char *action_kind_text(enum action_kind k);
const char *action_state_text(enum action_state s);

/* What was really done, the strongest: "record", "alert", "delay", "disconnect", "ban"; "held" when
 * something waits for approval. */
const char *incident_action_text(const struct incident *i);
/* When the last of its actions ends; 0: none in force. */
uint64_t incident_expires_unix_ms(const struct incident *i);

typedef void respond_incident_fn(void *arg, const struct incident *i);
void respond_incidents_each(const struct respond *r, respond_incident_fn *fn,
                            void *arg); /* oldest first */
/* What of it is in force still, and how it is taken back, for who closes it; owned by the caller;
 * NULL: nothing. */
char *incident_in_force_text(const struct incident *i, uint64_t now_unix_ms);
const struct incident *respond_incident_find(const struct respond *r, const char *id);
unsigned respond_incidents_open(const struct respond *r); /* not closed */

/* The object that node_incidents_json() promises; a new reference. */
json_t *respond_incident_json(const struct incident *i);
/* The record of the feed (detection, section 5): a line of incidents.jsonl; @state: "open",
 * "update" or "closed". */
json_t *respond_record_json(const struct incident *i, const char *state);

/* @author: "admin:alice".  @note may be NULL. */
enum respond_answer respond_incident_ack(struct respond *r, const char *id, const char *note,
                                         const char *author, struct respond_now now);
/* @assignee: who is to look after it; "" takes it back.  E_INVALID: longer than
 * RESPOND_ASSIGNEE_BYTES_MAX. */
enum respond_answer respond_incident_assign(struct respond *r, const char *id, const char *assignee,
                                            const char *note, const char *author,
                                            struct respond_now now);
/* What waits for approval is withdrawn.  Actions in force stay so until they expire; undo them
 * first with rollback.  One that has closed by itself is judged so, too, and a judgement is
 * corrected. */
enum respond_answer respond_incident_close(struct respond *r, const char *id,
                                           enum incident_disposition d, const char *note,
                                           const char *author, struct respond_now now);
/* Undo all that was done because of it and withdraw what is held; @ret_undone: how many.  Also on
 * closed incidents.  @ret_why: what could not be undone, and why not; owned by the caller;
 * untouched when there is nothing. */
enum respond_answer respond_incident_rollback(struct respond *r, const char *id, const char *author,
                                              struct respond_now now, unsigned *ret_undone,
                                              char **ret_why);
/* Do what is held for approval; E_CONFLICT when nothing is.  Held actions expire after 15 min.
 * @ret_held, @ret_done: how many were, and how many of them are done now; the others say why not.
 */
enum respond_answer respond_incident_approve(struct respond *r, const char *id, const char *author,
                                             struct respond_now now, unsigned *ret_held,
                                             unsigned *ret_done);

/* ---- measures in force ---- */

typedef void respond_measure_fn(void *arg, const struct respond_measure *m);
void respond_measures_each(const struct respond *r, respond_measure_fn *fn, void *arg);
unsigned respond_measures(const struct respond *r, enum action_kind kind);
/* Tell the node again of those of the kinds, BIT(enum action_kind): after the start, and when the
 * firewall has forgotten. */
void respond_measures_resume(struct respond *r, unsigned kinds, struct respond_now now);
/* Lift what somebody has undone while the node could not: now and then. */
void respond_measures_settle(struct respond *r, struct respond_now now);
json_t *respond_measure_json(const struct respond_measure *m);
bool respond_measure_is_aimed_at(const struct respond_measure *m, const struct respond_measure *at);

/* ---- how they were judged ---- */

struct incident_tally {
    unsigned opened;
    unsigned open;                  /* not closed yet */
    unsigned closed[DISPOSITION_N]; /* DISPOSITION_NONE: not judged */
};

struct incident_tally respond_tally(const struct respond *r, const struct detector_info *detector,
                                    uint64_t since_unix_ms);
unsigned incident_tally_wrong(const struct incident_tally *t);

/* ---- kill switch ---- */

/* No automatic action for so long; 0: act again from now on.  E_INVALID: more than
 * RESPOND_SUSPEND_MINUTES_MAX. */
enum respond_answer respond_suspend(struct respond *r, unsigned minutes, const char *author,
                                    struct respond_now now);
uint64_t respond_suspended_until_unix_ms(const struct respond *r); /* 0: not suspended */

/* ---- the ban list ---- */

/* On disk when it returns, or respond_is_kept() is false; automatic ones soon after.  Created now,
 * whatever @b says.  Copies.  @ret_why as of respond_order_run().  Others of the same subject, each
 * because of an incident, stand beside it. */
enum respond_answer respond_ban_add(struct respond *r, const struct respond_ban *b,
                                    struct respond_now now, char **ret_why);
enum respond_answer respond_ban_remove(struct respond *r, enum respond_ban_kind kind,
                                       const char *subject, const char *address, const char *author,
                                       struct respond_now now);
typedef void respond_ban_fn(void *arg, const struct respond_ban *b);
void respond_bans_each(const struct respond *r, respond_ban_fn *fn,
                       void *arg); /* those in force at the last tick */
unsigned respond_bans(const struct respond *r);
struct respond_measure respond_measure_of_ban(const struct respond_ban *b);
json_t *respond_ban_json(const struct respond_ban *b);
const char *respond_ban_kind_text(
    enum respond_ban_kind kind); /* "address", "client", "user", "client-address", ... */
bool respond_ban_kind_parse(const char *text, enum respond_ban_kind *ret);

/* ---- counters ---- */

struct respond_counters {
    uint64_t incidents;              /* opened since start */
    uint64_t actions[ACTION_KIND_N]; /* done */
    uint64_t observed, withheld, held, undone;
    uint64_t write_failures; /* lines or files that could not be written */
};

struct respond_counters respond_counters(const struct respond *r);
/* Of the bans in force, how many would be so again after a restart?  What due is written, and
 * the store is read. */
size_t respond_bans_kept(struct respond *r);
bool respond_is_kept(const struct respond *r); /* is on disk what is in force? */
