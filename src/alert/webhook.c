/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/webhook.c - an incident as the body of an HTTP POST
 *
 * One connection each, HTTP/1.1, only the status line of the answer is looked at.
 * 2xx: taken.  Another 4xx than 408 and 429: never sent again.  Anything else: tried again.
 * A redirection is not followed: incidents go where the configuration says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "alert/private.h"
#include "base/clock.h"
#include "crypto/crypto.h"

#define ANSWER_BYTES_MAX 16384

static bool read_token(struct destination *d, const char *path, char **ret_error)
{
    CLEANUP(buf_done) struct buf token = {0};

    if (!secret_file_read(path, ALERT_TOKEN_BYTES_MAX, &token, ret_error))
        return false;
    while (token.len > 0 && token.at[token.len - 1] <= ' ')
        token.len--;
    d->token_secret = bytes_dup_str(buf_view(&token));
    explicit_bzero(token.at, token.cap);
    for (const char *c = d->token_secret; *c != '\0'; c++) {
        if (*c > ' ' && *c < 0x7f)
            continue;
        *ret_error = bytes_dup_str(
            BYTES("alerts.webhook_token_file: the token is one line of printable characters"));
        return false;
    }
    return true;
}

/** webhook_prepare() - read CA and token; Return: false with @ret_error, owned by the caller */
bool webhook_prepare(struct destination *d, const struct alert_settings *s, char **ret_error)
{
    if (d->target.kind == TARGET_HTTPS) {
        d->tls = tls_context_new_client(s->webhook_ca, NULL, NULL, ret_error);
        if (d->tls == NULL)
            return false;
    }
    return s->webhook_token_file == NULL || read_token(d, s->webhook_token_file, ret_error);
}

static void add_request(struct buf *to, const struct receiver *r, struct bytes body)
{
    const struct target *t = &r->to.target;
    bool is_v6 = strchr(t->host, ':') != NULL;

    buf_addf(to, "POST %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n", t->path, is_v6 ? "[" : "", t->host,
             is_v6 ? "]" : "", t->port);
    buf_addf(to, "User-Agent: bastide\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
             body.len);
    if (r->to.token_secret != NULL)
        buf_addf(to, "Authorization: Bearer %s\r\n", r->to.token_secret);
    buf_addf(to, "Connection: close\r\n\r\n");
    buf_add(to, body);
}

static struct stream *connect_to(const struct receiver *r, struct buf *why)
{
    const struct stream_target t = {
        .host = r->to.target.host,
        .port = r->to.target.port,
        .tls = r->to.tls,
        .timeout_ms = ALERT_CONNECT_MS_MAX,
    };
    char *error = NULL;
    struct stream *s = stream_connect(&t, &error);

    if (s == NULL)
        buf_addf(why, "%s", error);
    free(error);
    return s;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200", and a blank or the line's end; Return: 0 if it is none. */
static unsigned status_of(struct bytes head)
{
    unsigned status = 0;

    if (head.len < 13 || !bytes_has_prefix(head, BYTES("HTTP/1.")) || !is_digit(head.at[7]) ||
        head.at[8] != ' ' || (head.at[12] != ' ' && head.at[12] != '\r'))
        return 0;
    for (size_t i = 9; i < 12; i++) {
        if (!is_digit(head.at[i]))
            return 0;
        status = status * 10 + (unsigned)(head.at[i] - '0');
    }
    return status >= 100 ? status : 0;
}

/**
 * webhook_take_status() - the status of an answer, as far as it has come
 * @in:          received so far; interim answers (1xx) are taken off
 * @ret_status:  200 to 999; 0 while more has to come
 *
 * Return: false when it is no answer, and @why says so.
 */
bool webhook_take_status(struct buf *in, unsigned *ret_status, struct buf *why)
{
    const uint8_t *end;
    unsigned status = 0;

    while (status < 200 && (end = memmem(in->at, in->len, "\r\n\r\n", 4)) != NULL) {
        status = status_of(buf_view(in));
        if (status == 0) {
            buf_addf(why, "the answer is not HTTP");
            return false;
        }
        buf_drop_front(in, (size_t)(end - in->at) + 4);
    }
    if (status < 200 && in->len > ANSWER_BYTES_MAX) {
        buf_addf(why, "the head of the answer is too long");
        return false;
    }
    *ret_status = status >= 200 ? status : 0;
    return true;
}

/* 0: there is none, @why says so. */
static unsigned receive_status(struct stream *s, uint64_t deadline_ns, struct buf *why)
{
    CLEANUP(buf_done) struct buf in = {0};
    unsigned status = 0;

    while (status == 0)
        if (!talk_receive(s, &in, deadline_ns, why) || !webhook_take_status(&in, &status, why))
            return 0;
    return status;
}

static enum sent judge(unsigned status, struct buf *why)
{
    if (status >= 200 && status < 300)
        return SENT_OK;
    if (status != 0)
        buf_addf(why, "the receiver answers %u", status);
    return status >= 400 && status < 500 && status != 408 && status != 429 ? SENT_REFUSED
                                                                           : SENT_FAILED;
}

static enum sent send_webhook(struct receiver *r, const json_t *record, struct buf *why)
{
    CLEANUP(buf_done) struct buf request = {0};
    uint64_t deadline_ns = clock_now_ns() + ALERT_ANSWER_MS_MAX * NS_PER_MS;
    char *body = json_dumps(record, JSON_COMPACT | JSON_PRESERVE_ORDER);
    struct stream *s = connect_to(r, why);
    unsigned status = 0;

    add_request(&request, r, bytes_str(body));
    free(body);
    if (s != NULL && talk_begin(s, deadline_ns, why) &&
        talk_send(s, buf_view(&request), deadline_ns, why))
        status = receive_status(s, deadline_ns, why);
    if (r->to.token_secret != NULL)
        explicit_bzero(request.at, request.len);
    stream_free(s);
    return judge(status, why);
}

static void close_webhook(struct receiver *r)
{
    (void)r; /* nothing is kept open between two letters */
}

const struct receiver_kind receiver_webhook = {
    .name = "webhook",
    .thread = "alert-webhook",
    .send = send_webhook,
    .close = close_webhook,
};
