/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/certificate_expiry.c - D51: a certificate that the node shows, or a revocation list that
 * it looks into, ends soon or is out of date
 *
 * The node tells of how many listeners when that changes.  Nobody is acted upon; the incident is
 * open until what it is about is renewed.
 *
 * MQ.PR.IA-04 MQ.PR.IA-01
 */
#include "detect/detector.h"

struct state {
    uint32_t n_soon;
    uint32_t n_out_of_date;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D51_LOW, me->n_soon, m);
    measure_rule(j, r, RULE_D51_HIGH, me->n_out_of_date, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, fleet_of(j));

    me->n_soon = s->e->value;
    me->n_out_of_date = s->e->number;
    if (s->e->text.len > 0)
        sample(j, fleet_of(j), s->e->text);
    suspect(j, s, fleet_of(j));
    if (me->n_soon + me->n_out_of_date == 0)
        mended(j, fleet_of(j));
}

const struct detector detect_certificate_expiry = {
    .info =
        {
            .name = "certificate-expiry",
            .id = "D51",
            .subcategory = "MQ.PR.IA-04",
            .counts = "listeners",
            .what = "a certificate that the node shows, or a revocation list that it looks "
                    "into, ends soon or is out of date",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 100,
            .is_of_node = true,
            .told_only = BIT(SUBJECT_FLEET),
            .watches = BIT64(EVENT_CERTIFICATE_DATE),
        },
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
