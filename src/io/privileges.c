/* SPDX-License-Identifier: Apache-2.0 */
/* io/privileges.c - what the process may do, and how many files it may open */
#include "io/io.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define GROUPS_MAX       1024
#define PASSWD_ENTRY_MAX 65536

static int find_user(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
    char *space = mem_alloc(PASSWD_ENTRY_MAX);
    struct passwd entry, *found = NULL;
    int r = getpwnam_r(user, &entry, space, PASSWD_ENTRY_MAX, &found);

    if (found != NULL) {
        *ret_uid = entry.pw_uid;
        *ret_gid = entry.pw_gid;
    }
    free(space);
    if (r != 0)
        return -r;
    return found == NULL ? -ENOENT : 0;
}

static int become(const char *user, uid_t uid, gid_t gid)
{
    int n = GROUPS_MAX;
    gid_t *groups = mem_alloc(GROUPS_MAX * sizeof(*groups));
    int r = 0;

    if (getgrouplist(user, gid, groups, &n) < 0)
        r = -E2BIG;
    else if (setgroups((size_t)n, groups) < 0 || setresgid(gid, gid, gid) < 0 ||
             setresuid(uid, uid, uid) < 0)
        r = -errno;
    free(groups);
    return r;
}

/* Is this user, and nothing but this user, what the process can be from here on? */
static bool is_only(uid_t uid, gid_t gid)
{
    uid_t u[3];
    gid_t g[3];

    if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (u[i] != uid || g[i] != gid)
            return false;
    }
    return setuid(0) < 0 && seteuid(0) < 0 && (gid == 0 || (setgid(0) < 0 && setegid(0) < 0)) &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/**
 * privileges_drop() - become @user for good
 * @user:  not root; its groups are taken on, the process's are given up
 *
 * Before the process makes threads: "no new privileges" holds for the calling
 * thread and those it makes.  A process that is not root may only become the
 * user that it is.  Each half of it that was done stays done on failure, so the
 * caller must not go on.
 *
 * Return: 0; -ENOENT when there is no such user, -EINVAL for root, -EPERM, -ENOTRECOVERABLE when
 *         what was given up could be got back, or another -errno.
 */
int privileges_drop(const char *user)
{
    uid_t uid = 0;
    gid_t gid = 0;
    int r = find_user(user, &uid, &gid);

    if (r == 0 && uid == 0)
        r = -EINVAL;
    if (r == 0 && geteuid() == 0)
        r = become(user, uid, gid);
    else if (r == 0 && geteuid() != uid)
        r = -EPERM;
    else
        gid = getgid(); /* whoever made it this user chose the group */
    if (r < 0)
        return err_origin(r);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_origin(-errno);
    return is_only(uid, gid) ? 0 : err_origin(-ENOTRECOVERABLE);
}

/**
 * files_limit_raise() - let the process open @want files, or as many as it may
 * @ret_may:  how many it may open now; untouched on other failures than -EPERM
 *
 * The hard limit is raised only where the process has the right to.
 *
 * Return: 0 when @want files may be opened; -EPERM when the limit is now the hard limit, which is
 *         lower; or another -errno.
 */
int files_limit_raise(size_t want, size_t *ret_may)
{
    struct rlimit now, more;

    if (getrlimit(RLIMIT_NOFILE, &now) < 0)
        return err_origin(-errno);
    *ret_may = now.rlim_cur;
    if (now.rlim_cur >= want)
        return 0;
    more = (struct rlimit){.rlim_cur = want, .rlim_max = MAX(now.rlim_max, want)};
    if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
        *ret_may = want;
        return 0;
    }
    more = (struct rlimit){.rlim_cur = MIN(now.rlim_max, want), .rlim_max = now.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &more) < 0)
        return err_origin(-errno);
    *ret_may = more.rlim_cur;
    return more.rlim_cur >= want ? 0 : err_origin(-EPERM);
}
