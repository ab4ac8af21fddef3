/* SPDX-License-Identifier: Apache-2.0 */
/* session/packet_ids.h - a set of packet ids; all zero is an empty one */
#pragma once

#include <stdlib.h>

#include "base/bytes.h"
#include "base/mem.h"

#define PACKET_ID_MAX 65535 /* 0 is none */

struct packet_ids {
    uint8_t *bits; /* owned; NULL: it has never had one */
    uint32_t n;
};

static inline bool packet_ids_has(const struct packet_ids *set, uint16_t id)
{
    return set->n > 0 && (set->bits[id / 8] & BIT(id % 8));
}

/* One that it does not have. */
static inline void packet_ids_add(struct packet_ids *set, uint16_t id)
{
    if (set->bits == NULL)
        set->bits = mem_zero((PACKET_ID_MAX + 1) / 8);
    set->bits[id / 8] = (uint8_t)(set->bits[id / 8] | BIT(id % 8));
    set->n++;
}

/* One that it has. */
static inline void packet_ids_remove(struct packet_ids *set, uint16_t id)
{
    set->bits[id / 8] = (uint8_t)(set->bits[id / 8] & ~BIT(id % 8));
    set->n--;
}

static inline void packet_ids_done(struct packet_ids *set)
{
    free(set->bits);
    *set = (struct packet_ids){0};
}
