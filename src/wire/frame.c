/* SPDX-License-Identifier: Apache-2.0 */
/* wire/frame.c - where one control packet ends */
#include "wire/wire.h"

#define REMAINING_BYTES_MAX 4

/**
 * wire_next() - is there a whole packet at the front of @in?
 * @in:   what the peer sent and is not yet used; borrowed by @ret
 * @ret:  WIRE_NEXT_PACKET: the packet.  WIRE_NEXT_MORE: only @ret->len counts,
 *        the packet's whole length, or 0 if the fixed header is not yet
 *        complete.  WIRE_NEXT_BAD: untouched
 *
 * @ret->len is known before the body arrives, so that the caller can refuse
 * what is longer than it agreed to.  A remaining length in more bytes than it
 * needs is bad at each level [MQTT5-1.5.5-1], as is packet type 0.
 */
enum wire_next wire_next(struct bytes in, struct wire_frame *ret)
{
    uint32_t remaining = 0;

    if (in.len > 0 && in.at[0] >> 4 == 0)
        return WIRE_NEXT_BAD;
    for (size_t i = 1; i < in.len && i <= REMAINING_BYTES_MAX; i++) {
        uint8_t byte = in.at[i];
        size_t len;

        remaining |= (uint32_t)(byte & 0x7f) << (7 * (i - 1));
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 1)
            return WIRE_NEXT_BAD;
        len = 1 + i + remaining;
        if (in.len < len) {
            *ret = (struct wire_frame){.len = len};
            return WIRE_NEXT_MORE;
        }
        *ret = (struct wire_frame){
            .type = in.at[0] >> 4,
            .flags = in.at[0] & 0xf,
            .body = bytes_of(in.at + 1 + i, remaining),
            .len = len,
        };
        return WIRE_NEXT_PACKET;
    }
    if (in.len > REMAINING_BYTES_MAX)
        return WIRE_NEXT_BAD;
    *ret = (struct wire_frame){0};
    return WIRE_NEXT_MORE;
}
