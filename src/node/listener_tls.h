/* SPDX-License-Identifier: Apache-2.0 */
/* node/listener_tls.h - the TLS contexts of the listeners; private to node; the main thread's */
#pragma once

#include "io/io.h"
#include "node/node_private.h"

struct tls_context **listener_tls_new(const struct config *c, char **ret_error);
struct tls_context **listener_tls_anew(const struct node *n, const struct config *c,
                                       struct buf *text, bool *ret_all);
void listener_tls_free(struct tls_context **tls, size_t n);
