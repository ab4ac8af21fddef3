/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_ws.c - frames from a client; the first byte is in what pieces they come */
#include "fuzz.h"

#include "wire/ws.h"

/* All that came out of a stream. */
struct result {
    struct buf data;
    struct buf said; /* what control frames said, each behind its kind */
    enum ws_event end;
    unsigned code;
};

/* Into one place, payload over frames, as a stream reads. */
static bool take(struct ws_reader *r, struct bytes piece, struct result *ret)
{
    struct bytes room = bytes_dup(piece);
    uint8_t *to = (uint8_t *)(uintptr_t)room.at;
    struct bytes in = room;
    struct ws_step s = {.event = WS_NOTHING};

    while (in.len > 0 && s.event != WS_CLOSE && s.event != WS_BAD) {
        s = ws_read(r, in, to);
        check(s.used > 0 && s.used <= in.len && s.data.len <= s.used + WS_CONTROL_MAX);
        in = bytes_of(in.at + s.used, in.len - s.used);
        if (s.event == WS_DATA) {
            check(s.data.at == to);
            buf_add(&ret->data, s.data);
            to += s.data.len;
        } else if (s.event == WS_PING || s.event == WS_PONG) {
            check(s.data.len <= WS_CONTROL_MAX);
            buf_add_u8(&ret->said, (uint8_t)s.event);
            buf_add(&ret->said, s.data);
        }
    }
    bytes_free(room);
    ret->end = s.event == WS_CLOSE || s.event == WS_BAD ? s.event : WS_NOTHING;
    ret->code = s.code;
    check((s.event == WS_BAD) == (s.why != NULL));
    return ret->end == WS_NOTHING;
}

static struct result take_all(struct bytes in, size_t most)
{
    struct ws_reader r = {0};
    struct result got = {.end = WS_NOTHING};
    bool more = true;

    while (more && in.len > 0) {
        size_t n = MIN(most, in.len);

        more = take(&r, bytes_of(in.at, n), &got);
        in = bytes_of(in.at + n, in.len - n);
    }
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole, pieces;

    if (size == 0)
        return 0;
    whole = take_all(bytes_of(data + 1, size - 1), SIZE_MAX);
    pieces = take_all(bytes_of(data + 1, size - 1), 1U + data[0] % 32);
    check(bytes_equal(buf_view(&whole.data), buf_view(&pieces.data)));
    check(bytes_equal(buf_view(&whole.said), buf_view(&pieces.said)));
    check(whole.end == pieces.end && whole.code == pieces.code);
    buf_done(&whole.data);
    buf_done(&whole.said);
    buf_done(&pieces.data);
    buf_done(&pieces.said);
    return 0;
}
