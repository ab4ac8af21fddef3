/* SPDX-License-Identifier: Apache-2.0 */
/* alert/target.c - "tcp:siem.example:6514", "https://hooks.example/incidents": where to */
#include <stdio.h>
#include <stdlib.h>

#include "alert/private.h"

#define UNIX_PATH_MAX 107

struct scheme {
    const char *prefix;
    enum target_kind kind;
    uint16_t port; /* when none is given; 0: one must be */
};

/* clang-format off */
static const struct scheme syslog_schemes[] = {
    {"udp:",  TARGET_UDP,  0},
    {"tcp:",  TARGET_TCP,  0},
    {"unix:", TARGET_UNIX, 0},
    {NULL, 0, 0},
};
static const struct scheme webhook_schemes[] = {
    {"http://",  TARGET_HTTP,  80},
    {"https://", TARGET_HTTPS, 443},
    {NULL, 0, 0},
};
/* clang-format on */

static const struct scheme *scheme_of(const struct scheme *all, const char *text)
{
    for (; all->prefix != NULL; all++)
        if (strncmp(text, all->prefix, strlen(all->prefix)) == 0)
            return all;
    return NULL;
}

static bool port_parse(struct bytes digits, uint16_t *ret)
{
    unsigned port = 0;

    if (digits.len == 0 || digits.len > 5)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return false;
        port = port * 10 + (unsigned)(digits.at[i] - '0');
    }
    *ret = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

/* Where the host ends: behind its ']', or at the last ':' that is outside of brackets. */
static size_t host_len(struct bytes text)
{
    const uint8_t *end = NULL;

    if (text.len > 0 && text.at[0] == '[') {
        end = memchr(text.at, ']', text.len);
        return end != NULL ? (size_t)(end - text.at) + 1 : text.len;
    }
    end = memchr(text.at, ':', text.len);
    return end != NULL ? (size_t)(end - text.at) : text.len;
}

/* "HOST", "HOST:PORT", "[::1]:PORT" */
static const char *authority_parse(struct bytes text, const struct scheme *s, struct target *ret)
{
    size_t len = host_len(text);
    struct bytes host = bytes_of(text.at, len);
    struct bytes rest = bytes_of(text.at + len, text.len - len);

    if (host.len > 1 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = bytes_of(host.at + 1, host.len - 2);
    if (host.len == 0 || host.len >= sizeof(ret->host))
        return "has no host, or one of more than 253 bytes";
    for (size_t i = 0; i < host.len; i++)
        if (host.at[i] <= ' ' || host.at[i] >= 0x7f || strchr("/@?#[]", host.at[i]) != NULL)
            return "has a character in its host that is not of a name or an address; a user name "
                   "does not stand in it";
    memcpy(ret->host, host.at, host.len);
    ret->port = s->port;
    if (rest.len == 0)
        return s->port != 0 ? NULL : "has no port behind the host, as in tcp:siem.example:601";
    if (rest.at[0] != ':' || !port_parse(bytes_of(rest.at + 1, rest.len - 1), &ret->port))
        return "has no port from 1 to 65535";
    return NULL;
}

/** target_parse_syslog() - Return: NULL, or what is wrong with @text. */
const char *target_parse_syslog(const char *text, struct target *ret)
{
    const struct scheme *s = scheme_of(syslog_schemes, text);
    const char *rest;

    *ret = (struct target){0};
    if (s == NULL)
        return "begins with none of udp:, tcp: and unix:";
    ret->kind = s->kind;
    rest = text + strlen(s->prefix);
    if (s->kind != TARGET_UNIX)
        return authority_parse(bytes_str(rest), s, ret);
    if (rest[0] != '/' || strlen(rest) > UNIX_PATH_MAX)
        return "has no absolute path of at most 107 bytes";
    (void)snprintf(ret->path, sizeof(ret->path), "%s", rest);
    return NULL;
}

/** target_parse_webhook() - Return: NULL, or what is wrong with @text. */
const char *target_parse_webhook(const char *text, struct target *ret)
{
    const struct scheme *s = scheme_of(webhook_schemes, text);
    const char *rest;
    size_t len;

    *ret = (struct target){0};
    if (s == NULL)
        return "begins with neither https:// nor http://";
    ret->kind = s->kind;
    rest = text + strlen(s->prefix);
    len = strcspn(rest, "/");
    for (const char *c = rest + len; *c != '\0'; c++)
        if (*c <= ' ' || *c == 0x7f || *c == '#')
            return "has a space, a control character or a # in its path";
    if (strlen(rest + len) >= sizeof(ret->path))
        return "has a path of more than 1023 bytes";
    (void)snprintf(ret->path, sizeof(ret->path), "%s", rest[len] != '\0' ? rest + len : "/");
    return authority_parse(bytes_of(rest, len), s, ret);
}

/** alert_syslog_wrong_why() - static */
const char *alert_syslog_wrong_why(const char *text)
{
    struct target t;

    return target_parse_syslog(text, &t);
}

/** alert_webhook_wrong_why() - static */
const char *alert_webhook_wrong_why(const char *text)
{
    struct target t;

    return target_parse_webhook(text, &t);
}

/** alert_webhook_is_open() - see alert.h */
bool alert_webhook_is_open(const char *text)
{
    struct target t;

    return target_parse_webhook(text, &t) == NULL && t.kind == TARGET_HTTP &&
           !address_is_loopback(t.host);
}
