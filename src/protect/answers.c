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
    const char *text = g->policy->answers.response_information;
    const struct rule_values values = rule_values_of(s, g->user);
    CLEANUP(buf_done) struct buf prefix = {0};
    struct filter_piece piece;

    if (text == NULL)
        return false;
    for (const char *at = text; filter_piece_next(&at, &piece);) {
        if (!piece.is_variable)
            buf_add(&prefix, piece.text);
        else if (!add_value(&prefix, values.of[piece.variable]))
            return false;
    }
    if (!may_read(g, buf_view(&prefix)))
        return false;
    buf_add(ret, buf_view(&prefix));
    return true;
}
