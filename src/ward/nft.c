/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ward/nft.c - run nft, always with the same arguments, and give it its commands
 *
 * nft is found where the Debian package puts it, never by a search path, and gets an
 * environment of one constant.  What it says is for the log.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "ward/keeper.h"

#define NFT         "/usr/sbin/nft"
#define PATIENCE_MS 5000
#define SAID_MAX    512

static char *const arguments[] = {NFT, "-j", "-f", "-", NULL};
static char *const environment[] = {"LC_ALL=C", NULL};

/* Commands in by one pipe, words out by another: nft opens its input by name, which a socket does
 * not let it. */
struct pipes {
    int in[2];
    int out[2];
};

static int open_pipes(struct pipes *p)
{
    if (pipe2(p->in, O_CLOEXEC) < 0)
        return err_origin(-errno);
    if (pipe2(p->out, O_CLOEXEC) == 0)
        return 0;
    close(p->in[0]);
    close(p->in[1]);
    return err_origin(-EMFILE);
}

static int start(const struct pipes *p, pid_t *ret)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    int r;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_adddup2(&files, p->in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, p->out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, p->out[1], STDERR_FILENO);
    r = posix_spawn(ret, NFT, &files, &how, arguments, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return r == 0 ? 0 : err_origin(-r);
}

/* One transaction fits into a pipe, so that this does not wait. */
static int send_all(int fd, struct bytes rules)
{
    return write(fd, rules.at, rules.len) == (ssize_t)rules.len ? 0 : err_origin(-EPIPE);
}

/* Until it closes its end; then it is about to exit. */
static void hear(int fd, char said[SAID_MAX])
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t len = 0;

    while (poll(&p, 1, PATIENCE_MS) == 1) {
        char more[SAID_MAX];
        ssize_t n = read(fd, more, sizeof(more));

        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n && len < SAID_MAX - 1; i++)
            said[len++] = more[i];
    }
    said[len] = '\0';
}

/* Nothing was heard of it any more: it has ended, or hangs and is ended. */
static int reap(pid_t child)
{
    siginfo_t info = {0};
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (fd < 0 || poll(&p, 1, PATIENCE_MS) != 1)
        kill(child, SIGKILL);
    if (fd >= 0)
        close(fd);
    if (waitid(P_PID, (id_t)child, &info, WEXITED) < 0)
        return err_origin(-errno);
    return info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : err_origin(-EIO);
}

/**
 * nft_run() - one transaction: all of @rules, or nothing
 *
 * Blocks; nft takes some ten milliseconds, and is ended after five seconds.
 *
 * Return: 0; -EIO when nft refused, which is logged; or another -errno.
 */
int nft_run(struct bytes rules)
{
    char said[SAID_MAX] = "it could not be run";
    struct pipes p;
    pid_t child = 0;
    int sent = 0;
    int r = open_pipes(&p);

    if (r < 0)
        return err_trace(r);
    r = start(&p, &child);
    close(p.in[0]);
    close(p.out[1]);
    if (r == 0)
        sent = send_all(p.in[1], rules);
    close(p.in[1]);
    if (r == 0) {
        hear(p.out[0], said);
        r = reap(child);
    }
    close(p.out[0]);
    r = r == 0 ? sent : r;
    if (r < 0)
        log_error("nft", "%s: %s", strerror(-r), said);
    return r;
}
