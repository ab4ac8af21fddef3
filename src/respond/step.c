/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/step.c - a step of a playbook, as the configuration says it
 *
 * "delay 10m", "throttle 10 5m", "hold 10m", "disconnect", "ban 1h", "quarantine meters/+ publish
 * 1h", "firewall 1h", "revoke-certificate", "posture elevated 1h".  A word after the other, as the
 * table says.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

#define TENTH          "tenth" /* of what its role may send */
#define WORDS_MAX      3
#define SPAN_S_MAX     (30ULL * 86400)
#define FIREWALL_S_MAX 604800

/* Takes @word into @s.  Return: NULL, or what should stand there; static. */
typedef const char *word_fn(const char *word, struct respond_step *s);

/* A copy of one word; NULL: none is left.  Owned by the caller. */
static char *next_word(const char **at)
{
    size_t len;
    char *word;

    *at += strspn(*at, " ");
    len = strcspn(*at, " ");
    word = len > 0 ? bytes_dup_str(bytes_of(*at, len)) : NULL;
    *at += len;
    return word;
}

/* ---- words ---- */

/* "90s", "10m", "1h", "2d". */
static const char *take_span(const char *word, struct respond_step *s)
{
    static const struct {
        char unit;
        unsigned s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end = NULL;
    uint64_t n = strtoull(word, &end, 10);

    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (word[0] >= '1' && word[0] <= '9' && units[i].unit == end[0] && end[1] == '\0' &&
            n <= SPAN_S_MAX / units[i].s) {
            s->for_s = n * units[i].s;
            return NULL;
        }
    }
    return "needs a duration such as 90s, 10m, 1h or 2d, up to 30d";
}

static const char *take_week(const char *word, struct respond_step *s)
{
    const char *why = take_span(word, s);

    if (why == NULL && s->for_s > FIREWALL_S_MAX)
        return "is longer than a week, which the firewall is not asked for";
    return why;
}

static const char *take_rate(const char *word, struct respond_step *s)
{
    char *end = NULL;

    s->is_tenth = strcmp(word, TENTH) == 0;
    if (s->is_tenth)
        return NULL;
    s->amount = strtoull(word, &end, 10);
    return word[0] >= '1' && word[0] <= '9' && *end == '\0' && s->amount <= UINT32_MAX
               ? NULL
               : "needs a number of messages a second, 1 or more, or tenth";
}

static const char *take_posture(const char *word, struct respond_step *s)
{
    enum respond_posture p = POSTURE_NORMAL;

    (void)respond_posture_parse(word, &p);
    s->amount = p;
    return p != POSTURE_NORMAL ? NULL : "needs a posture: elevated or lockdown";
}

static const char *take_filter(const char *word, struct respond_step *s)
{
    (void)s; /* it borrows from the text: see respond_step_parse() */
    return respond_topic_wrong_why(word) == NULL
               ? NULL
               : "needs a topic filter that is valid, without spaces, and does not begin with '$'";
}

static const char *take_direction(const char *word, struct respond_step *s)
{
    return respond_direction_parse(word, &s->directions)
               ? NULL
               : "needs a direction: publish, deliver or both";
}

/* Whom else a delay may mean than an address, or all; a word that may be left out. */
static const struct {
    const char *word;
    enum respond_target whom;
} whoms[] = {{"client", TARGET_CLIENT_ADDRESS}, {"strangers", TARGET_STRANGERS}};

/* Return: what stands behind it. */
static const char *take_whom(const char *text, struct respond_step *s)
{
    const char *behind = text;
    char *word = next_word(&behind);

    for (size_t i = 0; word != NULL && i < COUNT_OF(whoms); i++) {
        if (strcmp(word, whoms[i].word) == 0) {
            s->whom = whoms[i].whom;
            text = behind;
        }
    }
    free(word);
    return text;
}

/* clang-format off */
static const struct step_row {
    enum action_kind kind;
    word_fn *words[WORDS_MAX]; /* after its name; NULL ends */
} rows[] = {
    {ACTION_RECORD,             {NULL}},
    {ACTION_ALERT,              {NULL}},
    {ACTION_DELAY,              {take_span}},
    {ACTION_THROTTLE,           {take_rate, take_span}},
    {ACTION_HOLD,               {take_span}},
    {ACTION_DISCONNECT,         {NULL}},
    {ACTION_BAN,                {take_span}},
    {ACTION_QUARANTINE,         {take_filter, take_direction, take_span}},
    {ACTION_FIREWALL,           {take_week}},
    {ACTION_REVOKE_CERTIFICATE, {NULL}},
    {ACTION_REVOKE_USER,        {NULL}},
    {ACTION_POSTURE,            {take_posture, take_span}},
    {ACTION_SHUTDOWN,           {NULL}},
};
/* clang-format on */

static const char forms[] =
    "is no step: record, alert, delay [client|strangers] DURATION, throttle MESSAGES_PER_S|tenth "
    "DURATION, hold DURATION, disconnect, "
    "ban DURATION, quarantine FILTER publish|deliver|both DURATION, firewall DURATION, "
    "revoke-certificate, revoke-user, posture elevated|lockdown DURATION or shutdown";

static const struct step_row *row_of(const char *word)
{
    for (size_t i = 0; word != NULL && i < COUNT_OF(rows); i++) {
        if (strcmp(word, action_kind_text(rows[i].kind)) == 0)
            return &rows[i];
    }
    return NULL;
}

static const char *take_words(const char *text, const struct step_row *row, struct respond_step *s)
{
    const char *why = NULL;
    char *word;

    for (size_t i = 0; i < WORDS_MAX && row->words[i] != NULL && why == NULL; i++) {
        word = next_word(&text);
        if (row->words[i] == take_filter && word != NULL)
            s->filter = bytes_of(text - strlen(word), strlen(word));
        why = row->words[i](text_or_empty(word), s);
        free(word);
    }
    word = why == NULL ? next_word(&text) : NULL;
    if (word != NULL)
        why = "has a word too many";
    free(word);
    return why;
}

/** respond_step_parse() - see respond.h */
const char *respond_step_parse(const char *text, struct respond_step *ret)
{
    char *name = next_word(&text);
    const struct step_row *row = row_of(name);
    struct respond_step s = {0};
    const char *why;

    free(name);
    if (row == NULL)
        return forms;
    s.kind = row->kind;
    s.whom = TARGET_ADDRESS;
    if (s.kind == ACTION_DELAY)
        text = take_whom(text, &s);
    why = take_words(text, row, &s);
    if (why == NULL)
        *ret = s;
    return why;
}

/** respond_step_wrong_why() - for the configuration; Return: NULL, or what is wrong; static. */
const char *respond_step_wrong_why(const char *text)
{
    struct respond_step s;

    return respond_step_parse(text, &s);
}

/** respond_steps_wrong_why() - see respond.h */
const char *respond_steps_wrong_why(char *const *steps, size_t n)
{
    unsigned seen = 0;

    for (size_t i = 0; i < n; i++) {
        struct respond_step s;

        if (respond_step_parse(steps[i], &s) != NULL)
            continue;
        if (seen & BIT(s.kind))
            return "has the same action twice: only one of them could be done";
        seen |= BIT(s.kind);
    }
    return NULL;
}
