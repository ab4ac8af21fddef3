/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/plant.c - the world: a feeder that the power supply and the switch act on
 *
 * A process of its own.  Each wire is a SOCK_SEQPACKET pair that carries one
 * double at a time.  Who acts is answered with the value that is now in force;
 * the meter's wire gets the voltage whenever it changed, and once at the start.
 */
#include "lab/lab_private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static bool say(int wire, double value)
{
    return send(wire, &value, sizeof(value), MSG_NOSIGNAL) == (ssize_t)sizeof(value);
}

static bool measure(const struct feeder *f, int meter)
{
    return say(meter, feeder_meter_v(f));
}

/* Return: what is in force afterwards. */
static double act(struct feeder *f, enum plant_wire wire, double value)
{
    if (wire == PLANT_CAP) {
        f->cap_is_closed = value > 0.5;
        return f->cap_is_closed;
    }
    if (value >= FEEDER_SOURCE_MIN_V && value <= FEEDER_SOURCE_MAX_V)
        f->source_v = value;
    return f->source_v;
}

/* Return: false when somebody has left. */
static bool serve(struct feeder *f, const int wires[PLANT_WIRES_N], enum plant_wire wire)
{
    double value;

    if (recv(wires[wire], &value, sizeof(value), 0) != (ssize_t)sizeof(value))
        return false;
    return say(wires[wire], act(f, wire, value)) && measure(f, wires[PLANT_METER]);
}

/**
 * plant_run() - until the stage manager or an actor leaves
 *
 * Return: exit status.
 */
int plant_run(const int wires[PLANT_WIRES_N], int manager)
{
    struct pollfd p[] = {
        {.fd = wires[PLANT_SOURCE], .events = POLLIN},
        {.fd = wires[PLANT_CAP], .events = POLLIN},
        {.fd = wires[PLANT_METER], .events = 0},
        {.fd = manager, .events = POLLIN},
    };
    struct feeder f = feeder_default;
    bool goes_on = measure(&f, wires[PLANT_METER]);

    while (goes_on) {
        if (poll(p, COUNT_OF(p), -1) < 0 && errno != EINTR)
            return 1;
        goes_on = p[PLANT_METER].revents == 0 && p[PLANT_WIRES_N].revents == 0;
        for (unsigned i = PLANT_SOURCE; goes_on && i <= PLANT_CAP; i++)
            goes_on = p[i].revents == 0 || serve(&f, wires, (enum plant_wire)i);
    }
    return 0;
}
