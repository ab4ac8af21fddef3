/* SPDX-License-Identifier: Apache-2.0 */
/* node/asset_state.c - the control plane's call that sets the state of a device; MQ.ID.AM-04 */
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
    s->next_declared_ns = 0;
}

static char *no_such_state(const char *state)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_addf(&text, "no state is called \"%s\": use", state);
    for (size_t i = 0; identify_lifecycle(i) != NULL; i++)
        buf_addf(&text, "%s %s", i > 0 ? "," : "", identify_lifecycle(i));
    return bytes_dup_str(buf_view(&text));
}

/** node_asset_state() - see node.h */
enum node_answer node_asset_state(struct node *n, const char *name, const char *state,
                                  const char *reason, const char *author, char **ret_text)
{
    struct state_call c = {.name = name, .state = state};

    sentinel_call(n->sentinel, set_state, &c);
    switch (c.answer) {
    case IDENTIFY_E_NOT_FOUND:
        *ret_text = text_format("the inventory has no record of the name \"%s\"; 'bastide assets "
                                "import' declares what was seen",
                                name);
        return NODE_E_NOT_FOUND;
    case IDENTIFY_E_INVALID:
        *ret_text = no_such_state(state);
        return NODE_E_INVALID;
    case IDENTIFY_OK:
        break;
    }
    node_audit(n, author, "state", name, reason, state);
    if (!control_flush(n->control)) {
        *ret_text =
            text_format("%s is %s, and this could not be stored; the log says why", name, state);
        return NODE_E_FAILED;
    }
    *ret_text = text_format("%s is %s", name, state);
    log_info("control", "%s: %s", author, *ret_text);
    return NODE_OK;
}
