/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up root, for good, and the limit of open files; each in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/io.h"

/* What @check returns in a child; privileges that were dropped there stay here. */
static int in_a_child(int (*check)(void))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0)
        _exit(check());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* 0, or the number of the line that is not true. */
#define CLAIM(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            return __LINE__ % 256;                                                                 \
    } while (0)

static int root_becomes_nobody(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    gid_t groups[64] = {0};
    int n;

    CLAIM(nobody != NULL);
    CLAIM(setgroups(1, groups) == 0);
    CLAIM(privileges_drop("nobody") == 0);
    CLAIM(getuid() == nobody->pw_uid && geteuid() == nobody->pw_uid);
    CLAIM(getgid() == nobody->pw_gid && getegid() == nobody->pw_gid);
    n = getgroups(64, groups);
    CLAIM(n >= 0);
    for (int i = 0; i < n; i++)
        CLAIM(groups[i] != 0);
    CLAIM(setuid(0) < 0 && setgid(0) < 0 && setgroups(0, NULL) < 0);
    CLAIM(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    CLAIM(access("/etc/shadow", R_OK) < 0);
    /* Once more is fine: it is that user already.  Another one cannot be had. */
    CLAIM(privileges_drop("nobody") == 0);
    CLAIM(privileges_drop("daemon") == -EPERM);
    return 0;
}

static int a_user_stays_itself(void)
{
    const struct passwd *me = getpwuid(getuid());

    CLAIM(me != NULL);
    CLAIM(privileges_drop("nobody") == -EPERM);
    CLAIM(privileges_drop(me->pw_name) == 0);
    CLAIM(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    return 0;
}

static void privileges_are_dropped_for_good(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(geteuid() == 0 ? root_becomes_nobody : a_user_stays_itself), 0);
}

static int nobody_to_become(void)
{
    CLAIM(privileges_drop("no-such-user-here") == -ENOENT);
    CLAIM(privileges_drop("") == -ENOENT);
    CLAIM(privileges_drop("root") == -EINVAL);
    CLAIM(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0); /* nothing was done */
    return 0;
}

static void an_unknown_user_and_root_are_refused(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(nobody_to_become), 0);
}

static int files_are_raised(void)
{
    struct rlimit limit = {.rlim_cur = 100, .rlim_max = 1000};
    size_t may;

    CLAIM(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CLAIM(geteuid() != 0 || privileges_drop("nobody") == 0); /* root may pass the hard limit */
    CLAIM(files_limit_raise(50, &may) == 0 && may == 100);
    CLAIM(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 100);
    CLAIM(files_limit_raise(500, &may) == 0 && may == 500);
    CLAIM(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 500);
    CLAIM(limit.rlim_max == 1000);
    CLAIM(files_limit_raise(5000, &may) == -EPERM && may == 1000);
    CLAIM(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 1000);
    CLAIM(files_limit_raise(1000, &may) == 0 && may == 1000);
    return 0;
}

static void the_limit_of_files_is_raised_as_far_as_it_goes(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(files_are_raised), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(privileges_are_dropped_for_good),
        cmocka_unit_test(an_unknown_user_and_root_are_refused),
        cmocka_unit_test(the_limit_of_files_is_raised_as_far_as_it_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
