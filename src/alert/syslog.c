/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/syslog.c - an incident as a syslog message, RFC 5424
 *
 * Over UDP and a unix socket a datagram each (RFC 5426), over TCP with its length in
 * front (RFC 6587, section 3.4.1).  The fields of the record are structured data,
 * the message is its sentence.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alert/private.h"
#include "base/clock.h"
#include "base/shown.h"

#define FACILITY        13      /* log audit */
#define PEN             "32473" /* RFC 5612: of documentation; structured data must name one */
#define PARAM_BYTES_MAX 256
#define TEXT_BYTES_MAX  2048 /* of the sentence; a datagram has an end */
#define MSGID_BYTES_MAX 32
#define HOST_BYTES_MAX  256
#define BOM             "\xef\xbb\xbf"

/* clang-format off */
static const struct {
    const char *severity;
    unsigned level; /* RFC 5424, table 2 */
} levels[] = {
    {"critical", 2},
    {"high",     3},
    {"medium",   4},
    {"low",      5},
    {"info",     6},
};
static const char *const params[] = {
    "id", "kind", "severity", "state", "action", "subject", "client_id", "ip", "username", "role",
    "rule", "count", "limit", "window_s", "attck", "subcategory", "disposition", "assigned_to", "expires",
};
/* clang-format on */

static unsigned level_of(const json_t *record)
{
    const char *severity = json_string_value(json_object_get(record, "severity"));

    for (size_t i = 0; severity != NULL && i < COUNT_OF(levels); i++)
        if (strcmp(levels[i].severity, severity) == 0)
            return levels[i].level;
    return 5;
}

static const char *text_of(const json_t *record, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(record, key));

    return text != NULL ? text : otherwise;
}

/* Printable ASCII without spaces, as the header wants it; "-" for nothing. */
static void add_name(struct buf *to, const char *text, size_t max)
{
    size_t n = 0;

    for (; *text != '\0' && n < max; text++, n++)
        buf_add_u8(to, *text > ' ' && *text < 0x7f ? (uint8_t)*text : '?');
    if (n == 0)
        buf_add_u8(to, '-');
}

/* How much of it is told: at most @max bytes, not to the middle of a character. */
static size_t told_len(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);

    if (len <= max)
        return len;
    len = max;
    while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* At most @max bytes of how @text is shown. */
static struct bytes told(struct buf *shown, const char *text, size_t max)
{
    shown_add(shown, bytes_str(text));
    buf_add_u8(shown, 0);
    return bytes_of(shown->at, told_len((const char *)shown->at, max));
}

static void add_sentence(struct buf *to, const char *text)
{
    CLEANUP(buf_done) struct buf shown = {0};

    buf_add(to, told(&shown, text, TEXT_BYTES_MAX));
}

/* Section 6.3.3. */
static void add_escaped(struct buf *to, const char *text)
{
    CLEANUP(buf_done) struct buf shown = {0};

    struct bytes value = told(&shown, text, PARAM_BYTES_MAX);

    for (size_t i = 0; i < value.len; i++) {
        if (strchr("\"\\]", value.at[i]) != NULL)
            buf_add_u8(to, '\\');
        buf_add_u8(to, value.at[i]);
    }
}

static void add_value(struct buf *to, const json_t *v)
{
    const json_t *one;
    size_t i;

    if (json_is_string(v))
        add_escaped(to, json_string_value(v));
    else if (json_is_number(v))
        buf_addf(to, "%.10g", json_number_value(v));
    json_array_foreach(v, i, one)
    {
        buf_addf(to, "%s", i > 0 ? "," : "");
        add_escaped(to, json_string_value(one));
    }
}

/**
 * syslog_format() - one message, without framing; RFC 5424, section 6
 * @record:  of the incident feed
 * @host:    the machine's name
 */
void syslog_format(struct buf *to, const json_t *record, const char *host, unsigned pid)
{
    buf_addf(to, "<%u>1 %s ", FACILITY * 8 + level_of(record), text_of(record, "time", "-"));
    add_name(to, host, HOST_BYTES_MAX - 1);
    buf_addf(to, " bastide %u ", pid);
    add_name(to, text_of(record, "kind", "-"), MSGID_BYTES_MAX);
    buf_addf(to, " [incident@" PEN);
    for (size_t i = 0; i < COUNT_OF(params); i++) {
        const json_t *v = json_object_get(record, params[i]);

        if (v == NULL || json_is_null(v))
            continue;
        buf_addf(to, " %s=\"", params[i]);
        add_value(to, v);
        buf_add_u8(to, '"');
    }
    buf_addf(to, "] " BOM);
    add_sentence(to, text_of(record, "text", ""));
}

/* ---- datagrams ---- */

static int open_unix(const struct target *t)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%.107s", t->path);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int open_udp(const struct target *t)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char port[8];
    int fd = -1;

    (void)snprintf(port, sizeof(port), "%u", t->port);
    if (getaddrinfo(t->host, port, &hints, &found) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static void close_all(struct receiver *r)
{
    r->stream = stream_free(r->stream);
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

static enum sent send_datagram(struct receiver *r, struct bytes message, struct buf *why)
{
    if (r->fd < 0)
        r->fd =
            r->to.target.kind == TARGET_UNIX ? open_unix(&r->to.target) : open_udp(&r->to.target);
    if (r->fd >= 0 && send(r->fd, message.at, message.len, MSG_NOSIGNAL) >= 0)
        return SENT_OK;
    buf_addf(why, "%s", strerrordesc_np(errno));
    close_all(r);
    return SENT_FAILED;
}

/* ---- TCP ---- */

static bool connect_stream(struct receiver *r, struct buf *why)
{
    const struct stream_target t = {
        .host = r->to.target.host,
        .port = r->to.target.port,
        .timeout_ms = ALERT_CONNECT_MS_MAX,
    };
    char *error = NULL;

    if (r->stream != NULL && !talk_is_open(r->stream))
        r->stream = stream_free(r->stream);
    if (r->stream != NULL)
        return true;
    r->stream = stream_connect(&t, &error);
    if (r->stream == NULL)
        buf_addf(why, "%s", error);
    free(error);
    return r->stream != NULL;
}

static enum sent send_framed(struct receiver *r, struct bytes message, struct buf *why)
{
    CLEANUP(buf_done) struct buf frame = {0};

    if (!connect_stream(r, why))
        return SENT_FAILED;
    buf_addf(&frame, "%zu ", message.len);
    buf_add(&frame, message);
    if (talk_send(r->stream, buf_view(&frame), clock_now_ns() + ALERT_ANSWER_MS_MAX * NS_PER_MS,
                  why))
        return SENT_OK;
    close_all(r);
    return SENT_FAILED;
}

static enum sent send_syslog(struct receiver *r, const json_t *record, struct buf *why)
{
    CLEANUP(buf_done) struct buf message = {0};
    char host[HOST_BYTES_MAX] = "";

    (void)gethostname(host, sizeof(host) - 1);
    syslog_format(&message, record, host, (unsigned)getpid());
    return r->to.target.kind == TARGET_TCP ? send_framed(r, buf_view(&message), why)
                                           : send_datagram(r, buf_view(&message), why);
}

const struct receiver_kind receiver_syslog = {
    .name = "syslog",
    .thread = "alert-syslog",
    .send = send_syslog,
    .close = close_all,
};
