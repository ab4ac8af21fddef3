/* SPDX-License-Identifier: Apache-2.0 */
/* cli/http.h - one HTTP question over a unix socket */
#pragma once

#include "base/bytes.h"

#define HTTP_ANSWER_BYTES_MAX (256U << 20) /* 100,000 sessions are some 50 MiB */
#define HTTP_HEAD_BYTES_MAX   (16U << 10)
#define HTTP_TIMEOUT_S        30 /* without a byte; a backup and another key take longer */

enum http_outcome {
    HTTP_OK,            /* there is an answer, whatever its status */
    HTTP_E_UNREACHABLE, /* nobody listens there */
    HTTP_E_BROKEN,      /* the answer broke off, is too long or no HTTP */
};

struct http_answer {
    int status;
    struct buf all;    /* owned: head and body */
    struct bytes body; /* borrowed from @all */
    bool node_stops;   /* it says so: what was asked for ends its process */
    int process;       /* owned: pidfd of who answered; 0: it cannot be known */
};

/* @method, @path: as they are sent; @body: NULL for none.  @ret_error is owned by the caller. */
enum http_outcome http_ask(const char *socket_path, const char *method, const char *path,
                           const char *body, struct http_answer *ret, char **ret_error);
void http_answer_done(struct http_answer *a);
bool http_answerer_ends(const struct http_answer *a, unsigned patience_ms);
void http_escape(struct buf *to, const char *segment);
bool http_parse(struct buf *all, struct http_answer *ret);
