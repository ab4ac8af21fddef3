/* SPDX-License-Identifier: Apache-2.0 */
/* identify/zone.c - declared zones as address prefixes; MQ.ID.AM-03 */
#include "identify/private.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* An IPv4 address that came in over an IPv6 socket is an IPv4 address. */
static bool address_parse(const char *text, int *ret_family, uint8_t ret[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (inet_pton(AF_INET, text, ret) == 1) {
        *ret_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, text, ret) != 1)
        return false;
    *ret_family = AF_INET6;
    if (memcmp(ret, mapped, sizeof(mapped)) == 0) {
        memmove(ret, ret + sizeof(mapped), 4);
        *ret_family = AF_INET;
    }
    return true;
}

static unsigned bits_of(int family)
{
    return family == AF_INET ? 32 : 128;
}

/** prefix_parse() - "192.0.2.0/24", "2001:db8::/32", or an address alone; false: none of them */
bool prefix_parse(const char *text, struct prefix *ret)
{
    struct prefix p = {0};
    char address[ADDRESS_TEXT_MAX];
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char *end = NULL;

    if (len >= sizeof(address))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (!address_parse(address, &p.family, p.at))
        return false;
    p.bits = bits_of(p.family);
    if (slash != NULL) {
        unsigned long n = strtoul(slash + 1, &end, 10);

        if (end == slash + 1 || *end != '\0' || slash[1] == '-' || n > p.bits)
            return false;
        p.bits = (unsigned)n;
    }
    *ret = p;
    return true;
}

static bool prefix_has(const struct prefix *p, int family, const uint8_t at[16])
{
    unsigned whole = p->bits / 8;
    unsigned rest = p->bits % 8;
    uint8_t mask = (uint8_t)(0xff00U >> rest);

    return p->family == family && memcmp(p->at, at, whole) == 0 &&
           (rest == 0 || ((p->at[whole] ^ at[whole]) & mask) == 0);
}

/** zone_of() - the zone with the longest prefix that holds @address; NULL when there is none */
const struct zone *zone_of(const struct inventory *v, const char *address)
{
    const struct zone *best = NULL;
    unsigned best_bits = 0;
    uint8_t at[16];
    int family;

    if (!address_parse(address, &family, at))
        return NULL;
    for (size_t i = 0; i < v->n_zones; i++) {
        for (size_t k = 0; k < v->zones[i].n_prefixes; k++) {
            const struct prefix *p = &v->zones[i].prefixes[k];

            if (prefix_has(p, family, at) && (best == NULL || p->bits > best_bits)) {
                best = &v->zones[i];
                best_bits = p->bits;
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
