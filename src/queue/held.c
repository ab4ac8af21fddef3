/* SPDX-License-Identifier: Apache-2.0 */
/* queue/held.c - see held.h */
#include "queue/held.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct held_list {
    pthread_mutex_t lock;
    struct list all; /* oldest first, but for what was put back */
    size_t n;
    size_t bytes;
    uint64_t last_id;
};

/** held_list_new() - nothing is held */
struct held_list *held_list_new(void)
{
    struct held_list *l = mem_new(struct held_list);

    pthread_mutex_init(&l->lock, NULL);
    list_init(&l->all);
    return l;
}

/** held_free() - one that is in no list; @h may be NULL; Return: NULL */
struct held *held_free(struct held *h)
{
    if (h == NULL)
        return NULL;
    message_unref(h->message);
    free(h->client_id);
    free(h->user_name);
    free(h->role);
    free(h->address);
    free(h->approved_by);
    free(h);
    return NULL;
}

/** held_list_free() - with all that is held; @l may be NULL; Return: NULL */
struct held_list *held_list_free(struct held_list *l)
{
    if (l == NULL)
        return NULL;
    list_each (it, &l->all)
        held_free(list_item(it, struct held, link));
    pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

/* ---- under the lock ---- */

static size_t n_of_client(const struct held_list *l, uint64_t publisher)
{
    size_t n = 0;

    list_each (it, (struct list *)(uintptr_t)&l->all)
        n += list_item(it, struct held, link)->message->publisher == publisher;
    return n;
}

static size_t bytes_of_one(const struct publication *p, const struct held_from *from)
{
    return sizeof(struct held) + publication_bytes(p) + from->client_id.len + from->user_name.len +
           from->role.len + from->address.len;
}

static const char *limit_passed(const struct held_list *l, const struct publication *p,
                                const struct held_from *from, const struct held_limits *limits)
{
    if (l->n >= limits->n_max)
        return "held_commands_max";
    if (l->bytes + bytes_of_one(p, from) > limits->bytes_max)
        return "held_commands_bytes_max";
    return n_of_client(l, p->publisher) >= limits->per_client_max ? "held_commands_per_client_max"
                                                                  : NULL;
}

static void add(struct held_list *l, struct held *h)
{
    list_init(&h->link);
    list_append(&l->all, &h->link);
    l->n++;
    l->bytes += h->bytes;
}

static struct held *take_out(struct held_list *l, struct held *h)
{
    list_remove(&h->link);
    l->n--;
    l->bytes -= h->bytes;
    return h;
}

/* ---- from any thread ---- */

static struct held *held_of(struct publication *p, const struct held_from *from,
                            uint64_t now_unix_ms, uint64_t for_ms)
{
    struct held *h = mem_new(struct held);

    h->message = publication_keep(p);
    h->client_id = bytes_dup_str(from->client_id);
    h->user_name = bytes_dup_str(from->user_name);
    h->role = bytes_dup_str(from->role);
    h->address = bytes_dup_str(from->address);
    h->is_will = from->is_will;
    h->bytes = bytes_of_one(p, from);
    h->at_unix_ms = now_unix_ms;
    h->expires_unix_ms = now_unix_ms + for_ms;
    return h;
}

/**
 * held_put() - have a command wait
 * @p:       its message is made if there is none yet
 * @from:    copied
 * @for_ms:  then it is given up, by who asks held_take_expired()
 * @ret_id:  what it is called; written when it is held
 *
 * Any thread.
 *
 * Return: NULL, or the name of the limit that does not let it; static.
 */
const char *held_put(struct held_list *l, struct publication *p, const struct held_from *from,
                     const struct held_limits *limits, uint64_t now_unix_ms, uint64_t for_ms,
                     char ret_id[HELD_ID_BYTES])
{
    const char *limit;
    struct held *h;

    pthread_mutex_lock(&l->lock);
    limit = limit_passed(l, p, from, limits);
    if (limit == NULL) {
        h = held_of(p, from, now_unix_ms, for_ms);
        l->last_id = MAX(now_unix_ms, l->last_id + 1); /* no earlier run gave it */
        snprintf(h->id, sizeof(h->id), "C-%llx", (unsigned long long)l->last_id);
        memcpy(ret_id, h->id, sizeof(h->id));
        add(l, h);
    }
    pthread_mutex_unlock(&l->lock);
    return limit;
}

/** held_take() - out of the list; any thread; Return: owned, for held_free() or held_put_back();
 * NULL: no such command waits. */
struct held *held_take(struct held_list *l, const char *id)
{
    struct held *found = NULL;

    pthread_mutex_lock(&l->lock);
    list_each (it, &l->all) {
        struct held *h = list_item(it, struct held, link);

        if (strcmp(h->id, id) == 0) {
            found = take_out(l, h);
            break;
        }
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

/** held_take_expired() - one whose time is over at @now_unix_ms, out of the list; any thread;
 * Return: owned, for held_free(); NULL: there is none. */
struct held *held_take_expired(struct held_list *l, uint64_t now_unix_ms)
{
    struct held *found = NULL;

    pthread_mutex_lock(&l->lock);
    list_each (it, &l->all) {
        struct held *h = list_item(it, struct held, link);

        if (h->expires_unix_ms <= now_unix_ms) {
            found = take_out(l, h);
            break;
        }
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

/** held_put_back() - it goes on waiting, whatever the limits say by now; any thread; @h is the
 * list's from here on */
void held_put_back(struct held_list *l, struct held *h)
{
    pthread_mutex_lock(&l->lock);
    add(l, h);
    pthread_mutex_unlock(&l->lock);
}

/** held_n() - how many wait; any thread */
size_t held_n(struct held_list *l)
{
    size_t n;

    pthread_mutex_lock(&l->lock);
    n = l->n;
    pthread_mutex_unlock(&l->lock);
    return n;
}

/** held_each() - all that wait; any thread; @fn is called under the lock, must not call held and
 * has to be short */
void held_each(struct held_list *l, held_fn *fn, void *arg)
{
    pthread_mutex_lock(&l->lock);
    list_each (it, &l->all)
        fn(arg, list_item(it, struct held, link));
    pthread_mutex_unlock(&l->lock);
}
