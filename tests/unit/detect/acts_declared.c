/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/acts_declared.c - what the inventory and the node itself tell the detectors */
#include "acts.h"

void overdue(struct scene *s, unsigned n)
{
    scene_event(s, (struct event){.kind = EVENT_INSPECTION_OVERDUE,
                                  .client_id = BYTES("Meter 17"),
                                  .value = n});
}

void is_inspected_in_time(struct scene *s, unsigned n)
{
    (void)n;
    overdue(s, 0);
}

static void certificates(struct scene *s, unsigned n_soon, unsigned n_out_of_date)
{
    scene_event(s, (struct event){.kind = EVENT_CERTIFICATE_DATE,
                                  .value = n_soon,
                                  .number = n_out_of_date,
                                  .text = BYTES("listener field")});
}

void certificates_end_soon(struct scene *s, unsigned n)
{
    certificates(s, n, 0);
}

void certificates_are_over(struct scene *s, unsigned n)
{
    certificates(s, 0, n);
}

void certificates_are_renewed(struct scene *s, unsigned n)
{
    (void)n;
    certificates(s, 0, 0);
}

void store_has_faults(struct scene *s, unsigned n)
{
    scene_event(s, (struct event){.kind = EVENT_STORE_FAULT,
                                  .value = n,
                                  .text = BYTES("the journal is full")});
}

void store_is_mended(struct scene *s, unsigned n)
{
    (void)n;
    store_has_faults(s, 0);
}

/* What the inventory says of m-1. */
static void record_says(struct scene *s, unsigned flags, uint64_t conn)
{
    scene_event(s, (struct event){.kind = EVENT_LIFECYCLE,
                                  .client_id = BYTES("m-1"),
                                  .value = flags,
                                  .conn = conn,
                                  .text = BYTES("retired")});
}

void is_here_and_retired(struct scene *s, unsigned n)
{
    scene_connect(s, "m-1", "192.0.2.7");
    record_says(s, LIFECYCLE_MAY_BE_SILENT | (n > 0 ? LIFECYCLE_MUST_BE_GONE : 0), 1);
}

void a_retired_one_is_away(struct scene *s, unsigned n)
{
    (void)n;
    scene_connect(s, "m-1", "192.0.2.7");
    record_says(s, LIFECYCLE_MAY_BE_SILENT | LIFECYCLE_MUST_BE_GONE, 0);
}

void is_silent_in_maintenance(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 70);
    record_says(s, LIFECYCLE_MAY_BE_SILENT, 1);
    idle(s, n);
    record_says(s, 0, 1); /* in service again, and not missed at once */
    idle(s, 60);
}

void a_spare_is_tried(struct scene *s, unsigned n)
{
    (void)n;
    is_here_and_retired(s, 0);
}
