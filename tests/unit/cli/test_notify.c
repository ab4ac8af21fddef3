/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/notify.h"

/* A socket as the service manager's; @name begins with '/' or '@'. */
static int manager(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(at.sun_path, name, strlen(name));
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void assert_told(int fd, const char *expected)
{
    char text[128];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    assert_true(n > 0);
    text[n] = '\0';
    assert_memory_equal(text, expected, strlen(expected));
}

static void the_manager_is_told_by_a_socket_with_a_path(void **state)
{
    char name[64];
    int fd;

    (void)state;
    snprintf(name, sizeof(name), "/tmp/bastide-notify-%d", getpid());
    fd = manager(name);
    notify_manager("READY=1");
    assert_told(fd, "READY=1");
    close(fd);
    unlink(name);
}

static void the_manager_is_told_by_an_abstract_socket(void **state)
{
    char name[64];
    int fd;

    (void)state;
    snprintf(name, sizeof(name), "@bastide-notify-%d", getpid());
    fd = manager(name);
    notify_reloading();
    assert_told(fd, "RELOADING=1\nMONOTONIC_USEC=");
    close(fd);
}

static void no_manager_or_a_dead_one_is_no_failure(void **state)
{
    static const char *const names[] = {"", "/", "relative", "/tmp/bastide-nobody-listens-here"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify_manager("READY=1");
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_manager("READY=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manager_is_told_by_a_socket_with_a_path),
        cmocka_unit_test(the_manager_is_told_by_an_abstract_socket),
        cmocka_unit_test(no_manager_or_a_dead_one_is_no_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
