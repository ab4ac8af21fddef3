/* SPDX-License-Identifier: Apache-2.0 */
/* identify/zone.c - declared zones as address prefixes, and who is in them; MQ.ID.AM-03 */
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

static bool is_of_zone(const struct identify *id, const struct asset *a, const char *zone)
{
    const struct zone *from;

    if (a->record != NULL && a->record->zone != NULL)
        return strcmp(a->record->zone, zone) == 0;
    from = zone_of(id->inventory, asset_address(a));
    return from != NULL && strcmp(from->name, zone) == 0;
}

/** identify_zone_clients() - see identify.h; looks at every asset */
void identify_zone_clients(const struct identify *id, const char *zone,
                           void (*fn)(void *arg, const char *client_id), void *arg)
{
    for (size_t i = 0; i < id->counts.n_assets; i++) {
        const struct asset *a = id->assets[i];

        if (a->client_id != NULL && is_of_zone(id, a, zone))
            fn(arg, a->client_id);
    }
}

/** identify_has_zone() - see identify.h */
bool identify_has_zone(const struct identify *id, const char *zone)
{
    return zone_named(id->inventory, zone) != NULL;
}

/** identify_zone_names() - see identify.h */
void identify_zone_names(const struct identify *id, struct buf *ret)
{
    const struct inventory *v = id->inventory;

    for (size_t i = 0; i < v->n_zones; i++)
        buf_addf(ret, "%s%s", i > 0 ? ", " : "", v->zones[i].name);
}
