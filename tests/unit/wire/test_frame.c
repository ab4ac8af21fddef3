/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_frame.c - where a packet ends, however the stream is split */
#include "cases.h"

/* A PUBLISH of which @remaining bytes follow the fixed header. */
static void add_publish(struct buf *out, size_t remaining)
{
    struct wire_delivery d = {.topic = BYTES("t")};
    struct buf payload = {0};

    memset(buf_reserve(&payload, remaining), 'x', remaining);
    d.payload = bytes_of(payload.at, remaining - 3);
    wire_encode_delivery(out, &d, WIRE_V311);
    buf_done(&payload);
}

static void a_packet_is_found_only_when_it_is_whole(void **state)
{
    /* Both sides of each step of the remaining length, section 2.1.4. */
    static const size_t sizes[] = {3, 127, 128, 16383, 16384, 2097151, 2097152};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buf out = {0};
        struct wire_frame f;
        size_t header;

        add_publish(&out, sizes[i]);
        header = out.len - sizes[i];
        for (size_t n = 0; n < out.len; n += n < 70000 ? 1 : 4099) {
            memset(&f, 0xbe, sizeof(f));
            assert_int_equal(wire_next(bytes_of(out.at, n), &f), WIRE_NEXT_MORE);
            assert_int_equal(f.len, n < header ? 0 : out.len);
        }
        assert_int_equal(wire_next(buf_view(&out), &f), WIRE_NEXT_PACKET);
        assert_int_equal(f.type, WIRE_PUBLISH);
        assert_int_equal(f.flags, 0);
        assert_int_equal(f.body.len, sizes[i]);
        assert_int_equal(f.len, out.len);
        assert_ptr_equal(f.body.at, out.at + header);
        buf_done(&out);
    }
}

static void a_stream_comes_out_the_same_however_it_is_split(void **state)
{
    static const struct bytes stream =
        BYTES("\xc0\0\x32\x08\0\1t\0\7\0hi\xe0\0\x62\2\0\7\xd0\0\x30\3\0\1t");
    static const enum wire_type types[] = {WIRE_PINGREQ, WIRE_PUBLISH,  WIRE_DISCONNECT,
                                           WIRE_PUBREL,  WIRE_PINGRESP, WIRE_PUBLISH};

    (void)state;
    for (size_t step = 1; step <= stream.len; step++) {
        struct bytes input = BYTES_NONE;
        size_t n = 0;
        size_t given = 0;

        input.at = stream.at;
        while (given < stream.len) {
            size_t more = MIN(step, stream.len - given);
            struct wire_frame f;

            input.len += more;
            given += more;
            while (wire_next(input, &f) == WIRE_NEXT_PACKET) {
                assert_true(n < COUNT_OF(types));
                assert_int_equal(f.type, types[n++]);
                input.at += f.len;
                input.len -= f.len;
            }
        }
        assert_int_equal(input.len, 0);
        assert_int_equal(n, COUNT_OF(types));
    }
}

static void an_ill_formed_fixed_header_is_bad_as_soon_as_it_shows(void **state)
{
    static const struct {
        const char *what;
        struct bytes in;
    } bad[] = {
        {"packet type 0", BYTES("\x0f")},
        {"[MQTT5-1.5.5-1] 0 in two bytes", BYTES("\xc0\x80\x00")},
        {"[MQTT5-1.5.5-1] 127 in two bytes", BYTES("\xc0\xff\x00")},
        {"[MQTT5-1.5.5-1] 1 in four bytes", BYTES("\xc0\x81\x80\x80\x00")},
        {"a remaining length of five bytes", BYTES("\xc0\xff\xff\xff\xff\x01")},
        {"its fourth byte says that one more follows", BYTES("\xc0\xff\xff\xff\xff")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct bytes in = exact(bad[i].in);
        struct wire_frame f;

        print_message("  %s\n", bad[i].what);
        assert_int_equal(wire_next(in, &f), WIRE_NEXT_BAD);
        if (in.len > 1)
            assert_int_equal(wire_next(bytes_of(in.at, in.len - 1), &f),
                             i == 4 ? WIRE_NEXT_BAD : WIRE_NEXT_MORE);
        exact_free(in);
    }
}

static void the_longest_packet_is_announced(void **state)
{
    struct wire_frame f;

    (void)state;
    assert_int_equal(wire_next(BYTES("\x30\xff\xff\xff\x7f"), &f), WIRE_NEXT_MORE);
    assert_int_equal(f.len, WIRE_PACKET_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_found_only_when_it_is_whole),
        cmocka_unit_test(a_stream_comes_out_the_same_however_it_is_split),
        cmocka_unit_test(an_ill_formed_fixed_header_is_bad_as_soon_as_it_shows),
        cmocka_unit_test(the_longest_packet_is_announced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
