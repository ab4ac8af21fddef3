/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/operator.c - the operator of a drill: this program's own commands, as a person would type
 * them
 *
 * So what a drill measures is what an operator gets, and the lab needs no other way
 * into a node than they have.
 */
#include "lab/lab_private.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

#define SELF      "/proc/self/exe"
#define WORDS_MAX 16

extern char **environ;

static void read_all(int fd, struct buf *to)
{
    off_t at = 0;
    ssize_t n;

    while ((n = pread(fd, buf_reserve(to, 65536), 65536, at)) > 0) {
        to->len += (size_t)n;
        at += n;
    }
}

static int memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    check(fd >= 0);
    return fd;
}

/* Return: exit status; -1: it did not run to its end. */
static int run(char **words, int in, int out, int err)
{
    posix_spawn_file_actions_t files;
    int status = 0;
    pid_t pid;
    int r;

    check(posix_spawn_file_actions_init(&files) == 0);
    check(posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO) == 0);
    check(posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO) == 0);
    check(posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO) == 0);
    r = posix_spawn(&pid, SELF, &files, NULL, words, environ);
    posix_spawn_file_actions_destroy(&files);
    if (r != 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool failed(const char *const *words, const struct buf *err, char **ret_error)
{
    struct bytes said = buf_view(err);

    while (said.len > 0 && said.at[said.len - 1] == '\n')
        said.len--;
    return text_fail(ret_error, "bastide %s %s: %.*s", words[0], text_or_empty(words[1]),
                     BYTES_ARG(said));
}

/**
 * operator_tell() - run `bastide WORDS... --home DIR`, and type something
 * @dir:        the home
 * @words:      until NULL
 * @typed:      its standard input
 * @ret_out:    what it wrote is appended; NULL: not wanted
 * @ret_error:  what it said when it failed; owned by the caller
 */
bool operator_tell(const char *dir, const char *const *words, struct bytes typed,
                   struct buf *ret_out, char **ret_error)
{
    const char *all[WORDS_MAX + 4] = {"bastide"};
    int in = memory_file("in");
    int out = memory_file("out");
    int err = memory_file("err");
    struct buf said = {0};
    size_t n = 1;
    bool ok;

    for (size_t i = 0; words[i] != NULL; i++) {
        check(n < WORDS_MAX);
        all[n++] = words[i];
    }
    all[n++] = "--home";
    all[n++] = dir;
    check(pwrite(in, typed.at, typed.len, 0) == (ssize_t)typed.len);
    ok = run((char **)(uintptr_t)all, in, out, err) == 0;
    if (ok && ret_out != NULL)
        read_all(out, ret_out);
    read_all(err, &said);
    close(in);
    close(out);
    close(err);
    if (!ok)
        failed(words, &said, ret_error);
    buf_done(&said);
    return ok;
}

/** operator_do() - operator_tell() of a command that is not told anything */
bool operator_do(const struct lab_home *h, const char *const *words, struct buf *ret_out,
                 char **ret_error)
{
    return operator_tell(h->dir, words, BYTES_NONE, ret_out, ret_error);
}

/**
 * operator_issue() - a certificate by the node's CA, in lab/NAME.crt and lab/NAME.key, in place of
 * one that is there
 * @common_name:  whose it is
 * @host:         of a server, what its clients reach it by; NULL: it is a client's
 * @days:         it is good for, as text
 * @ret_error:    owned by the caller
 */
bool operator_issue(const char *dir, const char *name, const char *common_name, const char *host,
                    const char *days, char **ret_error)
{
    char *out = lab_path(dir, name, "");
    const char *const words[] = {
        "pki", "issue",     host != NULL ? "server" : "client", common_name, "--out", out, "--days",
        days,  "--replace", host != NULL ? "--host" : NULL,     host,        NULL};
    bool ok = operator_tell(dir, words, BYTES_NONE, NULL, ret_error);

    free(out);
    return ok;
}

/** operator_ask() - operator_do() of a command with --json; NULL on failure */
json_t *operator_ask(const struct lab_home *h, const char *const *words, char **ret_error)
{
    struct buf out = {0};
    json_t *answer = NULL;
    json_error_t why;

    if (operator_do(h, words, &out, ret_error)) {
        answer = json_loadb((const char *)out.at, out.len, 0, &why);
        if (answer == NULL)
            text_fail(ret_error, "bastide %s: its answer is no JSON: %s", words[0], why.text);
    }
    buf_done(&out);
    return answer;
}
