/* SPDX-License-Identifier: Apache-2.0 */
/* session/session_private.h - what the files of this folder share */
#pragma once

#include "session/session.h"

void alias_shorten(struct conn *c, struct wire_delivery *d, uint64_t topic_hash);

void session_forget_found(struct session *s);
void session_missed(struct session *s, const struct receiver *r);
bool session_take_found(struct session *s, uint64_t now_ns, struct delivery *ret);

/* kept.c: what the journal is told; a delivery without an id is not kept. */
struct notes *session_notes(const struct session *s);
void session_note_offered(struct session *s, struct publication *p, const struct delivery *d,
                          const struct share *share);
void session_note_found(struct session *s, struct delivery *d);
void session_note_sent(struct session *s, const struct delivery *d);
void session_note_released(struct session *s, struct delivery *d);
