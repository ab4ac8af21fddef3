/* SPDX-License-Identifier: Apache-2.0 */
/* detect/topic_scan.c - see topic_scan.h */
#include "detect/topic_scan.h"

/* The slot is a struct linear_few, and the second one, where that was not enough, a linear_window.
 */
static double fresh_of(const struct judge *j, const struct record *r, enum rule medium)
{
    const struct linear_few *few = slot_peek(j, r);
    const struct linear_window *many = slot_more_peek(j, r);
    struct linear_window w = many != NULL ? *many : linear_few_window(few);

    return linear_window_level(&w, rule_window_ns(medium), now_of(j));
}

/** topic_scan_measure() - the subject is always a client */
void topic_scan_measure(const struct judge *j, const struct record *r,
                        const struct topic_scan_rules rules[2], struct measure *m)
{
    const struct topic_scan_rules *rule = &rules[knowledge_of(r)->is_learned ? 0 : 1];
    double n;

    if (slot_peek(j, r) == NULL)
        return;
    n = fresh_of(j, r, rule->medium);
    measure_rule(j, r, rule->medium, n, m);
    if (m->over && n >= LINEAR_MAX)
        n = MAX(n, role_of(j, r)->limit[rule->high]);
    measure_rule(j, r, rule->high, n, m);
}

static void add_to_many(struct judge *j, const struct sight *s, uint64_t window_ns)
{
    bool is_first = slot_more_peek(j, s->client) == NULL;
    struct linear_window *many = slot_more(j, s->client);

    if (is_first)
        *many = linear_few_window(slot_peek(j, s->client));
    linear_window_add(many, window_ns, now_of(j), s->topic);
}

/** topic_scan_observe() - a topic was used, or was tried in vain */
void topic_scan_observe(struct judge *j, const struct sight *s, enum rule medium)
{
    uint64_t window_ns = rule_window_ns(medium);

    if (s->client == NULL || !s->is_new_topic)
        return;
    if (slot_more_peek(j, s->client) != NULL ||
        !linear_few_add(slot(j, s->client), window_ns, now_of(j), s->topic))
        add_to_many(j, s, window_ns);
    if (fresh_of(j, s->client, medium) >= s->role->limit[medium] / 4)
        sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}
