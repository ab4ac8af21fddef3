/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/user_sessions.c - how many sessions the node keeps of each user
 *
 * A user's sessions are on any worker.  Asked when a CONNECT is accepted whose session is
 * to outlive it, and when such a session ends; so a mutex is cheap enough here, and
 * nowhere on the message path.  Clients without a user are one user together.
 *
 * MQ.PR.SP-05 (detection, D15)
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"

struct keeper {
    size_t n;
    char user[];
};

struct user_sessions {
    pthread_mutex_t lock;
    struct map by_user;
};

static struct bytes user_of(const void *item)
{
    return bytes_str(((const struct keeper *)item)->user);
}

/** user_sessions_new() - nothing is kept of anybody */
struct user_sessions *user_sessions_new(void)
{
    struct user_sessions *u = mem_new(struct user_sessions);

    pthread_mutex_init(&u->lock, NULL);
    map_init(&u->by_user, user_of);
    return u;
}

/** user_sessions_free() - when no session is left; @u may be NULL; Return: NULL */
struct user_sessions *user_sessions_free(struct user_sessions *u)
{
    if (u == NULL)
        return NULL;
    check(u->by_user.n == 0);
    map_done(&u->by_user);
    pthread_mutex_destroy(&u->lock);
    free(u);
    return NULL;
}

static struct keeper *keeper_of(struct user_sessions *u, const char *user)
{
    struct bytes name = bytes_str(user);
    struct keeper *k = map_find(&u->by_user, name);

    if (k == NULL) {
        k = mem_zero(sizeof(*k) + name.len + 1);
        if (name.len > 0)
            memcpy(k->user, name.at, name.len);
        map_put(&u->by_user, k);
    }
    return k;
}

/**
 * user_sessions_take() - one more is to be kept; any thread
 * @user:        "": clients without one
 * @max:         how many the user may have; SIZE_MAX: it is there, whatever the limit says
 * @ret_before:  how many there were; written in any case
 *
 * Return: false: no more than @max are kept, and this one is not.
 */
bool user_sessions_take(struct user_sessions *u, const char *user, uint64_t max, size_t *ret_before)
{
    const struct keeper *there;
    size_t before;

    pthread_mutex_lock(&u->lock);
    there = map_find(&u->by_user, bytes_str(user));
    before = there != NULL ? there->n : 0;
    if (before < max)
        keeper_of(u, user)->n++;
    pthread_mutex_unlock(&u->lock);
    *ret_before = before;
    return before < max;
}

/** user_sessions_give() - one that was taken is kept no longer; any thread */
void user_sessions_give(struct user_sessions *u, const char *user)
{
    struct keeper *k;

    pthread_mutex_lock(&u->lock);
    k = map_find(&u->by_user, bytes_str(user));
    check(k != NULL && k->n > 0);
    if (--k->n == 0) {
        map_remove(&u->by_user, bytes_str(user));
        free(k);
    }
    pthread_mutex_unlock(&u->lock);
}
