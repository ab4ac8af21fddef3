/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/queue/test_held.c - commands that wait for a person; MQ.RS.RP-03 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "queue/held.h"

#define NOW    1795604400000ULL
#define FOR_MS 900000ULL

static const struct held_limits wide = {100, 100000, 100};

static struct publication command(uint64_t publisher, size_t payload_len)
{
    static const uint8_t payload[64];

    return (struct publication){
        .topic = BYTES("plant/command/1"),
        .forward = BYTES("props"),
        .payload = bytes_of(payload, payload_len),
        .qos = 1,
        .retain = true,
        .expires_ns = EXPIRES_NEVER,
        .publisher = publisher,
    };
}

static const char *put_as(struct held_list *l, uint64_t publisher, const struct held_limits *limits,
                          uint64_t now_unix_ms, char ret_id[HELD_ID_BYTES])
{
    const struct held_from from = {
        .client_id = BYTES("m-1"), .user_name = BYTES("alice"), .role = BYTES("meter")};
    struct publication p = command(publisher, 10);
    const char *limit = held_put(l, &p, &from, limits, now_unix_ms, FOR_MS, ret_id);

    publication_done(&p);
    return limit;
}

static void put(struct held_list *l, uint64_t now_unix_ms, char ret_id[HELD_ID_BYTES])
{
    assert_null(put_as(l, 7, &wide, now_unix_ms, ret_id));
}

static void what_is_held_comes_out_as_it_came(void **state)
{
    struct held_list *l = held_list_new();
    char id[HELD_ID_BYTES] = "";
    struct held *h;

    (void)state;
    put(l, NOW, id);
    assert_int_equal(held_n(l), 1);
    h = held_take(l, id);
    assert_non_null(h);
    assert_int_equal(held_n(l), 0);
    assert_null(held_take(l, id));
    assert_true(bytes_equal(h->message->topic, BYTES("plant/command/1")));
    assert_true(bytes_equal(h->message->forward, BYTES("props")));
    assert_int_equal(h->message->payload.len, 10);
    assert_int_equal(h->message->qos, 1);
    assert_true(h->message->retain);
    assert_string_equal(h->client_id, "m-1");
    assert_string_equal(h->user_name, "alice");
    assert_string_equal(h->role, "meter");
    assert_string_equal(h->address, "");
    assert_false(h->is_will);
    assert_int_equal(h->at_unix_ms, NOW);
    assert_int_equal(h->expires_unix_ms, NOW + FOR_MS);
    held_put_back(l, h);
    assert_int_equal(held_n(l), 1);
    assert_ptr_equal(held_take(l, id), h);
    held_free(h);
    held_list_free(l);
}

static void no_two_have_one_id(void **state)
{
    struct held_list *l = held_list_new();
    char ids[3][HELD_ID_BYTES];

    (void)state;
    put(l, NOW, ids[0]);
    put(l, NOW, ids[1]);
    put(l, NOW - 5, ids[2]); /* the clock was set back */
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[1], ids[2]);
    assert_string_not_equal(ids[0], ids[2]);
    held_list_free(l); /* frees what waits */
}

static void each_limit_has_its_name(void **state)
{
    const size_t one = sizeof(struct held) + sizeof(struct message) +
                       strlen("plant/command/1props") + 10 + strlen("m-1alicemeter");
    const struct {
        struct held_limits limits;
        const char *limit; /* of the third, which is the second of its client */
    } cases[] = {
        {{3, 100000, 3}, NULL},
        {{2, 10000, 3}, "held_commands_max"},
        {{0, 10000, 3}, "held_commands_max"},
        {{3, 3 * one, 3}, NULL},
        {{3, 3 * one - 1, 3}, "held_commands_bytes_max"},
        {{3, 10000, 1}, "held_commands_per_client_max"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct held_list *l = held_list_new();
        char id[HELD_ID_BYTES] = "untouched";
        char other[HELD_ID_BYTES];
        const char *limit;

        put(l, NOW, other);
        assert_null(put_as(l, 8, &wide, NOW, other));
        limit = put_as(l, 7, &cases[i].limits, NOW, id);
        if (cases[i].limit == NULL)
            assert_null(limit);
        else
            assert_string_equal(limit, cases[i].limit);
        assert_int_equal(held_n(l), limit == NULL ? 3 : 2);
        assert_int_equal(strcmp(id, "untouched") == 0, limit != NULL);
        held_free(held_take(l, other)); /* room again */
        assert_null(put_as(l, 9, &(struct held_limits){3, 10000, 1}, NOW, id));
        held_list_free(l);
    }
}

static void what_nobody_approves_is_given_up_at_its_time(void **state)
{
    struct held_list *l = held_list_new();
    char first[HELD_ID_BYTES];
    char second[HELD_ID_BYTES];
    struct held *h;

    (void)state;
    put(l, NOW, first);
    put(l, NOW + 10, second);
    assert_null(held_take_expired(l, NOW + FOR_MS - 1));
    h = held_take_expired(l, NOW + FOR_MS);
    assert_string_equal(h->id, first);
    held_free(h);
    assert_null(held_take_expired(l, NOW + FOR_MS));
    h = held_take_expired(l, UINT64_MAX);
    assert_string_equal(h->id, second);
    held_free(h);
    assert_null(held_take_expired(l, UINT64_MAX));
    held_list_free(l);
}

static void name(void *arg, const struct held *h)
{
    struct buf *names = arg;

    buf_addf(names, "%s ", h->id);
}

static void all_are_shown_oldest_first(void **state)
{
    struct held_list *l = held_list_new();
    struct buf seen = {0};
    struct buf expected = {0};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char id[HELD_ID_BYTES];

        put(l, NOW + i, id);
        buf_addf(&expected, "%s ", id);
    }
    held_each(l, name, &seen);
    assert_true(bytes_equal(buf_view(&seen), buf_view(&expected)));
    buf_done(&seen);
    buf_done(&expected);
    held_list_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_comes_out_as_it_came),
        cmocka_unit_test(no_two_have_one_id),
        cmocka_unit_test(each_limit_has_its_name),
        cmocka_unit_test(what_nobody_approves_is_given_up_at_its_time),
        cmocka_unit_test(all_are_shown_oldest_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
