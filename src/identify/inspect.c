/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/inspect.c - who was looked at, and who has to be, and when
 *
 * How often is a matter of who can get at the device: its exposure class.  What people tell the
 * running node is kept in table "seen", as "inspected:NAME"; the later of that and of what the
 * inventory says counts.  MQ.DE.PM-02 MQ.RC.RP-06
 */
#include <stdlib.h>

#include "base/mem.h"
#include "identify/private.h"
#include "identify/tally.h"

#define DAY_MS 86400000ULL

/* ---- what was told ---- */

struct inspection {
    uint64_t at_unix_ms;
    char name[]; /* of the record; key */
};

/** inspection_key() - of a map of them */
struct bytes inspection_key(const void *item)
{
    return bytes_str(((const struct inspection *)item)->name);
}

/** inspections_apply() - after a new inventory: what was told later than its dates */
void inspections_apply(struct identify *id)
{
    size_t cursor = 0;
    const struct inspection *it;

    while ((it = map_next(&id->inspections, &cursor)) != NULL) {
        struct record *r = record_named(id->inventory, it->name);

        if (r != NULL)
            r->inspected_unix_ms = MAX(r->inspected_unix_ms, it->at_unix_ms);
    }
}

/** inspection_read() - a row of table "seen" */
void inspection_read(struct identify *id, const char *name, uint64_t at_unix_ms)
{
    size_t len = strlen(name) + 1;
    struct inspection *it = mem_zero(sizeof(*it) + len);

    it->at_unix_ms = at_unix_ms;
    memcpy(it->name, name, len);
    free(map_put(&id->inspections, it));
}

/** inspections_done() - free what was told */
void inspections_done(struct identify *id)
{
    size_t cursor = 0;
    void *item;

    while ((item = map_next(&id->inspections, &cursor)) != NULL)
        free(item);
    map_done(&id->inspections);
}

/** identify_inspected() - see identify.h */
enum identify_answer identify_inspected(struct identify *id, struct control *control,
                                        const char *name, uint64_t unix_ms)
{
    CLEANUP(buf_done) struct buf key = {0};

    if (record_named(id->inventory, name) == NULL)
        return IDENTIFY_E_NOT_FOUND;
    inspection_read(id, name, unix_ms);
    inspections_apply(id);
    buf_addf(&key, INSPECTED_KEY "%s", name);
    buf_add_u8(&key, 0);
    control_put(control, CONTROL_SEEN, (const char *)key.at, unix_ms, "{}");
    return IDENTIFY_OK;
}

/** identify_devices_each() - see identify.h */
void identify_devices_each(const struct identify *id, identify_device_fn *fn, void *arg)
{
    for (size_t i = 0; i < id->counts.n_assets; i++) {
        const struct asset *a = id->assets[i];

        if (a->record != NULL)
            fn(arg, a->record->name, a->client_id, a->principal);
    }
}

/* ---- what is due ---- */

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
