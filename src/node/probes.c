/* SPDX-License-Identifier: Apache-2.0 */
/* node/probes.c - evidence: what the sentinel knows, and the list of all probes */
#include "node/probes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "node/self_test.h"
#include "node/spec_coverage.h"

#define DETAIL_MAX 256
/* An automatic answer within this time counts [MQ.DE.ID-01.t4]. */
#define ANSWER_MS_MAX 60000

/** evidence_add() - one measured value */
void evidence_add(struct evidence_list *e, const char *test, double value, uint64_t samples,
                  const char *window, const char *detail, ...)
{
    char text[DETAIL_MAX];
    va_list args;
    json_t *o;

    va_start(args, detail);
    vsnprintf(text, sizeof(text), detail, args);
    va_end(args);
    o = json_pack("{s:s,s:f,s:I,s:I,s:s}", "test", test, "value", value, "samples",
                  (json_int_t)samples, "at", (json_int_t)e->at_unix_ms, "detail", text);
    if (window != NULL)
        json_object_set_new(o, "window", json_string(window));
    json_array_append_new(e->array, o);
}

/* ---- what the sentinel knows ---- */

static void facts(struct sentinel *s, struct evidence_list *e)
{
    for (unsigned i = 0; i < IDENTIFY_FACT_N; i++) {
        struct identify_value v;

        if (identify_fact(s->identify, i, e->at_unix_ms, &v))
            evidence_add(e, identify_fact_test(i), v.value, v.samples, NULL, "%s", v.detail);
    }
}

static void detectors(struct sentinel *s, struct evidence_list *e)
{
    uint64_t n_closed = s->n_events[EVENT_DISCONNECTED];
    struct detect_census c = detect_census(s->detect);

    evidence_add(e, "MQ.PR.SP-03.t1", 1, detect_detectors(), NULL, "all %zu built-in detectors run",
                 detect_detectors());
    evidence_add(e, "MQ.DE.NM-01.t1", 4, 1, NULL,
                 "attempts are counted by address, its /24 or /64, client id and user name");
    if (c.n_active > 0)
        evidence_add(e, "MQ.DE.ID-03.t2", (double)c.n_learned / (double)c.n_active, c.n_active,
                     "30d",
                     "of %zu active clients it is known of %zu what they send, and how much of it "
                     "is read",
                     c.n_active, c.n_learned);
    if (c.n_connections > 0)
        evidence_add(e, "MQ.DE.ID-04.t3", (double)c.n_idle / (double)c.n_connections,
                     c.n_connections, "30d",
                     "%zu of %zu connections say nothing beyond what role and keep alive allow",
                     c.n_idle, c.n_connections);
    if (n_closed > 0)
        evidence_add(
            e, "MQ.DE.NM-02.t1", 1, n_closed, "30d",
            "each of %llu closed connections left an event with its cause, since the start",
            (unsigned long long)n_closed);
}

struct ban_facts {
    uint64_t now_unix_ms;
    size_t n_complete;
    size_t n_overdue;
};

static void look_at_ban(void *arg, const struct respond_ban *b)
{
    struct ban_facts *f = arg;

    f->n_complete += b->author[0] != '\0' && b->reason[0] != '\0' && b->expires_unix_ms != 0;
    f->n_overdue += b->expires_unix_ms != 0 && b->expires_unix_ms + 2000 < f->now_unix_ms;
}

static void bans(struct sentinel *s, struct evidence_list *e)
{
    struct ban_facts f = {.now_unix_ms = e->at_unix_ms};
    size_t n = respond_bans(s->respond);
    size_t n_kept = respond_bans_kept(s->respond);

    respond_bans_each(s->respond, look_at_ban, &f);
    if (n > 0)
        evidence_add(e, "MQ.PR.SP-04.t4", n_kept == n, n, NULL,
                     "%zu of %zu bans were read back from the state, as after a restart", n_kept,
                     n);
    if (n > 0)
        evidence_add(e, "MQ.PR.SP-04.t3", (double)f.n_complete / (double)n, n, NULL,
                     "%zu of %zu bans have an author, a reason and an expiry", f.n_complete, n);
    evidence_add(e, "MQ.RC.RP-04.t4", (double)f.n_overdue, n > 0 ? n : 1, NULL,
                 "%zu of %zu bans in force are past their expiry", f.n_overdue, n);
}

/* ---- incidents ---- */

struct answered {
    unsigned n_guessing;
    unsigned n_guessing_in_time;
    unsigned n_contained; /* of high incidents */
    unsigned n_containments;
    unsigned n_wrong;
    uint64_t seconds[RESPOND_INCIDENTS_MAX];
};

static const struct action *first_done(const struct incident *i, enum action_kind least)
{
    for (unsigned k = 0; k < i->n_actions; k++) {
        const struct action *a = &i->actions[k];

        if (a->kind >= least && (a->state == ACTION_DONE || a->state == ACTION_EXPIRED))
            return a;
    }
    return NULL;
}

static void look_at(void *arg, const struct incident *i)
{
    struct answered *n = arg;
    const struct action *limit = first_done(i, ACTION_DELAY);
    const struct action *contained = first_done(i, ACTION_DISCONNECT);

    if (strcmp(i->detector->subcategory, "MQ.DE.ID-01") == 0) {
        n->n_guessing++;
        n->n_guessing_in_time +=
            limit != NULL && limit->at_unix_ms <= i->opened_unix_ms + ANSWER_MS_MAX;
    }
    if (contained != NULL) {
        n->n_containments++;
        n->n_wrong += i->disposition == DISPOSITION_FALSE || i->disposition == DISPOSITION_BENIGN;
    }
    if (i->severity >= SEVERITY_HIGH && contained != NULL && n->n_contained < RESPOND_INCIDENTS_MAX)
        n->seconds[n->n_contained++] = (contained->at_unix_ms - i->opened_unix_ms) / 1000;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void incidents(struct sentinel *s, struct evidence_list *e)
{
    struct answered n = {0};

    respond_incidents_each(s->respond, look_at, &n);
    if (n.n_guessing > 0)
        evidence_add(e, "MQ.DE.ID-01.t4", (double)n.n_guessing_in_time / n.n_guessing, n.n_guessing,
                     "90d", "%u of %u guessing incidents were limited or banned within 60 s",
                     n.n_guessing_in_time, n.n_guessing);
    if (n.n_contained > 0) {
        qsort(n.seconds, n.n_contained, sizeof(n.seconds[0]), ascending);
        evidence_add(e, "MQ.RS.RP-03.t1", (double)n.seconds[n.n_contained / 2], n.n_contained,
                     "90d", "median of %u containments of high incidents", n.n_contained);
    }
    if (n.n_containments > 0)
        evidence_add(e, "MQ.RS.RP-03.t4", (double)n.n_wrong / n.n_containments, n.n_containments,
                     "180d", "%u of %u containments were judged false or benign", n.n_wrong,
                     n.n_containments);
}

static void safeguards(struct sentinel *s, struct evidence_list *e)
{
    unsigned n_critical = 0;
    unsigned n_guarded = 0;

    for (size_t i = 0; i < s->n_roles; i++) {
        if (!s->roles[i].critical)
            continue;
        n_critical++;
        n_guarded += respond_is_guarded(s->respond, s->roles[i].name, sentinel_now(s));
    }
    if (n_critical > 0)
        evidence_add(e, "MQ.RS.RP-03.t3", n_guarded == n_critical, n_critical, NULL,
                     "dry run: of %u critical roles, clients of %u would be neither disconnected "
                     "nor banned automatically",
                     n_critical, n_guarded);
}

static void on_sentinel(struct sentinel *s, void *arg)
{
    struct evidence_list *e = arg;

    facts(s, e);
    detectors(s, e);
    bans(s, e);
    incidents(s, e);
    safeguards(s, e);
}

/** probe_sentinel() - assets, flows, detectors, bans and incidents */
void probe_sentinel(struct node *n, struct evidence_list *e)
{
    sentinel_call(n->sentinel, on_sentinel, e);
}

/* Of the tests that this version was released with: a ratio of statements, not of runs. */
static void probe_standards(struct node *n, struct evidence_list *e)
{
    static const char *const tests[] = {"MQ.PR.SP-01.t1", "MQ.ID.CO-04.t2"};
    const unsigned applicable = SPEC_STATEMENTS - SPEC_EXCEPTED;

    (void)n;
    for (size_t i = 0; i < COUNT_OF(tests); i++)
        evidence_add(e, tests[i], (double)SPEC_TESTED / applicable, applicable, NULL,
                     "%u of the %u normative statements of MQTT 3.1.1 and 5.0 that apply are cited "
                     "by the code that obeys them and by tests of this version; %u are excepted, "
                     "each with a reason: docs/spec/coverage.md",
                     SPEC_TESTED, applicable, SPEC_EXCEPTED);
}

/** node_evidence_json() - see node.h */
json_t *node_evidence_json(struct node *n)
{
    static void (*const probes[])(struct node * n, struct evidence_list * e) = {
        probe_sentinel, probe_incidents, probe_config,  probe_crypto,    probe_traffic,
        probe_store,    probe_self_test, probe_respond, probe_contained, probe_standards,
    };
    struct evidence_list e = {.array = json_array(), .at_unix_ms = clock_unix_ms()};

    for (size_t i = 0; i < COUNT_OF(probes); i++)
        probes[i](n, &e);
    return e.array;
}
