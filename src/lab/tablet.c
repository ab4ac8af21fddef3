/* SPDX-License-Identifier: Apache-2.0 */
/* lab/tablet.c - the Tablet UI: sets the power supply's voltage, shows the single-line diagram */
#include "lab/lab_private.h"

#include "base/mem.h"

static bool touch(struct lab_stage *s, enum lab_touch touch)
{
    switch (touch) {
    case LAB_TOUCH_RESTORE:
        lab_report(s, LAB_TABLET_RESTORES);
        return lab_publish(s, TOPIC_RESTORE_COMMAND, bytes_dup_str(BYTES("{}")), false);
    case LAB_TOUCH_LOW:
        lab_report(s, LAB_TABLET_SETS);
        return lab_publish(s, TOPIC_SUPPLY_COMMAND, payload_volts(LAB_START_V), false);
    }
    return true;
}

static bool receive(struct lab_stage *s, struct bytes topic, struct bytes payload)
{
    (void)topic;
    if (payload_read_diagram(payload, &s->state))
        lab_report(s, LAB_TABLET_SHOWS);
    return true;
}

const struct lab_actor lab_tablet = {
    .id = "tablet-1",
    .title = "Tablet UI",
    .role = "lab-tablet",
    .filters = {"fmb/diagram/#"},
    .receive = receive,
    .touch = touch,
};
