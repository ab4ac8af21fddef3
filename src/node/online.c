/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/online.c - who is online, and from where: what the safeguards of respond ask
 *
 * Told by events, so it belongs to the sentinel's thread and asks no worker.  A network connection
 * is online from its CONNACK to its end.
 *
 * MQ.RS.RP-03
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/sentinel.h"

struct online {
    uint64_t conn;
    struct online_address *at;
    bool is_productive; /* it has published or subscribed */
};

struct online_address {
    char address[STREAM_ADDRESS_LEN];
    unsigned n;
    unsigned n_productive;
};

static struct bytes online_conn(const void *item)
{
    const struct online *o = item;

    return bytes_of(&o->conn, sizeof(o->conn));
}

static struct bytes online_address_text(const void *item)
{
    return bytes_str(((const struct online_address *)item)->address);
}

/** online_init() - nobody is */
void online_init(struct sentinel *s)
{
    map_init(&s->online, online_conn);
    map_init(&s->addresses, online_address_text);
}

/** online_done() - of online_init() */
void online_done(struct sentinel *s)
{
    size_t cursor = 0;
    void *item;

    while ((item = map_next(&s->online, &cursor)) != NULL)
        free(item);
    cursor = 0;
    while ((item = map_next(&s->addresses, &cursor)) != NULL)
        free(item);
    map_done(&s->online);
    map_done(&s->addresses);
}

/** online_has() - is it known that this connection is? */
bool online_has(const struct sentinel *s, uint64_t conn)
{
    return map_find(&s->online, bytes_of(&conn, sizeof(conn))) != NULL;
}

static void went_online(struct sentinel *s, const struct event *e)
{
    struct online_address *a = map_find(&s->addresses, e->address);
    struct online *o;

    if (online_has(s, e->conn))
        return;
    if (a == NULL) {
        a = mem_new(struct online_address);
        snprintf(a->address, sizeof(a->address), "%.*s", BYTES_ARG(e->address));
        map_put(&s->addresses, a);
    }
    a->n++;
    o = mem_new(struct online);
    o->conn = e->conn;
    o->at = a;
    (void)map_put(&s->online, o);
}

static void went_offline(struct sentinel *s, const struct event *e)
{
    struct online *o = map_remove(&s->online, bytes_of(&e->conn, sizeof(e->conn)));

    if (o == NULL)
        return;
    o->at->n_productive -= o->is_productive;
    if (--o->at->n == 0) {
        map_remove(&s->addresses, bytes_str(o->at->address));
        free(o->at);
    }
    free(o);
}

static void was_productive(struct sentinel *s, const struct event *e)
{
    struct online *o = map_find(&s->online, bytes_of(&e->conn, sizeof(e->conn)));

    if (o == NULL || o->is_productive)
        return;
    o->is_productive = true;
    o->at->n_productive++;
}

/** online_event() - any event; those count that begin and end a connection, or show it at work */
void online_event(struct sentinel *s, const struct event *e)
{
    if (e->kind == EVENT_CONNECT_ACCEPTED || e->kind == EVENT_STANDING)
        went_online(s, e);
    else if (e->kind == EVENT_DISCONNECTED)
        went_offline(s, e);
    else if (e->kind == EVENT_PUBLISH_TOPIC || e->kind == EVENT_SUBSCRIBED)
        was_productive(s, e);
}

/**
 * online_next() - some of those that are, for a walk through all in parts
 * @cursor:  0 at first
 *
 * Return: how many stand in @ret, at most @max; less: these are the last.
 */
size_t online_next(const struct sentinel *s, size_t *cursor, uint64_t *ret, size_t max)
{
    const struct online *o;
    size_t n = 0;

    while (n < max && (o = map_next(&s->online, cursor)) != NULL)
        ret[n++] = o->conn;
    return n;
}

/** online_clients() - how many are, a hand of respond; @arg: the sentinel */
unsigned online_clients(void *arg)
{
    return (unsigned)((struct sentinel *)arg)->online.n;
}

/** online_at_address() - how many of those at work are from there, a hand of respond; @arg: the
 * sentinel */
unsigned online_at_address(void *arg, const char *address)
{
    const struct online_address *a =
        map_find(&((struct sentinel *)arg)->addresses, bytes_str(address));

    return a != NULL ? a->n_productive : 0;
}
