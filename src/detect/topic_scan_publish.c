/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/topic_scan_publish.c - D07: a client publishes to many topics that are new to it
 *
 * 20 in a minute when its topics are learned, 40 before.  The devices of a roll-out
 * use 3 new topics each; a gateway announces 240 at boot, for which its role has a
 * factor.
 *
 * MQ.DE.ID-02
 */
#include "detect/topic_scan.h"

static const struct topic_scan_rule rule = {
    .accepted = EVENT_PUBLISH_TOPIC,
    .denied = EVENT_PUBLISH_DENIED,
    .limit_learned = 20,
    .limit_unlearned = 40,
};

static void *new (const struct detect_settings *s)
{
    return topic_scan_new(&rule, s);
}

const struct detector detect_topic_scan_publish = {
    .info =
        {
            .name = "topic-scan-publish",
            .id = "D07",
            .subcategory = "MQ.DE.ID-02",
            .counts = "topics that are new to it",
            .attck = {"T0846", "T0861"},
            .watches = BIT(EVENT_PUBLISH_TOPIC) | BIT(EVENT_PUBLISH_DENIED),
        },
    .new = new,
    .free = topic_scan_free,
    .observe = topic_scan_observe,
    .measure = topic_scan_measure,
    .shed = topic_scan_shed,
    .forget = topic_scan_forget,
    .learned = topic_scan_learned,
};
