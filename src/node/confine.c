/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/confine.c - the rights that the process and its threads give up, and keep no more
 *
 * A thread that cannot be confined must not serve: the process ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "node/node_private.h"

/* A reload reads again what root has read, and the state is written. */
static int check_home(const struct config *c)
{
    const struct {
        const char *path;
        int mode;
    } needed[] = {{c->path, R_OK}, {c->state_dir, R_OK | W_OK | X_OK}};

    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (access(needed[i].path, needed[i].mode) == 0)
            continue;
        log_error("node", "node.run_as: user \"%s\" may not %s %s: %s; do chown -R %s %s",
                  c->run_as, needed[i].mode == R_OK ? "read" : "write to", needed[i].path,
                  strerror(errno), c->run_as, c->dir);
        return err_origin(-EACCES);
    }
    return 0;
}

static int become_user(const struct config *c)
{
    int r;

    if (geteuid() != 0)
        return 0;
    if (c->run_as == NULL) {
        log_warning("node", "running as root: set node.run_as to an account without rights");
        return 0;
    }
    r = privileges_drop(c->run_as);
    if (r < 0) {
        log_error("node", "node.run_as: cannot become \"%s\": %s", c->run_as, strerror(-r));
        return r;
    }
    return check_home(c);
}

/**
 * confine_process() - give up ids and capabilities; system calls are each thread's own, when it
 * begins
 *
 * Before there are threads, and after all that takes rights: sockets, secrets, limits.
 *
 * Return: 0, or -errno, which was logged: then the node must not serve.
 */
int confine_process(struct node *n)
{
    int r = become_user(n->started);

    if (r < 0 || n->started->sandbox == CONFIG_SANDBOX_OFF)
        return r;
    n->sandbox = sandbox_is_possible() ? sandbox_new() : NULL;
    if (n->sandbox == NULL) {
        log_error("node", "node.sandbox: this kernel has no filters of system calls (seccomp); use "
                          "another kernel, or say sandbox: off");
        return err_origin(-ENOSYS);
    }
    r = capabilities_keep(-1);
    if (r < 0)
        log_error("node", "node.sandbox: capabilities cannot be given up: %s", strerror(-r));
    return r;
}

/** node_confine() - see node_private.h; confine_process() has made the filters */
void node_confine(const struct node *n, enum sandbox_role role)
{
    int r = n->sandbox != NULL ? sandbox_enter(n->sandbox, role) : 0;

    if (r == 0)
        return;
    log_error("node", "node.sandbox: a thread cannot be confined: %s", strerror(-r));
    abort();
}

/** node_confine_admin() - see node.h */
void node_confine_admin(const struct node *n)
{
    node_confine(n, SANDBOX_ADMIN);
}
