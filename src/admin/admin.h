/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin.h - the operator's API: HTTP and JSON over a unix socket
 *
 * One thread of its own, apart from message delivery (MQA.X-01): it answers
 * while the delivery plane is saturated.  Who may open the socket may do all
 * that is here; the file's owner and group decide, and each action is recorded
 * with the user name of the process that asked.
 */
#pragma once

#include "node/node.h"

/* At the limit: */
#define ADMIN_HEADER_BYTES_MAX (8 * 1024)  /* the connection is closed */
#define ADMIN_BODY_BYTES_MAX   (64 * 1024) /* 413 */
#define ADMIN_CONNECTIONS_MAX  64          /* more wait to be accepted */
#define ADMIN_IDLE_S_MAX       10          /* the connection is closed */
#define ADMIN_TEXT_BYTES_MAX   512         /* a reason or a note: 400 */

/* Of an answer after which the node stops; the process of the socket's other side has then yet to
 * end. */
#define ADMIN_STOPS_HEADER "Bastide-Stops"

struct admin;

struct admin *admin_new(struct node *n, const char *socket_path, char **ret_error);
struct admin *admin_free(struct admin *a);

/* One route of the API, for documents and for GET / */
struct admin_route_text {
    const char *method;
    const char *pattern;
    const char *takes; /* members of the body or of the query; NULL when none */
    const char *summary;
};

size_t admin_routes_describe(const struct admin_route_text **ret);
