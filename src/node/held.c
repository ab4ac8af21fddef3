/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/held.c - what becomes of commands that wait for a person: shown, approved, dropped, given up
 *
 * What is approved is published by the worker of the client that it came from, whether that is
 * still there or not.
 *
 * MQ.RS.RP-03 (detection, D32 and D33; decision 16)
 */
#include "node/held.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/json.h"
#include "node/orders.h"
#include "queue/held.h"

#define SHOWN_BYTES_MAX 1024 /* of a payload */

/* ---- shown ---- */

static void describe(const struct held *h, struct buf *ret)
{
    const struct message *m = h->message;

    buf_addf(ret, "%sQoS %u, %s%zu bytes, of role %s", h->is_will ? "Will, " : "", (unsigned)m->qos,
             m->retain ? "retained, " : "", m->payload.len, h->role);
    if (h->approved_by != NULL)
        buf_addf(ret, "; approved by %s", h->approved_by);
    buf_add_u8(ret, '\0');
}

static json_t *held_json(const struct held *h)
{
    const struct message *m = h->message;
    CLEANUP(buf_done) struct buf reason = {0};
    char *author = held_actor(bytes_str(h->client_id));
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s%}", "id", h->id, "what", "command", "exactly",
                          "command", "target_kind", respond_target_text(TARGET_TOPIC), "target",
                          (const char *)m->topic.at, m->topic.len);

    describe(h, &reason);
    set_text(o, "author", author);
    free(author);
    set_count(o, "expires_unix_ms", h->expires_unix_ms);
    set_text(o, "reason", (const char *)reason.at);
    set_text(o, "client_id", h->client_id);
    set_text(o, "user", h->user_name);
    set_text(o, "role", h->role);
    set_text(o, "address", h->address);
    set_text(o, "approved_by", h->approved_by);
    set_count(o, "at_unix_ms", h->at_unix_ms);
    set_count(o, "qos", m->qos);
    json_object_set_new(o, "retain", json_boolean(m->retain));
    json_object_set_new(o, "is_will", json_boolean(h->is_will));
    set_count(o, "bytes", m->payload.len);
    return o;
}

static void add_held(void *arg, const struct held *h)
{
    json_array_append_new(arg, held_json(h));
}

/** held_list_json() - what waits, as node_responses_json() shows it, appended to @array; any thread
 */
void held_list_json(struct node *n, json_t *array)
{
    held_each(n->held, add_held, array);
}

/* As text where it is text without U+0000, else in hexadecimal digits. */
static void add_payload(json_t *o, struct bytes payload)
{
    struct bytes shown = bytes_of(payload.at, MIN(payload.len, (size_t)SHOWN_BYTES_MAX));
    CLEANUP(buf_done) struct buf hex = {0};

    if (wire_utf8_valid(payload)) {
        shown.len = shown.len < payload.len ? wire_utf8_whole_len(shown) : shown.len;
        json_object_set_new(o, "payload", json_stringn((const char *)shown.at, shown.len));
        return;
    }
    for (size_t i = 0; i < shown.len; i++)
        buf_addf(&hex, "%02x", shown.at[i]);
    json_object_set_new(o, "payload_hex", json_stringn((const char *)hex.at, hex.len));
}

struct show_call {
    const char *id;
    json_t *found; /* NULL: there is no such */
};

static void show_held(void *arg, const struct held *h)
{
    struct show_call *c = arg;

    if (strcmp(h->id, c->id) != 0)
        return;
    c->found = held_json(h);
    add_payload(c->found, h->message->payload);
}

/** node_command_json() - see node.h */
json_t *node_command_json(struct node *n, const char *id, const char *author)
{
    struct show_call c = {.id = id};
    char *object;

    held_each(n->held, show_held, &c);
    if (c.found == NULL)
        return json_null();
    object = text_format("command %s", id);
    node_audit(n, author, "show command", object, "", "its payload was shown");
    free(object);
    return c.found;
}

/* ---- decided ---- */

struct publish_call {
    const struct held *held;
    const char *refused; /* NULL: it is published */
    bool has_no_room;    /* to be retained, as it was to be */
};

static const char *publish(struct worker *w, struct publication *p)
{
    if (p->expires_ns <= w->now_ns)
        return "its message expiry interval is over";
    if (memory_stage(w) == MEMORY_FULL)
        return "the node has no memory for more messages: memory_bytes_max";
    if (p->qos > 0 && p->is_durable && !note_may_promise(w))
        return "the node cannot keep it now: its journal is full or has failed";
    return flow_publish_own(w, p, NULL);
}

/* A message of its own, as of a Will: stamp and record are those of now. */
static void publish_here(struct worker *w, void *arg)
{
    struct publish_call *c = arg;
    struct publication p = publication_of(c->held->message);

    p.message = message_unref(p.message);
    p.publisher_id = bytes_str(c->held->client_id);
    p.is_durable = note_is_durable(w, p.topic);
    c->refused = publish(w, &p);
    c->has_no_room = c->refused == NULL && p.retain && p.stamp == 0;
    publication_done(&p);
}

static char *no_such_command(const char *id)
{
    return text_format("no command %s waits: it was approved or dropped, its 15 minutes are over, "
                       "or the node was started again",
                       id);
}

/* Return: false: it takes another person, and @ret, @ret_text say so. */
static bool is_agreed(struct node *n, struct held *h, const char *author, enum node_answer *ret,
                      char **ret_text)
{
    if (!order_needs_second(n, ACTION_HOLD, 0) ||
        (h->approved_by != NULL && strcmp(h->approved_by, author) != 0))
        return true;
    if (h->approved_by == NULL) {
        h->approved_by = text_dup(author);
        *ret = NODE_HELD;
        *ret_text =
            text_format("command %s is approved by you, and waits for a second person: another "
                        "one says 'bastide respond approve %s', 'bastide respond undo %s' drops it",
                        h->id, h->id, h->id);
    } else {
        *ret = NODE_E_CONFLICT;
        *ret_text = text_format("command %s is approved by you: it takes a second person", h->id);
    }
    return false;
}

static char *decided_text(const struct held *h, const char *what)
{
    const struct message *m = h->message;

    return text_format("command %s of client %.*s on %.*s, QoS %u, is %s", h->id,
                       BYTES_ARG(held_shown(bytes_str(h->client_id))),
                       BYTES_ARG(held_shown(m->topic)), (unsigned)m->qos, what);
}

static char *approved_text(const struct publish_call *c)
{
    const char *done = c->has_no_room ? "published, but not retained: there is no room, see "
                                        "retained_messages_max and retained_bytes_max"
                                      : "published";

    if (c->refused != NULL)
        return text_format("command %s is not published, and waits as before: %s", c->held->id,
                           c->refused);
    return decided_text(c->held, done);
}

/** node_command_approve() - see node.h */
enum node_answer node_command_approve(struct node *n, const char *id, const char *reason,
                                      const char *author, char **ret_text)
{
    struct held *h = held_take(n->held, id);
    struct publish_call c = {.held = h};
    enum node_answer answer = NODE_OK;

    if (h == NULL) {
        *ret_text = no_such_command(id);
        return NODE_E_NOT_FOUND;
    }
    if (is_agreed(n, h, author, &answer, ret_text)) {
        node_call_worker(n, (unsigned)(h->message->publisher % n->n_workers), publish_here, &c);
        *ret_text = approved_text(&c);
        answer = c.refused == NULL ? NODE_OK : NODE_E_CONFLICT;
    }
    hold_audit(n, author, "approve command", h->message, reason, *ret_text);
    log_warning("control", "%s: %s", author, *ret_text);
    if (answer == NODE_OK)
        held_free(h);
    else
        held_put_back(n->held, h);
    return answer;
}

/** node_command_withdraw() - see node.h */
enum node_answer node_command_withdraw(struct node *n, const char *id, const char *reason,
                                       const char *author, char **ret_text)
{
    struct held *h = held_take(n->held, id);

    if (h == NULL) {
        *ret_text = no_such_command(id);
        return NODE_E_NOT_FOUND;
    }
    *ret_text = decided_text(h, "dropped");
    hold_audit(n, author, "withdraw command", h->message, reason, *ret_text);
    log_warning("control", "%s: %s", author, *ret_text);
    held_free(h);
    return NODE_OK;
}

/**
 * held_give_up() - those are dropped that nobody has approved until @now_unix_ms
 * @why:  for log and audit
 *
 * Any thread.
 */
void held_give_up(struct node *n, uint64_t now_unix_ms, const char *why)
{
    struct held *h;

    while ((h = held_take_expired(n->held, now_unix_ms)) != NULL) {
        char *actor = held_actor(bytes_str(h->client_id));
        char *result = text_format("%s: given up: %s", h->id, why);

        hold_audit(n, actor, "hold command", h->message, "", result);
        log_warning("control", "%s: command %s", actor, result);
        free(actor);
        free(result);
        held_free(h);
    }
}
