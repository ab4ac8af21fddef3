/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/exfil_volume.c - D41: a client moves far more bytes than it is used to
 *
 * Both directions.  The reserve fills at ten times the learned rate and holds an hour of that,
 * at least 1 MiB.
 *
 * MQ.PR.SP-03
 */
#include "detect/detector.h"

#define FILLS    10.0
#define HOLDS_S  3600
#define LEAST    1048576.0
#define OWES     2 /* it is counted up to so many reserves */
#define MOVES_NS SECONDS(600)
#define MOVES_BY 0.25

struct state {
    struct bucket reserve;
    uint64_t since_ns;
    uint64_t bytes; /* since then */
};

static double fills(const struct learned_rate *known)
{
    return MAX(FILLS * (double)known->per_s, LEAST / HOLDS_S);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    const struct learned_rate *known = learned_peek(j, r);

    if (me == NULL || known == NULL || known->n == 0)
        return;
    measure_rule(j, r, RULE_D41_MEDIUM,
                 bucket_spent(&me->reserve, fills(known), now_of(j)) / (HOLDS_S * fills(known)), m);
}

static void learn(const struct judge *j, const struct record *r, struct state *me,
                  struct learned_rate *known)
{
    double s = (double)(now_of(j) - me->since_ns) / 1e9;
    double off = (double)me->bytes / s - (double)known->per_s;
    double most = MOVES_BY * MAX((double)known->per_s, LEAST / HOLDS_S / FILLS);

    if (r->n_standing == 0) {
        known->per_s += (float)(known->n == 0 ? off : MAX(-most, MIN(off, most)));
        known->n += known->n < UINT32_MAX;
    }
    me->bytes = 0;
    me->since_ns = now_of(j);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct event_traffic t = event_traffic_of(s->e);
    struct learned_rate *known;
    struct state *me;

    if (s->client == NULL || (s->role->traits & TRAIT_BULK))
        return;
    me = slot(j, s->client);
    known = learned_slot(j, s->client);
    if (me->since_ns == 0)
        me->since_ns = now_of(j);
    me->bytes += t.bytes_in + t.bytes_out;
    if (known->n > 0) {
        bucket_take(&me->reserve, fills(known), OWES * HOLDS_S * fills(known), now_of(j),
                    (double)(t.bytes_in + t.bytes_out));
        suspect(j, s, s->client);
    }
    if (now_of(j) >= me->since_ns + MOVES_NS)
        learn(j, s->client, me, known);
}

const struct detector detect_exfil_volume = {
    .info =
        {
            .name = "exfil-volume",
            .id = "D41",
            .subcategory = "MQ.PR.SP-03",
            .counts = "reserves used up",
            .attck = {"T0882"},
            .what = "a client moves far more bytes than it is used to",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .hold_s = 5,
            .yields = {"D43"},
            .watches = BIT64(EVENT_TRAFFIC),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .learned_bytes = sizeof(struct learned_rate),
    .warm = warm_rate,
    .observe = observe,
    .measure = measure,
};
