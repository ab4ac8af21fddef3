/* SPDX-License-Identifier: Apache-2.0 */
/* session/session_private.h - what session.c, outbound.c and retained.c share */
#pragma once

#include "session/session.h"

/* Messages that one subscription found in the retained store; sent as the queue runs empty. */
struct retained_batch {
    struct retained_batch *next;
    struct message **messages; /* owned references from [at] on */
    size_t n;
    size_t at;
    uint32_t subscription_id;
    uint8_t qos;
};

void retained_batch_drop(struct session *s);
bool retained_batch_take(struct session *s, uint64_t now_ns, struct delivery *ret);
