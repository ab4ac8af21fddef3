/* SPDX-License-Identifier: Apache-2.0 */
/* session/session_private.h - what the files of this folder share */
#pragma once

#include "session/session.h"

void alias_shorten(struct conn *c, struct wire_delivery *d, uint64_t topic_hash);

void session_forget_found(struct session *s);
bool session_take_found(struct session *s, uint64_t now_ns, struct delivery *ret);

#define PACKET_IDS 65535

/* [MQTT5-4.3.2-3] [MQTT5-4.3.3-3] [MQTT5-4.3.3-5] [MQTT5-4.3.3-6] [MQTT3-4.3.2-1] [MQTT3-4.3.3-1]
 */
enum inflight_state {
    INFLIGHT_PUBACK,  /* QoS 1, waits for PUBACK */
    INFLIGHT_PUBREC,  /* QoS 2, waits for PUBREC */
    INFLIGHT_PUBCOMP, /* QoS 2, PUBREL sent, waits for PUBCOMP; the message is released */
    INFLIGHT_DONE,    /* acknowledged out of order; leaves when the older ones do */
};

static inline void session_use_packet_id(struct session *s)
{
    s->next_packet_id = s->next_packet_id == PACKET_IDS ? 1 : (uint16_t)(s->next_packet_id + 1);
}

/* kept.c: what the journal is told; a delivery without an id is not kept. */
struct notes *session_notes(const struct session *s);
void session_note_offered(struct session *s, struct publication *p, const struct delivery *d,
                          const struct share *share);
void session_note_found(struct session *s, struct delivery *d);
void session_note_sent(struct session *s, const struct delivery *d);
void session_note_released(struct session *s, struct delivery *d);
