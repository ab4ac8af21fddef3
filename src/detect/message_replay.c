/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/message_replay.c - D34: a command comes a second time
 *
 * Of commands that carry the user properties "sequence" and "time" (ms since 1970): a
 * sequence number that the client has used before, or one too old to know, and a time that
 * is more than 300 s off.  A DUP of QoS 1 is the session's matter and sent again by the same
 * client at once; it counts, for a command must not be carried out twice.
 *
 * MQ.PR.IP-02
 */
#include "detect/detector.h"

#define CLOCK_OFF_MS 300000

struct state {
    struct replay numbers;
    struct window replayed;
    struct window off;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D34_CLOCK,
                 window_level(&me->off, rule_window_ns(RULE_D34_CLOCK), now_of(j)), m);
    measure_rule(j, r, RULE_D34_HIGH,
                 window_level(&me->replayed, rule_window_ns(RULE_D34_HIGH), now_of(j)), m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct event_sequence q;
    struct state *me;
    uint64_t off_ms;

    if (s->client == NULL || s->e->text.len != sizeof(q))
        return;
    memcpy(&q, s->e->text.at, sizeof(q));
    me = slot(j, s->client);
    off_ms = q.now_unix_ms > q.time_unix_ms ? q.now_unix_ms - q.time_unix_ms
                                            : q.time_unix_ms - q.now_unix_ms;
    if (!replay_is_new(&me->numbers, q.sequence))
        window_add(&me->replayed, rule_window_ns(RULE_D34_HIGH), now_of(j), 1);
    else if (off_ms > CLOCK_OFF_MS)
        window_add(&me->off, rule_window_ns(RULE_D34_CLOCK), now_of(j), 1);
    else
        return;
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}

const struct detector detect_message_replay = {
    .info =
        {
            .name = "message-replay",
            .id = "D34",
            .subcategory = "MQ.PR.IP-02",
            .counts = "commands used before",
            .attck = {"T0855", "T0831"},
            .what = "a command comes a second time",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 90,
            .watches = BIT64(EVENT_COMMAND_SENT),
        },
    .acts_each_time = true,
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
