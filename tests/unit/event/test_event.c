/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/event/test_event.c - a block keeps copies, and counts what it has no room for */
#include <string.h>

#include "event/event.h"
#include "unit/unit.h"

static void an_event_keeps_its_strings_when_the_sender_changes_them(void **state)
{
    struct event_block *b = event_block_new(3);
    char topic[] = "a/b";
    struct event e = {
        .kind = EVENT_PUBLISH_TOPIC, .value = EVENT_COMMAND, .topic = bytes_str(topic)};

    (void)state;
    assert_true(event_leave(b, &e));
    topic[0] = 'x';
    assert_int_equal(b->worker, 3);
    assert_int_equal(b->n_events, 1);
    assert_int_equal(b->events[0].value, EVENT_COMMAND);
    assert_bytes_equal(b->events[0].topic, BYTES("a/b"));
    assert_int_equal(b->events[0].client_id.len, 0);
    event_block_free(b);
}

static void what_is_taken_has_copies_and_leaves_an_empty_block(void **state)
{
    struct event_block *b = event_block_new(3);
    struct event_block *taken;
    struct event e = {.kind = EVENT_PUBLISH_TOPIC, .topic = BYTES("a/b"), .text = BYTES("t")};

    (void)state;
    assert_true(event_leave(b, &e));
    e.topic = BYTES("c");
    assert_true(event_leave(b, &e));
    taken = event_block_take(b);
    assert_int_equal(b->n_events, 0);
    event_block_free(b);
    assert_int_equal(taken->worker, 3);
    assert_int_equal(taken->n_events, 2);
    assert_bytes_equal(taken->events[0].topic, BYTES("a/b"));
    assert_bytes_equal(taken->events[1].topic, BYTES("c"));
    assert_bytes_equal(taken->events[1].text, BYTES("t"));
    assert_int_equal(taken->events[1].client_id.len, 0);
    event_block_free(taken);
}

static void a_full_block_drops_and_counts(void **state)
{
    static const uint8_t text[1000];
    struct event_block *b = event_block_new(0);
    struct event small = {.kind = EVENT_CONNECT_ATTEMPT};
    struct event large = {.kind = EVENT_CONNECT_ATTEMPT, .text = bytes_of(text, sizeof(text))};
    unsigned n = 0;

    (void)state;
    while (event_leave(b, &large))
        n++;
    assert_int_equal(n, EVENT_BLOCK_TEXT_MAX / sizeof(text));
    assert_int_equal(b->n_dropped, 1);
    while (event_leave(b, &small))
        n++;
    assert_int_equal(n, EVENT_BLOCK_EVENTS_MAX);
    assert_int_equal(b->n_dropped, 2);
    event_block_free(b);
}

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_KIND_N; i++) {
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(event_kind_text(i), event_kind_text(j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_keeps_its_strings_when_the_sender_changes_them),
        cmocka_unit_test(what_is_taken_has_copies_and_leaves_an_empty_block),
        cmocka_unit_test(a_full_block_drops_and_counts),
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
