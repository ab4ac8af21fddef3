/* SPDX-License-Identifier: Apache-2.0 */
/* detect/topic_scan.c - see topic_scan.h */
#include "detect/topic_scan.h"

/** topic_scan_measure() - the subject is always a client */
void topic_scan_measure(const struct judge *j, const struct record *r,
                        const struct topic_scan_rules rules[2], struct measure *m)
{
    const struct topic_scan *me = slot_peek(j, r);
    const struct topic_scan_rules *rule = &rules[knowledge_of(r)->is_learned ? 0 : 1];
    double n;

    if (me == NULL)
        return;
    n = linear_window_level(&me->fresh, rule_window_ns(rule->medium), now_of(j));
    measure_rule(j, r, rule->medium, n, m);
    if (m->over && n >= LINEAR_MAX)
        n = MAX(n, role_of(j, r)->limit[rule->high]);
    measure_rule(j, r, rule->high, n, m);
}

/** topic_scan_observe() - a topic was used, or was tried in vain */
void topic_scan_observe(struct judge *j, const struct sight *s, enum rule medium)
{
    uint64_t window_ns = rule_window_ns(medium);
    struct topic_scan *me;

    if (s->client == NULL || !s->is_new_topic)
        return;
    me = slot(j, s->client);
    linear_window_add(&me->fresh, window_ns, now_of(j), s->topic);
    if (linear_window_level(&me->fresh, window_ns, now_of(j)) >= s->role->limit[medium] / 4)
        sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}
