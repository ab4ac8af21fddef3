/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_ws.c - frames of WebSocket; RFC 6455 section 5 */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/err.h"
#include "wire/ws.h"

#define BIG   1000000U
#define MASK  "\x37\xfa\x21\x3d" /* of the examples in RFC 6455 section 5.7 */
#define HELLO "\x7f\x9f\x4d\x51\x58"

static struct ws_step read_exact(struct ws_reader *r, struct bytes in, uint8_t *to)
{
    struct bytes exact = bytes_dup(in);
    struct ws_step s = ws_read(r, exact, to);

    bytes_free(exact);
    return s;
}

/* ---- as a client writes ---- */

static void add_frame(struct buf *out, unsigned first, struct bytes payload, uint32_t key)
{
    uint8_t mask[4];

    memcpy(mask, &key, 4);
    buf_add_u8(out, (uint8_t)first);
    if (payload.len < 126) {
        buf_add_u8(out, (uint8_t)(0x80 | payload.len));
    } else {
        unsigned n = payload.len < 65536 ? 2 : 8;

        buf_add_u8(out, n == 2 ? 0xfe : 0xff);
        while (n-- > 0)
            buf_add_u8(out, (uint8_t)((uint64_t)payload.len >> (8 * n)));
    }
    buf_add(out, bytes_of(mask, 4));
    for (size_t i = 0; i < payload.len; i++)
        buf_add_u8(out, payload.at[i] ^ mask[i % 4]);
}

/* ---- one frame ---- */

static void the_example_of_the_rfc_is_read(void **state)
{
    struct ws_reader r = {0};
    uint8_t to[32];
    struct ws_step s = read_exact(&r, BYTES("\x82\x85" MASK HELLO "\x89\x80"), to);

    (void)state;
    assert_int_equal(s.event, WS_DATA);
    assert_int_equal(s.used, 11);
    assert_bytes_equal(s.data, BYTES("Hello"));
    s = read_exact(&r, BYTES("\x89\x85" MASK HELLO), to);
    assert_int_equal(s.event, WS_PING);
    assert_bytes_equal(s.data, BYTES("Hello"));
    s = read_exact(&r, BYTES("\x8a\x80" MASK), to);
    assert_int_equal(s.event, WS_PONG);
    assert_int_equal(s.used, 6);
    assert_int_equal(s.data.len, 0);
}

static void a_frame_is_read_at_each_step_of_its_length(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, BIG};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buf payload = {0}, frame = {0};
        struct ws_reader r = {0};
        struct ws_step s;

        for (size_t n = 0; n < sizes[i]; n++)
            buf_add_u8(&payload, (uint8_t)(n * 7));
        add_frame(&frame, 0x82, buf_view(&payload), 0x12345678);
        s = ws_read(&r, buf_view(&frame), frame.at); /* in place */
        assert_int_equal(s.event, sizes[i] > 0 ? WS_DATA : WS_NOTHING);
        assert_int_equal(s.used, frame.len);
        assert_bytes_equal(s.data, buf_view(&payload));
        buf_done(&payload);
        buf_done(&frame);
    }
}

static void a_frame_may_have_any_length(void **state)
{
    struct ws_reader r = {0};
    uint8_t to[32];
    struct ws_step s =
        ws_read(&r, BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "data"), to);

    (void)state;
    assert_int_equal(s.event, WS_DATA);
    assert_int_equal(s.data.len, 4);
    s = ws_read(&r, BYTES("more"), to);
    assert_int_equal(s.event, WS_DATA);
    assert_int_equal(s.data.len, 4);
}

/* ---- what nobody may send ---- */

/* clang-format off */
static const struct refusal {
    const char *what;
    unsigned code;
    struct bytes in;
} refusals[] = {
    {"[MQTT5-6.0.0-1] [MQTT3-6.0.0-1] text", WS_CODE_NOT_BINARY, BYTES("\x81\x85")},
    {"[MQTT5-6.0.0-1] the beginning of a text", WS_CODE_NOT_BINARY, BYTES("\x01\x85")},
    {"not masked",                    WS_CODE_PROTOCOL, BYTES("\x82\x05")},
    {"a reserved bit",                WS_CODE_PROTOCOL, BYTES("\xc2\x85")},
    {"another reserved bit",          WS_CODE_PROTOCOL, BYTES("\x92\x85")},
    {"an unknown kind of data",       WS_CODE_PROTOCOL, BYTES("\x83\x85")},
    {"an unknown kind of control",    WS_CODE_PROTOCOL, BYTES("\x8b\x85")},
    {"a continuation of nothing",     WS_CODE_PROTOCOL, BYTES("\x80\x85")},
    {"a message in a message",        WS_CODE_PROTOCOL, BYTES("\x02\x80" MASK "\x82\x80")},
    {"a message behind a split one",  WS_CODE_PROTOCOL, BYTES("\x02\x80" MASK "\x00\x80" MASK "\x82\x80")},
    {"a continuation behind the end", WS_CODE_PROTOCOL, BYTES("\x02\x80" MASK "\x80\x80" MASK "\x80\x80")},
    {"a ping that is split",          WS_CODE_PROTOCOL, BYTES("\x09\x80")},
    {"a ping of 126 bytes",           WS_CODE_PROTOCOL, BYTES("\x89\xfe")},
    {"a length in two bytes for one", WS_CODE_PROTOCOL, BYTES("\x82\xfe\0\x7d" MASK)},
    {"a length in eight for two",     WS_CODE_PROTOCOL, BYTES("\x82\xff\0\0\0\0\0\0\xff\xff" MASK)},
    {"a length of 64 bits",           WS_CODE_PROTOCOL, BYTES("\x82\xff\x80\0\0\0\0\1\0\0" MASK)},
    {"a Close of one byte",           WS_CODE_PROTOCOL, BYTES("\x88\x81\0\0\0\0\3")},
    {"a Close with code 999",         WS_CODE_PROTOCOL, BYTES("\x88\x82\0\0\0\0\3\xe7")},
    {"a Close with code 1004",        WS_CODE_PROTOCOL, BYTES("\x88\x82\0\0\0\0\3\xec")},
    {"a Close with code 1005",        WS_CODE_PROTOCOL, BYTES("\x88\x82\0\0\0\0\3\xed")},
    {"a Close with code 1006",        WS_CODE_PROTOCOL, BYTES("\x88\x82\0\0\0\0\3\xee")},
    {"a Close with code 1015",        WS_CODE_PROTOCOL, BYTES("\x88\x82\0\0\0\0\3\xf7")},
    {"a Close with code 2999",        WS_CODE_PROTOCOL, BYTES("\x88\x82\0\0\0\0\x0b\xb7")},
    {"a Close with code 5000",        WS_CODE_PROTOCOL, BYTES("\x88\x82\0\0\0\0\x13\x88")},
    {"a Close that is not UTF-8",     WS_CODE_NOT_UTF8, BYTES("\x88\x83\0\0\0\0\3\xe8\xff")},
};
/* clang-format on */

/* All of @in; Return: the last step, or the one that nothing can come behind. */
static struct ws_step read_all(struct ws_reader *r, struct bytes in)
{
    struct ws_step s = {.event = WS_NOTHING};

    while (in.len > 0 && s.event != WS_BAD && s.event != WS_CLOSE) {
        uint8_t to[64];

        s = read_exact(r, in, to);
        in = bytes_of(in.at + s.used, in.len - s.used);
    }
    assert_int_equal(in.len, 0);
    return s;
}

static void what_nobody_may_send_is_refused_with_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal *t = &refusals[i];
        struct ws_reader r = {0};
        struct ws_step s;

        print_message("  %s\n", t->what);
        s = read_all(&r, t->in);
        assert_int_equal(s.event, WS_BAD);
        assert_int_equal(s.code, t->code);
        assert_true(strlen(s.why) <= WS_CONTROL_MAX - 2);
        /* and not before all of it has come */
        r = (struct ws_reader){0};
        assert_int_not_equal(read_all(&r, bytes_of(t->in.at, t->in.len - 1)).event, WS_BAD);
    }
}

static void a_close_says_its_code(void **state)
{
    static const struct {
        struct bytes in;
        unsigned code;
    } cases[] = {
        {BYTES("\x88\x80\0\0\0\0"), WS_CODE_NONE},
        {BYTES("\x88\x82\0\0\0\0\3\xe8"), 1000},
        {BYTES("\x88\x85\0\0\0\0\3\xe9"
               "bye"),
         1001},
        {BYTES("\x88\x82\0\0\0\0\3\xf6"), 1014},
        {BYTES("\x88\x82\0\0\0\0\x0b\xb8"), 3000},
        {BYTES("\x88\x82\0\0\0\0\x13\x87"), 4999},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ws_reader r = {0};
        struct ws_step s = read_all(&r, cases[i].in);

        assert_int_equal(s.event, WS_CLOSE);
        assert_int_equal(s.code, cases[i].code);
    }
}

/* ---- any stream, split anywhere ---- */

struct expected {
    struct buf data;
    struct buf pings; /* one behind the other */
    unsigned n_pings;
    unsigned n_pongs;
};

/* A message of several frames, with control frames between them. */
static void add_message(struct buf *out, struct expected *e, uint64_t *random)
{
    unsigned n = 1 + noise(random) % 4;

    for (unsigned i = 0; i < n; i++) {
        size_t len =
            noise(random) % 5 == 0 ? 0 : noise(random) % (noise(random) % 8 == 0 ? 70000 : 300);
        struct buf payload = {0};

        for (size_t k = 0; k < len; k++)
            buf_add_u8(&payload, (uint8_t)noise(random));
        add_frame(out, (i == 0 ? 2U : 0U) | (i == n - 1 ? 0x80U : 0U), buf_view(&payload),
                  (uint32_t)noise(random));
        buf_add(&e->data, buf_view(&payload));
        len = noise(random) % (WS_CONTROL_MAX + 1);
        payload.len = MIN(payload.len, len);
        if (noise(random) % 3 == 0) {
            add_frame(out, 0x89, buf_view(&payload), (uint32_t)noise(random));
            buf_add(&e->pings, buf_view(&payload));
            e->n_pings++;
        } else if (noise(random) % 3 == 0) {
            add_frame(out, 0x8a, buf_view(&payload), (uint32_t)noise(random));
            e->n_pongs++;
        }
        buf_done(&payload);
    }
}

/* As a stream reads: into one place, payload over frames. */
static void take(struct ws_reader *r, struct buf *chunk, struct expected *got)
{
    struct bytes in = buf_view(chunk);
    size_t n = 0;

    while (in.len > 0) {
        struct ws_step s = ws_read(r, in, chunk->at + n);

        assert_true(s.used > 0 && s.used <= in.len);
        in = bytes_of(in.at + s.used, in.len - s.used);
        switch (s.event) {
        case WS_DATA:
            assert_ptr_equal(s.data.at, chunk->at + n);
            n += s.data.len;
            break;
        case WS_PING:
            buf_add(&got->pings, s.data);
            got->n_pings++;
            break;
        case WS_PONG:
            got->n_pongs++;
            break;
        case WS_NOTHING:
            break;
        case WS_CLOSE:
        case WS_BAD:
            fail_msg("%s", s.why);
        }
    }
    buf_add(&got->data, bytes_of(chunk->at, n));
}

static void done(struct expected *e)
{
    buf_done(&e->data);
    buf_done(&e->pings);
}

/* [MQTT5-6.0.0-2] [MQTT3-6.0.0-2] */
static void a_stream_comes_out_the_same_however_it_is_split(void **state)
{
    uint64_t random = 6455;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct expected want = {0}, got = {0};
        struct buf stream = {0};
        struct ws_reader r = {0};
        size_t most = round % 3 == 0 ? 3 : (round % 3 == 1 ? 200 : 100000);

        for (unsigned i = 0; i < 5; i++)
            add_message(&stream, &want, &random);
        for (size_t at = 0; at < stream.len;) {
            struct buf chunk = {0};
            size_t n = 1 + noise(&random) % most;

            n = MIN(n, stream.len - at);
            buf_add(&chunk, bytes_of(stream.at + at, n));
            take(&r, &chunk, &got);
            buf_done(&chunk);
            at += n;
        }
        assert_bytes_equal(buf_view(&got.data), buf_view(&want.data));
        assert_bytes_equal(buf_view(&got.pings), buf_view(&want.pings));
        assert_int_equal(got.n_pings, want.n_pings);
        assert_int_equal(got.n_pongs, want.n_pongs);
        assert_false(r.in_payload || r.in_message || r.head_len > 0);
        done(&want);
        done(&got);
        buf_done(&stream);
    }
}

/* ---- writing ---- */

static void frames_are_written_in_the_shortest_form(void **state)
{
    static const struct {
        size_t len;
        struct bytes head;
    } cases[] = {
        {0, BYTES("\x82\0")},
        {125, BYTES("\x82\x7d")},
        {126, BYTES("\x82\x7e\0\x7e")},
        {65535, BYTES("\x82\x7e\xff\xff")},
        {65536, BYTES("\x82\x7f\0\0\0\0\0\1\0\0")},
        {0x123456789aU, BYTES("\x82\x7f\0\0\0\x12\x34\x56\x78\x9a")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = {0};

        ws_write_head(&out, cases[i].len);
        assert_bytes_equal(buf_view(&out), cases[i].head);
        buf_done(&out);
    }
}

static void control_frames_are_written(void **state)
{
    struct buf out = {0};

    (void)state;
    ws_write_control(&out, WS_OPCODE_PONG, BYTES("Hello"));
    ws_write_control(&out, WS_OPCODE_PING, BYTES_NONE);
    ws_write_close(&out, WS_CODE_NONE, "not said");
    ws_write_close(&out, WS_CODE_NORMAL, "");
    ws_write_close(&out, WS_CODE_NOT_BINARY, "why");
    assert_bytes_equal(buf_view(&out), BYTES("\x8a\5Hello\x89\0\x88\0\x88\2\3\xe8\x88\5\3\xebwhy"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc_is_read),
        cmocka_unit_test(a_frame_is_read_at_each_step_of_its_length),
        cmocka_unit_test(a_frame_may_have_any_length),
        cmocka_unit_test(what_nobody_may_send_is_refused_with_its_code),
        cmocka_unit_test(a_close_says_its_code),
        cmocka_unit_test(a_stream_comes_out_the_same_however_it_is_split),
        cmocka_unit_test(frames_are_written_in_the_shortest_form),
        cmocka_unit_test(control_frames_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
