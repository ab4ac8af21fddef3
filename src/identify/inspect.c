/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/inspect.c - who has to be looked at on site, and when
 *
 * How often is a matter of who can get at the device: its exposure class.  MQ.DE.PM-02
 */
#include "identify/private.h"
#include "identify/tally.h"

#define DAY_MS 86400000ULL

/* Days between two inspections; 0: no schedule. */
static const unsigned interval_days[] = {
    [EXPOSURE_NONE] = 0,
    [EXPOSURE_ATTENDED] = 730,
    [EXPOSURE_INDOOR_LOCKED] = 730,
    [EXPOSURE_OUTDOOR_LOCKED] = 365,
    [EXPOSURE_PUBLIC] = 180,
};

static bool is_scheduled(const struct record *r)
{
    return record_is_approved(r) && record_is_in_service(r) && interval_days[r->exposure] > 0;
}

/* One that was never inspected was fine when it came into its state. */
static uint32_t days_overdue(const struct record *r, uint64_t now)
{
    uint64_t last = r->inspected_unix_ms > 0 ? r->inspected_unix_ms : r->state_since_unix_ms;
    uint64_t due = last + interval_days[r->exposure] * DAY_MS;

    return now < due ? 0 : (uint32_t)((now - due) / DAY_MS) + 1;
}

/** tally_inspection_on_time_ratio() - see identify.h */
struct tally tally_inspection_on_time_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {0};

    for (size_t i = 0; i < id->inventory->n_records; i++) {
        const struct record *r = &id->inventory->records[i];

        if (!is_scheduled(r))
            continue;
        t.of++;
        t.n += days_overdue(r, now) == 0;
    }
    return t;
}

/** identify_inspections_each() - see identify.h */
void identify_inspections_each(const struct identify *id, uint64_t unix_ms,
                               identify_inspection_fn *fn, void *arg)
{
    for (size_t i = 0; i < id->inventory->n_records; i++) {
        const struct record *r = &id->inventory->records[i];

        if (is_scheduled(r))
            fn(arg, r->name, days_overdue(r, unix_ms));
    }
}
