/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/step.c - a step of a playbook, as the configuration says it
 *
 * "delay 10m", "throttle 10 5m", "disconnect", "ban 1h", "firewall 1h",
 * "posture elevated 1h".  What a table does not allow a machine to do by itself
 * (revoke, quarantine, shut down) is no step.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "respond/private.h"

#define WORDS_MAX      4
#define SPAN_S_MAX     (30ULL * 86400)
#define FIREWALL_S_MAX 604800

/* clang-format off */
static const struct step_row {
    enum action_kind kind;
    bool has_amount;
    bool has_span;
} rows[] = {
    {ACTION_RECORD,     false, false},
    {ACTION_ALERT,      false, false},
    {ACTION_DELAY,      false, true},
    {ACTION_THROTTLE,   true,  true},
    {ACTION_DISCONNECT, false, false},
    {ACTION_BAN,        false, true},
    {ACTION_FIREWALL,   false, true},
    {ACTION_POSTURE,    true,  true},
};
/* clang-format on */

static const char forms[] =
    "is no step: record, alert, delay DURATION, throttle MESSAGES_PER_S DURATION, disconnect, "
    "ban DURATION, firewall DURATION or posture elevated|lockdown DURATION";

/* A copy of one word after the other; false: none left, or too long for a word of ours. */
static bool next_word(const char **at, char ret[32])
{
    size_t len;

    *at += strspn(*at, " ");
    len = strcspn(*at, " ");
    if (len == 0 || len >= 32)
        return false;
    memcpy(ret, *at, len);
    ret[len] = '\0';
    *at += len;
    return true;
}

static const struct step_row *row_of(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(word, action_kind_text(rows[i].kind)) == 0)
            return &rows[i];
    }
    return NULL;
}

/* "90s", "10m", "1h", "2d". */
static bool parse_span(const char *word, uint64_t *ret_s)
{
    static const struct {
        char unit;
        unsigned s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end = NULL;
    uint64_t n = strtoull(word, &end, 10);

    if (word[0] < '1' || word[0] > '9' || end[0] == '\0' || end[1] != '\0')
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (units[i].unit == end[0] && n <= SPAN_S_MAX / units[i].s) {
            *ret_s = n * units[i].s;
            return true;
        }
    }
    return false;
}

static bool parse_amount(enum action_kind kind, const char *word, uint64_t *ret)
{
    enum respond_posture p;
    char *end = NULL;

    if (kind == ACTION_POSTURE) {
        if (!respond_posture_parse(word, &p) || p == POSTURE_NORMAL)
            return false;
        *ret = p;
        return true;
    }
    *ret = strtoull(word, &end, 10);
    return word[0] >= '1' && word[0] <= '9' && *end == '\0' && *ret <= UINT32_MAX;
}

/** respond_step_parse() - see respond.h */
const char *respond_step_parse(const char *text, struct respond_step *ret)
{
    const struct step_row *row;
    struct respond_step s = {0};
    char word[32];

    if (!next_word(&text, word) || (row = row_of(word)) == NULL)
        return forms;
    s.kind = row->kind;
    if (row->has_amount && (!next_word(&text, word) || !parse_amount(s.kind, word, &s.amount)))
        return s.kind == ACTION_POSTURE ? "needs a posture: elevated or lockdown"
                                        : "needs a number of messages a second, 1 or more";
    if (row->has_span && (!next_word(&text, word) || !parse_span(word, &s.for_s)))
        return "needs a duration such as 90s, 10m, 1h or 2d, up to 30d";
    if (s.kind == ACTION_FIREWALL && s.for_s > FIREWALL_S_MAX)
        return "is longer than a week, which the firewall is not asked for";
    if (next_word(&text, word))
        return "has a word too many";
    *ret = s;
    return NULL;
}

/** respond_step_wrong_why() - for the configuration; Return: NULL, or what is wrong; static. */
const char *respond_step_wrong_why(const char *text)
{
    struct respond_step s;

    return respond_step_parse(text, &s);
}
