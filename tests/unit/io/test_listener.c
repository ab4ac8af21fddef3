/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners on addresses and in the file system. */
#include "certs.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void loopback_is_what_only_this_machine_reaches(void **state)
{
    static const struct {
        const char *host;
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1", true},
        {"127.255.255.254", true},
        {"::1", true},
        {"localhost", true},
        {"LocalHost", true},
        {"::ffff:127.0.0.1", true},
        {"0.0.0.0", false},
        {"::", false},
        {"128.0.0.1", false},
        {"126.0.0.1", false},
        {"192.0.2.1", false},
        {"2001:db8::1", false},
        {"::2", false},
        {"example.org", false},
        {"localhost.example.org", false},
        {"", false},
        {"127.0.0.1.example.org", false},
        {"::ffff:192.0.2.1", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].host);
        assert_int_equal(address_is_loopback(cases[i].host), cases[i].is_loopback);
    }
}

static int connected_to(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void clients_are_accepted_one_by_one_without_blocking(void **state)
{
    int listener, client, fd = -1;

    (void)state;
    assert_int_equal(listener_open("localhost", 0, false, &listener), 0);
    close(listener);
    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    assert_int_equal(listener_accept(listener, &fd), -EAGAIN);
    assert_int_equal(fd, -1);
    client = connected_to(port_of(listener));
    wait_until(listener, POLLIN);
    assert_int_equal(listener_accept(listener, &fd), 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(listener, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(listener_accept(listener, &fd), -EAGAIN);
    close(fd);
    close(client);
    close(listener);
}

static void what_is_accepted_is_set_as_a_stream_has_to_be(void **state)
{
    int listener, client, no_delay = 0;
    socklen_t len = sizeof(no_delay);
    struct stream *s = NULL;

    (void)state;
    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    assert_int_equal(stream_accept(listener, NULL, &s), -EAGAIN);
    assert_null(s);
    client = connected_to(port_of(listener));
    wait_until(listener, POLLIN);
    assert_int_equal(stream_accept(listener, NULL, &s), 0);
    assert_int_equal(fcntl(stream_fd(s), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(getsockopt(stream_fd(s), IPPROTO_TCP, TCP_NODELAY, &no_delay, &len), 0);
    assert_int_not_equal(no_delay, 0);
    assert_string_equal(stream_peer(s)->address, "127.0.0.1");
    assert_int_equal(stream_peer(s)->port, port_of(client));
    assert_true(stream_peer(s)->is_loopback);
    stream_free(s);
    close(client);
    close(listener);
}

static void want_of_descriptors_is_told(void **state)
{
    struct rlimit now, none;
    int listener, client, fd;

    (void)state;
    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    client = connected_to(port_of(listener));
    wait_until(listener, POLLIN);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = now.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(listener_accept(listener, &fd), -EMFILE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(listener_accept(listener, &fd), 0);
    close(fd);
    close(client);
    close(listener);
}

static void a_port_is_shared_only_when_all_want_it(void **state)
{
    int first, second, third;

    (void)state;
    assert_int_equal(listener_open("127.0.0.1", 0, true, &first), 0);
    assert_int_equal(listener_open("127.0.0.1", port_of(first), true, &second), 0);
    assert_int_equal(port_of(first), port_of(second));
    assert_int_equal(listener_open("127.0.0.1", port_of(first), false, &third), -EADDRINUSE);
    close(first);
    close(second);
}

static void a_port_can_be_had_again_at_once(void **state)
{
    int listener, client, fd;
    uint16_t port;

    (void)state;
    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    port = port_of(listener);
    client = connected_to(port);
    wait_until(listener, POLLIN);
    assert_int_equal(listener_accept(listener, &fd), 0);
    close(fd); /* the side that closes first waits in TIME_WAIT */
    close(client);
    close(listener);
    assert_int_equal(listener_open("127.0.0.1", port, false, &listener), 0);
    close(listener);
}

static void ipv6_leaves_ipv4_to_others(void **state)
{
    int six, four;

    (void)state;
    assert_int_equal(listener_open("::1", 0, false, &six), 0);
    close(six);
    assert_int_equal(listener_open("::", 0, false, &six), 0);
    assert_int_equal(listener_open("0.0.0.0", port_of(six), false, &four), 0);
    close(six);
    close(four);
}

static void an_address_that_is_not_ours_is_refused(void **state)
{
    int fd = -1;

    (void)state;
    assert_int_equal(listener_open("192.0.2.1", 0, false, &fd), -EADDRNOTAVAIL);
    assert_int_equal(listener_open("300.0.0.1", 0, false, &fd), -EADDRNOTAVAIL);
    assert_int_equal(fd, -1);
}

static void a_unix_socket_has_its_mode_and_replaces_a_dead_one(void **state)
{
    const char *path = in("admin.sock");
    struct stat st;
    mode_t umask_before = umask(077);
    int first, second, client, fd;
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)state;
    assert_int_equal(listener_open_unix(path, 0660, &first), 0);
    umask(umask_before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(listener_open_unix(path, 0600, &second), -EADDRINUSE);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listener_accept(first, &fd), 0);
    close(fd);
    /* That was the probe of the second one; the client comes behind it. */
    assert_int_equal(listener_accept(first, &fd), 0);
    close(fd);
    close(client);

    close(first);
    assert_int_equal(listener_open_unix(path, 0600, &second), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close(second);
    unlink(path);
}

static void only_dead_sockets_are_replaced(void **state)
{
    const char *path = file_with("precious", "not a socket", 0644);
    char longer[200];
    struct stat st;
    int fd = -1;

    (void)state;
    assert_int_equal(listener_open_unix(path, 0600, &fd), -EEXIST);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 12);
    assert_int_equal(listener_open_unix(in("none/admin.sock"), 0600, &fd), -ENOENT);
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    assert_int_equal(listener_open_unix(longer, 0600, &fd), -ENAMETOOLONG);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_is_what_only_this_machine_reaches),
        cmocka_unit_test(clients_are_accepted_one_by_one_without_blocking),
        cmocka_unit_test(what_is_accepted_is_set_as_a_stream_has_to_be),
        cmocka_unit_test(want_of_descriptors_is_told),
        cmocka_unit_test(a_port_is_shared_only_when_all_want_it),
        cmocka_unit_test(a_port_can_be_had_again_at_once),
        cmocka_unit_test(ipv6_leaves_ipv4_to_others),
        cmocka_unit_test(an_address_that_is_not_ours_is_refused),
        cmocka_unit_test(a_unix_socket_has_its_mode_and_replaces_a_dead_one),
        cmocka_unit_test(only_dead_sockets_are_replaced),
    };

    return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
