/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/topic_scan_subscribe.c - D08: a client subscribes to many filters that are new to it
 *
 * 20 in a minute.  What a client subscribed to before is known, so coming back with
 * many subscriptions is no scan; a monitor's role has a factor.
 *
 * MQ.DE.ID-02
 */
#include "detect/topic_scan.h"

static const struct topic_scan_rule rule = {
    .accepted = EVENT_SUBSCRIBED,
    .denied = EVENT_SUBSCRIBE_DENIED,
    .limit_learned = 20,
    .limit_unlearned = 20,
};

static void *new (const struct detect_settings *s)
{
    return topic_scan_new(&rule, s);
}

const struct detector detect_topic_scan_subscribe = {
    .info =
        {
            .name = "topic-scan-subscribe",
            .id = "D08",
            .subcategory = "MQ.DE.ID-02",
            .counts = "topic filters that are new to it",
            .attck = {"T0846", "T0861"},
            .watches = BIT(EVENT_SUBSCRIBED) | BIT(EVENT_SUBSCRIBE_DENIED),
        },
    .new = new,
    .free = topic_scan_free,
    .observe = topic_scan_observe,
    .measure = topic_scan_measure,
    .shed = topic_scan_shed,
    .forget = topic_scan_forget,
};
