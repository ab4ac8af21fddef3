/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/admission.c - network connections of the whole node and of each address
 *
 * Asked once when a connection is accepted and once when it is freed, by any worker;
 * so a mutex is cheap enough here, and nowhere on the message path.
 *
 * MQ.PR.SP-05
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"

struct admitted {
    char address[STREAM_ADDRESS_LEN];
    size_t n;
};

struct admission {
    pthread_mutex_t lock;
    struct map by_address;
    size_t n;
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
    check(a->n == 0);
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

/** admission_enter() - one connection more, if connections_max allows it; any thread; false: it
 * does not */
bool admission_enter(struct admission *a, const struct limits *limits)
{
    bool fits;

    pthread_mutex_lock(&a->lock);
    fits = a->n < limits->connections_max;
    a->n += fits;
    pthread_mutex_unlock(&a->lock);
    return fits;
}

/** admission_enter_address() - it is from @address, if connections_per_address_max allows that; any
 * thread */
bool admission_enter_address(struct admission *a, const char *address, const struct limits *limits)
{
    const struct admitted *e;
    bool fits;

    pthread_mutex_lock(&a->lock);
    e = map_find(&a->by_address, bytes_str(address));
    fits = e == NULL || e->n < limits->connections_per_address_max;
    if (fits)
        entry_of(a, address)->n++;
    pthread_mutex_unlock(&a->lock);
    return fits;
}

/**
 * admission_leave() - a connection that was let in is gone; any thread
 * @address:  that it entered with; NULL: with none
 */
void admission_leave(struct admission *a, const char *address)
{
    struct admitted *e;

    pthread_mutex_lock(&a->lock);
    check(a->n > 0);
    a->n--;
    if (address != NULL) {
        e = map_find(&a->by_address, bytes_str(address));
        check(e != NULL && e->n > 0);
        if (--e->n == 0) {
            map_remove(&a->by_address, bytes_str(address));
            free(e);
        }
    }
    pthread_mutex_unlock(&a->lock);
}
