/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/http.h"

/* clang-format off */
static const struct {
    const char *what;
    struct bytes all;
    int status; /* 0: refused */
    const char *body;
} answers[] = {
    {"an answer with a body",        BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), 200, "{}"},
    {"other letters in the name",    BYTES("HTTP/1.1 404 No\r\nA: b\r\ncontent-length:3\r\n\r\nabc"), 404, "abc"},
    {"an empty body",                BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 200, ""},
    {"nothing",                      BYTES(""), 0, NULL},
    {"no end of the head",           BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), 0, NULL},
    {"no length",                    BYTES("HTTP/1.1 200 OK\r\n\r\n{}"), 0, NULL},
    {"two lengths",                  BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 0, NULL},
    {"a length that is no number",   BYTES("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), 0, NULL},
    {"a body that is cut",           BYTES("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"), 0, NULL},
    {"more than the length",         BYTES("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}"), 0, NULL},
    {"chunks",                       BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 0, NULL},
    {"another protocol",             BYTES("SSH-2.0-x\r\n\r\n"), 0, NULL},
    {"a status that is none",        BYTES("HTTP/1.1 2 OK\r\nContent-Length: 0\r\n\r\n"), 0, NULL},
    {"zeros",                        BYTES("\0\0\0\0\r\n\r\n"), 0, NULL},
};
/* clang-format on */

static void only_a_whole_answer_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct buf all = {0};
        struct http_answer a = {0};
        bool taken;

        print_message("  %s\n", answers[i].what);
        buf_add(&all, answers[i].all);
        taken = http_parse(&all, &a);
        assert_int_equal(taken, answers[i].status != 0);
        if (taken) {
            assert_int_equal(a.status, answers[i].status);
            assert_true(bytes_equal(a.body, bytes_str(answers[i].body)));
        }
        http_answer_done(&a);
        buf_done(&all);
    }
}

static void a_head_without_end_is_not_searched_for_ever(void **state)
{
    struct buf all = {0};
    struct http_answer a = {0};

    (void)state;
    buf_addf(&all, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    while (all.len < HTTP_HEAD_BYTES_MAX)
        buf_addf(&all, "X: y\r\n");
    buf_addf(&all, "\r\n");
    assert_false(http_parse(&all, &a));
    buf_done(&all);
}

static void names_are_percent_encoded(void **state)
{
    struct buf b = {0};

    (void)state;
    http_escape(&b, "a/b c%d?e#f+\xc3\xa4-_.~");
    assert_true(bytes_equal(buf_view(&b), BYTES("a%2Fb%20c%25d%3Fe%23f%2B%C3%A4-_.~")));
    buf_done(&b);
}

/* ---- a server of one connection ---- */

struct server {
    char path[64];
    int fd;
    const char *answer;
    char request[512];
    pthread_t thread;
};

static void *serve(void *arg)
{
    struct server *s = arg;
    int fd = accept(s->fd, NULL, NULL);
    ssize_t n = recv(fd, s->request, sizeof(s->request) - 1, 0);

    s->request[n > 0 ? n : 0] = '\0';
    (void)send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void server_path(struct server *s)
{
    snprintf(s->path, sizeof(s->path), "/tmp/bastide-http-%d.sock", getpid());
}

static void server_start(struct server *s, const char *answer)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    if (s->path[0] == '\0')
        server_path(s);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", s->path);
    unlink(s->path);
    s->answer = answer;
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s->fd, 1), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->fd);
    unlink(s->path);
}

static void a_question_is_sent_with_its_body_and_answered(void **state)
{
    struct server s = {.path = ""};
    struct http_answer a = {0};
    char *error = NULL;

    (void)state;
    server_start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue");
    assert_int_equal(http_ask(s.path, "POST", "/v1/bans", "{\"a\":1}", &a, &error), HTTP_OK);
    server_end(&s);
    assert_int_equal(a.status, 200);
    assert_true(bytes_equal(a.body, BYTES("true")));
    assert_string_equal(s.request, "POST /v1/bans HTTP/1.1\r\nHost: node\r\nConnection: close\r\n"
                                   "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n"
                                   "{\"a\":1}");
    http_answer_done(&a);
}

static void an_answer_that_breaks_off_is_told_apart_from_no_node(void **state)
{
    struct server s = {.path = ""};
    struct http_answer a = {0};
    char *error = NULL;

    (void)state;
    server_start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\ntrue");
    assert_int_equal(http_ask(s.path, "GET", "/", NULL, &a, &error), HTTP_E_BROKEN);
    server_end(&s);
    assert_non_null(strstr(error, "without a whole answer"));
    free(error);

    assert_int_equal(http_ask(s.path, "GET", "/", NULL, &a, &error), HTTP_E_UNREACHABLE);
    assert_non_null(strstr(error, "no such socket"));
    free(error);
}

static void an_answer_tells_when_the_node_stops(void **state)
{
    static const struct bytes stops =
        BYTES("HTTP/1.1 200 OK\r\nbastide-stops: yes\r\nContent-Length: 0\r\n\r\n");
    static const struct bytes other =
        BYTES("HTTP/1.1 200 OK\r\nA: Bastide-Stops: yes\r\nContent-Length: 0\r\n\r\n");
    struct buf all = {0};
    struct http_answer a = {0};

    (void)state;
    buf_add(&all, stops);
    assert_true(http_parse(&all, &a));
    assert_true(a.node_stops);
    http_answer_done(&a);
    buf_add(&all, other);
    assert_true(http_parse(&all, &a));
    assert_false(a.node_stops);
    assert_false(http_answerer_ends(&a, 0)); /* whose process is not known */
    http_answer_done(&a);
}

/* Another process answers on @s, and ends when standing[] is closed. */
static pid_t serve_apart(struct server *s, const int standing[2])
{
    pid_t pid = fork();
    char byte;

    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    close(standing[1]);
    server_start(s, "HTTP/1.1 200 OK\r\nBastide-Stops: yes\r\nContent-Length: 0\r\n\r\n");
    if (write(standing[0], "", 1) == 1) /* ready */
        while (read(standing[0], &byte, 1) > 0)
            ;
    server_end(s);
    _exit(0);
}

static void who_answered_is_waited_for_until_its_process_has_ended(void **state)
{
    struct http_answer a = {0};
    struct server s = {0};
    char *error = NULL;
    int standing[2];
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, standing), 0);
    server_path(&s);
    pid = serve_apart(&s, standing);
    close(standing[0]);
    assert_int_equal(read(standing[1], &byte, 1), 1);
    assert_int_equal(http_ask(s.path, "POST", "/v1/stop", NULL, &a, &error), HTTP_OK);
    assert_true(a.node_stops);
    assert_false(http_answerer_ends(&a, 0));
    close(standing[1]);
    assert_true(http_answerer_ends(&a, 30000));
    http_answer_done(&a);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_path_too_long_for_a_socket_is_unreachable(void **state)
{
    char path[200];
    struct http_answer a = {0};
    char *error = NULL;

    (void)state;
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(http_ask(path, "GET", "/", NULL, &a, &error), HTTP_E_UNREACHABLE);
    assert_non_null(strstr(error, "too long"));
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_answer_is_taken),
        cmocka_unit_test(a_head_without_end_is_not_searched_for_ever),
        cmocka_unit_test(names_are_percent_encoded),
        cmocka_unit_test(a_question_is_sent_with_its_body_and_answered),
        cmocka_unit_test(an_answer_that_breaks_off_is_told_apart_from_no_node),
        cmocka_unit_test(an_answer_tells_when_the_node_stops),
        cmocka_unit_test(who_answered_is_waited_for_until_its_process_has_ended),
        cmocka_unit_test(a_path_too_long_for_a_socket_is_unreachable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
