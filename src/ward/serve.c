/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ward/serve.c - requests in, rules of the firewall out
 *
 * One asker at a time, who has to ask at once.  Only the node's user and root are
 * answered, whoever may open the socket.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "io/io.h"
#include "ward/keeper.h"

#define PATIENCE_MS 1000

/* ---- what is in force ---- */

static void forget_ended(struct keeper *k, uint64_t now_ns)
{
    size_t kept = 0;

    for (size_t i = 0; i < k->n_blocks; i++) {
        if (k->blocks[i].ends_ns > now_ns)
            k->blocks[kept++] = k->blocks[i];
    }
    k->n_blocks = kept;
}

static bool is_same(const struct address *a, const struct address *b)
{
    return a->prefix_len == b->prefix_len && memcmp(a->at, b->at, ADDRESS_BYTES) == 0;
}

static struct block *find(struct keeper *k, const struct address *prefix)
{
    for (size_t i = 0; i < k->n_blocks; i++) {
        if (is_same(&k->blocks[i].prefix, prefix))
            return &k->blocks[i];
    }
    return NULL;
}

static bool overlaps_another(const struct keeper *k, const struct address *prefix)
{
    for (size_t i = 0; i < k->n_blocks; i++) {
        const struct address *p = &k->blocks[i].prefix;

        if (p->prefix_len != prefix->prefix_len &&
            (p->prefix_len < prefix->prefix_len ? prefix_has(p, prefix) : prefix_has(prefix, p)))
            return true;
    }
    return false;
}

static void remember(struct keeper *k, const struct ward_request *r, struct block *known)
{
    switch (r->verb) {
    case WARD_PING:
    case WARD_VERB_N:
        break;
    case WARD_CLEAR:
        k->n_blocks = 0;
        break;
    case WARD_UNBLOCK:
        *known = k->blocks[--k->n_blocks];
        break;
    case WARD_BLOCK:
        if (known == NULL)
            known = &k->blocks[k->n_blocks++];
        *known = (struct block){r->prefix, k->now_ns() + r->seconds * NS_PER_S};
        break;
    }
}

static enum ward_answer judge(const struct keeper *k, const struct ward_request *r,
                              const struct block *known)
{
    enum ward_answer a = ward_request_judge(r, k->never, k->n_never);

    if (a != WARD_OK)
        return a;
    if (r->verb == WARD_UNBLOCK && known == NULL)
        return WARD_E_NOT_FOUND;
    if (r->verb == WARD_BLOCK && known == NULL && k->n_blocks == WARD_BLOCKS_MAX)
        return WARD_E_LIMIT;
    if (r->verb == WARD_BLOCK && overlaps_another(k, &r->prefix))
        return WARD_E_OVERLAP;
    return WARD_OK;
}

/**
 * keeper_do() - one well-formed request
 *
 * Return: what became of it; on WARD_OK it is in force.
 */
struct ward_reply keeper_do(struct keeper *k, const struct ward_request *r)
{
    struct block *known;
    struct ward_reply reply;

    forget_ended(k, k->now_ns());
    known = find(k, &r->prefix);
    reply.answer = judge(k, r, known);
    if (reply.answer == WARD_OK && r->verb != WARD_PING) {
        struct buf rules CLEANUP(buf_done) = {0};

        rules_of(r, &rules);
        reply.answer = nft_run(buf_view(&rules)) == 0 ? WARD_OK : WARD_E_FAILED;
        if (reply.answer == WARD_OK)
            remember(k, r, known);
    }
    reply.n_blocks = (uint32_t)k->n_blocks;
    return reply;
}

/* ---- who asks ---- */

static bool may_ask(const struct keeper *k, int fd)
{
    struct ucred who;
    socklen_t len = sizeof(who);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
        return false;
    if (who.uid == k->asker || who.uid == 0)
        return true;
    log_warning("ward", "user %u may not ask", (unsigned)who.uid);
    return false;
}

static bool receive(int fd, uint8_t ret[WARD_REQUEST_BYTES])
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, PATIENCE_MS) == 1 &&
           recv(fd, ret, WARD_REQUEST_BYTES, 0) == WARD_REQUEST_BYTES;
}

static void answer(struct keeper *k, int fd)
{
    struct ward_reply reply = {.answer = WARD_E_MALFORMED, .n_blocks = (uint32_t)k->n_blocks};
    struct ward_request r = {0};
    uint8_t request[WARD_REQUEST_BYTES];
    uint8_t text[WARD_ANSWER_BYTES];

    if (!receive(fd, request))
        return;
    if (ward_request_decode(request, &r)) {
        reply = keeper_do(k, &r);
        log_info("ward", "%s: %s; %u in force", ward_verb_text(r.verb),
                 ward_answer_text(reply.answer), reply.n_blocks);
    } else {
        log_warning("ward", "%s", ward_answer_text(reply.answer));
    }
    ward_reply_encode(&reply, text);
    if (send(fd, text, sizeof(text), MSG_NOSIGNAL) < 0)
        log_warning("ward", "nobody heard the answer: %s", strerror(errno));
}

/** keeper_serve() - until SIGTERM or SIGINT; what is blocked stays so until its time is over */
void keeper_serve(struct keeper *k)
{
    struct pollfd fds[] = {{.fd = k->listen_fd, .events = POLLIN},
                           {.fd = k->signal_fd, .events = POLLIN}};

    while (fds[1].revents == 0) {
        int fd = -1;

        if (poll(fds, COUNT_OF(fds), -1) < 0 || fds[0].revents == 0 ||
            listener_accept(k->listen_fd, &fd) < 0)
            continue;
        if (may_ask(k, fd))
            answer(k, fd);
        close(fd);
    }
}
