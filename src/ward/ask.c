/* SPDX-License-Identifier: Apache-2.0 */
/* ward/ask.c - one request to bastide-ward and its answer, over its unix socket */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ward/ward.h"

#define PATIENCE_S 1 /* to send, and again to receive */

static int connect_to(const char *socket_path)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(socket_path) >= sizeof(a.sun_path))
        return -1;
    memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
        connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

/**
 * ward_ask() - have it done
 * @socket_path:  where bastide-ward listens
 *
 * Blocks the calling thread, for two seconds at most.
 *
 * Return: the ward's answer; WARD_E_NOBODY when there was none.
 */
struct ward_reply ward_ask(const char *socket_path, const struct ward_request *r)
{
    struct ward_reply reply = {.answer = WARD_E_NOBODY};
    uint8_t request[WARD_REQUEST_BYTES];
    uint8_t answer[WARD_ANSWER_BYTES];
    int fd = connect_to(socket_path);

    if (fd < 0)
        return reply;
    ward_request_encode(r, request);
    if (send(fd, request, sizeof(request), MSG_NOSIGNAL) != (ssize_t)sizeof(request) ||
        recv(fd, answer, sizeof(answer), MSG_WAITALL) != (ssize_t)sizeof(answer) ||
        !ward_reply_decode(answer, &reply))
        reply = (struct ward_reply){.answer = WARD_E_NOBODY};
    close(fd);
    return reply;
}
