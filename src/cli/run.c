/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run.c - bastide run: the node, its API and the service manager */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/log.h"
#include "cli/ask.h"
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

/* Two nodes on one state folder would spoil it; SO_REUSEPORT would let both have the port.  The
 * lock is held until the process ends.  A folder that is not there yet is nobody's. */
static int lock_state(const struct config *c)
{
    int fd = open(c->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? CLI_OK : cli_fail("%s: %s", c->state_dir, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return cli_fail("%s: another node runs with this state folder; stop it first (bastide "
                        "stop), or give this node its own node.state_dir",
                        c->state_dir);
    return CLI_OK;
}

static int run(struct config *c)
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
    struct node *n = node_new(c, &error);
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

/** cli_run() - bastide run: until SIGTERM, SIGINT or bastide stop */
int cli_run(int argc, char **argv)
{
    struct cli_args a;
    struct config *c = NULL;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    if (rc == CLI_OK)
        rc = ask_config(&a, &c);
    if (rc != CLI_OK)
        return rc;
    rc = lock_state(c);
    if (rc != CLI_OK) {
        config_free(c);
        return rc;
    }
    return run(c);
}
