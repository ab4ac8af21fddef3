/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/listen.c - the sockets that clients come in by, opened and closed
 *
 * On an IP address each worker has a socket of its own and the kernel spreads the
 * clients.  A unix socket there is once: the first worker opens it, the others have
 * it, too, and whoever is first takes a client.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/node_private.h"

#define UNIX_MODE 0660 /* the node's user and group */

static void on_listener(struct loop_file *f, uint32_t ready)
{
    struct worker_listener *l = list_item(f, struct worker_listener, file);

    (void)ready;
    link_accept(l->worker, l);
}

/** listen_of() - by which listener of this worker it came in; NULL: it is there no more */
struct worker_listener *listen_of(const struct worker *w, const struct link *l)
{
    for (size_t i = 0; i < w->n_listeners; i++) {
        if (w->listeners[i].config == l->listener)
            return &w->listeners[i];
    }
    return NULL;
}

/* ---- opening ---- */

/* A root that becomes somebody else leaves the socket to them. */
static int give_away(const char *path, const char *run_as)
{
    const struct passwd *pw = run_as != NULL && geteuid() == 0 ? getpwnam(run_as) : NULL;

    if (pw != NULL && lchown(path, pw->pw_uid, pw->pw_gid) < 0)
        return err_origin(-errno);
    return 0;
}

static int open_unix(const struct worker *w, const struct config *c, size_t i, int *ret_fd)
{
    struct worker_listener *l = &w->listeners[i];
    const char *path = config_listener_unix_path(&c->listeners[i]);
    struct stat st;
    int fd;
    int r;

    if (w->index > 0) {
        fd = fcntl(w->node->workers[0]->listeners[i].file.fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return err_origin(-errno);
        *ret_fd = fd;
        return 0;
    }
    r = listener_open_unix(path, UNIX_MODE, &fd);
    if (r < 0)
        return err_trace(r);
    *ret_fd = fd;
    if (lstat(path, &st) < 0)
        return err_origin(-errno);
    l->unix_device = st.st_dev;
    l->unix_inode = st.st_ino;
    return give_away(path, c->run_as);
}

/* SO_REUSEPORT alone would share the clients with any program of this user that asks for it, too,
 * such as a second node; so the first socket is tried without. */
static int open_port(const struct worker *w, const struct config_listener *l, int *ret_fd)
{
    int fd;
    int r;

    if (w->index == 0) {
        r = listener_open(l->address, l->port, false, &fd);
        if (r < 0)
            return err_trace(r);
        close(fd);
    }
    return listener_open(l->address, l->port, true, ret_fd);
}

static void read_trusted(struct worker_listener *l)
{
    const struct config_listener *c = l->config;

    l->trusted = mem_zero(MAX(c->n_proxy_trusted, (size_t)1) * sizeof(*l->trusted));
    for (size_t i = 0; i < c->n_proxy_trusted; i++)
        check(prefix_parse(c->proxy_trusted[i], &l->trusted[l->n_trusted++]) == NULL);
}

static int open_one(struct worker *w, const struct config *c, size_t i, struct tls_context *tls)
{
    struct worker_listener *l = &w->listeners[i];
    const struct config_listener *from = &c->listeners[i];
    int r;

    l->worker = w;
    l->config = from;
    l->tls = tls != NULL ? tls_context_ref(tls) : NULL;
    l->file.fd = -1;
    l->file.on_ready = on_listener;
    pace_init(&l->pace);
    read_trusted(l);
    w->n_listeners++;
    if (config_listener_unix_path(from) != NULL)
        r = open_unix(w, c, i, &l->file.fd);
    else
        r = open_port(w, from, &l->file.fd);
    if (r == 0)
        r = loop_add(w->loop, &l->file, LOOP_READ);
    if (r < 0 && l->file.fd >= 0) {
        close(l->file.fd);
        l->file.fd = -1;
    }
    return r;
}

static const char *unix_advice(int r)
{
    switch (r) {
    case -EADDRINUSE:
        return "another program listens there; stop it, or give this listener another path";
    case -EEXIST:
        return "the file is there and is no socket; remove it, or give this listener another path";
    case -ENOENT:
        return "its folder is not there; make it";
    default:
        return "the node must be able to write to its folder";
    }
}

static const char *port_advice(int r)
{
    switch (r) {
    case -EADDRINUSE:
        return "another program listens there; stop it, or give this listener another port";
    case -EACCES:
        return "ports below 1024 take a start as root, with node.run_as, or CAP_NET_BIND_SERVICE";
    case -EADDRNOTAVAIL:
        return "no interface of this machine has that address; give one that has, or 0.0.0.0";
    default:
        return "look at the address and the port";
    }
}

static char *why_not(const struct config_listener *l, int r)
{
    struct buf text CLEANUP(buf_done) = {0};

    if (config_listener_unix_path(l) != NULL)
        buf_addf(&text, "listener \"%s\": %s: %s; %s", l->name, l->address, strerror(-r),
                 unix_advice(r));
    else
        buf_addf(&text, "listener \"%s\": %s port %u: %s; %s", l->name, l->address, l->port,
                 strerror(-r), port_advice(r));
    return bytes_dup_str(buf_view(&text));
}

/**
 * listen_open() - open this worker's own socket of each listener; in the order of workers, before
 * they start
 * @tls:  one a listener, NULL for plain TCP; referenced
 *
 * Return: 0 or -errno with @ret_error saying which listener, owned by the caller.
 */
int listen_open(struct worker *w, const struct config *c, struct tls_context *const *tls,
                char **ret_error)
{
    w->listeners = mem_zero(c->n_listeners * sizeof(*w->listeners));
    for (size_t i = 0; i < c->n_listeners; i++) {
        int r = open_one(w, c, i, tls[i]);

        if (r < 0) {
            *ret_error = why_not(&c->listeners[i], r);
            return err_trace(r);
        }
    }
    return 0;
}

/* ---- closing ---- */

/* The file, if it is still the one that was made. */
static void remove_unix(const struct worker_listener *l)
{
    const char *path = config_listener_unix_path(l->config);
    struct stat st;

    if (l->unix_inode == 0 || lstat(path, &st) < 0 || st.st_dev != l->unix_device ||
        st.st_ino != l->unix_inode)
        return;
    if (unlink(path) < 0)
        log_info("listener", "%s: cannot be removed: %s; the next start replaces it", path,
                 strerror(errno));
}

/** listen_close() - let nobody in any more; by the worker's thread, or after that has ended */
void listen_close(struct worker *w)
{
    for (size_t i = 0; i < w->n_listeners; i++) {
        struct worker_listener *l = &w->listeners[i];

        if (l->file.fd < 0)
            continue;
        remove_unix(l);
        loop_remove(w->loop, &l->file);
        heap_clear(&w->timers, &l->watch_again.timer);
        heap_clear(&w->timers, &l->next_turn.timer);
        close(l->file.fd);
        l->file.fd = -1;
    }
}

/** listen_free() - listen_close(), and what is known of the listeners; when no connection is left
 */
void listen_free(struct worker *w)
{
    listen_close(w);
    for (size_t i = 0; i < w->n_listeners; i++) {
        tls_context_unref(w->listeners[i].tls);
        free(w->listeners[i].trusted);
    }
    free(w->listeners);
    w->listeners = NULL;
    w->n_listeners = 0;
}
