/* SPDX-License-Identifier: Apache-2.0 */
/* alert/private.h - the parts of alert, for one another */
#pragma once

#include <jansson.h>
#include <pthread.h>

#include "alert/alert.h"
#include "base/list.h"
#include "io/io.h"

/* ---- target.c: where to ---- */

enum target_kind {
    TARGET_UDP,
    TARGET_TCP,
    TARGET_UNIX,
    TARGET_HTTP,
    TARGET_HTTPS,
};

#define TARGET_HOST_MAX 254
#define TARGET_PATH_MAX 1024

struct target {
    enum target_kind kind;
    char host[TARGET_HOST_MAX]; /* name or address; an IPv6 address without brackets */
    uint16_t port;
    char path[TARGET_PATH_MAX]; /* of the unix socket, or what is asked for by HTTP */
};

const char *target_parse_syslog(const char *text, struct target *ret);
const char *target_parse_webhook(const char *text, struct target *ret);

/* ---- talk.c: a stream with deadlines ---- */

bool talk_begin(struct stream *s, uint64_t deadline_ns, struct buf *why);
bool talk_send(struct stream *s, struct bytes what, uint64_t deadline_ns, struct buf *why);
bool talk_receive(struct stream *s, struct buf *ret, uint64_t deadline_ns, struct buf *why);
bool talk_is_open(struct stream *s);

/* ---- receiver.c: a queue, a thread, attempts ---- */

enum sent {
    SENT_OK,
    SENT_FAILED,  /* to be tried again */
    SENT_REFUSED, /* never again */
};

struct receiver;

struct receiver_kind {
    const char *name;
    const char *thread;
    /* On the receiver's thread; may take ALERT_ANSWER_MS_MAX.  @why gets the reason of a failure.
     */
    enum sent (*send)(struct receiver *r, const json_t *record, struct buf *why);
    void (*close)(struct receiver *r);
};

struct letter {
    struct list link;
    char *record; /* owned */
};

/* Where the letters of one receiver go; not set: nowhere. */
struct destination {
    bool is_set;
    struct target target;
    struct tls_context *tls; /* owned; NULL */
    char *token_secret;      /* owned; NULL */
    size_t queue_max;
};

void destination_done(struct destination *d);

struct receiver {
    const struct receiver_kind *kind;
    struct destination to; /* the thread's own */
    struct stream *stream; /* owned; what is kept open between two letters */
    int fd;                /* of datagrams; -1 */

    const struct sandbox *sandbox; /* borrowed; NULL: the thread is not confined */
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    struct list queue; /* struct letter, oldest first */
    bool is_set;       /* as of the newest destination, and so is */
    size_t queue_max;
    struct destination next; /* takes the place of @to before the next letter, */
    bool has_next;           /* if there is one */
    bool stopping;
    uint64_t stop_by_ns;
    uint64_t retry_at_ns;
    unsigned retry_s; /* 0: the last attempt went well */
    struct alert_counters counters;
};

void receiver_init(struct receiver *r, const struct receiver_kind *kind);
void receiver_change(struct receiver *r, struct destination *d);
MUST_CHECK int receiver_start(struct receiver *r, const struct sandbox *sandbox);
void receiver_done(struct receiver *r);
void receiver_post(struct receiver *r, const char *record);
bool receiver_count(struct receiver *r, struct alert_counters *ret);

/* syslog.c, webhook.c */
extern const struct receiver_kind receiver_syslog;
extern const struct receiver_kind receiver_webhook;
void syslog_format(struct buf *to, const json_t *record, const char *host, unsigned pid);
bool webhook_prepare(struct destination *d, const struct alert_settings *s, char **ret_error);
bool webhook_take_status(struct buf *in, unsigned *ret_status, struct buf *why);
