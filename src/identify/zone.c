/* SPDX-License-Identifier: Apache-2.0 */
/* identify/zone.c - declared zones as address prefixes; MQ.ID.AM-03 */
#include "identify/private.h"

/** zone_of() - the zone with the longest prefix that holds @address; NULL when there is none */
const struct zone *zone_of(const struct inventory *v, const char *address)
{
    const struct zone *best = NULL;
    unsigned best_len = 0;
    struct address at;

    if (!address_parse(bytes_str(address), &at))
        return NULL;
    for (size_t i = 0; i < v->n_zones; i++) {
        for (size_t k = 0; k < v->zones[i].n_prefixes; k++) {
            const struct address *p = &v->zones[i].prefixes[k];

            if (prefix_has(p, &at) && (best == NULL || p->prefix_len > best_len)) {
                best = &v->zones[i];
                best_len = p->prefix_len;
            }
        }
    }
    return best;
}

/** zone_named() - NULL when no zone has that name */
const struct zone *zone_named(const struct inventory *v, const char *name)
{
    for (size_t i = 0; i < v->n_zones; i++)
        if (strcmp(v->zones[i].name, name) == 0)
            return &v->zones[i];
    return NULL;
}
