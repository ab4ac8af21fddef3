/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/queue/test_shelf.c - a long queue waits in the journal, and who else needs its records
 */
#include <stdio.h>

#include "base/clock.h"
#include "queue/queue.h"
#include "unit/unit.h"

#define WAITING 3000

/* What the journal was told to drop: all records that were forgotten, in their order. */
static uint64_t forgotten[4 * WAITING];
static size_t n_forgotten;

static void forget(void *arg, uint64_t record)
{
    (void)arg;
    assert_true(n_forgotten < COUNT_OF(forgotten));
    forgotten[n_forgotten++] = record;
}

static bool was_forgotten(uint64_t record)
{
    for (size_t i = 0; i < n_forgotten; i++) {
        if (forgotten[i] == record)
            return true;
    }
    return false;
}

static int listens(void **state)
{
    (void)state;
    n_forgotten = 0;
    record_forget_by(forget, NULL);
    return 0;
}

static int listens_no_more(void **state)
{
    (void)state;
    record_forget_by(NULL, NULL);
    assert_int_equal(holders_counted(), 0);
    return 0;
}

static uint64_t message_id(unsigned i)
{
    return (uint64_t)(2 * i + 1) << 8 | (uint64_t)(i % 3) << 2;
}

static uint64_t delivery_id(unsigned i)
{
    return (uint64_t)(2 * i + 2) << 8 | 4;
}

/* Some expire, one later than the other. */
static uint64_t expires_ns_of(unsigned i)
{
    return i % 4 == 3 ? EXPIRES_NEVER : (1000 + i * 37 % 500) * NS_PER_S;
}

#define MANY_SUBIDS 5000 /* more than a piece of the shelf has bytes */

/* The @i-th message, as it was published or as it is read back. */
static struct message *message_of(unsigned i)
{
    char text[16];
    struct publication p = {.topic = BYTES("t"), .qos = 1, .expires_ns = expires_ns_of(i)};
    struct message *m;

    snprintf(text, sizeof(text), "%u", i);
    p.payload = bytes_str(text);
    m = publication_keep(&p);
    m->record = message_id(i);
    publication_done(&p);
    return m;
}

static struct delivery kept_delivery(unsigned i, struct message *m)
{
    struct delivery d = {
        .message = m, .record = delivery_id(i), .qos = 1 + i % 2, .retain = (uint8_t)(i % 3)};
    uint32_t subids[MANY_SUBIDS] = {i, 1, 2, 3, 268435455};

    delivery_set_subids(&d, subids, i % 50 == 7 ? MANY_SUBIDS : i % 6);
    return d;
}

static void put_kept(struct queue *q, unsigned i)
{
    struct delivery d = kept_delivery(i, message_of(i));

    queue_put(q, &d);
}

/* As the journal does it; a message with a number that @lost divides is not authentic. */
static size_t read_back(struct queue *q, size_t n_max, unsigned lost)
{
    uint64_t records[64];
    struct message *messages[64];
    size_t n = queue_wants(q, records, MIN(n_max, COUNT_OF(records)), SIZE_MAX);

    for (size_t i = 0; i < n; i++) {
        unsigned k = (unsigned)(records[i] >> 8) / 2;

        messages[i] = lost != 0 && k % lost == 0 ? NULL : message_of(k);
    }
    return queue_unshelve(q, records, messages, n);
}

static void assert_is(const struct delivery *d, unsigned i)
{
    struct message *m = message_of(i);
    struct delivery expected = kept_delivery(i, m);

    assert_bytes_equal(d->message->payload, m->payload);
    assert_int_equal(d->record, expected.record);
    assert_int_equal(d->qos, expected.qos);
    assert_int_equal(d->retain, expected.retain);
    assert_int_equal(d->n_subids, expected.n_subids);
    assert_memory_equal(delivery_subids(d), delivery_subids(&expected),
                        d->n_subids * sizeof(uint32_t));
    m->record = expected.record = 0;
    delivery_done(&expected);
}

static void a_long_queue_leaves_memory_and_comes_back_as_it_was(void **state)
{
    struct queue q = {.lane_max = 10};
    unsigned in = 0;
    unsigned out = 0;
    uint64_t seed = 5;

    (void)state;
    while (out < WAITING) {
        struct delivery d;

        if (in < WAITING && noise(&seed) % 100 < (in < WAITING / 2 ? 70 : 50))
            put_kept(&q, in++);
        else if (queue_take(&q, 0, &d)) {
            assert_is(&d, out++);
            delivery_done(&d);
        } else {
            assert_int_equal(read_back(&q, 1 + noise(&seed) % 64, 0), 0);
        }
        assert_int_equal(q.n, in - out);
    }
    assert_int_equal(q.bytes, 0);
    assert_int_equal(n_forgotten,
                     2 * WAITING); /* each delivery and each message, when it was taken */
    queue_done(&q);
}

static void a_queue_that_waits_takes_little(void **state)
{
    struct queue q = {.lane_max = 10};
    size_t before = memory_counted();

    (void)state;
    for (unsigned i = 0; i < WAITING; i++) {
        struct delivery d = {.message = message_of(i), .record = delivery_id(i), .qos = 1};

        queue_put(&q, &d);
    }
    assert_true(q.bytes > WAITING * sizeof(struct message));
    assert_true(memory_counted() - before < 12 * WAITING + 8192);
    assert_int_equal(n_forgotten, 0);
    queue_done(&q);
    assert_int_equal(n_forgotten, 2 * WAITING);
    assert_int_equal(memory_counted(), before);
}

static void what_several_sessions_wait_for_is_needed_until_the_last_has_gone(void **state)
{
    struct queue a = {.lane_max = 1};
    struct queue b = {.lane_max = 1};

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        struct message *m = message_of(i);
        struct delivery to_a = kept_delivery(i, message_ref(m));
        struct delivery to_b = kept_delivery(i, m);

        to_b.record += 8;
        queue_put(&a, &to_a);
        queue_put(&b, &to_b);
    }
    assert_int_equal(holders_counted(), 99); /* the first of both is one message in memory */
    queue_done(&a);
    assert_int_equal(holders_counted(), 0);
    assert_false(was_forgotten(message_id(50)));
    assert_int_equal(read_back(&b, 64, 0), 0);
    queue_done(&b);
    for (unsigned i = 0; i < 100; i++)
        assert_true(was_forgotten(message_id(i)) && was_forgotten(delivery_id(i)) &&
                    was_forgotten(delivery_id(i) + 8));
    assert_int_equal(n_forgotten, 300);
}

/* What a function that is called next leaves unset is not zero by luck. */
static __attribute__((noinline)) void soil_stack(void)
{
    volatile uint8_t at[8192];

    for (size_t i = 0; i < sizeof(at); i++)
        at[i] = 0xff;
}

static void what_cannot_be_read_back_keeps_its_place(void **state)
{
    struct queue q = {.lane_max = 1};
    struct queue_ring shared = {0};
    uint64_t third = message_id(3);

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        struct delivery d = kept_delivery(i, message_of(i));

        d.share = i % 4 == 1 ? 7 : 0; /* may go to another member any time */
        if (i % 4 == 2)               /* lives in memory only */
            d.record = d.message->record = 0;
        queue_put(&q, &d);
    }
    assert_int_equal(q.n, 60);
    queue_take_shared(&q, &shared);
    assert_int_equal(shared.n, 15);
    assert_int_equal(q.n, 45);
    ring_done(&shared);
    soil_stack();
    assert_int_equal(queue_drop_shelved(&q, &third, 1, UINT64_MAX), 1);
    for (unsigned i = 0; i < 60; i++) {
        struct delivery d;

        if (i % 4 == 1 || i == 3)
            continue;
        if (!queue_take(&q, 0, &d)) {
            assert_int_equal(read_back(&q, 7, 0), 0);
            assert_true(queue_take(&q, 0, &d));
        }
        assert_int_equal(d.record, i % 4 == 2 ? 0 : delivery_id(i));
        assert_int_equal(d.message->payload.len, i < 10 ? 1 : 2);
        delivery_done(&d);
    }
    assert_int_equal(q.n, 0);
    assert_int_equal(q.bytes, 0);
    queue_done(&q);
}

static void a_queue_has_a_tail_while_something_is_on_the_shelf(void **state)
{
    struct queue q = {.lane_max = 1};
    struct queue_ring shared = {0};
    struct delivery last = kept_delivery(2, message_of(2));
    uint64_t second = message_id(1);

    (void)state;
    put_kept(&q, 0);
    assert_null(q.tail);
    put_kept(&q, 1);
    last.share = 7; /* it stays in memory, beside the shelf */
    queue_put(&q, &last);
    assert_int_equal(queue_n_shelved(&q), 2);
    assert_int_equal(queue_drop_shelved(&q, &second, 1, UINT64_MAX), 1);
    assert_int_equal(queue_n_shelved(&q), 1);
    queue_take_shared(&q, &shared);
    assert_int_equal(queue_n_shelved(&q), 1); /* its place */
    ring_done(&shared);
    for (struct delivery d; queue_take(&q, 0, &d);)
        delivery_done(&d);
    assert_int_equal(queue_n_shelved(&q), 0);
    assert_null(q.tail);
    put_kept(&q, 3);
    put_kept(&q, 4);
    second = message_id(4);
    assert_int_equal(queue_drop_shelved(&q, &second, 1, UINT64_MAX), 1);
    assert_null(q.tail);
    queue_done(&q);
}

/* As what is retained, and is found anew. */
static void a_delivery_that_came_later_stays_though_its_message_is_dropped(void **state)
{
    struct queue q = {.lane_max = 1};
    struct message *m = message_of(1);
    uint64_t message = message_id(1);

    (void)state;
    put_kept(&q, 0);
    for (unsigned i = 1; i <= 3; i++) {
        struct delivery d = kept_delivery(i, message_ref(m));

        queue_put(&q, &d);
    }
    message_unref(m);
    assert_int_equal(queue_drop_shelved(&q, &message, 1, delivery_id(2)), 2);
    assert_true(was_forgotten(delivery_id(1)) && was_forgotten(delivery_id(2)));
    assert_false(was_forgotten(delivery_id(3)) || was_forgotten(message));
    assert_int_equal(queue_n_shelved(&q), 1);
    queue_done(&q);
}

/* Without being read back. */
static void what_has_expired_leaves_the_shelf_and_its_records(void **state)
{
    const uint64_t now_ns = 1200 * NS_PER_S;
    struct queue q = {.lane_max = 10};
    struct delivery d;
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i < WAITING; i++) {
        put_kept(&q, i);
        n += expires_ns_of(i) <= now_ns;
    }
    assert_int_equal(queue_expire(&q, 1000 * NS_PER_S - 1), 0);
    for (size_t dropped; (dropped = queue_expire(&q, now_ns)) > 0;)
        n -= dropped;
    assert_int_equal(n, 0);
    for (unsigned i = 0; i < WAITING; i++) {
        if (expires_ns_of(i) <= now_ns) {
            assert_true(was_forgotten(delivery_id(i)) && was_forgotten(message_id(i)));
            continue;
        }
        if (!queue_take(&q, now_ns, &d)) {
            assert_int_equal(read_back(&q, 64, 0), 0);
            assert_true(queue_take(&q, now_ns, &d));
        }
        assert_is(&d, i);
        delivery_done(&d);
    }
    assert_int_equal(q.n, 0);
    assert_int_equal(q.bytes, 0);
    queue_done(&q);
}

/* Nobody has to ask for it: the head of the queue is what has not expired. */
static void what_has_expired_on_the_shelf_is_not_read_back(void **state)
{
    struct queue q = {.lane_max = 1};
    uint64_t record;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        put_kept(&q, i);
    assert_null(queue_head(&q, 2000 * NS_PER_S));
    assert_int_equal(q.n, 1);
    assert_int_equal(queue_wants(&q, &record, 1, SIZE_MAX), 1);
    assert_int_equal(record, message_id(3));
    queue_done(&q);
}

static void what_is_lost_is_counted_and_the_rest_comes(void **state)
{
    struct queue q = {.lane_max = 1};
    struct delivery d;

    (void)state;
    for (unsigned i = 0; i < 60; i++)
        put_kept(&q, i);
    assert_int_equal(read_back(&q, 59, 10), 5);
    assert_int_equal(q.n, 55);
    for (unsigned i = 0; i < 60; i++) {
        if (i % 10 == 0 && i > 0)
            continue;
        assert_true(queue_take(&q, 0, &d));
        assert_is(&d, i);
        delivery_done(&d);
    }
    assert_int_equal(q.bytes, 0);
    assert_int_equal(n_forgotten, 120);
    queue_done(&q);
}

static void an_answer_that_comes_too_late_changes_nothing(void **state)
{
    struct queue q = {.lane_max = 1};
    uint64_t records[8];
    struct message *messages[8];
    size_t n;

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        put_kept(&q, i);
    n = queue_wants(&q, records, 8, SIZE_MAX);
    for (size_t i = 0; i < n; i++)
        messages[i] = message_of(1 + (unsigned)i);
    assert_int_equal(queue_drop_shelved(&q, &records[2], 1, UINT64_MAX), 1);
    n_forgotten = 0;
    assert_int_equal(queue_unshelve(&q, records, messages, n), 0);
    assert_int_equal(n_forgotten, 0);
    assert_int_equal(q.n, 19);
    assert_int_equal(q.lanes[QUEUE_DELIVERY].n, 3); /* as far as it was as it had been */
    queue_done(&q);
    assert_int_equal(q.bytes, 0);
}

static void holders_are_counted_by_record(void **state)
{
    static uint32_t holders[WAITING];
    uint64_t seed = 9;

    (void)state;
    for (unsigned i = 0; i < 100 * WAITING; i++) {
        unsigned k = (unsigned)(noise(&seed) % WAITING);
        bool adds = noise(&seed) % 100 < (i < 50 * WAITING ? 60 : 30);

        if (holders[k] == 0)
            holders[k] = 1; /* the first one is not told */
        if (adds) {
            uint32_t n = (uint32_t)(noise(&seed) % 3);

            holders_add(message_id(k), n);
            holders[k] += n;
        } else {
            assert_int_equal(holders_release(message_id(k)), --holders[k] == 0);
        }
    }
    for (unsigned k = 0; k < WAITING; k++) {
        while (holders[k] > 0)
            assert_int_equal(holders_release(message_id(k)), --holders[k] == 0);
    }
}

#define WITH_RECORDS(test) cmocka_unit_test_setup_teardown(test, listens, listens_no_more)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RECORDS(a_long_queue_leaves_memory_and_comes_back_as_it_was),
        WITH_RECORDS(a_queue_that_waits_takes_little),
        WITH_RECORDS(what_several_sessions_wait_for_is_needed_until_the_last_has_gone),
        WITH_RECORDS(what_cannot_be_read_back_keeps_its_place),
        WITH_RECORDS(a_queue_has_a_tail_while_something_is_on_the_shelf),
        WITH_RECORDS(a_delivery_that_came_later_stays_though_its_message_is_dropped),
        WITH_RECORDS(what_has_expired_leaves_the_shelf_and_its_records),
        WITH_RECORDS(what_has_expired_on_the_shelf_is_not_read_back),
        WITH_RECORDS(what_is_lost_is_counted_and_the_rest_comes),
        WITH_RECORDS(an_answer_that_comes_too_late_changes_nothing),
        WITH_RECORDS(holders_are_counted_by_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
