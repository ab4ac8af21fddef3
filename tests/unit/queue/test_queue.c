/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/queue/test_queue.c - the drop rule, the two lanes, expiry, and who frees a message */
#include <stdio.h>

#include "base/clock.h"
#include "queue/queue.h"
#include "unit/unit.h"

static const struct queue_limits limits = {.messages_max = 10, .bytes_max = 1 << 20};

static struct delivery delivery_of(const char *payload, uint8_t qos, bool is_control,
                                   uint64_t expires_ns)
{
    struct publication p = {
        .topic = BYTES("t"),
        .payload = bytes_str(payload),
        .qos = qos,
        .is_control = is_control,
        .expires_ns = expires_ns,
    };
    struct delivery d = {.message = publication_keep(&p), .qos = qos};

    publication_done(&p);
    return d;
}

static enum queue_outcome put(struct queue *q, const struct queue_limits *l, struct delivery *d,
                              uint64_t now_ns)
{
    enum queue_outcome outcome = queue_admits(q, l, d, now_ns);

    if (outcome == QUEUE_OK)
        queue_put(q, d);
    else
        delivery_done(d);
    return outcome;
}

static enum queue_outcome offer(struct queue *q, const struct queue_limits *l, const char *payload,
                                uint8_t qos)
{
    struct delivery d = delivery_of(payload, qos, false, EXPIRES_NEVER);
    return put(q, l, &d, 0);
}

static void assert_takes(struct queue *q, uint64_t now_ns, const char *payload)
{
    struct delivery d;

    assert_true(queue_take(q, now_ns, &d));
    assert_bytes_equal(d.message->payload, bytes_str(payload));
    delivery_done(&d);
}

static void qos_0_may_fill_half_and_qos_1_the_rest(void **state)
{
    struct queue q = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(offer(&q, &limits, "a", 0), QUEUE_OK);
    assert_int_equal(offer(&q, &limits, "a", 0), QUEUE_E_FULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(offer(&q, &limits, "b", 1), QUEUE_OK);
    assert_int_equal(offer(&q, &limits, "b", 2), QUEUE_E_FULL);
    assert_takes(&q, 0, "a");
    assert_int_equal(offer(&q, &limits, "b", 2), QUEUE_OK);
    queue_done(&q);
    assert_int_equal(q.bytes, 0);
}

static void bytes_are_bounded_as_messages_are(void **state)
{
    const struct queue_limits small = {.messages_max = 1000,
                                       .bytes_max = 3 * (sizeof(struct message) + 2)};
    struct queue q = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(offer(&q, &small, "x", 1), QUEUE_OK);
    assert_int_equal(offer(&q, &small, "x", 1), QUEUE_E_FULL);
    queue_done(&q);
}

static void control_goes_first_and_finds_room_in_a_full_queue(void **state)
{
    struct queue q = {0};
    struct delivery d = delivery_of("command", 1, true, EXPIRES_NEVER);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(offer(&q, &limits, "data", 1), QUEUE_OK);
    assert_int_equal(put(&q, &limits, &d, 0), QUEUE_OK);
    assert_takes(&q, 0, "command");
    assert_takes(&q, 0, "data");
    queue_done(&q);
}

static void what_has_expired_is_neither_taken_in_nor_given_out(void **state)
{
    struct queue q = {0};
    struct delivery late = delivery_of("late", 1, false, 100);
    struct delivery soon = delivery_of("soon", 1, false, 200);
    struct delivery d;

    (void)state;
    assert_int_equal(put(&q, &limits, &late, 100), QUEUE_E_EXPIRED);
    assert_int_equal(put(&q, &limits, &soon, 100), QUEUE_OK);
    assert_int_equal(offer(&q, &limits, "ever", 1), QUEUE_OK);
    assert_bytes_equal(queue_head(&q, 100)->message->payload, BYTES("soon"));
    assert_bytes_equal(queue_head(&q, 200)->message->payload, BYTES("ever"));
    assert_int_equal(q.n, 1);
    assert_true(queue_take(&q, 200, &d));
    assert_bytes_equal(d.message->payload, BYTES("ever"));
    delivery_done(&d);
    assert_null(queue_head(&q, 200));
    assert_false(queue_take(&q, 200, &d));
    assert_int_equal(q.n, 0);
    assert_int_equal(q.bytes, 0);
    queue_done(&q);
}

static void put_expiring(struct queue *q, const char *payload, bool is_control, uint64_t expires_ns)
{
    struct delivery d = delivery_of(payload, 1, is_control, expires_ns);

    assert_int_equal(put(q, &limits, &d, 0), QUEUE_OK);
}

/* [MQTT5-3.3.2-5] */
static void what_has_expired_goes_from_anywhere_in_the_queue(void **state)
{
    struct queue q = {0};
    const uint64_t s = NS_PER_S;

    (void)state;
    put_expiring(&q, "command", true, EXPIRES_NEVER);
    put_expiring(&q, "one", false, EXPIRES_NEVER);
    put_expiring(&q, "soon", false, 2 * s);
    put_expiring(&q, "later", false, 5 * s);
    put_expiring(&q, "two", false, EXPIRES_NEVER);
    put_expiring(&q, "soon, too", true, 2 * s);
    assert_int_equal(queue_expire(&q, 2 * s - 1), 0);
    assert_int_equal(queue_expire(&q, 2 * s), 2);
    assert_int_equal(q.n, 4);
    assert_int_equal(queue_expire(&q, 5 * s - 1), 0);
    assert_int_equal(queue_take_expired(&q), 2);
    assert_int_equal(queue_expire(&q, 5 * s), 1);
    assert_int_equal(q.expires_ns, 0);
    assert_takes(&q, 5 * s, "command");
    assert_takes(&q, 5 * s, "one");
    assert_takes(&q, 5 * s, "two");
    assert_int_equal(q.bytes, 0);
    assert_int_equal(queue_take_expired(&q), 1);
    put_expiring(&q, "in front", false, 6 * s);
    put_expiring(&q, "three", false, EXPIRES_NEVER);
    assert_takes(&q, 6 * s, "three");
    assert_int_equal(queue_take_expired(&q), 1);
    assert_int_equal(queue_take_expired(&q), 0);
    queue_done(&q);
}

/* What expires in the order in which it came costs nothing but itself. */
static void a_queue_is_not_looked_through_again_and_again(void **state)
{
    struct queue q = {0};

    (void)state;
    put_expiring(&q, "front", false, 10);
    put_expiring(&q, "one", false, EXPIRES_NEVER);
    for (uint64_t at = 20; at < 23; at++)
        put_expiring(&q, "soon", false, at);
    assert_int_equal(queue_expire(&q, 20), 1); /* the one in front */
    assert_int_equal(queue_expire(&q, 20), 1);
    assert_int_equal(queue_expire(&q, 22), 0); /* that was a moment ago */
    assert_int_equal(queue_expire(&q, 20 + NS_PER_S), 2);
    queue_done(&q);
}

static void order_survives_growth_and_wrap_around(void **state)
{
    const struct queue_limits wide = {.messages_max = 100000, .bytes_max = 1 << 30};
    struct queue q = {0};
    uint64_t seed = 3;
    unsigned in = 0;
    unsigned out = 0;
    char text[16];

    (void)state;
    while (out < 5000) {
        if (noise(&seed) % 5 < 3 && in < 5000) {
            snprintf(text, sizeof(text), "%u", in++);
            assert_int_equal(offer(&q, &wide, text, 1), QUEUE_OK);
        } else if (out < in) {
            snprintf(text, sizeof(text), "%u", out++);
            assert_takes(&q, 0, text);
        }
    }
    assert_int_equal(q.n, 0);
    queue_done(&q);
}

static bool is_b(const void *arg, const struct message *m)
{
    (void)arg;
    return bytes_equal(m->payload, BYTES("b"));
}

static void what_is_picked_leaves_and_the_order_of_the_rest_stays(void **state)
{
    struct queue q = {0};
    struct queue_ring out = {0};
    struct delivery control = delivery_of("b", 1, true, EXPIRES_NEVER);

    (void)state;
    assert_int_equal(put(&q, &limits, &control, 0), QUEUE_OK);
    for (const char *payload = "abcba"; *payload != '\0'; payload++) {
        const char one[] = {*payload, '\0'};

        assert_int_equal(offer(&q, &limits, one, 1), QUEUE_OK);
    }
    queue_take_if(&q, is_b, NULL, &out);
    assert_int_equal(out.n, 3);
    assert_int_equal(q.n, 3);
    ring_done(&out);
    assert_takes(&q, 0, "a");
    assert_takes(&q, 0, "c");
    assert_takes(&q, 0, "a");
    assert_int_equal(q.bytes, 0);
    queue_done(&q);
}

static void a_publication_makes_one_message_however_often_it_is_kept(void **state)
{
    struct publication p = {.topic = BYTES("a/b"),
                            .forward = BYTES("f"),
                            .payload = BYTES("pp"),
                            .qos = 2,
                            .retain = true,
                            .expires_ns = 5,
                            .publisher = 9,
                            .topic_hash = 8,
                            .stamp = 7};
    struct message *one = publication_keep(&p);
    struct message *two = publication_keep(&p);
    struct publication again;

    (void)state;
    assert_ptr_equal(one, two);
    publication_done(&p);
    message_unref(two);
    again = publication_of(one);
    message_unref(one);
    assert_bytes_equal(again.topic, BYTES("a/b"));
    assert_bytes_equal(again.forward, BYTES("f"));
    assert_bytes_equal(again.payload, BYTES("pp"));
    assert_true(again.retain && again.qos == 2 && again.expires_ns == 5 && again.publisher == 9 &&
                again.topic_hash == 8 && again.stamp == 7);
    publication_done(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qos_0_may_fill_half_and_qos_1_the_rest),
        cmocka_unit_test(bytes_are_bounded_as_messages_are),
        cmocka_unit_test(control_goes_first_and_finds_room_in_a_full_queue),
        cmocka_unit_test(what_has_expired_is_neither_taken_in_nor_given_out),
        cmocka_unit_test(what_has_expired_goes_from_anywhere_in_the_queue),
        cmocka_unit_test(a_queue_is_not_looked_through_again_and_again),
        cmocka_unit_test(order_survives_growth_and_wrap_around),
        cmocka_unit_test(what_is_picked_leaves_and_the_order_of_the_rest_stays),
        cmocka_unit_test(a_publication_makes_one_message_however_often_it_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
