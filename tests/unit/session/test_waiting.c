/* SPDX-License-Identifier: Apache-2.0 */
/* test_waiting.c - a session whose queue is full */
#include "bench.h"

#include "base/clock.h"

#define QUEUE_MAX 4

/* Not connected, and its queue holds QUEUE_MAX messages. */
static struct bench *bench_away(void)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    cut(b);
    b->session->queue_limits.messages_max = QUEUE_MAX;
    return b;
}

/* [MQTT5-3.3.2-5] [MQTT5-4.5.0-1] */
static void what_has_expired_takes_no_place_of_what_has_not(void **state)
{
    struct bench *b = bench_away();

    (void)state;
    offer_at(b, "stays", 1, EXPIRES_NEVER, 0);
    for (int i = 1; i < QUEUE_MAX; i++)
        assert_int_equal(offer_at(b, "expires", 1, NS_PER_S, 0), SESSION_QUEUED);
    assert_int_equal(offer_at(b, "too early", 1, EXPIRES_NEVER, NS_PER_S - 1), SESSION_DROPPED);
    for (int i = 1; i < QUEUE_MAX; i++)
        assert_int_equal(offer_at(b, "new", 1, EXPIRES_NEVER, NS_PER_S), SESSION_QUEUED);
    assert_int_equal(offer_at(b, "too many", 1, EXPIRES_NEVER, NS_PER_S), SESSION_DROPPED);
    assert_int_equal(b->session->n_dropped, 2);
    agree(b, WIRE_V5, 65535, 1 << 20);
    session_pump(b->session, NS_PER_S);
    assert_sent(b, "stays", 1, 1, false);
    for (uint16_t id = 2; id <= QUEUE_MAX; id++)
        assert_sent(b, "new", 1, id, false);
    assert_nothing_sent(b);
    bench_free(b);
}

/* Another one may have room. */
static void a_member_of_a_group_that_is_full_says_so_and_drops_nothing(void **state)
{
    struct bench *b = bench_away();
    struct router *r = router_new();
    const struct subscription options = {.qos = 1};
    struct subscription *sub;
    bool last;

    (void)state;
    router_share_join(r, &b->session->subscriber, &options, BYTES("g"), BYTES("t"));
    sub = router_share_find(&b->session->subscriber, BYTES("g"), BYTES("t"));
    b->subs[0] = sub;
    for (int i = 0; i < QUEUE_MAX; i++)
        assert_int_equal(offer(b, "x", 1), SESSION_QUEUED);
    assert_int_equal(offer(b, "x", 1), SESSION_FULL);
    assert_int_equal(offer(b, "x", 0), SESSION_AWAY);
    assert_int_equal(b->session->n_dropped, 0);
    router_remove(r, sub, &last);
    router_free(r);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_expired_takes_no_place_of_what_has_not),
        cmocka_unit_test(a_member_of_a_group_that_is_full_says_so_and_drops_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
