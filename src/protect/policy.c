/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/policy.c - roles, users, limits: checked, copied, then never changed
 *
 * Shared by all threads through its count of references; nothing in it is
 * written after policy_new().
 *
 * MQ.PR.IA-03 MQ.PR.IA-05
 */
#include "protect/policy.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/crypto.h"

/* What is being built, and the first thing that is wrong with it. */
struct builder {
    struct policy *policy;
    const struct policy_spec *spec;
    struct buf error; /* empty: all right so far */
};

static struct bytes role_key(const void *item)
{
    return bytes_str(((const struct role *)item)->name);
}

static struct bytes user_key(const void *item)
{
    return bytes_str(((const struct user *)item)->name);
}

static struct bytes user_cn_key(const void *item)
{
    return bytes_str(((const struct user *)item)->certificate_cn);
}

static void rules_free(struct acl_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text_free(rules[i].text);
    free(rules);
}

static void rule_compile(struct acl_rule *r, const struct rule_spec *spec)
{
    *r = (struct acl_rule){
        .text = text_dup(spec->filter),
        .publish = spec->publish,
        .subscribe = spec->subscribe,
        .deny = spec->deny,
        .has_variable = strstr(spec->filter, "${") != NULL,
    };
    r->filter = bytes_str(r->text);
    r->fixed_len = filter_fixed_len(r->filter);
}

/* The rules of @spec that deny, or those that allow. */
static void role_take_rules(struct builder *b, struct role *role, const struct role_spec *spec,
                            bool deny)
{
    for (size_t i = 0; i < spec->n_rules && b->error.len == 0; i++) {
        const struct rule_spec *rule = &spec->rules[i];
        const char *why;

        if (rule->deny != deny)
            continue;
        why = rule_filter_wrong_why(rule->filter);
        if (why != NULL)
            buf_addf(&b->error, "role \"%s\": filter \"%s\" %s", spec->name, rule->filter, why);
        else if (!rule->publish && !rule->subscribe)
            buf_addf(&b->error,
                     "role \"%s\": the rule for \"%s\" is for neither publish nor subscribe",
                     spec->name, rule->filter);
        else
            rule_compile(&role->rules[role->n_rules++], rule);
    }
}

/* @role: whose they are; NULL: the node's. */
static void list_compile(struct builder *b, struct topic_list *l, const struct role_spec *role,
                         const char *const *filters, size_t n, const char *what)
{
    const char *why = NULL;
    size_t i = 0;

    l->rules = mem_zero(MAX(MIN(n, (size_t)POLICY_TOPICS_MAX), (size_t)1) * sizeof(*l->rules));
    while (i < n && n <= POLICY_TOPICS_MAX && (why = listed_topic_wrong_why(filters[i])) == NULL) {
        rule_compile(&l->rules[l->n++],
                     &(struct rule_spec){.filter = filters[i++], .publish = true});
    }
    if (i == n)
        return;
    if (role != NULL)
        buf_addf(&b->error, "role \"%s\": ", role->name);
    if (why != NULL)
        buf_addf(&b->error, "%s \"%s\" %s", what, filters[i], why);
    else
        buf_addf(&b->error, "%zu %ss; at most %d", n, what, POLICY_TOPICS_MAX);
}

static void add_role(struct builder *b, const struct role_spec *spec)
{
    struct policy *p = b->policy;
    struct role *role = &p->roles[p->n_roles];
    const char *why = role_name_wrong_why(spec->name);

    if (why != NULL)
        buf_addf(&b->error, "role \"%s\" %s", spec->name, why);
    else if (map_find(&p->role_by_name, bytes_str(spec->name)) != NULL)
        buf_addf(&b->error, "role \"%s\" is there twice", spec->name);
    else if (spec->n_rules > ROLE_RULES_MAX)
        buf_addf(&b->error, "role \"%s\" has %zu rules; at most %d", spec->name, spec->n_rules,
                 ROLE_RULES_MAX);
    if (b->error.len > 0)
        return;
    *role = (struct role){
        .policy = p,
        .name = text_dup(spec->name),
        .rules = mem_zero(MAX(spec->n_rules, 1U) * sizeof(*role->rules)),
        .critical = spec->critical,
        .may_command = spec->may_command,
        .hold_commands = spec->hold_commands,
        .control_plane = spec->control_plane,
        .messages_per_s_max =
            spec->messages_per_s_max > 0 ? spec->messages_per_s_max : p->limits.messages_per_s_max,
        .retained_per_client_max =
            spec->retained_per_client_max > 0
                ? spec->retained_per_client_max
                : p->limits.retained_per_client_max * MAX(spec->retained_factor, 1U),
        .sessions_per_user_max = spec->sessions_per_user_max > 0 ? spec->sessions_per_user_max
                                                                 : p->limits.sessions_per_user_max,
        .ping_topic = text_dup(spec->ping_topic),
    };
    p->n_roles++;
    map_put(&p->role_by_name, role);
    role_take_rules(b, role, spec, true);
    role_take_rules(b, role, spec, false);
    if (b->error.len == 0)
        list_compile(b, &role->commands, spec, spec->command_topics, spec->n_command_topics,
                     "command topic");
    why = spec->ping_topic != NULL ? ping_topic_wrong_why(spec->ping_topic) : NULL;
    if (why != NULL && b->error.len == 0)
        buf_addf(&b->error, "role \"%s\": ping_topic %s", spec->name, why);
    for (size_t i = 0; i < role->n_rules; i++)
        role->n_variable += role->rules[i].has_variable;
}

static void check_user(struct builder *b, const struct user_spec *spec)
{
    struct policy *p = b->policy;
    const char *cn = spec->certificate_cn;
    const struct user *other = cn != NULL ? map_find(&p->user_by_cn, bytes_str(cn)) : NULL;
    const char *why = user_name_wrong_why(spec->name);
    const char *cn_why = cn != NULL ? user_name_wrong_why(cn) : NULL;

    if (why != NULL)
        buf_addf(&b->error, "user \"%s\": the name %s", spec->name, why);
    else if (map_find(&p->user_by_name, bytes_str(spec->name)) != NULL)
        buf_addf(&b->error, "user \"%s\" is there twice", spec->name);
    else if (spec->role == NULL || map_find(&p->role_by_name, bytes_str(spec->role)) == NULL)
        buf_addf(&b->error, "user \"%s\": there is no role \"%s\"", spec->name,
                 text_or_empty(spec->role));
    else if (cn_why != NULL)
        buf_addf(&b->error, "user \"%s\": the certificate's common name \"%s\" %s", spec->name, cn,
                 cn_why);
    else if (other != NULL)
        buf_addf(&b->error,
                 "user \"%s\": the certificate's common name \"%s\" is user \"%s\" already",
                 spec->name, cn, other->name);
    else if (spec->password_verifier != NULL && !password_verifier_valid(spec->password_verifier))
        buf_addf(&b->error, "user \"%s\": the password is not a verifier of this program",
                 spec->name);
}

/* Return: owned; NULL: there is none. */
static struct scram_verifier *take_scram(struct builder *b, const struct user_spec *spec)
{
    struct scram_verifier *v;

    if (spec->scram_verifier == NULL)
        return NULL;
    v = mem_new(struct scram_verifier);
    if (!scram_verifier_parse(spec->scram_verifier, v))
        buf_addf(&b->error, "user \"%s\": scram is not a verifier of SCRAM-SHA-256", spec->name);
    return v;
}

static void add_user(struct builder *b, const struct user_spec *spec)
{
    struct policy *p = b->policy;
    struct user *user = &p->users[p->n_users];

    check_user(b, spec);
    if (b->error.len > 0)
        return;
    *user = (struct user){
        .name = text_dup(spec->name),
        .password_verifier = text_dup(spec->password_verifier),
        .scram = take_scram(b, spec),
        .certificate_cn = text_dup(spec->certificate_cn),
        .role = map_find(&p->role_by_name, bytes_str(spec->role)),
        .disabled = spec->disabled,
    };
    p->n_users++;
    map_put(&p->user_by_name, user);
    if (user->certificate_cn != NULL)
        map_put(&p->user_by_cn, user);
}

static void set_anonymous(struct builder *b, const char *name)
{
    const struct role *role = map_find(&b->policy->role_by_name, bytes_str(name));

    if (role == NULL)
        buf_addf(&b->error, "anonymous_role: there is no role \"%s\"", name);
    else if (role->control_plane)
        buf_addf(&b->error, "anonymous_role: role \"%s\" has control_plane, which takes a name",
                 name);
    else
        b->policy->anonymous = role;
}

static void check_size(struct builder *b)
{
    const struct policy_spec *s = b->spec;

    if (s->n_roles > POLICY_ROLES_MAX)
        buf_addf(&b->error, "%zu roles; at most %d", s->n_roles, POLICY_ROLES_MAX);
    else if (s->n_users > POLICY_USERS_MAX)
        buf_addf(&b->error, "%zu users; at most %d", s->n_users, POLICY_USERS_MAX);
}

static void build(struct builder *b)
{
    struct policy *p = b->policy;
    const struct policy_spec *s = b->spec;

    check_size(b);
    if (b->error.len > 0)
        return;
    p->roles = mem_zero(MAX(s->n_roles, 1U) * sizeof(*p->roles));
    p->users = mem_zero(MAX(s->n_users, 1U) * sizeof(*p->users));
    for (size_t i = 0; i < s->n_roles && b->error.len == 0; i++)
        add_role(b, &s->roles[i]);
    for (size_t i = 0; i < s->n_users && b->error.len == 0; i++)
        add_user(b, &s->users[i]);
    if (b->error.len == 0)
        list_compile(b, &p->commands, NULL, s->command_topics, s->n_command_topics,
                     "command topic");
    if (b->error.len == 0)
        list_compile(b, &p->unread, NULL, s->unread_topics, s->n_unread_topics, "unread topic");
    if (b->error.len == 0)
        list_compile(b, &p->owner_only, NULL, s->owner_only_topics, s->n_owner_only_topics,
                     "owner-only topic");
    if (b->error.len == 0 && s->anonymous_role != NULL)
        set_anonymous(b, s->anonymous_role);
}

/**
 * policy_new() - check all that @spec says, and copy it
 * @spec:       borrowed during the call
 * @ret_error:  on failure one sentence that names the offender, owned by the caller
 *
 * Names are unique, roles that are referred to exist, filters are valid.
 * MQ.PR.IA-03 MQ.PR.IA-05
 *
 * Return: with one reference, for policy_unref(); NULL on failure.
 */
struct policy *policy_new(const struct policy_spec *spec, char **ret_error)
{
    struct policy *p = mem_new(struct policy);
    struct builder b = {.policy = p, .spec = spec};

    atomic_init(&p->refs, 1);
    p->limits = spec->limits;
    p->ping_interval_s = spec->ping_interval_s > 0 ? spec->ping_interval_s : PING_INTERVAL_S;
    p->answers = spec->answers;
    p->answers.response_information = text_dup(spec->answers.response_information);
    p->answers.server_reference = text_dup(spec->answers.server_reference);
    map_init(&p->role_by_name, role_key);
    map_init(&p->user_by_name, user_key);
    map_init(&p->user_by_cn, user_cn_key);
    build(&b);
    if (b.error.len == 0)
        return p;
    *ret_error = bytes_dup_str(buf_view(&b.error));
    buf_done(&b.error);
    return policy_unref(p);
}

/** policy_ref() - one more owner; any thread; Return: @p. */
struct policy *policy_ref(struct policy *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

/** policy_unref() - one owner less, the last frees; any thread, @p may be NULL; Return: NULL. */
struct policy *policy_unref(struct policy *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    for (size_t i = 0; i < p->n_roles; i++) {
        rules_free(p->roles[i].rules, p->roles[i].n_rules);
        rules_free(p->roles[i].commands.rules, p->roles[i].commands.n);
        free(p->roles[i].ping_topic);
        free(p->roles[i].name);
    }
    for (size_t i = 0; i < p->n_users; i++) {
        secret_free(p->users[i].password_verifier);
        if (p->users[i].scram != NULL)
            secret_wipe(p->users[i].scram, sizeof(*p->users[i].scram));
        free(p->users[i].scram);
        free(p->users[i].certificate_cn);
        free(p->users[i].name);
    }
    rules_free(p->commands.rules, p->commands.n);
    rules_free(p->unread.rules, p->unread.n);
    rules_free(p->owner_only.rules, p->owner_only.n);
    text_free(p->answers.response_information);
    text_free(p->answers.server_reference);
    map_done(&p->role_by_name);
    map_done(&p->user_by_name);
    map_done(&p->user_by_cn);
    free(p->users);
    free(p->roles);
    free(p);
    return NULL;
}

/** policy_ping_interval_s() - between two questions on a ping_topic; at least 1 */
uint32_t policy_ping_interval_s(const struct policy *p)
{
    return p->ping_interval_s;
}

/** policy_limits() - Return: its limits, borrowed. */
const struct limits *policy_limits(const struct policy *p)
{
    return &p->limits;
}
