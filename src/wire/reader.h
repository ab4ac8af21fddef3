/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/reader.h - a cursor over one packet's bytes that remembers the first failure
 *
 * After a failure nothing is left to read and every read gives zero or empty
 * bytes; so a decoder is a straight line and asks for the outcome once, at its
 * end.  What is read borrows from what was given to reader_over().
 */
#pragma once

#include "base/bytes.h"
#include "wire/fault.h"

struct reader {
    const uint8_t *at; /* never NULL */
    size_t left;
    enum wire_outcome outcome;
};

uint32_t reader_varint(struct reader *r);
__attribute__((cold)) void reader_fail(struct reader *r, enum wire_outcome outcome,
                                       const char *what);
struct bytes reader_utf8(struct reader *r, const char *else_what);
uint16_t reader_packet_id(struct reader *r);

static inline struct reader reader_over(struct bytes b)
{
    return (struct reader){b.at != NULL ? b.at : (const uint8_t *)"", b.len, WIRE_OK};
}

/* If @part, which is over a part of what @r is over, has failed, and has said why. */
static inline void reader_fail_as(struct reader *r, const struct reader *part)
{
    if (part->outcome == WIRE_OK)
        return;
    if (r->outcome == WIRE_OK)
        r->outcome = part->outcome;
    r->left = 0;
}

/* The bytes end before the packet does. */
static inline bool reader_lacks(struct reader *r, size_t n)
{
    if (r->left >= n)
        return false;
    reader_fail(r, WIRE_E_MALFORMED, "a field that reaches beyond the end");
    return true;
}

static inline struct bytes reader_take(struct reader *r, size_t n)
{
    struct bytes b = {r->at, n};

    if (reader_lacks(r, n))
        return BYTES_NONE;
    r->at += n;
    r->left -= n;
    return b;
}

static inline uint8_t reader_u8(struct reader *r)
{
    if (reader_lacks(r, 1))
        return 0;
    r->left--;
    return *r->at++;
}

static inline uint16_t reader_u16(struct reader *r)
{
    struct bytes b = reader_take(r, 2);

    if (b.len == 0)
        return 0;
    return (uint16_t)(b.at[0] << 8 | b.at[1]);
}

static inline uint32_t reader_u32(struct reader *r)
{
    uint32_t high = reader_u16(r);

    return high << 16 | reader_u16(r);
}

/* Binary Data, section 1.5.6; also a string whose text is checked elsewhere. */
static inline struct bytes reader_binary(struct reader *r)
{
    return reader_take(r, reader_u16(r));
}

static inline struct bytes reader_rest(struct reader *r)
{
    return reader_take(r, r->left);
}

/* Bytes behind the last field belong to nothing. */
static inline void reader_end(struct reader *r)
{
    if (r->left > 0)
        reader_fail(r, WIRE_E_MALFORMED, "bytes behind the last field");
}

/* The low four bits of the fixed header, where they are reserved [MQTT5-2.1.3-1] [MQTT3-2.2.2-1]
 * [MQTT3-2.2.2-2].  In 3.1 they are not used, and old devices set them. */
static inline void reader_flags(struct reader *r, uint8_t flags, uint8_t wanted,
                                enum wire_level level)
{
    if (flags != wanted && level != WIRE_V31)
        reader_fail(r, WIRE_E_MALFORMED, "reserved flags of the fixed header");
}
