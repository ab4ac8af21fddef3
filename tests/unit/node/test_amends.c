/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/node/test_amends.c - what is made good when events were shed; MQ.ID.AM-01
 *
 * One worker, whose sessions and connections stand here; the rest of the node answers as it would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "node/node_private.h"
#include "node/self_test.h"
#include "node/sentinel.h"

#define CLIENTS_MAX 400
#define FILTERS     20
#define TICKS_MAX   60

struct client {
    struct link link;
    struct resident *resident;
    struct session *session;
    struct subscription *subscriptions[FILTERS];
    char id[16];
};

static struct {
    struct node node;
    struct sentinel sentinel;
    struct worker worker;
    struct client clients[CLIENTS_MAX];
    unsigned n;
    unsigned n_standing;
    unsigned n_subscribed;
    unsigned n_dropped;
    unsigned n_gone; /* of whom the detectors were told so by amends */
} site;

/* ---- the rest of the node ---- */

void node_call_worker(struct node *n, unsigned worker, void (*fn)(struct worker *w, void *arg),
                      void *arg)
{
    fn(n->workers[worker], arg);
}

void node_call_all(struct node *n, void (*fn)(struct worker *w, void *arg), void *arg)
{
    node_call_worker(n, 0, fn, arg);
}

static struct client *client_of(uint64_t conn)
{
    return &site.clients[conn - 1];
}

struct link *link_find(const struct worker *w, uint64_t number)
{
    (void)w;
    return client_of(number)->resident->link;
}

bool self_test_is_own(const struct self_test *t, struct bytes client_id)
{
    (void)t, (void)client_id;
    return false;
}

static void leave(const struct link *l, enum event_kind kind, struct bytes topic)
{
    const struct event e = {
        .kind = kind,
        .conn = l->number,
        .client_id = bytes_str(l->client_id),
        .address = BYTES("192.0.2.1"),
        .topic = topic,
    };

    (void)event_leave(l->worker->events, &e);
}

size_t worker_event_text(const struct link *l)
{
    return strlen(l->client_id) + BYTES("192.0.2.1").len;
}

void worker_event_of(struct worker *w, const struct link *l, enum event_kind kind, uint32_t value,
                     struct bytes topic, const char *text)
{
    (void)w, (void)value, (void)text;
    leave(l, kind, topic);
}

void notice_standing(struct link *l)
{
    leave(l, EVENT_STANDING, BYTES_NONE);
}

void introduce_standing(struct link *l)
{
    leave(l, EVENT_DEVICE_TRAITS, BYTES("traits"));
}

void identify_event(struct identify *i, const struct event *e, uint64_t now_unix_ms)
{
    (void)i, (void)e, (void)now_unix_ms;
}

void detect_conn_gone(struct detect *d, uint64_t conn)
{
    (void)d, (void)conn;
    site.n_gone++;
}

/* The sentinel takes what the worker has left. */
void worker_post_events(struct worker *w)
{
    struct event_block *b = event_block_take(w->events);

    for (unsigned i = 0; i < b->n_events; i++) {
        online_event(&site.sentinel, &b->events[i]);
        site.n_standing += b->events[i].kind == EVENT_STANDING;
        site.n_subscribed += b->events[i].kind == EVENT_SUBSCRIBED;
    }
    site.n_dropped += b->n_dropped;
    event_block_free(b);
}

/* ---- what happens ---- */

static struct bytes resident_id(const void *item)
{
    return ((const struct resident *)item)->session->client_id;
}

static struct client *connects(void)
{
    struct client *c = &site.clients[site.n++];

    assert_true(site.n < CLIENTS_MAX);
    snprintf(c->id, sizeof(c->id), "client-%u", site.n);
    c->link = (struct link){.worker = &site.worker, .number = site.n, .client_id = c->id};
    c->link.phase = LINK_OPEN;
    c->link.conn.state = CONN_ACTIVE;
    c->resident = mem_zero(sizeof(*c->resident));
    c->session = mem_zero(sizeof(*c->session));
    c->link.resident = c->resident;
    c->session->client_id = bytes_str(c->id);
    c->resident->link = &c->link;
    c->resident->session = c->session;
    list_init(&c->session->subscriber.subscriptions);
    map_put(&site.worker.residents, c->resident);
    atomic_store(&site.node.next_link, site.n + 1);
    return c;
}

static void leaves(struct client *c)
{
    c->resident->link = NULL;
    map_remove(&site.worker.residents, bytes_str(c->id));
}

static void subscribes(struct client *c, unsigned n, uint16_t filter_len)
{
    for (unsigned i = 0; i < n; i++) {
        struct subscription *s = mem_zero(sizeof(*s) + filter_len + 1U);

        memset(s->filter, 'f', filter_len);
        s->filter_len = filter_len;
        list_append(&c->session->subscriber.subscriptions, &s->in_subscriber);
        c->session->subscriber.n_subscriptions++;
        c->subscriptions[i] = s;
    }
}

static int begin(void **state)
{
    (void)state;
    memset(&site, 0, sizeof(site));
    site.node.n_workers = 1;
    site.node.workers[0] = &site.worker;
    site.sentinel.node = &site.node;
    site.worker.node = &site.node;
    site.worker.events = event_block_new(0);
    map_init(&site.worker.residents, resident_id);
    online_init(&site.sentinel);
    atomic_store(&site.node.next_link, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    map_done(&site.worker.residents);
    for (unsigned i = 0; i < site.n; i++) {
        for (unsigned j = 0; j < FILTERS; j++)
            free(site.clients[i].subscriptions[j]);
        free(site.clients[i].resident);
        free(site.clients[i].session);
    }
    event_block_free(site.worker.events);
    online_done(&site.sentinel);
    return 0;
}

/* A second of the sentinel: a part, and what came of it. */
static void ticks(void)
{
    amends_tick(&site.sentinel);
    worker_post_events(&site.worker);
}

static void ticks_until_rest(void)
{
    unsigned n = 0;

    do {
        ticks();
        assert_true(++n < TICKS_MAX);
    } while (site.sentinel.amends.looks_for != AMENDS_NONE);
}

static void events_are_shed(void)
{
    atomic_fetch_add(&site.sentinel.n_shed_blocks, 1);
}

/* ---- what must be ---- */

static void who_came_and_who_went_is_made_good(void **state)
{
    struct client *goes = connects();

    (void)state;
    notice_standing(&goes->link);
    worker_post_events(&site.worker);
    events_are_shed();
    leaves(goes);
    (void)connects();
    ticks_until_rest();
    assert_false(online_has(&site.sentinel, goes->link.number));
    assert_true(online_has(&site.sentinel, goes->link.number + 1));
    assert_int_equal(site.n_gone, 1);
}

static void of_whom_is_told_all_is_told_however_long_the_texts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        subscribes(connects(), FILTERS, 1000);
    events_are_shed();
    ticks_until_rest();
    assert_int_equal(site.n_standing, 8);
    assert_int_equal(site.n_dropped, 0);
    assert_int_equal(site.n_subscribed, 8 * FILTERS);
}

static void of_what_is_suspended_nothing_is_told(void **state)
{
    struct client *c = connects();

    (void)state;
    subscribes(c, FILTERS, 10);
    c->subscriptions[3]->is_suspended = true;
    events_are_shed();
    ticks_until_rest();
    assert_int_equal(site.n_standing, 1);
    assert_int_equal(site.n_subscribed, FILTERS - 1);
}

static void who_does_not_fit_into_a_block_alone_is_told_in_several(void **state)
{
    (void)state;
    subscribes(connects(), FILTERS, 20000);
    events_are_shed();
    ticks_until_rest();
    assert_int_equal(site.n_dropped, 0);
    assert_int_equal(site.n_subscribed, FILTERS);
}

/* In each second one comes and one goes, and what tells of it is still on its way when the worker
 * is looked at. */
static void where_clients_come_and_go_it_comes_to_rest(void **state)
{
    struct client *goes = connects();
    unsigned n = 0;

    (void)state;
    notice_standing(&goes->link);
    worker_post_events(&site.worker);
    site.n_standing = 0;
    events_are_shed();
    do {
        struct client *comes = connects();

        leaves(goes);
        amends_tick(&site.sentinel);
        leave(&goes->link, EVENT_DISCONNECTED, BYTES_NONE);
        leave(&comes->link, EVENT_CONNECT_ACCEPTED, BYTES_NONE);
        worker_post_events(&site.worker);
        goes = comes;
        assert_true(++n < TICKS_MAX);
    } while (site.sentinel.amends.looks_for != AMENDS_NONE);
    assert_int_equal(site.n_gone, 0);
    assert_true(site.n_standing <= 1); /* who came just before it began */
}

/* Connections that are there since before it began, and each second the CONNECT of one is accepted.
 */
static void however_many_connect_late_it_comes_to_rest(void **state)
{
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < TICKS_MAX; i++)
        connects()->link.conn.state = CONN_AUTHENTICATING;
    events_are_shed();
    do {
        struct link *late = &site.clients[n].link;

        late->conn.state = CONN_ACTIVE;
        amends_tick(&site.sentinel);
        leave(late, EVENT_CONNECT_ACCEPTED, BYTES_NONE);
        worker_post_events(&site.worker);
        assert_true(++n < TICKS_MAX);
    } while (site.sentinel.amends.looks_for != AMENDS_NONE);
    assert_int_equal(site.sentinel.online.n, n);
}

static void who_is_shed_while_it_goes_on_is_made_good(void **state)
{
    struct client *late;

    (void)state;
    (void)connects();
    events_are_shed();
    ticks();
    late = connects();
    events_are_shed();
    ticks_until_rest();
    assert_true(online_has(&site.sentinel, late->link.number));
    assert_int_equal(site.n_standing, 2);
}

static void of_whom_is_at_work_nobody_is_ended(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLIENTS_MAX - 2; i++) {
        connects();
        notice_standing(&site.clients[i].link);
        worker_post_events(&site.worker);
    }
    for (unsigned i = 0; i < CLIENTS_MAX - 2; i += 2)
        leaves(&site.clients[i]);
    events_are_shed();
    ticks_until_rest();
    assert_int_equal(site.n_gone, CLIENTS_MAX / 2 - 1);
    assert_int_equal(site.sentinel.online.n, CLIENTS_MAX / 2 - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_came_and_who_went_is_made_good, begin, end),
        cmocka_unit_test_setup_teardown(of_whom_is_told_all_is_told_however_long_the_texts, begin,
                                        end),
        cmocka_unit_test_setup_teardown(of_what_is_suspended_nothing_is_told, begin, end),
        cmocka_unit_test_setup_teardown(who_does_not_fit_into_a_block_alone_is_told_in_several,
                                        begin, end),
        cmocka_unit_test_setup_teardown(where_clients_come_and_go_it_comes_to_rest, begin, end),
        cmocka_unit_test_setup_teardown(however_many_connect_late_it_comes_to_rest, begin, end),
        cmocka_unit_test_setup_teardown(who_is_shed_while_it_goes_on_is_made_good, begin, end),
        cmocka_unit_test_setup_teardown(of_whom_is_at_work_nobody_is_ended, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
