/* SPDX-License-Identifier: Apache-2.0 */
/* node/asset_state.c - what people say of a device: its state, and that it was inspected;
 * MQ.ID.AM-04 MQ.RC.RP-06 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "node/node_private.h"
#include "node/sentinel.h"

struct state_call {
    const char *name;
    const char *state;
    enum identify_answer answer;
};

/* The detectors learn of it at the next tick. */
static void set_state(struct sentinel *s, void *arg)
{
    struct state_call *c = arg;

    c->answer =
        identify_lifecycle_set(s->identify, s->node->control, c->name, c->state, s->now_unix_ms);
    s->due_ns[CHORE_DECLARED] = 0;
}

static char *no_such_state(const char *state)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_addf(&text, "no state is called \"%s\": use", state);
    for (size_t i = 0; identify_lifecycle(i) != NULL; i++)
        buf_addf(&text, "%s %s", i > 0 ? "," : "", identify_lifecycle(i));
    return bytes_dup_str(buf_view(&text));
}

static char *no_such_record(const char *name)
{
    return text_format("the inventory has no record of the name \"%s\"; 'bastide assets import' "
                       "declares what was seen",
                       name);
}

/* Answers, once it is in the audit and on disk. */
static enum node_answer is_said(struct node *n, const char *author, const char *action,
                                const char *name, const char *reason, const char *result,
                                char **ret_text)
{
    node_audit(n, author, action, name, reason, result);
    if (!control_flush(n->control)) {
        *ret_text =
            text_format("%s is %s, and this could not be stored; the log says why", name, result);
        return NODE_E_FAILED;
    }
    *ret_text = text_format("%s is %s", name, result);
    log_info("control", "%s: %s", author, *ret_text);
    return NODE_OK;
}

/** node_asset_state() - see node.h */
enum node_answer node_asset_state(struct node *n, const char *name, const char *state,
                                  const char *reason, const char *author, char **ret_text)
{
    struct state_call c = {.name = name, .state = state};

    sentinel_call(n->sentinel, set_state, &c);
    switch (c.answer) {
    case IDENTIFY_E_NOT_FOUND:
        *ret_text = no_such_record(name);
        return NODE_E_NOT_FOUND;
    case IDENTIFY_E_INVALID:
        *ret_text = no_such_state(state);
        return NODE_E_INVALID;
    case IDENTIFY_OK:
        break;
    }
    return is_said(n, author, "state", name, reason, state, ret_text);
}

static void set_inspected(struct sentinel *s, void *arg)
{
    struct state_call *c = arg;

    c->answer = identify_inspected(s->identify, s->node->control, c->name, s->now_unix_ms);
    s->due_ns[CHORE_DECLARED] = 0;
}

/** node_asset_inspected() - see node.h */
enum node_answer node_asset_inspected(struct node *n, const char *name, const char *reason,
                                      const char *author, char **ret_text)
{
    struct state_call c = {.name = name};

    sentinel_call(n->sentinel, set_inspected, &c);
    if (c.answer == IDENTIFY_OK)
        return is_said(n, author, NODE_AUDIT_INSPECT, name, reason, "inspected", ret_text);
    *ret_text = no_such_record(name);
    return NODE_E_NOT_FOUND;
}
