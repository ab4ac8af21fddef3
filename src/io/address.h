/* SPDX-License-Identifier: Apache-2.0 */
/* io/address.h - socket addresses; private to io */
#pragma once

#include "io/io.h"

bool sockaddr_is_loopback(const struct sockaddr_storage *a);
uint16_t sockaddr_format(const struct sockaddr_storage *a, char ret[STREAM_ADDRESS_LEN]);
