/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_ws_opening.c - what a WebSocket begins with; the first byte: who may come */
#include "fuzz.h"

#include "wire/ws.h"

static char *origins[] = {"https://panel.example", "null"};

/* A head that is whole is not whole in less of it. */
static void check_shorter(struct bytes in, const struct ws_rules *rules, size_t len)
{
    struct ws_opening o;

    for (size_t n = len > 40 ? len - 40 : 0; n < len; n++)
        check(ws_opening_read(bytes_of(in.at, n), rules, &o) == WS_OPENING_MORE);
    check(ws_opening_read(bytes_of(in.at, len), rules, &o) == WS_OPENING_OK);
}

static void check_answer(enum ws_opening_outcome outcome, const struct ws_opening *o)
{
    struct buf out = {0};

    if (outcome == WS_OPENING_OK)
        ws_opening_grant(&out, o, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    else
        ws_opening_refuse(&out, outcome);
    check(bytes_has_prefix(buf_view(&out), BYTES("HTTP/1.1 ")));
    check(memmem(out.at, out.len, "\r\n\r\n", 4) != NULL);
    check(wire_utf8_valid(buf_view(&out)));
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ws_rules rules = {.path = "/mqtt", .origins = origins};
    struct ws_opening o = {0};
    enum ws_opening_outcome outcome;
    struct bytes in;

    if (size == 0)
        return 0;
    in = bytes_of(data + 1, size - 1);
    rules.n_origins = data[0] % 3;
    rules.loopback_origins = data[0] & 0x80;
    outcome = ws_opening_read(in, &rules, &o);
    if (outcome == WS_OPENING_MORE) {
        check(in.len < WS_REQUEST_BYTES_MAX);
        return 0;
    }
    if (outcome == WS_OPENING_OK) {
        check(o.len <= in.len && o.len <= WS_REQUEST_BYTES_MAX && o.key.len == 24);
        check(o.key.at > in.at && o.key.at + o.key.len < in.at + o.len);
        check_shorter(in, &rules, o.len);
    }
    check_answer(outcome, &o);
    return 0;
}
