/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/cli/test_csv.c - values that come from devices, into spreadsheets and back */
#include "unit/unit.h"

#include <stdlib.h>

#include "cli/bom.h"
#include "cli/csv.h"
#include "cli/dot.h"

static const struct csv_column columns[] = {{"name", "name"}, {"n", "n"}, {"at", "at_unix_ms"}};

static char *written(json_t *rows)
{
    struct buf out = {0};
    char *text;

    csv_write(&out, rows, columns, COUNT_OF(columns));
    text = bytes_dup_str(buf_view(&out));
    buf_done(&out);
    json_decref(rows);
    return text;
}

static void rows_are_written_and_read_back(void **state)
{
    static const char *const names[] = {"plain",   "a,b", "say \"x\"", "two\nlines", "=1+1",
                                        "'quoted", "-5",  "@home",     "\xc3\xa4"};
    json_t *rows = json_array();
    json_t *back;
    char *text, *error = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        json_array_append_new(rows, json_pack("{s:s, s:i}", "name", names[i], "n", (int)i));
    text = written(rows);
    assert_non_null(strstr(text, "\"'=1+1\""));
    assert_null(strstr(text, "\n=1"));
    back = csv_read(bytes_str(text), &error);
    assert_non_null(back);
    assert_int_equal(json_array_size(back), COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(back, i), "name")),
                            names[i]);
    json_decref(back);
    free(text);
}

static void dates_and_what_is_missing(void **state)
{
    char *text = written(json_pack("[{s:s, s:I}, {s:b}]", "name", "x", "at_unix_ms",
                                   (json_int_t)1767225600000, "n", 1));

    (void)state;
    assert_string_equal(text, "name,n,at\r\nx,,2026-01-01T00:00:00.000Z\r\n,yes,\r\n");
    free(text);
}

static void what_is_no_csv_is_refused_with_its_line(void **state)
{
    static const char *const wrong[] = {"a,b\n\"x", "a\n\"x\"y\n", "a\n\xff\xfe\n"};
    char *error = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_null(csv_read(bytes_str(wrong[i]), &error));
        assert_non_null(strstr(error, "line 2: "));
        free(error);
        error = NULL;
    }
}

static void spreadsheets_write_marks_and_empty_lines(void **state)
{
    char *error = NULL;
    json_t *rows = csv_read(BYTES("\xef\xbb\xbfname,owner\r\nm-1,\r\n\r\nm-2,Ada"), &error);

    (void)state;
    assert_int_equal(json_array_size(rows), 2);
    assert_null(json_object_get(json_array_get(rows, 0), "owner"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 1), "owner")),
                        "Ada");
    json_decref(rows);
}

static void an_asset_is_a_device_of_cyclonedx_and_comes_back(void **state)
{
    json_t *assets =
        json_pack("[{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}}]", "id", "cert:m-1", "name",
                  "Meter 1", "certificate_cn", "m-1", "zone", "north", "traits", "firmware", "4.2",
                  "library", "paho-c 1.3", "manufacturer", "Acme", "hw_model", "EM-3");
    json_t *bom = bom_write(assets, 1767225600000);
    char *error = NULL;
    json_t *records = bom_read(bom, &error);
    json_t *expected =
        json_pack("[{s:s, s:s, s:s, s:s, s:s, s:s, s:s}]", "name", "Meter 1", "certificate_cn",
                  "m-1", "zone", "north", "firmware", "4.2", "library", "paho-c 1.3",
                  "manufacturer", "Acme", "hw_model", "EM-3");

    (void)state;
    assert_non_null(records);
    assert_true(json_equal(records, expected));
    assert_string_equal(json_string_value(json_object_get(bom, "specVersion")), "1.5");
    json_decref(assets);
    json_decref(bom);
    json_decref(records);
    json_decref(expected);
    bom = json_pack("{s:s}", "bomFormat", "SPDX");
    assert_null(bom_read(bom, &error));
    free(error);
    json_decref(bom);
}

static void names_do_not_get_out_of_their_quotes_in_a_map(void **state)
{
    json_t *flows =
        json_pack("[{s:s, s:s, s:s, s:s, s:s, s:b, s:b}]", "from", "a\"];x", "from_id", "i\"1",
                  "to", "b\\", "to_id", "i2", "topic", "t\n\"", "declared", 0, "live", 1);
    struct buf out = {0};

    (void)state;
    dot_flows(&out, flows);
    buf_add_u8(&out, 0);
    assert_non_null(strstr((char *)out.at, "\"i\\\"1\" [label=\"a\\\"];x\"];"));
    assert_non_null(strstr((char *)out.at, "[label=\"b\\\\\"];"));
    assert_non_null(strstr(
        (char *)out.at,
        "\"i\\\"1\" -> \"i2\" [label=\"t?\\\"\\n\", color=red, fontcolor=red, style=solid];"));
    buf_done(&out);
    json_decref(flows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_written_and_read_back),
        cmocka_unit_test(dates_and_what_is_missing),
        cmocka_unit_test(what_is_no_csv_is_refused_with_its_line),
        cmocka_unit_test(spreadsheets_write_marks_and_empty_lines),
        cmocka_unit_test(an_asset_is_a_device_of_cyclonedx_and_comes_back),
        cmocka_unit_test(names_do_not_get_out_of_their_quotes_in_a_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
