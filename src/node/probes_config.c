/* SPDX-License-Identifier: Apache-2.0 */
/* node/probes_config.c - evidence: the effective configuration, read back from the running node */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "node/probes.h"

#define MS_PER_HOUR 3600000.0

/* ---- listeners ---- */

static bool is_bound_as_configured(const struct worker_listener *l)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    uint16_t port;

    if (getsockname(l->file.fd, (struct sockaddr *)&at, &len) < 0)
        return false;
    if (at.ss_family == AF_UNIX)
        return bytes_equal(bytes_str(((struct sockaddr_un *)&at)->sun_path),
                           bytes_str(config_listener_unix_path(l->config)));
    port = at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                    : ((struct sockaddr_in *)&at)->sin_port;
    return ntohs(port) == l->config->port;
}

struct listeners_seen {
    size_t n;
    size_t n_as_configured;
};

static void see_listeners(struct worker *w, void *arg)
{
    struct listeners_seen *seen = arg;

    for (size_t i = 0; i < w->n_listeners; i++) {
        seen->n++;
        seen->n_as_configured += is_bound_as_configured(&w->listeners[i]);
    }
}

static void listeners(struct node *n, struct evidence_list *e)
{
    struct listeners_seen seen = {0};
    size_t n_wanted = n->started->n_listeners * n->n_workers;

    for (unsigned i = 0; i < n->n_workers; i++)
        node_call_worker(n, i, see_listeners, &seen);
    evidence_add(e, "MQ.ID.AM-03.t1", seen.n == n_wanted && seen.n_as_configured == n_wanted,
                 n->started->n_listeners, NULL, "%zu of %zu sockets are bound as configured",
                 seen.n_as_configured, n_wanted);
}

static bool has_control_listener(const struct config *c)
{
    for (size_t i = 0; i < c->n_listeners; i++) {
        if (c->listeners[i].plane == CONFIG_PLANE_CONTROL)
            return true;
    }
    return false;
}

/* ---- roles and rules ---- */

static bool is_everything(const char *filter)
{
    return strcmp(filter, "#") == 0 || strcmp(filter, "+/#") == 0;
}

static bool is_its_command(const struct role_spec *r, const char *filter)
{
    for (size_t i = 0; i < r->n_command_topics; i++) {
        if (wire_filter_covers(bytes_str(r->command_topics[i]), bytes_str(filter)))
            return true;
    }
    return false;
}

static bool is_command(const struct config *c, const struct role_spec *r, const char *filter)
{
    for (size_t i = 0; i < c->policy.n_command_topics; i++) {
        if (wire_filters_overlap(bytes_str(c->policy.command_topics[i]), bytes_str(filter)))
            return !is_its_command(r, filter);
    }
    return false;
}

static size_t broad_rules_of(const struct config *c, const struct role_spec *r)
{
    size_t n = 0;

    if ((r->may_command && r->n_command_topics == 0) || r->control_plane)
        return 0;
    for (size_t i = 0; i < r->n_rules; i++) {
        const struct rule_spec *rule = &r->rules[i];

        n += !rule->deny &&
             (is_everything(rule->filter) || (rule->publish && is_command(c, r, rule->filter)));
    }
    return n;
}

static const struct role_spec *role_named(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->policy.n_roles; i++) {
        if (strcmp(c->policy.roles[i].name, name) == 0)
            return &c->policy.roles[i];
    }
    return NULL;
}

static bool has_explicit_rule(const struct role_spec *r)
{
    for (size_t i = 0; r != NULL && i < r->n_rules; i++) {
        if (!r->rules[i].deny && !is_everything(r->rules[i].filter))
            return true;
    }
    return false;
}

static void roles(const struct config *c, struct evidence_list *e)
{
    size_t n_users = 0;
    size_t n_explicit = 0;
    size_t n_broad = 0;
    size_t n_rules = 0;
    size_t n_critical = 0;

    for (size_t i = 0; i < c->policy.n_users; i++) {
        if (c->policy.users[i].disabled)
            continue;
        n_users++;
        n_explicit += has_explicit_rule(role_named(c, c->policy.users[i].role));
    }
    for (size_t i = 0; i < c->policy.n_roles; i++) {
        n_broad += broad_rules_of(c, &c->policy.roles[i]);
        n_rules += c->policy.roles[i].n_rules;
        n_critical += c->policy.roles[i].critical;
    }
    if (n_users > 0)
        evidence_add(e, "MQ.PR.IA-05.t2", (double)n_explicit / (double)n_users, n_users, "30d",
                     "%zu of %zu enabled users have a role with rules of its own", n_explicit,
                     n_users);
    evidence_add(e, "MQ.PR.IA-05.t3", (double)n_broad, n_rules > 0 ? n_rules : 1, NULL,
                 "%zu of %zu rules allow everything, or commands to a role that may not command",
                 n_broad, n_rules);
    evidence_add(e, "MQ.PR.SP-04.t5", n_critical > 0, c->policy.n_roles, NULL,
                 "%zu of %zu roles are protected from automatic responses", n_critical,
                 c->policy.n_roles);
    evidence_add(e, "MQ.ID.IC-01.t3", has_control_listener(c) && c->policy.n_command_topics > 0, 1,
                 NULL, "control listener: %s; %zu command topics",
                 has_control_listener(c) ? "yes" : "no", c->policy.n_command_topics);
}

/* ---- limits ---- */

static bool has_crl(const struct config *c)
{
    for (size_t i = 0; i < c->n_listeners; i++) {
        if (c->listeners[i].crl != NULL)
            return true;
    }
    return false;
}

static void limits(const struct config *c, struct evidence_list *e)
{
    const struct limits *l = &c->policy.limits;
    /* Keep alive, connect timeout, protocol error and quota always end a connection here. */
    unsigned mechanisms = 4 + (l->session_expiry_max_s < UINT32_MAX) + has_crl(c);

    evidence_add(e, "MQ.PR.SP-02.t5", mechanisms, 1, NULL,
                 "keep alive at most %llu s, connect timeout %llu ms, quota, protocol error; "
                 "session expiry limit: %s; "
                 "revocation list: %s",
                 (unsigned long long)l->keep_alive_max_s, (unsigned long long)l->connect_timeout_ms,
                 l->session_expiry_max_s < UINT32_MAX ? "yes" : "no", has_crl(c) ? "yes" : "no");
    evidence_add(e, "MQ.PR.SP-05.t1", 6, 1, NULL,
                 "connections per address, failed authentication, publishes, subscriptions, packet "
                 "size and queued "
                 "messages are limited; bytes a second are not");
}

/* Keys of session tickets are made with the listener's TLS context, which each reload makes anew.
 */
static void ticket_keys(const struct node *n, struct evidence_list *e)
{
    uint64_t loaded_unix_ms = atomic_load(&n->loaded_unix_ms);
    unsigned n_tls = 0;

    for (size_t i = 0; i < n->started->n_listeners; i++)
        n_tls += n->started->listeners[i].has_tls;
    if (n_tls > 0)
        evidence_add(
            e, "MQ.PR.SP-07.t3",
            (double)(e->at_unix_ms - MIN(loaded_unix_ms, e->at_unix_ms)) / MS_PER_HOUR, n_tls, NULL,
            "ticket keys of %u TLS listeners are as old as the last start or reload", n_tls);
}

/** probe_config() - listeners, roles, limits, ticket keys */
void probe_config(struct node *n, struct evidence_list *e)
{
    listeners(n, e);
    ticket_keys(n, e);
    pthread_mutex_lock(&n->config_lock);
    roles(n->config, e);
    limits(n->config, e);
    pthread_mutex_unlock(&n->config_lock);
}
