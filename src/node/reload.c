/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/reload.c - what changes while the node runs: configuration, posture, certificates
 *
 * All by the main thread, which others wake and wait for.  A reload is all or nothing; what is new
 * is on every worker and with the sentinel before it is said to be in force.
 *
 * MQ.RS.RP-02
 */
#include "node/reload.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "node/aim.h"
#include "node/listener_tls.h"
#include "node/node_private.h"
#include "node/sentinel.h"

struct swap {
    const struct config *config;
    struct policy *policy;
    struct tls_context **tls; /* by listener of the started configuration; NULL: unchanged */
    enum respond_posture posture;
    struct readmitted readmitted; /* gets what has come of it */
};

static void swap_here(struct worker *w, void *arg)
{
    struct swap *s = arg;

    policy_unref(w->policy);
    w->policy = policy_ref(s->policy);
    for (size_t i = 0; i < w->n_listeners; i++) {
        if (s->tls[i] == NULL)
            continue;
        tls_context_unref(w->listeners[i].tls);
        w->listeners[i].tls = tls_context_ref(s->tls[i]);
    }
    w->packet_bytes_else = s->config->postures[s->posture].limits.packet_bytes_max > 0
                               ? s->config->policy.limits.packet_bytes_max
                               : 0;
    posture_listeners(w, s->config, s->posture);
    tap_learn(w, s->config);
    readmit_all(w, &s->readmitted);
    outlet_flush_control(w); /* which groups have a member less, and what is wanted again: each has
                                taken that in when part_here() has been to it */
}

static void part_here(struct worker *w, void *arg)
{
    struct swap *s = arg;

    readmit_part(w, &s->readmitted);
}

static void learn_here(struct sentinel *s, void *arg)
{
    sentinel_learn_config(s, arg);
}

static struct bytes user_name(const void *item)
{
    return bytes_str(((const struct user_spec *)item)->name);
}

static bool is_kept(const char *verifier, const char *now)
{
    return verifier == NULL || bytes_equal(bytes_str(verifier), bytes_str(now));
}

/* A credential that was replaced is not good for a session that stands (MQ.RS.RP-02).  When the new
 * one is in force, or who is cut off would come back with the old one. */
static void cut_replaced_credentials(struct node *n, const struct config *c, struct buf *text)
{
    struct map users;

    map_init(&users, user_name);
    for (size_t i = 0; i < c->policy.n_users; i++)
        map_put(&users, (void *)(uintptr_t)&c->policy.users[i]);
    for (size_t i = 0; i < n->config->policy.n_users; i++) {
        const struct user_spec *before = &n->config->policy.users[i];
        const struct user_spec *now = map_find(&users, bytes_str(before->name));
        struct aim at CLEANUP(aim_done) = {0};
        unsigned n_closed;

        if (now == NULL || (is_kept(before->password_verifier, now->password_verifier) &&
                            is_kept(before->scram_verifier, now->scram_verifier)))
            continue;
        at = aim_at(TARGET_USER, before->name, NULL);
        n_closed = aim_disconnect(n, &at, "the password was changed");
        buf_addf(text, "user \"%s\": password changed, %u connections closed\n", before->name,
                 n_closed);
    }
    map_done(&users);
}

/* On every worker on return; Return: what came of it. */
static struct readmitted swap(struct node *n, const struct config *c, struct policy *policy,
                              struct tls_context **tls, unsigned posture)
{
    struct swap s = {.config = c, .policy = policy, .tls = tls, .posture = posture};

    for (unsigned i = 0; i < n->n_workers; i++)
        node_call_worker(n, i, swap_here, &s);
    for (unsigned i = 0; i < n->n_workers; i++)
        node_call_worker(n, i, part_here, &s);
    node_note_certificates(n, tls);
    policy_unref(n->policy);
    n->policy = policy;
    return s.readmitted;
}

static void say_readmitted(const struct readmitted *r, struct buf *text)
{
    if (r->n_expelled > 0)
        buf_addf(text,
                 "%zu sessions of users that may not connect any more have ended, with %zu "
                 "messages that waited\n",
                 r->n_expelled, r->n_messages);
    if (r->n_suspended > 0)
        buf_addf(text, "%zu subscriptions that no rule allows any more are suspended\n",
                 r->n_suspended);
    if (r->n_resumed > 0)
        buf_addf(text, "%zu subscriptions that were suspended deliver again\n", r->n_resumed);
    if (r->n_distrusted > 0)
        buf_addf(text, "%zu connections are closed whose certificate is not good any more\n",
                 r->n_distrusted);
}

static void put_in_force(struct node *n, struct config *c, struct policy *policy,
                         struct tls_context **tls, struct alert_change *alerts, struct buf *text)
{
    struct readmitted readmitted;

    tap_change(n, c);
    readmitted = swap(n, c, policy, tls, n->posture);
    say_readmitted(&readmitted, text);
    alert_change(n->sentinel->alert, alerts);
    cut_replaced_credentials(n, c, text);
    sentinel_call(n->sentinel, learn_here, c);
    node_set_log_level(c);
    pthread_mutex_lock(&n->config_lock);
    if (n->config != n->started)
        config_free(n->config);
    n->config = c;
    pthread_mutex_unlock(&n->config_lock);
    atomic_store(&n->loaded_unix_ms, clock_unix_ms());
    config_say_restart(n->started, c, text);
    buf_addf(text,
             "%zu users, %zu roles, limits, certificates, CRL, alerts and monitor are in force",
             c->policy.n_users, c->policy.n_roles);
}

static void add_posture(void *arg, const struct respond_measure *m)
{
    if (m->kind == ACTION_POSTURE)
        *(unsigned *)arg |= BIT(m->amount);
}

static void postures_here(struct sentinel *s, void *arg)
{
    respond_measures_each(s->respond, add_posture, arg);
}

/* What is in force must not be gone by a reload, while everybody is told that it is there. */
static bool keeps_postures(struct node *n, const struct config *c, char **ret_error)
{
    unsigned in_force = 0;

    sentinel_call(n->sentinel, postures_here, &in_force);
    for (enum respond_posture p = POSTURE_ELEVATED; p < POSTURE_N; p++) {
        if ((in_force & BIT(p)) && !config_posture_is_prepared(&c->postures[p]))
            return text_fail(ret_error,
                             "%s: postures.%s: is in force, and here it has neither limits nor "
                             "closed_listeners; 'bastide respond undo posture' first",
                             n->started->path, respond_posture_text(p));
    }
    return true;
}

/* The sentinel reads it when all else is in force; one that it would not take is to be told before.
 */
static bool has_inventory(const struct config *c, char **ret_error)
{
    return c->inventory_file == NULL || node_inventory_check(c->inventory_file, ret_error);
}

/* All or nothing.  @text gets what was done, or the errors. */
static bool reload(struct node *n, struct buf *text)
{
    char *error = NULL;
    struct config *c = config_load(n->started->path, &error);
    bool is_fit = c != NULL && has_inventory(c, &error) && keeps_postures(n, c, &error);
    struct policy *policy = is_fit ? posture_policy(n, c, n->posture, &error) : NULL;
    struct alert_change *alerts = policy != NULL ? sentinel_alerts(c, &error) : NULL;
    struct tls_context **tls = NULL;
    bool ok = false;

    if (alerts != NULL)
        tls = listener_tls_anew(n, c, text, &ok);
    if (error != NULL)
        buf_addf(text, "%s", error);
    free(error);
    if (ok) {
        put_in_force(n, c, policy, tls, alerts, text);
    } else {
        alert_change_free(alerts);
        buf_addf(text, "%snothing was changed",
                 text->len > 0 && text->at[text->len - 1] != '\n' ? "\n" : "");
        policy_unref(policy);
        config_free(c);
    }
    listener_tls_free(tls, n->started->n_listeners);
    return ok;
}

/* Another posture, or certificates and CRL anew; of a configuration that stays. */
static void refresh(struct node *n)
{
    unsigned posture = atomic_load(&n->posture_wanted);
    struct tls_context **tls;
    struct buf text CLEANUP(buf_done) = {0};
    struct policy *policy;
    char *error = NULL;
    bool all;

    atomic_store(&n->refresh_wanted, false);
    policy = posture_policy(n, n->config, posture, &error);
    check(policy != NULL); /* it was made of this configuration before */
    tls = listener_tls_anew(n, n->config, &text, &all);
    if (!all) /* those that cannot be read stay as they are */
        log_error("reload", "%.*s", BYTES_ARG(buf_view(&text)));
    (void)swap(n, n->config, policy, tls, posture);
    listener_tls_free(tls, n->started->n_listeners);
    log_warning("node", "posture: %s; certificates and CRL are those of the files",
                respond_posture_text(posture));
    pthread_mutex_lock(&n->reload_lock);
    n->posture = posture; /* now that every worker has it: posture_wait() */
    pthread_cond_broadcast(&n->reload_done);
    pthread_mutex_unlock(&n->reload_lock);
}

static void refresh_if_wanted(struct node *n)
{
    if (atomic_load(&n->refresh_wanted) || n->posture != atomic_load(&n->posture_wanted))
        refresh(n);
}

struct reload_request {
    const char *author; /* borrowed */
    struct buf text;
    bool ok;
    bool is_done;
};

/** node_reload() - see node.h */
enum node_answer node_reload(struct node *n, const char *author, char **ret_text)
{
    struct reload_request r = {0};

    log_info("reload", "asked for by %s", author);
    r.author = author;
    pthread_mutex_lock(&n->reload_lock);
    if (atomic_load(&n->stopping)) {
        pthread_mutex_unlock(&n->reload_lock);
        *ret_text = bytes_dup_str(BYTES("the node is stopping"));
        return NODE_E_CONFLICT;
    }
    n->reload = &r;
    node_wake_main(n);
    while (!r.is_done)
        pthread_cond_wait(&n->reload_done, &n->reload_lock);
    pthread_mutex_unlock(&n->reload_lock);
    *ret_text = bytes_dup_str(buf_view(&r.text));
    buf_done(&r.text);
    return r.ok ? NODE_OK : NODE_E_INVALID;
}

static void log_lines(enum log_level level, const char *area, struct bytes text)
{
    while (text.len > 0) {
        const uint8_t *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;

        if (len > 0)
            log_line(level, area, "%.*s", (int)len, (const char *)text.at);
        text = end != NULL ? bytes_of(end + 1, text.len - len - 1) : BYTES_NONE;
    }
}

static void reload_now(struct node *n, struct reload_request *r)
{
    if (n->hooks != NULL && n->hooks->reloading != NULL)
        n->hooks->reloading(n->hooks->owner);
    monitor_reopen(n->monitor);
    r->ok = reload(n, &r->text);
    log_lines(r->ok ? LOG_INFO : LOG_ERROR, "reload", buf_view(&r->text));
    node_audit(n, r->author, "reload", n->started->path, "", r->ok ? "in force" : "refused");
    if (n->hooks != NULL && n->hooks->reloaded != NULL)
        n->hooks->reloaded(n->hooks->owner);
}

/** reload_by_signal() - SIGHUP; what became of it is logged */
void reload_by_signal(struct node *n)
{
    struct reload_request r = {.author = "signal:SIGHUP"};

    reload_now(n, &r);
    buf_done(&r.text);
}

/** reload_answer() - the main thread was woken: what do others want? */
void reload_answer(struct node *n)
{
    struct reload_request *r;

    refresh_if_wanted(n);
    pthread_mutex_lock(&n->reload_lock);
    r = n->reload;
    n->reload = NULL;
    pthread_mutex_unlock(&n->reload_lock);
    if (r == NULL)
        return;
    reload_now(n, r);
    pthread_mutex_lock(&n->reload_lock);
    r->is_done = true;
    pthread_cond_broadcast(&n->reload_done);
    pthread_mutex_unlock(&n->reload_lock);
}

/** reload_refuse_late() - who asked while the node was told to stop gets an answer */
void reload_refuse_late(struct node *n)
{
    pthread_mutex_lock(&n->reload_lock);
    if (n->reload != NULL) {
        buf_addf(&n->reload->text, "the node is stopping");
        n->reload->is_done = true;
        n->reload = NULL;
        pthread_cond_broadcast(&n->reload_done);
    }
    pthread_mutex_unlock(&n->reload_lock);
}
