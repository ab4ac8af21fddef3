/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/topic_depth_abuse.c - D19: topics are deeper or longer than any honest one
 *
 * More than 32 levels or 1024 bytes; plants get by with 4 levels and 60 bytes.
 *
 * MQ.PR.SP-05
 */
#include "detect/tally.h"

#define LEVELS_MAX 32
#define BYTES_MAX  1024

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D19_LOW, RULE_D19_MEDIUM, m);
}

static bool is_beyond(struct bytes topic)
{
    unsigned levels = 1;

    if (topic.len > BYTES_MAX)
        return true;
    for (size_t i = 0; i < topic.len; i++)
        levels += topic.at[i] == '/';
    return levels > LEVELS_MAX;
}

static void observe(struct judge *j, const struct sight *s)
{
    if (is_beyond(s->e->topic))
        tally(j, s, s->client, RULE_D19_LOW, 1);
}

const struct detector detect_topic_depth_abuse = {
    .info =
        {
            .name = "topic-depth-abuse",
            .id = "D19",
            .subcategory = "MQ.PR.SP-05",
            .counts = "topics beyond measure",
            .attck = {"T0814"},
            .what = "topics are deeper or longer than any honest one",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_PUBLISH_DENIED) |
                       BIT64(EVENT_SUBSCRIBED) | BIT64(EVENT_SUBSCRIBE_DENIED) |
                       BIT64(EVENT_LIMIT_HIT),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
