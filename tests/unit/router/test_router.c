/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/router/test_router.c - the trie and its cache against a naive list of filters;
 * retained messages */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "router/router.h"
#include "unit/unit.h"
#include "wire/wire.h"

#define SUBSCRIBERS 12

static struct subscriber subscribers[SUBSCRIBERS];

static void forget_all(struct router *r)
{
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        list_each (it, &subscribers[i].subscriptions) {
            bool last;

            router_remove(r, list_item(it, struct subscription, in_subscriber), &last);
        }
    }
}

static bool unsubscribe(struct router *r, struct subscriber *s, struct bytes filter,
                        bool *ret_last_here)
{
    struct subscription *sub = router_find(r, s, filter);

    if (sub != NULL)
        router_remove(r, sub, ret_last_here);
    return sub != NULL;
}

static void subscribers_reset(void)
{
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        subscribers[i] = (struct subscriber){0};
        list_init(&subscribers[i].subscriptions);
    }
}

/* A topic or filter of up to four levels over a small alphabet, so that matches are frequent. */
static struct bytes some_path(uint64_t *seed, char *to, bool filter)
{
    static const char *const levels[] = {"a", "b", "", "$x", "+", "#"};
    size_t n = 1 + noise(seed) % 4;
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        const char *level = levels[noise(seed) % (filter ? 6 : 4)];

        len += (size_t)sprintf(to + len, "%s%s", i > 0 ? "/" : "", level);
        if (level[0] == '#')
            break;
    }
    return bytes_of(to, len);
}

static size_t naive_count(const struct subscriber *s, struct bytes topic)
{
    size_t n = 0;

    list_each (it, (struct list *)&s->subscriptions)
        n += wire_filter_matches(list_item(it, struct subscription, in_subscriber)->filter, topic);
    return n;
}

static void assert_matches_like_naive(struct router *r, struct bytes topic)
{
    struct match m = router_match(r, topic, hash_keyed(topic));
    size_t seen = 0;

    for (size_t i = 0; i < m.n_receivers; i++) {
        assert_int_equal(m.receivers[i].n, naive_count(m.receivers[i].subscriber, topic));
        for (size_t k = 0; k < m.receivers[i].n; k++)
            assert_true(wire_filter_matches(m.receivers[i].first[k]->filter, topic));
    }
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        seen += naive_count(&subscribers[i], topic) > 0;
    assert_int_equal(m.n_receivers, seen);
}

static void matching_agrees_with_a_naive_matcher_over_random_changes(void **state)
{
    struct router *r = router_new();
    uint64_t seed = 11;
    char text[64];

    (void)state;
    subscribers_reset();
    for (int step = 0; step < 20000; step++) {
        struct subscriber *s = &subscribers[noise(&seed) % SUBSCRIBERS];
        struct bytes path = some_path(&seed, text, true);
        const struct subscription options = {.qos = 1};
        bool last;

        switch (noise(&seed) % 4) {
        case 0:
            if (path.len > 0)
                router_subscribe(r, s, &options, path);
            break;
        case 1:
            unsubscribe(r, s, path, &last);
            break;
        default:
            path = some_path(&seed, text, false);
            if (path.len > 0)
                assert_matches_like_naive(r, path);
        }
    }
    forget_all(r);
    assert_int_equal(router_n_filters(r), 0);
    router_free(r);
}

static void the_first_and_the_last_subscription_of_a_filter_are_told(void **state)
{
    struct router *r = router_new();
    const struct subscription options = {.qos = 2, .id = 7};
    bool last;

    (void)state;
    subscribers_reset();
    assert_int_equal(router_subscribe(r, &subscribers[0], &options, BYTES("a/+")), ROUTER_NEW_HERE);
    assert_int_equal(router_subscribe(r, &subscribers[1], &options, BYTES("a/+")), ROUTER_NEW);
    assert_int_equal(router_subscribe(r, &subscribers[1], &options, BYTES("a/+")), ROUTER_REPLACED);
    assert_true(unsubscribe(r, &subscribers[0], BYTES("a/+"), &last) && !last);
    assert_false(unsubscribe(r, &subscribers[0], BYTES("a/+"), &last));
    assert_true(unsubscribe(r, &subscribers[1], BYTES("a/+"), &last) && last);
    router_free(r);
}

static void outlets_are_matched_beside_local_sessions(void **state)
{
    struct router *r = router_new();
    uint64_t hash = hash_keyed(BYTES("a/b"));

    (void)state;
    router_interest(r, 1, BYTES("a/#"), true);
    router_interest(r, 5, BYTES("+/b"), true);
    assert_true(router_match(r, BYTES("a/b"), hash).outlets == (BIT64(1) | BIT64(5)));
    router_interest(r, 5, BYTES("+/b"), false);
    assert_true(router_match(r, BYTES("a/b"), hash).outlets == BIT64(1));
    router_interest(r, 1, BYTES("a/#"), false);
    router_interest(r, 1, BYTES("never/wanted"), false);
    assert_true(router_match(r, BYTES("a/b"), hash).outlets == 0);
    router_free(r);
}

static uint64_t outlets_of(struct router *r, unsigned i)
{
    char text[32];
    struct bytes topic;

    snprintf(text, sizeof(text), "site/%u", i);
    topic = bytes_str(text);
    return router_match(r, topic, hash_keyed(topic)).outlets;
}

static void interest(struct router *r, unsigned outlet, unsigned i, bool wanted)
{
    char text[32];

    snprintf(text, sizeof(text), "site/%u", i);
    router_interest(r, outlet, bytes_str(text), wanted);
}

static void of_filters_without_wildcards_each_outlet_gets_its_own(void **state)
{
    struct router *r = router_new();

    (void)state;
    interest(r, 1, 7, false); /* before there are any */
    for (unsigned i = 0; i < 1000; i++) {
        interest(r, 1, i, true);
        interest(r, 1, i, true);
        if (i % 3 == 0)
            interest(r, 63, i, true);
    }
    for (unsigned i = 0; i < 1000; i += 2)
        interest(r, 1, i, false);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t want = (i % 2 != 0 ? BIT64(1) : 0) | (i % 3 == 0 ? BIT64(63) : 0);

        assert_true(outlets_of(r, i) == want);
    }
    router_interest(r, 2, BYTES("site/+"), true);
    assert_true(outlets_of(r, 9) == (BIT64(1) | BIT64(2) | BIT64(63)));
    assert_true(outlets_of(r, 1000) == BIT64(2));
    router_free(r);
}

/* ---- retained ---- */

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
    enum retain_outcome outcome = router_retain(r, &p, limits);

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
    assert_int_equal(router_retain(r, &p, &room), RETAIN_STORED);
    publication_done(&p);
    assert_false(message_is_replaced(old));
    assert_int_equal(retain(r, "t", "older", 0, EXPIRES_NEVER, &room), RETAIN_OLDER);
    assert_false(message_is_replaced(old));
    assert_int_equal(retain(r, "t", "new", 2, EXPIRES_NEVER, &room), RETAIN_STORED);
    assert_true(message_is_replaced(old));
    message_unref(old);
    router_free(r);
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

#define SCANNED 300 /* so many that the table of topics grows when as many come in between */

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
    uint32_t cursor = 0;
    unsigned n_parts = 0;
    char topic[32];

    (void)state;
    for (unsigned i = 0; i < SCANNED; i++) {
        sprintf(topic, "n/%u", i);
        retain(r, topic, "x", i + 1, EXPIRES_NEVER, &plenty);
    }
    do {
        assert_true(router_retained_scan(r, 0, 30, &cursor, tick_off, n_found) > 0);
        for (unsigned i = 0; i < 10; i++) {
            sprintf(topic, "other/%u-%u", n_parts, i);
            retain(r, topic, "y", 1000, EXPIRES_NEVER, &plenty);
        }
        retain(r, topic, "", 1001, EXPIRES_NEVER, &plenty);
        router_retained_sweep(r, 0, UINT64_MAX, 1 << 20);
    } while (cursor != 0 && ++n_parts < 1000);
    assert_true(n_parts > 10);
    for (unsigned i = 0; i < SCANNED; i++)
        assert_int_equal(n_found[i], 1);
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

/* ---- shared subscriptions ---- */

static void a_group_gets_each_message_once_and_in_turn(void **state)
{
    struct router *r = router_new();
    const struct subscription options = {.qos = 1};
    unsigned got[3] = {0};
    struct match m;

    (void)state;
    subscribers_reset();
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(router_share_join(r, &subscribers[i], &options, BYTES("g"), BYTES("a/+")),
                         ROUTER_NEW);
    assert_int_equal(router_share_join(r, &subscribers[0], &options, BYTES("g"), BYTES("a/+")),
                     ROUTER_REPLACED);
    assert_int_equal(router_share_join(r, &subscribers[0], &options, BYTES("h"), BYTES("a/+")),
                     ROUTER_NEW);
    m = router_match(r, BYTES("a/b"), hash_keyed(BYTES("a/b")));
    assert_int_equal(m.n_receivers, 0);
    assert_int_equal(m.n_shares, 2); /* one a group */
    for (int i = 0; i < 30; i++) {
        struct share_target t = share_next(router_share(r, BYTES("g"), BYTES("a/+")));

        assert_true(t.found && t.member != NULL);
        got[t.member->subscriber - subscribers]++;
    }
    assert_true(got[0] == 10 && got[1] == 10 && got[2] == 10);
    forget_all(r);
    assert_int_equal(router_match(r, BYTES("a/b"), hash_keyed(BYTES("a/b"))).n_shares, 0);
    router_free(r);
}

static void who_is_connected_goes_before_who_is_not(void **state)
{
    struct router *r = router_new();
    const struct subscription options = {.qos = 1};
    struct share *s;

    (void)state;
    subscribers_reset();
    for (size_t i = 0; i < 3; i++)
        router_share_join(r, &subscribers[i], &options, BYTES("g"), BYTES("t"));
    s = router_share(r, BYTES("g"), BYTES("t"));
    router_share_connected(router_share_find(&subscribers[0], BYTES("g"), BYTES("t")), false);
    router_share_connected(router_share_find(&subscribers[2], BYTES("g"), BYTES("t")), false);
    for (int i = 0; i < 10; i++)
        assert_ptr_equal(share_next(s).member->subscriber, &subscribers[1]);
    router_share_connected(router_share_find(&subscribers[1], BYTES("g"), BYTES("t")), false);
    assert_false(share_has_connected(s));
    assert_true(share_next(s).found); /* a session that keeps it is better than nobody */
    forget_all(r);
    router_free(r);
}

static void outlets_get_their_share_by_weight(void **state)
{
    struct router *r = router_new();
    const struct subscription options = {.qos = 1};
    unsigned here = 0;
    unsigned there[OUTLETS_MAX] = {0};
    struct share *s;

    (void)state;
    subscribers_reset();
    router_share_join(r, &subscribers[0], &options, BYTES("g"), BYTES("t"));
    router_share_interest(r, 2, BYTES("g"), BYTES("t"), (struct share_count){5, 2});
    router_share_interest(r, 7, BYTES("g"), BYTES("t"), (struct share_count){1, 1});
    s = router_share(r, BYTES("g"), BYTES("t"));
    for (int i = 0; i < 40; i++) {
        struct share_target t = share_next(s);

        if (t.member != NULL)
            here++;
        else
            there[t.outlet]++;
    }
    assert_true(here == 10 && there[2] == 20 && there[7] == 10);
    forget_all(r);
    assert_non_null(router_share(r, BYTES("g"), BYTES("t"))); /* others are still in it */
    router_share_interest(r, 2, BYTES("g"), BYTES("t"), (struct share_count){0, 0});
    router_share_interest(r, 7, BYTES("g"), BYTES("t"), (struct share_count){0, 0});
    assert_null(router_share(r, BYTES("g"), BYTES("t")));
    router_share_interest(r, 7, BYTES("g"), BYTES("t"),
                          (struct share_count){0, 0}); /* told twice */
    router_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matching_agrees_with_a_naive_matcher_over_random_changes),
        cmocka_unit_test(the_first_and_the_last_subscription_of_a_filter_are_told),
        cmocka_unit_test(of_filters_without_wildcards_each_outlet_gets_its_own),
        cmocka_unit_test(outlets_are_matched_beside_local_sessions),
        cmocka_unit_test(retained_messages_are_found_by_filters),
        cmocka_unit_test(the_highest_stamp_stands_whatever_order_updates_arrive_in),
        cmocka_unit_test(the_limit_refuses_new_topics_but_not_new_values),
        cmocka_unit_test(new_values_cannot_grow_past_the_limit),
        cmocka_unit_test(the_tree_of_topics_counts_as_well),
        cmocka_unit_test(marks_of_topics_that_had_nothing_are_bounded),
        cmocka_unit_test(who_waits_with_a_message_that_was_replaced_can_tell),
        cmocka_unit_test(serials_tell_what_was_there_before_a_subscription),
        cmocka_unit_test(a_scan_in_parts_finds_each_once_though_others_come_and_go),
        cmocka_unit_test(a_search_that_costs_too_much_says_so),
        cmocka_unit_test(expired_ones_are_passed_over_and_swept),
        cmocka_unit_test(a_group_gets_each_message_once_and_in_turn),
        cmocka_unit_test(who_is_connected_goes_before_who_is_not),
        cmocka_unit_test(outlets_get_their_share_by_weight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
