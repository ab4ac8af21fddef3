/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/alert/test_target.c - where incidents are sent to */
#include "unit/unit.h"

#include "alert/private.h"

static void targets_are_taken_apart(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        enum target_kind kind;
        const char *host;
        uint16_t port;
        const char *path;
    } cases[] = {
        {"udp:127.0.0.1:514",              TARGET_UDP,   "127.0.0.1",  514,   ""},
        {"tcp:siem.example:65535",         TARGET_TCP,   "siem.example", 65535, ""},
        {"tcp:[2001:db8::1]:601",          TARGET_TCP,   "2001:db8::1", 601,  ""},
        {"unix:/dev/log",                  TARGET_UNIX,  "",           0,     "/dev/log"},
        {"http://127.0.0.1:8080/in?x=1",   TARGET_HTTP,  "127.0.0.1",  8080,  "/in?x=1"},
        {"http://[::1]/a:b",               TARGET_HTTP,  "::1",        80,    "/a:b"},
        {"https://hooks.example",          TARGET_HTTPS, "hooks.example", 443, "/"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool is_webhook = strncmp(cases[i].text, "http", 4) == 0;
        struct target t;
        const char *why = is_webhook ? target_parse_webhook(cases[i].text, &t)
                                     : target_parse_syslog(cases[i].text, &t);

        if (why != NULL)
            fail_msg("%s: %s", cases[i].text, why);
        assert_int_equal(t.kind, cases[i].kind);
        assert_string_equal(t.host, cases[i].host);
        assert_int_equal(t.port, cases[i].port);
        assert_string_equal(t.path, cases[i].path);
    }
}

static void what_is_no_target_is_refused(void **state)
{
    static const char *const syslogs[] = {
        "",           "localhost:514",  "udp:",         "udp::514",        "udp:host",
        "udp:host:0", "udp:host:65536", "udp:host:5x",  "udp:ho st:514",   "tcp:[::1]",
        "tcp:[::1:5", "tcp:[::1]x:5",   "unix:dev/log", "tcp:host:000514", "tcp:a@b:1",
        "tcp:h:-1",   "tcp:h:514:15",
    };
    static const char *const webhooks[] = {
        "",          "ftp://host/",       "https://",        "https:///path",     "https://host:0/",
        "http://h:", "http://h/a b",      "http://h/a\r\nX", "http://user@host/", "http://h/#part",
        "HTTP://h/", "http://u:p@host/x", "http://h\x7f/",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(syslogs); i++)
        if (alert_syslog_wrong_why(syslogs[i]) == NULL)
            fail_msg("taken: %s", syslogs[i]);
    for (size_t i = 0; i < COUNT_OF(webhooks); i++)
        if (alert_webhook_wrong_why(webhooks[i]) == NULL)
            fail_msg("taken: %s", webhooks[i]);
}

static void only_http_beyond_this_machine_is_open(void **state)
{
    (void)state;
    assert_true(alert_webhook_is_open("http://192.0.2.1/x"));
    assert_true(alert_webhook_is_open("http://localhost.example/x"));
    assert_false(alert_webhook_is_open("http://127.0.0.1:8080/x"));
    assert_false(alert_webhook_is_open("http://[::1]/x"));
    assert_false(alert_webhook_is_open("https://192.0.2.1/x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_taken_apart),
        cmocka_unit_test(what_is_no_target_is_refused),
        cmocka_unit_test(only_http_beyond_this_machine_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
