/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/topics.h - topics, filters, and who may use them
 *
 * The rights are written down twice: as rules for the node's policy, and as tables for
 * the model, by hand.
 */
#pragma once

#include "protect/protect.h"

enum role {
    ROLE_PLAIN,  /* user name and password */
    ROLE_NARROW, /* anonymous */
    ROLE_BOSS,   /* by the listener of the control plane */
    ROLE_N,
};

#define TOPICS        12
#define PLAIN_FILTERS 17
#define SHARES        3
#define FILTERS       (PLAIN_FILTERS + SHARES) /* shared ones come last */
#define SHARE_ALONE   (FILTERS - 1)            /* the only one that matches TOPIC_OF_ONE_SHARE */

#define TOPIC_OF_RELOADS   "t/b"
#define TOPIC_OF_ONE_SHARE "w/b"
#define TOPIC_OF_OWNERS    "t/a"

/* Which policy is in force: the second takes TOPIC_OF_RELOADS and TOPIC_OF_ONE_SHARE away from
 * ROLE_PLAIN. */
enum policy_variant {
    POLICY_FULL,
    POLICY_LESS,
    POLICY_N,
};

const char *topic_text(unsigned topic);
const char *filter_text(unsigned filter);
const char *role_user(enum role role); /* NULL: anonymous */
bool filter_is_shared(unsigned filter);
bool topic_is_shared(unsigned topic);
bool filter_matches(unsigned filter, unsigned topic);
bool may_publish(enum policy_variant v, enum role role, unsigned client, unsigned topic);
bool may_subscribe(enum policy_variant v, enum role role, unsigned client, unsigned filter);
bool may_receive(enum policy_variant v, enum role role, unsigned client, unsigned topic);
int topic_find(struct bytes text);
struct policy *topics_policy(enum policy_variant v, const struct limits *limits);
