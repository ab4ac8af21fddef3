/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/tally.c - how incidents were judged, counted
 *
 * Over those in memory, which after a start are the newest of earlier runs too.
 */
#include "respond/private.h"

/**
 * respond_tally() - of the incidents opened since then
 * @detector:       NULL: of all detectors
 * @since_unix_ms:  0: all that are in memory
 */
struct incident_tally respond_tally(const struct respond *r, const struct detector_info *detector,
                                    uint64_t since_unix_ms)
{
    struct incident_tally t = {0};

    list_each (it, (struct list *)&r->incidents) {
        const struct incident *i = &list_item(it, struct kept_incident, link)->face;

        if ((detector != NULL && i->detector != detector) || i->opened_unix_ms < since_unix_ms)
            continue;
        t.opened++;
        t.open += i->state != INCIDENT_CLOSED;
        if (i->state == INCIDENT_CLOSED)
            t.closed[i->disposition]++;
    }
    return t;
}

/** incident_tally_wrong() - alerts that were none: judged false or benign */
unsigned incident_tally_wrong(const struct incident_tally *t)
{
    return t->closed[DISPOSITION_FALSE] + t->closed[DISPOSITION_BENIGN];
}
