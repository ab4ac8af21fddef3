/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/playbook.c - which actions a finding asks for
 *
 * A list of plays: those of the configuration, then the ones here; the first that
 * fits the detector, the role, the kind of subject, the severity and how often it
 * came.  Whether its steps may be done is not asked here: see act.c.
 *
 * An identity is banned only together with its address, and only for an offence of
 * an authenticated client.  A user name is only told of.
 *
 * MQ.RS.RP-03
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

#define HOUR_S        3600
#define DAY_S         86400
#define DELAY_MS      1000
#define DELAY_DOUBLES 3 /* up to 8 s */

#define STEPS(...)                                                                                 \
    .steps = (char *const[]){__VA_ARGS__},                                                         \
    .n_steps = sizeof((char *const[]){__VA_ARGS__}) / sizeof(char *)

/* clang-format off */
/* Of a client that is connected and sends too much: to answer its next CONNECT later is not enough. */
#define THROTTLED(detector)                                                                                            \
    {detector, NULL, SUBJECT_CLIENT, SEVERITY_MEDIUM, 2, STEPS("delay 10m", "throttle tenth 10m", "disconnect")},      \
    {detector, NULL, SUBJECT_CLIENT, SEVERITY_MEDIUM, 0, STEPS("delay 10m", "throttle tenth 10m")}

static const struct respond_play defaults[] = {
    /* detector                        role  subject          severity           times  what is done */
    {"repeated-connection-attempts",   NULL, SUBJECT_CLIENT,  SEVERITY_HIGH,     0, STEPS("disconnect", "ban 5m")},
    {"topic-scan-publish",             NULL, SUBJECT_CLIENT,  SEVERITY_HIGH,     0, STEPS("disconnect", "ban 10m")},
    {"reconnect-storm",                NULL, SUBJECT_FLEET,   SEVERITY_INFO,     0, STEPS("delay 10m")},
    {"credential-stuffing",            NULL, SUBJECT_FLEET,   SEVERITY_HIGH,     0, STEPS("delay strangers 10m")},
    {"client-id-takeover-war",         NULL, SUBJECT_CLIENT,  SEVERITY_HIGH,     0, STEPS("delay client 10m")},
    {"topic-scan-subscribe",           NULL, SUBJECT_CLIENT,  SEVERITY_HIGH,     0, STEPS("disconnect", "ban 10m")},
    THROTTLED("topic-scan-publish"),
    THROTTLED("retained-flood"),
    THROTTLED("publish-flood"),
    THROTTLED("publish-rate-anomaly"),
    THROTTLED("acl-violations"),
    {NULL,                             NULL, SUBJECT_CLIENT,  SEVERITY_MEDIUM,   2, STEPS("delay 10m", "disconnect")},
    {NULL,                             NULL, SUBJECT_CLIENT,  SEVERITY_MEDIUM,   0, STEPS("delay 10m")},
    {NULL,                             NULL, SUBJECT_CLIENT,  SEVERITY_HIGH,     3, STEPS("disconnect", "ban 10m")},
    {NULL,                             NULL, SUBJECT_CLIENT,  SEVERITY_HIGH,     0, STEPS("disconnect")},
    {NULL,                             NULL, SUBJECT_CLIENT,  SEVERITY_CRITICAL, 0, STEPS("disconnect", "ban 1h")},
    {NULL,                             NULL, SUBJECT_ADDRESS, SEVERITY_MEDIUM,   2, STEPS("delay 10m", "disconnect")},
    {NULL,                             NULL, SUBJECT_ADDRESS, SEVERITY_MEDIUM,   0, STEPS("delay 10m")},
    {NULL,                             NULL, SUBJECT_ADDRESS, SEVERITY_HIGH,     3, STEPS("ban 10m", "firewall 1h")},
    {NULL,                             NULL, SUBJECT_ADDRESS, SEVERITY_HIGH,     0, STEPS("ban 10m")},
    {NULL,                             NULL, SUBJECT_ADDRESS, SEVERITY_CRITICAL, 0, STEPS("disconnect", "ban 1h")},
};
/* clang-format on */

/* Of a command that went nowhere: to cut its client off would cut its telemetry for nothing. */
static const struct respond_play held_command = {
    "unauthorized-command", NULL, SUBJECT_CLIENT, SEVERITY_HIGH, 0, NULL, 0, false,
};

/* ---- those of the configuration ---- */

static char **keep_all(char *const *texts, size_t n)
{
    char **copy = mem_zero(MAX(n, (size_t)1) * sizeof(*copy));

    for (size_t i = 0; i < n; i++)
        copy[i] = text_dup(texts[i]);
    return copy;
}

/** playbook_take() - copy @plays, to be asked before the defaults */
void playbook_take(struct respond *r, const struct respond_play *plays, size_t n)
{
    r->plays = mem_zero(MAX(n, (size_t)1) * sizeof(*r->plays));
    r->n_plays = n;
    for (size_t i = 0; i < n; i++) {
        r->plays[i] = plays[i];
        r->plays[i].detector = text_dup(plays[i].detector);
        r->plays[i].role = text_dup(plays[i].role);
        r->plays[i].steps = keep_all(plays[i].steps, plays[i].n_steps);
    }
}

/** playbook_done() - forget those of the configuration */
void playbook_done(struct respond *r)
{
    for (size_t i = 0; i < r->n_plays; i++) {
        text_free(r->plays[i].detector);
        text_free(r->plays[i].role);
        for (size_t s = 0; s < r->plays[i].n_steps; s++)
            free(r->plays[i].steps[s]);
        free((void *)(uintptr_t)r->plays[i].steps);
    }
    free(r->plays);
    r->plays = NULL;
    r->n_plays = 0;
}

/* ---- a finding's play ---- */

static bool fits(const struct respond_play *p, const struct incident *i, enum severity severity,
                 unsigned times)
{
    return (p->detector == NULL || strcmp(p->detector, i->detector->name) == 0) &&
           (p->role == NULL || strcmp(p->role, i->role) == 0) &&
           (p->subject == SUBJECT_KIND_N || p->subject == (int)i->subject_kind) &&
           p->severity == (int)severity && p->times <= times;
}

static const struct respond_play *play_of(const struct respond *r, const struct incident *i,
                                          enum severity severity, unsigned times)
{
    for (size_t n = 0; n < r->n_plays; n++) {
        if (fits(&r->plays[n], i, severity, times))
            return &r->plays[n];
    }
    if (r->settings.commands_are_held && fits(&held_command, i, severity, times))
        return &held_command;
    for (size_t n = 0; n < COUNT_OF(defaults); n++) {
        if (fits(&defaults[n], i, severity, times))
            return &defaults[n];
    }
    return NULL;
}

/* The how manieth of its kind; what is rarer is not counted. */
static unsigned times_of(struct respond *r, struct history *h, enum severity severity,
                         struct respond_now now)
{
    switch (severity) {
    case SEVERITY_INFO:
    case SEVERITY_LOW:
    case SEVERITY_CRITICAL:
    case SEVERITY_N:
        break;
    case SEVERITY_MEDIUM:
        return history_medium(h, now.ns, respond_scaled_ns(r, HOUR_S)) + 1;
    case SEVERITY_HIGH:
        return history_high(h, now.ns, respond_scaled_ns(r, DAY_S));
    }
    return 1;
}

/* What is high is delayed as long as can be at once. */
static unsigned delay_ms_of(enum severity severity, unsigned times)
{
    return DELAY_MS << (severity >= SEVERITY_HIGH ? DELAY_DOUBLES
                                                  : MIN(times - 1, (unsigned)DELAY_DOUBLES));
}

static void add_steps(struct plan *p, const struct respond_play *play, enum severity severity,
                      unsigned times)
{
    p->needs_approval = play->needs_approval;
    for (size_t n = 0; n < play->n_steps; n++) {
        struct respond_step s;

        check(respond_step_parse(play->steps[n], &s) == NULL); /* looked at when it was loaded */
        if (s.kind == ACTION_DELAY)
            s.amount = delay_ms_of(severity, times);
        p->actions |= BIT(s.kind);
        p->steps[s.kind] = s;
    }
}

/**
 * playbook_plan() - the actions that @f asks for on the subject of @i
 *
 * Remembers the finding in the subject's history, and may raise i->severity: low
 * findings of five different detectors in an hour are medium.  A finding that is only
 * observed is not remembered: nothing is harder on the subject for it.
 */
struct plan playbook_plan(struct respond *r, struct incident *i, const struct finding *f,
                          struct respond_now now)
{
    enum severity severity = f->severity;
    struct history unseen = {0};
    struct history *h =
        f->observe_only ? &unseen : history_of(&r->histories, i->subject_kind, i->subject);
    struct plan p = {.actions = BIT(ACTION_RECORD)};
    const struct respond_play *play;
    unsigned times;

    if (severity == SEVERITY_LOW &&
        history_low(h, f->detector, now.ns, respond_scaled_ns(r, HOUR_S)))
        severity = SEVERITY_MEDIUM;
    i->severity = MAX(i->severity, severity);
    times = times_of(r, h, severity, now);
    if (severity == SEVERITY_HIGH && !f->observe_only)
        history_keep(&r->histories, h, now);
    play = f->alert_only ? NULL : play_of(r, i, severity, times);
    if (severity > SEVERITY_INFO)
        p.actions |= BIT(ACTION_ALERT);
    if (play != NULL)
        add_steps(&p, play, severity, times);
    return p;
}
