/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/dms.c - the distribution management system
 *
 * Reads the status of everything and keeps the single-line diagram.  Low voltage
 * is answered with the capacitor bank first and the power supply then; the
 * diagram is published when nothing is under way.
 */
#include "lab/lab_private.h"

#include <math.h>

enum dms_mode {
    DMS_WATCHING,
    DMS_CLOSING,   /* the bank was told to close */
    DMS_RAISING,   /* the power supply was told to raise the voltage */
    DMS_RESTORING, /* back to normal operation: bank open, nominal voltage */
};

static bool is_volts(double a, double b)
{
    return fabs(a - b) < 0.05;
}

static bool switch_cap(struct lab_stage *s, bool is_closed)
{
    lab_report(s, LAB_DMS_SWITCHES);
    return lab_publish(s, TOPIC_CAP_COMMAND, payload_switch(is_closed), false);
}

static bool raise_voltage(struct lab_stage *s)
{
    lab_report(s, LAB_DMS_RAISES);
    return lab_publish(s, TOPIC_SUPPLY_COMMAND, payload_volts(LAB_PLANT_V), false);
}

static bool publish_diagram(struct lab_stage *s)
{
    s->mode = DMS_WATCHING;
    if (s->state.source_v == 0 || s->state.meter_v == 0 || !s->state.cap_is_known)
        return true; /* not all is known yet */
    lab_report(s, LAB_DMS_PUBLISHES);
    return lab_publish(s, TOPIC_DIAGRAM, payload_diagram(&s->state), true);
}

static bool watch(struct lab_stage *s)
{
    if (s->state.meter_v == 0 || s->state.meter_status != FEEDER_LOW || !s->state.cap_is_known)
        return publish_diagram(s);
    if (s->state.cap_is_closed) {
        s->mode = DMS_RAISING;
        return raise_voltage(s);
    }
    s->mode = DMS_CLOSING;
    return switch_cap(s, true);
}

static bool await_closed(struct lab_stage *s)
{
    if (!s->state.cap_is_closed)
        return true;
    lab_report(s, LAB_DMS_REDRAWS);
    s->mode = DMS_RAISING;
    return raise_voltage(s);
}

static bool await_raise(struct lab_stage *s)
{
    if (s->state.meter_status != FEEDER_NORMAL || !is_volts(s->state.source_v, LAB_PLANT_V))
        return true;
    return publish_diagram(s);
}

static bool await_restore(struct lab_stage *s)
{
    if (s->state.cap_is_closed || !is_volts(s->state.source_v, LAB_PLANT_V))
        return true;
    return publish_diagram(s);
}

/* clang-format off */
static bool (*const steps[])(struct lab_stage *s) = {
    [DMS_WATCHING]  = watch,
    [DMS_CLOSING]   = await_closed,
    [DMS_RAISING]   = await_raise,
    [DMS_RESTORING] = await_restore,
};
/* clang-format on */

static bool begin_restore(struct lab_stage *s)
{
    s->mode = DMS_RESTORING;
    if (s->state.cap_is_closed && !switch_cap(s, false))
        return false;
    if (!is_volts(s->state.source_v, LAB_PLANT_V) && !raise_voltage(s))
        return false;
    return await_restore(s);
}

/* Return: false, the payload is not what this topic carries. */
static bool take_in(struct lab_state *s, struct bytes topic, struct bytes payload)
{
    if (bytes_equal(topic, BYTES(TOPIC_SUPPLY_STATUS)))
        return payload_read_volts(payload, &s->source_v);
    if (bytes_equal(topic, BYTES(TOPIC_METER_STATUS)))
        return payload_read_meter(payload, &s->meter_v, &s->meter_status);
    if (!bytes_equal(topic, BYTES(TOPIC_CAP_STATUS)) ||
        !payload_read_switch(payload, &s->cap_is_closed))
        return false;
    s->cap_is_known = true;
    return true;
}

static bool receive(struct lab_stage *s, struct bytes topic, struct bytes payload)
{
    if (bytes_equal(topic, BYTES(TOPIC_RESTORE_COMMAND)))
        return begin_restore(s);
    if (!take_in(&s->state, topic, payload))
        return true;
    if (bytes_equal(topic, BYTES(TOPIC_METER_STATUS)))
        lab_report(s, LAB_DMS_TAKES_IN);
    return steps[s->mode](s);
}

const struct lab_actor lab_dms = {
    .id = "dms-1",
    .title = "Distribution management system",
    .role = "lab-dms",
    .filters = {"fmb/status/#", "fmb/command/dms-1/#"},
    .receive = receive,
};
