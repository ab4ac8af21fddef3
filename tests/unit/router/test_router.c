/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/router/test_router.c - the trie and its cache against a naive list of filters; shared
 * subscriptions */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "router/router.h"
#include "unit/unit.h"
#include "wire/wire.h"

#define SUBSCRIBERS 12

static struct subscriber subscribers[SUBSCRIBERS];

/* Return: of how many filters the last subscription went. */
static size_t forget_all(struct router *r)
{
    size_t n_last = 0;

    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        list_each (it, &subscribers[i].subscriptions) {
            bool last;

            router_remove(r, list_item(it, struct subscription, in_subscriber), &last);
            n_last += last;
        }
    }
    return n_last;
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

    list_each (it, (struct list *)&s->subscriptions) {
        const struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        n += !sub->is_suspended && wire_filter_matches(subscription_filter(sub), topic);
    }
    return n;
}

/* To the other state; Return: what it adds to the filters that subscriptions here hang on. */
static int suspend_or_resume(struct router *r, struct subscription *sub)
{
    bool last;

    if (sub->is_suspended)
        return router_resume(r, sub) == ROUTER_NEW_HERE;
    router_suspend(r, sub, &last);
    return -last;
}

static void assert_matches_like_naive(struct router *r, struct bytes topic)
{
    struct match m = router_match(r, topic, hash_keyed(topic));
    size_t seen = 0;

    for (size_t i = 0; i < m.n_receivers; i++) {
        assert_int_equal(m.receivers[i].n, naive_count(m.receivers[i].subscriber, topic));
        for (size_t k = 0; k < m.receivers[i].n; k++)
            assert_true(wire_filter_matches(subscription_filter(m.receivers[i].first[k]), topic));
    }
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        seen += naive_count(&subscribers[i], topic) > 0;
    assert_int_equal(m.n_receivers, seen);
}

static void matching_agrees_with_a_naive_matcher_over_random_changes(void **state)
{
    struct router *r = router_new();
    uint64_t seed = 11;
    size_t n_filters = 0;
    char text[64];

    (void)state;
    subscribers_reset();
    for (int step = 0; step < 20000; step++) {
        struct subscriber *s = &subscribers[noise(&seed) % SUBSCRIBERS];
        struct bytes path = some_path(&seed, text, true);
        const struct subscription options = {.qos = 1};
        struct subscription *sub;
        bool last;

        switch (noise(&seed) % 5) {
        case 0:
            sub = router_find(r, s, path);
            if (path.len > 0 && (sub == NULL || !sub->is_suspended))
                n_filters += router_subscribe(r, s, &options, path) == ROUTER_NEW_HERE;
            break;
        case 2:
            sub = router_find(r, s, path);
            if (sub != NULL)
                n_filters += (size_t)suspend_or_resume(r, sub);
            break;
        case 1:
            if (unsubscribe(r, s, path, &last))
                n_filters -= last;
            break;
        default:
            path = some_path(&seed, text, false);
            if (path.len > 0)
                assert_matches_like_naive(r, path);
        }
    }
    assert_int_equal(forget_all(r), n_filters);
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

static void a_suspended_one_is_there_and_meets_nothing(void **state)
{
    struct router *r = router_new();
    const struct subscription options = {.qos = 2, .id = 7};
    struct subscriber *s = &subscribers[0];
    uint64_t hash = hash_keyed(BYTES("a/b"));
    struct subscription *sub;
    bool last;

    (void)state;
    subscribers_reset();
    router_subscribe(r, s, &options, BYTES("a/+"));
    router_subscribe(r, &subscribers[1], &options, BYTES("a/+"));
    sub = router_find(r, s, BYTES("a/+"));
    assert_int_equal(router_match(r, BYTES("a/b"), hash).n_receivers, 2);
    router_suspend(r, sub, &last);
    assert_false(last);
    assert_int_equal(router_match(r, BYTES("a/b"), hash).n_receivers, 1);
    assert_ptr_equal(router_find(r, s, BYTES("a/+")), sub);
    assert_null(router_find(r, s, BYTES("a/b")));
    assert_int_equal(s->n_subscriptions, 1);
    assert_int_equal(s->n_suspended, 1);
    assert_true(unsubscribe(r, &subscribers[1], BYTES("a/+"), &last) && last);
    assert_int_equal(router_resume(r, sub), ROUTER_NEW_HERE);
    assert_int_equal(s->n_suspended, 0);
    assert_int_equal(router_match(r, BYTES("a/b"), hash).n_receivers, 1);
    assert_ptr_equal(*router_match(r, BYTES("a/b"), hash).receivers[0].first, sub);
    assert_int_equal(sub->id, 7);
    router_suspend(r, sub, &last);
    assert_true(last);
    assert_true(unsubscribe(r, s, BYTES("a/+"), &last) && !last); /* that was told before */
    assert_true(s->n_subscriptions == 0 && s->n_suspended == 0);
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

/* ---- shared subscriptions ---- */

static struct subscription *member(size_t i)
{
    return router_share_find(&subscribers[i], BYTES("g"), BYTES("t"));
}

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
        struct share *s = router_share(r, BYTES("g"), BYTES("a/+"));
        struct share_target t = share_next(s);

        assert_true(t.found && t.is_here);
        got[share_next_here(s, false)->subscriber - subscribers]++;
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
    router_share_member(member(1), true, false);
    s = router_share(r, BYTES("g"), BYTES("t"));
    assert_true(share_has_away(s));
    for (int i = 0; i < 10; i++)
        assert_ptr_equal(share_next_here(s, true)->subscriber, &subscribers[1]);
    router_share_member(member(1), false, false);
    assert_false(share_has_connected(s));
    assert_true(share_next(s).found); /* a session that keeps it is better than nobody */
    assert_null(share_next_here(s, true));
    for (size_t i = 0; i < 3; i++)
        router_share_member(member(i), true, false);
    assert_false(share_has_away(s));
    forget_all(r);
    router_free(r);
}

/* A group of which all members are suspended is one without members. */
static void a_suspended_member_is_none(void **state)
{
    struct router *r = router_new();
    const struct subscription options = {.qos = 1};
    uint64_t hash = hash_keyed(BYTES("t"));
    struct subscription *two[2];
    bool last;

    (void)state;
    subscribers_reset();
    for (size_t i = 0; i < 2; i++) {
        router_share_join(r, &subscribers[i], &options, BYTES("g"), BYTES("t"));
        two[i] = member(i);
        router_share_member(two[i], true, true);
    }
    router_suspend(r, two[0], &last);
    assert_false(last);
    assert_ptr_equal(member(0), two[0]);
    assert_true(bytes_equal(subscription_group(two[0]), BYTES("g")));
    assert_int_equal(share_here(router_share(r, BYTES("g"), BYTES("t"))).n_members, 1);
    assert_int_equal(share_here(router_share(r, BYTES("g"), BYTES("t"))).n_connected, 1);
    assert_int_equal(share_here(router_share(r, BYTES("g"), BYTES("t"))).n_kept, 1);
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(share_next_here(router_share(r, BYTES("g"), BYTES("t")), i % 2), two[1]);
    router_suspend(r, two[1], &last);
    assert_null(router_share(r, BYTES("g"), BYTES("t")));
    assert_int_equal(router_match(r, BYTES("t"), hash).n_shares, 0);
    assert_int_equal(router_resume(r, two[1]), ROUTER_NEW);
    router_share_member(two[1], false, true);
    assert_int_equal(router_match(r, BYTES("t"), hash).n_shares, 1);
    assert_true(share_has_away(router_share(r, BYTES("g"), BYTES("t"))));
    forget_all(r); /* with the one that is suspended */
    assert_int_equal(subscribers[0].n_suspended, 0);
    router_free(r);
}

/* Each once, so that what nobody takes comes to an end. */
static void outlets_with_members_are_found_until_all_were_asked(void **state)
{
    struct router *r = router_new();
    const struct share_count one_of_each[] = {{2, 1, 0}, {1, 0, 0}, {3, 3, 0}};
    struct share *s;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(one_of_each); i++)
        router_share_interest(r, 2 + i, BYTES("g"), BYTES("t"), one_of_each[i]);
    s = router_share(r, BYTES("g"), BYTES("t"));
    for (int connected = 0; connected < 2; connected++) {
        uint64_t asked = 0;
        struct share_target t;

        while ((t = share_next_elsewhere(s, asked, connected)).found) {
            assert_false(t.is_here || asked & BIT64(t.outlet));
            asked |= BIT64(t.outlet);
        }
        assert_int_equal(asked, connected ? BIT64(2) | BIT64(4) : BIT64(2) | BIT64(3) | BIT64(4));
    }
    for (unsigned i = 0; i < COUNT_OF(one_of_each); i++)
        router_share_interest(r, 2 + i, BYTES("g"), BYTES("t"), (struct share_count){0});
    router_free(r);
}

static void a_group_knows_whether_a_member_is_kept(void **state)
{
    struct router *r = router_new();
    const struct subscription options = {.qos = 1};
    struct share *s;

    (void)state;
    subscribers_reset();
    for (size_t i = 0; i < 2; i++)
        router_share_join(r, &subscribers[i], &options, BYTES("g"), BYTES("t"));
    s = router_share(r, BYTES("g"), BYTES("t"));
    assert_false(share_has_kept(s));
    router_share_member(member(0), false, true);
    router_share_member(member(0), true, true);
    assert_int_equal(share_here(s).n_kept, 1);
    router_share_member(member(0), true, false);
    assert_false(share_has_kept(s));
    router_share_interest(r, 2, BYTES("g"), BYTES("t"), (struct share_count){1, 0, 1});
    assert_true(share_has_kept(s));
    router_share_interest(r, 2, BYTES("g"), BYTES("t"), (struct share_count){0});
    assert_false(share_has_kept(s));
    router_share_member(member(1), false, true);
    forget_all(r);
    assert_null(router_share(r, BYTES("g"), BYTES("t")));
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
    router_share_member(member(0), true, false);
    router_share_interest(r, 2, BYTES("g"), BYTES("t"), (struct share_count){5, 2, 0});
    router_share_interest(r, 7, BYTES("g"), BYTES("t"), (struct share_count){1, 1, 1});
    s = router_share(r, BYTES("g"), BYTES("t"));
    for (int i = 0; i < 40; i++) {
        struct share_target t = share_next(s);

        if (t.is_here)
            here++;
        else
            there[t.outlet]++;
    }
    assert_true(here == 10 && there[2] == 20 && there[7] == 10);
    forget_all(r);
    assert_non_null(router_share(r, BYTES("g"), BYTES("t"))); /* others are still in it */
    router_share_interest(r, 2, BYTES("g"), BYTES("t"), (struct share_count){0});
    router_share_interest(r, 7, BYTES("g"), BYTES("t"), (struct share_count){0});
    assert_null(router_share(r, BYTES("g"), BYTES("t")));
    router_share_interest(r, 7, BYTES("g"), BYTES("t"), (struct share_count){0}); /* told twice */
    router_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matching_agrees_with_a_naive_matcher_over_random_changes),
        cmocka_unit_test(the_first_and_the_last_subscription_of_a_filter_are_told),
        cmocka_unit_test(of_filters_without_wildcards_each_outlet_gets_its_own),
        cmocka_unit_test(a_suspended_one_is_there_and_meets_nothing),
        cmocka_unit_test(outlets_are_matched_beside_local_sessions),
        cmocka_unit_test(a_group_gets_each_message_once_and_in_turn),
        cmocka_unit_test(who_is_connected_goes_before_who_is_not),
        cmocka_unit_test(a_suspended_member_is_none),
        cmocka_unit_test(outlets_with_members_are_found_until_all_were_asked),
        cmocka_unit_test(a_group_knows_whether_a_member_is_kept),
        cmocka_unit_test(outlets_get_their_share_by_weight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
