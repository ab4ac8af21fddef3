/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_rogue.c - a server that a client must not trust, and what each kind of client does
 *
 * The server stands in a process of its own, on a port of its own; the node is not
 * touched.  It shows two certificates: one of a CA that nobody knows, and one of the
 * node's CA that is for another name.  A client that goes on after either would hand
 * its messages to whoever stands between.  With a third one, which is good, each has
 * to go on, or else its leaving would prove nothing.  MQ.PR.IA-04
 */
#include "lab/drill.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "io/io.h"

#define ROGUE_HOST "127.0.0.1"
#define ROGUE_FILE "rogue-server" /* in lab/ */
#define ROGUE_NAME "rogue"
#define DAY_MS     86400000ULL
#define WAIT_MS    5000
#define CONTRACTOR "contractor-1"
#define TLS_1_2    0x0303
#define CLASSES_N  (LAB_ACTORS_N + 1) /* and the contractor, who comes by password */

enum pretence {
    PRETENCE_STRANGER, /* the right name, by a CA that nobody knows */
    PRETENCE_NAMESAKE, /* the right CA, for another name */
    PRETENCE_NONE,     /* all is right: what must be trusted */
};

/* What the server saw of one client. */
enum sight {
    SIGHT_NOTHING = '0',
    SIGHT_LEFT = 'l',    /* no handshake came to its end */
    SIGHT_WENT_ON = 'w', /* it did, and the client spoke */
};

struct rogue {
    uint16_t port;
    pid_t pid;
    int sights; /* read end */
};

/* ---- the server, in its process ---- */

static bool wait_for(struct stream *s)
{
    struct pollfd p = {.fd = stream_fd(s), .events = POLLIN};

    if (stream_wants(s) & LOOP_WRITE)
        p.events |= POLLOUT;
    return poll(&p, 1, WAIT_MS) > 0;
}

static enum sight look_at(struct stream *s)
{
    enum stream_outcome o;
    uint8_t some[64];
    size_t n = 0;

    while ((o = stream_handshake(s)) == STREAM_AGAIN)
        if (!wait_for(s))
            return SIGHT_NOTHING;
    if (o != STREAM_OK)
        return SIGHT_LEFT;
    while ((o = stream_read(s, some, sizeof(some), &n)) == STREAM_AGAIN)
        if (!wait_for(s))
            return SIGHT_NOTHING;
    return o == STREAM_OK ? SIGHT_WENT_ON : SIGHT_LEFT;
}

/* Until the parent is gone. */
static void serve(int listener, struct tls_context *tls, int sights)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};

    while (poll(&p, 1, -1) > 0 || errno == EINTR) {
        int fd;

        while (listener_accept(listener, &fd) == 0) {
            struct stream *s = stream_new(fd, tls);
            char sight = (char)look_at(s);

            stream_free(s);
            if (write(sights, &sight, 1) != 1)
                return;
        }
    }
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a = {0};
    socklen_t len = sizeof(a);

    check(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    return ntohs(a.sin_port);
}

static bool start(struct rogue *r, const char *certificate, const char *key, char **ret_error)
{
    const struct tls_settings s = {
        .certificate = certificate,
        .key = key,
        .client_certificate = TLS_CLIENT_CERTIFICATE_NONE,
        .version_min = TLS_1_2,
    };
    struct tls_context *tls = tls_context_new(&s, ret_error);
    int listener = -1;
    int ends[2];
    int err;

    if (tls == NULL)
        return false;
    err = listener_open(ROGUE_HOST, 0, false, &listener);
    if (err < 0) {
        tls_context_unref(tls);
        return text_fail(ret_error, "no port for the rogue server: %s", strerrordesc_np(-err));
    }
    check(pipe(ends) == 0);
    r->port = port_of(listener);
    r->sights = ends[0];
    r->pid = fork();
    check(r->pid >= 0);
    if (r->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        serve(listener, tls, ends[1]);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    close(listener);
    tls_context_unref(tls);
    return true;
}

static void stop(struct rogue *r)
{
    kill(r->pid, SIGKILL);
    while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(r->sights);
}

/* ---- its certificates ---- */

/* By the CA that nobody knows: no part of the node, and so not of its audit. */
static bool issue_strange(const char *ca, const char *name, const char *certificate,
                          const char *key, char **ret_error)
{
    uint64_t now_unix_ms = clock_unix_ms();
    const struct pki_request request = {
        .kind = PKI_SERVER,
        .common_name = ROGUE_NAME,
        .names = &name,
        .n_names = 1,
        .not_before_unix_ms = now_unix_ms,
        .not_after_unix_ms = now_unix_ms + DAY_MS,
    };

    return pki_issue(ca, &request, certificate, key, NULL, ret_error);
}

/* By the node's CA, as an operator would. */
static bool issue_own(const struct drill *d, const char *name, char **ret_error)
{
    return operator_issue(d->home.dir, ROGUE_FILE, ROGUE_NAME, name, "1", ret_error);
}

static bool make_rogue_ca(const char *ca, char **ret_error)
{
    uint64_t now_unix_ms = clock_unix_ms();
    struct stat st;
    char path[4096];

    snprintf(path, sizeof(path), "%s/ca.crt", ca);
    if (stat(path, &st) == 0)
        return true;
    return folder_make(ca, ret_error) &&
           pki_create(ca, "Rogue CA", now_unix_ms, now_unix_ms + PKI_CA_DAYS * DAY_MS, ret_error);
}

/** drill_strange_tls() - a client's TLS with a certificate for @name by a CA that nobody knows */
struct tls_context *drill_strange_tls(const struct drill *d, const char *name, char **ret_error)
{
    uint64_t now_unix_ms = clock_unix_ms();
    const struct pki_request request = {
        .kind = PKI_CLIENT,
        .common_name = name,
        .not_before_unix_ms = now_unix_ms,
        .not_after_unix_ms = now_unix_ms + DAY_MS,
    };
    char *ca = lab_path(d->home.dir, "rogue", "");
    char *certificate = lab_path(d->home.dir, "rogue-client", ".crt");
    char *key = lab_path(d->home.dir, "rogue-client", ".key");
    struct tls_context *tls = NULL;

    if (make_rogue_ca(ca, ret_error) && pki_issue(ca, &request, certificate, key, NULL, ret_error))
        tls = tls_context_new_client(d->home.ca, certificate, key, ret_error);
    free(ca);
    free(certificate);
    free(key);
    return tls;
}

static bool pretend(const struct drill *d, enum pretence pretence, const char *certificate,
                    const char *key, char **ret_error)
{
    char *ca = lab_path(d->home.dir, "rogue", "");
    bool ok = false;

    switch (pretence) {
    case PRETENCE_STRANGER:
        ok = make_rogue_ca(ca, ret_error) &&
             issue_strange(ca, d->home.server_name, certificate, key, ret_error);
        break;
    case PRETENCE_NAMESAKE:
        ok = issue_own(d, "other.example", ret_error);
        break;
    case PRETENCE_NONE:
        ok = issue_own(d, d->home.server_name, ret_error);
        break;
    }
    free(ca);
    return ok;
}

/* ---- the clients ---- */

static const char *class_name(unsigned class)
{
    return class < LAB_ACTORS_N ? lab_actors[class]->id : CONTRACTOR;
}

/* As the clients of that class do it, but at another port. */
static struct client_settings settings_of(const struct drill *d, unsigned class, uint16_t port,
                                          struct tls_context *tls)
{
    struct client_settings s = {.host = d->home.address,
                                .tls = tls,
                                .server_name = d->home.server_name,
                                .client_id = CONTRACTOR,
                                .user_name = CONTRACTOR};

    if (class < LAB_ACTORS_N)
        s = lab_actor_settings(&d->home, lab_actors[class], tls);
    s.host = ROGUE_HOST;
    s.port = port;
    s.timeout_ms = WAIT_MS;
    return s;
}

static struct tls_context *tls_of(const struct drill *d, unsigned class, char **ret_error)
{
    char *certificate, *key;
    struct tls_context *tls;

    if (class == LAB_ACTORS_N)
        return tls_context_ref(d->tls_nobody);
    certificate = lab_path(d->home.dir, class_name(class), ".crt");
    key = lab_path(d->home.dir, class_name(class), ".key");
    tls = tls_context_new_client(d->home.ca, certificate, key, ret_error);
    free(certificate);
    free(key);
    return tls;
}

/* Return: false: it could not be tried. */
static bool meet(const struct drill *d, const struct rogue *r, unsigned class, bool *ret_left,
                 char **ret_error)
{
    struct tls_context *tls = tls_of(d, class, ret_error);
    struct pollfd p = {.fd = r->sights, .events = POLLIN};
    struct client_settings s;
    char sight = SIGHT_NOTHING;
    struct client *c;

    if (tls == NULL)
        return false;
    s = settings_of(d, class, r->port, tls);
    c = client_new(&s);
    (void)client_connect(c);
    client_free(c);
    tls_context_unref(tls);
    if (poll(&p, 1, 2 * WAIT_MS) <= 0 || read(r->sights, &sight, 1) != 1 || sight == SIGHT_NOTHING)
        return text_fail(ret_error, "%s did not come to the rogue server", class_name(class));
    *ret_left = sight == SIGHT_LEFT;
    return true;
}

static bool meet_all(struct drill *d, enum pretence pretence, bool left[CLASSES_N],
                     char **ret_error)
{
    char *certificate = lab_path(d->home.dir, ROGUE_FILE, ".crt");
    char *key = lab_path(d->home.dir, ROGUE_FILE, ".key");
    struct rogue r = {.pid = -1, .sights = -1};
    bool ok =
        pretend(d, pretence, certificate, key, ret_error) && start(&r, certificate, key, ret_error);

    if (ok) {
        for (unsigned k = 0; ok && k < CLASSES_N; k++) {
            ok = meet(d, &r, k, &left[k], ret_error);
        }
        stop(&r);
    }
    free(certificate);
    free(key);
    return ok;
}

/** drill_rogue_server() - how many kinds of clients leave, of all that the lab has */
bool drill_rogue_server(struct drill *d, char **ret_error)
{
    bool stranger[CLASSES_N], namesake[CLASSES_N], good[CLASSES_N];
    unsigned n_left = 0;

    if (!meet_all(d, PRETENCE_STRANGER, stranger, ret_error) ||
        !meet_all(d, PRETENCE_NAMESAKE, namesake, ret_error) ||
        !meet_all(d, PRETENCE_NONE, good, ret_error))
        return false;
    for (unsigned k = 0; k < CLASSES_N; k++) {
        if (good[k])
            return text_fail(ret_error,
                             "%s leaves a server with a good certificate, too: its leaving proves "
                             "nothing",
                             class_name(k));
        n_left += stranger[k] && namesake[k];
        drill_say(d, "%-14s unknown CA: %s; another server's name: %s", class_name(k),
                  stranger[k] ? "leaves" : "GOES ON", namesake[k] ? "leaves" : "GOES ON");
    }
    return drill_value(d, "MQ.PR.IA-04.t3", (double)n_left / CLASSES_N, CLASSES_N, "R06",
                       ret_error) &&
           drill_value(d, "MQ.PR.IA-04.t4", 1, CLASSES_N, "R06", ret_error);
}
