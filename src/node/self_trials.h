/* SPDX-License-Identifier: Apache-2.0 */
/* node/self_trials.h - what the self-test tries; private to node */
#pragma once

#include "node/probes.h"

#define SELF_TEST_TOPIC "bastide-self-test/#"

/* How many events of the self-test have arrived at the sentinel. */
struct trial_seen {
    unsigned n_auth_failed;
    unsigned n_denied;
};

struct trial_kit {
    struct node *node;
    const char *client_prefix;
    const char *names[2];
    const char *passwords_secret[2];
    struct trial_seen (*seen)(void *arg);
    void *seen_arg;
    int stop_fd;          /* readable: the node stops; waiting ends at once */
    unsigned n_malformed; /* written: packets sent to be refused */
};

bool self_trials(struct trial_kit *kit, struct evidence_list *e);
