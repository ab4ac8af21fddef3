/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/acts_fleet.c - attacks, and what looks like them: what many clients do at once
 */
#include "acts.h"

static void comes(struct scene *s, unsigned n, bool come_back)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        me.conn = 100 + i;
        me.address = "192.0.2.1";
        connects(s, &me, 0, 600);
        does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/t", 0);
    }
    idle(s, 120);
    if (!come_back)
        return;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.conn = 1000 + i;
        connects(s, &me, 0, 600);
    }
}

void all_come_back(struct scene *s, unsigned n)
{
    comes(s, n, true);
}

void all_come_for_the_first_time(struct scene *s, unsigned n)
{
    comes(s, n, false);
}

void all_come_back_in_vain(struct scene *s, unsigned n)
{
    ACTS;
    comes(s, n, false);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        if (i % 2 == 0)
            scene_auth_failed(s, text, text, "192.0.2.1", 7);
        else
            connects(s, &me, 0, 600);
    }
}

static void are_cut(struct scene *s, unsigned n, unsigned of, double every_s)
{
    ACTS;
    comes(s, of, false);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        me.conn = 100 + i;
        leaves(s, &me, false);
        idle(s, every_s);
    }
}

void power_cut(struct scene *s, unsigned n)
{
    are_cut(s, n, 30, 0.5);
}

/* The others are somewhere else. */
void uplink_of_a_site_is_cut(struct scene *s, unsigned n)
{
    struct actor other = GATEWAY;

    other.address = "203.0.113.7";
    connects(s, &other, 0, 60);
    power_cut(s, n);
}

void few_of_many_are_cut(struct scene *s, unsigned n)
{
    are_cut(s, n, 100, 0.5);
}

void are_cut_one_after_another(struct scene *s, unsigned n)
{
    are_cut(s, n, 30, 60);
}

void rolls_out(struct scene *s, unsigned n)
{
    char id[16];
    struct actor a = METER;

    a.id = id;
    for (unsigned k = 0; k < 65; k++) {
        for (unsigned i = 0; i < n; i++) {
            snprintf(id, sizeof(id), "m-%u", i);
            does(s, &a, EVENT_PUBLISH_TOPIC, "fmb/own", 0);
        }
        idle(s, 60);
    }
    for (unsigned i = 0; i < n; i++) {
        char topic[64];

        snprintf(id, sizeof(id), "m-%u", i);
        snprintf(topic, sizeof(topic), "fmb/m-%u/firmware", i);
        does(s, &a, EVENT_PUBLISH_TOPIC, topic, 0);
    }
}
