/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/alarm.h - the findings that stand: what was said already, and of whom
 *
 * Bounded: when ALARMS_MAX stand, the one that was raised longest ago gives way.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "detect/detect.h"
#include "wire/wire.h"

#define ALARMS_MAX           4096
#define ALARM_NAME_BYTES_MAX WIRE_CLIENT_ID_MAX /* of a name: anybody may send a long user name */

struct alarm_id {
    uint64_t subject; /* its key */
    uint32_t detector;
    uint32_t kind;
};

struct alarm {
    struct alarm_id id;
    struct list link; /* in the order in which they were raised or refreshed */
    enum severity severity;
    uint64_t raised_ns;        /* last time, detectors' time */
    uint64_t said_ns;          /* the same, refreshes as well */
    bool has_more;             /* was counted since */
    uint64_t pending_until_ns; /* it was not said yet, and is not before then; 0: it was */
    double limit;
    unsigned window_s;
    bool observe_only;
    struct bytes subject; /* owned, as are the others */
    struct bytes client_id;
    struct bytes user_name;
    struct bytes address;
    struct bytes role;
};

struct alarms {
    struct map by_id;
    struct list raised;
};

void alarms_init(struct alarms *all);
void alarms_done(struct alarms *all);
struct alarm *alarm_find(const struct alarms *all, const struct alarm_id *id);
struct alarm *alarm_raise(struct alarms *all, const struct alarm_id *id, const struct finding *f,
                          uint64_t now_ns, uint64_t pending_until_ns);
struct alarm *alarm_oldest(const struct alarms *all);
void alarm_refreshed(struct alarms *all, struct alarm *a, uint64_t now_ns);
void alarm_drop(struct alarms *all, struct alarm *a);
