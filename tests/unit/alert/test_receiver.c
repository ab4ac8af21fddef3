/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/alert/test_receiver.c - queue, attempts, drops */
#include "unit/unit.h"

#include <stdlib.h>

#include "alert/private.h"
#include "base/clock.h"
#include "base/log.h"

/* A receiver that answers as it is told, and lets go of a letter when it is told. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum sent answer;
    bool holds;
    unsigned n;
    char last[64];
} other = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static enum sent take(struct receiver *r, const json_t *record, struct buf *why)
{
    enum sent answer;

    (void)r;
    pthread_mutex_lock(&other.lock);
    other.n++;
    snprintf(other.last, sizeof(other.last), "%s",
             json_string_value(json_object_get(record, "id")));
    pthread_cond_broadcast(&other.changed);
    while (other.holds)
        pthread_cond_wait(&other.changed, &other.lock);
    answer = other.answer;
    pthread_mutex_unlock(&other.lock);
    buf_addf(why, "told so");
    return answer;
}

static void do_nothing(struct receiver *r)
{
    (void)r;
}

static const struct receiver_kind kind = {"test", "alert-test", take, do_nothing};

static void tell(enum sent answer, bool holds)
{
    pthread_mutex_lock(&other.lock);
    other.answer = answer;
    other.holds = holds;
    pthread_cond_broadcast(&other.changed);
    pthread_mutex_unlock(&other.lock);
}

static void wait_asked(unsigned n)
{
    pthread_mutex_lock(&other.lock);
    while (other.n < n)
        pthread_cond_wait(&other.changed, &other.lock);
    pthread_mutex_unlock(&other.lock);
}

static void begin(struct receiver *r, size_t queue_max)
{
    log_level_set(LOG_ERROR);
    *r = (struct receiver){0};
    other.n = 0;
    receiver_init(r, &kind);
    receiver_change(r, &(struct destination){.is_set = true, .queue_max = queue_max});
    assert_int_equal(receiver_start(r, NULL), 0);
}

static struct alert_counters count(struct receiver *r)
{
    struct alert_counters c;

    (void)receiver_count(r, &c);
    return c;
}

static void post(struct receiver *r, unsigned n)
{
    char record[64];

    snprintf(record, sizeof(record), "{\"id\":\"%u\"}", n);
    receiver_post(r, record);
}

static void each_is_sent_once_in_order_also_at_a_stop(void **state)
{
    struct receiver r;

    (void)state;
    tell(SENT_OK, false);
    begin(&r, 100);
    for (unsigned i = 1; i <= 50; i++)
        post(&r, i);
    receiver_done(&r);
    assert_int_equal(other.n, 50);
    assert_string_equal(other.last, "50");
    assert_int_equal(r.counters.sent, 50);
    assert_int_equal(r.counters.dropped, 0);
}

static void while_one_hangs_posting_goes_on_and_the_oldest_are_dropped(void **state)
{
    struct receiver r;

    (void)state;
    tell(SENT_OK, true);
    begin(&r, 5);
    post(&r, 1);
    wait_asked(1);
    for (unsigned i = 2; i <= 20; i++)
        post(&r, i);
    assert_int_equal(count(&r).waiting, 5);
    assert_int_equal(count(&r).dropped, 14);
    tell(SENT_OK, false);
    receiver_done(&r);
    assert_int_equal(r.counters.sent, 6);
    assert_string_equal(other.last, "20");
}

static void what_failed_is_tried_again_and_later_each_time(void **state)
{
    struct receiver r;
    uint64_t begun_ns = clock_now_ns();

    (void)state;
    tell(SENT_FAILED, false);
    begin(&r, 5);
    post(&r, 1);
    wait_asked(2);
    assert_true(clock_now_ns() - begun_ns >= ALERT_RETRY_MIN_S * NS_PER_S);
    wait_asked(3);
    receiver_done(&r);
    assert_int_equal(r.counters.sent, 0);
    assert_int_equal(r.counters.failures, 3);
    assert_true(clock_now_ns() - begun_ns >= 3 * ALERT_RETRY_MIN_S * NS_PER_S);
}

static void what_is_refused_is_not_tried_again(void **state)
{
    struct receiver r;

    (void)state;
    tell(SENT_REFUSED, false);
    begin(&r, 5);
    post(&r, 1);
    post(&r, 2);
    receiver_done(&r);
    assert_int_equal(other.n, 2);
    assert_int_equal(r.counters.refused, 2);
}

static void a_stop_does_not_wait_for_a_receiver_that_fails(void **state)
{
    struct receiver r;

    (void)state;
    tell(SENT_FAILED, false);
    begin(&r, 5);
    post(&r, 1);
    wait_asked(1);
    post(&r, 2);
    receiver_done(&r);
    assert_int_equal(other.n, 1);
    assert_int_equal(r.counters.dropped, 2);
}

static void what_waits_goes_to_the_new_destination_or_nowhere(void **state)
{
    struct receiver r;

    (void)state;
    tell(SENT_FAILED, false);
    begin(&r, 5);
    post(&r, 1);
    wait_asked(1);
    tell(SENT_OK, false);
    /* At once, not when the next attempt at the old one would have been. */
    receiver_change(&r, &(struct destination){.is_set = true, .queue_max = 5, .target.port = 7});
    wait_asked(2);
    assert_int_equal(r.to.target.port, 7);
    tell(SENT_FAILED, false);
    post(&r, 2);
    wait_asked(3);
    receiver_change(&r, &(struct destination){0});
    post(&r, 3);
    assert_false(receiver_count(&r, &(struct alert_counters){0}));
    receiver_done(&r);
    assert_int_equal(other.n, 3);
    assert_int_equal(r.counters.sent, 1);
    assert_int_equal(r.counters.dropped, 1);
    assert_int_equal(r.counters.waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_sent_once_in_order_also_at_a_stop),
        cmocka_unit_test(while_one_hangs_posting_goes_on_and_the_oldest_are_dropped),
        cmocka_unit_test(what_failed_is_tried_again_and_later_each_time),
        cmocka_unit_test(what_is_refused_is_not_tried_again),
        cmocka_unit_test(a_stop_does_not_wait_for_a_receiver_that_fails),
        cmocka_unit_test(what_waits_goes_to_the_new_destination_or_nowhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
