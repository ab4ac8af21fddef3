/* SPDX-License-Identifier: Apache-2.0 */
/* io/address.h - socket addresses; private to io */
#pragma once

#include "io/io.h"

bool sockaddr_is_loopback(const struct sockaddr_storage *a);
/* listener_accept(), and who it is. */
MUST_CHECK int listener_accept_from(int fd, struct sockaddr_storage *ret_peer, int *ret_fd);
uint16_t sockaddr_format(const struct sockaddr_storage *a, char ret[STREAM_ADDRESS_LEN]);
