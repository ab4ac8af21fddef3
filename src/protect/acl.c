/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/acl.c - may this connection publish here, or subscribe to that?
 *
 * Deny rules stand before allow rules; the first rule that hits decides; what no
 * rule allows is refused.  What a rule must do to hit depends on action and kind:
 *
 *              deny                              allow
 *   publish    match the topic                   match the topic
 *   subscribe  share a topic with the filter     cover the whole filter
 *
 * Topics that begin with '$' are hit only by rules that begin with '$'
 * [MQTT5-4.7.2-1]; those of the node are published by the node alone.  Under
 * $SYS/broker/connection/, where bridges of mosquitto say whether they are there, rules decide.
 *
 * MQ.PR.IA-05 MQ.PR.SP-04
 */
#include "base/err.h"
#include "protect/policy.h"
#include "wire/wire.h"

enum topic_owner {
    TOPIC_EVERYBODY,
    TOPIC_NODE,    /* $SYS, but for what bridges say of themselves */
    TOPIC_CONTROL, /* $bastide */
};

static bool is_under(struct bytes topic, struct bytes first_levels)
{
    return bytes_has_prefix(topic, first_levels) &&
           (topic.len == first_levels.len || topic.at[first_levels.len] == '/');
}

static enum topic_owner topic_owner(struct bytes topic)
{
    if (topic.len == 0 || topic.at[0] != '$')
        return TOPIC_EVERYBODY;
    if (is_under(topic, BYTES("$bastide")))
        return TOPIC_CONTROL;
    return is_under(topic, BYTES("$SYS")) && !is_under(topic, BYTES("$SYS/broker/connection"))
               ? TOPIC_NODE
               : TOPIC_EVERYBODY;
}

static bool is_reserved(const struct grant *g, enum gate_action action, struct bytes topic)
{
    enum topic_owner owner = topic_owner(topic);

    if (action == GATE_PUBLISH)
        return owner != TOPIC_EVERYBODY;
    return owner == TOPIC_CONTROL && !g->is_control_plane;
}

/* Cheap, and true of all that @r matches or covers.  Sisters differ at the end: look there first.
 */
static bool begins_alike(const struct acl_rule *r, struct bytes topic)
{
    size_t n = r->fixed_len;

    return topic.len >= n && (n == 0 || (topic.at[n - 1] == r->filter.at[n - 1] &&
                                         memcmp(topic.at, r->filter.at, n) == 0));
}

/* wire_filter_matches() of what begins alike; the two commonest forms, "a/b" and "a/b/#", are
 * decided by their fixed bytes. */
static bool rule_matches(const struct acl_rule *r, struct bytes topic)
{
    size_t n = r->fixed_len;

    if (n == r->filter.len)
        return topic.len == n;
    if (n > 0 && r->filter.at[n] == '/') /* filter_fixed_len() stops at '/' only before "#" */
        return topic.len == n || topic.at[n] == '/';
    return wire_filter_matches(r->filter, topic);
}

static bool rule_is_for(const struct acl_rule *r, enum gate_action action)
{
    return action == GATE_PUBLISH ? r->publish : r->subscribe;
}

/* A rule with a flaw hits nothing; a '$' in front is met by a '$' only [MQTT5-4.7.2-1]. */
static bool rule_may_hit(const struct acl_rule *r, struct bytes topic)
{
    bool topic_is_dollar = topic.len > 0 && topic.at[0] == '$';
    bool rule_is_dollar = r->filter.len > 0 && r->filter.at[0] == '$';

    return r->flaw == RULE_FLAW_NONE && topic_is_dollar == rule_is_dollar;
}

static bool rule_hits(const struct acl_rule *r, enum gate_action action, struct bytes topic)
{
    if (action == GATE_SUBSCRIBE && r->deny)
        return rule_may_hit(r, topic) && wire_filters_overlap(r->filter, topic);
    if (!begins_alike(r, topic) || !rule_may_hit(r, topic)) /* the cheaper one first */
        return false;
    return action == GATE_PUBLISH ? rule_matches(r, topic) : wire_filter_covers(r->filter, topic);
}

static bool list_has(const struct topic_list *l, struct bytes topic)
{
    for (size_t i = 0; i < l->n; i++) {
        if (rule_hits(&l->rules[i], GATE_PUBLISH, topic))
            return true;
    }
    return false;
}

/* What a publish there means to the detectors. */
static void see_meaning(const struct grant *g, struct bytes topic, struct gate_answer *ret)
{
    bool is_its = list_has(&g->role->commands, topic);

    ret->is_command = is_its || list_has(&g->role->policy->commands, topic);
    ret->is_foreign =
        ret->is_command && !is_its && !(g->role->may_command && g->role->commands.n == 0);
    ret->is_held = ret->is_foreign && g->role->hold_commands;
    ret->is_unread = list_has(&g->role->policy->unread, topic);
    ret->is_owner_only = !g->role->may_command && list_has(&g->role->policy->owner_only, topic);
}

/* The rule that decides, or NULL. */
static const struct acl_rule *rule_deciding(const struct grant *g, enum gate_action action,
                                            struct bytes topic)
{
    size_t n_own = 0;

    for (size_t i = 0; i < g->role->n_rules; i++) {
        const struct acl_rule *r = grant_rule(g, i, &n_own);

        if (rule_is_for(r, action) && rule_hits(r, action, topic))
            return r;
    }
    return NULL;
}

/**
 * gate_check() - may it?
 * @topic:  a valid topic name to publish to, or a valid topic filter to subscribe to, without
 *          "$share/group/"
 *
 * Called for each PUBLISH, Will and filter; allocates nothing.  MQ.PR.IA-05
 *
 * Return: the outcome, and the rule that decided.
 */
struct gate_answer gate_check(const struct grant *g, enum gate_action action, struct bytes topic)
{
    struct gate_answer a = {
        .outcome = GATE_E_NOT_AUTHORIZED,
        .role = g->role->name,
    };
    const struct acl_rule *r;

    if (action == GATE_PUBLISH)
        see_meaning(g, topic, &a);

    if (is_reserved(g, action, topic)) {
        a.outcome = GATE_E_RESERVED;
        return a;
    }
    r = rule_deciding(g, action, topic);
    if (r != NULL) {
        a.outcome = r->deny ? GATE_E_DENIED : GATE_ALLOWED;
        a.rule = r->text;
    }
    return a;
}

/* ---- explaining it ---- */

/* In double quotes; what a peer chose must not break the line. */
static void add_quoted(struct buf *ret, struct bytes text)
{
    buf_add_u8(ret, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < 0x20 || text.at[i] == 0x7f || text.at[i] == '"' || text.at[i] == '\\')
            buf_addf(ret, "\\x%02x", text.at[i]);
        else
            buf_add_u8(ret, text.at[i]);
    }
    buf_add_u8(ret, '"');
}

static const char *hit_text(const struct acl_rule *r, enum gate_action action, struct bytes topic)
{
    if (rule_hits(r, action, topic)) {
        if (action == GATE_PUBLISH)
            return "matches it and decides";
        return r->deny ? "shares topics with it and decides" : "covers it and decides";
    }
    if (action == GATE_PUBLISH)
        return "does not match it";
    if (r->deny)
        return "shares no topic with it";
    return wire_filters_overlap(r->filter, topic) ? "covers only a part of it"
                                                  : "does not cover it";
}

static void explain_rule(const struct acl_rule *r, enum gate_action action, struct bytes topic,
                         struct buf *ret)
{
    static const char *const flaws[] = {
#define X(name, text) [RULE_FLAW_##name] = text,
        RULE_FLAWS(X)
#undef X
    };

    buf_addf(ret, "%s %s ", r->deny ? "deny" : "allow",
             action == GATE_PUBLISH ? "publish" : "subscribe");
    add_quoted(ret, bytes_str(r->text));
    if (r->flaw != RULE_FLAW_NONE) {
        buf_addf(ret, " matches nothing because ${%s} %s", rule_variable_names[r->variable],
                 flaws[r->flaw]);
        return;
    }
    if (r->has_variable) {
        buf_addf(ret, ", here ");
        add_quoted(ret, r->filter);
        buf_addf(ret, ",");
    }
    buf_addf(ret, " %s", hit_text(r, action, topic));
}

static void explain_rules(const struct grant *g, enum gate_action action, struct bytes topic,
                          struct buf *ret)
{
    const struct acl_rule *deciding = rule_deciding(g, action, topic);
    size_t n_own = 0;
    size_t n_seen = 0;
    size_t n_left = 0;
    bool is_decided = false;

    for (size_t i = 0; i < g->role->n_rules; i++) {
        const struct acl_rule *r = grant_rule(g, i, &n_own);

        if (!rule_is_for(r, action))
            continue;
        if (is_decided) {
            n_left++;
            continue;
        }
        is_decided = r == deciding;
        buf_addf(ret, n_seen++ == 0 ? " Looked at, deny rules first: " : "; ");
        explain_rule(r, action, topic, ret);
    }
    if (n_seen == 0)
        buf_addf(ret, " The role has no rule for that.");
    else if (n_left == 0)
        buf_addf(ret, ".");
    else
        buf_addf(ret, "; %zu more not looked at.", n_left);
}

/**
 * gate_explain() - gate_check() in words, for a person
 * @ret:  one paragraph without line end is appended
 */
void gate_explain(const struct grant *g, enum gate_action action, struct bytes topic,
                  struct buf *ret)
{
    struct gate_answer a = gate_check(g, action, topic);

    buf_addf(ret, action == GATE_PUBLISH ? "Publish to " : "Subscribe to ");
    add_quoted(ret, topic);
    if (g->user != NULL) {
        buf_addf(ret, " by user ");
        add_quoted(ret, bytes_str(g->user->name));
    } else {
        buf_addf(ret, " by an anonymous client");
    }
    buf_addf(ret, " of role \"%s\" is %s: ", a.role,
             a.outcome == GATE_ALLOWED ? "allowed" : "refused");
    if (a.outcome == GATE_E_RESERVED)
        buf_addf(
            ret, "%s; %s.", gate_outcome_text(a.outcome),
            action == GATE_PUBLISH
                ? "nobody else publishes there"
                : "$bastide/ is for roles with control_plane that came by the control listener");
    else
        buf_addf(ret, "%s.",
                 a.outcome == GATE_ALLOWED ? "a rule allows it" : gate_outcome_text(a.outcome));
    if (a.outcome != GATE_E_RESERVED)
        explain_rules(g, action, topic, ret);
    if (a.is_command)
        buf_addf(ret, " The topic commands equipment, and the role %s.",
                 !a.is_foreign             ? "may command"
                 : g->role->commands.n > 0 ? "may command other topics only"
                                           : "has no may_command");
    if (a.is_held && a.outcome == GATE_ALLOWED)
        buf_addf(ret, " Each such command waits until a person approves it.");
}
