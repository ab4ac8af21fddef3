/* SPDX-License-Identifier: Apache-2.0 */
/* lab/cap_bank.c - the controller of the capacitor bank's switch */
#include "lab/lab_private.h"

static bool start(struct lab_stage *s)
{
    s->state.cap_is_known = true;
    return lab_publish(s, TOPIC_CAP_STATUS, payload_switch(false), true);
}

static bool receive(struct lab_stage *s, struct bytes topic, struct bytes payload)
{
    bool is_closed;

    (void)topic;
    if (!payload_read_switch(payload, &is_closed))
        return true;
    return lab_plant_set(s, is_closed);
}

/* The switch has moved. */
static bool sense(struct lab_stage *s, double position)
{
    s->state.cap_is_closed = position > 0.5;
    lab_report(s, LAB_CAP_SWITCHES);
    return lab_publish(s, TOPIC_CAP_STATUS, payload_switch(s->state.cap_is_closed), true);
}

const struct lab_actor lab_cap_bank = {
    .id = "cap-bank-1",
    .title = "Cap bank controller",
    .role = "lab-cap-bank",
    .filters = {"fmb/command/cap-bank-1/#"},
    .start = start,
    .receive = receive,
    .sense = sense,
};
