/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_proxy.c - PROXY headers of both versions; doc/proxy-protocol.txt of haproxy
 */
#include "unit/unit.h"

#include "wire/proxy.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define V4_BODY                                                                                    \
    "\300\0\2\7\306\063\144\1\303\120\042\263"        /* 192.0.2.7:50000, 198.51.100.1:8883        \
                                                       */
#define V6_SOURCE " \1\r\270\0\0\0\0\0\0\0\0\0\0\0\7" /* 2001:db8::7 */
#define V6_MAPPED "\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\7"
#define V6_ONE    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define TLV       "\1\0\4mqtt"
#define SUM       "\3\0\4" /* of a CRC-32C, made by another implementation */
#define TLS_TLV   "\40\0\17\1\0\0\0\0\41\0\7TLSv1.3"

/* clang-format off */
static const struct good {
    const char *what;
    struct bytes header;
    const char *address; /* NULL: the connection's own */
    uint16_t port;
} goods[] = {
    {"TCP4", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 50000 8883\r\n"), "192.0.2.7", 50000},
    {"TCP4 at its longest", BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255", 65535},
    {"TCP6", BYTES("PROXY TCP6 2001:db8::7 ::1 50000 8883\r\n"), "2001:db8::7", 50000},
    {"TCP6 at its longest",
     BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535},
    {"IPv4 as IPv6", BYTES("PROXY TCP6 ::ffff:192.0.2.7 ::1 50000 8883\r\n"), "192.0.2.7", 50000},
    {"port 0", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n"), "192.0.2.7", 0},
    {"UNKNOWN", BYTES("PROXY UNKNOWN\r\n"), NULL, 0},
    {"UNKNOWN with more", BYTES("PROXY UNKNOWN ffff::1 what ever  99999\r\n"), NULL, 0},
    {"v2 TCP4", BYTES(V2 "\x21\x11\0\x0c" V4_BODY), "192.0.2.7", 50000},
    {"v2 TCP4 with TLVs", BYTES(V2 "\x21\x11\0\x1a" V4_BODY TLV TLV), "192.0.2.7", 50000},
    {"v2 TCP4 with an empty TLV", BYTES(V2 "\x21\x11\0\x0f" V4_BODY "\4\0\0"), "192.0.2.7", 50000},
    {"v2 TCP6", BYTES(V2 "\x21\x21\0\x24" V6_SOURCE V6_ONE "\303\120\042\263"), "2001:db8::7", 50000},
    {"v2 IPv4 as IPv6", BYTES(V2 "\x21\x21\0\x24" V6_MAPPED V6_ONE "\303\120\042\263"), "192.0.2.7", 50000},
    {"v2 TCP4 with what the proxy knows of TLS", BYTES(V2 "\x21\x11\0\x1e" V4_BODY TLS_TLV), "192.0.2.7", 50000},
    {"v2 TCP4 with a checksum", BYTES(V2 "\x21\x11\0\x13" V4_BODY SUM "\155\025\225\112"), "192.0.2.7", 50000},
    {"v2 TCP4 with a checksum among other TLVs",
     BYTES(V2 "\x21\x11\0\x1d" V4_BODY TLV SUM "\141\125\065\266" "\4\0\0"), "192.0.2.7", 50000},
    {"v2 TCP6 with a checksum",
     BYTES(V2 "\x21\x21\0\x2b" V6_SOURCE V6_ONE "\303\120\042\263" SUM "\145\256\021\065"), "2001:db8::7", 50000},
    {"v2 LOCAL, a checksum that is to be ignored", BYTES(V2 "\x20\0\0\7" SUM "abcd"), NULL, 0},
    {"v2 LOCAL", BYTES(V2 "\x20\0\0\0"), NULL, 0},
    {"v2 LOCAL with what is to be ignored", BYTES(V2 "\x20\x11\0\3abc"), NULL, 0},
    {"v2 LOCAL of a family that is not known", BYTES(V2 "\x20\xff\0\0"), NULL, 0},
    {"v2 unspecified", BYTES(V2 "\x21\0\0\3abc"), NULL, 0},
};

static const struct refusal {
    const char *what;
    enum proxy_outcome outcome;
    struct bytes header;
} refusals[] = {
    {"a CONNECT",                 PROXY_E_NONE,    BYTES("\x10\x0e\0\4MQTT\5")},
    {"a ClientHello",             PROXY_E_NONE,    BYTES("\x16\3\1\2\0\1")},
    {"lower case",                PROXY_E_NONE,    BYTES("proxy TCP4")},
    {"no blank",                  PROXY_E_NONE,    BYTES("PROXYTCP4")},
    {"half of v2",                PROXY_E_NONE,    BYTES("\r\n\r\n\0\r\nQUIX")},
    {"no family",                 PROXY_E_FAMILY,  BYTES("PROXY \r\n")},
    {"another family",            PROXY_E_FAMILY,  BYTES("PROXY UDP4 192.0.2.7 192.0.2.8 1 2\r\n")},
    {"IPv6 in TCP4",              PROXY_E_ADDRESS, BYTES("PROXY TCP4 ::1 ::1 1 2\r\n")},
    {"IPv4 in TCP6",              PROXY_E_ADDRESS, BYTES("PROXY TCP6 192.0.2.7 192.0.2.8 1 2\r\n")},
    {"no address",                PROXY_E_ADDRESS, BYTES("PROXY TCP4\r\n")},
    {"three numbers",             PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2 192.0.2.8 1 2\r\n")},
    {"octal numbers",             PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.000.002.007 192.0.2.8 1 2\r\n")},
    {"a zero in an address",      PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7\0 192.0.2.8 1 2\r\n")},
    {"an address that is a name", PROXY_E_ADDRESS, BYTES("PROXY TCP4 localhost 192.0.2.8 1 2\r\n")},
    {"two blanks",                PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7  192.0.2.8 1 2\r\n")},
    {"a port too large",          PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7 192.0.2.8 65536 2\r\n")},
    {"a port with a zero",        PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7 192.0.2.8 01 2\r\n")},
    {"a port with a sign",        PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7 192.0.2.8 +1 2\r\n")},
    {"six digits",                PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7 192.0.2.8 1 100000\r\n")},
    {"no second port",            PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n")},
    {"a blank at the end",        PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7 192.0.2.8 1 2 \r\n")},
    {"a word too many",           PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n")},
    {"CR without LF",             PROXY_E_ADDRESS, BYTES("PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\r")},
    {"a line without end",        PROXY_E_LENGTH,
     BYTES("PROXY UNKNOWN 3456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789")},
    {"v2 of version 1",           PROXY_E_VERSION, BYTES(V2 "\x11\x11")},
    {"v2 of version 3",           PROXY_E_VERSION, BYTES(V2 "\x31\x11")},
    {"v2, another command",       PROXY_E_VERSION, BYTES(V2 "\x22\x11")},
    {"v2 of datagrams",           PROXY_E_FAMILY,  BYTES(V2 "\x21\x12")},
    {"v2 of another family",      PROXY_E_FAMILY,  BYTES(V2 "\x21\x41")},
    {"v2 TCP4 too short",         PROXY_E_LENGTH,  BYTES(V2 "\x21\x11\0\x0b" "\300\0\2\7\306\063\144\1\303\120\042")},
    {"v2 TCP6 too short",         PROXY_E_LENGTH,  BYTES(V2 "\x21\x21\0\x0c" V4_BODY)},
    {"v2 unix too short",         PROXY_E_LENGTH,  BYTES(V2 "\x21\x31\0\x0c" V4_BODY)},
    {"v2, half a TLV",            PROXY_E_LENGTH,  BYTES(V2 "\x21\x11\0\x0e" V4_BODY "\1\0")},
    {"v2, a TLV past the end",    PROXY_E_LENGTH,  BYTES(V2 "\x21\x11\0\x12" V4_BODY "\1\0\4mqt")},
    {"v2, a wrong checksum",      PROXY_E_CHECKSUM,
     BYTES(V2 "\x21\x11\0\x13" V4_BODY SUM "\155\025\225\113")},
    {"v2, a checksum of another header", PROXY_E_CHECKSUM,
     BYTES(V2 "\x21\x11\0\x13" "\300\0\2\10\306\063\144\1\303\120\042\263" SUM "\155\025\225\112")},
    {"v2, a checksum of zeros",   PROXY_E_CHECKSUM, BYTES(V2 "\x21\x11\0\x13" V4_BODY SUM "\0\0\0\0")},
    {"v2, a checksum of the other byte order", PROXY_E_CHECKSUM,
     BYTES(V2 "\x21\x11\0\x13" V4_BODY SUM "\112\225\025\155")},
    {"v2, a checksum too short",  PROXY_E_LENGTH,  BYTES(V2 "\x21\x11\0\x12" V4_BODY "\3\0\3\155\025\225")},
    {"v2, a checksum too long",   PROXY_E_LENGTH,
     BYTES(V2 "\x21\x11\0\x14" V4_BODY "\3\0\5\155\025\225\112\0")},
    {"v2 larger than is read",    PROXY_E_LENGTH,  BYTES(V2 "\x21\x11\x0f\xf1")},
};
/* clang-format on */

static void a_header_says_who_the_client_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(goods); i++) {
        const struct good *t = &goods[i];
        struct proxy_header h = {0};
        struct buf more = {0};

        print_message("  %s\n", t->what);
        buf_add(&more, t->header);
        buf_add(&more, BYTES("\x10\x0e"));
        assert_int_equal(proxy_header_read(buf_view(&more), &h), PROXY_OK);
        assert_int_equal(h.len, t->header.len);
        assert_int_equal(h.has_client, t->address != NULL);
        assert_string_equal(h.address, t->address != NULL ? t->address : "");
        assert_int_equal(h.port, t->port);
        buf_done(&more);
    }
}

static void less_than_a_header_is_waited_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(goods); i++) {
        for (size_t n = 0; n < goods[i].header.len; n++) {
            struct bytes part = bytes_dup(bytes_of(goods[i].header.at, n));
            struct proxy_header h = {.len = 0xbeef};

            assert_int_equal(proxy_header_read(part, &h), PROXY_MORE);
            assert_int_equal(h.len, 0xbeef);
            bytes_free(part);
        }
    }
}

static void a_header_of_a_unix_client_is_the_proxys_own(void **state)
{
    struct buf in = {0};
    struct proxy_header h;

    (void)state;
    buf_add(&in, BYTES(V2 "\x21\x31\0\xdf"));
    for (unsigned i = 0; i < 216; i++)
        buf_add_u8(&in, 'x');
    buf_add(&in, BYTES(SUM "\024\326\235\025"));
    assert_int_equal(proxy_header_read(buf_view(&in), &h), PROXY_OK);
    assert_int_equal(h.len, in.len);
    assert_false(h.has_client);
    buf_done(&in);
}

static void a_header_may_be_as_large_as_is_said(void **state)
{
    struct buf in = {0};
    struct proxy_header h;

    (void)state;
    buf_add(&in, BYTES(V2 "\x21\x11\x0f\xf0" V4_BODY "\5\x0f\xe1"));
    while (in.len < PROXY_HEADER_BYTES_MAX)
        buf_add_u8(&in, 'x');
    assert_int_equal(proxy_header_read(buf_view(&in), &h), PROXY_OK);
    assert_int_equal(h.len, PROXY_HEADER_BYTES_MAX);
    buf_done(&in);
}

static void what_is_no_header_is_named_and_nothing_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal *t = &refusals[i];
        struct bytes exact = bytes_dup(t->header);
        struct proxy_header h = {.len = 0xbeef};

        print_message("  %s\n", t->what);
        assert_int_equal(proxy_header_read(exact, &h), t->outcome);
        assert_int_equal(h.len, 0xbeef);
        assert_true(strlen(proxy_outcome_text(t->outcome)) > 0);
        bytes_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_says_who_the_client_is),
        cmocka_unit_test(less_than_a_header_is_waited_for),
        cmocka_unit_test(a_header_of_a_unix_client_is_the_proxys_own),
        cmocka_unit_test(a_header_may_be_as_large_as_is_said),
        cmocka_unit_test(what_is_no_header_is_named_and_nothing_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
