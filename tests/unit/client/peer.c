/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c - see peer.h */
#include "peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One whole packet; a remaining length below 16,384 is enough here.  Return: false at the end. */
static bool read_packet(int fd, struct buf *ret)
{
    size_t need = 2;
    size_t header = 0;

    while (ret->len < need) {
        ssize_t n = read(fd, buf_reserve(ret, need - ret->len), need - ret->len);

        if (n <= 0)
            return false;
        ret->len += (size_t)n;
        if (ret->len < 2 || header != 0)
            continue;
        if (ret->at[1] < 0x80) {
            header = 2;
            need = header + ret->at[1];
        } else if (ret->len < 3) {
            need = 3;
        } else {
            header = 3;
            need = header + (ret->at[1] & 0x7fU) + ret->at[2] * 128U;
        }
    }
    return true;
}

static int accept_one(struct peer *p)
{
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    int fd = accept(p->listener, (struct sockaddr *)&from, &len);

    inet_ntop(AF_INET, &from.sin_addr, p->source, sizeof(p->source));
    return fd;
}

static bool follow(struct peer *p, int fd, const struct step *s)
{
    struct buf *packet = &p->got[p->n_got];
    eventfd_t n;

    if (s->is_deaf)
        return eventfd_read(p->go_on, &n) == 0;
    if (s->expect != 0) {
        p->n_got++;
        if (!read_packet(fd, packet) || packet->at[0] != s->expect)
            return false;
    }
    return s->answer.len == 0 ||
           send(fd, s->answer.at, s->answer.len, MSG_NOSIGNAL) == (ssize_t)s->answer.len;
}

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    struct buf rest = {0};
    bool ok = true;
    int fd = -1;

    for (size_t i = 0; ok && i < p->n_steps; i++) {
        if (fd < 0)
            fd = accept_one(p);
        ok = follow(p, fd, &p->steps[i]);
        if (p->steps[i].hang_up) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0) {
        while (read_packet(fd, &rest)) { /* what comes after the script is kept as well */
            p->got[p->n_got++] = rest;
            rest = (struct buf){0};
        }
        close(fd);
    }
    buf_done(&rest);
    p->ok = ok;
    return NULL;
}

struct peer *peer_new(const struct step *steps, size_t n)
{
    struct peer *p = calloc(1, sizeof(*p));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(p->listener, 4), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &len), 0);
    p->port = ntohs(at.sin_port);
    p->go_on = eventfd(0, EFD_CLOEXEC);
    p->steps = steps;
    p->n_steps = n;
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
    return p;
}

void peer_join(struct peer *p)
{
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    assert_true(p->ok);
}

void peer_free(struct peer *p)
{
    for (size_t i = 0; i < COUNT_OF(p->got); i++)
        buf_done(&p->got[i]);
    close(p->listener);
    close(p->go_on);
    free(p);
}

struct client_settings settings(const struct peer *p)
{
    return (struct client_settings){
        .host = "127.0.0.1", .port = p->port, .client_id = "c", .timeout_ms = 5000};
}

struct client *connected(const struct client_settings *s)
{
    struct client *c = client_new(s);

    assert_int_equal(client_connect(c), CLIENT_OK);
    return c;
}

void assert_packet(const struct peer *p, size_t i, struct bytes expected)
{
    assert_true(i < p->n_got);
    assert_int_equal(p->got[i].len, expected.len);
    assert_memory_equal(p->got[i].at, expected.at, expected.len);
}
