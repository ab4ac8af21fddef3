/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/session/test_notes.c - what is noted, what waits for it, and what comes back
 *
 * MQ.PR.SP-06 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "session/session.h"
#include "unit/unit.h"

static const struct session_limits limits = {
    .queue = {.messages_max = 1000, .bytes_max = 1 << 20},
    .inflight_max = 10,
};

/* A persistent session of a worker that keeps notes. */
struct desk {
    struct notes notes;
    struct buf out;
    struct conn conn;
    struct session *session;
    struct subscription *subs[1];
    struct receiver receiver;
    struct subscription sub; /* last: its text would follow */
};

static void gone(void *arg, uint64_t record)
{
    notes_drop(arg, record);
}

static void join(struct desk *d)
{
    struct wire_connect p = {.level = WIRE_V5};

    conn_init(&d->conn, &d->out);
    conn_become(&d->conn, CONN_AUTHENTICATING);
    conn_agree(&d->conn, &p, 5, 0, 0);
    d->conn.notes = &d->notes;
    conn_become(&d->conn, CONN_ACTIVE);
    session_attach(d->session, &d->conn, &limits);
}

static struct desk *desk_new(uint8_t qos)
{
    struct desk *d = mem_new(struct desk);

    notes_init(&d->notes, 3);
    record_forget_by(gone, &d->notes);
    d->session = session_new(BYTES("me"), &limits);
    d->session->is_persistent = true;
    d->session->notes = &d->notes;
    d->session->number = notes_session_number(&d->notes);
    d->sub.qos = qos;
    d->subs[0] = &d->sub;
    d->receiver = (struct receiver){&d->session->subscriber, d->subs, 1};
    return d;
}

static void desk_free(struct desk *d)
{
    if (d->session->conn != NULL) {
        session_detach(d->session);
        conn_done(&d->conn);
    }
    record_forget_by(NULL, NULL);
    session_free(d->session);
    notes_done(&d->notes);
    buf_done(&d->out);
    free(d);
}

static enum session_offered offer(struct desk *d, const char *payload, bool is_durable)
{
    struct publication p = {
        .topic = BYTES("t"),
        .payload = bytes_str(payload),
        .qos = 2,
        .is_durable = is_durable,
        .expires_ns = EXPIRES_NEVER,
        .publisher_id = BYTES("other"),
    };
    enum session_offered how = session_offer(d->session, &p, &d->receiver, 0);

    publication_done(&p);
    return how;
}

/* How many puts of @kind there are in the open batch, less drops of the same ids. */
static unsigned count(const struct desk *d, uint8_t kind)
{
    struct bytes rest = buf_view(&d->notes.batch.bytes);
    struct batch_entry e;
    uint64_t ids[64];
    unsigned n = 0;

    while (batch_next(&rest, &e) == BATCH_ENTRY) {
        if (e.kind == kind)
            ids[n++] = e.id;
        for (unsigned i = 0; e.kind == 0 && i < n; i++) {
            if (ids[i] == e.id)
                ids[i--] = ids[--n];
        }
    }
    return n;
}

/* The batch is with the scribe. */
static void hand_over(struct desk *d)
{
    d->notes.batch.bytes.len = 0;
    d->notes.number++;
}

static void flushed(struct desk *d, uint64_t number)
{
    d->notes.flushed = number;
    list_each (it, &d->notes.gates)
        gate_open(list_item(it, struct gate, in_notes), number);
}

static void take_ack(struct desk *d, enum wire_type type, uint16_t packet_id)
{
    const struct wire_ack ack = {.packet_id = packet_id};

    assert_true(session_receive_ack(d->session, type, &ack));
    session_pump(d->session, 0);
}

static void a_message_for_who_is_away_is_noted_once_and_dropped_when_acknowledged(void **state)
{
    struct desk *d = desk_new(2);

    (void)state;
    assert_int_equal(offer(d, "memory", false), SESSION_QUEUED);
    assert_int_equal(d->notes.batch.bytes.len, 0);
    assert_int_equal(offer(d, "commit", true), SESSION_QUEUED);
    assert_int_equal(count(d, RECORD_MESSAGE), 1);
    assert_int_equal(count(d, RECORD_DELIVERY), 1);
    join(d);
    session_pump(d->session, 0);
    assert_int_equal(count(d, RECORD_SENT), 1);
    take_ack(d, WIRE_PUBREC, 1);
    take_ack(d, WIRE_PUBREC, 2);
    assert_int_equal(count(d, RECORD_MESSAGE), 0);
    assert_int_equal(count(d, RECORD_DELIVERY), 0);
    assert_int_equal(count(d, RECORD_SENT), 0);
    assert_int_equal(count(d, RECORD_RELEASED), 1);
    take_ack(d, WIRE_PUBCOMP, 1);
    take_ack(d, WIRE_PUBCOMP, 2);
    assert_int_equal(count(d, RECORD_RELEASED), 0);
    desk_free(d);
}

static void what_the_queue_does_not_take_is_not_noted(void **state)
{
    struct desk *d = desk_new(1);

    (void)state;
    d->session->queue_limits.messages_max = 1;
    assert_int_equal(offer(d, "first", true), SESSION_QUEUED);
    assert_int_equal(offer(d, "second", true), SESSION_DROPPED);
    assert_int_equal(count(d, RECORD_DELIVERY), 1);
    assert_int_equal(count(d, RECORD_MESSAGE), 1);
    desk_free(d);
}

/* [MQTT5-4.3.3-10]: nothing of QoS 2 is seen before it is remembered. */
static void at_qos_2_nothing_leaves_before_its_batch_is_flushed(void **state)
{
    struct desk *d = desk_new(2);
    const struct wire_publish p = {.packet_id = 7, .qos = 2};

    (void)state;
    join(d);
    assert_int_equal(session_receive_publish(d->session, &p), SESSION_ROUTE);
    session_acknowledge(d->session, &p, REASON_SUCCESS, NULL);
    assert_int_equal(count(d, RECORD_RECEIVED), 1);
    assert_int_equal(offer(d, "x", true), SESSION_SENT);
    assert_int_equal(d->out.len, 0);
    hand_over(d);
    flushed(d, 0);
    assert_int_equal(d->out.len, 0);
    flushed(d, 1);
    assert_int_equal(d->out.at[0], WIRE_PUBREC << 4);
    assert_int_equal(d->out.at[4] & 0xf0, WIRE_PUBLISH << 4);
    /* A repetition, on whatever connection, waits for what it repeats. */
    d->out.len = 0;
    assert_int_equal(session_receive_publish(d->session, &p), SESSION_DUPLICATE);
    session_acknowledge(d->session, &p, REASON_SUCCESS, NULL);
    assert_int_equal(d->out.len, 4);
    desk_free(d);
}

static void what_is_noted_later_waits_longer_and_in_order(void **state)
{
    struct desk *d = desk_new(1);

    (void)state;
    join(d);
    for (uint16_t id = 1; id <= 3; id++) {
        notes_drop(&d->notes, notes_id(&d->notes));
        conn_send_ack(&d->conn, WIRE_PUBACK, id, REASON_SUCCESS, NULL);
        hand_over(d);
    }
    flushed(d, 2);
    assert_int_equal(d->out.len, 8);
    assert_int_equal(d->out.at[3], 1);
    assert_int_equal(d->out.at[7], 2);
    flushed(d, 3);
    assert_int_equal(d->out.len, 12);
    assert_int_equal(d->out.at[11], 3);
    assert_true(list_is_empty(&d->notes.gates));
    conn_send_ack(&d->conn, WIRE_PUBACK, 4, REASON_SUCCESS, NULL);
    assert_int_equal(d->out.len, 16);
    desk_free(d);
}

/* What came for it before is noted, what comes after is not. */
static void order_holds_when_a_session_is_no_longer_kept(void **state)
{
    struct desk *d = desk_new(2);
    struct wire_frame f;
    struct wire_publish p;

    (void)state;
    offer(d, "first", true);
    d->session->is_persistent = false;
    d->session->notes = NULL;
    join(d);
    offer(d, "second", true);
    session_pump(d->session, 0);
    assert_int_equal(wire_next(buf_view(&d->out), &f), WIRE_NEXT_PACKET);
    assert_int_equal(wire_decode_publish(f.flags, f.body, WIRE_V5, &p), WIRE_OK);
    assert_bytes_equal(p.payload, BYTES("first"));
    desk_free(d);
}

static void nothing_goes_past_connack(void **state)
{
    struct desk *d = desk_new(1);

    (void)state;
    join(d);
    notes_drop(&d->notes, notes_id(&d->notes));
    buf_add_u8(conn_gate(&d->conn), WIRE_CONNACK << 4);
    d->conn.gate->has_connack = true;
    assert_int_equal(offer(d, "x", true), SESSION_QUEUED);
    assert_false(session_pump(d->session, 0));
    assert_ptr_not_equal(conn_out(&d->conn), &d->out);
    hand_over(d);
    flushed(d, 1);
    assert_int_equal(d->out.at[0], WIRE_CONNACK << 4);
    assert_ptr_equal(conn_out(&d->conn), &d->out);
    session_pump(d->session, 0);
    assert_true(d->out.len > 1);
    desk_free(d);
}

static void what_waits_is_owed_after_the_end_and_disconnect_comes_last(void **state)
{
    struct desk *d = desk_new(1);

    (void)state;
    join(d);
    notes_drop(&d->notes, notes_id(&d->notes));
    conn_send_ack(&d->conn, WIRE_PUBACK, 1, REASON_SUCCESS, NULL);
    assert_true(conn_gate_memory(&d->conn) >= 4);
    conn_send_disconnect(&d->conn, REASON_MALFORMED_PACKET, NULL, NULL);
    conn_finish(&d->conn);
    assert_true(conn_owes(&d->conn));
    assert_int_equal(d->out.len, 0);
    hand_over(d);
    flushed(d, 1);
    assert_false(conn_owes(&d->conn));
    assert_int_equal(d->out.len, 4);
    assert_int_equal(d->out.at[0], WIRE_PUBACK << 4);
    conn_finish(&d->conn);
    conn_finish(&d->conn);
    assert_int_equal(d->out.len, 7);
    assert_int_equal(d->out.at[4], WIRE_DISCONNECT << 4);
    assert_int_equal(d->out.at[6], REASON_MALFORMED_PACKET);
    desk_free(d);
}

static void what_is_owed_too_long_is_forgotten_but_not_why_it_was_closed(void **state)
{
    struct desk *d = desk_new(1);

    (void)state;
    join(d);
    d->conn.n_subacks_due = 1;
    notes_drop(&d->notes, notes_id(&d->notes));
    conn_send_ack(&d->conn, WIRE_PUBACK, 1, REASON_SUCCESS, NULL);
    conn_send_disconnect(&d->conn, REASON_MALFORMED_PACKET, NULL, NULL);
    conn_forget_owed(&d->conn);
    conn_finish(&d->conn);
    hand_over(d);
    flushed(d, 1);
    assert_int_equal(d->out.len, 3);
    assert_int_equal(d->out.at[0], WIRE_DISCONNECT << 4);
    assert_true(list_is_empty(&d->notes.gates));
    desk_free(d);
}

/* What the others have taken in, and the journal has not yet. */
static void a_suback_is_due_until_it_leaves(void **state)
{
    struct desk *d = desk_new(1);

    (void)state;
    join(d);
    d->conn.n_subacks_due = 2;
    conn_suback(&d->conn, BYTES("now"));
    assert_int_equal(d->conn.n_subacks_due, 1);
    notes_drop(&d->notes, notes_id(&d->notes));
    conn_suback(&d->conn, BYTES("then"));
    assert_int_equal(d->conn.n_subacks_due, 1);
    assert_int_equal(offer(d, "x", true), SESSION_QUEUED);
    hand_over(d);
    flushed(d, 2);
    assert_int_equal(d->conn.n_subacks_due, 0);
    session_pump(d->session, 0);
    assert_memory_equal(d->out.at, "nowthen", 7);
    assert_int_equal(d->out.at[7] & 0xf0, WIRE_PUBLISH << 4);
    desk_free(d);
}

/* Packet ids go on where they were, also around their end. */
static void what_was_in_flight_is_sent_again_with_its_packet_ids(void **state)
{
    static const uint16_t ids[] = {65533, 65535, 1, 4};
    struct delivery sent[COUNT_OF(ids)] = {0};
    struct desk *d = desk_new(2);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct publication p = {
            .topic = BYTES("t"), .qos = 2, .expires_ns = EXPIRES_NEVER, .is_durable = true};

        sent[i].packet_id = ids[i];
        sent[i].qos = i == 2 ? 1 : 2;
        sent[i].message = i == 1 ? NULL : publication_keep(&p); /* PUBREC has come for it */
        sent[i].record = notes_id(&d->notes);
        publication_done(&p);
    }
    session_restore_sent(d->session, sent, COUNT_OF(sent));
    session_restore_received(d->session, 9);
    assert_int_equal(d->session->inflight.next_id, 5);
    assert_int_equal(inflight_at(&d->session->inflight, 0)->packet_id, 65533);
    assert_int_equal(d->session->inflight.recent.n, 7);
    assert_int_equal(session_queued(d->session), 4);
    join(d);
    session_pump(d->session, 0);
    assert_int_equal(d->session->n_unacknowledged, 4);
    take_ack(d, WIRE_PUBREC, 65533);
    take_ack(d, WIRE_PUBCOMP, 65533);
    take_ack(d, WIRE_PUBCOMP, 65535);
    assert_int_equal(session_queued(d->session), 2);
    take_ack(d, WIRE_PUBACK, 1);
    take_ack(d, WIRE_PUBREC, 4);
    take_ack(d, WIRE_PUBCOMP, 4);
    assert_int_equal(d->session->inflight.recent.n, 0);
    assert_int_equal(
        session_receive_publish(d->session, &(struct wire_publish){.packet_id = 9, .qos = 2}),
        SESSION_DUPLICATE);
    desk_free(d);
}

/* ---- reading back ---- */

/* The record of @id, out of what was noted. */
static struct bytes noted_record(struct bytes all, uint64_t id)
{
    struct batch_entry e;

    while (batch_next(&all, &e) == BATCH_ENTRY) {
        if (e.kind == RECORD_MESSAGE && e.id == id)
            return e.record;
    }
    fail_msg("not noted");
    return BYTES_NONE;
}

/* Answer what the session wants, if it wants anything, out of what was noted. */
static size_t answer(struct desk *d, struct bytes noted)
{
    uint64_t records[SESSION_WANTS_MAX];
    struct message *messages[SESSION_WANTS_MAX];
    size_t n = session_wants(d->session, records);

    assert_int_equal(session_wants(d->session, records), 0); /* one question at a time */
    for (size_t i = 0; i < n; i++)
        messages[i] = session_message(records[i], noted_record(noted, records[i]), 0);
    if (n > 0)
        assert_int_equal(session_read(d->session, records, messages, n), 0);
    session_pump(d->session, 0);
    return n;
}

static void what_waited_in_the_journal_is_read_back_in_order_while_it_is_taken(void **state)
{
    struct desk *d = desk_new(1);
    struct buf noted = {0};
    uint64_t records[SESSION_WANTS_MAX];
    char text[8];

    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "%04u", i);
        assert_int_equal(offer(d, text, true), SESSION_QUEUED);
    }
    buf_add(&noted, buf_view(&d->notes.batch.bytes));
    hand_over(d);
    d->notes.flushed = d->notes.number - 1;
    assert_true(d->session->queue.lanes[QUEUE_DELIVERY].n < 50);
    assert_int_equal(session_wants(d->session, records), 0); /* nobody takes it */
    join(d);
    session_pump(d->session, 0);
    for (uint16_t id = 1; id <= 500; id++) {
        (void)answer(d, buf_view(&noted));
        snprintf(text, sizeof(text), "%04u", id - 1);
        assert_bytes_equal(inflight_at(&d->session->inflight, 0)->message->payload,
                           bytes_str(text));
        take_ack(d, WIRE_PUBACK, id);
    }
    assert_int_equal(session_queued(d->session), 0);
    assert_int_equal(d->session->queue.bytes, 0);
    buf_done(&noted);
    desk_free(d);
}

/* What is retained comes behind the queue, also where that is not in memory yet. */
static void what_a_subscription_found_waits_for_what_is_read_back(void **state)
{
    struct desk *d = desk_new(1);
    struct publication p = {.topic = BYTES("r"), .qos = 1, .expires_ns = EXPIRES_NEVER};
    struct retained_want want = {.subscription = &d->sub};
    struct retained_found *found = mem_new(struct retained_found);

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(offer(d, "waits", true), SESSION_QUEUED);
    join(d);
    d->session->inflight_max = 100;
    found->message = publication_keep(&p);
    publication_done(&p);
    session_offer_retained(d->session, &want, NULL, found, 1);
    session_pump(d->session, 0);
    assert_int_equal(d->session->inflight.n, 32);
    assert_true(answer(d, buf_view(&d->notes.batch.bytes)) > 0);
    assert_int_equal(d->session->inflight.n, 41);
    assert_bytes_equal(inflight_at(&d->session->inflight, 40)->message->topic, BYTES("r"));
    desk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_for_who_is_away_is_noted_once_and_dropped_when_acknowledged),
        cmocka_unit_test(what_the_queue_does_not_take_is_not_noted),
        cmocka_unit_test(at_qos_2_nothing_leaves_before_its_batch_is_flushed),
        cmocka_unit_test(what_is_noted_later_waits_longer_and_in_order),
        cmocka_unit_test(order_holds_when_a_session_is_no_longer_kept),
        cmocka_unit_test(nothing_goes_past_connack),
        cmocka_unit_test(what_waits_is_owed_after_the_end_and_disconnect_comes_last),
        cmocka_unit_test(what_is_owed_too_long_is_forgotten_but_not_why_it_was_closed),
        cmocka_unit_test(a_suback_is_due_until_it_leaves),
        cmocka_unit_test(what_was_in_flight_is_sent_again_with_its_packet_ids),
        cmocka_unit_test(what_waited_in_the_journal_is_read_back_in_order_while_it_is_taken),
        cmocka_unit_test(what_a_subscription_found_waits_for_what_is_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
