/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/props.h - property blocks of MQTT 5.0; private to wire/
 *
 * One table in props.c says what each property is and who may carry it.  The
 * cursor checks by it, one property at a time; what holds the values is up to
 * its user.
 */
#pragma once

#include "wire/reader.h"

/* Besides BIT(enum wire_type): the Will Properties in CONNECT. */
#define PROPS_OF_WILL BIT(0)

struct prop {
    enum wire_prop id;
    uint32_t number;    /* integers of any width */
    struct bytes value; /* strings and binary data; of a pair its value */
    struct bytes name;  /* of a pair only */
    struct bytes whole; /* identifier and value as they stand in the block */
};

struct props_cursor {
    struct reader r;
    uint32_t packet; /* BIT(enum wire_type) or PROPS_OF_WILL */
    uint64_t seen;   /* BIT64(enum wire_prop) */
    uint32_t n_user;
};

struct bytes props_block(struct reader *r);
bool props_next(struct props_cursor *c, struct prop *ret);
void props_read(struct reader *r, uint32_t packet, struct wire_props *ret);
void props_write(struct buf *out, uint32_t packet, const struct wire_props *p);

static inline struct props_cursor props_over(struct bytes block, uint32_t packet)
{
    return (struct props_cursor){.r = reader_over(block), .packet = packet};
}
