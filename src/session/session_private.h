/* SPDX-License-Identifier: Apache-2.0 */
/* session/session_private.h - what the files of this folder share */
#pragma once

#include "session/session.h"

void aliases_done(struct conn *c);
void alias_shorten(struct conn *c, struct wire_delivery *d, uint64_t topic_hash);

void retained_batch_done(struct retained_batch *b);
bool retained_batch_take(struct retained_batch *b, uint64_t now_ns, struct delivery *ret);
