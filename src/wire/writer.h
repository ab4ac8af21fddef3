/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/writer.h - the fields of a packet, appended to a buffer
 *
 * A packet and a property block have their length in front as a Variable Byte
 * Integer that is known only at their end: writer_begin() leaves room for it and
 * writer_end() closes the gap.  Deliveries, which are many, are measured first
 * instead (publish.c).
 */
#pragma once

#include "base/bytes.h"
#include "wire/wire.h"

#define VARINT_MAX 268435455U /* [MQTT5-1.5.5-1] */
#define STRING_MAX 65535U

size_t writer_begin(struct buf *out);
void writer_end(struct buf *out, size_t begun);
size_t writer_begin_packet(struct buf *out, enum wire_type type, uint8_t flags);
void writer_u16(struct buf *out, uint16_t v);
void writer_u32(struct buf *out, uint32_t v);
void writer_varint(struct buf *out, uint32_t v);
void writer_string(struct buf *out, struct bytes s);

static inline size_t varint_len(uint32_t v)
{
    return v < 1U << 7 ? 1 : v < 1U << 14 ? 2 : v < 1U << 21 ? 3 : 4;
}

/* Return: behind what was written, varint_len(@v) bytes. */
static inline uint8_t *varint_put(uint8_t *at, uint32_t v)
{
    while (v > 0x7f) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    return at;
}
