/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz.h - what the fuzz targets share
 *
 * A target is a function of bytes that aborts on what must not be.  It is linked
 * to libFuzzer (option fuzz, clang) or to replay.c, which runs files through it.
 */
#pragma once

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "unit/wire/any.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The path of a file, always the same one, that has @content; for what reads files. */
static inline const char *fuzz_as_file(struct bytes content)
{
    static char path[32];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        check(fd >= 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    check(ftruncate(fd, 0) == 0);
    check(pwrite(fd, content.at, content.len, 0) == (ssize_t)content.len);
    return path;
}

/* If @body is a good packet, then its value is written and read back unchanged, and is written in
 * one way only. */
static inline void fuzz_packet(enum wire_type type, uint8_t flags, struct bytes body,
                               enum wire_level level)
{
    static union any p;
    static union any back;
    struct buf once = {0};
    struct buf twice = {0};
    struct wire_frame f;

    if (any_decode(type, flags, body, level, &p) != WIRE_OK)
        return;
    any_encode(&once, type, &p, level);
    check(wire_next(buf_view(&once), &f) == WIRE_NEXT_PACKET);
    check(f.type == type && f.len == once.len);
    check(any_decode(type, f.flags, f.body, level, &back) == WIRE_OK);
    check(any_same(type, &p, &back));
    any_encode(&twice, type, &back, level);
    check(bytes_equal(buf_view(&once), buf_view(&twice)));
    buf_done(&once);
    buf_done(&twice);
}

/* The first byte chooses one of @types and the level, the second is the flags, then the body. */
static inline void fuzz_family(const enum wire_type *types, size_t n, const uint8_t *data,
                               size_t size)
{
    if (size >= 2)
        fuzz_packet(types[(data[0] & 0xf) % n], data[1] & 0xf, bytes_of(data + 2, size - 2),
                    (enum wire_level)(WIRE_V31 + (data[0] >> 4) % 3));
}
