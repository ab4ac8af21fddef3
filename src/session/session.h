/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/session.h - the MQTT machines of a network connection and of a session
 *
 * A session (client id, subscriptions, queue, inflight windows, Will) outlives its
 * network connections; a conn is one of them.  Both belong to one worker.  Functions
 * take packets and a time; what they want sent they append, encoded, to the conn's
 * output buffer; everything else they answer as an outcome.
 *
 * Pure: no clock, no socket, no randomness.
 */
#pragma once

#include "base/bytes.h"
#include "base/heap.h"
#include "queue/queue.h"
#include "router/router.h"
#include "session/inflight.h"
#include "session/notes.h"
#include "session/packet_ids.h"
#include "wire/wire.h"

/* Deliveries are encoded while less than this stands in the output buffer. */
#define CONN_OUT_HIGH_BYTES 131072

/* ---- network connection ---- */

enum conn_state {
    CONN_AWAIT_CONNECT,
    CONN_AUTHENTICATING, /* CONNECT was read; what the client sends meanwhile waits unread */
    CONN_CHALLENGED,     /* AUTH was sent in answer to CONNECT, and AUTH is to come */
    CONN_ACTIVE,
    CONN_CLOSED, /* DISCONNECT was sent or received; nothing more is taken */
    CONN_STATE_N,
};

struct session;
struct sent_alias;

struct conn {
    enum conn_state state : 8;
    enum wire_level level : 8;
    uint16_t receive_max; /* told to the client */
    uint16_t client_receive_max;
    uint16_t sent_alias_max;         /* 0: the client takes none */
    struct session *session;         /* while CONN_ACTIVE */
    struct buf *out;                 /* borrowed from the owner of the conn */
    struct notes *notes;             /* borrowed; NULL: nothing is waited for */
    struct gate *gate;               /* owned; NULL: nothing has waited yet */
    struct wire_aliases aliases;     /* of the client; their maximum is told to it */
    struct sent_alias *sent_aliases; /* owned, of alias.c; NULL until one is used */
    uint32_t packet_max;             /* the client's */
    uint32_t n_subacks_due;          /* deliveries wait until these have left */
    uint32_t n_packets;  /* put into @out, and not taken into account yet by its owner */
    uint32_t n_received; /* QoS 2 PUBLISH that are not done with, for Receive Maximum */
    bool request_problem;
    bool is_bridge;  /* of mosquitto's bridge protocol: see wire_connect.is_bridge */
    bool has_method; /* CONNECT had an Authentication Method: AUTH may come */
};

void conn_init(struct conn *c, struct buf *out);
void conn_done(struct conn *c);
struct buf *conn_gate(struct conn *c);
struct buf *conn_out(struct conn *c);
bool conn_awaits_connack(const struct conn *c);
void conn_suback(struct conn *c, struct bytes packet);
bool conn_owes(const struct conn *c);
struct buf *conn_last(struct conn *c);
void conn_finish(struct conn *c);
void conn_forget_owed(struct conn *c);
size_t conn_gated_bytes(const struct conn *c);
size_t conn_gate_memory(const struct conn *c);
void conn_become(struct conn *c, enum conn_state next);
bool conn_may_receive(const struct conn *c, enum wire_type type);
const char *conn_state_text(enum conn_state state);
void conn_agree(struct conn *c, const struct wire_connect *p, uint16_t receive_max,
                uint16_t topic_alias_max, uint16_t sent_alias_max);
void conn_send_ack(struct conn *c, enum wire_type type, uint16_t packet_id, uint8_t reason,
                   const char *reason_string);
void conn_add_suback(const struct conn *c, struct buf *out, enum wire_type type,
                     struct wire_suback *p, const char *reason_string);
void conn_send_disconnect(struct conn *c, uint8_t reason, const char *reason_string,
                          const char *server_reference);

/* ---- session ---- */

struct session_limits {
    struct queue_limits queue;
    uint32_t inflight_max;
};

/* A Will Message waiting for its time [MQTT5-3.1.2-8]. */
struct will {
    struct message *message; /* owned */
    uint64_t expiry_ns; /* Message Expiry Interval, from its publication on; EXPIRES_NEVER: none */
    uint32_t delay_s;
};

struct retained_found {
    struct message *message; /* owned reference */
    uint64_t record;         /* id by which the journal has the delivery; 0: it does not */
};

/* Messages that one subscription found in the retained store. */
struct retained_batch {
    const struct router *router;  /* borrowed; where it was found */
    struct retained_found *found; /* owned, and what is in it from [at] on */
    size_t n;                     /* more than at */
    size_t at;
    uint32_t subscription_id;
    uint8_t qos;
};

struct session {
    struct subscriber subscriber;
    struct bytes client_id; /* stands in @text, a zero behind it */
    uint64_t client_key;    /* client_key() of it */
    struct conn *conn;      /* NULL while disconnected */
    struct notes *notes;    /* borrowed; NULL: it lives in memory only */
    uint64_t number;        /* by which records name it */
    uint64_t record;        /* id of its own record; 0: none */
    uint32_t expiry_s;      /* 0: ends with the network connection; UINT32_MAX: never */
    bool is_persistent;     /* a message for it is kept while it is disconnected */
    bool is_reading;        /* what session_wants() has said is being read back */
    bool has_refused; /* as a member of a group, for want of room, and nobody was told since */

    struct queue queue;
    struct queue_limits queue_limits;
    struct inflight inflight;
    uint32_t n_unacknowledged; /* sent on this network connection and not finished */
    uint32_t inflight_max;
    struct packet_ids incoming;      /* of QoS 2, between PUBLISH and PUBREL */
    struct list retained_wanting;    /* struct retained_want: for what is still to be looked */
    struct retained_batch *retained; /* owned; found for one of them and not sent yet; NULL: none */
    struct will *will;               /* owned; NULL: none */

    uint64_t n_delivered;
    uint64_t payload_bytes_delivered;
    uint64_t n_dropped;
    uint8_t text[];
};

uint64_t client_key(struct bytes client_id);
struct session *session_new(struct bytes client_id, const struct session_limits *limits);
struct session *session_free(struct session *s);
void session_drop_will(struct session *s);
void session_attach(struct session *s, struct conn *c, const struct session_limits *limits);
void session_detach(struct session *s);
size_t session_count_waiting(const struct session *s, queue_pick_fn *pick, const void *arg,
                             size_t *n_unseen);
size_t session_drop_waiting(struct session *s, queue_pick_fn *drop, const void *arg);
/* The same of what is on the shelf of the queue, and was there when notes_last() was @until.
 * @records: of messages, ascending. */
size_t session_drop_shelved(struct session *s, const uint64_t *records, size_t n, uint64_t until);
size_t session_queued(const struct session *s);
void session_forget(struct session *s);
/* What a journal gives back; the session is not connected, and has no such things yet. */
void session_restore_received(struct session *s, uint16_t packet_id);
void session_restore_sent(struct session *s, const struct delivery *sent, size_t n);

/* What waits on the shelf of the queue, of which the journal has the messages. */
#define SESSION_WANTS_MAX 1024

/* The records of messages to be read back now, while the client takes what was read before.
 * @ret: SESSION_WANTS_MAX.  Return: how many; what is not 0 is to be answered. */
size_t session_wants(struct session *s, uint64_t *ret);
/* The answer: these messages, whose references are taken over; one that is NULL is lost.  The
 * caller calls session_pump() afterwards.  Return: how many were lost. */
size_t session_read(struct session *s, const uint64_t *records, struct message **messages,
                    size_t n);
/* A date of a message's record as CLOCK_MONOTONIC; EXPIRES_NEVER: none. */
uint64_t session_expires_ns(uint64_t unix_ms, uint64_t unix_ms_at_zero);
/* As the journal has it; NULL: not a message. */
struct message *session_message(uint64_t id, struct bytes record, uint64_t unix_ms_at_zero);

/* From the client. */
enum session_received {
    SESSION_ROUTE,             /* a new message */
    SESSION_DUPLICATE,         /* QoS 2, received before: acknowledge only [MQTT5-4.3.3-10] */
    SESSION_E_RECEIVE_MAXIMUM, /* close with 0x93 [MQTT5-3.3.4-9] */
};

enum session_received session_receive_publish(struct session *s, const struct wire_publish *p);
void session_take_back(struct session *s, const struct wire_publish *p);
void session_acknowledge(struct session *s, const struct wire_publish *p, uint8_t reason,
                         const char *reason_string);
void session_receive_pubrel(struct session *s, const struct wire_ack *p);
bool session_receive_ack(struct session *s, enum wire_type type, const struct wire_ack *p);

/* To the client. */
enum session_offered {
    SESSION_SENT, /* encoded */
    SESSION_QUEUED,
    SESSION_SKIPPED,   /* not for this session, nor for another in its place: No Local, expired */
    SESSION_AWAY,      /* nothing of this QoS is kept while it is disconnected */
    SESSION_FULL,      /* by the queue's drop rule, for a member of a group: another may take it */
    SESSION_DROPPED,   /* by the queue's drop rule */
    SESSION_TOO_LARGE, /* for the client: counts as delivered [MQTT5-3.1.2-25] */
};

enum session_offered session_offer(struct session *s, struct publication *p,
                                   const struct receiver *r, uint64_t now_ns);
bool session_skips_own(const struct session *s, const struct subscription *sub, uint64_t publisher);
struct retained_want *session_want_retained(struct session *s, struct subscription *sub,
                                            uint64_t serial);
bool session_wants_retained(const struct retained_want *want, const struct message *m,
                            uint64_t serial);
struct subscription *session_retained_next(const struct session *s);
void session_note_want(struct session *s, struct retained_want *want);
void session_found_retained(struct session *s, struct subscription *sub);
void session_pause_retained(struct subscription *sub);
void session_resume_retained(struct session *s, struct subscription *sub);
void session_offer_retained(struct session *s, struct retained_want *want,
                            const struct router *router, struct retained_found *found, size_t n);
bool session_pump(struct session *s, uint64_t now_ns);
void session_take_shared(struct session *s, bool in_flight_too, struct queue_ring *ret);
size_t session_count_shared(const struct session *s, queue_share_fn *fn, const void *arg);
void session_put_back(struct session *s, const struct delivery *d);
