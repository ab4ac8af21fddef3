/* SPDX-License-Identifier: Apache-2.0 */
/* node/probes_traffic.c - evidence: counted on the delivery plane since the start, and live
 * sessions */
#include <stdlib.h>
#include <sys/resource.h>
#include <dirent.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/probes.h"
#include "node/self_test.h"

#define P99 0.99

struct live {
    uint64_t *tls_age_ns; /* owned */
    size_t n_tls;
    size_t n_sessions_remote;
    size_t n_mtls_remote;
    size_t n_certificates;
    size_t n_expiring;
    uint64_t now_unix_ms;
    struct counters counters;
};

static void see_link(struct worker *w, struct live *v, const struct link *l)
{
    const struct stream_peer *peer = stream_peer(l->stream);

    if (l->conn.state != CONN_ACTIVE)
        return;
    if (!peer->is_loopback) {
        v->n_sessions_remote++;
        v->n_mtls_remote += peer->has_certificate;
    }
    if (peer->is_tls) {
        v->tls_age_ns = mem_resize(v->tls_age_ns, (v->n_tls + 1) * sizeof(uint64_t));
        v->tls_age_ns[v->n_tls++] = w->now_ns - l->opened_ns;
    }
    if (peer->has_certificate) {
        v->n_certificates++;
        v->n_expiring +=
            peer->tls->certificate.not_after_unix_ms < v->now_unix_ms + 14 * 86400000ULL;
    }
}

static void see(struct worker *w, void *arg)
{
    struct live *v = arg;

#define X(name, topic, load, help) v->counters.name += w->counters.name;
    COUNTERS(X)
#undef X
    list_each (it, &w->links)
        see_link(w, v, list_item(it, struct link, in_worker));
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void sessions(const struct live *v, struct evidence_list *e)
{
    const struct counters *c = &v->counters;
    uint64_t n_tls = c->connects_tls12 + c->connects_tls13;

    if (c->connects_accepted > 0) {
        uint64_t n_strong = c->connects_certificate + c->connects_password;

        evidence_add(e, "MQ.PR.IA-03.t2", (double)n_strong / (double)c->connects_accepted,
                     c->connects_accepted, "30d",
                     "%llu by certificate, %llu by Argon2id password, %llu without credentials, "
                     "since the start",
                     (unsigned long long)c->connects_certificate,
                     (unsigned long long)c->connects_password,
                     (unsigned long long)c->connects_anonymous);
        evidence_add(
            e, "MQ.PR.IA-01.t2", (double)c->connects_plain_remote, c->connects_accepted, "30d",
            "%llu of %llu sessions since the start were without TLS from beyond loopback",
            (unsigned long long)c->connects_plain_remote, (unsigned long long)c->connects_accepted);
        evidence_add(
            e, "MQ.PR.SP-01.t3", 1000.0 * (double)c->protocol_errors / (double)c->connects_accepted,
            c->connects_accepted, "30d", "%llu protocol errors in %llu connects, since the start",
            (unsigned long long)c->protocol_errors, (unsigned long long)c->connects_accepted);
    }
    if (n_tls > 0) {
        evidence_add(e, "MQ.PR.IP-01.t2", (double)c->connects_tls13 / (double)n_tls, n_tls, "30d",
                     "%llu of %llu TLS sessions since the start",
                     (unsigned long long)c->connects_tls13, (unsigned long long)n_tls);
        evidence_add(e, "MQ.PR.IA-04.t2", (double)c->connects_sni / (double)n_tls, n_tls, "30d",
                     "%llu of %llu TLS clients named the server they want",
                     (unsigned long long)c->connects_sni, (unsigned long long)n_tls);
    }
    if (v->n_sessions_remote > 0)
        evidence_add(e, "MQ.PR.IA-01.t1", (double)v->n_mtls_remote / (double)v->n_sessions_remote,
                     v->n_sessions_remote, "30d", "%zu of %zu live sessions from beyond loopback",
                     v->n_mtls_remote, v->n_sessions_remote);
    if (v->n_certificates > 0)
        evidence_add(e, "MQ.PR.IA-01.t4", (double)v->n_expiring, v->n_certificates, NULL,
                     "%zu of %zu client certificates in use end within 14 days", v->n_expiring,
                     v->n_certificates);
}

/* TLS here is 1.3, or 1.2 with AEAD and forward secrecy; nothing else is offered (io/tls.c). */
static void bytes_beyond_loopback(const struct counters *c, struct evidence_list *e)
{
    static const char *const tests[] = {"MQ.PR.IP-01.t1", "MQ.PR.IP-02.t1"};

    for (size_t i = 0; c->bytes_remote > 0 && i < COUNT_OF(tests); i++)
        evidence_add(e, tests[i], (double)c->bytes_remote_tls / (double)c->bytes_remote,
                     c->bytes_remote, "30d",
                     "%llu of %llu bytes beyond loopback since the start; TLS is 1.3, or 1.2 with "
                     "AEAD and forward secrecy",
                     (unsigned long long)c->bytes_remote_tls, (unsigned long long)c->bytes_remote);
}

static void ages(const struct live *v, struct evidence_list *e)
{
    double hours;

    if (v->n_tls == 0)
        return;
    qsort(v->tls_age_ns, v->n_tls, sizeof(uint64_t), ascending);
    hours =
        (double)v->tls_age_ns[(size_t)(P99 * (double)(v->n_tls - 1))] / (3600.0 * (double)NS_PER_S);
    evidence_add(e, "MQ.PR.SP-07.t1", hours, v->n_tls, NULL,
                 "99th percentile over %zu live TLS sessions; keys are those of the handshake",
                 v->n_tls);
    evidence_add(e, "MQ.PR.SP-07.t2", hours, v->n_tls, NULL,
                 "99th percentile over %zu live TLS sessions", v->n_tls);
}

static size_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        closedir(dir);
    return n;
}

static void headroom(struct evidence_list *e)
{
    struct rlimit files;
    size_t n = open_files();

    if (n == 0 || getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == 0)
        return;
    evidence_add(e, "MQ.PR.SP-05.t4", 1.0 - (double)n / (double)files.rlim_cur, 1, "30d",
                 "descriptors: %zu of %llu in use, looked at now", n,
                 (unsigned long long)files.rlim_cur);
}

static uint64_t less(uint64_t n, uint64_t by)
{
    return n > by ? n - by : 0;
}

/* The node's own trials are no traffic. */
static void leave_out_trials(const struct node *n, struct counters *c)
{
    unsigned n_connects = self_test_connects(n->self_test);

    c->connects_accepted = less(c->connects_accepted, n_connects);
    c->connects_password = less(c->connects_password, n_connects);
    c->protocol_errors = less(c->protocol_errors, self_test_protocol_errors(n->self_test));
}

/** probe_traffic() - sessions by method and protection, their age, and what is left of the machine
 */
void probe_traffic(struct node *n, struct evidence_list *e)
{
    struct live v = {.now_unix_ms = e->at_unix_ms};

    for (unsigned i = 0; i < n->n_workers; i++)
        node_call_worker(n, i, see, &v);
    leave_out_trials(n, &v.counters);
    sessions(&v, e);
    bytes_beyond_loopback(&v.counters, e);
    probe_issuers(n, v.n_certificates, e);
    ages(&v, e);
    headroom(e);
    free(v.tls_age_ns);
}
