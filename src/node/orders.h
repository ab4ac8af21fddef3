/* SPDX-License-Identifier: Apache-2.0 */
/* node/orders.h - orders of people, and what actions need beyond workers: firewall, CA, shutdown;
 * private to node */
#pragma once

#include "node/node_private.h"
#include "respond/canonical.h"
#include "respond/order.h"

struct aim_count;

/* orders.c: one that is tried, and what came of it */
struct order_call {
    const struct respond_order *order;
    const char *author;
    enum respond_answer answer;
    char *why;    /* owned */
    char *others; /* owned; of an undo: what keeps it out still; NULL: nothing */
    char *under;  /* owned; of an undo: what the block was on; NULL: nothing is held back by it */
    bool lacks_reason; /* of an undo that takes one: none was given */
    bool is_refused;   /* therefore */
    bool is_kept;
};

void order_say(const struct respond_order *o, struct buf *to);
const char *order_until_restart(bool is_kept);
void order_audit(struct node *n, const char *verb, const struct respond_order *o,
                 const char *author, const char *format, ...) PRINTF(5, 6);
void order_audit_done(struct node *n, const char *verb, const struct order_call *c, unsigned hit);
char *order_answer_text(const struct order_call *c, const struct aim_count *hit);
unsigned order_would_hit(struct sentinel *s, const struct respond_order *o);
char *order_kept_out_by(const struct respond *r, const struct respond_ban *lifted);

/* lifting.c */
unsigned lifting_directions(const struct sentinel *s, const struct respond_measure *at);
char *lifting_text(struct sentinel *s, const struct respond_measure *at);

/* orders_read.c */
char *order_read(const struct node_order *o, struct canonical *said, struct respond_order *ret);
char *order_wrong_listener(struct node *n, const struct respond_order *o);
char *order_wrong_zone(struct node *n, const struct respond_order *o);
char *order_wrong_user(struct node *n, enum respond_target kind, const char *name);
const char *order_needs_text(enum action_kind kind);
bool order_is_idle(struct node *n, const struct respond_order *o);
enum node_answer order_try_dry(struct node *n, const struct respond_order *o,
                               const struct aim_count *hit, char **ret_text);

/* in_force.c */
size_t in_force_waiting(const struct sentinel *s);
const char *in_force_posture(struct node *n);

/* orders_wait.c */
bool order_needs_second(struct node *n, enum action_kind kind, unsigned n_hit);
bool order_waits(struct node *n, const struct respond_order *o, const char *author, unsigned n_hit,
                 enum node_answer *ret, char **ret_text);

/* What the self-test orders of what is its own, to see whether it works: in force on return.  It is
 * in the log, but in no list and no audit of what people order.  False: it is not done. */
#define TRIAL_AUTHOR "self-test"
bool order_of_trial(struct node *n, const struct respond_order *o);
/* @ret_under: what was told to be under it, owned by the caller, or NULL; NULL: nobody asks. */
bool order_of_trial_undo(struct node *n, const struct respond_order *o, char **ret_under);

const char *firewall_would(struct node *n, const char *prefix, unsigned for_s);
const char *revocation_lacks(const struct node *n);
const char *firewall_ask(struct node *n, const char *prefix, unsigned for_s);
bool firewall_count(struct node *n, unsigned *ret_blocks);
size_t firewall_wanted(const struct respond *r);
bool firewall_forgot(struct node *n, size_t n_blocks);
char *revoke_certificate(struct node *n, const char *serial);
void shutdown_want(struct node *n, const char *author, const char *reason);
