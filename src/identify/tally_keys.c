/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/tally_keys.c - counted of the keys and certificates that devices came with
 *
 * A device is an asset: one certificate's name, whatever the client id.  Two devices that show the
 * same name at once from two places are one asset and two devices with one key all the same, and
 * concurrent_unix_ms knows of it.
 *
 * MQ.PR.IP-05 MQ.PR.CL-02
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "identify/tally.h"
#include "identify/traits.h"

static struct bytes key_of(const struct asset *a)
{
    return asset_trait(a, IDENTIFY_TRAIT_CERTIFICATE_KEY_PRINT);
}

static int by_key(const void *a, const void *b)
{
    struct bytes x = key_of(*(const struct asset *const *)a);
    struct bytes y = key_of(*(const struct asset *const *)b);
    int order = memcmp(x.at, y.at, MIN(x.len, y.len));

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* Those of 30 d whose key is known, with the same keys side by side; owned by the caller. */
static const struct asset **assets_by_key(const struct identify *id, uint64_t now, size_t *ret_n)
{
    const struct asset **all = mem_zero(MAX(id->counts.n_assets, 1) * sizeof(*all));
    size_t n = 0;

    for (size_t i = 0; i < id->counts.n_assets; i++) {
        if (key_of(id->assets[i]).len > 0 && asset_was_here(id->assets[i], now))
            all[n++] = id->assets[i];
    }
    qsort(all, n, sizeof(const struct asset *), by_key);
    *ret_n = n;
    return all;
}

static bool is_shared(const struct asset *const *all, size_t n, size_t i, uint64_t now)
{
    return (i > 0 && by_key(&all[i], &all[i - 1]) == 0) ||
           (i + 1 < n && by_key(&all[i], &all[i + 1]) == 0) ||
           is_within_days(all[i]->concurrent_unix_ms, now, STANDS_DAYS);
}

struct tally tally_shared_keys(const struct identify *id, uint64_t now)
{
    struct tally t = {0};
    const struct asset **all = assets_by_key(id, now, &t.of);

    for (size_t i = 0; i < t.of; i++)
        t.n += is_shared(all, t.of, i, now);
    free(all);
    return t;
}

struct tally tally_individual_keys(const struct identify *id, uint64_t now)
{
    struct tally t = tally_shared_keys(id, now);

    t.n = t.of - t.n;
    return t;
}

/** certificate_life_days() - from not before to not after; false: both are not known */
bool certificate_life_days(const struct asset *a, double *ret_days)
{
    uint64_t from, until;

    if (!trait_date(asset_trait(a, IDENTIFY_TRAIT_CERTIFICATE_NOT_BEFORE), &from) ||
        !trait_date(asset_trait(a, IDENTIFY_TRAIT_CERTIFICATE_NOT_AFTER), &until) || until < from)
        return false;
    *ret_days = (double)(until - from) / (double)DAY_MS;
    return true;
}
