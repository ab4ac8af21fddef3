/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/owners.c - of how many topics each publisher has the retained message
 *
 * An entry for who has one at least.  What the node itself retains is nobody's.
 *
 * MQ.PR.SP-05
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "router/router_private.h"

struct owner {
    uint64_t publisher;
    size_t n; /* 1 or more */
};

static struct bytes key_of(const uint64_t *publisher)
{
    return bytes_of(publisher, sizeof(*publisher));
}

static struct bytes owner_key(const void *item)
{
    return key_of(&((const struct owner *)item)->publisher);
}

/** owners_init() - nobody has any */
void owners_init(struct map *owners)
{
    map_init(owners, owner_key);
}

/** owners_done() - when nobody has any more */
void owners_done(struct map *owners)
{
    check(owners->n == 0);
    map_done(owners);
}

/** owners_add() - @publisher has one more */
void owners_add(struct map *owners, uint64_t publisher)
{
    struct owner *o;

    if (publisher == 0)
        return;
    o = map_find(owners, key_of(&publisher));
    if (o == NULL) {
        o = mem_new(struct owner);
        o->publisher = publisher;
        map_put(owners, o);
    }
    o->n++;
}

/** owners_remove() - @publisher, who has some, has one less */
void owners_remove(struct map *owners, uint64_t publisher)
{
    struct owner *o;

    if (publisher == 0)
        return;
    o = map_find(owners, key_of(&publisher));
    check(o != NULL);
    if (--o->n == 0)
        free(map_remove(owners, key_of(&publisher)));
}

/** owners_n() - Return: how many @publisher has. */
size_t owners_n(const struct map *owners, uint64_t publisher)
{
    const struct owner *o = map_find(owners, key_of(&publisher));

    return o != NULL ? o->n : 0;
}

/** owners_bytes() - Return: about the memory that they take. */
size_t owners_bytes(const struct map *owners)
{
    return owners->n * sizeof(struct owner);
}
