/* SPDX-License-Identifier: Apache-2.0 */
/* protect/answers.c - what clients of MQTT 5.0 are told when they ask, within their rights */
#include "base/err.h"
#include "protect/policy.h"
#include "wire/wire.h"

/**
 * response_information_wrong_why() - may topics of replies begin so?
 *
 * Return: NULL when they may; otherwise what is wrong and what is allowed.  Static.
 */
const char *response_information_wrong_why(const char *text)
{
    const char *why = rule_filter_wrong_why(text);

    if (why != NULL)
        return why;
    if (wire_filter_has_wildcard(bytes_str(text)))
        return "has a wildcard; topics of replies begin with it, such as reply/${client_id}/";
    return text[0] == '$' ? "begins with '$'; clients cannot publish there" : NULL;
}

/**
 * ping_topic_wrong_why() - may clients be asked there whether they are there?
 *
 * Return: NULL when they may; otherwise what is wrong and what is allowed.  Static.
 */
const char *ping_topic_wrong_why(const char *text)
{
    const char *why = rule_filter_wrong_why(text);

    if (why != NULL)
        return why;
    if (wire_filter_has_wildcard(bytes_str(text)))
        return "has a wildcard; it is one topic for each client, such as ping/${client_id}";
    return text[0] == '$' ? "begins with '$', which is the node's own" : NULL;
}

/** policy_answers() - Return: what @p was made with, borrowed */
const struct answers_spec *policy_answers(const struct policy *p)
{
    return &p->answers;
}

static bool add_value(struct buf *to, struct bytes value)
{
    if (value_flaw(value, to->len == 0) != RULE_FLAW_NONE)
        return false;
    buf_add(to, value);
    return true;
}

/* @text with the connection's values appended to @ret; false: one of them cannot stand in a topic,
 * and @ret is of no use. */
static bool expand(const char *text, const struct rule_values *values, struct buf *ret)
{
    struct filter_piece piece;

    for (const char *at = text; filter_piece_next(&at, &piece);) {
        if (!piece.is_variable)
            buf_add(ret, piece.text);
        else if (!add_value(ret, values->of[piece.variable]))
            return false;
    }
    return true;
}

/**
 * gate_ping_topic() - where this client is asked whether it is there
 * @s:    the same as gate_admit() saw
 * @ret:  empty; the topic is appended
 *
 * MQ.DE.PM-01
 *
 * Return: false: nowhere.
 */
bool gate_ping_topic(const struct grant *g, const struct gate_subject *s, struct buf *ret)
{
    const struct rule_values values = rule_values_of(s, g->user);

    return g->role->ping_topic != NULL && expand(g->role->ping_topic, &values, ret);
}

/* May it subscribe to all that begins with @prefix? */
static bool may_read(const struct grant *g, struct bytes prefix)
{
    CLEANUP(buf_done) struct buf filter = {0};

    check(prefix.at != NULL && prefix.len > 0); /* neither text nor values are empty */
    buf_add(&filter, prefix);
    buf_addf(&filter, "%s#", prefix.at[prefix.len - 1] == '/' ? "" : "/");
    return gate_check(g, GATE_SUBSCRIBE, buf_view(&filter)).outcome == GATE_ALLOWED;
}

/**
 * gate_response_information() - with what the topics of replies to this client begin
 * @s:    the same as gate_admit() saw
 * @ret:  appended to
 *
 * MQ.PR.IA-05
 *
 * Return: false if there is none: the configuration names none, a ${...} of it has no value that
 * can stand in a topic, or the client may not subscribe to all that begins with it.
 */
bool gate_response_information(const struct grant *g, const struct gate_subject *s, struct buf *ret)
{
    const char *text = g->role->policy->answers.response_information;
    const struct rule_values values = rule_values_of(s, g->user);
    CLEANUP(buf_done) struct buf prefix = {0};

    if (text == NULL || !expand(text, &values, &prefix) || !may_read(g, buf_view(&prefix)))
        return false;
    buf_add(ret, buf_view(&prefix));
    return true;
}
