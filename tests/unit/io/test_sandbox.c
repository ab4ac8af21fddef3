/* SPDX-License-Identifier: Apache-2.0 */
/* What a confined thread may not ask the kernel for; each claim in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/io.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* ---- what may be asked for ---- */

static long ask_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static long ask_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static long ask_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long ask_folder(void)
{
    return mkdir("/proc/never", 0700); /* ENOENT where it may be asked */
}

static long ask_file(void)
{
    return syscall(SYS_openat, AT_FDCWD, "/dev/null", 0);
}

static long ask_program_memory(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? -1 : 0;
}

static long ask_memory(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? -1 : mprotect(at, 4096, PROT_NONE);
}

static long ask_process(void)
{
    return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static long ask_program(void)
{
    return syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static long ask_mount(void)
{
    return mount("none", "/proc/never", "tmpfs", 0, NULL);
}

static long ask_namespace(void)
{
    return syscall(SYS_unshare, 0);
}

static long ask_user(void)
{
    return syscall(SYS_setuid, getuid());
}

static long ask_clock(void)
{
    struct timespec t;

    return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
}

static long ask_module(void)
{
    return syscall(SYS_init_module, NULL, 0, "");
}

enum outcome {
    MAY,
    MAY_NOT, /* EPERM */
    DIES,    /* SIGSYS */
};

/* The answer that @ask gets in a process that has entered the sandbox of @role. */
static enum outcome outcome_of(enum sandbox_role role, long (*ask)(void))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct sandbox *s = sandbox_new();

        if (s == NULL || sandbox_enter(s, role) != 0 || !sandbox_is_on())
            _exit(3);
        errno = 0;
        _exit(ask() < 0 && errno == EPERM ? MAY_NOT : MAY);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSYS);
        return DIES;
    }
    assert_int_not_equal(WEXITSTATUS(status), 3);
    return (enum outcome)WEXITSTATUS(status);
}

/* clang-format off */
static const struct {
    const char *what;
    enum sandbox_role role;
    long (*ask)(void);
    enum outcome expect;
    bool sanitizer_asks_too; /* then it is allowed in such a build */
} cases[] = {
    {"a worker reads the clock",                SANDBOX_WORKER,   ask_clock,          MAY,     false},
    {"a worker has memory",                     SANDBOX_WORKER,   ask_memory,         MAY,     false},
    {"a worker makes no memory that runs",      SANDBOX_WORKER,   ask_program_memory, MAY_NOT, true},
    {"a worker opens no socket",                SANDBOX_WORKER,   ask_socket,         MAY_NOT, false},
    {"nor a unix socket",                       SANDBOX_WORKER,   ask_unix_socket,    MAY_NOT, false},
    {"a worker opens no file",                  SANDBOX_WORKER,   ask_file,           MAY_NOT, true},
    {"a worker makes no folder",                SANDBOX_WORKER,   ask_folder,         MAY_NOT, false},
    {"a worker makes no process",               SANDBOX_WORKER,   ask_process,        MAY_NOT, true},
    {"a worker that runs a program dies",       SANDBOX_WORKER,   ask_program,        DIES,    true},
    {"that mounts dies",                        SANDBOX_WORKER,   ask_mount,          DIES,    false},
    {"that makes a namespace dies",             SANDBOX_WORKER,   ask_namespace,      DIES,    false},
    {"that loads a module dies",                SANDBOX_WORKER,   ask_module,         DIES,    false},
    {"that changes its user dies",              SANDBOX_WORKER,   ask_user,           DIES,    false},
    {"the sentinel opens files",                SANDBOX_SENTINEL, ask_file,           MAY,     false},
    {"and makes folders",                       SANDBOX_SENTINEL, ask_folder,         MAY,     false},
    {"and unix sockets",                        SANDBOX_SENTINEL, ask_unix_socket,    MAY,     false},
    {"but reaches no network",                  SANDBOX_SENTINEL, ask_socket,         MAY_NOT, false},
    {"and runs nothing",                        SANDBOX_SENTINEL, ask_program,        DIES,    true},
    {"the monitor opens files",                 SANDBOX_MONITOR,  ask_file,           MAY,     false},
    {"and reaches no network",                  SANDBOX_MONITOR,  ask_socket,         MAY_NOT, false},
    {"the main thread reaches no network",      SANDBOX_MAIN,     ask_socket,         MAY_NOT, false},
    {"the API reaches no network",              SANDBOX_ADMIN,    ask_socket,         MAY_NOT, false},
    {"the API runs nothing",                    SANDBOX_ADMIN,    ask_program,        DIES,    true},
    {"the self-test connects to the node",      SANDBOX_TRIALS,   ask_socket,         MAY,     false},
    {"who checks passwords opens no file",      SANDBOX_AUTH,     ask_file,           MAY_NOT, true},
    {"nor a socket",                            SANDBOX_AUTH,     ask_unix_socket,    MAY_NOT, false},
    {"nobody speaks to the kernel by netlink",  SANDBOX_MAIN,     ask_netlink,        MAY_NOT, false},
    {"but the ward, whose program has to",      SANDBOX_WARD,     ask_netlink,        MAY,     false},
    {"the ward makes processes",                SANDBOX_WARD,     ask_process,        MAY,     false},
    {"the ward does not mount",                 SANDBOX_WARD,     ask_mount,          DIES,    false},
    {"the ward changes no user",                SANDBOX_WARD,     ask_user,           DIES,    false},
};
/* clang-format on */

static void a_thread_asks_only_for_what_its_role_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum outcome expect = SANITIZED && cases[i].sanitizer_asks_too ? MAY : cases[i].expect;

        if (expect == MAY && cases[i].expect != MAY)
            continue;
        if (outcome_of(cases[i].role, cases[i].ask) != expect)
            fail_msg("%s: outcome %d", cases[i].what, (int)outcome_of(cases[i].role, cases[i].ask));
    }
}

static int give_up_all(void)
{
    if (capabilities_keep(-1) != 0 || !capabilities_none())
        return 1;
    if (geteuid() == 0 && chroot("/") == 0) /* takes a capability */
        return 2;
    return prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == (geteuid() == 0 ? 0 : 1) ? 0 : 3;
}

static void no_capability_is_left(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        _exit(give_up_all());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void this_kernel_can(void **state)
{
    (void)state;
    assert_true(sandbox_is_possible());
    assert_false(sandbox_is_on());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_kernel_can),
        cmocka_unit_test(a_thread_asks_only_for_what_its_role_needs),
        cmocka_unit_test(no_capability_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
