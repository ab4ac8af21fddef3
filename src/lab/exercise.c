/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/exercise.c - what was tried, held against what the node noticed
 *
 * Both sides' times are of this machine's clock.  Of each attempt the time counts at
 * which it began, of an incident that at which it was opened; so an attempt that was
 * under way when the alert came counts as made before it.
 */
#include "lab/lab_private.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "assess/assess.h"
#include "base/clock.h"
#include "base/text.h"

/** exercise_attempt() - one more; past EXERCISE_ATTEMPTS_MAX they are not needed: the alert came,
 * or will not */
void exercise_attempt(struct exercise *e, uint64_t begun_unix_ms)
{
    if (e->n < EXERCISE_ATTEMPTS_MAX)
        e->begun_unix_ms[e->n++] = begun_unix_ms;
}

static bool is_of(const json_t *incident, const struct exercise_plan *p)
{
    const char *kind = json_string_value(json_object_get(incident, "kind"));
    const char *subject = json_string_value(json_object_get(incident, "subject"));

    return kind != NULL && subject != NULL && strcmp(kind, p->incident) == 0 &&
           strcmp(subject, p->subject) == 0;
}

static uint64_t opened_of(const json_t *incident)
{
    return (uint64_t)json_integer_value(json_object_get(incident, "time_unix_ms"));
}

/* When the node did something about it; 0: it did nothing but tell. */
static uint64_t contained_at(const json_t *incident)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(incident, "actions"), i, one)
    {
        const char *what = json_string_value(json_object_get(one, "what"));
        const char *state = json_string_value(json_object_get(one, "state"));

        if (what != NULL && state != NULL && strcmp(state, "done") == 0 &&
            strcmp(what, "record") != 0 && strcmp(what, "alert") != 0)
            return (uint64_t)json_integer_value(json_object_get(one, "at_unix_ms"));
    }
    return 0;
}

static bool is_closed(const json_t *incident)
{
    const char *state = json_string_value(json_object_get(incident, "state"));

    return state != NULL && strcmp(state, "closed") == 0;
}

/* The incident by which the exercise was noticed, borrowed; NULL: it was not.  @ret_stood: one of
 * that kind was open already, so that a new one was not to come. */
static const json_t *noticed_by(const struct exercise *e, const json_t *incidents, bool *ret_stood)
{
    const json_t *first = NULL;
    const json_t *one;
    size_t i;

    *ret_stood = false;
    json_array_foreach(incidents, i, one)
    {
        uint64_t opened = opened_of(one);

        if (!is_of(one, e->plan))
            continue;
        if (opened < e->begun_unix_ms[0])
            *ret_stood |= !is_closed(one);
        else if (first == NULL || opened < opened_of(first))
            first = one;
    }
    return first;
}

static unsigned attempts_until(const struct exercise *e, uint64_t unix_ms)
{
    unsigned n = 0;

    while (n < e->n && e->begun_unix_ms[n] <= unix_ms)
        n++;
    return n;
}

static double seconds_from_begin(const struct exercise *e, uint64_t unix_ms)
{
    return (double)(unix_ms - e->begun_unix_ms[0]) / 1000.0;
}

/* Both, for @line and for a person. */
static void add_containment(const struct exercise *e, const json_t *incident, json_t *line,
                            struct buf *text)
{
    uint64_t contained = contained_at(incident);

    json_object_set_new(line, "contained", json_integer(contained > 0));
    if (contained == 0) {
        buf_addf(text, "; told, nothing done");
        return;
    }
    json_object_set_new(line, "contain_seconds",
                        json_pack("[f]", seconds_from_begin(e, contained)));
    buf_addf(text, "; contained after %.3f s", seconds_from_begin(e, contained));
}

/**
 * exercise_result() - a row for the node's table of drills
 * @incidents:  all that the node knows of
 * @ret_text:   what came out, for a person; owned by the caller
 *
 * Return: NULL when nothing can be said: nothing was tried, or its alert stood already.
 */
json_t *exercise_result(const struct exercise *e, const json_t *incidents, char **ret_text)
{
    bool stood = false;
    const json_t *noticed = e->n > 0 ? noticed_by(e, incidents, &stood) : NULL;
    CLEANUP(buf_done) struct buf text = {0};
    unsigned touched;
    json_t *line;

    if (e->n == 0 || (noticed == NULL && stood)) {
        text_fail(ret_text, "%s: not exercised: %s", e->plan->what,
                  stood ? "such an incident was open already; close it first"
                        : "the node did not let it come so far");
        return NULL;
    }
    line = json_pack("{s:s, s:s, s:i, s:i}", "subcategory", e->plan->subcategory, "scenario",
                     e->plan->scenario, "injected", 1, "detected", noticed != NULL);
    if (noticed == NULL) {
        text_fail(ret_text, "%s: %u attempts, NOT noticed", e->plan->what, e->n);
        return line;
    }
    touched = attempts_until(e, opened_of(noticed));
    json_object_set_new(line, "seconds",
                        json_pack("[f]", seconds_from_begin(e, opened_of(noticed))));
    json_object_set_new(line, "touched", json_pack("[i]", (int)touched));
    buf_addf(&text, "%s: noticed within %u attempt%s, after %.3f s", e->plan->what, touched,
             touched == 1 ? "" : "s", seconds_from_begin(e, opened_of(noticed)));
    add_containment(e, noticed, line, &text);
    *ret_text = bytes_dup_str(buf_view(&text));
    return line;
}

/**
 * drill_record() - keep one line of evidence
 * @line:  consumed
 * @tool:  what made it, such as "bastide lab --intruder"
 */
bool drill_record(const struct lab_home *h, json_t *line, const char *tool, char **ret_error)
{
    const struct passwd *who = getpwuid(geteuid());
    const char *words[] = {"record", "--row", NULL, NULL};
    struct buf by = {0};
    struct buf out = {0};
    char *text;
    bool ok;

    buf_addf(&by, "%s, run by %s%c", tool, who != NULL ? who->pw_name : "a user without a name", 0);
    json_object_set_new(line, "at", json_integer((json_int_t)clock_unix_ms()));
    json_object_set_new(line, "by", json_string((const char *)by.at));
    text = json_dumps(line, JSON_COMPACT);
    words[2] = text;
    ok = operator_do(h, words, &out, ret_error);
    free(text);
    json_decref(line);
    buf_done(&by);
    buf_done(&out);
    return ok;
}
