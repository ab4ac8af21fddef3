/* SPDX-License-Identifier: Apache-2.0 */
/* node/link_private.h - what the files of a network connection share; private to them */
#pragma once

#include "node/node_private.h"

#define LINK_CLOSED_TEXT "closed by the client without DISCONNECT"

/* node/link.c */
bool link_may_process(const struct link *l);
bool link_is_control(const struct link *l);
bool link_has_turn(const struct link *l);
bool link_owes_much(const struct link *l);
void link_again(struct link *l);
void link_watch(struct link *l);
void link_count_bytes(struct link *l, uint64_t *direction, size_t n);
void link_move_home(struct link *l);

/* node/link_close.c */
void link_leave_worker(struct link *l);
void link_free(struct link *l);
void link_linger(struct link *l);
void link_has_closed(struct link *l);
void link_ended(struct link *l);
void link_lost(struct link *l, const char *why);

/* node/link_read.c */
void link_read(struct link *l);

/* node/link_write.c */
bool link_stream_owes(const struct link *l);
