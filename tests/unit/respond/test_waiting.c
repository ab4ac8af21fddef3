/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_waiting.c - orders that wait for a second person */
#include "stage.h"

static const struct respond_order ban = {
    .kind = ACTION_BAN,
    .target_kind = TARGET_ADDRESS,
    .target = "192.0.2.0/24",
    .for_ms = 60000,
    .reason = "scan",
};

static enum respond_answer approve(struct stage *s, const char *id, const char *author)
{
    struct respond_waiting w;
    char *why = NULL;
    enum respond_answer a = respond_order_approve(s->r, id, author, s->now, &w, &why);

    respond_waiting_done(&w);
    free(why);
    return a;
}

static void count_one(void *arg, const struct respond_waiting *w)
{
    *(unsigned *)arg += w->n_hit;
}

static void it_takes_another_person_than_who_ordered_it(void **state)
{
    char id[RESPOND_ORDER_ID_BYTES];
    struct stage s;
    unsigned n = 0;

    (void)state;
    stage_begin(&s);
    assert_int_equal(respond_order_hold(s.r, &ban, "admin:alice", 7, s.now, id), RESPOND_OK);
    respond_waiting_each(s.r, count_one, &n);
    assert_int_equal(n, 7);
    assert_int_equal(approve(&s, id, "admin:alice"), RESPOND_E_CONFLICT);
    assert_int_equal(approve(&s, "O-1", "admin:bob"), RESPOND_E_NOT_FOUND);
    assert_did_nothing(&s);
    assert_int_equal(approve(&s, id, "admin:bob"), RESPOND_OK);
    assert_did(&s, "ban address 192.0.2.0/24 - 60");
    assert_int_equal(approve(&s, id, "admin:bob"), RESPOND_E_NOT_FOUND);
    stage_end(&s);
}

static void a_ban(void *arg, const struct respond_ban *b)
{
    (void)arg;
    assert_string_equal(b->author, "admin:alice");
    assert_string_equal(b->reason, "scan; approved by admin:bob");
}

static void both_stand_at_what_was_done(void **state)
{
    char id[RESPOND_ORDER_ID_BYTES];
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(respond_order_hold(s.r, &ban, "admin:alice", 7, s.now, id), RESPOND_OK);
    assert_int_equal(approve(&s, id, "admin:bob"), RESPOND_OK);
    assert_int_equal(respond_bans(s.r), 1);
    respond_bans_each(s.r, a_ban, NULL);
    stage_end(&s);
}

static void it_ends_with_its_time_with_the_run_or_when_it_is_withdrawn(void **state)
{
    char id[3][RESPOND_ORDER_ID_BYTES];
    struct respond_waiting w;
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(respond_order_hold(s.r, &ban, "admin:alice", 7, s.now, id[0]), RESPOND_OK);
    assert_int_equal(respond_order_withdraw(s.r, id[0], "admin:bob", &w), RESPOND_OK);
    respond_waiting_done(&w);
    assert_int_equal(respond_order_withdraw(s.r, id[0], "admin:bob", &w), RESPOND_E_NOT_FOUND);
    assert_int_equal(respond_order_hold(s.r, &ban, "admin:alice", 7, s.now, id[1]), RESPOND_OK);
    stage_wait(&s, 899);
    assert_int_equal(approve(&s, id[1], "admin:alice"), RESPOND_E_CONFLICT); /* still there */
    stage_wait(&s, 1);
    assert_int_equal(approve(&s, id[1], "admin:bob"), RESPOND_E_NOT_FOUND);
    assert_int_equal(respond_order_hold(s.r, &ban, "admin:alice", 7, s.now, id[1]), RESPOND_OK);
    stage_restart(&s);
    assert_int_equal(approve(&s, id[1], "admin:bob"), RESPOND_E_NOT_FOUND);
    /* The number is not another order's, either. */
    s.now.unix_ms++;
    assert_int_equal(respond_order_hold(s.r, &ban, "admin:alice", 7, s.now, id[2]), RESPOND_OK);
    assert_string_not_equal(id[2], id[1]);
    assert_did_nothing(&s);
    stage_end(&s);
}

static void what_could_not_be_done_does_not_wait_nor_do_too_many(void **state)
{
    struct respond_order bad = ban;
    char id[RESPOND_ORDER_ID_BYTES];
    struct stage s;

    (void)state;
    stage_begin(&s);
    bad.target_kind = TARGET_TOPIC;
    assert_int_equal(respond_order_hold(s.r, &bad, "admin:alice", 7, s.now, id), RESPOND_E_INVALID);
    for (unsigned i = 0; i < RESPOND_WAITING_MAX; i++)
        assert_int_equal(respond_order_hold(s.r, &ban, "admin:alice", 7, s.now, id), RESPOND_OK);
    assert_int_equal(respond_order_hold(s.r, &ban, "admin:alice", 7, s.now, id), RESPOND_E_LIMIT);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_takes_another_person_than_who_ordered_it),
        cmocka_unit_test(both_stand_at_what_was_done),
        cmocka_unit_test(it_ends_with_its_time_with_the_run_or_when_it_is_withdrawn),
        cmocka_unit_test(what_could_not_be_done_does_not_wait_nor_do_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
