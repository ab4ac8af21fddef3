/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes: order, wakeups, and several threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/io.h"

#define SENDERS_N   2
#define LETTERS_N   50000 /* of each sender and lane */
#define BATCH_MAX   7
#define WAIT_MAX_MS 10000

struct letter {
    struct mail mail;
    unsigned sender;
    unsigned number;
};

static struct letter *letter(unsigned sender, unsigned number)
{
    struct letter *l = mem_new(struct letter);

    list_init(&l->mail.link);
    l->sender = sender;
    l->number = number;
    return l;
}

/* The number of the next letter of @mails, which is freed; -1 when there is none. */
static int next_of(struct list *mails)
{
    struct letter *l;
    int number;

    if (list_is_empty(mails))
        return -1;
    l = list_item(mails->next, struct letter, mail.link);
    list_remove(&l->mail.link);
    number = (int)l->number;
    free(l);
    return number;
}

/* How often the mailbox was woken since it was last asked. */
static uint64_t wakeups(struct mailbox *m)
{
    uint64_t n;

    if (read(mailbox_fd(m), &n, sizeof(n)) == sizeof(n))
        return n;
    assert_int_equal(errno, EAGAIN);
    return 0;
}

static void mail_comes_out_of_its_lane_in_order(void **state)
{
    struct mailbox *m = mailbox_new();
    struct list got = LIST_INIT(got), more = LIST_INIT(more);

    (void)state;
    mailbox_post(m, LANE_DELIVERY, &letter(0, 1)->mail);
    mailbox_post(m, LANE_CONTROL, &letter(0, 10)->mail);
    list_append(&more, &letter(0, 2)->mail.link);
    list_append(&more, &letter(0, 3)->mail.link);
    mailbox_post_all(m, LANE_DELIVERY, &more, 2, 500);
    assert_true(list_is_empty(&more));
    mailbox_post(m, LANE_CONTROL, &letter(0, 11)->mail);

    assert_int_equal(mailbox_take(m, LANE_CONTROL, &got), 2);
    assert_int_equal(mailbox_take(m, LANE_DELIVERY, &got), 3); /* appended */
    assert_int_equal(next_of(&got), 10);
    assert_int_equal(next_of(&got), 11);
    assert_int_equal(next_of(&got), 1);
    assert_int_equal(next_of(&got), 2);
    assert_int_equal(next_of(&got), 3);
    assert_int_equal(next_of(&got), -1);
    assert_int_equal(mailbox_take(m, LANE_CONTROL, &got), 0);
    assert_int_equal(mailbox_take(m, LANE_DELIVERY, &got), 0);
    assert_null(mailbox_free(m));
    assert_null(mailbox_free(NULL));
}

static void only_the_first_mail_of_a_lane_wakes(void **state)
{
    struct mailbox *m = mailbox_new();
    struct list got = LIST_INIT(got), none = LIST_INIT(none);

    (void)state;
    assert_int_equal(wakeups(m), 0);
    mailbox_post_all(m, LANE_CONTROL, &none, 0, 0);
    assert_int_equal(wakeups(m), 0);
    mailbox_post(m, LANE_DELIVERY, &letter(0, 1)->mail);
    mailbox_post(m, LANE_DELIVERY, &letter(0, 2)->mail);
    assert_int_equal(wakeups(m), 1);
    mailbox_post(m, LANE_CONTROL, &letter(0, 3)->mail);
    mailbox_post(m, LANE_CONTROL, &letter(0, 3)->mail);
    assert_int_equal(wakeups(m), 1);
    mailbox_take(m, LANE_CONTROL, &got);
    mailbox_take(m, LANE_DELIVERY, &got);
    mailbox_post(m, LANE_CONTROL, &letter(0, 4)->mail);
    assert_int_equal(wakeups(m), 1);
    mailbox_take(m, LANE_CONTROL, &got);
    while (next_of(&got) >= 0)
        ;
    mailbox_free(m);
}

static void a_reader_that_lets_deliveries_gather_is_woken_by_control_only(void **state)
{
    struct mailbox *m = mailbox_new();
    struct list got = LIST_INIT(got);

    (void)state;
    assert_true(mailbox_gather(m));
    mailbox_post(m, LANE_DELIVERY, &letter(0, 1)->mail);
    assert_int_equal(wakeups(m), 0);
    assert_true(mailbox_gather(m)); /* they may wait on */
    mailbox_post(m, LANE_CONTROL, &letter(0, 2)->mail);
    assert_int_equal(wakeups(m), 1);
    assert_false(mailbox_gather(m)); /* control may not */
    mailbox_take(m, LANE_CONTROL, &got);
    assert_false(mailbox_rest(m)); /* and nobody rests upon deliveries */
    mailbox_take(m, LANE_DELIVERY, &got);
    assert_true(mailbox_rest(m));
    mailbox_post(m, LANE_DELIVERY, &letter(0, 3)->mail);
    assert_int_equal(wakeups(m), 1);
    mailbox_take(m, LANE_DELIVERY, &got);
    while (next_of(&got) >= 0)
        ;
    mailbox_free(m);
}

static void a_reader_that_is_awake_is_not_woken(void **state)
{
    struct mailbox *m = mailbox_new();
    struct list got = LIST_INIT(got);

    (void)state;
    mailbox_rouse(m);
    mailbox_post(m, LANE_DELIVERY, &letter(0, 1)->mail);
    mailbox_post(m, LANE_CONTROL, &letter(0, 2)->mail);
    assert_int_equal(wakeups(m), 0);
    assert_false(mailbox_rest(m)); /* so it looks before it waits */
    mailbox_rouse(m);
    mailbox_take(m, LANE_CONTROL, &got);
    assert_false(mailbox_rest(m)); /* the other lane */
    mailbox_take(m, LANE_DELIVERY, &got);
    assert_true(mailbox_rest(m));
    mailbox_post(m, LANE_DELIVERY, &letter(0, 3)->mail);
    mailbox_post(m, LANE_DELIVERY, &letter(0, 4)->mail);
    assert_int_equal(wakeups(m), 1);
    mailbox_take(m, LANE_DELIVERY, &got);
    while (next_of(&got) >= 0)
        ;
    mailbox_free(m);
}

static void mail_that_comes_between_the_two_takings_wakes(void **state)
{
    struct mailbox *m = mailbox_new();
    struct list got = LIST_INIT(got);

    (void)state;
    mailbox_post(m, LANE_DELIVERY, &letter(0, 1)->mail);
    mailbox_clear_wakeup(m);
    mailbox_take(m, LANE_CONTROL, &got);
    mailbox_post(m, LANE_CONTROL, &letter(0, 2)->mail);
    mailbox_take(m, LANE_DELIVERY, &got);
    assert_int_equal(wakeups(m), 1);
    mailbox_take(m, LANE_CONTROL, &got);
    while (next_of(&got) >= 0)
        ;
    mailbox_free(m);
}

static void a_wakeup_is_readable_until_it_is_cleared(void **state)
{
    struct mailbox *m = mailbox_new();
    struct pollfd p = {.fd = mailbox_fd(m), .events = POLLIN};
    struct list got = LIST_INIT(got);

    (void)state;
    mailbox_clear_wakeup(m); /* nothing to clear is fine */
    assert_int_equal(poll(&p, 1, 0), 0);
    mailbox_post(m, LANE_CONTROL, &letter(0, 1)->mail);
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_int_equal(poll(&p, 1, 0), 1);
    mailbox_clear_wakeup(m);
    assert_int_equal(poll(&p, 1, 0), 0);
    mailbox_take(m, LANE_CONTROL, &got);
    assert_int_equal(next_of(&got), 1);
    mailbox_free(m);
}

static void bytes_of_deliveries_count_until_they_are_taken(void **state)
{
    struct mailbox *m = mailbox_new();
    struct list got = LIST_INIT(got), more = LIST_INIT(more);

    (void)state;
    list_append(&more, &letter(0, 1)->mail.link);
    mailbox_post_all(m, LANE_DELIVERY, &more, 1, 1000);
    list_append(&more, &letter(0, 2)->mail.link);
    mailbox_post_all(m, LANE_DELIVERY, &more, 1, 234);
    list_append(&more, &letter(0, 3)->mail.link);
    mailbox_post_all(m, LANE_CONTROL, &more, 1, 5);
    assert_int_equal(mailbox_bytes(m), 1234);
    mailbox_take(m, LANE_CONTROL, &got);
    assert_int_equal(mailbox_bytes(m), 1234);
    mailbox_take(m, LANE_DELIVERY, &got);
    assert_int_equal(mailbox_bytes(m), 0);
    while (next_of(&got) >= 0)
        ;
    mailbox_free(m);
}

/* ---- threads ---- */

struct sender {
    struct mailbox *mailbox;
    unsigned name;
};

/* Alternates between a single mail and lists, and between the lanes. */
static void *send_letters(void *at)
{
    const struct sender *s = at;
    unsigned seed = s->name, number[LANE_N] = {0};

    while (number[LANE_CONTROL] < LETTERS_N || number[LANE_DELIVERY] < LETTERS_N) {
        enum lane lane = rand_r(&seed) % 2 == 0 ? LANE_CONTROL : LANE_DELIVERY;
        size_t some = (size_t)rand_r(&seed) % BATCH_MAX;
        size_t n = MIN(some, LETTERS_N - number[lane]);
        struct list mails = LIST_INIT(mails);

        if (n == 1) {
            mailbox_post(s->mailbox, lane, &letter(s->name, number[lane]++)->mail);
            continue;
        }
        for (size_t i = 0; i < n; i++)
            list_append(&mails, &letter(s->name, number[lane]++)->mail.link);
        mailbox_post_all(s->mailbox, lane, &mails, n, n * 100);
    }
    return NULL;
}

static unsigned take_letters(struct mailbox *m, enum lane lane, unsigned expected[SENDERS_N])
{
    struct list got = LIST_INIT(got);
    unsigned n = (unsigned)mailbox_take(m, lane, &got), n_seen = 0;

    list_each (it, &got) {
        struct letter *l = list_item(it, struct letter, mail.link);

        assert_int_equal(l->number, expected[l->sender]);
        expected[l->sender]++;
        n_seen++;
        free(l);
    }
    assert_int_equal(n_seen, n);
    return n;
}

/* The reader sleeps whenever it has taken all: a wakeup that is lost ends in the limit of the wait.
 */
static void lose_nothing(bool says_when_awake)
{
    struct mailbox *m = mailbox_new();
    struct pollfd p = {.fd = mailbox_fd(m), .events = POLLIN};
    unsigned expected[LANE_N][SENDERS_N] = {{0}};
    struct sender senders[SENDERS_N];
    pthread_t threads[SENDERS_N];
    unsigned n = 0;
    bool waits = true;

    for (unsigned i = 0; i < SENDERS_N; i++) {
        senders[i] = (struct sender){m, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    while (n < SENDERS_N * LANE_N * LETTERS_N) {
        if (waits)
            assert_int_equal(poll(&p, 1, WAIT_MAX_MS), 1);
        if (says_when_awake)
            mailbox_rouse(m);
        mailbox_clear_wakeup(m);
        n += take_letters(m, LANE_CONTROL, expected[LANE_CONTROL]);
        n += take_letters(m, LANE_DELIVERY, expected[LANE_DELIVERY]);
        assert_true(mailbox_bytes(m) <= SENDERS_N * LETTERS_N * 100UL);
        waits = !says_when_awake || mailbox_rest(m);
    }
    for (unsigned i = 0; i < SENDERS_N; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(mailbox_bytes(m), 0);
    mailbox_free(m);
}

static void no_mail_and_no_wakeup_is_lost_between_threads(void **state)
{
    (void)state;
    lose_nothing(false);
}

static void nor_with_a_reader_that_says_when_it_is_awake(void **state)
{
    (void)state;
    lose_nothing(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_comes_out_of_its_lane_in_order),
        cmocka_unit_test(only_the_first_mail_of_a_lane_wakes),
        cmocka_unit_test(a_reader_that_lets_deliveries_gather_is_woken_by_control_only),
        cmocka_unit_test(a_reader_that_is_awake_is_not_woken),
        cmocka_unit_test(mail_that_comes_between_the_two_takings_wakes),
        cmocka_unit_test(a_wakeup_is_readable_until_it_is_cleared),
        cmocka_unit_test(bytes_of_deliveries_count_until_they_are_taken),
        cmocka_unit_test(no_mail_and_no_wakeup_is_lost_between_threads),
        cmocka_unit_test(nor_with_a_reader_that_says_when_it_is_awake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
