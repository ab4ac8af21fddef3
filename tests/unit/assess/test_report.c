/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/test_report.c - text, page, JSON and comparison */
#include "world.h"

#include <ctype.h>

#include "assess/html.h"

#define HOSTILE "<script>alert('1')</script> & \"x\" \x01\x1b[31m"

/* ---- a strict reader of the page: every tag closed, every attribute quoted, every text escaped
 * ---- */

struct page {
    const char *at;
    char open[64][16]; /* tags that are open */
    unsigned depth;
    unsigned n_tags;
};

static void name_of(struct page *p, char ret[16])
{
    size_t n = 0;

    while (isalnum((unsigned char)*p->at) && n < 15)
        ret[n++] = *p->at++;
    ret[n] = '\0';
    if (n == 0)
        fail_msg("no tag name at: %.40s", p->at);
}

static void entity(struct page *p)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strncmp(p->at, known[i], strlen(known[i])) == 0) {
            p->at += strlen(known[i]);
            return;
        }
    fail_msg("not escaped: %.40s", p->at);
}

static void attributes(struct page *p)
{
    while (*p->at == ' ') {
        p->at++;
        while (isalpha((unsigned char)*p->at) || *p->at == '-' || isdigit((unsigned char)*p->at))
            p->at++;
        if (strncmp(p->at, "=\"", 2) != 0)
            fail_msg("an attribute without value at: %.40s", p->at);
        p->at += 2;
        while (*p->at != '"' && *p->at != '\0') {
            if (*p->at == '<')
                fail_msg("not escaped: %.40s", p->at);
            if (*p->at == '&')
                entity(p);
            else
                p->at++;
        }
        p->at++;
    }
}

static void tag(struct page *p)
{
    char name[16];

    p->n_tags++;
    p->at++;
    if (*p->at == '/') {
        p->at++;
        name_of(p, name);
        assert_true(p->depth > 0);
        if (strcmp(p->open[p->depth - 1], name) != 0)
            fail_msg("</%s> closes <%s> at: %.60s", name, p->open[p->depth - 1], p->at);
        p->depth--;
    } else {
        name_of(p, name);
        attributes(p);
        if (*p->at == '/') {
            p->at++;
        } else {
            assert_true(p->depth < COUNT_OF(p->open));
            memcpy(p->open[p->depth++], name, sizeof(name));
        }
    }
    if (*p->at != '>')
        fail_msg("'>' is expected at: %.40s", p->at);
    p->at++;
    if (strcmp(name, "style") == 0 && p->depth > 0 && strcmp(p->open[p->depth - 1], "style") == 0)
        p->at = strstr(p->at, "</style>");
}

static unsigned parse_page(const char *text)
{
    struct page p = {.at = text};

    assert_int_equal(strncmp(p.at, "<!DOCTYPE html>", 15), 0);
    p.at += 15;
    while (*p.at != '\0') {
        unsigned char c = (unsigned char)*p.at;

        if (c == '<')
            tag(&p);
        else if (c == '&')
            entity(&p);
        else if (c == '>')
            fail_msg("not escaped: %.40s", p.at);
        else if (c < 0x20 && c != '\n' && c != '\t')
            fail_msg("a control character in the page");
        else
            p.at++;
    }
    assert_int_equal(p.depth, 0);
    return p.n_tags;
}

static size_t count_in(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        n++;
    return n;
}

static void the_page_is_well_formed_and_needs_nothing_else(void **state)
{
    static const char *const outside[] = {"http://", "https://", "<script", "<link",  "<img",
                                          "url(",    "@import",  "src=",    "onload", "onclick"};

    (void)state;
    for (unsigned tier = 1; tier <= ASSESS_TIER_MAX; tier++) {
        struct world w = world_new(MAX(tier, 2));
        CLEANUP(buf_done) struct buf page = {0};

        if (tier == 1) { /* nothing known */
            assess_evidence_free(w.evidence);
            w.evidence = assess_evidence_new();
        }
        assess_html(&page, world_run(&w));
        buf_add_u8(&page, 0);
        assert_true(parse_page((char *)page.at) > 1000);
        for (size_t i = 0; i < COUNT_OF(outside); i++)
            assert_null(strstr((char *)page.at, outside[i]));
        assert_int_equal(count_in((char *)page.at, "class=\"item\""), 66);
        assert_int_equal(count_in((char *)page.at, "class=\"radar\""), 1);
        assert_non_null(strstr((char *)page.at, "prefers-color-scheme:dark"));
        assert_non_null(strstr((char *)page.at, "@media print"));
        world_done(&w);
    }
}

static void no_risk_is_counted_against_a_tolerance_that_is_not_declared(void **state)
{
    struct world w = world_new(4);
    CLEANUP(buf_done) struct buf page = {0};

    (void)state;
    world_scope(&w, "scope: s\nzones:\n  - {name: n, exposure: internet, impact: {supply: 90}}\n");
    assess_html(&page, world_run(&w));
    buf_add_u8(&page, 0);
    assert_non_null(strstr((char *)page.at, "<b>–</b><span>risks over tolerance: the scope"));
    world_done(&w);
}

static void what_comes_from_outside_is_shown_and_not_run(void **state)
{
    struct world w = world_new(4);
    struct assess_input in;
    CLEANUP(buf_done) struct buf page = {0};
    CLEANUP(buf_done) struct buf text = {0};

    (void)state;
    world_forget(&w, "MQ.ID.AM-01.t1");
    assess_evidence_add(w.evidence, &(struct evidence){.test = "MQ.ID.AM-01.t1",
                                                       .value = 0.5,
                                                       .samples = 100,
                                                       .at_unix_ms = NOW,
                                                       .detail = HOSTILE});
    in = world_input(&w);
    in.node_name = HOSTILE;
    w.result = assess_run(&in);
    assess_html(&page, w.result);
    buf_add_u8(&page, 0);
    (void)parse_page((char *)page.at);
    assert_null(strstr((char *)page.at, "<script"));
    assert_null(strchr((char *)page.at, '\x1b'));
    assert_non_null(strstr((char *)page.at, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; "
                                            "&quot;x&quot; \xef\xbf\xbd\xef\xbf\xbd[31m"));
    assess_print_text(&text, w.result, 100, false);
    buf_add_u8(&text, 0);
    assert_null(strchr((char *)text.at, '\x1b'));
    assert_null(strchr((char *)text.at, '\x01'));
    world_done(&w);
}

static unsigned width_of(const char *line, size_t len)
{
    unsigned n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)line[i] & 0xc0) != 0x80;
    return n;
}

static void assert_fits(const char *text, unsigned columns)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        if (width_of(text, len) > columns)
            fail_msg("%u columns: %.*s", width_of(text, len), (int)len, text);
        text += len + 1;
    }
}

static void the_text_fits_80_to_100_columns_and_ends_no_line_in_a_space(void **state)
{
    static const unsigned columns[] = {80, 91, 100, 250, 10};
    struct world w = world_new(3);

    (void)state;
    world_measure(&w, "MQ.PR.IA-03.t1", 9, 10, NOW);
    world_forget(&w, "MQ.DE.ID-01.t1");
    world_run(&w);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        CLEANUP(buf_done) struct buf text = {0};

        assess_print_text(&text, w.result, columns[i], false);
        buf_add_u8(&text, 0);
        assert_fits((char *)text.at, MIN(MAX(columns[i], 80U), 100U));
        assert_non_null(strstr((char *)text.at, "Top gaps"));
        assert_non_null(strstr((char *)text.at, "MQ.RC.RP-09"));
    }
    world_done(&w);
}

static void a_control_that_is_shown_takes_the_columns_of_what_stands_for_it(void **state)
{
    struct world w = world_new(4);
    struct assess_input in;
    CLEANUP(buf_done) struct buf name = {0};
    CLEANUP(buf_done) struct buf text = {0};

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        buf_addf(&name, "\x1b\x01 ");
    buf_add_u8(&name, 0);
    world_scope(&w, "scope: s\nzones:\n  - {name: \"a\\x1b\\x01b\\x01cdefghijklmnopqrst\", "
                    "exposure: internet, impact: {supply: 90}}\n");
    in = world_input(&w);
    in.node_name = (char *)name.at;
    w.result = assess_run(&in);
    assess_print_text(&text, w.result, 80, false);
    buf_add_u8(&text, 0);
    assert_fits((char *)text.at, 80);
    assert_non_null(strstr((char *)text.at, "a\\x1b\\x01b\\x01cde… "));
    world_done(&w);
}

static void color_is_escape_sequences_that_are_closed(void **state)
{
    struct world w = world_new(3);
    CLEANUP(buf_done) struct buf text = {0};

    (void)state;
    assess_print_text(&text, world_run(&w), 100, true);
    buf_add_u8(&text, 0);
    assert_true(count_in((char *)text.at, "\033[0m") > 10);
    assert_int_equal(count_in((char *)text.at, "\033[0m") * 2, count_in((char *)text.at, "\033["));
    world_done(&w);
}

/* A share is cut and not rounded: it does not look as if it passed. */
static void values_are_written_with_their_unit_and_never_rounded_up(void **state)
{
    /* clang-format off */
    static const struct {
        const char *test;
        double value;
        const char *text;
    } cases[] = {
        {"MQ.ID.AM-01.t1", 0.9999,  "99 %"},
        {"MQ.ID.AM-01.t1", 1,       "100 %"},
        {"MQ.ID.AM-01.t1", 0.29,    "29 %"},
        {"MQ.ID.AM-01.t1", 0.001,   "under 1 %"},
        {"MQ.ID.AM-01.t1", 0,       "0 %"},
        {"MQ.PR.IP-01.t1", 0.99899, "99.8 %"}, /* its threshold is 99.9 % */
        {"MQ.ID.AM-01.t3", 6.25,    "6.2 d"},
        {"MQ.ID.AM-01.t3", 40.6,    "41 d"},
        {"MQ.PR.SP-02.t2", 10,      "10 s"},
        {"MQ.PR.SP-02.t1", 1,       "yes"},
        {"MQ.PR.SP-02.t1", 0,       "no"},
        {"MQ.PR.IA-01.t2", 3,       "3"},
        {"MQ.RS.RP-02.t2", 12.4,    "12 min"},
        {"MQ.PR.SP-07.t1", 8,       "8 h"},
        {"MQ.DE.NM-01.t4", 0.5,     "0.5"},
    };
    /* clang-format on */
    struct world w = world_new(3);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(buf_done) struct buf out = {0};

        words_of_value(&out, assess_catalog_test(w.catalog, bytes_str(cases[i].test)),
                       cases[i].value);
        buf_add_u8(&out, 0);
        print_message("  %s %g: %s\n", cases[i].test, cases[i].value, (char *)out.at);
        assert_string_equal((char *)out.at, cases[i].text);
    }
    world_done(&w);
}

static void metrics_are_written_as_words(void **state)
{
    /* clang-format off */
    static const struct {
        const char *metric;
        const char *words;
    } cases[] = {
        {"approved_device_ratio",            "approved device ratio"},
        {"unknown_triage_days_p50",          "unknown triage, median"},
        {"mttd_s_p50",                       "time to detect, median"},
        {"mtls_session_ratio",               "mutual TLS session ratio"},
        {"key_age_h_p99",                    "key age, 99th percentile"},
        {"false_per_1000_client_days",       "false per 1000 client days"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(buf_done) struct buf out = {0};

        words_of_metric(&out, cases[i].metric);
        buf_add_u8(&out, 0);
        assert_string_equal((char *)out.at, cases[i].words);
    }
}

static void the_json_says_what_the_assessment_says(void **state)
{
    struct world w = world_new(3);
    json_t *o;
    json_t *sub;
    json_t *test;

    (void)state;
    world_measure(&w, "MQ.PR.IA-03.t1", 9, 10, NOW);
    world_forget(&w, "MQ.ID.AM-01.t2");
    o = assess_json(world_run(&w));
    assert_string_equal(json_string_value(json_object_get(o, "format")), "bastide-assessment/1");
    assert_int_equal(json_array_size(json_object_get(o, "subcategories")), 66);
    assert_int_equal(json_array_size(json_object_get(o, "functions")), 5);
    assert_int_equal(json_array_size(json_object_get(o, "categories")), 15);
    assert_int_equal(json_array_size(json_object_get(o, "risks")), 12);
    assert_int_equal(json_array_size(json_object_get(o, "gaps")), w.result->n_gaps);
    sub = json_array_get(json_object_get(o, "subcategories"), 0);
    assert_string_equal(json_string_value(json_object_get(sub, "id")), "MQ.ID.AM-01");
    assert_int_equal(json_integer_value(json_object_get(sub, "tier")), 1);
    test = json_array_get(json_object_get(sub, "tests"), 1);
    assert_true(json_is_false(json_object_get(test, "known")));
    assert_null(json_object_get(test, "value")); /* unknown is no zero */
    assert_string_equal(json_string_value(json_object_get(test, "why_not")), "no evidence");
    assert_string_equal(json_string_value(json_object_get(json_object_get(test, "marks"), "2")),
                        "unknown");
    test = json_array_get(json_object_get(sub, "tests"), 0);
    assert_true(json_number_value(json_object_get(test, "value")) == 0.99);
    json_decref(o);
    world_done(&w);
}

static void a_comparison_tells_what_changed_and_nothing_else(void **state)
{
    struct world w = world_new(3);
    CLEANUP(buf_done) struct buf same = {0};
    CLEANUP(buf_done) struct buf out = {0};
    json_t *before, *after;

    (void)state;
    world_measure(&w, "MQ.PR.IA-03.t1", 2, 10, NOW);
    world_forget(&w, "MQ.DE.ID-02.t3");
    before = assess_json(world_run(&w));
    assess_compare(&same, before, before);
    buf_add_u8(&same, 0);
    assert_string_equal((char *)same.at, "Nothing changed.\n");

    world_measure(&w, "MQ.PR.IA-03.t1", 0, 10, NOW);
    world_measure(&w, "MQ.DE.ID-02.t3", 1, 3, NOW);
    after = assess_json(world_run(&w));
    assess_compare(&out, before, after);
    buf_add_u8(&out, 0);
    print_message("%s", (char *)out.at);
    assert_non_null(strstr((char *)out.at, "Protect      tier 1 → 3"));
    assert_non_null(strstr((char *)out.at, "MQ.PR.IA-03 Authentication of Clients by the Server: "
                                           "tier 1 → 3, by tests 1 → 3\n"));
    assert_non_null(
        strstr((char *)out.at, "MQ.PR.IA-03.t1 anonymous listeners: 2 → 0  (fail → pass)\n"));
    assert_non_null(
        strstr((char *)out.at, "MQ.DE.ID-02.t3 denied counted: unknown → 1  (unknown → pass)\n"));
    assert_null(strstr((char *)out.at, "MQ.PR.IA-04"));
    json_decref(before);
    json_decref(after);
    world_done(&w);
}

/* Whatever file it is given. */
static void a_comparison_with_something_else_is_no_crash(void **state)
{
    static const char *const odd[] = {
        "{}", "[]", "{\"subcategories\": 7, \"functions\": [null]}",
        "{\"subcategories\": [{\"id\": \"MQ.ID.AM-01\", \"tests\": 3}]}"};
    struct world w = world_new(3);
    json_t *after = assess_json(world_run(&w));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        json_t *before = json_loads(odd[i], 0, NULL);

        assess_compare(&out, before, after);
        assess_compare(&out, after, before);
        assert_true(out.len > 0);
        json_decref(before);
    }
    json_decref(after);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_well_formed_and_needs_nothing_else),
        cmocka_unit_test(no_risk_is_counted_against_a_tolerance_that_is_not_declared),
        cmocka_unit_test(what_comes_from_outside_is_shown_and_not_run),
        cmocka_unit_test(the_text_fits_80_to_100_columns_and_ends_no_line_in_a_space),
        cmocka_unit_test(a_control_that_is_shown_takes_the_columns_of_what_stands_for_it),
        cmocka_unit_test(color_is_escape_sequences_that_are_closed),
        cmocka_unit_test(values_are_written_with_their_unit_and_never_rounded_up),
        cmocka_unit_test(metrics_are_written_as_words),
        cmocka_unit_test(the_json_says_what_the_assessment_says),
        cmocka_unit_test(a_comparison_tells_what_changed_and_nothing_else),
        cmocka_unit_test(a_comparison_with_something_else_is_no_crash),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
