/* SPDX-License-Identifier: Apache-2.0 */
/* admin/socket.h - the unix socket the API listens at, and who is at its other end */
#pragma once

#include "base/bytes.h"

/* The socket's file, so that at the end we remove ours and not another's. */
struct admin_socket {
    char *path;  /* owned */
    int fd;      /* listening, non-blocking */
    int file_fd; /* O_PATH: holds the file, so that its inode is not given to another one */
};

bool admin_socket_open(struct admin_socket *s, const char *path, char **ret_error);
void admin_socket_remove(struct admin_socket *s);
void admin_peer_author(int fd, char *ret, size_t cap);
