/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/orders_wait.c - what one person may not order alone: it waits, is approved or withdrawn
 *
 * MQ.RS.RP-01 to MQ.RS.RP-06
 */
#include "node/orders.h"

#include <stdlib.h>

#include "base/text.h"
#include "node/aim.h"
#include "node/sentinel.h"

/* ---- it waits ---- */

/** order_needs_second() - is it more than one person may order alone? */
bool order_needs_second(struct node *n, enum action_kind kind, unsigned n_hit)
{
    bool needs;

    pthread_mutex_lock(&n->config_lock);
    needs =
        n->config->four_eyes_connections_max > 0 && n_hit > n->config->four_eyes_connections_max;
    for (size_t i = 0; i < n->config->n_four_eyes_actions; i++)
        needs |= strcmp(n->config->four_eyes_actions[i], action_kind_text(kind)) == 0;
    pthread_mutex_unlock(&n->config_lock);
    return needs;
}

struct hold_call {
    const struct respond_order *order;
    const char *author;
    unsigned n_hit;
    enum respond_answer answer;
    char id[RESPOND_ORDER_ID_BYTES];
};

static void hold_here(struct sentinel *s, void *arg)
{
    struct hold_call *c = arg;

    c->answer =
        respond_order_hold(s->respond, c->order, c->author, c->n_hit, sentinel_now(s), c->id);
}

static char *waits_text(const struct hold_call *c)
{
    CLEANUP(buf_done) struct buf text = {0};

    order_say(c->order, &text);
    buf_addf(&text,
             " hits %u connection%s and waits for a second person as %s, for 15 minutes: another "
             "one says 'bastide respond approve %s', 'bastide respond undo %s' takes it back",
             c->n_hit, c->n_hit == 1 ? "" : "s", c->id, c->id, c->id);
    return bytes_dup_str(buf_view(&text));
}

/**
 * order_waits() - does an order wait for a second person?
 * @ret, @ret_text:  written when it does, or would but cannot
 */
bool order_waits(struct node *n, const struct respond_order *o, const char *author, unsigned n_hit,
                 enum node_answer *ret, char **ret_text)
{
    struct hold_call c = {.order = o, .author = author, .n_hit = n_hit};
    struct order_call said = {.order = o, .author = author};

    if (!order_needs_second(n, o->kind, n_hit))
        return false;
    sentinel_call(n->sentinel, hold_here, &c);
    said.answer = c.answer;
    if (c.answer != RESPOND_OK) {
        *ret = node_answer_of(c.answer);
        *ret_text = c.answer == RESPOND_E_LIMIT
                        ? text_format("%d orders wait for a second person already; approve or undo "
                                      "some of them",
                                      RESPOND_WAITING_MAX)
                        : order_answer_text(&said, NULL);
        return true;
    }
    order_audit(n, "hold ", o, author, "%s waits for a second person, %u hit", c.id, n_hit);
    *ret = NODE_HELD;
    *ret_text = waits_text(&c);
    return true;
}

/* ---- approved, or withdrawn ---- */

struct second_call {
    const char *id;
    const char *author;
    struct respond_waiting ordered;
    enum respond_answer answer;
    char *why; /* owned */
    bool is_kept;
};

static void approve_here(struct sentinel *s, void *arg)
{
    struct second_call *c = arg;

    c->answer =
        respond_order_approve(s->respond, c->id, c->author, sentinel_now(s), &c->ordered, &c->why);
    c->is_kept = respond_is_kept(s->respond);
}

static void withdraw_here(struct sentinel *s, void *arg)
{
    struct second_call *c = arg;

    c->answer = respond_order_withdraw(s->respond, c->id, c->author, &c->ordered);
}

static char *no_such_order(const char *id)
{
    return text_format(
        "no order %s waits: it was approved or withdrawn, its 15 minutes are over, or "
        "the node was started again",
        id);
}

/** node_order_approve() - see node.h */
enum node_answer node_order_approve(struct node *n, const char *id, const char *author,
                                    unsigned *ret_count, char **ret_text)
{
    struct second_call c = {.id = id, .author = author};
    struct order_call done;
    struct respond_order order;
    struct aim_count hit = {0};

    sentinel_call(n->sentinel, approve_here, &c);
    *ret_count = hit.n = c.ordered.n_hit;
    if (c.ordered.id[0] == '\0') {
        *ret_text =
            c.answer == RESPOND_E_CONFLICT
                ? text_format("order %s is yours: it takes a second person to approve it", id)
                : no_such_order(id);
        return node_answer_of(c.answer);
    }
    order = respond_order_of(&c.ordered.action);
    done = (struct order_call){
        .order = &order, .author = author, .answer = c.answer, .why = c.why, .is_kept = c.is_kept};
    if (order.kind == ACTION_POSTURE && c.answer == RESPOND_OK)
        posture_wait(n);
    order_audit_done(n, "approve ", &done, hit.n);
    *ret_text = order_answer_text(&done, &hit);
    respond_waiting_done(&c.ordered);
    free(c.why);
    return node_answer_of(c.answer);
}

/** node_order_withdraw() - see node.h */
enum node_answer node_order_withdraw(struct node *n, const char *id, const char *author,
                                     char **ret_text)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct second_call c = {.id = id, .author = author};
    struct respond_order order;

    sentinel_call(n->sentinel, withdraw_here, &c);
    if (c.answer != RESPOND_OK) {
        *ret_text = no_such_order(id);
        return node_answer_of(c.answer);
    }
    order = respond_order_of(&c.ordered.action);
    order_audit(n, "withdraw ", &order, author, "%s", id);
    buf_addf(&text, "order %s is withdrawn: ", id);
    order_say(&order, &text);
    *ret_text = bytes_dup_str(buf_view(&text));
    respond_waiting_done(&c.ordered);
    return NODE_OK;
}
