/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/probes_incidents.c - evidence: what people made of incidents
 *
 * MQ.ID.IC-02 MQ.PR.SP-03 MQ.PR.SP-05 MQ.DE.NM-01 MQ.DE.NM-02 MQ.DE.ID-02
 */
#include "node/probes.h"

#define MS_PER_DAY      86400000ULL
#define ACK_DAYS        90
#define ACK_CRITICAL_MS (15 * 60 * 1000ULL)
#define ACK_ELSE_MS     (4 * 3600 * 1000ULL)
#define EXPLAIN_DAYS    90
#define EXPLAIN_MS      (7 * MS_PER_DAY)
#define WRONG_DAYS      30

static bool is_within(uint64_t then_unix_ms, uint64_t now_unix_ms, unsigned days)
{
    return then_unix_ms + days * MS_PER_DAY >= now_unix_ms;
}

/* ---- acknowledged in time ---- */

struct acknowledged {
    const struct sentinel *s;
    uint64_t now_unix_ms;
    unsigned n;
    unsigned n_in_time;
};

static bool role_is_critical(const struct sentinel *s, const char *role)
{
    for (size_t i = 0; i < s->n_roles; i++)
        if (strcmp(s->roles[i].name, role) == 0)
            return s->roles[i].critical;
    return false;
}

/* One that is not acknowledged counts once its time is over. */
static void count_acknowledged(void *arg, const struct incident *i)
{
    struct acknowledged *a = arg;
    uint64_t limit_ms = role_is_critical(a->s, i->role) ? ACK_CRITICAL_MS : ACK_ELSE_MS;
    uint64_t at = i->acknowledged_unix_ms;

    if (i->severity < SEVERITY_HIGH || !is_within(i->opened_unix_ms, a->now_unix_ms, ACK_DAYS) ||
        (at == 0 && i->opened_unix_ms + limit_ms > a->now_unix_ms))
        return;
    a->n++;
    a->n_in_time += at != 0 && at <= i->opened_unix_ms + limit_ms;
}

static void acknowledgements(const struct sentinel *s, struct evidence_list *e)
{
    struct acknowledged a = {.s = s, .now_unix_ms = e->at_unix_ms};

    respond_incidents_each(s->respond, count_acknowledged, &a);
    if (a.n > 0)
        evidence_add(e, "MQ.ID.IC-02.t2", (double)a.n_in_time / a.n, a.n, "90d",
                     "%u of %u high incidents were acknowledged by a person within 4 h, of "
                     "critical roles within 15 min",
                     a.n_in_time, a.n);
}

/* ---- explained ---- */

struct explained {
    uint64_t now_unix_ms;
    unsigned n;
    unsigned n_explained;
};

static void count_explained(void *arg, const struct incident *i)
{
    struct explained *x = arg;
    bool is_judged =
        i->state == INCIDENT_CLOSED && i->disposition != DISPOSITION_NONE && i->n_notes > 0;
    uint64_t noted = i->n_notes > 0 ? i->notes[i->n_notes - 1].at_unix_ms : 0;

    if (strcmp(i->detector->subcategory, "MQ.DE.NM-02") != 0 ||
        !is_within(i->opened_unix_ms, x->now_unix_ms, EXPLAIN_DAYS) ||
        (!is_judged && i->opened_unix_ms + EXPLAIN_MS > x->now_unix_ms))
        return;
    x->n++;
    x->n_explained += is_judged && noted <= i->opened_unix_ms + EXPLAIN_MS;
}

static void explanations(const struct sentinel *s, struct evidence_list *e)
{
    struct explained x = {.now_unix_ms = e->at_unix_ms};

    respond_incidents_each(s->respond, count_explained, &x);
    if (x.n > 0)
        evidence_add(e, "MQ.DE.NM-02.t3", (double)x.n_explained / x.n, x.n, "90d",
                     "%u of %u such incidents were judged, with a note, within 7 d", x.n_explained,
                     x.n);
}

/* ---- judged false or benign ---- */

/* @subcategory NULL: all. */
static unsigned n_wrong(const struct sentinel *s, const char *subcategory, uint64_t since_unix_ms)
{
    unsigned n = 0;

    for (size_t i = 0; i < detect_detectors(); i++) {
        const struct detector_info *d = detect_detector(i);
        struct incident_tally t = respond_tally(s->respond, d, since_unix_ms);

        if (subcategory == NULL || strcmp(d->subcategory, subcategory) == 0)
            n += incident_tally_wrong(&t);
    }
    return n;
}

static void wrong(const struct sentinel *s, struct evidence_list *e)
{
    static const struct {
        const char *test;
        const char *subcategory;
    } rows[] = {
        {"MQ.PR.SP-03.t4", NULL},
        {"MQ.DE.NM-01.t4", "MQ.DE.NM-01"},
        {"MQ.DE.ID-02.t4", "MQ.DE.ID-02"},
    };
    double client_days = identify_client_days(s->identify, e->at_unix_ms, WRONG_DAYS);
    uint64_t since_unix_ms = e->at_unix_ms - WRONG_DAYS * MS_PER_DAY;

    for (size_t i = 0; client_days >= 1 && i < COUNT_OF(rows); i++) {
        unsigned n = n_wrong(s, rows[i].subcategory, since_unix_ms);

        evidence_add(e, rows[i].test, 1000.0 * n / client_days, (uint64_t)client_days, "30d",
                     "%u incidents judged false or benign in %.0f client-days", n, client_days);
    }
}

/* ---- limits that hit who was right ---- */

#define LIMITS_SUBCATEGORY "MQ.PR.SP-05"

static void limits(const struct sentinel *s, struct evidence_list *e)
{
    uint64_t since_unix_ms = e->at_unix_ms - EXPLAIN_DAYS * MS_PER_DAY;
    unsigned n_opened = 0;

    for (size_t i = 0; i < detect_detectors(); i++)
        if (strcmp(detect_detector(i)->subcategory, LIMITS_SUBCATEGORY) == 0)
            n_opened += respond_tally(s->respond, detect_detector(i), since_unix_ms).opened;
    if (n_opened > 0)
        evidence_add(e, "MQ.PR.SP-05.t3",
                     (double)n_wrong(s, LIMITS_SUBCATEGORY, since_unix_ms) / n_opened, n_opened,
                     "90d",
                     "of %u incidents by what passed a limit, that share was judged false or "
                     "benign",
                     n_opened);
}

static void on_sentinel(struct sentinel *s, void *arg)
{
    acknowledgements(s, arg);
    explanations(s, arg);
    wrong(s, arg);
    limits(s, arg);
}

/** probe_incidents() - acknowledged, explained and judged by people */
void probe_incidents(struct node *n, struct evidence_list *e)
{
    sentinel_call(n->sentinel, on_sentinel, e);
}
