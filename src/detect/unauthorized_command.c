/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/unauthorized_command.c - D32: a command by one who may not command
 *
 * Once is enough, also where the command is held for approval.  Rights should forbid it; this is
 * for the rights that are too broad, and tells of those who try.  A worker marks the event
 * (EVENT_COMMAND) when the topic is a command topic and not the role's to command; roles whose kind
 * is to command are not told of either, unless they have command topics of their own.
 *
 * MQ.PR.SP-03
 */
#include "detect/detector.h"

struct state {
    struct window commands;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL)
        measure_rule(j, r, RULE_D32_HIGH,
                     window_level(&me->commands, rule_window_ns(RULE_D32_HIGH), now_of(j)), m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL || !(s->e->value & EVENT_COMMAND) || role_commands_all(s->role))
        return;
    me = slot(j, s->client);
    window_add(&me->commands, rule_window_ns(RULE_D32_HIGH), now_of(j), 1);
    sample(j, s->client, s->e->kind == EVENT_COMMAND_HELD ? s->e->text : s->e->topic);
    suspect(j, s, s->client);
}

const struct detector detect_unauthorized_command = {
    .info =
        {
            .name = "unauthorized-command",
            .id = "D32",
            .subcategory = "MQ.PR.SP-03",
            .counts = "commands that its role may not give",
            .attck = {"T0855", "T0848", "T0831"},
            .what = "a client commands equipment, and its role may not",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 100,
            .watches = BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_PUBLISH_DENIED) |
                       BIT64(EVENT_COMMAND_HELD),
        },
    .acts_each_time = true,
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
