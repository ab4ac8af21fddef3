/* SPDX-License-Identifier: Apache-2.0 */
/* node/audit.c - what operators and the node itself do goes into the audit; MQ.PR.IP-04 */
#include "store/audit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
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
