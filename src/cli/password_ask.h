/* SPDX-License-Identifier: Apache-2.0 */
/* cli/password_ask.h - a new password from a person or a program, never from the command line */
#pragma once

#include "base/bytes.h"

MUST_CHECK bool password_ask(const char *name, const char *else_by, struct buf *ret_secret,
                             char **ret_error);
MUST_CHECK bool password_ask_once(const char *question, struct buf *ret_secret, char **ret_error);
MUST_CHECK bool password_read(int fd, struct buf *ret_secret, char **ret_error);
