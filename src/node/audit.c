/* SPDX-License-Identifier: Apache-2.0 */
/* node/audit.c - what operators and the node itself do goes into the audit; MQ.PR.IP-04 */
#include "store/audit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "node/node_private.h"

/** node_audit() - see node_private.h */
void node_audit(struct node *n, const char *actor, const char *action, const char *object,
                const char *reason, const char *result)
{
    const struct audit_entry e = {
        .at_unix_ms = clock_unix_ms(),
        .actor = actor,
        .action = action,
        .object = object,
        .reason = reason,
        .result = result,
    };

    control_audit(n->control, &e);
}

/* What the command line changes in the files of the home: its own words, verb and first operand. */
static const char *const home_changes[] = {
    "user add",    "user passwd", "user disable", "user enable",
    "user remove", "pki ca",      "pki issue",    "pki revoke",
};

static bool is_home_change(const char *action)
{
    for (size_t i = 0; i < COUNT_OF(home_changes); i++)
        if (strcmp(home_changes[i], action) == 0)
            return true;
    return false;
}

/** node_audit_home() - see node.h */
enum node_answer node_audit_home(struct node *n, const struct node_home_change *h,
                                 const char *author, char **ret_text)
{
    bool kept;

    if (!is_home_change(h->action)) {
        *ret_text = text_format("\"%s\" is no change that is made in a home's files", h->action);
        return NODE_E_INVALID;
    }
    node_audit(n, author, h->action, h->object, h->reason, "done in the home's files");
    kept = control_flush(n->control);
    *ret_text = text_format(kept ? "recorded" : "it could not be stored; the log says why");
    return kept ? NODE_OK : NODE_E_FAILED;
}

static json_t *or_null(json_t *value, char *error)
{
    if (value != NULL)
        return value;
    log_error("audit", "%s", error);
    free(error);
    return json_null();
}

/** node_audit_json() - see node.h */
json_t *node_audit_json(struct node *n, uint64_t after, size_t limit)
{
    char *error = NULL;
    json_t *all = control_audit_json(n->control, after, limit, &error);

    return or_null(all, error);
}

/** node_audit_heads_json() - see node.h */
json_t *node_audit_heads_json(struct node *n)
{
    char *error = NULL;
    json_t *all = control_audit_heads_json(n->control, &error);

    return or_null(all, error);
}
