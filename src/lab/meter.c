/* SPDX-License-Identifier: Apache-2.0 */
/* lab/meter.c - the smart meter: publishes its voltage when it changed */
#include "lab/lab_private.h"

#include <math.h>
#include <sys/socket.h>

#define DEADBAND_V 0.25

static bool sense(struct lab_stage *s, double volts)
{
    enum feeder_status status = feeder_status_of(volts);

    if (fabs(volts - s->state.meter_v) < DEADBAND_V && status == s->state.meter_status)
        return true;
    s->state.meter_v = volts;
    s->state.meter_status = status;
    lab_report(s, LAB_METER_PUBLISHES);
    return lab_publish(s, TOPIC_METER_STATUS, payload_meter(volts, status), true);
}

/* The first reading, before anybody looks at what an earlier one left retained. */
static bool start(struct lab_stage *s)
{
    double volts;

    return recv(s->plant, &volts, sizeof(volts), 0) == (ssize_t)sizeof(volts) && sense(s, volts);
}

const struct lab_actor lab_meter = {
    .id = "meter-1",
    .title = "Smart meter",
    .role = "lab-meter",
    .start = start,
    .sense = sense,
};
