/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/action.h - what can be done about a finding, to whom, and what of it goes on
 *
 * MQ.RS.RP-* (detection, section 5)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* ---- whom an action is aimed at ---- */

/* clang-format off */
/*    name            text              what a target of the kind is */
#define RESPOND_TARGETS(X)                                                   \
    X(ADDRESS,        "address")        /* an address or prefix */           \
    X(CLIENT,         "client")         /* client id */                      \
    X(USER,           "user")           /* principal */                      \
    X(CLIENT_ADDRESS, "client-address") /* client id, from one address */    \
    X(CERTIFICATE,    "certificate")    /* serial number, hex */             \
    X(ISSUER,         "issuer")         /* common name of who issued it */   \
    X(TOPIC,          "topic")          /* topic filter */                   \
    X(LISTENER,       "listener")       /* name of it */                     \
    X(CONN,           "conn")           /* number of the connection */       \
    X(NODE,           "node")           /* the node itself */                \
    X(CONDUIT,        "conduit")        /* from one zone of the inventory to another one */ \
    X(STRANGERS,      "strangers")      /* who was never let in with this client id from this address */
/* clang-format on */

enum respond_target { /* begins in the order of enum subject_kind and of enum respond_ban_kind */
#define X(name, text) TARGET_##name,
                      RESPOND_TARGETS(X)
#undef X
                          TARGET_N,
};

const char *respond_target_text(enum respond_target t);
bool respond_target_parse(const char *text, enum respond_target *ret);

/* ---- actions ---- */

/* clang-format off */
/*    name                text                  what it does; what undoes it */
#define ACTION_KINDS(X)                                                                           \
    X(RECORD,             "record",             "a line in incidents.jsonl; nothing")             \
    X(ALERT,              "alert",              "the incident is published; nothing")             \
    X(DELAY,              "delay",              "CONNACKs come later, to an address, to a client from one, to strangers or, one after another, to all; no delay") \
    X(THROTTLE,           "throttle",           "its messages are read more slowly; its own rate again") \
    X(HOLD,               "hold",               "its commands, or those to a topic filter, wait for a person's approval; they are routed again") \
    X(DISCONNECT,         "disconnect",         "its connections are closed; it may come back by itself") \
    X(BAN,                "ban",                "it is disconnected and kept out; the ban is lifted") \
    X(QUARANTINE,         "quarantine",         "a topic filter, a listener, or what one zone says to another one is blocked; the block is lifted") \
    X(FIREWALL,           "firewall",           "packets of the address are dropped; they pass again") \
    X(REVOKE_CERTIFICATE, "revoke-certificate", "it is on the CA's list for good, its sessions are cut; nothing, a new one is issued") \
    X(REVOKE_USER,        "revoke-user",        "the user is disconnected and kept out for good; the ban is lifted") \
    X(POSTURE,            "posture",            "the limits and listeners of a posture are in force; the normal ones") \
    X(SHUTDOWN,           "shutdown",           "evidence is kept, clients are sent elsewhere, the node stops; it is started again")
/* clang-format on */

enum action_kind {
#define X(name, text, what) ACTION_##name,
    ACTION_KINDS(X)
#undef X
        ACTION_KIND_N,
};

/* ---- measures: what goes on until it ends or is lifted, but for bans ---- */

#define RESPOND_MEASURES_MAX 4096 /* more are refused */

/* Of a quarantine. */
#define RESPOND_PUBLISH BIT(0) /* publishing to it is refused */
#define RESPOND_DELIVER BIT(1) /* nothing of it is delivered; what waits in queues is dropped */

bool respond_direction_parse(const char *text, unsigned *ret); /* "publish", "deliver", "both" */
const char *respond_direction_text(unsigned directions);
/* May the filter be quarantined?  NULL, or why not, to be read after it; static. */
const char *respond_topic_wrong_why(const char *filter);

/* clang-format off */
#define RESPOND_POSTURES(X)   \
    X(NORMAL,   "normal")     \
    X(ELEVATED, "elevated")   \
    X(LOCKDOWN, "lockdown")
/* clang-format on */

enum respond_posture {
#define X(name, text) POSTURE_##name,
    RESPOND_POSTURES(X)
#undef X
        POSTURE_N,
};

const char *respond_posture_text(enum respond_posture p);
bool respond_posture_parse(const char *text, enum respond_posture *ret);

/* Borrowed as struct respond_ban. */
struct respond_measure {
    enum action_kind kind; /* DELAY, THROTTLE, HOLD, QUARANTINE, FIREWALL, POSTURE */
    enum respond_target target_kind;
    const char *target;
    const char *address; /* of TARGET_CLIENT_ADDRESS, a prefix of TARGET_LISTENER, and the zone that
                            TARGET_CONDUIT leads to; or NULL */
    unsigned directions; /* QUARANTINE: RESPOND_PUBLISH, RESPOND_DELIVER */
    uint64_t amount;     /* DELAY: ms, 0 of the node; THROTTLE: messages a second; POSTURE: enum
                            respond_posture */
    uint64_t created_unix_ms;
    uint64_t expires_unix_ms; /* 0: until lifted */
    const char *reason;
    const char *author;
    const char *incident; /* NULL: a person took it */
    const char *undo_by;  /* who has undone it, which the node could not do yet; NULL: nobody */
};
