/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/http.c - see http.h
 *
 * One connection a question, "Connection: close", an answer with Content-Length:
 * all that the node's API sends.  libevent 2.1's client cannot be given a unix
 * socket, so this is written out.
 */
#include "cli/http.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/text.h"

static enum http_outcome PRINTF(3, 4)
    failed(enum http_outcome o, char **ret_error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *ret_error = text_vformat(format, args);
    va_end(args);
    return o;
}

static const char *why_unreachable(int err)
{
    switch (err) {
    case ENOENT:
        return "there is no such socket: no node runs with this configuration";
    case ECONNREFUSED:
        return "nobody listens there: the node has stopped";
    case EACCES:
        return "this user may not open it: be the node's user, or in the socket's group, for which "
               "each folder on the way to it has to be open (chmod g+x)";
    default:
        return strerror(err);
    }
}

/* For an answer; 0: what goes through all that the node has takes as long as that takes. */
static time_t patience_s(const char *path)
{
    static const char *const long_calls[] = {"/v1/backups", "/v1/keys/"};

    for (size_t i = 0; i < COUNT_OF(long_calls); i++) {
        if (strncmp(path, long_calls[i], strlen(long_calls[i])) == 0)
            return 0;
    }
    return HTTP_TIMEOUT_S;
}

static enum http_outcome open_socket(const char *path, time_t wait_s, int *ret_fd, char **ret_error)
{
    const struct timeval patience = {.tv_sec = wait_s};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(at.sun_path))
        return failed(HTTP_E_UNREACHABLE, ret_error, "%s: too long for the path of a unix socket",
                      path);
    memcpy(at.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failed(HTTP_E_UNREACHABLE, ret_error, "%s: %s", path, strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
        failed(HTTP_E_UNREACHABLE, ret_error, "%s: %s", path, why_unreachable(errno));
        close(fd);
        return HTTP_E_UNREACHABLE;
    }
    *ret_fd = fd;
    return HTTP_OK;
}

/* The process that listens on the other side of @fd.  Asked for before there is an answer: behind
 * one it may be gone, and its number somebody else's. */
static int open_process(int fd)
{
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);
    int process = -1;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 0)
        process = pidfd_open(peer.pid, 0);
    return process > 0 ? process : 0; /* @fd is open, so that it is not 0 itself */
}

/* Errors are left for the reading side to find: the node may answer before it has read all. */
static void send_all(int fd, struct bytes b)
{
    while (b.len > 0) {
        ssize_t n = send(fd, b.at, b.len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        b = bytes_of(b.at + n, b.len - (size_t)n);
    }
}

/* Until the other side closes; Return: 0 or an errno. */
static int receive_all(int fd, struct buf *ret)
{
    while (ret->len <= HTTP_ANSWER_BYTES_MAX) {
        ssize_t n = recv(fd, buf_reserve(ret, 65536), 65536, 0);

        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? ETIMEDOUT : errno;
        ret->len += n > 0 ? (size_t)n : 0;
    }
    return EFBIG;
}

static size_t line_length(struct bytes b)
{
    const uint8_t *end = memmem(b.at, b.len, "\r\n", 2);

    return end != NULL ? (size_t)(end - b.at) : b.len;
}

/* The value of Content-Length in the lines of @head; Return: false when it has none, or two. */
static bool content_length(struct bytes head, size_t *ret)
{
    static const char name[] = "content-length:";
    bool found = false;

    while (head.len > 0) {
        size_t len = line_length(head);

        if (len >= sizeof(name) &&
            strncasecmp((const char *)head.at, name, sizeof(name) - 1) == 0) {
            if (found || sscanf((const char *)head.at + sizeof(name) - 1, " %9zu", ret) != 1)
                return false;
            found = true;
        }
        len = MIN(len + 2, head.len);
        head = bytes_of(head.at + len, head.len - len);
    }
    return found;
}

/* Whether @head has this line, in whatever letters. */
static bool has_line(struct bytes head, const char *line)
{
    while (head.len > 0) {
        size_t len = line_length(head);

        if (len == strlen(line) && strncasecmp((const char *)head.at, line, len) == 0)
            return true;
        len = MIN(len + 2, head.len);
        head = bytes_of(head.at + len, head.len - len);
    }
    return false;
}

/**
 * http_parse() - read a whole answer
 * @all:  what was received; moved to @ret on success
 *
 * Return: false when it is no answer of HTTP/1.1 with Content-Length, or is cut.
 */
bool http_parse(struct buf *all, struct http_answer *ret)
{
    struct http_answer a = {0};
    const uint8_t *end;
    size_t head_len;
    size_t body_len = 0;

    *buf_reserve(all, 1) = 0; /* for sscanf() */
    end = memmem(all->at, MIN(all->len, HTTP_HEAD_BYTES_MAX), "\r\n\r\n", 4);
    if (end == NULL || sscanf((const char *)all->at, "HTTP/1.1 %3d ", &a.status) != 1 ||
        a.status < 100)
        return false;
    head_len = (size_t)(end - all->at) + 4;
    if (!content_length(bytes_of(all->at, head_len), &body_len) || all->len - head_len != body_len)
        return false;
    a.node_stops = has_line(bytes_of(all->at, head_len), ADMIN_STOPS_HEADER ": yes");
    a.all = *all;
    a.body = bytes_of(all->at + head_len, body_len);
    *all = (struct buf){0};
    *ret = a;
    return true;
}

static void build(struct buf *to, const char *method, const char *path, const char *body)
{
    buf_addf(to, "%s %s HTTP/1.1\r\nHost: node\r\nConnection: close\r\n", method, path);
    if (body != NULL)
        buf_addf(to, "Content-Type: application/json\r\n");
    buf_addf(to, "Content-Length: %zu\r\n\r\n%s", body != NULL ? strlen(body) : 0,
             text_or_empty(body));
}

/** http_ask() - see http.h; blocks for as long as the node takes, of what does not take long
 * HTTP_TIMEOUT_S without a byte */
enum http_outcome http_ask(const char *socket_path, const char *method, const char *path,
                           const char *body, struct http_answer *ret, char **ret_error)
{
    CLEANUP(buf_done) struct buf request = {0};
    CLEANUP(buf_done) struct buf all = {0};
    int fd = -1;
    enum http_outcome o = open_socket(socket_path, patience_s(path), &fd, ret_error);
    int process;
    int err;

    if (o != HTTP_OK)
        return o;
    process = open_process(fd);
    build(&request, method, path, body);
    send_all(fd, buf_view(&request));
    err = receive_all(fd, &all);
    close(fd);
    if (http_parse(&all, ret)) {
        ret->process = process;
        return HTTP_OK;
    }
    if (process > 0)
        close(process);
    if (err != 0)
        return failed(HTTP_E_BROKEN, ret_error, "%s: the answer broke off: %s", socket_path,
                      strerror(err));
    return failed(HTTP_E_BROKEN, ret_error, "%s: the node closed without a whole answer",
                  socket_path);
}

/** http_answer_done() - free what @a owns */
void http_answer_done(struct http_answer *a)
{
    buf_done(&a->all);
    if (a->process > 0)
        close(a->process);
    a->process = 0;
}

/**
 * http_answerer_ends() - wait until the process that gave the answer has ended, and let go all it
 * had
 * @patience_ms:  how long
 *
 * Return: false when it has not, or cannot be watched from here.
 */
bool http_answerer_ends(const struct http_answer *a, unsigned patience_ms)
{
    struct pollfd p = {.fd = a->process, .events = POLLIN};
    int r;

    if (a->process <= 0)
        return false;
    do {
        r = poll(&p, 1, (int)patience_ms);
    } while (r < 0 && errno == EINTR);
    return r == 1;
}

/** http_escape() - append @segment percent-encoded: all but letters, digits and "-_.~" */
void http_escape(struct buf *to, const char *segment)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

    for (; *segment != '\0'; segment++) {
        if (strchr(plain, *segment) != NULL)
            buf_add_u8(to, (uint8_t)*segment);
        else
            buf_addf(to, "%%%02X", (unsigned char)*segment);
    }
}
