/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/notify.c - see notify.h
 *
 * The protocol is one datagram to the socket in NOTIFY_SOCKET, whose name begins
 * with '/' or, in the abstract namespace, with '@'.  Source: sd_notify(3).
 */
#include "cli/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"

/**
 * notify_manager() - send @state ("READY=1", "STOPPING=1", ...)
 *
 * Nothing happens without a service manager; one that cannot be told is no
 * reason to fail: it will find out by its own timeout.
 */
void notify_manager(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    size_t len = name != NULL ? strlen(name) : 0;
    int fd;

    if (len < 2 || len >= sizeof(to.sun_path) || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(to.sun_path, name, len);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

/** notify_reloading() - RELOADING=1 with the time that systemd pairs it with READY=1 by */
void notify_reloading(void)
{
    char state[64];

    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)(clock_now_ns() / 1000));
    notify_manager(state);
}
