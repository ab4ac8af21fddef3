/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/order.h - actions by order of a person: at once, or when a second person agrees
 *
 * Which orders need a second person is not asked here.  One that waits is given up after a
 * quarter of an hour, and with the run.  On the thread that owns the struct respond.
 *
 * MQ.RS.RP-01 to MQ.RS.RP-06
 */
#pragma once

#include "respond/respond.h"

/* Borrowed. */
struct respond_order {
    enum action_kind kind;
    enum respond_target target_kind;
    const char *target;
    const char *address; /* as of struct respond_measure */
    unsigned directions; /* as of struct respond_measure */
    uint64_t amount;
    uint64_t for_ms; /* 0: until undone */
    const char *reason;
};

/* BIT(enum respond_target) that the kind can be aimed at; 0: not by order. */
unsigned respond_action_targets(enum action_kind kind);
bool action_kind_parse(const char *text, enum action_kind *ret);
/* For the configuration: NULL if it is an action that can be ordered, or what is wrong; static. */
const char *respond_ordered_wrong_why(const char *text);

/* Has it what its kind needs? */
bool respond_order_is_sound(const struct respond_order *o);

/* What is in force and makes @o in vain, as it is as strong at least and ends later; owned by the
 * caller; NULL: nothing. */
char *respond_order_covered(const struct respond *r, const struct respond_order *o,
                            struct respond_now now);
enum respond_answer respond_order_run(struct respond *r, const struct respond_order *o,
                                      const char *author, struct respond_now now, char **ret_why);
enum respond_answer respond_order_undo(struct respond *r, const struct respond_order *o,
                                       const char *author, struct respond_now now, char **ret_why);

/* ---- in words ---- */

/* "throttle 50/s for 10m"; owned by the caller. */
char *respond_exactly(const struct respond_order *o);
/* @result, and what exactly it is the result of, if there is more to say than its kind: "done:
 * throttle 50/s for 10m"; owned by the caller. */
char *respond_result_text(const char *result, const struct respond_order *o);

/* What is acted upon, as it is written on the command line: "client-address m-1 192.0.2.7".  Owned
 * by the caller. */
char *respond_object_text(enum respond_target kind, const char *target, const char *address);
struct respond_order respond_order_of(const struct action *a);
struct respond_order respond_order_of_measure(const struct respond_measure *m);

/* ---- for a second person ---- */

#define RESPOND_WAITING_MAX    64 /* orders that wait; more are refused */
#define RESPOND_ORDER_ID_BYTES 24 /* "O-1a2119c5b80", never given before */

struct respond_waiting {
    char id[RESPOND_ORDER_ID_BYTES];
    struct action action; /* its author is who ordered it; it expires unless it is approved */
    unsigned n_hit;       /* connections, when it was ordered */
};

/* Have it wait.  E_INVALID: it could not be done anyway; E_LIMIT. */
enum respond_answer respond_order_hold(struct respond *r, const struct respond_order *o,
                                       const char *author, unsigned n_hit, struct respond_now now,
                                       char ret_id[RESPOND_ORDER_ID_BYTES]);
/* Do it now, if @author is another one than who ordered it.  E_NOT_FOUND, E_CONFLICT: it is the
 * same one; or as respond_order_run().  @ret: what it was, for respond_waiting_done(); its id is ""
 * when it still waits, or there is none such. */
enum respond_answer respond_order_approve(struct respond *r, const char *id, const char *author,
                                          struct respond_now now, struct respond_waiting *ret,
                                          char **ret_why);
/* Not any more, by anybody.  @ret as above. */
enum respond_answer respond_order_withdraw(struct respond *r, const char *id, const char *author,
                                           struct respond_waiting *ret);
void respond_waiting_done(struct respond_waiting *w);

typedef void respond_waiting_fn(void *arg, const struct respond_waiting *w);
/* Oldest first; @fn must not call respond. */
void respond_waiting_each(const struct respond *r, respond_waiting_fn *fn, void *arg);
