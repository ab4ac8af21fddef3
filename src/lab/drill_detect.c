/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_detect.c - `bastide drill DETECTOR`: an attack in small, and whether the node notices
 *
 * How many were noticed, how soon, and how soon the node did something about it, is
 * kept as evidence.  All the while a bystander is connected, and after each attack its
 * message must come back to it.
 *
 * MQ.DE.NM-01 MQ.DE.NM-02 MQ.DE.ID-01 MQ.DE.ID-02 MQ.DE.ID-03 MQ.DE.ID-04 MQ.PR.SP-03 MQ.PR.SP-05
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "client/client.h"
#include "io/io.h"
#include "lab/drill_acts.h"

#define FIRST_SOURCE 200 /* 127.0.0.200 and up */
#define LOOK_EACH_MS 250
#define CONTAIN_S    2 /* the node acts at once, or not at all */

/** drill_detects() - is there a drill for the detector @name? */
bool drill_detects(const char *name)
{
    const struct attack *a;

    for (size_t k = 0; (a = drill_attack(k)) != NULL; k++)
        if (strcmp(a->incident, name) == 0)
            return true;
    return false;
}

/* ---- one bout ---- */

static struct bout *bout_new(struct drill *d, size_t k)
{
    struct bout *b = mem_new(struct bout);

    b->d = d;
    b->attack = drill_attack(k);
    b->answer_ms = ANSWER_MS;
    b->run = (unsigned)(clock_unix_ms() / 1000);
    snprintf(b->source, sizeof(b->source), "127.0.0.%u", FIRST_SOURCE + (unsigned)k);
    snprintf(b->client_id, sizeof(b->client_id), DRILL_ID "-%s", b->attack->incident);
    snprintf(b->subject, sizeof(b->subject), "%s:%s", b->attack->is_of_address ? "ip" : "client",
             b->attack->is_of_address ? b->source : b->client_id);
    b->plan = (struct exercise_plan){
        .what = b->attack->what,
        .subcategory = b->attack->subcategory,
        .scenario = b->attack->scenario,
        .incident = b->attack->incident,
        .subject = b->subject,
    };
    b->e.plan = &b->plan;
    return b;
}

static void bout_free(struct bout *b)
{
    if (b == NULL)
        return;
    bout_clean_up(b);
    free(b);
}

/* The client is cut when the node has had enough: that is no failure of the drill. */
static bool bout_begin(struct bout *b, char **ret_error)
{
    if (b->attack->by_client && !bout_comes_in(b, ret_error))
        return false;
    for (unsigned i = 0; i < b->attack->attempts; i++) {
        uint64_t begun_unix_ms = clock_unix_ms();
        bool ok = b->attack->attempt(b, i);

        exercise_attempt(&b->e, begun_unix_ms);
        if (!ok)
            break;
    }
    return true;
}

/* Enough is known: it was noticed, and what is done about it was done. */
static bool is_settled(const json_t *line, uint64_t noticed_ns)
{
    return line == NULL || json_integer_value(json_object_get(line, "contained")) > 0 ||
           (noticed_ns > 0 && clock_now_ns() >= noticed_ns + CONTAIN_S * NS_PER_S);
}

/* The exercise's line, once the node has noticed or there was time enough to. */
static json_t *bout_result(const struct bout *b, char **ret_text, char **ret_error)
{
    static const char *const words[] = {"incidents", "list", "--json", NULL};
    uint64_t until_ns = clock_now_ns() + b->attack->look_s * NS_PER_S;
    uint64_t noticed_ns = 0;
    json_t *line = NULL;

    while (true) {
        json_t *incidents = operator_ask(&b->d->home, words, ret_error);

        if (incidents == NULL)
            return NULL;
        json_decref(line);
        free(*ret_text);
        *ret_text = NULL;
        line = exercise_result(&b->e, incidents, ret_text);
        json_decref(incidents);
        if (noticed_ns == 0 && json_integer_value(json_object_get(line, "detected")) > 0)
            noticed_ns = clock_now_ns();
        if (is_settled(line, noticed_ns) || clock_now_ns() >= until_ns)
            return line;
        usleep(LOOK_EACH_MS * 1000);
    }
}

static bool keep(const struct bout *b, json_t *line, const char *text, char **ret_error)
{
    if (line == NULL) {
        drill_unmeasured(b->d, b->attack->incident, text);
        return true;
    }
    drill_tell(b->d, json_integer_value(json_object_get(line, "detected")) > 0, text);
    return drill_keep(b->d, line, ret_error);
}

static bool bout_end(struct bout *b, char **ret_error)
{
    char *text = NULL;
    json_t *line = bout_result(b, &text, ret_error);
    bool ok = *ret_error == NULL && keep(b, line, text, ret_error);

    free(text);
    bout_clean_up(b);
    return ok && bystander_is_well(b->d, ret_error);
}

/* ---- all of them ---- */

static bool is_meant(const struct drill *d, const struct attack *a)
{
    return strcmp(d->o->drill, DRILL_DETECTORS) == 0 || strcmp(d->o->drill, a->incident) == 0;
}

/* Slow ones run while the others do. */
static bool run_all(struct bout **bouts, size_t n, char **ret_error)
{
    bool ok = true;

    for (size_t k = 0; ok && k < n; k++)
        ok = bouts[k] == NULL || !bouts[k]->attack->is_slow || bout_begin(bouts[k], ret_error);
    for (size_t k = 0; ok && k < n; k++)
        ok = bouts[k] == NULL || bouts[k]->attack->is_slow ||
             (bout_begin(bouts[k], ret_error) && bout_end(bouts[k], ret_error));
    for (size_t k = 0; ok && k < n; k++)
        ok = bouts[k] == NULL || !bouts[k]->attack->is_slow || bout_end(bouts[k], ret_error);
    return ok;
}

/** drill_detect() - the drill of one detector, or of all that have one: @d->o->drill */
bool drill_detect(struct drill *d, char **ret_error)
{
    struct bout **bouts;
    size_t n = 0;
    bool ok;

    while (drill_attack(n) != NULL)
        n++;
    bouts = mem_zero(n * sizeof(struct bout *));
    for (size_t k = 0; k < n; k++)
        if (is_meant(d, drill_attack(k)))
            bouts[k] = bout_new(d, k);
    ok = bystander_comes(d, ret_error) && run_all(bouts, n, ret_error);
    for (size_t k = 0; k < n; k++)
        bout_free(bouts[k]);
    free(bouts);
    bystander_leaves(d);
    return ok;
}
