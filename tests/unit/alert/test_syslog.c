/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/alert/test_syslog.c - an incident as RFC 5424 wants it */
#include "unit/unit.h"

#include <stdlib.h>

#include "alert/private.h"
#include "base/mem.h"

#define BOM "\xef\xbb\xbf"

static char *format(json_t *record)
{
    struct buf out = {0};
    char *text;

    syslog_format(&out, record, "node 1", 42);
    text = bytes_dup_str(buf_view(&out));
    buf_done(&out);
    json_decref(record);
    return text;
}

static void a_record_is_header_structured_data_and_sentence(void **state)
{
    char *text = format(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:n, s:f, s:i, s:[s, s], s:s}",
                                  "time", "2026-11-25T11:00:00.000Z", "id", "I-20261125-0001",
                                  "kind", "topic-scan-publish", "severity", "high", "state", "open",
                                  "subject", "client:m\"1]\\", "ip", "count", 12.5, "window_s", 600,
                                  "attck", "T0846", "T0861", "text", "client m-1: 12 topics"));

    (void)state;
    assert_string_equal(
        text, "<107>1 2026-11-25T11:00:00.000Z node?1 bastide 42 topic-scan-publish "
              "[incident@32473 id=\"I-20261125-0001\" kind=\"topic-scan-publish\" "
              "severity=\"high\" state=\"open\" subject=\"client:m\\\"1\\]\\\\\" count=\"12.5\" "
              "window_s=\"600\" attck=\"T0846,T0861\"] " BOM "client m-1: 12 topics");
    free(text);
}

static void severities_are_those_of_syslog(void **state)
{
    static const struct {
        const char *severity;
        const char *begins;
    } cases[] = {
        {"critical", "<106>1 "}, {"high", "<107>1 "}, {"medium", "<108>1 "},
        {"low", "<109>1 "},      {"info", "<110>1 "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *text = format(json_pack("{s:s}", "severity", cases[i].severity));

        assert_int_equal(strncmp(text, cases[i].begins, strlen(cases[i].begins)), 0);
        free(text);
    }
}

/* What a client wrote neither ends the line nor is cut within a character. */
static void texts_of_clients_do_no_harm(void **state)
{
    char subject[301];
    char *text;

    (void)state;
    for (size_t i = 0; i < 300; i += 3)
        memcpy(subject + i, "\xe2\x82\xac", 3);
    subject[300] = '\0';
    text = format(
        json_pack("{s:s, s:s, s:s}", "subject", subject, "kind", "a b\n", "text", "line\none\t"));
    assert_null(strchr(text, '\n'));
    assert_non_null(strstr(text, " 42 a?b? ["));
    assert_non_null(strstr(text, "\xe2\x82\xac\"] " BOM "line\\x0aone\\x09"));
    assert_int_equal(strcspn(strstr(text, "subject=\"") + 9, "\""), 255);
    free(text);
}

/* Or a client with a long id could keep this incident, and those behind it, from the receiver. */
static void a_message_fits_into_a_datagram(void **state)
{
    char *id = mem_alloc(65536);
    char *text;

    (void)state;
    memset(id, 'i', 65535);
    id[65535] = '\0';
    text = format(json_pack("{s:s, s:s, s:s}", "subject", id, "client_id", id, "text", id));
    assert_true(strlen(text) < 4096);
    free(text);
    free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_header_structured_data_and_sentence),
        cmocka_unit_test(severities_are_those_of_syslog),
        cmocka_unit_test(texts_of_clients_do_no_harm),
        cmocka_unit_test(a_message_fits_into_a_datagram),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
