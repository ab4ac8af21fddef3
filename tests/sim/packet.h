/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/packet.h - MQTT packets as a client builds and reads them
 *
 * Written apart from src/wire, so that a mistake there is not made here too.
 */
#pragma once

#include "base/bytes.h"

#define LEVEL_311 4
#define LEVEL_5   5

enum packet_type {
    CONNECT = 1,
    CONNACK,
    PUBLISH,
    PUBACK,
    PUBREC,
    PUBREL,
    PUBCOMP,
    SUBSCRIBE,
    SUBACK,
    UNSUBSCRIBE,
    UNSUBACK,
    PINGREQ,
    PINGRESP,
    DISCONNECT,
    AUTH,
};

const char *packet_name(unsigned type);

#define NOT_SET UINT32_MAX /* a property that is left out */

struct connect_packet {
    uint8_t level;
    bool clean;
    uint16_t keep_alive_s;
    const char *client_id;
    const char *user; /* NULL: none */
    const char *password;
    uint32_t expiry_s; /* 5.0 only, as all properties; NOT_SET */
    uint32_t receive_max;
    uint32_t packet_max;
    uint32_t alias_max;
    const char *will_topic; /* NULL: no Will */
    struct bytes will_payload;
    uint8_t will_qos;
    bool will_retain;
    uint32_t will_delay_s;
    uint32_t will_expiry_s;
};

struct publish_packet {
    const char *topic;
    uint16_t alias;  /* 0: none */
    bool alias_only; /* no topic */
    struct bytes payload;
    uint8_t qos;
    bool dup;
    bool retain;
    uint16_t packet_id;
    uint32_t expiry_s;      /* NOT_SET */
    const char *user_value; /* of a user property "n"; NULL: none */
    bool content_type;      /* "text/plain" */
};

struct subscribe_filter {
    const char *filter;
    uint8_t options;
};

void build_connect(struct buf *to, const struct connect_packet *p);
void build_publish(struct buf *to, const struct publish_packet *p, uint8_t level);
void build_ack(struct buf *to, unsigned type, uint16_t packet_id, uint8_t reason, uint8_t level);
void build_subscribe(struct buf *to, uint16_t packet_id, const struct subscribe_filter *filters,
                     size_t n, uint32_t subscription_id, uint8_t level);
void build_unsubscribe(struct buf *to, uint16_t packet_id, const char *const *filters, size_t n,
                       uint8_t level);
void build_pingreq(struct buf *to);
void build_disconnect(struct buf *to, uint8_t reason, uint32_t expiry_s, uint8_t level);

#define CODES_MAX  1024
#define SUBIDS_MAX 256

/* What a server sent; borrows from where it was read. */
struct packet {
    unsigned type;
    size_t len; /* of all */
    uint8_t flags;
    uint16_t packet_id;
    uint8_t reason; /* CONNACK, acknowledgements, DISCONNECT */
    uint8_t codes[CODES_MAX];
    size_t n_codes;
    bool session_present;
    struct bytes topic;
    uint16_t alias; /* 0: none */
    struct bytes payload;
    uint32_t expiry_s; /* Message or Session Expiry Interval; NOT_SET, as the next ones */
    uint32_t receive_max;
    uint32_t keep_alive_s;
    uint32_t alias_max;
    uint32_t subids[SUBIDS_MAX];
    size_t n_subids;
    struct bytes user_value; /* of the user property "n"; at NULL: none */
    struct bytes content_type;
};

/* Return: false while it is not whole; fails on what no server may send. */
bool packet_parse(struct bytes data, uint8_t level, struct packet *ret);
