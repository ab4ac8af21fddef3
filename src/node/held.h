/* SPDX-License-Identifier: Apache-2.0 */
/* node/held.h - commands that wait for a person; private to node */
#pragma once

#include <jansson.h>

#include "base/bytes.h"

struct message;
struct node;

/* For printf("%.*s"): as much of a topic as the audit and answers show. */
#define HELD_TOPIC_BYTES_MAX 512
#define HELD_TOPIC_ARG(topic)                                                                      \
    (int)MIN((topic).len, (size_t)HELD_TOPIC_BYTES_MAX), (const char *)(topic).at

/* hold.c */
void hold_audit(struct node *n, const char *actor, const char *action, const struct message *m,
                const char *reason, const char *result);

/* held.c; any thread */
void held_list_json(struct node *n, json_t *array);
void held_give_up(struct node *n, uint64_t now_unix_ms, const char *why);
