/* SPDX-License-Identifier: Apache-2.0 */
/* test_inflight.c - what is in flight, against a plain list of it */
#include "session/inflight.h"
#include "unit/unit.h"

#include <stdlib.h>

#include "base/mem.h"

#define IN_FLIGHT_MAX 70000
#define FAR           70000 /* more than there are packet ids */
#define SOUGHT_MAX    1000

/* In the order of sending. */
struct model {
    uint16_t ids[IN_FLIGHT_MAX];
    size_t n;
    bool is_taken[65536];
};

struct pair {
    struct inflight w;
    struct model *model; /* owned */
    unsigned random;
};

static struct pair pair_new(void)
{
    struct pair p = {.model = mem_new(struct model), .random = 1};

    inflight_init(&p.w);
    return p;
}

static void pair_done(struct pair *p)
{
    inflight_done(&p->w);
    free(p->model);
}

static uint16_t send(struct pair *p)
{
    struct delivery d = {.packet_id = inflight_next_id(&p->w), .qos = 1, .state = INFLIGHT_PUBACK};

    assert_int_not_equal(d.packet_id, 0);
    assert_false(p->model->is_taken[d.packet_id]); /* [MQTT5-2.2.1-4] */
    p->model->is_taken[d.packet_id] = true;
    p->model->ids[p->model->n++] = d.packet_id;
    inflight_push(&p->w, &d);
    return d.packet_id;
}

/* The @i-th of those that are in flight. */
static void finish(struct pair *p, size_t i)
{
    struct model *m = p->model;
    uint16_t id = m->ids[i];
    size_t place = inflight_find(&p->w, id);

    assert_int_not_equal(place, INFLIGHT_NONE);
    assert_int_equal(inflight_at(&p->w, place)->packet_id, id);
    inflight_finish(&p->w, place);
    assert_int_equal(inflight_find(&p->w, id), INFLIGHT_NONE);
    m->is_taken[id] = false;
    m->n--;
    memmove(&m->ids[i], &m->ids[i + 1], (m->n - i) * sizeof(m->ids[0]));
}

/* As a client would see it that gets all of it again. */
static void assert_same(const struct pair *p)
{
    size_t n = 0;

    assert_int_equal(p->w.n, p->model->n);
    for (size_t place = 0; place < inflight_places(&p->w); place++) {
        const struct delivery *d = inflight_at(&p->w, place);

        if (d->state == INFLIGHT_DONE)
            continue;
        assert_true(n < p->model->n);
        assert_int_equal(d->packet_id, p->model->ids[n]);
        if (n % (1 + p->model->n / SOUGHT_MAX) == 0)
            assert_int_equal(inflight_find(&p->w, d->packet_id), place);
        n++;
    }
    assert_int_equal(n, p->model->n);
}

static size_t pick(struct pair *p, size_t n)
{
    p->random = p->random * 1103515245 + 12345;
    return (p->random >> 8) % n;
}

/* And what is sent later has the ids between, over and over. */
static void one_that_is_left_open_stops_nothing(void **state)
{
    struct pair p = pair_new();

    (void)state;
    assert_int_equal(send(&p), 1);
    for (unsigned i = 0; i < 3 * FAR; i++) {
        send(&p);
        finish(&p, 1);
        assert_true(inflight_places(&p.w) <= INFLIGHT_SPAN_MIN + 1);
    }
    assert_same(&p);
    finish(&p, 0);
    assert_int_equal(inflight_places(&p.w), 0);
    assert_int_equal(send(&p), 1 + (3 * FAR) % 65534 + 1);
    finish(&p, 0);
    pair_done(&p);
}

/* A window of any size, acknowledged in any order, the old ones hardly ever. */
static void any_order_is_fine(void **state)
{
    static const size_t windows[] = {1, 2, 100, 3000};

    (void)state;
    for (size_t k = 0; k < COUNT_OF(windows); k++) {
        struct pair p = pair_new();

        for (unsigned i = 0; i < 2 * FAR; i++) {
            while (p.model->n < windows[k] && pick(&p, 4) > 0)
                send(&p);
            if (p.model->n > 0)
                finish(&p,
                       pick(&p, 1000) == 0 ? 0 : p.model->n - 1 - pick(&p, (p.model->n + 1) / 2));
            if (i % (FAR / 4) == 0)
                assert_same(&p);
        }
        assert_same(&p);
        while (p.model->n > 0)
            finish(&p, pick(&p, p.model->n));
        assert_int_equal(inflight_places(&p.w), 0);
        pair_done(&p);
    }
}

static void all_packet_ids_may_be_in_flight(void **state)
{
    struct pair p = pair_new();

    (void)state;
    for (unsigned i = 0; i < 65535; i++)
        send(&p);
    finish(&p, 40000);
    assert_int_equal(send(&p), 40001);
    finish(&p, 7);
    assert_int_equal(send(&p), 8);
    assert_same(&p);
    pair_done(&p);
}

/* Places that were sent again stay so when one before them is finished, wherever it stands. */
static void what_was_sent_again_is_known_by_place(void **state)
{
    struct pair p = pair_new();

    (void)state;
    for (unsigned i = 0; i < 4; i++) /* ids 1 to 4 */
        send(&p);
    for (unsigned i = 0; i < FAR; i++) {
        send(&p);
        finish(&p, 4);
    }
    send(&p);
    send(&p);
    assert_int_equal(p.w.resend_at, inflight_places(&p.w));
    inflight_begin_again(&p.w);
    assert_int_equal(p.w.release_at, 0);
    assert_int_equal(p.w.resend_at, 0);
    p.w.release_at = 4;
    p.w.resend_at = 2;
    finish(&p, 1);
    assert_int_equal(p.w.release_at, 3);
    assert_int_equal(p.w.resend_at, 1);
    finish(&p, 1);
    assert_int_equal(p.w.release_at, 2);
    assert_int_equal(p.w.resend_at, 1);
    finish(&p, 0);
    assert_int_equal(p.w.release_at, 1);
    assert_int_equal(p.w.resend_at, 0);
    assert_int_equal(inflight_at(&p.w, 0)->packet_id, 4);
    assert_same(&p);
    pair_done(&p);
}

/* Also when the ids are all over the range, or one was left open for long. */
static void what_is_restored_is_in_flight_in_its_order(void **state)
{
    static const struct {
        uint16_t ids[8]; /* up to 0 */
        uint16_t next[2];
    } cases[] = {
        {{60000, 60001, 65535, 1, 20000, 40000, 59998}, {59999, 60002}},
        {{5, 39990, 39991, 39993}, {39994, 39995}},
        {{65533, 3, 1, 65535, 2}, {4, 5}},
        {{4096, 1, 2}, {3, 4}},
        {{1}, {2, 3}},
    };

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++) {
        struct pair p = pair_new();

        for (size_t i = 0; cases[k].ids[i] != 0; i++) {
            const struct delivery d = {
                .packet_id = cases[k].ids[i], .qos = 1, .state = INFLIGHT_PUBACK};

            inflight_restore(&p.w, &d);
            p.model->ids[p.model->n++] = d.packet_id;
            p.model->is_taken[d.packet_id] = true;
        }
        assert_same(&p);
        assert_true(inflight_places(&p.w) <= INFLIGHT_SPAN_MIN + COUNT_OF(cases[k].ids));
        assert_int_equal(send(&p), cases[k].next[0]);
        assert_int_equal(send(&p), cases[k].next[1]);
        assert_same(&p);
        pair_done(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_left_open_stops_nothing),
        cmocka_unit_test(any_order_is_fine),
        cmocka_unit_test(all_packet_ids_may_be_in_flight),
        cmocka_unit_test(what_was_sent_again_is_known_by_place),
        cmocka_unit_test(what_is_restored_is_in_flight_in_its_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
