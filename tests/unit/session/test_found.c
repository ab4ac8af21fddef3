/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/session/test_found.c - what the journal has of retained messages that a subscription
 * of a session that is kept finds; MQ.PR.SP-06 */
#include <stdlib.h>

#include "base/mem.h"
#include "bench.h"

#define N 4

/* A session that is kept, whose only subscription is that of its bench and wants what is
 * retained. */
struct desk {
    struct notes notes;
    struct router *router; /* on which nothing is retained */
    struct bench *bench;
    struct message *messages[N];
};

static void gone(void *arg, uint64_t record)
{
    notes_drop(arg, record);
}

/* One whose record @worker has given, as its @count-th. */
static struct message *message_new(uint64_t count, unsigned worker)
{
    struct publication p = {
        .topic = BYTES("r"), .payload = BYTES("x"), .qos = 2, .expires_ns = EXPIRES_NEVER};
    struct message *m = publication_keep(&p);

    m->record = record_id(count, worker);
    publication_done(&p);
    return m;
}

static struct desk *desk_new(uint8_t qos)
{
    struct desk *d = mem_new(struct desk);

    d->router = router_new();
    notes_init(&d->notes, 0);
    notes_begin(&d->notes, 100);
    record_forget_by(gone, &d->notes);
    d->bench = bench_new(WIRE_V5, qos);
    d->bench->session->notes = &d->notes;
    d->bench->session->number = 7;
    for (unsigned i = 0; i < N; i++)
        d->messages[i] = message_new(10 + i, i % 2);
    return d;
}

static void desk_free(struct desk *d)
{
    for (unsigned i = 0; i < N; i++)
        message_unref(d->messages[i]);
    record_forget_by(NULL, NULL);
    if (d->bench != NULL)
        bench_free(d->bench);
    notes_done(&d->notes);
    router_free(d->router);
    free(d);
}

static struct retained_want *want(struct desk *d)
{
    struct retained_want *w = session_want_retained(d->bench->session, &d->bench->sub, 50);

    w->range = notes_range(&d->notes, 2);
    return w;
}

static void find(struct desk *d, struct retained_want *w, unsigned first, unsigned n)
{
    struct retained_found *found = mem_zero(n * sizeof(*found));

    for (unsigned i = 0; i < n; i++)
        found[i].message = message_ref(d->messages[first + i]);
    session_offer_retained(d->bench->session, w, d->router, found, n);
}

/* Records of deliveries that are noted and not dropped in the open batch. */
static unsigned n_noted(const struct desk *d)
{
    struct bytes rest = buf_view(&d->notes.batch.bytes);
    struct delivery_record r;
    struct batch_entry e;
    uint64_t ids[N];
    unsigned n = 0;

    while (batch_next(&rest, &e) == BATCH_ENTRY) {
        if (e.kind == RECORD_DELIVERY) {
            assert_true(record_get_delivery(e.record, &r));
            assert_true(r.retain == RETAIN_FLAG_FOUND && r.session == 7 && r.n_subids == 0);
            ids[n++] = e.id;
        }
        for (unsigned i = 0; e.kind == 0 && i < n; i++) {
            if (ids[i] == e.id)
                ids[i--] = ids[--n];
        }
    }
    return n;
}

static bool none(const void *arg, const struct message *m)
{
    return m == arg;
}

static void what_is_found_is_noted_at_once_and_dropped_if_it_is_not_sent(void **state)
{
    struct desk *d = desk_new(2);
    struct retained_want *w = want(d);
    size_t n_unseen = 0;

    (void)state;
    find(d, w, 0, N);
    assert_int_equal(n_noted(d), N);
    assert_int_equal(session_count_waiting(d->bench->session, none, d->messages[1], &n_unseen), 1);
    assert_int_equal(session_drop_waiting(d->bench->session, none, d->messages[1]), 1);
    assert_int_equal(session_count_waiting(d->bench->session, none, d->messages[1], &n_unseen), 0);
    assert_int_equal(n_unseen, 0);
    assert_int_equal(n_noted(d), N - 1);
    message_set_replaced(d->messages[0]);
    session_pump(d->bench->session, 0);
    assert_int_equal(n_noted(d), N - 2);
    assert_int_equal(d->bench->session->inflight.n, N - 2);
    session_found_retained(d->bench->session, &d->bench->sub);
    desk_free(d);
}

static void what_expires_before_it_is_sent_is_counted(void **state)
{
    struct desk *d = desk_new(2);
    struct retained_want *w = want(d);

    (void)state;
    d->messages[0]->expires_ns = d->messages[1]->expires_ns = d->messages[2]->expires_ns = 5;
    find(d, w, 0, N);
    message_set_replaced(d->messages[0]); /* what has replaced it comes live */
    session_pump(d->bench->session, 5);
    assert_int_equal(d->bench->session->inflight.n, 1);
    assert_int_equal(queue_take_expired(&d->bench->session->queue), 2);
    session_found_retained(d->bench->session, &d->bench->sub);
    desk_free(d);
}

static void what_was_not_sent_when_the_session_ends_is_dropped(void **state)
{
    struct desk *d = desk_new(1);
    struct retained_want *w = want(d);

    (void)state;
    find(d, w, 0, N);
    list_remove(&w->in_session);
    retained_want_free(w);
    bench_free(d->bench);
    d->bench = NULL;
    assert_int_equal(n_noted(d), 0);
    desk_free(d);
}

static void at_qos_0_nothing_is_noted(void **state)
{
    struct desk *d = desk_new(0);

    (void)state;
    find(d, want(d), 0, N);
    assert_int_equal(n_noted(d), 0);
    session_pump(d->bench->session, 0);
    session_found_retained(d->bench->session, &d->bench->sub);
    desk_free(d);
}

static struct bytes last_want(const struct desk *d)
{
    struct bytes rest = buf_view(&d->notes.batch.bytes);
    struct bytes record = BYTES_NONE;
    struct batch_entry e;

    while (batch_next(&rest, &e) == BATCH_ENTRY) {
        if (e.kind == RECORD_WANT)
            record = e.record;
    }
    return record;
}

/* After a restart all workers have what is retained in another order. */
static void what_is_left_is_known_by_records_whatever_the_order(void **state)
{
    struct desk *d = desk_new(2);
    struct retained_want *w = want(d);
    struct message *late = message_new(101, 1);
    struct message *later = message_new(102, 1);
    struct message *overtakes = message_new(110, 1);
    struct message *of_no_lane = message_new(9, 5);
    struct message *in_memory = message_new(0, 0);

    (void)state;
    overtakes->is_control = true;
    assert_true(session_wants_retained(w, d->messages[0], 50));
    assert_false(session_wants_retained(w, d->messages[0], 51)); /* comes live */
    assert_true(session_wants_retained(w, of_no_lane, 1));
    assert_true(session_wants_retained(w, in_memory, 1));
    find(d, w, 0, 2);
    assert_false(session_wants_retained(w, d->messages[0], 3));
    assert_false(session_wants_retained(w, d->messages[1], 3));
    assert_true(session_wants_retained(w, d->messages[2], 3));
    assert_true(session_wants_retained(w, d->messages[3], 3));
    assert_false(session_wants_retained(w, late, 3));
    assert_false(session_wants_retained(w, overtakes, 3));
    session_pump(d->bench->session, 0);
    session_found_retained(d->bench->session, &d->bench->sub);

    notes_retained(&d->notes, overtakes); /* by the control lane */
    notes_retained(&d->notes, late);
    w = want(d); /* by another SUBSCRIBE */
    assert_true(session_wants_retained(w, d->messages[0], 3));
    assert_true(session_wants_retained(w, late, 3));
    assert_false(session_wants_retained(w, later, 3));
    assert_true(session_wants_retained(w, overtakes, 3));
    session_found_retained(d->bench->session, &d->bench->sub);
    message_unref(late);
    message_unref(later);
    message_unref(overtakes);
    message_unref(of_no_lane);
    message_unref(in_memory);
    desk_free(d);
}

static enum session_offered retain_at_qos_0(struct desk *d, uint64_t stamp)
{
    struct publication p = {.topic = BYTES("r"),
                            .payload = BYTES("y"),
                            .retain = true,
                            .is_durable = true,
                            .stamp = stamp,
                            .expires_ns = EXPIRES_NEVER};
    enum session_offered how = session_offer(d->bench->session, &p, &d->bench->receiver, 0);

    publication_done(&p);
    return how;
}

static bool all(const void *arg, const struct message *m)
{
    (void)arg, (void)m;
    return true;
}

static void find_one(struct desk *d, struct retained_want *w, struct message *m)
{
    struct retained_found *found = mem_new(struct retained_found);

    found->message = message_ref(m);
    session_offer_retained(d->bench->session, w, d->router, found, 1);
}

static size_t n_wants_noted(const struct desk *d)
{
    struct bytes rest = buf_view(&d->notes.batch.bytes);
    struct batch_entry e;
    size_t n = 0;

    while (batch_next(&rest, &e) == BATCH_ENTRY)
        n += e.kind == RECORD_WANT;
    return n;
}

/* While it is not sent what was found may be replaced; and what has replaced it does not wait at
 * QoS 0 for who is away. */
static void what_has_replaced_what_was_found_and_was_missed_is_wanted(void **state)
{
    struct desk *d = desk_new(2);
    struct session *s = d->bench->session;
    struct retained_want *w = want(d);
    struct message *late = message_new(101, 1);
    struct message *later = message_new(102, 1);

    (void)state;
    find(d, w, 0, N);
    session_found_retained(s, &d->bench->sub);
    assert_true(d->bench->sub.want == w && w->record != 0);
    assert_int_equal(n_wants_noted(d), 1);
    cut(d->bench);
    assert_int_equal(retain_at_qos_0(d, 0), SESSION_AWAY); /* and there was no room to retain it */
    assert_false(session_wants_retained(w, late, 51));
    assert_int_equal(retain_at_qos_0(d, 1), SESSION_AWAY);
    assert_true(session_wants_retained(w, late, 51));
    assert_false(session_wants_retained(w, d->messages[0], 50));
    assert_false(session_wants_retained(w, d->messages[3], 50));
    assert_int_equal(n_wants_noted(d), 2);
    assert_true(w->range->lanes[2].after == d->messages[3]->record);
    assert_true(w->range->lanes[2].until == RETAINED_SO_FAR);
    assert_int_equal(retain_at_qos_0(d, 2), SESSION_AWAY);
    assert_int_equal(n_wants_noted(d), 2);

    w->until = 60; /* it is looked for; and that is missed once more */
    session_drop_waiting(s, all, NULL);
    find_one(d, w, late);
    session_found_retained(s, &d->bench->sub);
    assert_false(session_wants_retained(w, later, 61));
    assert_int_equal(retain_at_qos_0(d, 3), SESSION_AWAY);
    assert_true(session_wants_retained(w, later, 61));
    assert_false(session_wants_retained(w, late, 60));
    assert_int_equal(n_wants_noted(d), 4);
    list_remove(&w->in_session);
    retained_want_free(w);
    message_unref(late);
    message_unref(later);
    desk_free(d);
}

static void what_is_too_large_is_not_missed(void **state)
{
    struct desk *d = desk_new(2);
    struct retained_want *w = want(d);

    (void)state;
    find(d, w, 0, N);
    session_found_retained(d->bench->session, &d->bench->sub);
    d->bench->conn.packet_max = 5;
    assert_int_equal(retain_at_qos_0(d, 1), SESSION_TOO_LARGE); /* [MQTT5-3.1.2-25] */
    assert_int_equal(w->until, 50);
    list_remove(&w->in_session);
    retained_want_free(w);
    desk_free(d);
}

/* By a start, which has no other serials for it. */
static void what_has_waited_in_memory_alone_is_wanted(void **state)
{
    struct desk *d = desk_new(2);
    struct retained_want *w = want(d);
    struct message *late = message_new(101, 1);

    (void)state;
    assert_false(session_wants_retained(w, late, 50));
    late->qos = 0;
    assert_true(session_wants_retained(w, late, 50));
    assert_false(session_wants_retained(w, late, 51)); /* comes live */
    session_found_retained(d->bench->session, &d->bench->sub);
    message_unref(late);
    desk_free(d);
}

static void the_newest_of_too_many_wants_is_another_one(void **state)
{
    struct desk *d = desk_new(2);
    struct session *s = d->bench->session;
    struct retained_want *w = NULL;

    (void)state;
    for (unsigned i = 0; i < RETAINED_WANTS_MAX; i++)
        w = want(d);
    w->record = notes_id(&d->notes);
    assert_ptr_equal(session_want_retained(s, &d->bench->sub, 60), w);
    assert_true(w->record == 0 && w->range == NULL && w->until == 60);
    for (unsigned i = 0; i < RETAINED_WANTS_MAX; i++)
        session_found_retained(s, &d->bench->sub);
    assert_null(d->bench->sub.want);
    desk_free(d);
}

static void a_want_is_read_as_it_was_written_and_half_of_it_is_none(void **state)
{
    struct desk *d = desk_new(2);
    struct retained_range *range = notes_range(&d->notes, 2);
    const struct want_record r = {.session = 7, .filter = BYTES("a/#"), .n_lanes = 6};
    struct want_record back;
    struct bytes record;

    (void)state;
    range->lanes[2].after = 88;
    record_put_want(&d->notes.batch, 4, &r, range->lanes);
    record = last_want(d);
    assert_true(record_get_want(record, &back));
    assert_true(back.session == 7 && back.n_lanes == 6);
    assert_bytes_equal(back.filter, r.filter);
    assert_true(want_record_lane(&back, 0).until == record_id(100, 0));
    assert_true(want_record_lane(&back, 2).after == 88);
    assert_true(want_record_lane(&back, 5).until == record_id(101, 0) - 1);
    for (size_t len = 0; len < record.len; len++)
        assert_false(record_get_want(bytes_of(record.at, len), &back));
    free(range);
    desk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_is_noted_at_once_and_dropped_if_it_is_not_sent),
        cmocka_unit_test(what_expires_before_it_is_sent_is_counted),
        cmocka_unit_test(what_was_not_sent_when_the_session_ends_is_dropped),
        cmocka_unit_test(at_qos_0_nothing_is_noted),
        cmocka_unit_test(what_is_left_is_known_by_records_whatever_the_order),
        cmocka_unit_test(what_has_replaced_what_was_found_and_was_missed_is_wanted),
        cmocka_unit_test(what_is_too_large_is_not_missed),
        cmocka_unit_test(what_has_waited_in_memory_alone_is_wanted),
        cmocka_unit_test(the_newest_of_too_many_wants_is_another_one),
        cmocka_unit_test(a_want_is_read_as_it_was_written_and_half_of_it_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
