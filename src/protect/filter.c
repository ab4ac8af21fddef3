/* SPDX-License-Identifier: Apache-2.0 */
/* protect/filter.c - filters and names as the configuration says them: are they well formed? */
#include <stdlib.h>

#include "protect/policy.h"
#include "wire/wire.h"

const char *const rule_variable_names[RULE_VARIABLE_N] = {
#define X(name, text) [RULE_##name] = text,
    RULE_VARIABLES(X)
#undef X
};

#define FILTER_FORM                                                                                \
    "is not a topic filter; '+' stands alone between two '/', '#' alone and last, as in a/+/b/#"

static enum rule_variable variable_of(struct bytes name)
{
    for (unsigned i = 0; i < RULE_VARIABLE_N; i++) {
        if (bytes_equal(name, bytes_str(rule_variable_names[i])))
            return (enum rule_variable)i;
    }
    return RULE_VARIABLE_N;
}

/**
 * filter_piece_next() - the next literal run or ${...} of a filter
 * @cursor: at the rest of the filter; moved on
 *
 * A "${" without "}" is a variable whose name is all that follows, hence not known.
 *
 * Return: false at the end.
 */
bool filter_piece_next(const char **cursor, struct filter_piece *ret)
{
    const char *at = *cursor;
    const char *end;

    if (*at == '\0')
        return false;
    if (strncmp(at, "${", 2) == 0) {
        at += 2;
        end = at + strcspn(at, "}");
        *ret = (struct filter_piece){bytes_of(at, (size_t)(end - at)), true, RULE_VARIABLE_N};
        if (*end == '}') {
            ret->variable = variable_of(ret->text);
            end++;
        }
    } else {
        end = strstr(at, "${");
        if (end == NULL)
            end = at + strlen(at);
        *ret = (struct filter_piece){bytes_of(at, (size_t)(end - at)), false, RULE_VARIABLE_N};
    }
    *cursor = end;
    return true;
}

/**
 * filter_fixed_len() - how many leading bytes every matching topic shares with @filter
 *
 * "a/+/c" has "a/"; "a/b/#" has "a/b", because it matches that as well [MQTT5-4.7.1-1].
 */
size_t filter_fixed_len(struct bytes filter)
{
    size_t i = 0;

    while (i < filter.len && filter.at[i] != '+' && filter.at[i] != '#')
        i++;
    if (i < filter.len && filter.at[i] == '#' && i > 0)
        i--; /* the '/' before it */
    return i;
}

/* Refused: "$${client_id}/...", which could become any of the node's own topics. */
static bool variable_in_dollar_level(const char *filter)
{
    const char *slash = strchr(filter, '/');
    const char *variable = strstr(filter, "${");

    return filter[0] == '$' && variable != NULL && variable != filter &&
           (slash == NULL || variable < slash);
}

/**
 * rule_filter_wrong_why() - may a rule have this filter?
 *
 * Return: NULL when it may; otherwise what is wrong and what is allowed.  Static.
 */
const char *rule_filter_wrong_why(const char *filter)
{
    struct buf plain CLEANUP(buf_done) = {0};
    struct filter_piece piece;

    if (filter[0] == '\0')
        return "is empty; a topic filter is needed";
    if (strlen(filter) > RULE_FILTER_BYTES_MAX)
        return "is longer than 1024 bytes";
    if (!wire_utf8_valid(bytes_str(filter)))
        return "is not UTF-8";
    if (strncmp(filter, "$share/", 7) == 0)
        return "begins with $share/; write the filter of the shared subscription without "
               "$share/group/";
    if (variable_in_dollar_level(filter))
        return "has a ${...} in a first level that begins with '$'";
    for (const char *at = filter; filter_piece_next(&at, &piece);) {
        if (piece.is_variable && piece.variable == RULE_VARIABLE_N)
            return "has an unknown ${...}; there are ${client_id}, ${user_name} and "
                   "${certificate_cn}";
        buf_add(&plain, piece.is_variable ? BYTES("x") : piece.text);
    }
    return wire_topic_filter_valid(buf_view(&plain)) ? NULL : FILTER_FORM;
}

/**
 * listed_topic_wrong_why() - may a command topic have this filter?
 *
 * Return: NULL when it may; otherwise what is wrong and what is allowed.  Static.
 */
const char *listed_topic_wrong_why(const char *filter)
{
    if (strstr(filter, "${") != NULL)
        return "has a ${...}; such a list is the same for everybody";
    return rule_filter_wrong_why(filter);
}

/**
 * role_name_wrong_why() - may a role have this name?
 *
 * Return: NULL when it may; otherwise what is wrong and what is allowed.  Static.
 */
const char *role_name_wrong_why(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > ROLE_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != len)
        return "is not a role name; 1 to 64 letters, digits, '_', '-' and '.'";
    return NULL;
}

/**
 * user_name_wrong_why() - may a user have this name, or a certificate this common name?
 *
 * Return: NULL when it may; otherwise what is wrong and what is allowed.  Static.
 */
const char *user_name_wrong_why(const char *name)
{
    size_t len = strlen(name);

    if (len == 0)
        return "is empty";
    if (len > USER_NAME_MAX)
        return "is longer than 256 bytes";
    if (!wire_utf8_valid(bytes_of(name, len)))
        return "is not UTF-8";
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)name[i] < 0x20 || name[i] == 0x7f)
            return "has a control character";
    }
    return NULL;
}
