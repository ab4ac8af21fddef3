/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/client_private.h - the parts of a client; private to client
 *
 * channel.c moves bytes and handles one packet at a time, inbox.c keeps what
 * arrives for the application, flight.c what was sent and is not acknowledged,
 * proof.c proves a password, request.c and client.c are the calls of the face.
 */
#pragma once

#include "base/list.h"
#include "client/client.h"
#include "crypto/scram.h"
#include "io/io.h"

/* One PUBLISH of QoS 1 or 2 on its way out. */
struct flight {
    struct list link;
    struct buf packet; /* owned; for a resumed session; empty once PUBREC came */
    uint16_t id;
    uint8_t qos;
    bool is_sent;     /* on this network connection */
    bool is_received; /* QoS 2: PUBREC came, PUBREL is due or under way */
};

/* The one answer a call waits for: PUBACK, PUBREC or PUBCOMP, SUBACK, UNSUBACK. */
struct awaited {
    uint16_t id; /* 0: none */
    bool is_done;
    uint8_t reason;
    size_t n_reasons;
    uint8_t reasons[WIRE_FILTERS_MAX];
};

struct client {
    struct client_settings s;
    char *id; /* owned */
    enum wire_level level;
    uint8_t reason;
    bool session_present;
    bool has_connack;
    char *error; /* owned; NULL: none */

    struct stream *stream; /* owned; NULL while not connected */
    struct buf in;
    size_t in_used; /* of @in, by packets that are done with */
    struct buf out; /* scratch */
    uint64_t keep_alive_ns;
    uint64_t sent_ns; /* when a packet was last sent */
    uint64_t ping_ns; /* when the PINGREQ that is not answered was sent; 0: none */

    struct scram_client *scram; /* owned; NULL: no extended authentication is under way */
    struct awaited awaited;
    struct list flights; /* in the order of sending */
    size_t n_flights;
    size_t n_sent; /* of them on this network connection */
    size_t window; /* most of n_sent */
    uint32_t server_packet_max;
    uint16_t last_id;
    uint8_t server_qos_max;
    bool server_retains;
    uint8_t refusal; /* of a PUBLISH since client_flush() */

    struct list inbox;
    size_t inbox_bytes;
    struct inbox_item *handed;     /* what client_next() gave last */
    struct wire_aliases aliases;   /* of the server, on this network connection */
    uint64_t qos2_ids[65536 / 64]; /* received, PUBREL not yet: not to be handed out twice */
};

unsigned client_timeout_ms(const struct client *c);
uint64_t client_deadline_ns(const struct client *c);
enum client_outcome client_fail(struct client *c, enum client_outcome o, uint8_t reason,
                                const char *format, ...) PRINTF(4, 5);
void client_error_set(struct client *c, struct buf *text);
enum client_outcome client_misbehaved(struct client *c, enum wire_outcome o, enum wire_type type);

/* channel.c */
enum client_outcome channel_handshake(struct client *c);
enum client_outcome channel_wait(struct client *c, uint64_t deadline_ns);
enum client_outcome channel_send(struct client *c, struct bytes packet, uint64_t deadline_ns);
enum client_outcome channel_step(struct client *c, uint64_t deadline_ns);
int channel_due_ms(const struct client *c);

/* inbox.c */
enum client_outcome inbox_publish(struct client *c, const struct wire_frame *f);
enum client_outcome inbox_pubrel(struct client *c, const struct wire_frame *f);
void inbox_resume(struct client *c);
void inbox_done(struct client *c);

/* flight.c */
struct flight *flight_new(struct client *c, const struct client_message *m);
enum client_outcome flight_send(struct client *c, struct flight *f);
enum client_outcome flights_acknowledge(struct client *c, const struct wire_frame *f);
enum client_outcome flights_resume(struct client *c);
enum client_outcome flights_wait_below(struct client *c, size_t n);
void flights_forget(struct client *c);

/* request.c */
enum client_outcome request_answer(struct client *c, const struct wire_frame *f);

uint16_t request_id(struct client *c);

/* proof.c */
void proof_hello(struct client *c, struct wire_props *props, struct buf *ret_data);
void proof_done(struct client *c);
bool proof_check(struct client *c, const struct wire_props *props);
enum client_outcome proof_receive(struct client *c, const struct wire_frame *f);

/* client.c */
enum client_outcome client_connack(struct client *c, const struct wire_frame *f);
