/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - a session on its own, and what it sends */
#pragma once

#include "session/session.h"
#include "unit/unit.h"

extern const struct session_limits bench_limits;

/* A session with a network connection, one subscription, and a reader of what it sends. */
struct bench {
    struct buf out;
    struct conn conn;
    struct session *session;
    struct subscription *subs[1];
    struct receiver receiver;
    size_t read_at;
    struct subscription sub; /* last: its text would follow */
};

void agree(struct bench *b, enum wire_level level, uint16_t receive_max, uint32_t packet_max);
struct bench *bench_new(enum wire_level level, uint8_t qos);
void cut(struct bench *b);
void bench_free(struct bench *b);
enum session_offered offer_at(struct bench *b, const char *payload, uint8_t qos,
                              uint64_t expires_ns, uint64_t now_ns);
enum session_offered offer(struct bench *b, const char *payload, uint8_t qos);
bool next_frame(struct bench *b, struct wire_frame *f);
struct wire_publish sent_publish(struct bench *b);
void assert_sent(struct bench *b, const char *payload, uint8_t qos, uint16_t id, bool dup);
void assert_sent_ack(struct bench *b, enum wire_type type, uint16_t id, uint8_t reason);
void assert_nothing_sent(struct bench *b);
bool ack_at(struct bench *b, enum wire_type type, uint16_t id, uint8_t reason, uint64_t now_ns);
bool ack(struct bench *b, enum wire_type type, uint16_t id, uint8_t reason);
