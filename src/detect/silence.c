/* SPDX-License-Identifier: Apache-2.0 */
/* detect/silence.c - see silence.h */
#include "detect/silence.h"

/**
 * silence_observe() - a connection became silent, or is no longer
 * @mark:      MARK_... of the detector, on a connection that it counts
 * @is_meant:  it counts this one, if it is silent now
 */
void silence_observe(struct judge *j, const struct sight *s, uint8_t mark, bool is_meant)
{
    struct silence *me;

    if (s->address == NULL || s->conn == NULL)
        return;
    if (s->breaks_silence && (s->conn->marks & mark)) {
        me = slot(j, s->address);
        s->conn->marks &= (uint8_t)~mark;
        me->n -= me->n > 0;
    } else if (is_meant && s->e->kind == EVENT_SILENT && s->e->number < SILENT_LONG_S) {
        me = slot(j, s->address);
        s->conn->marks |= mark;
        me->n++;
        sample(j, s->address, s->e->client_id);
        suspect(j, s, s->address);
    }
}

/** silence_measure() - the subject is always an address */
void silence_measure(const struct judge *j, const struct record *r, enum rule medium,
                     enum rule high, struct measure *m)
{
    const struct silence *me = slot_peek(j, r);

    if (me == NULL)
        return;
    measure_rule(j, r, medium, me->n, m);
    measure_rule(j, r, high, me->n, m);
}
