/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/policy.h - a policy from inside: what policy.c builds and grant.c, acl.c read
 *
 * Private to protect/.  A rule is compiled once: by policy_new() when it has no
 * ${...}, otherwise by gate_admit() with the connection's own values.
 */
#pragma once

#include <stdatomic.h>

#include "base/map.h"
#include "crypto/scram.h"
#include "protect/protect.h"

/* clang-format off */
/*    name             text between "${" and "}" */
#define RULE_VARIABLES(X)                  \
    X(CLIENT_ID,       "client_id")        \
    X(USER_NAME,       "user_name")        \
    X(CERTIFICATE_CN,  "certificate_cn")
/* clang-format on */

enum rule_variable {
#define X(name, text) RULE_##name,
    RULE_VARIABLES(X)
#undef X
        RULE_VARIABLE_N,
};

/* clang-format off */
/*    name       why a rule with a ${...} matches nothing */
#define RULE_FLAWS(X)                                                \
    X(NONE,      "it matches")                                       \
    X(EMPTY,     "is empty here")                                    \
    X(SPECIAL,   "has '/', '+' or '#' here")                         \
    X(LONG,      "is too long here")                                 \
    X(DOLLAR,    "begins with '$' here, where the filter begins")
/* clang-format on */

enum rule_flaw {
#define X(name, text) RULE_FLAW_##name,
    RULE_FLAWS(X)
#undef X
};

struct acl_rule {
    struct bytes filter; /* with the connection's values; borrowed from the policy or the grant */
    size_t fixed_len;    /* each topic that @filter matches begins with so many bytes of it */
    const char *text;    /* as configured; borrowed from the policy */
    bool publish;
    bool subscribe;
    bool deny;
    bool has_variable;
    uint8_t flaw;     /* enum rule_flaw; but for RULE_FLAW_NONE it matches nothing */
    uint8_t variable; /* enum rule_variable, whose value has the flaw */
};

/* Topics by their filters, without variables. */
struct topic_list {
    struct acl_rule *rules; /* owned, with their texts */
    size_t n;
};

struct policy;

struct role {
    struct policy *policy;  /* whose it is */
    char *name;             /* owned */
    struct acl_rule *rules; /* owned, with their texts; deny rules first */
    size_t n_rules;
    size_t n_variable; /* rules with a ${...} */
    bool critical;
    bool may_command;
    bool hold_commands;         /* that are not its */
    struct topic_list commands; /* that it may give; empty: any, if may_command */
    bool control_plane;
    uint64_t messages_per_s_max;      /* the node's when the role has none, */
    uint64_t retained_per_client_max; /* as these */
    uint64_t sessions_per_user_max;
    char *ping_topic; /* owned; NULL: none */
};

struct user {
    char *name;                   /* owned, as what follows */
    char *password_verifier;      /* NULL: none */
    struct scram_verifier *scram; /* NULL: none */
    char *certificate_cn;         /* NULL: none */
    const struct role *role;
    bool disabled;
};

struct policy {
    _Atomic size_t refs;
    struct limits limits;
    struct answers_spec answers; /* with texts of its own */
    struct role *roles;
    size_t n_roles;
    struct user *users;
    size_t n_users;
    struct topic_list commands;
    struct topic_list unread;
    struct topic_list owner_only;
    uint32_t ping_interval_s;
    const struct role *anonymous; /* NULL: nobody */
    struct map role_by_name;
    struct map user_by_name;
    struct map user_by_cn;
};

struct grant {
    const struct role *role; /* holds a reference to its policy */
    const struct user *user; /* of the policy; NULL: anonymous */
    bool is_control_plane;
    struct acl_rule own[]; /* in place of the role's rules that have a ${...}, in their order; then
                              the bytes of their filters */
};

/* The @i-th rule; @n_own is 0 before the first one, and they are asked for in order. */
static inline const struct acl_rule *grant_rule(const struct grant *g, size_t i, size_t *n_own)
{
    const struct acl_rule *r = &g->role->rules[i];

    return r->has_variable ? &g->own[(*n_own)++] : r;
}

extern const char *const rule_variable_names[RULE_VARIABLE_N];

/* A piece of a filter as configured: literal bytes, or a ${...}. */
struct filter_piece {
    struct bytes text; /* the literal, or the name between the braces */
    bool is_variable;
    enum rule_variable variable; /* RULE_VARIABLE_N: not known */
};

/* What the ${...} of a rule stand for on one connection; borrowed. */
struct rule_values {
    struct bytes of[RULE_VARIABLE_N];
};

struct rule_values rule_values_of(const struct gate_subject *s, const struct user *user);
enum rule_flaw value_flaw(struct bytes value, bool at_front);
bool filter_piece_next(const char **cursor, struct filter_piece *ret);
size_t filter_fixed_len(struct bytes filter);
