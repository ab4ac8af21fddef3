/* SPDX-License-Identifier: Apache-2.0 */
/* bench/process.c - CPU time and memory of a process */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "bench/private.h"

/* /proc/PID/statm: size and resident size in pages. */
static int read_rss(uint64_t pid, uint64_t *ret)
{
    unsigned long long pages = 0;
    char text[128];
    ssize_t n;
    int fd;

    (void)snprintf(text, sizeof(text), "/proc/%llu/statm", (unsigned long long)pid);
    fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return -ESRCH; /* it has ended meanwhile */
    text[n] = '\0';
    if (sscanf(text, "%*u %llu", &pages) != 1)
        return -EPROTO;
    *ret = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return 0;
}

static uint64_t cpu_ns(clockid_t clock, int *ret_errno)
{
    struct timespec t = {0};

    *ret_errno = clock_gettime(clock, &t) == 0 ? 0 : -errno;
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/**
 * usage_read() - what process @pid has used so far
 *
 * The CPU time is that of all its threads, ended ones too.
 *
 * Return: 0, or -errno: -ENOENT or -ESRCH when there is no such process.
 */
int usage_read(uint64_t pid, struct usage *ret)
{
    struct usage u;
    clockid_t clock;
    int r = read_rss(pid, &u.rss_bytes);

    if (r == 0)
        r = -clock_getcpuclockid((pid_t)pid, &clock);
    if (r == 0)
        u.cpu_ns = cpu_ns(clock, &r);
    if (r < 0)
        return err_origin(r);
    *ret = u;
    return 0;
}

/** usage_own_cpu_ns() - CPU time of this process, all threads */
uint64_t usage_own_cpu_ns(void)
{
    int r;
    uint64_t ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID, &r);

    check(r == 0);
    return ns;
}
