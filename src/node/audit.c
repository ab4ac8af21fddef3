/* SPDX-License-Identifier: Apache-2.0 */
/* node/audit.c - what operators and the node itself do goes into the audit; MQ.PR.IP-04 */
#include "store/audit.h"

#include "base/clock.h"
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
