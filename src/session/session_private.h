/* SPDX-License-Identifier: Apache-2.0 */
/* session/session_private.h - what session.c, outbound.c and retained.c share */
#pragma once

#include "session/session.h"

void retained_batch_done(struct retained_batch *b);
bool retained_batch_take(struct retained_batch *b, uint64_t now_ns, struct delivery *ret);
