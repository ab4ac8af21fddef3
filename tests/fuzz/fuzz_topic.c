/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_topic.c - two filters and a topic, with a zero byte between them */
#include "fuzz.h"

#include "unit/wire/naive.h"

#define INPUT_MAX 1024

static void check_match(const char *filter, const char *topic)
{
    check(wire_filter_matches(bytes_str(filter), bytes_str(topic)) == naive_match(filter, topic));
}

static void check_relations(struct bytes a, struct bytes b, struct bytes topic)
{
    bool a_matches = wire_filter_matches(a, topic);
    bool b_matches = wire_filter_matches(b, topic);

    check(wire_filter_covers(a, a) && wire_filters_overlap(a, a));
    check(wire_filters_overlap(a, b) == wire_filters_overlap(b, a));
    if (a_matches && b_matches)
        check(wire_filters_overlap(a, b));
    if (wire_filter_covers(a, b)) {
        check(wire_filters_overlap(a, b));
        check(a_matches || !b_matches);
    }
    /* A topic is a filter too. */
    check(wire_filter_covers(a, topic) == a_matches);
    check(wire_filters_overlap(a, topic) == a_matches);
}

static bool has_separator(struct bytes s)
{
    return s.len > 0 && memchr(s.at, '/', s.len) != NULL;
}

/* A shared filter is as good as what is behind the share; there "$share/" is a level like any. */
static void check_share(struct bytes filter)
{
    struct bytes group;
    struct bytes rest;

    if (!wire_filter_split_share(filter, &group, &rest))
        return;
    check(group.len > 0 || !wire_topic_filter_valid(filter));
    check(!wire_filter_has_wildcard(group) && !has_separator(group));
    if (group.len > 0 && !bytes_has_prefix(rest, BYTES("$share/")))
        check(wire_topic_filter_valid(filter) == wire_topic_filter_valid(rest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[INPUT_MAX + 3] = {0};
    const char *a = text;
    const char *b;
    const char *topic;

    if (size > INPUT_MAX)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    b = a + strlen(a) + 1;
    topic = b + strlen(b) + 1;
    if (topic > text + size + 1)
        return 0;

    check_share(bytes_str(a));
    if (!wire_topic_filter_valid(bytes_str(a)) || !wire_topic_filter_valid(bytes_str(b)) ||
        !wire_topic_name_valid(bytes_str(topic)))
        return 0;
    check_match(a, topic);
    check_match(b, topic);
    check_relations(bytes_str(a), bytes_str(b), bytes_str(topic));
    return 0;
}
