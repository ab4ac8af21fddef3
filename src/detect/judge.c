/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/judge.c - what of all that is counted is worth saying
 *
 * A detector names a suspect and measures it; here it is decided whether that is
 * news: the first time that a limit is reached, a step up in severity, that it is
 * still over after 600 s, and of what is one event each further one, once in 5 s.  What is
 * counted besides is told every 10 s, of so many at once that a flood fills no disk.  A finding of
 * a detector that others explain waits for hold_s, and gives way to a finding of the fleet for as
 * long as that stands.
 */
#include <math.h>

#include "base/err.h"
#include "detect/private.h"

#define RAISE_AGAIN_NS SECONDS(600)
#define EACH_AGAIN_NS  SECONDS(5)
#define REFRESH_NS     SECONDS(10)
#define REFRESHES_MAX  4 /* a tick */
#define CLOSES_BELOW   0.5

static const struct detector *detector_of(const struct judge *j)
{
    return detector_at(j->detector);
}

static struct bench *bench_of(const struct judge *j)
{
    return &j->d->benches[j->detector];
}

static struct alarm_id alarm_id(const struct judge *j, const struct record *r)
{
    return (struct alarm_id){
        .subject = r->key, .detector = (uint32_t)j->detector, .kind = (uint32_t)r->kind};
}

/** measure_rule() - of a detector's measure: @count is held against @rule as the role has it */
void measure_rule(const struct judge *j, const struct record *r, enum rule rule, double count,
                  struct measure *m)
{
    measure_rule_least(j, r, rule, count, 0, m);
}

/** measure_rule_least() - measure_rule(), with a limit that is not below @least */
void measure_rule_least(const struct judge *j, const struct record *r, enum rule rule, double count,
                        double least, struct measure *m)
{
    double limit = MAX(role_of(j, r)->limit[rule], least);
    bool over = limit > 0 && count >= limit;

    if (role_of(j, r)->limit[rule] <= 0)
        return;
    m->ratio = MAX(m->ratio, count / limit);
    if (m->over && (!over || rule_info(rule)->severity < rule_info(m->rule)->severity))
        return;
    if (!over && m->limit > 0)
        return;
    m->over = over;
    m->rule = rule;
    m->count = count;
    m->limit = limit;
}

static struct measure measured(const struct judge *j, const struct record *r)
{
    struct measure m = {0};

    detector_of(j)->measure(j, r, &m);
    return m;
}

/* ---- saying it ---- */

/* A whole network is never acted upon: most of it is others. */
static bool is_prefix(const struct finding *f)
{
    return f->subject_kind == SUBJECT_ADDRESS && f->subject.len > 0 &&
           memchr(f->subject.at, '/', f->subject.len) != NULL;
}

static void hand_out(struct judge *j, struct finding *f)
{
    uint64_t grace_ns = j->d->settings.started_ns + SECONDS(j->d->startup_grace_s);

    f->detector = &detector_of(j)->info;
    f->confidence = f->detector->confidence;
    f->alert_only = (f->detector->told_only & BIT(f->subject_kind)) || is_prefix(f);
    f->at_ns = j->at_ns;
    f->in_grace = j->at_ns < grace_ns;
    j->found(j->arg, f);
}

static void close_alarm(struct judge *j, struct alarm *a, struct record *r, double count,
                        const char *replaced_by)
{
    struct finding f = {
        .state = FINDING_CLOSED,
        .severity = a->severity,
        .subject_kind = (enum subject_kind)a->id.kind,
        .subject = a->subject,
        .client_id = a->client_id,
        .user_name = a->user_name,
        .address = a->address,
        .role = a->role,
        .count = count,
        .limit = a->limit,
        .window_s = a->window_s,
        .observe_only = a->observe_only,
        .replaced_by = replaced_by,
    };

    hand_out(j, &f);
    bench_of(j)->standing--;
    if (r != NULL)
        r->n_standing--;
}

static void make_room(struct judge *j)
{
    struct alarm *oldest = alarm_oldest(&j->d->alarms);
    struct judge other = *j;

    if (oldest == NULL)
        return;
    other.detector = oldest->id.detector;
    bench_of(&other)->shed++;
    if (oldest->pending_until_ns == 0)
        close_alarm(&other, oldest,
                    record_find(j->d, (enum subject_kind)oldest->id.kind, oldest->id.subject), 0,
                    NULL);
    alarm_drop(&j->d->alarms, oldest);
}

static struct finding finding_of(const struct judge *j, const struct record *r,
                                 const struct measure *m)
{
    const struct role_rules *role = &j->d->book.roles[r->role];
    struct bytes name = bytes_str(r->name);
    const struct samples *kept = samples_of(j->d->samples, r->key + j->detector);
    struct finding f = {
        .severity = rule_info(m->rule)->severity,
        .subject_kind = r->kind,
        .subject = bytes_of(name.at, MIN(name.len, (size_t)ALARM_NAME_BYTES_MAX)),
        .client_id = r->kind == SUBJECT_CLIENT ? name : BYTES_NONE,
        .address = r->kind == SUBJECT_ADDRESS ? name : BYTES_NONE,
        .user_name = r->kind == SUBJECT_USER ? name : BYTES_NONE,
        .role = bytes_str(role->name),
        .count = m->count,
        .limit = m->limit,
        .rule = rule_info(m->rule),
        .window_s = rule_info(m->rule)->window_s,
        .observe_only = role->mode[j->detector] != DETECT_MODE_ENFORCE,
    };

    if (kept != NULL) {
        f.n_samples = kept->n;
        memcpy(f.samples, kept->text, sizeof(f.samples));
    }
    return f;
}

/* @e fills in who else is concerned; NULL: time did it. */
static void name_others(struct finding *f, const struct event *e)
{
    if (e == NULL || f->subject_kind == SUBJECT_FLEET)
        return;
    f->client_id = e->client_id;
    f->user_name = e->user_name;
    f->address = e->address;
    f->role = e->role;
}

static void raise_alarm(struct judge *j, struct record *r, struct alarm *known, struct finding *f)
{
    struct alarm_id id = alarm_id(j, r);
    bool is_new = known == NULL || known->pending_until_ns != 0;

    f->state = is_new ? FINDING_OPEN : FINDING_UPDATE;
    bench_of(j)->fired++;
    bench_of(j)->standing += is_new;
    r->n_standing += is_new;
    hand_out(j, f);
    alarm_raise(&j->d->alarms, &id, f, j->now_ns, 0);
}

/* The detector whose finding of the fleet stands and explains this one's; NULL: none. */
static const char *explained_by(const struct judge *j)
{
    const struct bench *b = bench_of(j);

    for (size_t i = 0; i < COUNT_OF(b->yields); i++) {
        struct alarm_id id = {
            .subject = j->d->fleet->key, .detector = (uint32_t)b->yields[i], .kind = SUBJECT_FLEET};
        const struct alarm *a =
            b->yields[i] < DETECT_DETECTORS_MAX ? alarm_find(&j->d->alarms, &id) : NULL;

        if (a != NULL && a->pending_until_ns == 0)
            return detector_at(b->yields[i])->info.name;
    }
    return NULL;
}

enum news {
    NEWS_NONE,  /* said already */
    NEWS_WAITS, /* to be looked at again by time */
    NEWS_SAID,
};

/* Of @m, over its limit, with @a, which may be NULL, standing or waiting. */
static enum news news_of(const struct judge *j, const struct alarm *a, const struct measure *m)
{
    enum severity severity = rule_info(m->rule)->severity;
    uint64_t again_ns = detector_of(j)->acts_each_time && severity >= SEVERITY_HIGH
                            ? EACH_AGAIN_NS
                            : RAISE_AGAIN_NS;
    bool waits;

    if (a != NULL && a->pending_until_ns == 0)
        return severity > a->severity || j->now_ns >= a->raised_ns + again_ns ? NEWS_SAID
                                                                              : NEWS_NONE;
    waits = (!m->at_once && detector_of(j)->info.hold_s > 0) || explained_by(j) != NULL;
    if (a != NULL)
        return waits ? NEWS_NONE : NEWS_SAID;
    return waits ? NEWS_WAITS : NEWS_SAID;
}

/**
 * suspect() - a detector's counter of @r has moved: say so if it is news
 * @r:  what the finding is of; NULL: nobody, nothing happens
 */
void suspect(struct judge *j, const struct sight *s, struct record *r)
{
    struct measure m;
    struct alarm_id id;
    struct alarm *a;
    struct finding f;
    enum news news;

    if (r == NULL)
        return;
    m = measured(j, r);
    if (m.ratio >= record_guilt(r, j->now_ns)) {
        r->guilt = (float)m.ratio;
        r->guilt_s = (uint32_t)(j->now_ns / SECONDS(1));
    }
    if (!m.over)
        return;
    id = alarm_id(j, r);
    a = alarm_find(&j->d->alarms, &id);
    news = news_of(j, a, &m);
    if (news == NEWS_NONE) {
        bench_of(j)->suppressed++;
        a->has_more = true;
        return;
    }
    if (a == NULL)
        make_room(j);
    f = finding_of(j, r, &m);
    name_others(&f, s->e);
    if (news == NEWS_SAID)
        raise_alarm(j, r, a, &f);
    else
        alarm_raise(&j->d->alarms, &id, &f, j->now_ns,
                    MAX(j->now_ns + SECONDS(m.at_once ? 0 : detector_of(j)->info.hold_s), 1ULL));
}

/** stands() - Return: whether this detector has a finding open on @r. */
bool stands(const struct judge *j, const struct record *r)
{
    struct alarm_id id = alarm_id(j, r);
    const struct alarm *a = alarm_find(&j->d->alarms, &id);

    return a != NULL && a->pending_until_ns == 0;
}

/**
 * mended() - nothing is left of what the node tells of itself, for certain
 *
 * An incident that an earlier run has opened ends, too.  What stands of this run ends by time.
 */
void mended(struct judge *j, const struct record *r)
{
    struct measure m = measured(j, r);
    struct finding f = finding_of(j, r, &m);

    if (stands(j, r))
        return;
    f.state = FINDING_CLOSED;
    hand_out(j, &f);
}

/** detect_dismiss() - see detect.h; what was counted stays */
void detect_dismiss(struct detect *d, const struct detector_info *of, enum subject_kind kind,
                    struct bytes subject)
{
    list_each (it, &d->alarms.raised) {
        struct alarm *a = list_item(it, struct alarm, link);
        struct record *r;

        if (&detector_at(a->id.detector)->info != of || a->id.kind != (uint32_t)kind ||
            a->pending_until_ns != 0 || !bytes_equal(a->subject, subject))
            continue;
        r = record_find(d, kind, a->id.subject);
        d->benches[a->id.detector].standing--;
        if (r != NULL)
            r->n_standing--;
        alarm_drop(&d->alarms, a);
    }
}

/* ---- time ---- */

static struct finding finding_of_alarm(const struct judge *j, const struct alarm *a,
                                       const struct record *r, const struct measure *m)
{
    struct finding f = finding_of(j, r, m);

    f.client_id = a->client_id;
    f.user_name = a->user_name;
    f.address = a->address;
    return f;
}

static bool is_due(const struct judge *j, const struct alarm *a)
{
    return a->has_more && j->now_ns >= a->said_ns + REFRESH_NS && j->n_refreshed < REFRESHES_MAX;
}

static void refresh(struct judge *j, struct alarm *a, const struct record *r,
                    const struct measure *m)
{
    struct finding f = finding_of_alarm(j, a, r, m);

    f.state = FINDING_REFRESH;
    hand_out(j, &f);
    alarm_refreshed(&j->d->alarms, a, j->now_ns);
    j->n_refreshed++;
}

static void look_again_at_pending(struct judge *j, struct alarm *a, struct record *r,
                                  const struct measure *m)
{
    struct finding f;

    if (!m->over) {
        alarm_drop(&j->d->alarms, a);
        return;
    }
    if (j->now_ns < a->pending_until_ns || explained_by(j) != NULL)
        return;
    f = finding_of_alarm(j, a, r, m);
    raise_alarm(j, r, a, &f);
}

static void look_again(struct judge *j, struct alarm *a)
{
    struct record *r = record_find(j->d, (enum subject_kind)a->id.kind, a->id.subject);
    struct measure m = {0};
    const char *by;

    j->detector = a->id.detector;
    if (r != NULL)
        m = measured(j, r);
    if (a->pending_until_ns != 0) {
        look_again_at_pending(j, a, r, &m);
        return;
    }
    by = explained_by(j);
    if (by != NULL && m.ratio >= CLOSES_BELOW) {
        close_alarm(j, a, r, m.count, by);
        a->pending_until_ns = MAX(j->now_ns, 1ULL); /* until then */
    } else if (m.ratio < CLOSES_BELOW) {
        close_alarm(j, a, r, m.count, NULL);
        alarm_drop(&j->d->alarms, a);
    } else if (m.over && is_due(j, a)) {
        refresh(j, a, r, &m);
    }
}

/** judge_tick() - what waited may be said now; what has calmed down closes */
void judge_tick(struct judge *j)
{
    list_each (it, &j->d->alarms.raised)
        look_again(j, list_item(it, struct alarm, link));
}
