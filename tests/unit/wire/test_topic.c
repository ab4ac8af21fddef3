/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_topic.c - names and filters against a naive matcher and against counting out
 */
#include <stdio.h>

#include "cases.h"
#include "naive.h"

static void a_topic_name_is_good_or_not(void **state)
{
    static const struct {
        const char *what;
        const char *topic;
        bool good;
    } cases[] = {
        {"plain", "a", true},
        {"levels", "a/b/c", true},
        {"empty levels", "//", true},
        {"a leading $", "$SYS/x", true},
        {"spaces", "a b/ c", true},
        {"[MQTT5-4.7.3-1] empty", "", false},
        {"[MQTT5-4.7.0-1] #", "#", false},
        {"[MQTT5-4.7.0-1] a # inside", "a/b#c", false},
        {"[MQTT3-4.7.1-1] +", "a/+", false},
        {"[MQTT3-4.7.1-1] a + inside", "a+", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].what);
        assert_int_equal(wire_topic_name_valid(bytes_str(cases[i].topic)), cases[i].good);
    }
}

static void a_topic_filter_is_good_or_not(void **state)
{
    static const struct {
        const char *what;
        const char *filter;
        bool good;
    } cases[] = {
        {"plain", "a/b", true},
        {"#", "#", true},
        {"+", "+", true},
        {"both", "+/a/+/#", true},
        {"empty levels", "/+//#", true},
        {"shared", "$share/group/a/#", true},
        {"shared, an empty first level", "$share/group//a", true},
        {"no share at all", "$share", true},
        {"no share either", "$shared/a", true},
        {"[MQTT5-4.7.3-1] empty", "", false},
        {"[MQTT5-4.7.1-1] # is not last", "#/a", false},
        {"[MQTT5-4.7.1-1] # is not last", "a/#/", false},
        {"[MQTT5-4.7.1-1] # does not follow a separator", "a#", false},
        {"[MQTT3-4.7.1-2] # is not alone", "a/#b", false},
        {"[MQTT3-4.7.1-2] twice #", "##", false},
        {"[MQTT5-4.7.1-2] + is not alone", "a+", false},
        {"[MQTT5-4.7.1-2] + is not alone", "a/+b/c", false},
        {"[MQTT3-4.7.1-3] twice +", "++", false},
        {"[MQTT5-4.8.2-1] no share name", "$share//a", false},
        {"[MQTT5-4.8.2-1] nothing behind", "$share/", false},
        {"[MQTT5-4.8.2-2] no separator behind the name", "$share/group", false},
        {"[MQTT5-4.8.2-2] no filter behind the name", "$share/group/", false},
        {"[MQTT5-4.8.2-2] + in the name", "$share/g+/a", false},
        {"[MQTT5-4.8.2-2] # in the name", "$share/#/a", false},
        {"[MQTT5-4.7.1-1] shared, # is not last", "$share/g/#/a", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].what);
        assert_int_equal(wire_topic_filter_valid(bytes_str(cases[i].filter)), cases[i].good);
    }
}

static void what_is_no_share_is_a_filter_before_5_0(void **state)
{
    static const struct {
        const char *filter;
        bool good;
    } cases[] = {
        {"$share/", true},      {"$share/g", true},    {"$share/g/", true},
        {"$share//a", true},    {"$share/+/a", true},  {"$share/g/a#", false},
        {"$share/g+/a", false}, {"$share/#/a", false}, {"$share/#", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes filter = bytes_str(cases[i].filter);

        print_message("  %s\n", cases[i].filter);
        assert_int_equal(wire_topic_filter_well_formed(filter, WIRE_V31), cases[i].good);
        assert_int_equal(wire_topic_filter_well_formed(filter, WIRE_V311), cases[i].good);
        assert_false(wire_topic_filter_well_formed(filter, WIRE_V5));
    }
}

static void sizes_are_limited(void **state)
{
    struct buf text = {0};
    struct bytes levels;

    (void)state;
    memset(buf_reserve(&text, 65536), 'a', 65536);
    assert_true(wire_topic_name_valid(bytes_of(text.at, 65535))); /* [MQTT5-4.7.3-3] */
    assert_false(wire_topic_name_valid(bytes_of(text.at, 65536)));
    assert_true(wire_topic_filter_valid(bytes_of(text.at, 65535)));
    assert_false(wire_topic_filter_valid(bytes_of(text.at, 65536)));

    memcpy(text.at, "$share/g/", 9);
    memset(text.at + 9, '/', WIRE_TOPIC_LEVELS_MAX);
    levels = bytes_of(text.at + 9, WIRE_TOPIC_LEVELS_MAX);
    assert_false(wire_topic_name_valid(levels));
    assert_false(wire_topic_filter_valid(levels));
    levels.len--;
    assert_true(wire_topic_name_valid(levels));
    assert_true(wire_topic_filter_valid(levels));
    text.at[8] = 'a'; /* as many bytes as levels */
    assert_true(wire_topic_name_valid(bytes_of(text.at + 8, WIRE_TOPIC_LEVELS_MAX)));
    assert_false(wire_topic_name_valid(bytes_of(text.at + 8, WIRE_TOPIC_LEVELS_MAX + 1)));
    text.at[8] = '/';
    /* The share is not counted. */
    assert_true(wire_topic_filter_valid(bytes_of(text.at, 9 + WIRE_TOPIC_LEVELS_MAX - 1)));
    assert_false(wire_topic_filter_valid(bytes_of(text.at, 9 + WIRE_TOPIC_LEVELS_MAX)));
    buf_done(&text);
}

static void a_share_is_split_off(void **state)
{
    static const struct {
        const char *filter;
        bool is_shared;
        const char *group;
        const char *rest;
    } cases[] = {
        {"$share/g/a/b", true, "g", "a/b"}, {"$share/g/#", true, "g", "#"},
        {"$share/g//a", true, "g", "/a"},   {"$share/g/", true, "", ""},
        {"$share/g", true, "", ""},         {"$share/", true, "", ""},
        {"$share//a", true, "", "a"},       {"$share/a+/b", true, "", "b"},
        {"$share", false, "x", "x"},        {"$Share/g/a", false, "x", "x"},
        {"a/$share/g/a", false, "x", "x"},  {"", false, "x", "x"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes group = BYTES("x");
        struct bytes rest = BYTES("x");

        assert_int_equal(wire_filter_split_share(bytes_str(cases[i].filter), &group, &rest),
                         cases[i].is_shared);
        assert_true(bytes_equal(group, bytes_str(cases[i].group)));
        assert_true(bytes_equal(rest, bytes_str(cases[i].rest)));
    }
}

static void the_examples_of_the_standard_match_as_it_says(void **state)
{
    static const struct {
        const char *filter;
        const char *topic;
        bool matches;
    } cases[] = {
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/#", "sport", true},
        {"#", "a/b/c", true},
        {"sport/tennis/+", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"+", "/finance", false},
        {"#", "$SYS/monitor", false},                         /* [MQTT5-4.7.2-1] */
        {"+/monitor/Clients", "$SYS/monitor/Clients", false}, /* [MQTT3-4.7.2-1] */
        {"$SYS/#", "$SYS/monitor", true},
        {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
        {"ACCOUNTS", "Accounts", false}, /* [MQTT5-4.7.3-4] */
        {"/finance", "finance", false},
        {"a", "a/", false},
        {"a/", "a", false},
        {"a/$b", "a/$b", true},
        {"a/+", "a/$b", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s, %s\n", cases[i].filter, cases[i].topic);
        assert_int_equal(wire_filter_matches(bytes_str(cases[i].filter), bytes_str(cases[i].topic)),
                         cases[i].matches);
    }
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void random_name(uint64_t *x, bool is_filter, char *ret)
{
    static const char *const levels[] = {"a", "b", "", "ab", "$", "+", "+"};
    size_t n = 1 + next_random(x) % 5;

    *ret = '\0';
    for (size_t i = 0; i < n; i++) {
        bool is_last = i + 1 == n;

        if (is_filter && is_last && next_random(x) % 3 == 0)
            strcat(ret, "#");
        else
            strcat(ret, levels[next_random(x) % (is_filter ? 7 : 5)]);
        if (!is_last)
            strcat(ret, "/");
    }
}

static void pseudo_random_filters_match_as_the_naive_matcher_says(void **state)
{
    uint64_t x = 0x9e3779b97f4a7c15ULL;
    unsigned n_matches = 0;

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        char filter[32];
        char topic[32];
        bool wanted;

        random_name(&x, true, filter);
        random_name(&x, false, topic);
        if (*filter == '\0' || *topic == '\0')
            continue;
        wanted = naive_match(filter, topic);
        n_matches += wanted;
        if (wire_filter_matches(bytes_str(filter), bytes_str(topic)) != wanted)
            fail_msg("%s, %s", filter, topic);
    }
    assert_in_range(n_matches, 10000, 200000);
}

/* All names of at most @depth of the @n levels; a "#" only as the last. */
#define NAMES_MAX 2000
#define NAME_MAX  16

struct names {
    char at[NAMES_MAX][NAME_MAX];
    size_t n;
};

static void all_names(struct names *ret, const char *const *levels, size_t n, unsigned depth,
                      const char *front)
{
    for (size_t i = 0; i < n; i++) {
        char name[NAME_MAX];

        snprintf(name, sizeof(name), "%s%s", front, levels[i]);
        if (*name != '\0') {
            assert_true(ret->n < NAMES_MAX);
            strcpy(ret->at[ret->n++], name);
        }
        if (depth > 1 && strcmp(levels[i], "#") != 0) {
            snprintf(name, sizeof(name), "%s%s/", front, levels[i]);
            all_names(ret, levels, n, depth - 1, name);
        }
    }
}

/* "x" is in no filter and a topic may be one level deeper than a filter; so whatever tells two
 * filters apart is among the topics. */
static void covering_and_overlapping_are_as_counted_out_topic_by_topic(void **state)
{
    static const char *const filter_levels[] = {"", "a", "b", "$", "+", "#"};
    static const char *const topic_levels[] = {"", "a", "b", "$", "x"};
    static struct names filters;
    static struct names topics;
    static uint8_t matches[NAMES_MAX][NAMES_MAX];
    unsigned n_covers = 0;
    unsigned n_overlaps = 0;

    (void)state;
    all_names(&filters, filter_levels, COUNT_OF(filter_levels), 3, "");
    all_names(&topics, topic_levels, COUNT_OF(topic_levels), 4, "");
    for (size_t i = 0; i < filters.n; i++) {
        assert_true(wire_topic_filter_valid(bytes_str(filters.at[i])));
        for (size_t t = 0; t < topics.n; t++)
            matches[i][t] = naive_match(filters.at[i], topics.at[t]);
    }
    for (size_t i = 0; i < filters.n; i++) {
        for (size_t j = 0; j < filters.n; j++) {
            struct bytes a = bytes_str(filters.at[i]);
            struct bytes b = bytes_str(filters.at[j]);
            bool covers = true;
            bool overlap = false;

            for (size_t t = 0; t < topics.n; t++) {
                covers &= matches[i][t] || !matches[j][t];
                overlap |= matches[i][t] && matches[j][t];
            }
            if (wire_filter_covers(a, b) != covers)
                fail_msg("%s %s %s", filters.at[i], covers ? "covers" : "does not cover",
                         filters.at[j]);
            if (wire_filters_overlap(a, b) != overlap)
                fail_msg("%s and %s %s", filters.at[i], filters.at[j],
                         overlap ? "overlap" : "do not overlap");
            n_covers += covers;
            n_overlaps += overlap;
        }
    }
    print_message("  %zu filters, %zu topics, %u cover, %u overlap\n", filters.n, topics.n,
                  n_covers, n_overlaps);
    assert_true(n_covers > 1000 && n_overlaps > 1000);
}

static void a_role_covers_what_it_should(void **state)
{
    static const struct {
        const char *filter;
        const char *other;
        bool covers;
    } cases[] = {
        {"a/#", "a/+/b", true}, {"a/#", "a", true},      {"a/#", "a/#", true},
        {"a/+", "a/+", true},   {"a/+", "a/b", true},    {"a/+", "a/#", false},
        {"a/+", "a", false},    {"#", "$SYS/#", false},  {"+/x", "$SYS/x", false},
        {"#", "a/#", true},     {"a/b", "a/+", false},   {"$SYS/#", "$SYS/+/x", true},
        {"#", "#", true},       {"a/b/#", "a/#", false}, {"+/#", "#", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(wire_filter_covers(bytes_str(cases[i].filter), bytes_str(cases[i].other)),
                         cases[i].covers);
}

static void wildcards_are_seen(void **state)
{
    (void)state;
    assert_true(wire_filter_has_wildcard(BYTES("a/+/b")));
    assert_true(wire_filter_has_wildcard(BYTES("#")));
    assert_false(wire_filter_has_wildcard(BYTES("a/b")));
    assert_false(wire_filter_has_wildcard(BYTES_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_name_is_good_or_not),
        cmocka_unit_test(a_topic_filter_is_good_or_not),
        cmocka_unit_test(what_is_no_share_is_a_filter_before_5_0),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(a_share_is_split_off),
        cmocka_unit_test(the_examples_of_the_standard_match_as_it_says),
        cmocka_unit_test(pseudo_random_filters_match_as_the_naive_matcher_says),
        cmocka_unit_test(covering_and_overlapping_are_as_counted_out_topic_by_topic),
        cmocka_unit_test(a_role_covers_what_it_should),
        cmocka_unit_test(wildcards_are_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
