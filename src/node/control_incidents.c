/* SPDX-License-Identifier: Apache-2.0 */
/* node/control_incidents.c - the control plane's calls: incidents, and how they were judged */
#include "base/clock.h"
#include "base/guess.h"
#include "base/text.h"
#include "node/node_private.h"
#include "node/sentinel.h"

#define STATS_DAYS 30
#define MS_PER_DAY 86400000ULL

struct incidents_call {
    const struct node_incident_filter *filter;
    json_t *answer;
};

static bool meets(const struct node_incident_filter *f, const struct incident *i)
{
    enum severity least;

    if (f == NULL)
        return true;
    if (f->id != NULL && strcmp(f->id, i->id) != 0)
        return false;
    if (f->state != NULL && strcmp(f->state, incident_state_text(i->state)) != 0)
        return false;
    if (f->kind != NULL && strcmp(f->kind, i->detector->name) != 0)
        return false;
    if (f->severity != NULL && severity_parse(f->severity, &least) && i->severity < least)
        return false;
    return i->updated_unix_ms > f->since_unix_ms || f->since_unix_ms == 0;
}

static void add_incident(void *arg, const struct incident *i)
{
    struct incidents_call *call = arg;

    if (meets(call->filter, i))
        json_array_append_new(call->answer, respond_incident_json(i));
}

static void list_incidents(struct sentinel *s, void *arg)
{
    struct incidents_call *call = arg;
    size_t limit = call->filter != NULL ? call->filter->limit : 0;

    call->answer = json_array();
    respond_incidents_each(s->respond, add_incident, call);
    while (limit > 0 && json_array_size(call->answer) > limit)
        json_array_remove(call->answer, 0);
}

/** node_incidents_json() - see node.h */
json_t *node_incidents_json(struct node *n, const struct node_incident_filter *f)
{
    struct incidents_call call = {.filter = f};

    sentinel_call(n->sentinel, list_incidents, &call);
    return call.answer;
}

/** node_incident_kind_wrong_why() - see node.h */
char *node_incident_kind_wrong_why(const char *kind)
{
    struct guess g = {.typed = kind, .n_edits = 4};

    for (size_t i = 0; i < detect_detectors(); i++) {
        const char *name = detect_detector(i)->name;

        if (strcmp(kind, name) == 0)
            return NULL;
        guess_at(&g, name);
    }
    return text_format("no kind of incident is called \"%s\"%s%s", kind,
                       g.nearest != NULL ? "; did you mean " : "", text_or_empty(g.nearest));
}

/* ---- how they were judged ---- */

static json_t *tally_json(const struct incident_tally *t, double client_days)
{
    json_t *o = json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:i}", "opened", (int)t->opened, "open", (int)t->open, "true",
        (int)t->closed[DISPOSITION_TRUE], "false", (int)t->closed[DISPOSITION_FALSE], "benign",
        (int)t->closed[DISPOSITION_BENIGN], "not_judged", (int)t->closed[DISPOSITION_NONE]);

    if (client_days > 0)
        json_object_set_new(o, "wrong_per_1000_client_days",
                            json_real(1000.0 * incident_tally_wrong(t) / client_days));
    return o;
}

static void count_judged(struct sentinel *s, void *arg)
{
    uint64_t now_unix_ms = clock_unix_ms();
    uint64_t since_unix_ms = now_unix_ms - STATS_DAYS * MS_PER_DAY;
    double client_days = identify_client_days(s->identify, now_unix_ms, STATS_DAYS);
    struct incident_tally all = respond_tally(s->respond, NULL, since_unix_ms);
    json_t *kinds = json_array();

    for (size_t i = 0; i < detect_detectors(); i++) {
        const struct detector_info *d = detect_detector(i);
        struct incident_tally t = respond_tally(s->respond, d, since_unix_ms);
        json_t *o;

        if (t.opened == 0)
            continue;
        o = tally_json(&t, client_days);
        json_object_set_new(o, "kind", json_string(d->name));
        json_object_set_new(o, "detector", json_string(d->id));
        json_object_set_new(o, "subcategory", json_string(d->subcategory));
        json_array_append_new(kinds, o);
    }
    *(json_t **)arg =
        json_pack("{s:I, s:f, s:o, s:o}", "since_unix_ms", (json_int_t)since_unix_ms, "client_days",
                  client_days, "all", tally_json(&all, client_days), "kinds", kinds);
}

/** node_incident_stats_json() - see node.h */
json_t *node_incident_stats_json(struct node *n)
{
    json_t *answer = NULL;

    sentinel_call(n->sentinel, count_judged, &answer);
    return answer;
}
