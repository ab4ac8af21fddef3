/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/auth.c - the auth threads: Argon2id takes tens of milliseconds and would block a worker
 *
 * One bounded queue for all; when it is full, a CONNECT is refused as "server busy",
 * so that a flood of guesses cannot grow it.
 *
 * MQ.PR.IA-03
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "node/node_private.h"

#define AUTH_THREADS   2
#define AUTH_QUEUE_MAX 1024

struct auth_job {
    struct post post;
    struct list in_queue;
    struct worker *worker;
    uint64_t link;
    char *verifier;               /* owned */
    struct bytes password_secret; /* owned; wiped */
    bool is_right;
    uint16_t secret_hash;
};

struct auth {
    struct node *node;
    pthread_t threads[AUTH_THREADS];
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct list queue;
    size_t n_queued;
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

    connect_verified(w, j->link, j->verifier, j->is_right, j->secret_hash);
    job_free(j);
}

static struct auth_job *next_job(struct auth *a)
{
    struct auth_job *j = NULL;

    pthread_mutex_lock(&a->lock);
    while (list_is_empty(&a->queue) && !a->stopping)
        pthread_cond_wait(&a->more, &a->lock);
    if (!list_is_empty(&a->queue) && !a->stopping) {
        j = list_item(a->queue.next, struct auth_job, in_queue);
        list_remove(&j->in_queue);
        a->n_queued--;
    }
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
        j->is_right = password_verify(j->verifier, j->password_secret);
        j->secret_hash = (uint16_t)hash_keyed(j->password_secret);
        j->post.take = answer;
        worker_post(j->worker, LANE_CONTROL, &j->post);
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
    list_init(&a->queue);
    for (unsigned i = 0; i < AUTH_THREADS; i++)
        check(pthread_create(&a->threads[i], NULL, run, a) == 0);
    return a;
}

/** auth_free() - stop the threads; what waits is forgotten; Return: NULL */
struct auth *auth_free(struct auth *a)
{
    if (a == NULL)
        return NULL;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_broadcast(&a->more);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < AUTH_THREADS; i++)
        pthread_join(a->threads[i], NULL);
    list_each (it, &a->queue)
        job_free(list_item(it, struct auth_job, in_queue));
    pthread_cond_destroy(&a->more);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

/**
 * auth_verify() - does @password fit @verifier? connect_verified() of @w gets the answer
 * @link:      number of the network connection that waits
 * @password:  copied; the copy is wiped after use
 *
 * Return: false if AUTH_QUEUE_MAX wait already; nothing was taken.
 */
bool auth_verify(struct auth *a, struct worker *w, uint64_t link, const char *verifier,
                 struct bytes password)
{
    struct auth_job *j = NULL;

    pthread_mutex_lock(&a->lock);
    if (a->n_queued < AUTH_QUEUE_MAX) {
        j = mem_new(struct auth_job);
        list_init(&j->post.mail.link);
        j->worker = w;
        j->link = link;
        j->verifier = bytes_dup_str(bytes_str(verifier));
        j->password_secret = bytes_dup(password);
        list_append(&a->queue, &j->in_queue);
        a->n_queued++;
        pthread_cond_signal(&a->more);
    }
    pthread_mutex_unlock(&a->lock);
    return j != NULL;
}
