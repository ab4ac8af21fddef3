/* SPDX-License-Identifier: Apache-2.0 */
/* cli/state.h - what a node stores: through the node if one runs, else opened here */
#pragma once

#include "cli/args.h"
#include "node/config.h"
#include "store/control.h"

/* While a node answers, all NULL: ask that. */
struct state {
    bool is_new;             /* no node, and nothing is stored yet */
    struct config *config;   /* owned */
    struct keyring *keys;    /* owned */
    struct control *control; /* owned */
};

/* When nothing is stored yet. */
enum state_else {
    STATE_REFUSE,
    STATE_AS_IT_IS, /* say so in is_new */
    STATE_MAKE,
};

int state_open(const struct cli_args *a, enum state_else otherwise, struct state *ret);
void state_done(struct state *s);
/* What is done here, without a node, goes into the audit of @c. */
void state_audit(struct control *c, const char *action, const char *object, const char *reason);
/* What is done in the home's files goes into its audit, through the node or here. */
void state_audit_home(const struct cli_args *a, const char *object, const char *reason);
