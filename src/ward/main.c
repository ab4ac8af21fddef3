/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ward/main.c - the program bastide-ward
 *
 * Started as root it becomes --user, keeping CAP_NET_ADMIN and nothing else; a service
 * manager may start it so.  Then it confines itself, and serves.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "io/io.h"
#include "ward/keeper.h"

#define SOCKET_MODE 0660

static struct keeper keeper = {.listen_fd = -1, .signal_fd = -1, .now_ns = clock_now_ns};

static const struct option options[] = {
    {"socket", required_argument, NULL, 's'}, {"user", required_argument, NULL, 'u'},
    {"asker", required_argument, NULL, 'a'},  {"never", required_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},         {0},
};

static const char usage[] =
    "usage: bastide-ward --socket PATH --asker USER [--user USER] [--never PREFIX]...\n"
    "\n"
    "Keeps the firewall for a Bastide node: the only process of it with CAP_NET_ADMIN.\n"
    "\n"
    "  --socket PATH   unix socket to listen at; respond.ward in the node's configuration\n"
    "  --asker USER    the node's user, who alone is answered, but for root\n"
    "  --user USER     become this user when started as root\n"
    "  --never PREFIX  never block an address of it; up to 64 times\n";

struct order {
    const char *socket;
    const char *user;
    const char *asker;
};

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "bastide-ward: %s: %s\n%s", what, why, usage);
    return 2;
}

static int take_never(const char *text)
{
    const char *why;

    if (keeper.n_never == WARD_NEVER_MAX)
        return refuse("--never", "given too often");
    why = prefix_parse(text, &keeper.never[keeper.n_never]);
    if (why != NULL)
        return refuse(text, why);
    keeper.n_never++;
    return 0;
}

/* Return: 0, or the exit status. */
static int take_options(int argc, char **argv, struct order *o)
{
    int c;
    int status = 0;

    while (status == 0 && (c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        switch (c) {
        case 's':
            o->socket = optarg;
            break;
        case 'u':
            o->user = optarg;
            break;
        case 'a':
            o->asker = optarg;
            break;
        case 'n':
            status = take_never(optarg);
            break;
        default:
            return refuse("options", "see below");
        }
    }
    if (status == 0 && (o->socket == NULL || o->asker == NULL || optind < argc))
        return refuse("options", "--socket and --asker are needed, and nothing else");
    return status;
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* The socket, while there is still the right to give it to the asker's group.  Whoever owns its
 * folder may have put a symbolic link in its place: that is not followed. */
static int open_socket(const struct order *o, const struct passwd *asker)
{
    int r = listener_open_unix(o->socket, SOCKET_MODE, &keeper.listen_fd);

    if (r < 0)
        return r;
    if (geteuid() == 0 && lchown(o->socket, (uid_t)-1, asker->pw_gid) < 0)
        return -errno;
    return 0;
}

/* Another user, one capability, few system calls; in this order. */
static int confine(const struct order *o)
{
    struct sandbox *sandbox = sandbox_new();
    int r = sandbox != NULL ? 0 : -ENOMEM;

    if (r == 0 && geteuid() == 0 && o->user != NULL) {
        r = prctl(PR_SET_KEEPCAPS, 1) == 0 ? privileges_drop(o->user) : -errno;
    }
    if (r == 0)
        r = capabilities_keep(CAP_NET_ADMIN);
    if (r == 0)
        r = sandbox_enter(sandbox, SANDBOX_WARD);
    sandbox_free(sandbox);
    return r;
}

static int failed(const char *what, int r)
{
    fprintf(stderr, "bastide-ward: %s: %s\n", what, strerror(-r));
    return 1;
}

static int serve(const struct order *o)
{
    const struct passwd *asker = getpwnam(o->asker);
    struct buf rules CLEANUP(buf_done) = {0};
    int r;

    if (asker == NULL)
        return refuse(o->asker, "there is no such user");
    keeper.asker = asker->pw_uid;
    keeper.signal_fd = open_signals();
    r = open_socket(o, asker);
    if (r < 0)
        return failed(o->socket, r);
    r = confine(o);
    if (r < 0)
        return failed("cannot be confined, keeping CAP_NET_ADMIN", r);
    rules_base(&rules);
    r = nft_run(buf_view(&rules));
    if (r < 0)
        return failed("the table \"inet bastide\" cannot be made", r);
    log_info("ward", "keeps the table \"inet bastide\", asked at %s by %s", o->socket, o->asker);
    keeper_serve(&keeper);
    return 0;
}

int main(int argc, char **argv)
{
    struct order o = {0};
    int status = take_options(argc, argv, &o);

    if (status != 0)
        return status;
    status = serve(&o);
    if (keeper.listen_fd >= 0)
        unlink(o.socket);
    return status;
}
