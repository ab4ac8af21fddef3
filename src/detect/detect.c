/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/detect.c - the table of detectors, and the judge: what of that is worth saying
 *
 * Events go to each detector that watches their kind.  A detector names a suspect
 * and measures it; the judge hands out a finding when a limit is reached and it
 * was not said yet.
 */
#include "detect/detect.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "detect/alarm.h"
#include "detect/detector.h"

#define RAISE_AGAIN_NS SECONDS(600)
#define CLOSES_BELOW   0.5
#define USER_BYTES_MAX 1024 /* of a user name: anybody may send one */

/* A further detector: its file, its name in detector.h, a row here. */
static const struct detector *const detectors[] = {
    &detect_repeated_connections, &detect_repeated_auth_failures, &detect_topic_scan_publish,
    &detect_topic_scan_subscribe, &detect_unauthorized_command,
};

#define DETECTORS COUNT_OF(detectors)

struct bench {
    void *me; /* owned by the detector */
    uint64_t events;
    uint64_t fired;
    uint64_t suppressed;
    uint64_t shed;
    unsigned standing;
};

struct detect {
    struct detect_settings settings;
    struct bench benches[DETECTORS];
    struct alarms alarms;
};

/* One event or tick before one detector. */
struct judge {
    struct detect *d;
    size_t detector;
    uint64_t at_ns; /* not scaled */
    detect_found_fn *found;
    void *arg;
};

/** severity_text() - as incidents and the API have it; static */
const char *severity_text(enum severity s)
{
    static const char *const texts[] = {
#define X(name, text) [SEVERITY_##name] = text,
        SEVERITIES(X)
#undef X
    };

    check(s < SEVERITY_N);
    return texts[s];
}

/** severity_parse() - Return: false if @text is no severity; @ret is then untouched. */
bool severity_parse(const char *text, enum severity *ret)
{
    for (enum severity s = 0; s < SEVERITY_N; s++) {
        if (strcmp(text, severity_text(s)) == 0) {
            *ret = s;
            return true;
        }
    }
    return false;
}

/** subject_kind_text() - what stands before the colon of an incident's subject; static */
const char *subject_kind_text(enum subject_kind k)
{
    static const char *const texts[] = {
#define X(name, text) [SUBJECT_##name] = text,
        SUBJECT_KINDS(X)
#undef X
    };

    check(k < SUBJECT_KIND_N);
    return texts[k];
}

/**
 * detect_new() - all detectors, nothing seen yet
 * @s:  copied
 *
 * Takes some 10 MiB of addresses, of which pages are used as subjects come.
 */
struct detect *detect_new(const struct detect_settings *s)
{
    struct detect *d = mem_new(struct detect);

    d->settings = *s;
    alarms_init(&d->alarms);
    for (size_t i = 0; i < DETECTORS; i++)
        d->benches[i].me = detectors[i]->new (&d->settings);
    return d;
}

/** detect_free() - @d may be NULL; Return: NULL */
struct detect *detect_free(struct detect *d)
{
    if (d == NULL)
        return NULL;
    for (size_t i = 0; i < DETECTORS; i++)
        detectors[i]->free(d->benches[i].me);
    alarms_done(&d->alarms);
    free(d);
    return NULL;
}

static uint64_t scaled(const struct detect *d, uint64_t at_ns)
{
    uint64_t age_ns = at_ns > d->settings.started_ns ? at_ns - d->settings.started_ns : 0;

    if (d->settings.time_scale > 0)
        age_ns = (uint64_t)((double)age_ns * d->settings.time_scale);
    return d->settings.started_ns + age_ns;
}

static struct alarm_id alarm_id(const struct judge *j, enum subject_kind kind, uint64_t key)
{
    return (struct alarm_id){
        .subject = key, .detector = (uint32_t)j->detector, .kind = (uint32_t)kind};
}

static bool in_grace(const struct judge *j)
{
    uint64_t until_ns = j->d->settings.started_ns + SECONDS(j->d->settings.startup_grace_s);

    return j->at_ns < until_ns;
}

static void hand_out(struct judge *j, struct finding *f)
{
    f->detector = &detectors[j->detector]->info;
    f->at_ns = j->at_ns;
    f->in_grace = in_grace(j);
    j->found(j->arg, f);
}

static void close_alarm(struct judge *j, struct alarm *a, double count)
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
        .confidence = a->confidence,
        .alert_only = a->alert_only,
    };

    j->detector = a->id.detector;
    hand_out(j, &f);
    j->d->benches[j->detector].standing--;
    alarm_drop(&j->d->alarms, a);
}

static void make_room(struct judge *j)
{
    struct alarm *oldest = alarm_oldest(&j->d->alarms);
    struct judge other = *j;

    if (oldest == NULL)
        return;
    j->d->benches[oldest->id.detector].shed++;
    close_alarm(&other, oldest, 0);
}

static void raise_alarm(struct judge *j, const struct event *e, const struct suspect *s,
                        const struct measure *m, bool is_new)
{
    struct alarm_id id = alarm_id(j, s->kind, s->key);
    struct bytes name = s->name;
    struct finding f = {
        .state = is_new ? FINDING_OPEN : FINDING_UPDATE,
        .severity = m->severity,
        .subject_kind = s->kind,
        .client_id = e->client_id,
        .user_name = e->user_name,
        .address = e->address,
        .role = e->role,
        .count = m->count,
        .limit = m->limit,
        .window_s = m->window_s,
        .confidence = s->confidence,
        .alert_only = s->alert_only,
    };

    if (s->kind == SUBJECT_USER)
        name.len = MIN(name.len, (size_t)USER_BYTES_MAX);
    f.subject = name;
    if (s->samples != NULL) {
        f.n_samples = s->samples->n;
        memcpy(f.samples, s->samples->text, sizeof(f.samples));
    }
    j->d->benches[j->detector].fired++;
    j->d->benches[j->detector].standing += is_new;
    alarm_raise(&j->d->alarms, &id, &f, e->at_ns);
    hand_out(j, &f);
}

/**
 * judge_suspect() - a detector's counter of @s has moved: say so if it is news
 * @e:  what moved it, in the detectors' time
 *
 * News is the first time that a limit is reached, a step up in severity, and
 * that it is still over after 600 s.
 */
void judge_suspect(struct judge *j, const struct event *e, const struct suspect *s)
{
    struct alarm_id id = alarm_id(j, s->kind, s->key);
    struct bench *b = &j->d->benches[j->detector];
    struct measure m = detectors[j->detector]->measure(b->me, s->kind, s->key, e->at_ns);
    const struct alarm *a;

    if (!m.over)
        return;
    a = alarm_find(&j->d->alarms, &id);
    if (a == NULL) {
        make_room(j);
        raise_alarm(j, e, s, &m, true);
    } else if (m.severity > a->severity || e->at_ns >= a->raised_ns + RAISE_AGAIN_NS) {
        raise_alarm(j, e, s, &m, false);
    } else {
        b->suppressed++;
    }
}

/** judge_stands() - Return: whether this detector has a finding open on the subject. */
bool judge_stands(const struct judge *j, enum subject_kind kind, uint64_t key)
{
    struct alarm_id id = alarm_id(j, kind, key);

    return alarm_find(&j->d->alarms, &id) != NULL;
}

/**
 * detect_event() - let all detectors that watch for it see @e
 * @found:  called on this thread, for each finding; must not call detect
 *
 * O(1) in the number of subjects.
 */
void detect_event(struct detect *d, const struct event *e, detect_found_fn *found, void *arg)
{
    struct judge j = {.d = d, .at_ns = e->at_ns, .found = found, .arg = arg};
    struct event in_scaled_time = *e;

    check(e->kind < EVENT_KIND_N);
    in_scaled_time.at_ns = scaled(d, e->at_ns);
    for (j.detector = 0; j.detector < DETECTORS; j.detector++) {
        const struct detector *row = detectors[j.detector];

        if (!(row->info.watches & BIT(e->kind)))
            continue;
        d->benches[j.detector].events++;
        row->observe(d->benches[j.detector].me, &j, &in_scaled_time);
    }
}

/** detect_tick() - close the findings whose counters have fallen below half */
void detect_tick(struct detect *d, uint64_t now_ns, detect_found_fn *found, void *arg)
{
    struct judge j = {.d = d, .at_ns = now_ns, .found = found, .arg = arg};
    uint64_t at_ns = scaled(d, now_ns);

    list_each (it, &d->alarms.raised) {
        struct alarm *a = list_item(it, struct alarm, link);
        struct measure m = detectors[a->id.detector]->measure(
            d->benches[a->id.detector].me, (enum subject_kind)a->id.kind, a->id.subject, at_ns);

        if (m.ratio < CLOSES_BELOW)
            close_alarm(&j, a, m.count);
    }
}

/** detect_detectors() - Return: how many there are. */
size_t detect_detectors(void)
{
    return DETECTORS;
}

/** detect_detector() - Return: what stands on the door of the @i-th; static. */
const struct detector_info *detect_detector(size_t i)
{
    check(i < DETECTORS);
    return &detectors[i]->info;
}

/** detect_counters() - of the @i-th detector, since detect_new() */
struct detector_counters detect_counters(const struct detect *d, size_t i)
{
    check(i < DETECTORS);
    return (struct detector_counters){
        .detector = &detectors[i]->info,
        .events = d->benches[i].events,
        .fired = d->benches[i].fired,
        .suppressed = d->benches[i].suppressed,
        .shed = d->benches[i].shed + detectors[i]->shed(d->benches[i].me),
        .standing = d->benches[i].standing,
    };
}

/** detect_client_learned() - what the first detector that learns knows of the client's topics */
struct detect_learned detect_client_learned(const struct detect *d, struct bytes client_id)
{
    for (size_t i = 0; i < DETECTORS; i++) {
        if (detectors[i]->learned != NULL)
            return detectors[i]->learned(d->benches[i].me, subject_key(client_id));
    }
    return (struct detect_learned){0};
}

/** detect_client_forget() - a device was swapped: what was learned of the client is void */
void detect_client_forget(struct detect *d, struct bytes client_id)
{
    for (size_t i = 0; i < DETECTORS; i++) {
        if (detectors[i]->forget != NULL)
            detectors[i]->forget(d->benches[i].me, subject_key(client_id));
    }
}
