/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/grant.c - who is it, and what comes of that: from CONNECT to a grant
 *
 * MQ.PR.IA-03 MQ.PR.IA-05
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "protect/policy.h"

/* Whom the credentials point at, before a password has been looked at. */
struct identity {
    enum gate_outcome outcome; /* ALLOWED, ASK_PASSWORD, or why nobody */
    const struct user *user;   /* NULL: anonymous; or, at ASK_PASSWORD, no such user */
};

/** gate_outcome_reason() - Return: the MQTT 5.0 reason code for it. */
uint8_t gate_outcome_reason(enum gate_outcome o)
{
    static const uint8_t reasons[] = {
#define X(name, reason, text) [GATE_##name] = (reason),
        GATE_OUTCOMES(X)
#undef X
    };

    check((size_t)o < COUNT_OF(reasons));
    return reasons[o];
}

/** gate_outcome_text() - Return: it in words; static. */
const char *gate_outcome_text(enum gate_outcome o)
{
    static const char *const texts[] = {
#define X(name, reason, text) [GATE_##name] = text,
        GATE_OUTCOMES(X)
#undef X
    };

    check((size_t)o < COUNT_OF(texts));
    return texts[o];
}

/* A certificate that belongs to nobody never ends as anonymous, nor does half a password login. */
static struct identity identify(const struct policy *p, const struct gate_subject *s)
{
    if (s->has_certificate) {
        const struct user *u = map_find(&p->user_by_cn, s->certificate_cn);

        if (u != NULL && s->has_user_name && !bytes_equal(s->user_name, bytes_str(u->name)))
            return (struct identity){GATE_E_USER_NAME, NULL};
        if (u != NULL)
            return (struct identity){GATE_ALLOWED, u};
    }
    if (s->has_user_name && (s->has_password || s->has_scram))
        return (struct identity){GATE_ASK_PASSWORD, map_find(&p->user_by_name, s->user_name)};
    if (s->has_certificate)
        return (struct identity){GATE_E_CERTIFICATE, NULL};
    if (s->has_user_name || s->has_password || !s->anonymous_allowed || p->anonymous == NULL)
        return (struct identity){GATE_E_NO_CREDENTIALS, NULL};
    return (struct identity){GATE_ALLOWED, NULL};
}

/* A client id that is somebody else's name would keep that user's own client out while it is
 * connected, and stand for it in every list a person reads. */
static bool takes_anothers_name(const struct policy *p, const struct gate_subject *s,
                                const struct user *user)
{
    const struct user *named = map_find(&p->user_by_name, s->client_id);

    return named != NULL && named != user;
}

/* May this user, whose identity is proven, come in here? */
static enum gate_outcome admissible(const struct policy *p, const struct gate_subject *s,
                                    const struct user *user)
{
    const struct role *role = user != NULL ? user->role : p->anonymous;

    if (user != NULL && user->disabled)
        return GATE_E_DISABLED;
    if (s->is_control && !role->control_plane)
        return GATE_E_CONTROL_PLANE;
    if (takes_anothers_name(p, s, user))
        return GATE_E_CLIENT_ID;
    return GATE_ALLOWED;
}

/**
 * gate_connect() - who is it, as far as can be said without checking a password
 * @s:             borrowed during the call
 * @ret_verifier:  written on GATE_ASK_PASSWORD: what the password is to be checked with, borrowed
 *                 from @p; of the same cost whether or not there is such a user
 *
 * What is wrong with a user (disabled, may not use this listener) is told only to who has proven to
 * be that user.  MQ.PR.IA-03
 *
 * Return: GATE_ALLOWED, GATE_ASK_PASSWORD or an E_ outcome.
 */
enum gate_outcome gate_connect(const struct policy *p, const struct gate_subject *s,
                               const char **ret_verifier)
{
    struct identity who = identify(p, s);

    if (who.outcome == GATE_ASK_PASSWORD)
        *ret_verifier = who.user != NULL && who.user->password_verifier != NULL
                            ? who.user->password_verifier
                            : password_dummy_verifier();
    else if (who.outcome == GATE_ALLOWED)
        return admissible(p, s, who.user);
    return who.outcome;
}

/** gate_claims_critical() - does @s say that it is of a critical role?  Only a certificate proves
 * that. */
bool gate_claims_critical(const struct policy *p, const struct gate_subject *s)
{
    struct identity who = identify(p, s);

    return who.user != NULL && who.user->role->critical;
}

/** gate_scram_verifier() - see protect.h */
const struct scram_verifier *gate_scram_verifier(const struct policy *p, struct bytes user_name)
{
    const struct user *u = map_find(&p->user_by_name, user_name);

    return u != NULL ? u->scram : NULL;
}

static bool has_verifier(const struct gate_subject *s, const struct user *user)
{
    return s->has_scram ? user->scram != NULL : user->password_verifier != NULL;
}

/* ---- compiling the role's rules with the connection's own values ---- */

/** value_flaw() - why a value cannot stand in a filter or topic */
enum rule_flaw value_flaw(struct bytes value, bool at_front)
{
    if (value.len == 0)
        return RULE_FLAW_EMPTY;
    if (value.len > RULE_VALUE_BYTES_MAX)
        return RULE_FLAW_LONG;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '/' || value.at[i] == '+' || value.at[i] == '#')
            return RULE_FLAW_SPECIAL;
    }
    return at_front && value.at[0] == '$' ? RULE_FLAW_DOLLAR : RULE_FLAW_NONE;
}

/* Append the filter of @rule to @text, or find the flaw for which it matches nothing. */
static void substitute(struct acl_rule *rule, const struct rule_values *values, struct buf *text)
{
    size_t start = text->len;
    struct filter_piece piece;

    for (const char *at = rule->text; filter_piece_next(&at, &piece);) {
        struct bytes more = piece.text;

        if (piece.is_variable) {
            check(piece.variable < RULE_VARIABLE_N);
            more = values->of[piece.variable];
            rule->flaw = (uint8_t)value_flaw(more, text->len == start);
            rule->variable = (uint8_t)piece.variable;
            if (rule->flaw != RULE_FLAW_NONE)
                break;
        }
        buf_add(text, more);
    }
    if (rule->flaw != RULE_FLAW_NONE)
        text->len = start;
    rule->filter.len = text->len - start;
}

/* With the role's rules that have a ${...}, and their filters behind them, in one piece of memory.
 */
static struct grant *grant_compile(const struct role *role, const struct rule_values *values)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct acl_rule *rules = mem_alloc(role->n_variable * sizeof(*rules));
    size_t n = 0;
    struct grant *g;
    uint8_t *at;

    for (size_t i = 0; i < role->n_rules; i++) {
        if (!role->rules[i].has_variable)
            continue;
        rules[n] = role->rules[i];
        substitute(&rules[n++], values, &text);
    }
    g = mem_zero(sizeof(*g) + n * sizeof(*rules) + text.len);
    at = (uint8_t *)&g->own[n];
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    for (size_t i = 0; i < n; i++) {
        g->own[i] = rules[i];
        g->own[i].filter.at = at;
        g->own[i].fixed_len = filter_fixed_len(g->own[i].filter);
        at += rules[i].filter.len;
    }
    free(rules);
    return g;
}

/** rule_values_of() - @user: NULL: anonymous */
struct rule_values rule_values_of(const struct gate_subject *s, const struct user *user)
{
    return (struct rule_values){{
        [RULE_CLIENT_ID] = s->client_id,
        [RULE_USER_NAME] = bytes_str(user != NULL ? user->name : NULL),
        [RULE_CERTIFICATE_CN] = s->has_certificate ? s->certificate_cn : BYTES_NONE,
    }};
}

static struct grant *grant_new(struct policy *p, const struct gate_subject *s,
                               const struct user *user)
{
    const struct role *role = user != NULL ? user->role : p->anonymous;
    const struct rule_values values = rule_values_of(s, user);
    struct grant *g;

    g = grant_compile(role, &values);
    g->role = role;
    policy_ref(role->policy);
    g->user = user;
    g->is_control_plane = role->control_plane && s->is_control;
    return g;
}

/* Its password, if it needs one, was right, of whatever policy. */
static struct identity proven(const struct policy *p, const struct gate_subject *s)
{
    struct identity who = identify(p, s);

    if (who.outcome != GATE_ASK_PASSWORD)
        return who;
    if (who.user == NULL)
        who.outcome = GATE_E_UNKNOWN_USER;
    else
        who.outcome = has_verifier(s, who.user) ? GATE_ALLOWED : GATE_E_WRONG_PASSWORD;
    return who;
}

/**
 * gate_admit() - what this connection may do
 * @p:    the policy; the grant takes a reference
 * @s:    the same as gate_connect() saw; borrowed during the call
 * @ret:  GATE_ALLOWED, or why not
 *
 * Only after gate_connect() said GATE_ALLOWED, or GATE_ASK_PASSWORD and the password was right.
 * Looks again, because the policy may be a newer one.  ${...} is replaced once, here, so that no
 * packet pays for it.  MQ.PR.IA-05
 *
 * Return: owned, for grant_free(); NULL when not allowed.
 */
struct grant *gate_admit(struct policy *p, const struct gate_subject *s, enum gate_outcome *ret)
{
    struct identity who = proven(p, s);

    *ret = who.outcome == GATE_ALLOWED ? admissible(p, s, who.user) : who.outcome;
    return *ret == GATE_ALLOWED ? grant_new(p, s, who.user) : NULL;
}

/**
 * gate_rights() - what the rules give to who has proven to be that user, may he come in or not
 *
 * For the Will of a client that is kept out.
 *
 * Return: owned, for grant_free(); NULL when it is nobody.
 */
struct grant *gate_rights(struct policy *p, const struct gate_subject *s)
{
    struct identity who = proven(p, s);

    return who.outcome == GATE_ALLOWED ? grant_new(p, s, who.user) : NULL;
}

/** grant_free() - @g may be NULL; Return: NULL. */
struct grant *grant_free(struct grant *g)
{
    if (g != NULL)
        policy_unref(g->role->policy);
    free(g);
    return NULL;
}

/** grant_role() - Return: the role's name, borrowed. */
const char *grant_role(const struct grant *g)
{
    return g->role->name;
}

/** grant_principal() - Return: the user's name, borrowed; "" when anonymous. */
const char *grant_principal(const struct grant *g)
{
    return g->user != NULL ? g->user->name : "";
}

/** grant_is_critical() - do automatic responses stop at an alert? */
bool grant_is_critical(const struct grant *g)
{
    return g->role->critical;
}

/** grant_is_control_plane() - came by the control listener, with a role that may */
bool grant_is_control_plane(const struct grant *g)
{
    return g->is_control_plane;
}

/** grant_messages_per_s_max() - Return: its role's, or else the node's; never 0. */
uint64_t grant_messages_per_s_max(const struct grant *g)
{
    return g->role->messages_per_s_max;
}

/** grant_retained_per_client_max() - of how many topics this client may have the retained message
 */
uint64_t grant_retained_per_client_max(const struct grant *g)
{
    return g->role->retained_per_client_max;
}

/** grant_sessions_per_user_max() - how many sessions of its user are kept */
uint64_t grant_sessions_per_user_max(const struct grant *g)
{
    return g->role->sessions_per_user_max;
}
