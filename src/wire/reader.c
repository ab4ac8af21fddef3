/* SPDX-License-Identifier: Apache-2.0 */
/* wire/reader.c - the reads that are too long for the header */
#include "wire/reader.h"

#define VARINT_BYTES_MAX 4

/** reader_fail() - only the first failure counts; @what: as in struct fault */
void reader_fail(struct reader *r, enum wire_outcome outcome, const char *what)
{
    if (r->outcome == WIRE_OK) {
        r->outcome = outcome;
        fault_last = (struct fault){.outcome = outcome, .what = what};
    }
    r->left = 0;
}

/**
 * reader_varint() - read a Variable Byte Integer, section 1.5.5
 *
 * More than four bytes, or more than the value needs, are malformed
 * [MQTT5-1.5.5-1].
 *
 * Return: 0 to 268,435,455.
 */
uint32_t reader_varint(struct reader *r)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t byte = reader_u8(r);

        v |= (uint32_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 0)
            break;
        return v;
    }
    reader_fail(r, WIRE_E_MALFORMED, "an ill-formed Variable Byte Integer");
    return 0;
}

/**
 * reader_utf8() - read a UTF-8 Encoded String and check its text [MQTT5-1.5.4-1] [MQTT3-1.5.3-1]
 * @else_what:  as in struct fault, if it is no such text
 */
struct bytes reader_utf8(struct reader *r, const char *else_what)
{
    struct bytes s = reader_binary(r);

    if (wire_utf8_valid(s))
        return s;
    reader_fail(r, WIRE_E_MALFORMED, else_what);
    return BYTES_NONE;
}

/** reader_packet_id() - read a Packet Identifier, which is never zero [MQTT5-2.2.1-3]
 * [MQTT3-2.3.1-1] */
uint16_t reader_packet_id(struct reader *r)
{
    uint16_t id = reader_u16(r);

    if (id == 0)
        reader_fail(r, WIRE_E_PACKET_ID, "a packet identifier of 0");
    return id;
}
