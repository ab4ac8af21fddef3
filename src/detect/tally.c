/* SPDX-License-Identifier: Apache-2.0 */
/* detect/tally.c - see tally.h */
#include "detect/tally.h"

/** tally() - @rule says in which window */
void tally(struct judge *j, const struct sight *s, struct record *r, enum rule rule, double n)
{
    struct bytes text = s->e->topic.len > 0 ? s->e->topic : s->e->text;
    struct tally *me;

    if (r == NULL)
        return;
    me = slot(j, r);
    window_add(&me->window, rule_window_ns(rule), now_of(j), n);
    if (text.len > 0 && s->e->kind != EVENT_TRAFFIC)
        sample(j, r, text);
    suspect(j, s, r);
}

/** measure_tally() - both rules have the same window */
void measure_tally(const struct judge *j, const struct record *r, enum rule least, enum rule most,
                   struct measure *m)
{
    const struct tally *me = slot_peek(j, r);
    double n;

    if (me == NULL)
        return;
    n = window_level(&me->window, rule_window_ns(least), now_of(j));
    measure_rule(j, r, least, n, m);
    if (most != least)
        measure_rule(j, r, most, n, m);
}
