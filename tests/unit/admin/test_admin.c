/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/socket.h"
#include "fake_node.h"

#define ANSWER_MAX (256 * 1024)

struct fixture {
    char dir[64];
    char path[96];
    struct node node;
    struct admin *admin;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char *error = NULL;

    assert_non_null(f);
    snprintf(f->dir, sizeof(f->dir), "/tmp/bastide-admin-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/run/admin.sock", f->dir);
    f->node.stop_fd = eventfd(0, EFD_CLOEXEC);
    f->admin = admin_new(&f->node, f->path, &error);
    if (f->admin == NULL)
        fail_msg("%s", error);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char folder[96];

    admin_free(f->admin);
    assert_int_equal(access(f->path, F_OK), -1);
    close(f->node.stop_fd);
    snprintf(folder, sizeof(folder), "%s/run", f->dir);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static int connect_to(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* Until the other side closes. */
static char *read_all(int fd)
{
    char *text = malloc(ANSWER_MAX + 1);
    size_t len = 0;
    ssize_t n = 0;

    assert_non_null(text);
    do {
        n = read(fd, text + len, ANSWER_MAX - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    text[len] = '\0';
    close(fd);
    return text;
}

/* The other side may close before it has read all: a refusal of what is too long. */
static char *ask(const struct fixture *f, const char *request)
{
    int fd = connect_to(f->path);
    size_t len = strlen(request);
    size_t sent = 0;

    while (sent < len) {
        ssize_t n = send(fd, request + sent, len - sent, MSG_NOSIGNAL);

        if (n < 0)
            break;
        sent += (size_t)n;
    }
    return read_all(fd);
}

static char *post(const struct fixture *f, const char *path, size_t body_len, const char *body)
{
    char *request = NULL;
    char *answer;

    assert_true(asprintf(&request,
                         "POST %s HTTP/1.1\r\nHost: node\r\nConnection: close\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         path, body_len, body) > 0);
    answer = ask(f, request);
    free(request);
    return answer;
}

static void assert_has(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("no \"%s\" in: %s", part, text != NULL ? text : "nothing");
}

static void a_question_over_the_socket_is_answered_in_json(void **state)
{
    char *answer = ask(*state, "GET /v1/clients?limit=5 HTTP/1.1\r\nHost: node\r\n"
                               "Connection: close\r\n\r\n");

    assert_has(answer, "HTTP/1.1 200 OK\r\n");
    assert_has(answer, "Content-Type: application/json\r\n");
    assert_has(answer, "\r\n\r\n[{\"client_id\":\"m1\",\"limit\":5}]\n");
    free(answer);
}

static void metrics_are_plain_text(void **state)
{
    char *answer = ask(*state, "GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");

    assert_has(answer, "Content-Type: text/plain; version=0.0.4");
    assert_has(answer, "\nbastide_connections 3\n");
    free(answer);
}

static void an_action_is_recorded_under_the_name_of_who_connected(void **state)
{
    struct fixture *f = *state;
    const struct passwd *me = getpwuid(geteuid());
    const char *body = "{\"kind\":\"client\",\"subject\":\"m1\"}";
    char *answer = post(f, "/v1/disconnect", strlen(body), body);
    char expected[128];

    assert_has(answer, "HTTP/1.1 200 OK\r\n");
    if (me != NULL)
        snprintf(expected, sizeof(expected), "disconnect client m1 by admin:%s", me->pw_name);
    else
        snprintf(expected, sizeof(expected), "disconnect client m1 by admin:uid-%u", geteuid());
    assert_string_equal(f->node.call, expected);
    free(answer);
}

/* It is the node that works meanwhile: nobody can tell but by letting it. */
static void what_takes_longer_than_a_connection_may_be_idle_is_answered(void **state)
{
    struct fixture *f = *state;
    const char *body = "{\"dir\":\"/srv\"}";
    char *answer;

    f->node.backup_s = ADMIN_IDLE_S_MAX + 1;
    answer = post(f, "/v1/backups", strlen(body), body);
    assert_has(answer, "\"error\":\"/srv\"");
    free(answer);
}

static void a_refusal_has_its_status_and_advice(void **state)
{
    char *answer = ask(*state, "PUT /v1/status HTTP/1.1\r\nHost: node\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n");

    assert_has(answer, "HTTP/1.1 405 ");
    assert_has(answer, "Allow: GET\r\n");
    assert_has(answer, "\"what_to_do\":");
    free(answer);
}

static void a_body_that_is_no_json_object_is_refused(void **state)
{
    static const char *const bodies[] = {"{", "[]", "5", "{\"kind\":1,\"kind\":2}", "\xff"};

    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        char *answer = post(*state, "/v1/bans", strlen(bodies[i]), bodies[i]);

        print_message("  %s\n", bodies[i]);
        assert_has(answer, "HTTP/1.1 400 ");
        assert_has(answer, "\"error\":");
        free(answer);
    }
}

static void a_query_twice_or_no_utf_8_is_refused(void **state)
{
    static const char *const queries[] = {"limit=1&limit=2", "limit=%ff", "&&="};

    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        char *request = NULL;
        char *answer;

        print_message("  %s\n", queries[i]);
        assert_true(asprintf(&request,
                             "GET /v1/clients?%s HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n",
                             queries[i]) > 0);
        answer = ask(*state, request);
        assert_has(answer, "HTTP/1.1 400 ");
        free(request);
        free(answer);
    }
}

static void a_body_past_the_limit_is_413_and_does_nothing(void **state)
{
    struct fixture *f = *state;
    char *body = malloc(ADMIN_BODY_BYTES_MAX + 2);
    char *answer;

    assert_non_null(body);
    memset(body, ' ', ADMIN_BODY_BYTES_MAX + 1);
    body[ADMIN_BODY_BYTES_MAX + 1] = '\0';
    answer = post(f, "/v1/reload", ADMIN_BODY_BYTES_MAX + 1, body);
    assert_has(answer, "HTTP/1.1 413 ");
    assert_string_equal(f->node.call, "");
    free(answer);
    free(body);
}

static void headers_past_the_limit_are_not_answered_with_success(void **state)
{
    char *filler = malloc(ADMIN_HEADER_BYTES_MAX + 1);
    char *request = NULL;
    char *answer;

    assert_non_null(filler);
    memset(filler, 'x', ADMIN_HEADER_BYTES_MAX);
    filler[ADMIN_HEADER_BYTES_MAX] = '\0';
    assert_true(
        asprintf(&request, "GET /v1/status HTTP/1.1\r\nHost: node\r\nX: %s\r\n\r\n", filler) > 0);
    answer = ask(*state, request);
    assert_null(strstr(answer, "200 OK"));
    free(answer);
    free(request);
    free(filler);
}

static void a_stop_is_answered_and_then_the_node_is_told(void **state)
{
    struct fixture *f = *state;
    char *answer = post(f, "/v1/stop", 0, "");
    uint64_t times = 0;

    assert_has(answer, "\"text\":\"the node stops\"");
    assert_has(answer, "\r\n" ADMIN_STOPS_HEADER ": yes\r\n");
    assert_int_equal(read(f->node.stop_fd, &times, sizeof(times)), sizeof(times));
    assert_int_equal(times, 1);
    free(answer);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, timeout_ms) == 1;
}

static void connections_past_the_limit_wait_until_one_ends(void **state)
{
    struct fixture *f = *state;
    const char *request = "GET /v1/status HTTP/1.1\r\nHost: node\r\n\r\n";
    int fds[ADMIN_CONNECTIONS_MAX + 1];
    char *answer;

    for (size_t i = 0; i < COUNT_OF(fds); i++)
        fds[i] = connect_to(f->path);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        assert_int_equal(send(fds[i], request, strlen(request), MSG_NOSIGNAL), strlen(request));
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        assert_true(is_readable(fds[i], 5000));
    assert_false(is_readable(fds[ADMIN_CONNECTIONS_MAX], 300));

    close(fds[0]);
    assert_true(is_readable(fds[ADMIN_CONNECTIONS_MAX], 5000));
    for (size_t i = 1; i < COUNT_OF(fds); i++)
        close(fds[i]);
    answer = ask(f, "GET /v1/status HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    assert_has(answer, "200 OK");
    free(answer);
}

static void only_owner_and_group_may_open_the_socket(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(lstat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
}

static void a_second_node_at_the_same_socket_is_refused(void **state)
{
    struct fixture *f = *state;
    char *error = NULL;
    char *answer;

    assert_null(admin_new(&f->node, f->path, &error));
    assert_has(error, "another node answers there");
    free(error);
    answer = ask(f, "GET /v1/status HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    assert_has(answer, "200 OK");
    free(answer);
}

static void a_socket_left_by_a_dead_node_is_replaced(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char path[96];
    struct admin_socket s;
    char *error = NULL;

    snprintf(path, sizeof(path), "%s/run/left.sock", f->dir);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
    assert_true(admin_socket_open(&s, path, &error));
    close(connect_to(path));
    close(s.fd);
    admin_socket_remove(&s);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct fixture *f = *state;
    char path[96];
    struct admin_socket s;
    char *error = NULL;
    FILE *file;

    snprintf(path, sizeof(path), "%s/run/notes.txt", f->dir);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_false(admin_socket_open(&s, path, &error));
    assert_has(error, "is no socket");
    assert_int_equal(unlink(path), 0);
    free(error);
}

static void a_path_too_long_for_a_socket_is_refused_with_advice(void **state)
{
    char path[200];
    struct admin_socket s;
    char *error = NULL;

    (void)state;
    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_false(admin_socket_open(&s, path, &error));
    assert_has(error, "set admin.socket to a shorter one");
    free(error);
}

static void a_socket_that_another_took_over_is_not_removed(void **state)
{
    struct fixture *f = *state;
    char path[96];
    struct admin_socket s;
    char *error = NULL;
    FILE *file;

    snprintf(path, sizeof(path), "%s/run/other.sock", f->dir);
    assert_true(admin_socket_open(&s, path, &error));
    close(s.fd);
    assert_int_equal(unlink(path), 0);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    admin_socket_remove(&s);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_question_over_the_socket_is_answered_in_json),
        T(metrics_are_plain_text),
        T(an_action_is_recorded_under_the_name_of_who_connected),
        T(what_takes_longer_than_a_connection_may_be_idle_is_answered),
        T(a_refusal_has_its_status_and_advice),
        T(a_body_that_is_no_json_object_is_refused),
        T(a_query_twice_or_no_utf_8_is_refused),
        T(a_body_past_the_limit_is_413_and_does_nothing),
        T(headers_past_the_limit_are_not_answered_with_success),
        T(a_stop_is_answered_and_then_the_node_is_told),
        T(connections_past_the_limit_wait_until_one_ends),
        T(only_owner_and_group_may_open_the_socket),
        T(a_second_node_at_the_same_socket_is_refused),
        T(a_socket_left_by_a_dead_node_is_replaced),
        T(a_file_that_is_no_socket_is_left_alone),
        T(a_path_too_long_for_a_socket_is_refused_with_advice),
        T(a_socket_that_another_took_over_is_not_removed),
    };
#undef T

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
