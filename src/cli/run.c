/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run.c - bastide run: the node, its API and the service manager */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/log.h"
#include "cli/ask.h"
#include "cli/keys.h"
#include "cli/notify.h"
#include "node/node.h"

static int on_started(void *owner, struct node *n)
{
    struct admin **admin = owner;
    const struct config *c = node_config(n);
    char *error = NULL;

    *admin = admin_new(n, c->admin_socket, &error);
    if (*admin == NULL) {
        log_error("admin", "%s", error);
        free(error);
        return -EADDRINUSE;
    }
    log_info("admin", "the API is at %s", c->admin_socket);
    notify_manager("READY=1");
    return 0;
}

static void on_reloading(void *owner)
{
    (void)owner;
    notify_reloading();
}

static void on_reloaded(void *owner)
{
    (void)owner;
    notify_manager("READY=1");
}

static void on_stopping(void *owner)
{
    struct admin **admin = owner;

    notify_manager("STOPPING=1");
    *admin = admin_free(*admin);
}

/* Made when it is missing, for nobody but the node's user. */
static bool make_state(const struct config *c)
{
    const struct passwd *user = c->run_as != NULL && geteuid() == 0 ? getpwnam(c->run_as) : NULL;

    if (mkdir(c->state_dir, 0700) < 0)
        return errno == EEXIST;
    return user == NULL || chown(c->state_dir, user->pw_uid, user->pw_gid) == 0;
}

/*
 * Two nodes on one state folder would spoil it, and SO_REUSEPORT would let both have the port.  The
 * descriptor stays open: the lock is held until the process ends.
 */
static int lock_state(const struct config *c)
{
    int fd = make_state(c) ? open(c->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0 && access(c->state_dir, W_OK | X_OK) != 0) {
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        return cli_fail("node.state_dir %s: %s; the node's user has to be able to write there",
                        c->state_dir, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return CLI_OK;
    close(fd);
    return cli_fail("node.state_dir %s: another node runs with it; stop that first (bastide stop), "
                    "or give this one a folder of its own",
                    c->state_dir);
}

static int run(struct config *c, struct keyring *keys)
{
    struct admin *admin = NULL;
    const struct node_hooks hooks = {
        .owner = &admin,
        .started = on_started,
        .reloading = on_reloading,
        .reloaded = on_reloaded,
        .stopping = on_stopping,
    };
    char *error = NULL;
    struct node *n = node_new(c, keys, &error);
    int rc;

    if (n == NULL) {
        rc = cli_fail("%s", error);
        free(error);
        return rc;
    }
    rc = node_run(n, &hooks) == 0 ? CLI_OK : CLI_NO;
    node_free(n);
    return rc;
}

static void log_warnings(const struct config *c)
{
    const char *line = c->warnings;

    while (line != NULL && *line != '\0') {
        size_t len = strcspn(line, "\n");

        log_warning("config", "%.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

/** cli_run() - bastide run: until SIGTERM, SIGINT or bastide stop */
int cli_run(int argc, char **argv)
{
    struct cli_args a;
    struct config *c = NULL;
    struct keyring *keys = NULL;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    if (rc == CLI_OK)
        rc = ask_config(&a, &c);
    if (rc != CLI_OK)
        return rc;
    log_warnings(c);
    rc = lock_state(c);
    if (rc == CLI_OK)
        rc = keys_open(&a, c, &keys);
    if (rc != CLI_OK) {
        config_free(c);
        return rc;
    }
    return run(c, keys);
}
