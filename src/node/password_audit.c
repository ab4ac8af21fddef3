/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/password_audit.c - see password_audit.h
 *
 * The self-test's thread looks, under no lock, and writes counts under one; any
 * thread reads the counts.
 */
#include "node/password_audit.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/scram.h"

#define AT_A_TIME_MAX 10

struct account {
    char *name;                   /* owned */
    char *verifier;               /* owned; of the password, or else of SCRAM */
    char digest[SHA256_TEXT_LEN]; /* of name and verifier */
    bool (*fits)(const char *verifier, struct bytes password);
    bool is_known;
    bool is_default;
};

struct accounts {
    struct account *at; /* owned */
    size_t n;
};

struct password_audit {
    struct accounts accounts; /* the self-test's thread's own */
    pthread_mutex_t lock;
    size_t n_accounts; /* under lock, as all that follows */
    size_t n_known;
    size_t n_default;
    uint64_t at_unix_ms;
};

/** password_audit_new() - nothing was looked at yet */
struct password_audit *password_audit_new(void)
{
    struct password_audit *a = mem_new(struct password_audit);

    pthread_mutex_init(&a->lock, NULL);
    return a;
}

static void accounts_done(struct accounts *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->at[i].name);
        free(list->at[i].verifier);
    }
    free(list->at);
    *list = (struct accounts){0};
}

/** password_audit_free() - Return: NULL */
struct password_audit *password_audit_free(struct password_audit *a)
{
    if (a == NULL)
        return NULL;
    accounts_done(&a->accounts);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

static void digest_of(const char *name, const char *verifier, char ret[SHA256_TEXT_LEN])
{
    struct buf text = {0};

    buf_addf(&text, "%s\n%s", name, verifier);
    sha256_text(buf_view(&text), ret);
    buf_done(&text);
}

/* Who can come in by a password now. */
static struct accounts accounts_of(const struct config *c)
{
    struct accounts list = {
        .at = mem_zero(MAX(c->policy.n_users, (size_t)1) * sizeof(struct account))};

    for (size_t i = 0; i < c->policy.n_users; i++) {
        const struct user_spec *u = &c->policy.users[i];
        struct account *a = &list.at[list.n];

        bool has_password = u->password_verifier != NULL;

        if ((!has_password && u->scram_verifier == NULL) || u->disabled)
            continue;
        a->name = text_dup(u->name);
        a->verifier = text_dup(has_password ? u->password_verifier : u->scram_verifier);
        a->fits = has_password ? password_verify : scram_verifier_fits;
        digest_of(a->name, a->verifier, a->digest);
        list.n++;
    }
    return list;
}

static int by_digest(const void *a, const void *b)
{
    return strcmp(((const struct account *)a)->digest, ((const struct account *)b)->digest);
}

/* What is known of those that are the same as before.  Both lists are sorted. */
static void carry_over(struct accounts *now, const struct accounts *before)
{
    for (size_t i = 0; i < now->n; i++) {
        const struct account *a =
            before->n > 0 ? bsearch(&now->at[i], before->at, before->n, sizeof(*a), by_digest)
                          : NULL;

        if (a == NULL)
            continue;
        now->at[i].is_known = a->is_known;
        now->at[i].is_default = a->is_default;
    }
}

static void look_at_users(struct password_audit *a, struct node *n)
{
    struct accounts now;

    pthread_mutex_lock(&n->config_lock);
    now = accounts_of(n->config);
    pthread_mutex_unlock(&n->config_lock);
    if (now.n > 1)
        qsort(now.at, now.n, sizeof(now.at[0]), by_digest);
    carry_over(&now, &a->accounts);
    accounts_done(&a->accounts);
    a->accounts = now;
}

static void publish(struct password_audit *a)
{
    size_t n_known = 0;
    size_t n_default = 0;

    for (size_t i = 0; i < a->accounts.n; i++) {
        n_known += a->accounts.at[i].is_known;
        n_default += a->accounts.at[i].is_default;
    }
    pthread_mutex_lock(&a->lock);
    a->n_accounts = a->accounts.n;
    a->n_known = n_known;
    a->n_default = n_default;
    a->at_unix_ms = clock_unix_ms();
    pthread_mutex_unlock(&a->lock);
}

static bool is_stopping(int stop_fd)
{
    struct pollfd p = {.fd = stop_fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

/* Try them all, unless it is time to stop. */
static void look_at(struct account *a, int stop_fd)
{
    const char *password;

    for (size_t i = 0; (password = password_default(i)) != NULL; i++) {
        if (is_stopping(stop_fd))
            return;
        a->is_default = a->fits(a->verifier, bytes_str(password));
        if (a->is_default)
            break;
    }
    a->is_known = true;
    if (a->is_default)
        log_warning("self-test", "user %s has a password that everybody knows: bastide user passwd",
                    a->name);
}

/** password_audit_some() - see password_audit.h; takes a second for each of up to AT_A_TIME_MAX
 * accounts */
void password_audit_some(struct password_audit *a, struct node *n, int stop_fd)
{
    unsigned n_looked = 0;

    look_at_users(a, n);
    for (size_t i = 0; i < a->accounts.n && n_looked < AT_A_TIME_MAX && !is_stopping(stop_fd);
         i++) {
        struct account *one = &a->accounts.at[i];

        if (one->is_known)
            continue;
        look_at(one, stop_fd);
        n_looked++;
    }
    publish(a);
}

/**
 * password_audit_evidence() - MQ.PR.IA-03.t4
 *
 * As long as some were not looked at, "none of them" is not known; one that was found is.
 */
void password_audit_evidence(struct password_audit *a, struct evidence_list *e)
{
    pthread_mutex_lock(&a->lock);
    if (a->n_known > 0 && (a->n_known == a->n_accounts || a->n_default > 0))
        evidence_add(e, "MQ.PR.IA-03.t4", (double)a->n_default, a->n_known, NULL,
                     "%zu of %zu accounts that were tried have a password of the built-in list, of "
                     "%zu in all",
                     a->n_default, a->n_known, a->n_accounts);
    pthread_mutex_unlock(&a->lock);
}
