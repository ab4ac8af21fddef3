/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/model.h - what the node must do, may do and must not do, from what clients did
 *
 * A message, called a letter here since the node has its own struct message, is known
 * by the number in its payload.  For each client it says whether it must arrive (the client had a
 * SUBACK for a filter that matches, before the PUBLISH was sent, and its session has stayed), how
 * often it may, and how often it did.  A duty to deliver ends with the subscription, the session or
 * the message's expiry; it is a firm one when the node has acknowledged the message.
 *
 * Sessions and Wills are checked against the events that workers leave for the
 * sentinel: they carry the time of the worker.
 */
#pragma once

#include "base/clock.h"
#include "event/event.h"
#include "sim/client.h"

#define ROUNDING_NS (2 * NS_PER_MS) /* of a restart: the journal has dates in ms */

struct duty {
    bool must;
    bool is_retained; /* the duty comes from a SUBSCRIBE */
    uint8_t n_may;    /* copies that may arrive */
    uint8_t n_got;
    uint8_t n_got_once;     /* of them by QoS 2 */
    unsigned n_after_crash; /* copies more that may arrive, below QoS 2 */
    unsigned n_by_shares;   /* copies that nobody else may get */
};

struct letter {
    uint32_t n;
    struct client *publisher;
    unsigned topic;
    uint8_t qos;
    bool retain;
    bool is_will;
    bool is_open; /* a Will that the node has: it may come yet, or come again after a crash */
    bool is_over; /* it was published or forgotten; so much is not on the disk yet */
    bool has_user_value;
    bool has_content_type;
    bool is_denied;   /* the publisher has no right */
    bool is_doubtful; /* its rights change just now */
    bool is_settled;  /* acknowledged: the node has it */
    bool is_refused;
    bool by_5;         /* sent by a connection of 5.0, or as a Will: No Local keeps it away, */
    bool by_311;       /* or by one of 3.1.1, where there is no such option; or by both */
    uint32_t size;     /* of the payload; 0: clears what is retained */
    uint32_t expiry_s; /* NOT_SET */
    unsigned n_sent;
    unsigned n_at_outlet;
    unsigned n_copies;        /* that a subscription may bring */
    unsigned shares_must;     /* BIT() of filters: some member has to get it, */
    unsigned shares_kept;     /* and has to after a crash */
    unsigned n_by_some_share; /* copies to members of several */
    uint64_t sent_ns;         /* first */
    uint64_t settled_ns;      /* the node had it by then */
    struct duty to[CLIENTS_MAX];
};

void model_start(void);
void model_end(void);
uint32_t model_next_n(void);
struct letter *model_letter(uint32_t n);
struct letter *letter_new(struct client *publisher, unsigned topic, uint8_t qos, bool retain,
                          uint32_t size);
void letter_payload(const struct letter *m, struct buf *ret);
bool letter_may_be_published(const struct letter *m);
void letter_user_value(const struct letter *m, char ret[16]);
void letter_sent(struct letter *m);
void letter_perhaps_sent(struct letter *m);
void model_flushed(void);
void letter_settled(struct letter *m, uint64_t at_ns);
void letter_refused(struct letter *m);
struct letter *letter_find(struct bytes payload);
bool letter_has_to_arrive(const struct letter *m);
bool letter_may_be_too_large(const struct letter *m, const struct client *c);
bool letter_expired(const struct letter *m, uint64_t now_ns);
const struct letter *model_retained(unsigned topic, uint64_t before_ns);

/* A duty ends. */
void model_drop_duties(struct client *c);
void model_recheck_duties(struct client *c);
void model_weakened(struct client *c, unsigned filter);

void model_subscribe_sent(struct client *c, unsigned filter, uint8_t options);
void model_subscribed(struct client *c, const struct out *o, unsigned i);

/* deliver.c: a PUBLISH came */
struct arrival {
    struct line *line;
    const struct packet *packet;
    uint64_t written_ns;
};
void model_received(struct client *c, const struct arrival *a);

/* session.c: events of the node */
void model_event(const struct event *e, unsigned worker);
void model_after_turn(unsigned worker);
void model_node_ends(bool yes);
int model_expected_present(struct line *k);
uint64_t model_next_due_ns(void);

/* outlet.c: somebody who is no worker and wants messages */
struct node;
void outlet_start(struct node *n);
void outlet_reads(void);
void outlet_check(void);
void outlet_end(void);

/* quarantine.c: of some topics nothing is delivered for a while */
struct restraints;
void quarantine_start(void);
void quarantine_change(void);
struct restraints *quarantine_restraints(void);
bool quarantine_may_hold_back(unsigned topic, uint64_t asked_ns);
bool quarantine_holds_back(const struct letter *m);

/* reload.c: rights are taken away and given back */
void reload_start(void);
void reload_change(void);
uint32_t reload_since_n(void); /* messages from this number on come under the policy of now alone */
bool reload_suspends(const struct client *c, unsigned filter);
bool reload_hides(const struct client *c, unsigned filter, const struct letter *m);

/* share.c: what comes to one member of a group */
void shares_start(void);
void shares_end(void);
bool comes_by_share(const struct client *c, unsigned topic);
bool comes_by_several_shares(const struct client *c, unsigned topic);
void shares_find(struct letter *m);
void shares_weakened(void);
void shares_member_in_doubt(struct client *c);
void shares_member_left(void);
bool shares_may_pass_on(const struct letter *m);
void shares_session_ended(struct client *c, const struct line *now);
void shares_crashed(void);
void shares_count(struct client *c, struct letter *m, const struct arrival *a,
                  const unsigned *filters, unsigned n);
void shares_acknowledged(const struct client *c, uint16_t packet_id, uint64_t end);
void shares_check(void);
void shares_join_all(void);
void shares_publish_evenly(void);
void shares_check_fair(void);

/* crash.c: the node ends at once, and begins anew */
void model_crashed(void);
void model_restarted(void);

/* check.c: when all has calmed down */
void check_delivered(struct node *n);
void check_retained(struct node *n);
void check_empty(struct node *n);
void check_limits(struct node *n);
