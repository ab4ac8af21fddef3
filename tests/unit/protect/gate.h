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

/* Rules: who may publish, subscribe, or both, and who may not. */
#define P(f)                                                                                       \
    {                                                                                              \
        .filter = f, .publish = true                                                               \
    }
#define S(f)                                                                                       \
    {                                                                                              \
        .filter = f, .subscribe = true                                                             \
    }
#define PS(f)                                                                                      \
    {                                                                                              \
        .filter = f, .publish = true, .subscribe = true                                            \
    }
#define DENY_P(f)                                                                                  \
    {                                                                                              \
        .filter = f, .publish = true, .deny = true                                                 \
    }
#define DENY_S(f)                                                                                  \
    {                                                                                              \
        .filter = f, .subscribe = true, .deny = true                                               \
    }

/* A policy that must be right. */
static inline struct policy *policy_of(const struct policy_spec *spec)
{
    char *error = NULL;
    struct policy *p = policy_new(spec, &error);

    if (p == NULL)
        fail_msg("%s", error);
    return p;
}

/* The grant of a client that the node lets in without credentials, in its one role, @role; @spec
 * says the rest. */
static inline struct grant *grant_with(struct policy_spec spec, const struct role_spec *role,
                                       const char *client_id)
{
    struct gate_subject s = {.client_id = bytes_str(client_id), .anonymous_allowed = true};
    struct policy *p;
    enum gate_outcome outcome;
    struct grant *g;

    spec.limits = limits_default;
    spec.roles = role;
    spec.n_roles = 1;
    spec.anonymous_role = role->name;
    p = policy_of(&spec);
    g = gate_admit(p, &s, &outcome);
    assert_int_equal(outcome, GATE_ALLOWED);
    policy_unref(p);
    return g;
}

static inline struct grant *grant_of(const struct role_spec *role, const char *client_id)
{
    return grant_with((struct policy_spec){0}, role, client_id);
}
