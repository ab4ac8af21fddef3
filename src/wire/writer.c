/* SPDX-License-Identifier: Apache-2.0 */
/* wire/writer.c - the fields of a packet, appended to a buffer */
#include "wire/writer.h"

#include "base/err.h"

#define VARINT_ROOM 4

/**
 * writer_begin() - begin something whose length stands in front of it
 *
 * Return: to be given to writer_end().
 */
size_t writer_begin(struct buf *out)
{
    buf_reserve(out, VARINT_ROOM);
    out->len += VARINT_ROOM;
    return out->len;
}

/** writer_end() - put the length in front of what was appended since writer_begin() */
void writer_end(struct buf *out, size_t begun)
{
    size_t len = out->len - begun;
    uint8_t *front = out->at + begun - VARINT_ROOM;

    check(begun <= out->len && len <= VARINT_MAX);
    memmove(varint_put(front, (uint32_t)len), out->at + begun, len);
    out->len -= VARINT_ROOM - varint_len((uint32_t)len);
}

/** writer_begin_packet() - the first byte of a packet, then writer_begin() */
size_t writer_begin_packet(struct buf *out, enum wire_type type, uint8_t flags)
{
    buf_add_u8(out, (uint8_t)((unsigned)type << 4 | flags));
    return writer_begin(out);
}

/** writer_u16() - append a Two Byte Integer, section 1.5.2 */
void writer_u16(struct buf *out, uint16_t v)
{
    buf_add_u8(out, (uint8_t)(v >> 8));
    buf_add_u8(out, (uint8_t)v);
}

/** writer_u32() - append a Four Byte Integer, section 1.5.3 */
void writer_u32(struct buf *out, uint32_t v)
{
    writer_u16(out, (uint16_t)(v >> 16));
    writer_u16(out, (uint16_t)v);
}

/** writer_varint() - append a Variable Byte Integer, shortest form [MQTT5-1.5.5-1] */
void writer_varint(struct buf *out, uint32_t v)
{
    check(v <= VARINT_MAX);
    varint_put(buf_reserve(out, VARINT_ROOM), v);
    out->len += varint_len(v);
}

/** writer_string() - append a length and at most 65,535 bytes, sections 1.5.4 and 1.5.6 */
void writer_string(struct buf *out, struct bytes s)
{
    check(s.len <= STRING_MAX);
    writer_u16(out, (uint16_t)s.len);
    buf_add(out, s);
}
