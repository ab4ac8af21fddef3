/* SPDX-License-Identifier: Apache-2.0 */
/* lab/power_supply.c - the source of the feeder, set by command */
#include "lab/lab_private.h"

/* Its status first, so that who reads it later knows where things stand. */
static bool start(struct lab_stage *s)
{
    s->state.source_v = LAB_PLANT_V;
    return lab_publish(s, TOPIC_SUPPLY_STATUS, payload_volts(s->state.source_v), true);
}

/* A setpoint that it cannot follow changes nothing. */
static bool receive(struct lab_stage *s, struct bytes topic, struct bytes payload)
{
    double volts;

    (void)topic;
    if (!payload_read_volts(payload, &volts) || volts < FEEDER_SOURCE_MIN_V ||
        volts > FEEDER_SOURCE_MAX_V)
        return true;
    s->state.source_v = volts;
    lab_report(s, LAB_SUPPLY_CHANGES);
    return lab_plant_set(s, volts);
}

static bool sense(struct lab_stage *s, double volts)
{
    s->state.source_v = volts;
    return lab_publish(s, TOPIC_SUPPLY_STATUS, payload_volts(volts), true);
}

const struct lab_actor lab_supply = {
    .id = "power-supply-1",
    .title = "Power supply",
    .role = "lab-power-supply",
    .filters = {"fmb/command/power-supply-1/#"},
    .start = start,
    .receive = receive,
    .sense = sense,
};
