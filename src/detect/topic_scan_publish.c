/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/topic_scan_publish.c - D07: a client publishes to many topics that are new to it
 *
 * 20 in a minute when its topics are learned, 40 before.  The devices of a roll-out
 * use 3 new topics each; a gateway announces 240 at boot, for which its kind of role
 * has a factor.
 *
 * MQ.DE.ID-02
 */
#include "detect/topic_scan.h"

static const struct topic_scan_rules rules[2] = {
    {RULE_D07_MEDIUM, RULE_D07_HIGH},
    {RULE_D07_UNLEARNED, RULE_D07_UNLEARNED_HIGH},
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    topic_scan_measure(j, r, rules, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    topic_scan_observe(j, s, RULE_D07_MEDIUM);
}

const struct detector detect_topic_scan_publish = {
    .info =
        {
            .name = "topic-scan-publish",
            .id = "D07",
            .subcategory = "MQ.DE.ID-02",
            .counts = "topics that are new to it",
            .attck = {"T0846", "T0861"},
            .what = "a client publishes to many topics that are new to it",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_PUBLISH_DENIED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct linear_few),
    .more_bytes = sizeof(struct linear_window),
    .observe = observe,
    .measure = measure,
};
