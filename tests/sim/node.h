/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/node.h - the node that is simulated: its workers, and what stands in for other threads
 *
 * The auth threads' answers come in any order.  The sentinel's place is taken by the
 * model, which reads every event.
 */
#pragma once

#include "sim/topics.h"

#define FIELD_PORT           1883
#define CONTROL_PORT         1884
#define KEEP_ALIVE_MAX_S     3600
#define SESSION_EXPIRY_MAX_S 604800
#define CONNECT_TIMEOUT_MS   8000

struct node;
struct restraints;

struct node *node_start(void);
void node_end(void);
struct node *node_crash(void);            /* at once; Return: the one that has begun in its place */
void node_restrain(struct restraints *r); /* in force on every worker on return */
void node_settles(void);                  /* all that it can do now is done, and on the disk */
bool node_is_dying(void); /* it is not there any more: what its code still does does not count */
bool node_scribe_wants_turn(void);
void node_scribe_turns(void);
bool node_worker_wants_turn(unsigned worker);
bool node_worker_gets_time(unsigned worker);
void node_turn(unsigned worker);
uint64_t node_next_timer_ns(void);
bool node_has_auth_jobs(void);
void node_answer_auth(void);
enum policy_variant node_policy(void);
bool node_policy_is_changing(void);
void node_change_policy(void);                /* the other one, on every worker on return */
void node_begins_with(enum policy_variant v); /* after the next crash */
unsigned node_home(const char *client_id);
bool node_holds_back(void); /* some connection is not read for a while */
