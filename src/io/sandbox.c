/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/sandbox.c - what a thread may still ask the kernel for, and that it has no capability
 *
 * Each role of a thread is a row: the groups of system calls that its work needs.
 * What no group names fails with EPERM: a rare path that was forgotten costs one
 * error, not the node.  What no thread of ours ever has a reason to ask for (another
 * program, another process's memory, the kernel itself) ends the process at once.
 * Memory is never made executable.
 *
 * A filter is put on a thread by itself when its work begins, and stays until it ends.
 * Built with a sanitizer, a program asks for more than its source says; that is one
 * group of its own, which no other build has.
 */
#include "io/io.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define BY_TREE 2 /* of libseccomp: a binary tree of system calls, not a list */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

/* clang-format off */

/* What the C library and its allocator do in every thread. */
static const int thread_calls[] = {
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(munlock),
    SCMP_SYS(futex), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(restart_syscall),
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(fstat),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(prctl), SCMP_SYS(uname),
};
/* Connections that others have opened. */
static const int peer_calls[] = {
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
    SCMP_SYS(sendmsg), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(shutdown), SCMP_SYS(fcntl), SCMP_SYS(ioctl), SCMP_SYS(lseek),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat),
};
/* Connections that it opens itself: to a unix socket, or to any. */
static const int connect_calls[] = {
    SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(epoll_create1), SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create), SCMP_SYS(sendmmsg),
    SCMP_SYS(timerfd_settime),
};
static const int file_calls[] = {
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(lseek), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(fcntl), SCMP_SYS(flock), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(syncfs),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(rmdir), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(chmod),
    SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(fchown), SCMP_SYS(fchownat), SCMP_SYS(umask),
    SCMP_SYS(getdents64), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(statfs), SCMP_SYS(fstatfs),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(ioctl),
    SCMP_SYS(sysinfo), SCMP_SYS(prlimit64), SCMP_SYS(getrusage), SCMP_SYS(times), SCMP_SYS(capget),
    SCMP_SYS(dup), SCMP_SYS(pipe2), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(getppid),
};
/* bastide-ward alone runs another program, with the descriptors and the rights it gives it. */
static const int program_calls[] = {
    SCMP_SYS(execve), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(vfork), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(dup2),
    SCMP_SYS(dup3), SCMP_SYS(pipe2), SCMP_SYS(kill), SCMP_SYS(arch_prctl), SCMP_SYS(set_tid_address), SCMP_SYS(socket),
    SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(getrlimit), SCMP_SYS(sigaltstack), SCMP_SYS(close_range),
    SCMP_SYS(bind), SCMP_SYS(pidfd_open),
};
#ifdef HAS_SANITIZER
static const int sanitizer_calls[] = {
    SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(sigaltstack), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(lseek), SCMP_SYS(pread64), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(ioctl), SCMP_SYS(getuid),
    SCMP_SYS(getrlimit), SCMP_SYS(prlimit64), SCMP_SYS(getdents64), SCMP_SYS(getdents), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(wait4),
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(personality), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(dup2),
    SCMP_SYS(getppid), SCMP_SYS(kill), SCMP_SYS(sched_getparam), SCMP_SYS(mincore), SCMP_SYS(getrusage), SCMP_SYS(unlink), SCMP_SYS(socketpair),
    SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(capget), SCMP_SYS(arch_prctl), SCMP_SYS(execve),
};
#endif
/* Nothing of ours ever asks for these. */
static const int deadly_calls[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns),
    SCMP_SYS(unshare), SCMP_SYS(add_key), SCMP_SYS(keyctl), SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(reboot), SCMP_SYS(swapon),
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(capset),
};

enum group {
    GROUP_THREAD,
    GROUP_PEER,
    GROUP_CONNECT,
    GROUP_FILE,
    GROUP_PROGRAM,
    GROUP_SANITIZER,
    GROUP_N,
};

#define CALLS(list) {(list), COUNT_OF(list)}
static const struct calls {
    const int *at;
    size_t n;
} groups[GROUP_N] = {
    [GROUP_THREAD]    = CALLS(thread_calls),
    [GROUP_PEER]      = CALLS(peer_calls),
    [GROUP_CONNECT]   = CALLS(connect_calls),
    [GROUP_FILE]      = CALLS(file_calls),
    [GROUP_PROGRAM]   = CALLS(program_calls),
#ifdef HAS_SANITIZER
    [GROUP_SANITIZER] = CALLS(sanitizer_calls),
#endif
};

#define EVERY  (BIT(GROUP_THREAD) | BIT(GROUP_SANITIZER))
#define PEERS  BIT(GROUP_PEER)
#define FILES  BIT(GROUP_FILE)
#define OPENS  BIT(GROUP_CONNECT)

static const struct role_row {
    unsigned groups;   /* BIT(enum group) */
    unsigned families; /* BIT(AF_...) that socket() may be asked for */
} rows[SANDBOX_ROLE_N] = {
    [SANDBOX_MAIN]     = {EVERY | PEERS | OPENS | FILES, BIT(AF_UNIX)},
    [SANDBOX_WORKER]   = {EVERY | PEERS, 0},
    [SANDBOX_SENTINEL] = {EVERY | PEERS | OPENS | FILES, BIT(AF_UNIX)},
    [SANDBOX_STORE]    = {EVERY | FILES, 0},
    [SANDBOX_ADMIN]    = {EVERY | PEERS | OPENS | FILES, BIT(AF_UNIX)},
    [SANDBOX_AUTH]     = {EVERY, 0},
    [SANDBOX_TRIALS]   = {EVERY | PEERS | OPENS | FILES, BIT(AF_UNIX) | BIT(AF_INET) | BIT(AF_INET6)},
    [SANDBOX_ALERT]    = {EVERY | PEERS | OPENS | FILES, BIT(AF_UNIX) | BIT(AF_INET) | BIT(AF_INET6)},
    [SANDBOX_MONITOR]  = {EVERY | FILES, 0},
    [SANDBOX_WARD]     = {EVERY | PEERS | FILES | BIT(GROUP_PROGRAM), 0},
};
/* clang-format on */

/* ---- the filter of a role ---- */

static bool has_call(unsigned groups_of_role, int call)
{
    for (size_t g = 0; g < GROUP_N; g++) {
        for (size_t i = 0; (groups_of_role & BIT(g)) && i < groups[g].n; i++) {
            if (groups[g].at[i] == call)
                return true;
        }
    }
    return false;
}

static int allow_groups(scmp_filter_ctx filter, unsigned groups_of_role)
{
    int r = 0;

    for (size_t g = 0; g < GROUP_N; g++) {
        for (size_t i = 0; r == 0 && (groups_of_role & BIT(g)) && i < groups[g].n; i++)
            r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, groups[g].at[i], 0);
    }
    return r;
}

/* Memory may be mapped and its rights changed, but never so that it can be run. */
static int allow_memory(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    int r = 0;

    for (size_t i = 0; r == 0 && i < COUNT_OF(calls); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return r;
}

static int allow_families(scmp_filter_ctx filter, unsigned families)
{
    int r = 0;

    for (unsigned family = 0; r == 0 && (families >> family) != 0; family++) {
        if (families & BIT(family))
            r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                 SCMP_A0(SCMP_CMP_EQ, family));
    }
    return r;
}

static int kill_for(scmp_filter_ctx filter, unsigned groups_of_role)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < COUNT_OF(deadly_calls); i++) {
        if (!has_call(groups_of_role, deadly_calls[i]))
            r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly_calls[i], 0);
    }
    return r;
}

/* The whole filter of a role; the caller releases it.  NULL when it cannot be made. */
static scmp_filter_ctx filter_of(const struct role_row *row)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r;

    if (filter == NULL)
        return NULL;
    r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BY_TREE);
    if (r == 0)
        r = allow_groups(filter, row->groups);
    if (r == 0 && !has_call(row->groups, SCMP_SYS(mmap)))
        r = allow_memory(filter);
    if (r == 0)
        r = allow_families(filter, row->families);
    if (r == 0)
        r = kill_for(filter, row->groups);
    if (r == 0)
        return filter;
    seccomp_release(filter);
    return NULL;
}

/* The filter as the kernel takes it. */
static int compile(enum sandbox_role role, struct buf *ret)
{
    scmp_filter_ctx filter = filter_of(&rows[role]);
    int fd = memfd_create("filter", MFD_CLOEXEC);
    int r = filter == NULL || fd < 0 ? -ENOMEM : seccomp_export_bpf(filter, fd);
    off_t len = r == 0 ? lseek(fd, 0, SEEK_END) : 0;

    if (r == 0 && pread(fd, buf_reserve(ret, (size_t)len), (size_t)len, 0) == len)
        ret->len += (size_t)len;
    else
        r = r < 0 ? r : -EIO;
    if (fd >= 0)
        close(fd);
    if (filter != NULL)
        seccomp_release(filter);
    return r;
}

struct sandbox {
    struct buf filters[SANDBOX_ROLE_N]; /* struct sock_filter[] */
};

/**
 * sandbox_new() - the filters of all roles, ready for threads to put on
 *
 * libseccomp is not made for several threads, so all of it is used here, by one.
 *
 * Return: for sandbox_free(); NULL when a filter could not be made.
 */
struct sandbox *sandbox_new(void)
{
    struct sandbox *s = mem_new(struct sandbox);

    for (enum sandbox_role role = 0; role < SANDBOX_ROLE_N; role++) {
        if (compile(role, &s->filters[role]) < 0)
            return sandbox_free(s);
    }
    return s;
}

/** sandbox_free() - @s may be NULL; threads keep what they have put on; Return: NULL */
struct sandbox *sandbox_free(struct sandbox *s)
{
    for (size_t i = 0; s != NULL && i < SANDBOX_ROLE_N; i++)
        buf_done(&s->filters[i]);
    free(s);
    return NULL;
}

/**
 * sandbox_enter() - from here on the calling thread asks the kernel only for what its role needs
 *
 * Cannot be undone.  Threads that it makes inherit the filter.  Sets "no new
 * privileges".
 *
 * Return: 0, or -errno: then the thread is not confined and must not serve.
 */
int sandbox_enter(const struct sandbox *s, enum sandbox_role role)
{
    const struct buf *filter = &s->filters[role];
    const struct sock_fprog program = {
        .len = (unsigned short)(filter->len / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)(void *)filter->at,
    };

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return err_origin(-errno);
    return 0;
}

/** sandbox_is_possible() - has this kernel filters of system calls? */
bool sandbox_is_possible(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT;
}

/** sandbox_is_on() - is the calling thread confined by a filter? */
bool sandbox_is_on(void)
{
    return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER;
}

/* ---- capabilities ---- */

/* What no program that this process runs can ever have; as long as it may say so. */
static int shrink_bounds(int keep)
{
    if (capng_get_caps_process() < 0)
        return err_origin(-EPERM);
    if (capng_have_capability(CAPNG_PERMITTED, CAP_SETPCAP) != 1)
        return 0;
    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_SETPCAP); /* given up by a change of user */
    capng_clear(CAPNG_SELECT_BOUNDS);
    if (keep >= 0)
        capng_update(CAPNG_ADD, CAPNG_BOUNDING_SET, (unsigned)keep);
    return capng_apply(CAPNG_SELECT_CAPS) == 0 && capng_apply(CAPNG_SELECT_BOUNDS) == 0
               ? 0
               : err_origin(-EPERM);
}

/**
 * capabilities_keep() - give up every capability but one, in every set, for good
 * @keep:  number of the capability, CAP_NET_ADMIN; -1: none is kept
 *
 * Before the process makes threads.  The one that is kept is also ambient, so that a
 * program that this one runs has it.  The bounding set shrinks as far as the process
 * may do that.
 *
 * Return: 0, or -errno: then the caller must not go on.
 */
int capabilities_keep(int keep)
{
    int r = shrink_bounds(keep);

    if (r < 0)
        return r;
    capng_clear(CAPNG_SELECT_CAPS);
    capng_clear(CAPNG_SELECT_AMBIENT);
    if (keep >= 0 &&
        capng_update(CAPNG_ADD,
                     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_AMBIENT,
                     (unsigned)keep) < 0)
        return err_origin(-EINVAL);
    if (capng_apply(CAPNG_SELECT_CAPS) < 0 || capng_apply(CAPNG_SELECT_AMBIENT) < 0)
        return err_origin(-EPERM);
    return 0;
}

/** capabilities_none() - has the calling thread no capability in force and none to take up? */
bool capabilities_none(void)
{
    return capng_get_caps_process() == 0 &&
           capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE;
}
