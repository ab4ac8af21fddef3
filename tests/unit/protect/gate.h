/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/protect/gate.h - what the tests of the gate start from */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "protect/protect.h"

#define RULES(...)                                                                                 \
    .rules = (const struct rule_spec[]){__VA_ARGS__},                                              \
    .n_rules = COUNT_OF(((const struct rule_spec[]){__VA_ARGS__}))

/* A policy that must be right. */
static inline struct policy *policy_of(const struct policy_spec *spec)
{
    char *error = NULL;
    struct policy *p = policy_new(spec, &error);

    if (p == NULL)
        fail_msg("%s", error);
    return p;
}

/* The grant of a client that the node lets in without credentials, in the one role of @role. */
static inline struct grant *grant_of(const struct role_spec *role, const char *client_id)
{
    struct policy_spec spec = {
        .limits = limits_default,
        .roles = role,
        .n_roles = 1,
        .anonymous_role = role->name,
    };
    struct gate_subject s = {.client_id = bytes_str(client_id), .anonymous_allowed = true};
    struct policy *p = policy_of(&spec);
    enum gate_outcome outcome;
    struct grant *g = gate_admit(p, &s, &outcome);

    assert_int_equal(outcome, GATE_ALLOWED);
    policy_unref(p);
    return g;
}
