/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_frame.c - a stream of packets; the first byte is the level */
#include "fuzz.h"

/* What is found in the whole is not found in less of it, and nothing else is. */
static void check_shorter(struct bytes in, size_t whole)
{
    struct wire_frame f;

    for (size_t n = 0; n < whole && n < 16; n++) {
        check(wire_next(bytes_of(in.at, n), &f) == WIRE_NEXT_MORE);
        check(f.len == 0 || f.len == whole);
    }
    if (whole > 0) {
        check(wire_next(bytes_of(in.at, whole - 1), &f) == WIRE_NEXT_MORE);
        check(wire_next(bytes_of(in.at, whole), &f) == WIRE_NEXT_PACKET);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in;
    enum wire_level level;

    if (size == 0)
        return 0;
    level = (enum wire_level)(WIRE_V31 + data[0] % 3);
    in = bytes_of(data + 1, size - 1);
    for (;;) {
        struct wire_frame f;

        if (wire_next(in, &f) != WIRE_NEXT_PACKET)
            return 0;
        check(f.len <= in.len && f.len > f.body.len && f.body.at == in.at + f.len - f.body.len);
        check_shorter(in, f.len);
        fuzz_packet(f.type, f.flags, f.body, level);
        in = bytes_of(in.at + f.len, in.len - f.len);
    }
}
