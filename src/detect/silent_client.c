/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/silent_client.c - D10: a client has connected and neither publishes nor subscribes
 *
 * One that asked for a keep alive of half an hour has said that it will be quiet, so 1.5
 * times that.  Those whose job is to wait (an OTA service, a hot standby), and those that
 * are known for what they usually say, are not meant.
 *
 * MQ.DE.ID-04
 */
#include "detect/detector.h"

struct state {
    bool is_silent;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL)
        measure_rule(j, r, RULE_D10_LOW, me->is_silent, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL || (s->e->kind != EVENT_SILENT && !s->breaks_silence))
        return;
    me = slot(j, s->client);
    me->is_silent = s->e->kind == EVENT_SILENT && s->e->number >= SILENT_LONG_S &&
                    !(s->role->traits & TRAIT_SERVER) && !knowledge_of(s->client)->is_learned;
    suspect(j, s, s->client);
}

const struct detector detect_silent_client = {
    .info =
        {
            .name = "silent-client",
            .id = "D10",
            .subcategory = "MQ.DE.ID-04",
            .counts = "silent connections",
            .attck = {"T0842", "T0840"},
            .what = "a client has connected and neither publishes nor subscribes",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 70,
            .watches = BIT64(EVENT_SILENT) | BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_SUBSCRIBED) |
                       BIT64(EVENT_PUBLISH_DENIED) | BIT64(EVENT_SUBSCRIBE_DENIED) |
                       BIT64(EVENT_COMMAND_HELD) | BIT64(EVENT_DISCONNECTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
