/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/playbook.c - which actions a finding asks for
 *
 * A table by detector, kind of subject and severity; then what the subject did
 * before.  Whether they may be done is not asked here: see act.c.
 *
 * An identity is banned only together with its address, and only for an offence of
 * an authenticated client.  A user name is only told of.
 *
 * MQ.RS.RP-03
 */
#include "respond/private.h"

#define HOUR_S         3600
#define DAY_S          86400
#define CRITICAL_BAN_S 3600
#define DELAY_MS       1000
#define DELAY_DOUBLES  3 /* up to 8 s */

#define DO(action) BIT(ACTION_##action)

struct play {
    const char *detector; /* NULL: any that has no row of its own */
    enum subject_kind kind;
    unsigned medium;
    unsigned medium_again; /* within an hour */
    unsigned high;
    unsigned high_again; /* the third in 24 h */
    unsigned critical;
    unsigned ban_s;
};

/* clang-format off */
static const struct play plays[] = {
    /* detector                       subject          medium     again           high                      third                     critical                  ban_s */
    {"repeated-connection-attempts",  SUBJECT_CLIENT,  DO(DELAY), DO(DISCONNECT), DO(DISCONNECT) | DO(BAN), DO(DISCONNECT) | DO(BAN), DO(DISCONNECT) | DO(BAN), 300},
    {"topic-scan-publish",            SUBJECT_CLIENT,  DO(DELAY), DO(DISCONNECT), DO(DISCONNECT) | DO(BAN), DO(DISCONNECT) | DO(BAN), DO(DISCONNECT) | DO(BAN), 600},
    {"topic-scan-subscribe",          SUBJECT_CLIENT,  DO(DELAY), DO(DISCONNECT), DO(DISCONNECT) | DO(BAN), DO(DISCONNECT) | DO(BAN), DO(DISCONNECT) | DO(BAN), 600},
    {NULL,                            SUBJECT_CLIENT,  DO(DELAY), DO(DISCONNECT), DO(DISCONNECT),           DO(DISCONNECT) | DO(BAN), DO(DISCONNECT) | DO(BAN), 600},
    {NULL,                            SUBJECT_ADDRESS, DO(DELAY), DO(DISCONNECT), DO(BAN),                  DO(BAN),                  DO(DISCONNECT) | DO(BAN), 600},
    {NULL,                            SUBJECT_USER,    0,         0,              0,                        0,                        0,                        0},
    {NULL,                            SUBJECT_FLEET,   0,         0,              0,                        0,                        0,                        0},
};
/* clang-format on */

static const struct play *play_of(const struct incident *i)
{
    const struct play *p = plays;

    while (p->kind != i->subject_kind ||
           (p->detector != NULL && strcmp(p->detector, i->detector->name) != 0))
        p++;
    return p;
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
    const struct play *play = play_of(i);
    uint64_t hour_ns = respond_scaled_ns(r, HOUR_S);
    enum severity severity = f->severity;
    struct history unseen = {0};
    struct history *h =
        f->observe_only ? &unseen : history_of(&r->histories, i->subject_kind, i->subject);
    struct plan p = {.ban_s = play->ban_s};
    unsigned before;

    if (severity == SEVERITY_LOW && history_low(h, f->detector, now.ns, hour_ns))
        severity = SEVERITY_MEDIUM;
    i->severity = MAX(i->severity, severity);

    switch (severity) {
    case SEVERITY_INFO:
    case SEVERITY_LOW:
    case SEVERITY_N:
        break;
    case SEVERITY_MEDIUM:
        before = history_medium(h, now.ns, hour_ns);
        p.actions = before > 0 ? play->medium | play->medium_again : play->medium;
        p.delay_ms = DELAY_MS << MIN(before, (unsigned)DELAY_DOUBLES);
        break;
    case SEVERITY_HIGH:
        p.actions =
            history_high(h, now.ns, respond_scaled_ns(r, DAY_S)) ? play->high_again : play->high;
        if (!f->observe_only)
            history_keep(&r->histories, h, now);
        break;
    case SEVERITY_CRITICAL:
        p.actions = play->critical;
        p.ban_s = CRITICAL_BAN_S;
        break;
    }
    if (f->alert_only)
        p.actions = 0;
    p.actions |= severity > SEVERITY_INFO ? DO(RECORD) | DO(ALERT) : DO(RECORD);
    return p;
}
