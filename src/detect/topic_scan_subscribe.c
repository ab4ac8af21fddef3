/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/topic_scan_subscribe.c - D08: a client subscribes to many filters that are new to it
 *
 * 20 in a minute, accepted or refused.  What a client subscribed to before is known, so
 * coming back with many subscriptions is no scan; a monitor's kind of role has a factor.
 *
 * MQ.DE.ID-02
 */
#include "detect/topic_scan.h"

static const struct topic_scan_rules rules[2] = {
    {RULE_D08_MEDIUM, RULE_D08_HIGH},
    {RULE_D08_UNLEARNED, RULE_D08_UNLEARNED_HIGH},
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    topic_scan_measure(j, r, rules, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    topic_scan_observe(j, s, RULE_D08_MEDIUM);
}

const struct detector detect_topic_scan_subscribe = {
    .info =
        {
            .name = "topic-scan-subscribe",
            .id = "D08",
            .subcategory = "MQ.DE.ID-02",
            .counts = "filters that are new to it",
            .attck = {"T0846", "T0861"},
            .what = "a client subscribes to many filters that are new to it",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_SUBSCRIBED) | BIT64(EVENT_SUBSCRIBE_DENIED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct linear_few),
    .more_bytes = sizeof(struct linear_window),
    .observe = observe,
    .measure = measure,
};
