/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/topic_scan.c - see topic_scan.h
 *
 * A role's scan factor multiplies the limits.  Linear counting tells at most
 * LINEAR_MAX: a limit beyond that is never reached, which switches the detector off
 * for the role; where only the limit of "high" is beyond, a full count is high.
 */
#include "detect/topic_scan.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

#define WINDOW_S    60
#define HIGH_FACTOR 3
#define CLIENTS_MAX 131072

/*
 * Learned: 600 s old, and 60 publishes told.  A client that keeps to a few topics
 * is not told of 60 times, as a worker tells of a topic once; an hour does for it.
 */
#define LEARNED_AGE_S    600
#define LEARNED_EVENTS   60
#define LEARNED_SURELY_S 3600

/* With so many topics a sixth of what is new seems known; more would blind the detector. */
#define TOPICS_LEARNED_MAX 256

struct client {
    struct bloom known;
    struct linear_window fresh;
    uint64_t since_ns;
    uint64_t events;
    uint32_t factor; /* of its role, at its last event */
    bool is_learned;
};

struct topic_scan {
    const struct topic_scan_rule *rule;
    const struct detect_settings *settings;
    struct subjects clients; /* struct client */
    struct samples *samples; /* owned; topics */
};

/* What was learned is worth keeping too, but less than what is going on. */
static double guilt(const void *state, uint64_t now_ns)
{
    const struct client *c = state;

    return linear_window_level(&c->fresh, SECONDS(WINDOW_S), now_ns) +
           (double)MIN(c->events, LEARNED_EVENTS) / LEARNED_EVENTS;
}

/** topic_scan_new() - @rule and @s outlive what is returned */
void *topic_scan_new(const struct topic_scan_rule *rule, const struct detect_settings *s)
{
    struct topic_scan *me = mem_new(struct topic_scan);

    me->rule = rule;
    me->settings = s;
    subjects_init(&me->clients, CLIENTS_MAX, sizeof(struct client), guilt);
    me->samples = samples_new();
    return me;
}

/** topic_scan_free() - and all that was learned */
void topic_scan_free(void *it)
{
    struct topic_scan *me = it;

    subjects_done(&me->clients);
    free(me->samples);
    free(me);
}

static void learn(struct client *c, const struct event *e, uint64_t topic)
{
    uint64_t age_ns = e->at_ns > c->since_ns ? e->at_ns - c->since_ns : 0;

    if (bloom_estimate(&c->known) < TOPICS_LEARNED_MAX)
        bloom_add(&c->known, topic);
    c->events++;
    if (age_ns >= SECONDS(LEARNED_SURELY_S) ||
        (age_ns >= SECONDS(LEARNED_AGE_S) && c->events >= LEARNED_EVENTS))
        c->is_learned = true;
}

static uint32_t factor_of(const struct topic_scan *me, struct bytes role)
{
    unsigned factor = 1;

    if (me->settings->scan_factor != NULL)
        factor = me->settings->scan_factor(me->settings->scan_factor_arg, role);
    return MAX(factor, 1U);
}

/**
 * topic_scan_measure() - against 20 or 40 new topics a minute, times the role's factor
 *
 * The subject is always a client.  Three times the limit is high.
 */
struct measure topic_scan_measure(const void *it, enum subject_kind kind, uint64_t key,
                                  uint64_t now_ns)
{
    const struct topic_scan *me = it;
    const struct client *c = subjects_find(&me->clients, key);
    struct measure m = {.severity = SEVERITY_MEDIUM, .window_s = WINDOW_S};
    double high;

    (void)kind;
    if (c == NULL)
        return m;
    m.limit = (c->is_learned ? me->rule->limit_learned : me->rule->limit_unlearned) * c->factor;
    m.count = linear_window_level(&c->fresh, SECONDS(WINDOW_S), now_ns);
    m.ratio = m.count / m.limit;
    m.over = m.count >= m.limit;
    high = MIN(m.limit * HIGH_FACTOR, LINEAR_MAX);
    if (m.over && m.count >= high) {
        m.severity = SEVERITY_HIGH;
        m.limit = high;
    }
    return m;
}

/** topic_scan_observe() - a topic was used, or was tried in vain */
void topic_scan_observe(void *it, struct judge *j, const struct event *e)
{
    struct topic_scan *me = it;
    struct suspect s = {
        .kind = SUBJECT_CLIENT,
        .name = e->client_id,
        .key = subject_key(e->client_id),
        .confidence = 80,
    };
    uint64_t topic = hash_keyed(e->topic);
    struct client *c;
    bool is_first;
    bool is_known;

    if (e->client_id.len == 0)
        return;
    c = subjects_get(&me->clients, s.key, e->at_ns, &is_first);
    if (is_first)
        c->since_ns = e->at_ns;
    c->factor = factor_of(me, e->role);

    is_known = bloom_has(&c->known, topic);
    if (!is_known) {
        linear_window_add(&c->fresh, SECONDS(WINDOW_S), e->at_ns, topic);
        if (linear_window_level(&c->fresh, SECONDS(WINDOW_S), e->at_ns) >=
            me->rule->limit_learned / 4)
            samples_keep(me->samples, s.key, e->topic);
        s.samples = samples_of(me->samples, s.key);
        judge_suspect(j, e, &s);
    }
    if (e->kind == me->rule->accepted && !judge_stands(j, SUBJECT_CLIENT, s.key))
        learn(c, e, topic);
}

/** topic_scan_shed() - Return: clients forgotten for want of room. */
uint64_t topic_scan_shed(const void *it)
{
    return ((const struct topic_scan *)it)->clients.shed;
}

/** topic_scan_forget() - the client begins anew */
void topic_scan_forget(void *it, uint64_t client_key)
{
    subjects_forget(&((struct topic_scan *)it)->clients, client_key);
}

/** topic_scan_learned() - Return: what is known of the client; .known false: nothing. */
struct detect_learned topic_scan_learned(const void *it, uint64_t client_key)
{
    const struct client *c = subjects_find(&((const struct topic_scan *)it)->clients, client_key);

    if (c == NULL)
        return (struct detect_learned){0};
    return (struct detect_learned){
        .known = true,
        .learned = c->is_learned,
        .topics = (unsigned)(bloom_estimate(&c->known) + 0.5),
        .events = c->events,
        .since_ns = c->since_ns,
    };
}
