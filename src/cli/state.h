/* SPDX-License-Identifier: Apache-2.0 */
/* cli/state.h - what a node stores: through the node if one runs, else opened here */
#pragma once

#include "cli/args.h"
#include "node/config.h"
#include "store/control.h"

/* All NULL while a node answers: ask that. */
struct state {
    struct config *config;   /* owned */
    struct keyring *keys;    /* owned */
    struct control *control; /* owned */
};

int state_open(const struct cli_args *a, struct state *ret);
void state_done(struct state *s);
