/* SPDX-License-Identifier: Apache-2.0 */
/* sim/alone.c - the system around the node without the model, for those who check something else */
#include "node/node_private.h"
#include "sim/alone.h"
#include "sim/model.h"

struct settings settings;
const struct quarantine *alone_quarantine;

void model_event(const struct event *e, unsigned worker)
{
    (void)e, (void)worker;
}

void model_after_turn(unsigned worker)
{
    (void)worker;
}

void model_flushed(void)
{
}

void model_crashed(void)
{
}

void model_restarted(void)
{
}

struct restraints *quarantine_restraints(void)
{
    return restraints_new(NULL, 0, alone_quarantine, alone_quarantine != NULL ? 1 : 0);
}
