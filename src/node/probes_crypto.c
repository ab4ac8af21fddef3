/* SPDX-License-Identifier: Apache-2.0 */
/* node/probes_crypto.c - evidence: certificates in files, and the randomness they rest on */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "node/probes.h"

#define MS_PER_DAY       86400000ULL
#define SERVER_DAYS_LEFT 14

static bool server_certificate_ok(const struct config_listener *l, uint64_t now_unix_ms,
                                  unsigned *ret_days)
{
    struct certificate_facts f;
    char *error = NULL;
    uint64_t left_ms;

    if (!certificate_read(l->certificate, &f, &error)) {
        free(error);
        return false;
    }
    left_ms = f.not_after_unix_ms > now_unix_ms ? f.not_after_unix_ms - now_unix_ms : 0;
    *ret_days = (unsigned)(left_ms / MS_PER_DAY);
    left_ms = f.not_before_unix_ms <= now_unix_ms && f.names[0] != '\0' && f.for_server &&
                      !f.is_self_signed
                  ? left_ms
                  : 0;
    certificate_facts_done(&f);
    return left_ms > SERVER_DAYS_LEFT * MS_PER_DAY;
}

static void server_certificates(const struct config *c, struct evidence_list *e)
{
    unsigned n = 0;
    unsigned n_ok = 0;
    unsigned days_least = UINT32_MAX;

    for (size_t i = 0; i < c->n_listeners; i++) {
        unsigned days = 0;

        if (!c->listeners[i].has_tls)
            continue;
        n++;
        n_ok += server_certificate_ok(&c->listeners[i], e->at_unix_ms, &days);
        days_least = MIN(days_least, days);
    }
    if (n > 0)
        evidence_add(e, "MQ.PR.IA-04.t1", n_ok == n, n, NULL,
                     "%u of %u TLS listeners present a certificate that names them, is not "
                     "self-signed and lasts; "
                     "the shortest %u days",
                     n_ok, n, days_least);
}

/* Different client_ca files; several listeners may share one. */
static bool seen_before(const struct config *c, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (c->listeners[k].client_ca != NULL &&
            strcmp(c->listeners[k].client_ca, c->listeners[i].client_ca) == 0)
            return true;
    }
    return false;
}

static void anchors(const struct config *c, struct evidence_list *e)
{
    struct anchors_facts all = {0};

    for (size_t i = 0; i < c->n_listeners; i++) {
        struct anchors_facts f;
        char *error = NULL;

        if (c->listeners[i].client_ca == NULL || seen_before(c, i))
            continue;
        if (!anchors_read(c->listeners[i].client_ca, &f,
                          &error)) { /* was replaced since the start */
            log_warning("evidence", "trust anchors are not looked at: %s", error);
            free(error);
            return;
        }
        all.n += f.n;
        all.n_strong += f.n_strong;
        all.n_leaves += f.n_leaves;
    }
    if (all.n == 0)
        return;
    evidence_add(e, "MQ.PR.IA-02.t2", (double)all.n, all.n, NULL,
                 "%zu trust anchors for client certificates", all.n);
    evidence_add(e, "MQ.PR.IA-02.t3", all.n_strong == all.n, all.n, NULL,
                 "%zu of %zu anchors have 128 bits of security or more", all.n_strong, all.n);
    evidence_add(e, "MQ.PR.IA-02.t4", (double)all.n_leaves, all.n, NULL,
                 "%zu of %zu anchors are no CA; only such a certificate is let in self-signed",
                 all.n_leaves, all.n);
}

static bool is_anchored(const struct config *c, const char *certificate)
{
    for (size_t i = 0; i < c->n_listeners; i++) {
        if (c->listeners[i].client_ca != NULL &&
            certificate_is_anchored(certificate, c->listeners[i].client_ca))
            return true;
    }
    return false;
}

/**
 * probe_issuers() - MQ.PR.IA-02.t1: certificates in use, by whom they were issued
 * @n_clients:  live sessions with a client certificate, each of which was verified by an anchor
 *
 * Which CA is approved is known for clients only.  A server certificate by another is not judged.
 */
void probe_issuers(struct node *n, size_t n_clients, struct evidence_list *e)
{
    size_t n_servers = 0;
    bool all = true;

    pthread_mutex_lock(&n->config_lock);
    for (size_t i = 0; i < n->config->n_listeners; i++) {
        if (!n->config->listeners[i].has_tls)
            continue;
        n_servers++;
        all = all && is_anchored(n->config, n->config->listeners[i].certificate);
    }
    pthread_mutex_unlock(&n->config_lock);
    if (all && n_servers + n_clients > 0)
        evidence_add(e, "MQ.PR.IA-02.t1", 1, n_servers + n_clients, NULL,
                     "the certificates of %zu TLS listeners and %zu live clients end at an anchor "
                     "of client_ca",
                     n_servers, n_clients);
}

static void revocation(const struct node *n, struct evidence_list *e)
{
    unsigned n_lists = 0;
    unsigned n_fresh = 0;

    for (size_t i = 0; i < n->started->n_listeners; i++) {
        struct certificate_span s = shared_span_get(&n->crl_spans[i]);

        if (s.ends_unix_ms == 0)
            continue;
        n_lists++;
        n_fresh += crl_date(s, NULL, e->at_unix_ms, NULL) != CERTIFICATE_OUT_OF_DATE;
    }
    if (n_lists > 0)
        evidence_add(e, "MQ.PR.IA-01.t3", (double)n_fresh / n_lists, n_lists, "30d",
                     "%u of %u revocation lists in force are valid and not past their next update, "
                     "looked at now",
                     n_fresh, n_lists);
}

static void randomness(struct evidence_list *e)
{
    uint8_t some[32];
    bool ready = getrandom(some, sizeof(some), GRND_NONBLOCK) == (ssize_t)sizeof(some);

    evidence_add(e, "MQ.PR.IP-05.t1", ready && random_is_ready(), 1, NULL,
                 "the kernel's generator is seeded, and so is the TLS library's");
}

/** probe_crypto() - certificates, revocation lists, randomness */
void probe_crypto(struct node *n, struct evidence_list *e)
{
    randomness(e);
    revocation(n, e);
    pthread_mutex_lock(&n->config_lock);
    server_certificates(n->config, e);
    anchors(n->config, e);
    pthread_mutex_unlock(&n->config_lock);
}
