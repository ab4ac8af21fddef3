/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/auth.c - the auth threads: Argon2id takes tens of milliseconds and would block a worker
 *
 * Addresses take turns, so that who guesses has nobody but himself wait.  All that waits is
 * bounded; when it is full, the newest of the address with the most waiting is refused as
 * "server busy".
 *
 * MQ.PR.IA-03 MQ.PR.SP-05
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "node/node_private.h"
#include "queue/fair.h"

#define AUTH_THREADS 2

struct auth_job {
    struct post post;
    struct fair_item waiting;
    struct worker *worker;
    uint64_t link;
    char *verifier;               /* owned */
    struct bytes password_secret; /* owned; wiped */
    enum auth_outcome outcome;
    uint16_t secret_hash;
};

struct auth {
    struct node *node;
    pthread_t threads[AUTH_THREADS];
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct fair queue; /* of struct auth_job, by address */
    bool stopping;
};

static void job_free(struct auth_job *j)
{
    explicit_bzero((void *)(uintptr_t)j->password_secret.at, j->password_secret.len);
    bytes_free(j->password_secret);
    free(j->verifier);
    free(j);
}

static void answer(struct worker *w, struct post *p)
{
    struct auth_job *j = list_item(p, struct auth_job, post);

    connect_verified(w, j->link, j->verifier, j->outcome, j->secret_hash);
    job_free(j);
}

static void answered(struct auth_job *j, enum auth_outcome outcome)
{
    j->outcome = outcome;
    j->post.take = answer;
    worker_post(j->worker, LANE_CONTROL, &j->post);
}

static struct auth_job *job_of(struct fair_item *i)
{
    return i != NULL ? list_item(i, struct auth_job, waiting) : NULL;
}

static struct auth_job *next_job(struct auth *a)
{
    struct auth_job *j;

    pthread_mutex_lock(&a->lock);
    while (a->queue.n == 0 && !a->stopping)
        pthread_cond_wait(&a->more, &a->lock);
    j = a->stopping ? NULL : job_of(fair_next(&a->queue));
    pthread_mutex_unlock(&a->lock);
    return j;
}

static void *run(void *arg)
{
    struct auth *a = arg;
    struct auth_job *j;

    pthread_setname_np(pthread_self(), "auth");
    node_confine(a->node, SANDBOX_AUTH);
    while ((j = next_job(a)) != NULL) {
        bool is_right = password_verify(j->verifier, j->password_secret);

        j->secret_hash = (uint16_t)hash_keyed(j->password_secret);
        answered(j, is_right ? AUTH_RIGHT : AUTH_WRONG);
    }
    return NULL;
}

/** auth_new() - start the threads */
struct auth *auth_new(struct node *n)
{
    struct auth *a = mem_new(struct auth);

    a->node = n;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->more, NULL);
    fair_init(&a->queue);
    for (unsigned i = 0; i < AUTH_THREADS; i++)
        check(pthread_create(&a->threads[i], NULL, run, a) == 0);
    return a;
}

/** auth_free() - stop the threads; what waits is forgotten; Return: NULL */
struct auth *auth_free(struct auth *a)
{
    struct auth_job *j;

    if (a == NULL)
        return NULL;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_broadcast(&a->more);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < AUTH_THREADS; i++)
        pthread_join(a->threads[i], NULL);
    while ((j = job_of(fair_next(&a->queue))) != NULL)
        job_free(j);
    fair_done(&a->queue);
    pthread_cond_destroy(&a->more);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

/* Return: false when the newcomer is the one to be refused. */
static bool make_room(struct auth *a, struct bytes address)
{
    struct auth_job *j;

    if (a->queue.n < AUTH_QUEUE_MAX)
        return true;
    j = job_of(fair_displace(&a->queue, address));
    if (j != NULL)
        answered(j, AUTH_BUSY);
    return j != NULL;
}

/**
 * auth_verify() - does @password fit @verifier? connect_verified() of @w gets the answer
 * @link:      number of the network connection that waits
 * @address:   it comes from
 * @password:  copied; the copy is wiped after use
 *
 * Return: false if AUTH_QUEUE_MAX wait already, and no address has more of them; nothing was taken.
 */
bool auth_verify(struct auth *a, struct worker *w, uint64_t link, struct bytes address,
                 const char *verifier, struct bytes password)
{
    bool fits;

    pthread_mutex_lock(&a->lock);
    fits = make_room(a, address);
    if (fits) {
        struct auth_job *j = mem_new(struct auth_job);

        list_init(&j->post.mail.link);
        j->worker = w;
        j->link = link;
        j->verifier = text_dup(verifier);
        j->password_secret = bytes_dup(password);
        fair_add(&a->queue, address, &j->waiting);
        pthread_cond_signal(&a->more);
    }
    pthread_mutex_unlock(&a->lock);
    return fits;
}
