/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/admission.c - network connections of the whole node and of each address
 *
 * Those whose CONNECT was not accepted yet are counted by themselves, too: they cost their
 * owner nothing, and must not take all places.  Of them those that wait for their turn in a
 * storm are counted apart: a whole fleet may wait, and who is let go makes room for the next, while
 * of the others each can sit there until the connect timeout.  Asked when a connection is opened,
 * when its CONNECT is accepted and when it is freed, by any worker; so a mutex is cheap enough
 * here, and nowhere on the message path.
 *
 * MQ.PR.SP-05
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"

struct tallies {
    size_t n;                    /* network connections */
    size_t n_as[ADMISSION_AS_N]; /* of them */
};

struct admitted {
    char address[STREAM_ADDRESS_LEN];
    struct tallies tallies;
};

struct admission {
    pthread_mutex_t lock;
    struct map by_address;
    struct tallies all;
};

static struct bytes address_of(const void *item)
{
    return bytes_str(((const struct admitted *)item)->address);
}

/** admission_new() - nobody is connected */
struct admission *admission_new(void)
{
    struct admission *a = mem_new(struct admission);

    pthread_mutex_init(&a->lock, NULL);
    map_init(&a->by_address, address_of);
    return a;
}

/** admission_free() - when nobody is connected any more; Return: NULL */
struct admission *admission_free(struct admission *a)
{
    if (a == NULL)
        return NULL;
    check(a->all.n == 0);
    map_done(&a->by_address);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

static struct admitted *entry_of(struct admission *a, const char *address)
{
    struct admitted *e = map_find(&a->by_address, bytes_str(address));

    if (e == NULL) {
        e = mem_new(struct admitted);
        snprintf(e->address, sizeof(e->address), "%s", address);
        map_put(&a->by_address, e);
    }
    return e;
}

/* Return: the name of the limit that leaves no place, or NULL. */
static const char *full(const struct tallies *t, uint64_t max, const char *name,
                        uint64_t connecting_max, const char *connecting_name)
{
    if (t->n >= max)
        return name;
    return t->n_as[ADMISSION_CONNECTING] >= connecting_max ? connecting_name : NULL;
}

static void enter(struct tallies *t)
{
    t->n++;
    t->n_as[ADMISSION_CONNECTING]++;
}

static void leave(struct tallies *t, enum admission_as as)
{
    check(t->n > 0 && t->n_as[as] > 0);
    t->n--;
    t->n_as[as]--;
}

static void become(struct tallies *t, enum admission_as from, enum admission_as to)
{
    check(t->n_as[from] > 0);
    t->n_as[from]--;
    t->n_as[to]++;
}

/** admission_enter() - one connection more; any thread; Return: NULL, or the limit that forbids it
 */
const char *admission_enter(struct admission *a, const struct limits *limits)
{
    const char *why;

    pthread_mutex_lock(&a->lock);
    why = full(&a->all, limits->connections_max, "connections_max", limits->connecting_max,
               "connecting_max");
    if (why == NULL)
        enter(&a->all);
    pthread_mutex_unlock(&a->lock);
    return why;
}

/** admission_enter_address() - it is from @address; any thread; Return: NULL, or the limit that
 * forbids it */
const char *admission_enter_address(struct admission *a, const char *address,
                                    const struct limits *limits)
{
    static const struct tallies none;
    const struct admitted *e;
    const char *why;

    pthread_mutex_lock(&a->lock);
    e = map_find(&a->by_address, bytes_str(address));
    why = full(e != NULL ? &e->tallies : &none, limits->connections_per_address_max,
               "connections_per_address_max", limits->connecting_per_address_max,
               "connecting_per_address_max");
    if (why == NULL)
        enter(&entry_of(a, address)->tallies);
    pthread_mutex_unlock(&a->lock);
    return why;
}

static struct admitted *entry_that_is(const struct admission *a, const char *address)
{
    struct admitted *e = map_find(&a->by_address, bytes_str(address));

    check(e != NULL);
    return e;
}

static void become_all(struct admission *a, const char *address, enum admission_as from,
                       enum admission_as to)
{
    become(&a->all, from, to);
    if (address != NULL)
        become(&entry_that_is(a, address)->tallies, from, to);
}

/**
 * admission_wait() - one that was ADMISSION_CONNECTING waits for its turn; any thread
 * @address:  that it entered with; NULL: with none
 *
 * It is ADMISSION_WAITING until it is accepted or gone, also when it has had its turn: all that
 * waited may be let go at once, and must not shut out who comes then.
 *
 * Return: false: so many wait that it goes on counting as what it was.
 */
bool admission_wait(struct admission *a, const char *address, const struct limits *limits)
{
    bool fits;

    pthread_mutex_lock(&a->lock);
    fits = a->all.n_as[ADMISSION_WAITING] < limits->storm_waiting_max;
    if (fits)
        become_all(a, address, ADMISSION_CONNECTING, ADMISSION_WAITING);
    pthread_mutex_unlock(&a->lock);
    return fits;
}

/** admission_accept() - the CONNECT of one that was @as was accepted; any thread; @address that it
 * entered with, or NULL */
void admission_accept(struct admission *a, const char *address, enum admission_as as)
{
    pthread_mutex_lock(&a->lock);
    become_all(a, address, as, ADMISSION_ACCEPTED);
    pthread_mutex_unlock(&a->lock);
}

/**
 * admission_leave() - a connection that was let in is gone; any thread
 * @address:  that it entered with; NULL: with none
 * @as:       what it was in the end
 */
void admission_leave(struct admission *a, const char *address, enum admission_as as)
{
    struct admitted *e;

    pthread_mutex_lock(&a->lock);
    leave(&a->all, as);
    if (address != NULL) {
        e = entry_that_is(a, address);
        leave(&e->tallies, as);
        if (e->tallies.n == 0) {
            map_remove(&a->by_address, bytes_str(address));
            free(e);
        }
    }
    pthread_mutex_unlock(&a->lock);
}
