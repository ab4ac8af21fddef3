/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/self_blocks.c - a trial: can a topic, a listener and a conduit be closed while the node
 * runs?
 *
 * By the orders that people give, in force on the whole node, but of a topic that is the
 * self-test's own, for an address that nobody else comes from, and between clients of its own: so
 * nobody is disturbed.  Each is seen to be open, closed, and open again.
 *
 * MQ.RS.RP-04
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "node/orders.h"
#include "node/self_trials.h"

#define TOPIC     SELF_TEST_TOPICS "blocked"
#define ENDS_MS   60000 /* by itself, whatever becomes of the trial */
#define SILENT_MS 200   /* so long nothing of the blocked topic may come */

static bool comes(struct client *c, int patience_ms)
{
    struct client_message m;

    return client_next(c, (unsigned)patience_ms, &m) == CLIENT_OK;
}

static enum client_outcome say(struct client *c, const char *payload)
{
    const struct client_message m = {
        .topic = BYTES(TOPIC), .payload = bytes_str(payload), .qos = 1, .retain = true};

    return client_publish(c, &m);
}

static struct respond_order quarantine_of(enum respond_target kind, const char *target,
                                          const char *address)
{
    return (struct respond_order){
        .kind = ACTION_QUARANTINE,
        .target_kind = kind,
        .target = target,
        .address = address,
        .directions = RESPOND_PUBLISH | RESPOND_DELIVER,
        .for_ms = ENDS_MS,
        .reason = "is it blocked?",
    };
}

/* ---- a topic ---- */

/* Neither what is published nor what is retained. */
static bool is_silent(const struct trial_kit *kit, const struct door *d, struct client *writer)
{
    char id[TRIAL_ID_LEN];
    const struct client_settings s = trial_settings(kit, d, 1, "late", id);
    struct client *reader = trial_client(&s);
    bool silent = reader != NULL && client_subscribe(reader, TOPIC, 1) == CLIENT_OK &&
                  trial_is_refused(writer, say(writer, "blocked")) && !comes(reader, SILENT_MS);

    client_free(reader);
    return silent;
}

/* What is said of a lift: by a person who gives no reason, and of what is under the block. */
struct lift {
    bool was_tried;
    bool needs_reason;
    bool is_checked; /* the one message that is retained there was seen */
};

/* As a person who says nothing would; in force afterwards, if it is as it should be. */
static bool needs_reason(struct node *n)
{
    const struct node_order undo = {.what = "quarantine", .target_kind = "topic", .target = TOPIC};
    char *text = NULL;
    enum node_answer a = node_respond_undo(n, &undo, TRIAL_AUTHOR, &text);

    free(text);
    return a == NODE_E_INVALID;
}

static bool lift(struct node *n, const struct respond_order *quarantine, struct lift *ret)
{
    char *under = NULL;
    bool is_lifted;

    ret->was_tried = true;
    ret->needs_reason = needs_reason(n);
    is_lifted = order_of_trial_undo(n, quarantine, &under);
    ret->is_checked = under != NULL && strstr(under, " 1 retained ") != NULL;
    free(under);
    return is_lifted;
}

static bool topic_is_blocked(const struct trial_kit *kit, const struct door *d, struct client *c,
                             struct lift *ret)
{
    const struct respond_order quarantine = quarantine_of(TARGET_TOPIC, TOPIC, NULL);
    bool blocked, is_lifted;

    if (client_subscribe(c, TOPIC, 1) != CLIENT_OK || say(c, "before") != CLIENT_OK ||
        !comes(c, TRIAL_MS) || !order_of_trial(kit->node, &quarantine))
        return false;
    blocked = is_silent(kit, d, c);
    is_lifted = lift(kit->node, &quarantine, ret);
    return say(c, "") == CLIENT_OK && is_lifted && blocked; /* nothing of it stays retained */
}

/* ---- a listener ---- */

/* From SELF_TEST_SOURCE, or from where all others come. */
static struct client *comes_in(const struct trial_kit *kit, const struct door *d, bool is_source)
{
    char id[TRIAL_ID_LEN];
    struct client_settings s = trial_settings(kit, d, 0, is_source ? "kept-out" : "other", id);

    s.bind_address = is_source ? SELF_TEST_SOURCE : NULL;
    return trial_client(&s);
}

static bool is_let_in(const struct trial_kit *kit, const struct door *d, bool is_source)
{
    struct client *c = comes_in(kit, d, is_source);

    client_free(c);
    return c != NULL;
}

static bool listener_is_blocked(const struct trial_kit *kit, const struct door *d)
{
    const struct respond_order quarantine =
        quarantine_of(TARGET_LISTENER, d->listener->name, SELF_TEST_SOURCE);
    struct client *c = comes_in(kit, d, true);
    bool blocked;

    if (c == NULL || !order_of_trial(kit->node, &quarantine)) {
        client_free(c);
        return false;
    }
    blocked = trial_closed_after_ms(kit, client_fd(c), clock_now_ns(), TRIAL_MS) != UINT64_MAX &&
              !is_let_in(kit, d, true) && is_let_in(kit, d, false);
    client_free(c);
    return order_of_trial_undo(kit->node, &quarantine, NULL) && blocked && is_let_in(kit, d, true);
}

/* ---- a pair of zones ---- */

/* The zones of a trial are one client each; others hear the writer as before. */
static bool conduit_is_blocked(const struct trial_kit *kit, const struct door *d, struct client *c,
                               const char *writer)
{
    char id[TRIAL_ID_LEN];
    const struct client_settings s = trial_settings(kit, d, 1, "beyond", id);
    struct client *reader = trial_client(&s);
    const struct respond_order quarantine = quarantine_of(TARGET_CONDUIT, writer, id);
    bool blocked = false;
    bool is_open = false;

    if (reader != NULL && client_subscribe(reader, TOPIC, 1) == CLIENT_OK &&
        say(c, "before") == CLIENT_OK && comes(reader, TRIAL_MS) && comes(c, TRIAL_MS) &&
        order_of_trial(kit->node, &quarantine)) {
        blocked = say(c, "blocked") == CLIENT_OK && comes(c, TRIAL_MS) && !comes(reader, SILENT_MS);
        is_open = order_of_trial_undo(kit->node, &quarantine, NULL) && say(c, "") == CLIENT_OK &&
                  comes(reader, TRIAL_MS);
    }
    client_free(reader);
    return blocked && is_open;
}

/** try_blocks() - of the scopes that there could be, those that are seen to work */
void try_blocks(struct trial_kit *kit, struct evidence_list *e)
{
    char id[TRIAL_ID_LEN];
    struct client_settings s;
    struct client *c;
    struct door d;
    struct lift l = {0};
    bool topic, listener, conduit;

    if (!door_first(kit, &d))
        return;
    s = trial_settings(kit, &d, 0, "blocked", id);
    c = trial_client(&s);
    if (c != NULL) {
        topic = topic_is_blocked(kit, &d, c, &l);
        conduit = topic && conduit_is_blocked(kit, &d, c, id);
        listener = listener_is_blocked(kit, &d);
        evidence_add(
            e, "MQ.RS.RP-04.t1", topic + listener + conduit, 4, NULL,
            "tried: a topic filter is %s, a listener (\"%s\") is %s, what one client says to "
            "another one, as between two zones, is %s; there are no bridges",
            topic ? "blocked" : "NOT blocked", d.listener->name,
            listener ? "blocked" : "NOT blocked", conduit ? "blocked" : "NOT blocked");
    }
    if (l.was_tried)
        evidence_add(e, "MQ.RS.RP-04.t4", l.needs_reason && l.is_checked, 1, NULL,
                     "tried: a block is %s without a reason of a person who is named in the "
                     "audit, and what is retained and waits under it is %s before",
                     l.needs_reason ? "not lifted" : "LIFTED",
                     l.is_checked ? "counted and told" : "NOT told");
    client_free(c);
    door_close(&d);
}
