/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/self_test.c - see self_test.h: principals, thread, and the results that stand
 *
 * The trials themselves are in self_trials.c.
 */
#include "node/self_test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "node/password_audit.h"
#include "node/self_trials.h"

#define FIRST_AFTER_MS 2000
#define EVERY_S        (6 * 3600)
#define AUDIT_EVERY_MS 60000
#define MS_PER_DAY     86400000.0
#define TOKEN_LEN      24
#define PASSWORD_LEN   32

struct self_test {
    struct node *node;
    pthread_t thread;
    bool is_running;
    int stop_fd; /* eventfd, readable when it is time to stop */
    pthread_mutex_t lock;
    uint64_t tried_unix_ms;       /* when the results were tried; under lock */
    json_t *results;              /* owned; NULL until the first round has ended; under lock */
    struct password_audit *audit; /* owned */

    char client_prefix[64];
    char names[SELF_TEST_PRINCIPALS][64];
    char *passwords_secret[SELF_TEST_PRINCIPALS];
    char *verifiers[SELF_TEST_PRINCIPALS];
    atomic_ullong busy_until_ns; /* trials are under way; UINT64_MAX: it is not known how long */
    atomic_uint n_auth_failed;
    atomic_uint n_denied;
    atomic_uint n_accepted;
    atomic_uint n_malformed; /* sent */
};

/** self_test_new() - draw token, names and passwords; takes two password hashes' time */
struct self_test *self_test_new(struct node *n)
{
    struct self_test *t = mem_new(struct self_test);
    char *token = random_text(TOKEN_LEN);

    t->node = n;
    pthread_mutex_init(&t->lock, NULL);
    t->stop_fd = -1;
    t->audit = password_audit_new();
    snprintf(t->client_prefix, sizeof(t->client_prefix), IDENTIFY_TEST_PREFIX "-%s-", token);
    free(token);
    for (unsigned i = 0; i < SELF_TEST_PRINCIPALS; i++) {
        snprintf(t->names[i], sizeof(t->names[i]), IDENTIFY_TEST_PREFIX "-%u", i + 1);
        t->passwords_secret[i] = random_text(PASSWORD_LEN);
        t->verifiers[i] = password_verifier_new_of_random(bytes_str(t->passwords_secret[i]));
    }
    return t;
}

/** self_test_free() - after self_test_stop(); Return: NULL */
struct self_test *self_test_free(struct self_test *t)
{
    if (t == NULL)
        return NULL;
    for (unsigned i = 0; i < SELF_TEST_PRINCIPALS; i++) {
        explicit_bzero(t->passwords_secret[i], strlen(t->passwords_secret[i]));
        free(t->passwords_secret[i]);
        free(t->verifiers[i]);
    }
    json_decref(t->results);
    password_audit_free(t->audit);
    if (t->stop_fd >= 0)
        close(t->stop_fd);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return NULL;
}

/**
 * self_test_policy() - the policy of @spec, and the principals of the self-test
 *
 * Return: as policy_new().
 */
struct policy *self_test_policy(const struct self_test *t, const struct policy_spec *spec,
                                char **ret_error)
{
    static const struct rule_spec rules[] = {
        {.filter = SELF_TEST_TOPICS "#", .publish = true, .subscribe = true}};
    struct policy_spec all = *spec;
    struct role_spec *roles = mem_zero((spec->n_roles + 1) * sizeof(*roles));
    struct user_spec *users = mem_zero((spec->n_users + SELF_TEST_PRINCIPALS) * sizeof(*users));
    struct policy *p;

    if (spec->n_roles > 0)
        memcpy(roles, spec->roles, spec->n_roles * sizeof(*roles));
    roles[all.n_roles++] = (struct role_spec){
        .name = IDENTIFY_TEST_PREFIX, .rules = rules, .n_rules = COUNT_OF(rules)};
    if (spec->n_users > 0)
        memcpy(users, spec->users, spec->n_users * sizeof(*users));
    for (unsigned i = 0; i < SELF_TEST_PRINCIPALS; i++)
        users[all.n_users++] = (struct user_spec){
            .name = t->names[i],
            .password_verifier = t->verifiers[i],
            .role = IDENTIFY_TEST_PREFIX,
        };
    all.roles = roles;
    all.users = users;
    p = policy_new(&all, ret_error);
    free(roles);
    free(users);
    return p;
}

/** self_test_is_own() - is this a client of the self-test?  Any thread. */
bool self_test_is_own(const struct self_test *t, struct bytes client_id)
{
    return bytes_has_prefix(client_id, bytes_str(t->client_prefix));
}

/**
 * self_test_is_from() - is a connection one of the trials?  Any thread.
 * @client_id:  empty before CONNECT
 *
 * What a connection does before CONNECT names no client.  Some trials are such, so for the second
 * or two that they take every few hours what comes over loopback and has no name is theirs.
 */
bool self_test_is_from(const struct self_test *t, struct bytes client_id, struct bytes address,
                       uint64_t at_ns)
{
    bool is_local = bytes_equal(address, BYTES("127.0.0.1")) ||
                    bytes_equal(address, BYTES("::1")) ||
                    bytes_equal(address, BYTES(SELF_TEST_SOURCE));

    return self_test_is_own(t, client_id) ||
           (client_id.len == 0 && is_local && at_ns <= atomic_load(&t->busy_until_ns));
}

/** self_test_causes() - is this an event of the trials? */
bool self_test_causes(const struct self_test *t, const struct event *e)
{
    return self_test_is_from(t, e->client_id, e->address, e->at_ns);
}

/** self_test_is_forged() - does somebody else use the prefix of the self-test?  Any thread. */
bool self_test_is_forged(const struct self_test *t, struct bytes client_id)
{
    return bytes_has_prefix(client_id, BYTES(IDENTIFY_TEST_PREFIX)) &&
           !self_test_is_own(t, client_id);
}

/** self_test_saw() - count what the trials want to see arrive */
void self_test_saw(struct self_test *t, const struct event *e)
{
    if (e->kind == EVENT_AUTH_FAILED && e->address.len > 0 && e->text.len > 0)
        atomic_fetch_add(&t->n_auth_failed, 1);
    if (e->kind == EVENT_CONNECT_ACCEPTED)
        atomic_fetch_add(&t->n_accepted, 1);
    if (e->kind == EVENT_PUBLISH_DENIED || e->kind == EVENT_SUBSCRIBE_DENIED)
        atomic_fetch_add(&t->n_denied, 1);
}

static struct trial_seen seen(void *arg)
{
    struct self_test *t = arg;

    return (struct trial_seen){atomic_load(&t->n_auth_failed), atomic_load(&t->n_denied)};
}

static void round_of_trials(struct self_test *t)
{
    struct evidence_list e = {.array = json_array(), .at_unix_ms = clock_unix_ms()};
    struct trial_kit kit = {
        .node = t->node,
        .client_prefix = t->client_prefix,
        .seen = seen,
        .seen_arg = t,
        .stop_fd = t->stop_fd,
    };
    bool whole;

    for (unsigned i = 0; i < SELF_TEST_PRINCIPALS; i++) {
        kit.names[i] = t->names[i];
        kit.passwords_secret[i] = t->passwords_secret[i];
    }
    log_info("self-test",
             "tries over loopback what must be refused; until its results it is refused");
    atomic_store(&t->busy_until_ns, UINT64_MAX);
    whole = self_trials(&kit, &e);
    atomic_store(&t->busy_until_ns, clock_now_ns() + NS_PER_S);
    atomic_fetch_add(&t->n_malformed, kit.n_malformed);
    if (!whole) {
        json_decref(e.array);
        return;
    }
    log_info("self-test", "%zu results", json_array_size(e.array));
    pthread_mutex_lock(&t->lock);
    json_decref(t->results);
    t->results = e.array;
    t->tried_unix_ms = e.at_unix_ms;
    pthread_mutex_unlock(&t->lock);
}

/* Return: false when it is time to stop. */
static bool wait_for(const struct self_test *t, int ms)
{
    struct pollfd p = {.fd = t->stop_fd, .events = POLLIN};

    return poll(&p, 1, ms) == 0;
}

static void *run(void *arg)
{
    struct self_test *t = arg;
    uint64_t due_ns = 0;
    int pause_ms = FIRST_AFTER_MS;

    pthread_setname_np(pthread_self(), "self-test");
    node_confine(t->node, SANDBOX_TRIALS);
    while (wait_for(t, pause_ms)) {
        if (clock_now_ns() >= due_ns) {
            round_of_trials(t);
            due_ns = clock_now_ns() + EVERY_S * NS_PER_S;
        }
        password_audit_some(t->audit, t->node, t->stop_fd);
        pause_ms = AUDIT_EVERY_MS;
    }
    return NULL;
}

/** self_test_connects() - CONNECTs of the self-test that were accepted so far */
unsigned self_test_connects(const struct self_test *t)
{
    return atomic_load(&t->n_accepted);
}

/** self_test_protocol_errors() - packets that the self-test sent to be refused */
unsigned self_test_protocol_errors(const struct self_test *t)
{
    return atomic_load(&t->n_malformed);
}

/** self_test_start() - the first round begins in FIRST_AFTER_MS; Return: 0 or -errno */
int self_test_start(struct self_test *t)
{
    int r;

    t->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->stop_fd < 0)
        return err_origin(-errno);
    r = pthread_create(&t->thread, NULL, run, t);
    t->is_running = r == 0;
    return r == 0 ? 0 : err_origin(-r);
}

/** self_test_stop() - before the workers stop; trials under way are cut short; fine if it was not
 * started */
void self_test_stop(struct self_test *t)
{
    const uint64_t one = 1;

    if (!t->is_running)
        return;
    check(write(t->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
    pthread_join(t->thread, NULL);
    t->is_running = false;
}

/** probe_self_test() - the results of the last round, and what is known of the users' passwords */
void probe_self_test(struct node *n, struct evidence_list *e)
{
    struct self_test *t = n->self_test;

    pthread_mutex_lock(&t->lock);
    if (t->results != NULL) {
        json_array_extend(e->array, t->results);
        evidence_add(e, "MQ.PR.SP-01.t2",
                     (double)(e->at_unix_ms - MIN(t->tried_unix_ms, e->at_unix_ms)) / MS_PER_DAY,
                     json_array_size(t->results), NULL,
                     "since this node tried itself, as it does every %d h", EVERY_S / 3600);
    }
    pthread_mutex_unlock(&t->lock);
    password_audit_evidence(t->audit, e);
}
