/* SPDX-License-Identifier: Apache-2.0 */
/* node/held.h - commands that wait for a person; private to node */
#pragma once

#include <jansson.h>

#include "base/bytes.h"

struct message;
struct node;

#define HELD_SHOWN_BYTES_MAX 512 /* of a topic or client id, in the audit and in answers */

/* hold.c */
struct bytes held_shown(struct bytes text);
char *held_actor(struct bytes client_id);
void hold_audit(struct node *n, const char *actor, const char *action, const struct message *m,
                const char *reason, const char *result);

/* held.c; any thread */
void held_list_json(struct node *n, json_t *array);
void held_give_up(struct node *n, uint64_t now_unix_ms, const char *why);
