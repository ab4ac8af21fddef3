/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_ws_opening.c - the request that a WebSocket begins with; RFC 6455 section 4
 */
#include "unit/unit.h"

#include "wire/ws.h"

#define LINE    "GET /mqtt HTTP/1.1\r\n"
#define HOST    "Host: node.example\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define MQTT    "Sec-WebSocket-Protocol: mqtt\r\n"
#define REST    HOST UPGRADE KEY VERSION MQTT
#define END     "\r\n"

static char *some_origins[] = {"https://panel.example", "http://panel.example:8080", "null"};
static const struct ws_rules plain = {.path = "/mqtt"};
static const struct ws_rules listed = {
    .path = "/mqtt", .origins = some_origins, .n_origins = 3, .loopback_origins = true};
static const struct ws_rules loopback = {.path = "/mqtt", .loopback_origins = true};

/* clang-format off */
static const struct good {
    const char *what;
    const struct ws_rules *rules;
    const char *subprotocol;
    struct bytes head;
} goods[] = {
    {"what paho sends", &listed, "mqtt",
     BYTES(LINE "Host: node.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-Websocket-Protocol: mqtt\r\nSec-Websocket-Version: 13\r\nOrigin: https://panel.example\r\n"
           "Sec-Websocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" END)},
    {"what Firefox sends", &plain, "mqtt",
     BYTES(LINE HOST "User-Agent: Mozilla/5.0\r\nAccept: */*\r\nSec-WebSocket-Version: 13\r\n" MQTT
           "Sec-WebSocket-Extensions: permessage-deflate\r\n" KEY "Connection: keep-alive, Upgrade\r\n"
           "Pragma: no-cache\r\nUpgrade: websocket\r\n" END)},
    {"names in any case",             &plain, "mqtt", BYTES(LINE "HOST: n\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n" KEY VERSION MQTT END)},
    {"blanks around values",          &plain, "mqtt", BYTES(LINE "Host:n\r\nUpgrade: \t websocket \r\nConnection:\tUpgrade\t\r\n" KEY VERSION MQTT END)},
    {"a query",                       &plain, "mqtt", BYTES("GET /mqtt?token=x HTTP/1.1\r\n" REST END)},
    {"a whole address",               &plain, "mqtt", BYTES("GET http://node.example/mqtt HTTP/1.1\r\n" REST END)},
    {"a whole address with TLS",      &plain, "mqtt", BYTES("GET HTTPS://node.example:8443/mqtt?x HTTP/1.1\r\n" REST END)},
    {"mqtt among others",             &plain, "mqtt", BYTES(LINE HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n" END)},
    {"mqtt in a second line",         &plain, "mqtt", BYTES(LINE HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: amqp\r\n" MQTT END)},
    {"the name of old",               &plain, "mqttv3.1", BYTES(LINE HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: mqttv3.1\r\n" END)},
    {"a body of no bytes",            &plain, "mqtt", BYTES(LINE REST "Content-Length: 0\r\n" END)},
    {"a listed origin",               &listed, "mqtt", BYTES(LINE REST "Origin: http://panel.example:8080\r\n" END)},
    {"a listed origin in other case", &listed, "mqtt", BYTES(LINE REST "Origin: HTTPS://Panel.example\r\n" END)},
    {"no origin, as it is listed",    &listed, "mqtt", BYTES(LINE REST "Origin: null\r\n" END)},
    {"a page from this machine",      &loopback, "mqtt", BYTES(LINE REST "Origin: http://localhost:3000\r\n" END)},
    {"by its address",                &loopback, "mqtt", BYTES(LINE REST "Origin: https://127.0.0.1\r\n" END)},
    {"by its IPv6 address",           &loopback, "mqtt", BYTES(LINE REST "Origin: http://[::1]:3000\r\n" END)},
};

static const struct refusal {
    const char *what;
    const struct ws_rules *rules;
    enum ws_opening_outcome outcome;
    struct bytes head;
} refusals[] = {
    {"HTTP/1.0",                    &plain, WS_OPENING_E_MALFORMED, BYTES("GET /mqtt HTTP/1.0\r\n" REST END)},
    {"HTTP/2",                      &plain, WS_OPENING_E_MALFORMED, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    {"nothing",                     &plain, WS_OPENING_E_MALFORMED, BYTES("\r\n\r\n")},
    {"no path",                     &plain, WS_OPENING_E_MALFORMED, BYTES("GET  HTTP/1.1\r\n" REST END)},
    {"a word too many",             &plain, WS_OPENING_E_MALFORMED, BYTES("GET /mqtt x HTTP/1.1\r\n" REST END)},
    {"no host",                     &plain, WS_OPENING_E_MALFORMED, BYTES(LINE UPGRADE KEY VERSION MQTT END)},
    {"two hosts",                   &plain, WS_OPENING_E_MALFORMED, BYTES(LINE HOST REST END)},
    {"two keys",                    &plain, WS_OPENING_E_MALFORMED, BYTES(LINE KEY REST END)},
    {"two versions",                &plain, WS_OPENING_E_MALFORMED, BYTES(LINE VERSION REST END)},
    {"two origins",                 &listed, WS_OPENING_E_MALFORMED, BYTES(LINE REST "Origin: null\r\nOrigin: null\r\n" END)},
    {"a folded line",               &plain, WS_OPENING_E_MALFORMED, BYTES(LINE REST "A: b\r\n c\r\n" END)},
    {"a blank before the colon",    &plain, WS_OPENING_E_MALFORMED, BYTES(LINE REST "A : b\r\n" END)},
    {"no colon",                    &plain, WS_OPENING_E_MALFORMED, BYTES(LINE REST "what\r\n" END)},
    {"no name",                     &plain, WS_OPENING_E_MALFORMED, BYTES(LINE REST ": b\r\n" END)},
    {"LF alone",                    &plain, WS_OPENING_E_MALFORMED, BYTES(LINE REST "A: b\nC: d\r\n" END)},
    {"CR alone",                    &plain, WS_OPENING_E_MALFORMED, BYTES(LINE REST "A: b\rC: d\r\n" END)},
    {"a zero",                      &plain, WS_OPENING_E_MALFORMED, BYTES(LINE REST "A: b\0\r\n" END)},
    {"a zero in a name",            &plain, WS_OPENING_E_MALFORMED, BYTES(LINE REST "A\0: b\r\n" END)},
    {"a body",                      &plain, WS_OPENING_E_BODY, BYTES(LINE REST "Content-Length: 1\r\n" END)},
    {"a body in chunks",            &plain, WS_OPENING_E_BODY, BYTES(LINE REST "Transfer-Encoding: chunked\r\n" END)},
    {"another method",              &plain, WS_OPENING_E_METHOD, BYTES("POST /mqtt HTTP/1.1\r\n" REST "Content-Length: 9\r\n" END)},
    {"a method in lower case",      &plain, WS_OPENING_E_METHOD, BYTES("get /mqtt HTTP/1.1\r\n" REST END)},
    {"another path",                &plain, WS_OPENING_E_PATH, BYTES("GET / HTTP/1.1\r\n" REST END)},
    {"a longer path",               &plain, WS_OPENING_E_PATH, BYTES("GET /mqtt/ HTTP/1.1\r\n" REST END)},
    {"a path in other case",        &plain, WS_OPENING_E_PATH, BYTES("GET /MQTT HTTP/1.1\r\n" REST END)},
    {"a whole address without path", &plain, WS_OPENING_E_PATH, BYTES("GET http://node.example HTTP/1.1\r\n" REST END)},
    {"a page that is just fetched", &plain, WS_OPENING_E_UPGRADE, BYTES(LINE HOST END)},
    {"an upgrade to something else", &plain, WS_OPENING_E_UPGRADE, BYTES(LINE HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY VERSION MQTT END)},
    {"no Connection: Upgrade",      &plain, WS_OPENING_E_UPGRADE, BYTES(LINE HOST "Upgrade: websocket\r\nConnection: close\r\n" KEY VERSION MQTT END)},
    {"no version",                  &plain, WS_OPENING_E_VERSION, BYTES(LINE HOST UPGRADE KEY MQTT END)},
    {"an old version",              &plain, WS_OPENING_E_VERSION, BYTES(LINE HOST UPGRADE KEY "Sec-WebSocket-Version: 8\r\n" MQTT END)},
    {"no key",                      &plain, WS_OPENING_E_KEY, BYTES(LINE HOST UPGRADE VERSION MQTT END)},
    {"a short key",                 &plain, WS_OPENING_E_KEY, BYTES(LINE HOST UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n" VERSION MQTT END)},
    {"a key that is not base64",    &plain, WS_OPENING_E_KEY, BYTES(LINE HOST UPGRADE "Sec-WebSocket-Key: dGhl_HNhbXBsZSBub25jZQ==\r\n" VERSION MQTT END)},
    {"a key of 17 bytes",           &plain, WS_OPENING_E_KEY, BYTES(LINE HOST UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE=\r\n" VERSION MQTT END)},
    {"a key with bits too many",    &plain, WS_OPENING_E_KEY, BYTES(LINE HOST UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZZ==\r\n" VERSION MQTT END)},
    {"[MQTT5-6.0.0-3] no subprotocol", &plain, WS_OPENING_E_SUBPROTOCOL, BYTES(LINE HOST UPGRADE KEY VERSION END)},
    {"a subprotocol in other letters", &plain, WS_OPENING_E_SUBPROTOCOL, BYTES(LINE HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: MQTT\r\n" END)},
    {"[MQTT3-6.0.0-3] another subprotocol", &plain, WS_OPENING_E_SUBPROTOCOL, BYTES(LINE HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: amqp, mqttx\r\n" END)},
    {"a page from anywhere",        &plain, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin: https://evil.example\r\n" END)},
    {"a page from nowhere",         &plain, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin: null\r\n" END)},
    {"an empty origin",             &loopback, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin:\r\n" END)},
    {"a page from loopback",        &plain, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin: http://localhost\r\n" END)},
    {"loopback, when others are listed", &listed, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin: http://localhost\r\n" END)},
    {"a name that begins like loopback", &loopback, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin: http://localhost.evil.example\r\n" END)},
    {"a name that ends like loopback", &loopback, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin: http://evil.example://localhost\r\n" END)},
    {"a user before the host",      &loopback, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin: http://localhost@evil.example\r\n" END)},
    {"a listed origin, and more",   &listed, WS_OPENING_E_ORIGIN, BYTES(LINE REST "Origin: https://panel.example.evil.example\r\n" END)},
};
/* clang-format on */

static void a_good_request_is_granted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(goods); i++) {
        const struct good *t = &goods[i];
        struct ws_opening o = {0};
        struct buf in = {0};

        print_message("  %s\n", t->what);
        buf_add(&in, t->head);
        buf_add(&in, BYTES("\x82\x80"));
        assert_int_equal(ws_opening_read(buf_view(&in), t->rules, &o), WS_OPENING_OK);
        assert_int_equal(o.len, t->head.len);
        assert_bytes_equal(o.key, BYTES("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_string_equal(o.subprotocol, t->subprotocol);
        buf_done(&in);
    }
}

static void what_cannot_become_a_request_is_not_waited_for(void **state)
{
    static const struct bytes begun[] = {
        BYTES("\x10"),                             /* MQTT */
        BYTES("\x16\x03\x01"),                     /* TLS */
        BYTES("PROXY TCP4 192.0.2.1 ::1 1 2\r\n"), /* and its CRLF */
        BYTES("GET /mqtt HTTP/1.1\n"),
        BYTES("\r"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(begun); i++) {
        struct bytes in = bytes_dup(begun[i]);
        struct ws_opening o;

        assert_int_equal(ws_opening_read(in, &plain, &o), WS_OPENING_E_MALFORMED);
        bytes_free(in);
    }
}

static void less_than_a_head_is_waited_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(goods); i++) {
        for (size_t n = 0; n < goods[i].head.len; n++) {
            struct bytes part = bytes_dup(bytes_of(goods[i].head.at, n));
            struct ws_opening o;

            assert_int_equal(ws_opening_read(part, goods[i].rules, &o), WS_OPENING_MORE);
            bytes_free(part);
        }
    }
}

static void a_request_that_asks_for_something_else_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal *t = &refusals[i];
        struct bytes exact = bytes_dup(t->head);
        struct ws_opening o = {.len = 0xbeef};

        print_message("  %s\n", t->what);
        assert_int_equal(ws_opening_read(exact, t->rules, &o), t->outcome);
        assert_int_equal(o.len, 0xbeef);
        bytes_free(exact);
    }
}

static void a_head_may_have_8_kib_and_no_more(void **state)
{
    struct ws_opening o;
    struct buf in = {0};

    (void)state;
    buf_add(&in, BYTES(LINE REST "X: "));
    while (in.len < WS_REQUEST_BYTES_MAX - 4)
        buf_add_u8(&in, 'x');
    assert_int_equal(ws_opening_read(buf_view(&in), &plain, &o), WS_OPENING_MORE);
    buf_add(&in, BYTES("\r\n\r\n"));
    assert_int_equal(ws_opening_read(buf_view(&in), &plain, &o), WS_OPENING_OK);
    assert_int_equal(o.len, WS_REQUEST_BYTES_MAX);
    in.len -= 4;
    buf_add(&in, BYTES("x\r\n\r\n"));
    assert_int_equal(ws_opening_read(buf_view(&in), &plain, &o), WS_OPENING_E_TOO_LARGE);
    buf_done(&in);
}

static void answers_are_http(void **state)
{
    /* RFC 6455 section 1.3 has this key and its answer. */
    static const char accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    const struct ws_opening o = {.subprotocol = "mqtt"}; /* [MQTT5-6.0.0-4] [MQTT3-6.0.0-4] */
    struct buf out = {0};

    (void)state;
    ws_opening_grant(&out, &o, accept);
    assert_bytes_equal(buf_view(&out),
                       BYTES("HTTP/1.1 101 Switching Protocols\r\n"
                             "Upgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                             "Sec-WebSocket-Protocol: mqtt\r\n\r\n"));
    out.len = 0;
    ws_opening_refuse(&out, WS_OPENING_E_METHOD);
    assert_bytes_equal(buf_view(&out), BYTES("HTTP/1.1 405 Method Not Allowed\r\n"
                                             "Allow: GET\r\n"
                                             "Connection: close\r\n"
                                             "Content-Type: text/plain; charset=utf-8\r\n"
                                             "Content-Length: 23\r\n\r\n"
                                             "only GET is known here\n"));
    out.len = 0;
    ws_opening_refuse(&out, WS_OPENING_E_VERSION);
    assert_bytes_equal(buf_view(&out), BYTES("HTTP/1.1 426 Upgrade Required\r\n"
                                             "Upgrade: websocket\r\n"
                                             "Connection: Upgrade, close\r\n"
                                             "Sec-WebSocket-Version: 13\r\n"
                                             "Content-Type: text/plain; charset=utf-8\r\n"
                                             "Content-Length: 44\r\n\r\n"
                                             "only version 13 of WebSocket is spoken here\n"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_request_is_granted),
        cmocka_unit_test(what_cannot_become_a_request_is_not_waited_for),
        cmocka_unit_test(less_than_a_head_is_waited_for),
        cmocka_unit_test(a_request_that_asks_for_something_else_is_refused),
        cmocka_unit_test(a_head_may_have_8_kib_and_no_more),
        cmocka_unit_test(answers_are_http),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
