/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/router/test_retained.c - what is retained is found, bounded, and goes when it expires
 */
#include <stdio.h>
#include <stdlib.h>

#include "router/router.h"
#include "unit/unit.h"
#include "wire/wire.h"

static const struct retained_limits room = {.messages_max = 100, .bytes_max = 1 << 20};

static enum retain_outcome retain(struct router *r, const char *topic, const char *payload,
                                  uint64_t stamp, uint64_t expires_ns,
                                  const struct retained_limits *limits)
{
    struct publication p = {
        .topic = bytes_str(topic),
        .payload = bytes_str(payload),
        .retain = true,
        .stamp = stamp,
        .expires_ns = expires_ns,
    };
    enum retain_outcome outcome = router_retain(r, &p, limits, NULL);

    publication_done(&p);
    return outcome;
}

static void append(void *arg, struct message *m, uint64_t serial)
{
    struct buf *b = arg;

    assert_true(serial > 0);
    buf_addf(b, "%.*s=%.*s ", BYTES_ARG(m->topic), BYTES_ARG(m->payload));
}

static void assert_finds(struct router *r, const char *filter, uint64_t now_ns,
                         const char *expected)
{
    struct buf b = {0};

    router_retained_each(r, bytes_str(filter), now_ns, SIZE_MAX, append, &b);
    buf_add_u8(&b, '\0');
    assert_string_equal((char *)b.at, expected);
    buf_done(&b);
}

static void retained_messages_are_found_by_filters(void **state)
{
    struct router *r = router_new();

    (void)state;
    assert_int_equal(retain(r, "a/b", "1", 1, EXPIRES_NEVER, &room), RETAIN_STORED);
    assert_int_equal(retain(r, "$SYS/x", "2", 2, EXPIRES_NEVER, &room), RETAIN_STORED);
    assert_int_equal(retain(r, "a", "3", 3, EXPIRES_NEVER, &room), RETAIN_STORED);
    assert_finds(r, "a/b", 0, "a/b=1 ");
    assert_finds(r, "a/#", 0, "a=3 a/b=1 ");
    assert_finds(r, "+", 0, "a=3 ");
    assert_finds(r, "+/+", 0, "a/b=1 ");
    assert_finds(r, "#", 0, "a=3 a/b=1 ");
    assert_finds(r, "$SYS/#", 0, "$SYS/x=2 ");
    assert_finds(r, "a/b/#", 0, "a/b=1 ");
    assert_finds(r, "b/#", 0, "");
    router_free(r);
}

static void the_highest_stamp_stands_whatever_order_updates_arrive_in(void **state)
{
    struct router *r = router_new();

    (void)state;
    assert_int_equal(retain(r, "t", "new", 9, EXPIRES_NEVER, &room), RETAIN_STORED);
    assert_int_equal(retain(r, "t", "old", 8, EXPIRES_NEVER, &room), RETAIN_OLDER);
    assert_finds(r, "t", 0, "t=new ");
    assert_int_equal(retain(r, "t", "", 20, EXPIRES_NEVER, &room), RETAIN_REMOVED);
    assert_int_equal(retain(r, "t", "older than its removal", 19, EXPIRES_NEVER, &room),
                     RETAIN_OLDER);
    assert_finds(r, "t", 0, "");
    assert_int_equal(router_n_retained(r), 0);
    assert_int_equal(router_retained_sweep(r, 0, 20, 1 << 20), 0);
    assert_int_equal(router_retained_sweep(r, 0, 21, 1 << 20), 1);
    assert_int_equal(router_retained_bytes(r), 0);
    router_free(r);
}

static void the_limit_refuses_new_topics_but_not_new_values(void **state)
{
    const struct retained_limits one = {.messages_max = 1, .bytes_max = 1 << 20};
    struct router *r = router_new();

    (void)state;
    assert_int_equal(retain(r, "a", "1", 1, EXPIRES_NEVER, &one), RETAIN_STORED);
    assert_int_equal(retain(r, "b", "1", 2, EXPIRES_NEVER, &one), RETAIN_E_FULL);
    assert_int_equal(retain(r, "a", "2", 3, EXPIRES_NEVER, &one), RETAIN_STORED);
    assert_finds(r, "#", 0, "a=2 ");
    assert_int_equal(retain(r, "a", "", 4, EXPIRES_NEVER, &one), RETAIN_REMOVED);
    assert_int_equal(retain(r, "b", "1", 5, EXPIRES_NEVER, &one), RETAIN_STORED);
    router_free(r);
}

static enum retain_outcome retain_of(struct router *r, uint64_t publisher, const char *topic,
                                     const char *payload, uint64_t stamp)
{
    const struct retained_limits two_each = {
        .messages_max = 100, .bytes_max = 1 << 20, .per_publisher_max = 2};
    struct publication p = {
        .topic = bytes_str(topic),
        .payload = bytes_str(payload),
        .stamp = stamp,
        .expires_ns = 1000,
        .publisher = publisher,
    };
    enum retain_outcome outcome = router_retain(r, &p, &two_each, NULL);

    publication_done(&p);
    return outcome;
}

static void a_publisher_has_so_many_topics_and_not_more(void **state)
{
    struct router *r = router_new();

    (void)state;
    assert_int_equal(retain_of(r, 7, "a", "1", 1), RETAIN_STORED);
    assert_int_equal(retain_of(r, 7, "b", "1", 2), RETAIN_STORED);
    assert_int_equal(retain_of(r, 7, "c", "1", 3), RETAIN_E_QUOTA);
    assert_int_equal(retain_of(r, 7, "a", "2", 4), RETAIN_STORED); /* a new value */
    assert_int_equal(retain_of(r, 0, "c", "the node's", 5), RETAIN_STORED);
    assert_int_equal(retain_of(r, 8, "d", "1", 6), RETAIN_STORED); /* another one's are others */
    assert_int_equal(retain_of(r, 7, "d", "1", 7), RETAIN_E_QUOTA);
    assert_int_equal(router_n_retained(r), 4);

    /* What is cleared, replaced by another one or expired leaves room. */
    assert_int_equal(retain_of(r, 7, "a", "", 8), RETAIN_REMOVED);
    assert_int_equal(retain_of(r, 7, "e", "1", 9), RETAIN_STORED);
    assert_int_equal(retain_of(r, 8, "b", "2", 10), RETAIN_STORED);
    assert_int_equal(retain_of(r, 7, "f", "1", 11), RETAIN_STORED);
    assert_int_equal(retain_of(r, 7, "g", "1", 12), RETAIN_E_QUOTA);
    assert_int_equal(retain_of(r, 8, "g", "1", 13), RETAIN_E_QUOTA);
    (void)router_retained_sweep(r, 1000, 14, 1 << 20);
    assert_int_equal(router_n_retained(r), 0);
    assert_int_equal(router_retained_bytes(r), 0);
    assert_int_equal(retain_of(r, 7, "g", "1", 15), RETAIN_STORED);
    router_free(r);
}

static void new_values_cannot_grow_past_the_limit(void **state)
{
    const struct retained_limits two_kb = {.messages_max = 100, .bytes_max = 2048};
    struct router *r = router_new();
    char large[4096];

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(retain(r, "a", "small", 1, EXPIRES_NEVER, &two_kb), RETAIN_STORED);
    assert_int_equal(retain(r, "a", large, 2, EXPIRES_NEVER, &two_kb), RETAIN_E_FULL);
    assert_finds(r, "a", 0, "a=small ");
    large[1000] = '\0';
    assert_int_equal(retain(r, "a", large, 3, EXPIRES_NEVER, &two_kb), RETAIN_STORED);
    assert_int_equal(retain(r, "b", large, 4, EXPIRES_NEVER, &two_kb), RETAIN_E_FULL);
    /* What is too much already, by a limit that was lowered, may be replaced by less. */
    assert_int_equal(retain(r, "a", "less", 5, EXPIRES_NEVER, &(struct retained_limits){100, 1}),
                     RETAIN_STORED);
    router_free(r);
}

static size_t deep_topic(char *to, unsigned number)
{
    size_t len = (size_t)sprintf(to, "%u", number);

    for (unsigned i = 0; i < WIRE_TOPIC_LEVELS_MAX - 1; i++)
        len += (size_t)sprintf(to + len, "/x");
    return len;
}

static void the_tree_of_topics_counts_as_well(void **state)
{
    const struct retained_limits megabyte = {.messages_max = 100000, .bytes_max = 1 << 20};
    struct router *r = router_new();
    char topic[512];
    unsigned n = 0;

    (void)state;
    do {
        deep_topic(topic, n);
    } while (retain(r, topic, "v", ++n, EXPIRES_NEVER, &megabyte) == RETAIN_STORED);
    assert_true(n < 200); /* each is 128 nodes and a message: more than 10 KB */
    assert_true(router_retained_bytes(r) < (1 << 20) + 40000);
    router_free(r);
}

static void marks_of_topics_that_had_nothing_are_bounded(void **state)
{
    struct router *r = router_new();
    size_t n_swept;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        char topic[16];

        sprintf(topic, "%u", i);
        assert_int_equal(retain(r, topic, "", i + 1, EXPIRES_NEVER, &room), RETAIN_REMOVED);
    }
    assert_true(router_retained_bytes(r) < 10000 * 512);
    n_swept = router_retained_sweep(r, 0, UINT64_MAX, SIZE_MAX);
    assert_true(n_swept <= 10000);
    assert_int_equal(router_retained_bytes(r), 0);
    router_free(r);
}

static void who_waits_with_a_message_that_was_replaced_can_tell(void **state)
{
    struct router *r = router_new();
    struct publication p = {
        .topic = BYTES("t"), .payload = BYTES("old"), .stamp = 1, .expires_ns = EXPIRES_NEVER};
    struct message *old = publication_keep(&p);

    (void)state;
    assert_int_equal(router_retain(r, &p, &room, NULL), RETAIN_STORED);
    publication_done(&p);
    assert_false(message_is_replaced(old));
    assert_int_equal(retain(r, "t", "older", 0, EXPIRES_NEVER, &room), RETAIN_OLDER);
    assert_false(message_is_replaced(old));
    assert_int_equal(retain(r, "t", "new", 2, EXPIRES_NEVER, &room), RETAIN_STORED);
    assert_true(message_is_replaced(old));
    message_unref(old);
    router_free(r);
}

/* Removals of the control plane overtake what waits for a worker that is behind. */
static void a_value_that_comes_when_the_mark_of_its_removal_has_gone_is_not_retained(void **state)
{
    struct router *ahead = router_new();
    struct router *behind = router_new();
    struct publication p = {
        .topic = BYTES("a/t"), .payload = BYTES("old"), .stamp = 1, .expires_ns = EXPIRES_NEVER};

    (void)state;
    assert_int_equal(router_retain(ahead, &p, &room, NULL), RETAIN_STORED);
    assert_int_equal(retain(ahead, "a/t", "", 2, EXPIRES_NEVER, &room), RETAIN_REMOVED);
    assert_int_equal(retain(behind, "a/t", "", 2, EXPIRES_NEVER, &room), RETAIN_REMOVED);
    assert_int_equal(router_retained_sweep(behind, 0, 3, 1 << 20), 1);
    assert_int_equal(router_retain(behind, &p, &room, NULL), RETAIN_OLDER);
    assert_int_equal(router_n_retained(behind), 0);
    assert_int_equal(router_retained_bytes(behind), 0);
    publication_done(&p);
    router_free(ahead);
    router_free(behind);
}

/* It would be there for as long as the node runs otherwise. */
static void what_was_replaced_elsewhere_takes_the_place_of_what_is_older(void **state)
{
    struct router *ahead = router_new();
    struct router *behind = router_new();
    struct publication p = {
        .topic = BYTES("t"), .payload = BYTES("brief"), .stamp = 2, .expires_ns = 10};

    (void)state;
    assert_int_equal(retain(behind, "t", "old", 1, EXPIRES_NEVER, &room), RETAIN_STORED);
    assert_int_equal(router_retain(ahead, &p, &room, NULL), RETAIN_STORED);
    assert_int_equal(router_retained_sweep(ahead, 10, 3, 1 << 20), 1);
    assert_int_equal(router_retain(behind, &p, &room, NULL), RETAIN_STORED);
    assert_int_equal(router_retained_sweep(behind, 10, 3, 1 << 20), 1);
    assert_int_equal(router_n_retained(behind), 0);
    publication_done(&p);
    router_free(ahead);
    router_free(behind);
}

static void a_removal_that_was_swept_elsewhere_removes_nevertheless(void **state)
{
    struct router *ahead = router_new();
    struct router *behind = router_new();
    struct publication p = {.topic = BYTES("t"), .stamp = 2, .expires_ns = EXPIRES_NEVER};

    (void)state;
    assert_int_equal(router_retain(ahead, &p, &room, NULL), RETAIN_REMOVED);
    assert_int_equal(router_retained_sweep(ahead, 0, 3, 1 << 20), 1);
    assert_int_equal(router_retain(behind, &p, &room, NULL), RETAIN_REMOVED);
    assert_int_equal(retain(behind, "t", "old", 1, EXPIRES_NEVER, &room), RETAIN_OLDER);
    publication_done(&p);
    router_free(ahead);
    router_free(behind);
}

static void note_serial(void *arg, struct message *m, uint64_t serial)
{
    (void)m;
    *(uint64_t *)arg = serial;
}

static void serials_tell_what_was_there_before_a_subscription(void **state)
{
    struct router *r = router_new();
    uint64_t serial = 0;

    (void)state;
    retain(r, "a", "1", 900, EXPIRES_NEVER, &room);
    router_retained_each(r, BYTES("a"), 0, SIZE_MAX, note_serial, &serial);
    assert_int_equal(serial, router_retained_serial(r));
    retain(r, "b", "2", 800, EXPIRES_NEVER, &room); /* later here, though its stamp is lower */
    router_retained_each(r, BYTES("b"), 0, SIZE_MAX, note_serial, &serial);
    assert_int_equal(serial, router_retained_serial(r));
    router_retained_each(r, BYTES("a"), 0, SIZE_MAX, note_serial, &serial);
    assert_true(serial < router_retained_serial(r));
    router_free(r);
}

#define SCANNED 300

static void tick_off(void *arg, struct message *m, uint64_t serial)
{
    unsigned *n_found = arg;

    (void)serial;
    if (m->topic.at[0] == 'n') /* "n/17" */
        n_found[strtoul((const char *)m->topic.at + 2, NULL, 10)]++;
}

static void a_scan_in_parts_finds_each_once_though_others_come_and_go(void **state)
{
    const struct retained_limits plenty = {SIZE_MAX, SIZE_MAX};
    struct router *r = router_new();
    unsigned n_found[SCANNED] = {0};
    struct retained_want want = {0};
    unsigned n_parts = 0;
    char topic[32];

    (void)state;
    for (unsigned i = 0; i < SCANNED; i++) {
        sprintf(topic, "n/%u", i);
        retain(r, topic, "x", i + 1, EXPIRES_NEVER, &plenty);
    }
    want.until = router_retained_serial(r);
    do {
        assert_true(router_retained_scan(r, &want, 0, 30, tick_off, n_found) > 0);
        for (unsigned i = 0; i < 10; i++) {
            sprintf(topic, "other/%u-%u", n_parts, i);
            retain(r, topic, "y", 1000, EXPIRES_NEVER, &plenty);
        }
        retain(r, topic, "", 1001, EXPIRES_NEVER, &plenty);
        router_retained_sweep(r, 0, UINT64_MAX, 1 << 20);
    } while (want.after < want.until && ++n_parts < 1000);
    assert_int_equal(n_parts, SCANNED / 30 - 1);
    for (unsigned i = 0; i < SCANNED; i++)
        assert_int_equal(n_found[i], 1);
    router_free(r);
}

static void note_stamp(void *arg, struct message *m, uint64_t serial)
{
    (void)serial;
    buf_add_u8(arg, (uint8_t)m->stamp);
}

/* Return: the stamps that @want has yet to find, two in a part. */
static struct buf scanned(struct router *r, struct retained_want want)
{
    struct buf stamps = {0};

    while (want.after < want.until)
        router_retained_scan(r, &want, 0, 2, note_stamp, &stamps);
    return stamps;
}

static void a_scan_goes_by_when_it_was_retained_whatever_has_gone_meanwhile(void **state)
{
    struct router *r = router_new();
    struct retained_want want = {0};
    struct buf stamps;

    (void)state;
    for (uint64_t i = 1; i <= 9; i++) {
        char topic[] = {(char)('a' + i), '\0'};

        retain(r, topic, "x", i, EXPIRES_NEVER, &room);
    }
    want.until = router_retained_serial(r);
    retain(r, "c", "new", 20, EXPIRES_NEVER, &room); /* the second one: it comes live */
    retain(r, "d", "", 21, EXPIRES_NEVER, &room);
    stamps = scanned(r, want);
    assert_int_equal(stamps.len, 7);
    assert_memory_equal(stamps.at, "\1\4\5\6\7\10\11", 7);
    buf_done(&stamps);
    want.after = 8;
    for (uint64_t i = 30; i < 60; i++) /* the gaps close */
        retain(r, "c", "newer", i, EXPIRES_NEVER, &room);
    stamps = scanned(r, want);
    assert_int_equal(stamps.len, 1);
    assert_memory_equal(stamps.at, "\11", 1);
    buf_done(&stamps);
    router_free(r);
}

static void a_search_that_costs_too_much_says_so(void **state)
{
    struct router *r = router_new();
    struct buf found = {0};

    (void)state;
    retain(r, "a/b", "1", 1, EXPIRES_NEVER, &room);
    retain(r, "a/c", "2", 2, EXPIRES_NEVER, &room);
    assert_true(router_retained_each(r, BYTES("a/+"), 0, 100, append, &found) <= 100);
    assert_true(router_retained_each(r, BYTES("a/+"), 0, 3, append, &found) > 3);
    assert_true(router_retained_each(r, BYTES("#"), 0, 3, append, &found) > 3);
    buf_done(&found);
    router_free(r);
}

static void expired_ones_are_passed_over_and_swept(void **state)
{
    struct router *r = router_new();

    (void)state;
    retain(r, "a/b/c", "x", 1, 100, &room);
    retain(r, "a/b", "y", 2, EXPIRES_NEVER, &room);
    assert_finds(r, "#", 99, "a/b=y a/b/c=x ");
    assert_finds(r, "#", 100, "a/b=y ");
    assert_int_equal(router_n_retained(r), 2);
    assert_int_equal(router_retained_sweep(r, 100, UINT64_MAX, 1 << 20), 1);
    assert_int_equal(router_n_retained(r), 1);
    router_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retained_messages_are_found_by_filters),
        cmocka_unit_test(the_highest_stamp_stands_whatever_order_updates_arrive_in),
        cmocka_unit_test(the_limit_refuses_new_topics_but_not_new_values),
        cmocka_unit_test(a_publisher_has_so_many_topics_and_not_more),
        cmocka_unit_test(new_values_cannot_grow_past_the_limit),
        cmocka_unit_test(the_tree_of_topics_counts_as_well),
        cmocka_unit_test(marks_of_topics_that_had_nothing_are_bounded),
        cmocka_unit_test(who_waits_with_a_message_that_was_replaced_can_tell),
        cmocka_unit_test(a_value_that_comes_when_the_mark_of_its_removal_has_gone_is_not_retained),
        cmocka_unit_test(what_was_replaced_elsewhere_takes_the_place_of_what_is_older),
        cmocka_unit_test(a_removal_that_was_swept_elsewhere_removes_nevertheless),
        cmocka_unit_test(serials_tell_what_was_there_before_a_subscription),
        cmocka_unit_test(a_scan_in_parts_finds_each_once_though_others_come_and_go),
        cmocka_unit_test(a_scan_goes_by_when_it_was_retained_whatever_has_gone_meanwhile),
        cmocka_unit_test(a_search_that_costs_too_much_says_so),
        cmocka_unit_test(expired_ones_are_passed_over_and_swept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
