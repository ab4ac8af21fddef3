/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/shown.h"

/* clang-format off */
static const struct {
    struct bytes text;
    const char *shown;
} texts[] = {
    {BYTES("meter-17"),             "meter-17"},
    {BYTES("Zähler"),               "Zähler"},
    {BYTES("水位"),                 "水位"},
    {BYTES("a\x1b[2Jb"),            "a\\x1b[2Jb"},
    {BYTES("line\nend\r\t"),        "line\\x0aend\\x0d\\x09"},
    {BYTES("zero\0in"),             "zero\\x00in"},
    {BYTES("del\x7f"),              "del\\x7f"},
    {BYTES("c1 \xc2\x9b" "31m"),    "c1 \\x9b31m"},
    {BYTES("\xe2\x80\xae" "abc"),   "\\u202eabc"},
    {BYTES("\xe2\x81\xa6" "abc"),   "\\u2066abc"},
    {BYTES("ill \xff\xfe"),         "ill \\xff\\xfe"},
    {BYTES("cut \xe2\x80"),         "cut \\xe2\\x80"},
    {BYTES("overlong \xc0\x80"),    "overlong \\xc0\\x80"},
    {BYTES("soft \xc2\xad"),        "soft \\xad"},
    {BYTES("unseen \xe2\x80\x8b"),  "unseen \\u200b"},
    {BYTES("site\\meter"),          "site\\meter"},
    {BYTES("site\\xmas"),           "site\\xmas"},
    {BYTES("site\\xbad"),           "site\\xbad"},
    {BYTES("made up \\x1b"),        "made up \\x5cx1b"},
    {BYTES("made up \\u202e"),      "made up \\x5cu202e"},
    {BYTES("made up \\x5c"),        "made up \\x5cx5c"},
    {BYTES(""),                     ""},
};
/* clang-format on */

static void a_text_of_a_stranger_cannot_steer_the_terminal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct buf b = {0};

        shown_add(&b, texts[i].text);
        buf_add_u8(&b, 0);
        assert_string_equal((const char *)b.at, texts[i].shown);
        buf_done(&b);
    }
}

static void the_first_treacherous_character_is_found_and_no_other(void **state)
{
    static const struct {
        struct bytes text;
        size_t at;
        uint32_t code;
    } one[] = {
        {BYTES("P. Keeper"), 0, 0},
        {BYTES("Zähler \\x1b"), 0, 0},
        {BYTES("Zä\x1b[31m\n"), 3, 0x1b},
        {BYTES("\n"), 1, '\n'},
        {BYTES("a\xe2\x80\xae"), 2, 0x202e},
        {BYTES("ill \xff\xfe"), 0, 0},
        {BYTES(""), 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
        uint32_t code = 0;

        assert_int_equal(shown_treacherous(one[i].text, &code), one[i].at);
        assert_int_equal(code, one[i].code);
    }
}

static void what_is_shown_is_one_text_and_can_be_given_back(void **state)
{
    static const char *const names[] = {
        "meter-17",
        "Zähler",
        "a\x1b[2Jb",
        "line\nend",
        "\xc2\x9b"
        "31m",
        "\xe2\x80\xae"
        "abc",
        "made up \\x1b",
        "\\",
        "\\x5c",
        "\\x5cx1b",
        "\\u202",
        "site\\user",
        "\\x00",
        "",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf b = {0};

        shown_add(&b, bytes_str(names[i]));
        buf_add_u8(&b, 0);
        shown_undo((char *)b.at);
        assert_string_equal((const char *)b.at, names[i]);
        buf_done(&b);
    }
}

/* What log_line() writes of @text, in @ret. */
static void logged(const char *text, char *ret, size_t size)
{
    int kept = dup(STDERR_FILENO);
    int ends[2];
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_error("test", "%s", text);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(ends[1]);
    n = read(ends[0], ret, size - 1);
    assert_true(n > 0);
    ret[n] = '\0';
    close(ends[0]);
    close(kept);
}

static void a_line_of_the_log_steers_no_terminal_either(void **state)
{
    char line[6 * LOG_LINE_MAX];
    char longest[2 * LOG_LINE_MAX];

    (void)state;
    logged("id \xc2\x9b"
           "31m \xe2\x80\xae"
           "abc\n",
           line, sizeof(line));
    assert_non_null(strstr(line, "error test: id \\x9b31m \\u202eabc\\x0a\n"));
    memset(longest, 1, sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    logged(longest, line, sizeof(line));
    assert_string_equal(line + strlen(line) - 8, "\\x01...\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_of_a_stranger_cannot_steer_the_terminal),
        cmocka_unit_test(the_first_treacherous_character_is_found_and_no_other),
        cmocka_unit_test(what_is_shown_is_one_text_and_can_be_given_back),
        cmocka_unit_test(a_line_of_the_log_steers_no_terminal_either),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
