/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/session/test_subscribed.c - what the subscriptions of a session make of a message, and
 * which retained ones they find */
#include "bench.h"

#include "base/mem.h"

static void retain_is_kept_only_when_asked_for(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);

    (void)state;
    offer(b, "a", 0);
    assert_false(sent_publish(b).retain); /* [MQTT5-3.3.1-12] */
    b->sub.retain_as_published = true;
    offer(b, "b", 0);
    assert_true(sent_publish(b).retain); /* [MQTT5-3.3.1-13] */
    bench_free(b);
}

/* ... which a session that goes on at an earlier level has not asked for, but by a bridge. */
static void retain_is_not_kept_before_5_0(void **state)
{
    struct bench *b = bench_new(WIRE_V311, 0);

    (void)state;
    b->sub.retain_as_published = true;
    offer(b, "a", 0);
    assert_false(sent_publish(b).retain); /* [MQTT3-3.3.1-9] */
    b->conn.is_bridge = true;
    offer(b, "b", 0);
    assert_true(sent_publish(b).retain);
    bench_free(b);
}

static struct message *kept(const char *payload)
{
    struct publication p = {
        .topic = BYTES("r"), .payload = bytes_str(payload), .qos = 1, .expires_ns = EXPIRES_NEVER};
    struct message *m = publication_keep(&p);

    publication_done(&p);
    return m;
}

/* It was asked for at 5.0, and sent, or waits; now the session goes on at another level. */
static void retain_of_what_has_waited_is_as_the_level_of_now_has_it(void **state)
{
    static const enum wire_level levels[] = {WIRE_V311, WIRE_V5};

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(levels); i++) {
        struct bench *b = bench_new(WIRE_V5, 1);
        struct retained_want want = {.subscription = &b->sub};
        struct retained_found *found = mem_new(struct retained_found);

        b->sub.retain_as_published = true;
        offer(b, "sent", 1);
        assert_true(sent_publish(b).retain);
        cut(b);
        offer(b, "waits", 1);
        found->message = kept("found");
        session_offer_retained(b->session, &want, NULL, found, 1);
        agree(b, levels[i], 65535, 1 << 20);
        session_pump(b->session, 0);
        assert_int_equal(sent_publish(b).retain, levels[i] == WIRE_V5); /* again */
        assert_int_equal(sent_publish(b).retain, levels[i] == WIRE_V5); /* [MQTT3-3.3.1-9] */
        assert_true(sent_publish(b).retain);                            /* [MQTT3-3.3.1-8] */
        assert_nothing_sent(b);
        bench_free(b);
    }
}

static void overlapping_subscriptions_give_one_message_with_all_identifiers(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct subscription more[3] = {{.qos = 2, .id = 7}, {.qos = 1, .id = 8}, {.qos = 0, .id = 9}};
    struct subscription *subs[] = {&more[0], &more[1], &more[2]};
    struct wire_publish p;

    (void)state;
    b->receiver = (struct receiver){&b->session->subscriber, subs, 3};
    offer(b, "a", 2);
    p = sent_publish(b);
    assert_int_equal(p.qos, 2);                /* [MQTT5-3.3.4-2] */
    assert_int_equal(p.n_subscription_ids, 3); /* [MQTT5-3.3.4-4] */
    assert_int_equal(p.subscription_ids[0] + p.subscription_ids[1] + p.subscription_ids[2], 24);
    assert_nothing_sent(b);
    bench_free(b);
}

static void no_local_keeps_the_clients_own_messages_away(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct publication own = {
        .topic = BYTES("t"), .expires_ns = EXPIRES_NEVER, .publisher = client_key(BYTES("me"))};

    (void)state;
    b->sub.no_local = true; /* [MQTT5-3.8.3-3] */
    assert_int_equal(session_offer(b->session, &own, &b->receiver, 0), SESSION_SKIPPED);
    assert_int_equal(offer(b, "of another", 0), SESSION_SENT);
    bench_free(b);
}

/* Those of a subscription made with 5.0, of a session that goes on at an earlier level, come; a
 * bridge is not to hear itself. */
static void no_local_is_no_option_before_5_0(void **state)
{
    struct bench *b = bench_new(WIRE_V311, 0);
    struct publication own = {
        .topic = BYTES("t"), .expires_ns = EXPIRES_NEVER, .publisher = client_key(BYTES("me"))};

    (void)state;
    b->sub.no_local = true;
    assert_int_equal(session_offer(b->session, &own, &b->receiver, 0), SESSION_SENT);
    b->conn.is_bridge = true;
    assert_int_equal(session_offer(b->session, &own, &b->receiver, 0), SESSION_SKIPPED);
    bench_free(b);
}

#define MANY 20

/* Return: the sum of the Subscription Identifiers of the PUBLISH that was sent; each is below 128.
 */
static unsigned sum_of_identifiers(struct bench *b, size_t *ret_n)
{
    struct wire_frame f;
    unsigned sum = 0;
    const uint8_t *at;

    assert_true(next_frame(b, &f));
    assert_int_equal(f.type, WIRE_PUBLISH);
    at = f.body.at + 2 + 1 + 2; /* topic, packet id */
    *ret_n = *at++ / 2;         /* length of the properties: there are no others */
    for (size_t i = 0; i < *ret_n; i++, at += 2) {
        assert_int_equal(at[0], PROP_SUBSCRIPTION_ID);
        sum += at[1];
    }
    return sum;
}

/* [MQTT5-3.3.4-3] [MQTT5-3.3.4-4]; sent at once, again, and out of the queue. */
static void identifiers_of_many_subscriptions_all_come(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);
    struct subscription many[MANY] = {{.qos = 0}};
    struct subscription *subs[MANY];
    size_t n;

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        many[i] = (struct subscription){.qos = 1, .id = i + 1};
        subs[i] = &many[i];
    }
    b->receiver = (struct receiver){&b->session->subscriber, subs, MANY};
    offer(b, "a", 1);
    assert_int_equal(sum_of_identifiers(b, &n), MANY * (MANY + 1) / 2);
    assert_int_equal(n, MANY);
    cut(b);
    offer(b, "b", 1);
    assert_int_equal(b->session->queue.bytes, publication_bytes(&(struct publication){
                                                  .topic = BYTES("t"), .payload = BYTES("b")}) +
                                                  MANY * sizeof(uint32_t));
    agree(b, WIRE_V5, 65535, 1 << 20);
    session_pump(b->session, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sum_of_identifiers(b, &n), MANY * (MANY + 1) / 2);
        assert_int_equal(n, MANY);
    }
    assert_nothing_sent(b);
    assert_int_equal(b->session->queue.bytes, 0);
    bench_free(b);
}

/* [MQTT5-3.1.2-24] */
static void a_message_is_too_large_with_its_identifiers(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct subscription many[MANY] = {{.qos = 0}};
    struct subscription *subs[MANY];

    (void)state;
    cut(b);
    agree(b, WIRE_V5, 10, 2 + 3 + 1 + MANY * 2 + 1); /* one byte of payload */
    for (unsigned i = 0; i < MANY; i++) {
        many[i].id = i + 1;
        subs[i] = &many[i];
    }
    b->receiver = (struct receiver){&b->session->subscriber, subs, MANY};
    assert_int_equal(offer(b, "x", 0), SESSION_SENT);
    assert_int_equal(offer(b, "xy", 0), SESSION_TOO_LARGE);
    bench_free(b);
}

static void retained_messages_come_after_what_waits_and_never_overflow(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);
    size_t n = 3000; /* more than the queue holds */
    struct retained_want want = {.subscription = &b->sub};
    struct retained_found *found = mem_zero(n * sizeof(*found));

    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct publication p = {
            .topic = BYTES("r"), .payload = BYTES("kept"), .qos = 1, .expires_ns = EXPIRES_NEVER};

        found[i].message = publication_keep(&p);
        publication_done(&p);
    }
    session_offer_retained(b->session, &want, NULL, found, n);
    offer(b, "live", 1);
    assert_sent(b, "live", 1, 1, false);
    for (size_t i = 0; i < n; i++) {
        struct wire_publish p = sent_publish(b);

        assert_true(p.retain);
        assert_true(ack(b, WIRE_PUBACK, (uint16_t)(i + 1), 0));
    }
    assert_true(ack(b, WIRE_PUBACK, (uint16_t)(n + 1), 0));
    assert_nothing_sent(b);
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

static void a_retained_message_that_was_replaced_does_not_come_after_the_new_one(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);
    struct router *r = router_new(); /* on which nothing is retained any more */
    struct retained_want want = {.subscription = &b->sub};
    struct retained_found *found = mem_zero(2 * sizeof(*found));

    (void)state;
    found[0].message = kept("old");
    found[1].message = kept("stands");
    session_offer_retained(b->session, &want, r, found, 2);
    message_set_replaced(found[0].message);
    offer(b, "new", 1);
    assert_sent(b, "new", 1, 1, false);
    assert_sent(b, "stands", 1, 2, false); /* [MQTT5-4.6.0-6] */
    assert_nothing_sent(b);
    bench_free(b);
    router_free(r);
}

static struct subscription *subscribed(struct router *r, struct subscriber *s, struct bytes filter)
{
    const struct subscription options = {.qos = 1};

    router_subscribe(r, s, &options, filter);
    return router_find(r, s, filter);
}

static void subscriptions_want_retained_messages_in_turn_and_once_for_each_subscribe(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);
    struct router *r = router_new();
    struct subscriber *s = &b->session->subscriber;
    struct subscription *one = subscribed(r, s, BYTES("one"));
    struct subscription *two = subscribed(r, s, BYTES("two"));
    struct retained_found *found = mem_new(struct retained_found);
    bool last;

    (void)state;
    session_want_retained(b->session, one, 7);
    session_want_retained(b->session, two, 7);
    session_want_retained(b->session, one, 9); /* again */
    assert_ptr_equal(session_retained_next(b->session), one);
    assert_int_equal(one->want->until, 7);
    session_found_retained(b->session, one); /* once more, behind the other one [MQTT5-3.8.4-5] */
    assert_ptr_equal(session_retained_next(b->session), two);
    assert_int_equal(one->want->until, 9);

    b->conn.n_subacks_due = 1; /* nothing goes before SUBACK */
    assert_null(session_retained_next(b->session));
    b->conn.n_subacks_due = 0;

    found->message = kept("value");
    session_offer_retained(b->session, two->want, NULL, found, 1);
    assert_null(session_retained_next(b->session)); /* that is to be sent first */
    session_pump(b->session, 0);
    assert_sent(b, "value", 1, 1, false);
    session_found_retained(b->session, two);
    assert_null(two->want);
    assert_ptr_equal(session_retained_next(b->session), one);
    for (uint64_t serial = 10; serial < 1000;
         serial++) /* who never reads cannot have the node keep more */
        session_want_retained(b->session, one, serial);
    assert_int_equal(one->want->n, RETAINED_WANTS_MAX);
    for (unsigned i = 0; i < RETAINED_WANTS_MAX - 1; i++)
        session_found_retained(b->session, one);
    assert_int_equal(one->want->until, 999);
    router_remove(r, one, &last); /* unsubscribed: it wants nothing any more */
    assert_null(session_retained_next(b->session));
    router_remove(r, two, &last);
    bench_free(b);
    router_free(r);
}

static void what_is_retained_is_not_looked_for_while_a_subscription_is_suspended(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);
    struct router *r = router_new();
    struct subscriber *s = &b->session->subscriber;
    struct subscription *one = subscribed(r, s, BYTES("one"));
    struct subscription *two = subscribed(r, s, BYTES("two"));
    bool last;

    (void)state;
    session_want_retained(b->session, one, 7);
    session_want_retained(b->session, one, 9);
    session_pause_retained(two); /* it wants nothing */
    session_resume_retained(b->session, two);
    session_pause_retained(one);
    assert_null(session_retained_next(b->session));
    session_want_retained(b->session, two, 9);
    session_resume_retained(b->session, one); /* behind the other one, and what it wanted */
    assert_ptr_equal(session_retained_next(b->session), two);
    session_found_retained(b->session, two);
    for (uint64_t until = 7; until <= 9; until += 2) {
        assert_ptr_equal(session_retained_next(b->session), one);
        assert_int_equal(one->want->until, until);
        session_found_retained(b->session, one);
    }
    assert_null(session_retained_next(b->session));
    session_want_retained(b->session, one, 11);
    session_pause_retained(one);
    router_remove(r, one, &last); /* with what it wants */
    router_remove(r, two, &last);
    assert_null(session_retained_next(b->session));
    bench_free(b);
    router_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retain_is_kept_only_when_asked_for),
        cmocka_unit_test(retain_is_not_kept_before_5_0),
        cmocka_unit_test(retain_of_what_has_waited_is_as_the_level_of_now_has_it),
        cmocka_unit_test(overlapping_subscriptions_give_one_message_with_all_identifiers),
        cmocka_unit_test(no_local_keeps_the_clients_own_messages_away),
        cmocka_unit_test(no_local_is_no_option_before_5_0),
        cmocka_unit_test(identifiers_of_many_subscriptions_all_come),
        cmocka_unit_test(a_message_is_too_large_with_its_identifiers),
        cmocka_unit_test(retained_messages_come_after_what_waits_and_never_overflow),
        cmocka_unit_test(a_retained_message_that_was_replaced_does_not_come_after_the_new_one),
        cmocka_unit_test(subscriptions_want_retained_messages_in_turn_and_once_for_each_subscribe),
        cmocka_unit_test(what_is_retained_is_not_looked_for_while_a_subscription_is_suspended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
