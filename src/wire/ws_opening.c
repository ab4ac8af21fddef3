/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/ws_opening.c - the HTTP request that a WebSocket begins with, and its answer
 *
 * One request with one head, read strictly: CRLF at the end of each line, no folded
 * lines, no body; so no proxy can take it for something else than we do.
 *
 * Sources: RFC 6455 section 4, RFC 9110, RFC 9112; [MQTT5-6.0.0-3] [MQTT3-6.0.0-3].
 */
#include <strings.h>

#include "base/err.h"
#include "wire/ws.h"

#define KEY_LEN 24 /* 16 bytes in base64 */

static const char token_marks[] = "!#$%&'*+-.^_`|~"; /* besides letters and digits */

/* What is looked for in a head. */
struct request {
    struct bytes method;
    struct bytes target;
    unsigned n_hosts;
    unsigned n_keys;
    unsigned n_versions;
    unsigned n_origins;
    bool upgrades;   /* Upgrade: websocket */
    bool connection; /* Connection: upgrade */
    bool has_body;
    bool offers_mqtt;
    bool offers_mqttv31;
    struct bytes key;
    struct bytes version;
    struct bytes origin;
};

/* ---- pieces of text ---- */

static bool is_same(struct bytes a, const char *b)
{
    return a.len == strlen(b) && strncasecmp((const char *)a.at, b, a.len) == 0;
}

static bool is_exactly(struct bytes a, const char *b)
{
    return bytes_equal(a, bytes_str(b));
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_token(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (!is_alnum(b.at[i]) && (b.at[i] == '\0' || strchr(token_marks, b.at[i]) == NULL))
            return false;
    }
    return b.len > 0;
}

/* Without the blanks around it. */
static struct bytes trimmed(struct bytes b)
{
    while (b.len > 0 && (b.at[0] == ' ' || b.at[0] == '\t'))
        b = bytes_of(b.at + 1, b.len - 1);
    while (b.len > 0 && (b.at[b.len - 1] == ' ' || b.at[b.len - 1] == '\t'))
        b.len--;
    return b;
}

/* What is before the first @mark, or all; @rest is what is behind it, NULL when there is none. */
static struct bytes cut(struct bytes b, uint8_t mark, struct bytes *rest)
{
    const uint8_t *at = b.len > 0 ? memchr(b.at, mark, b.len) : NULL;

    *rest = BYTES_NONE;
    if (at == NULL)
        return b;
    *rest = bytes_of(at + 1, b.len - (size_t)(at - b.at) - 1);
    return bytes_of(b.at, (size_t)(at - b.at));
}

static bool list_has(struct bytes list, const char *item,
                     bool (*same)(struct bytes a, const char *b))
{
    while (list.at != NULL) {
        struct bytes rest;

        if (same(trimmed(cut(list, ',', &rest)), item))
            return true;
        list = rest;
    }
    return false;
}

/* ---- the head ---- */

static void see_host(struct request *r, struct bytes value)
{
    (void)value;
    r->n_hosts++;
}

static void see_upgrade(struct request *r, struct bytes value)
{
    r->upgrades |= list_has(value, "websocket", is_same);
}

static void see_connection(struct request *r, struct bytes value)
{
    r->connection |= list_has(value, "upgrade", is_same);
}

static void see_key(struct request *r, struct bytes value)
{
    r->n_keys++;
    r->key = value;
}

static void see_version(struct request *r, struct bytes value)
{
    r->n_versions++;
    r->version = value;
}

static void see_origin(struct request *r, struct bytes value)
{
    r->n_origins++;
    r->origin = value;
}

/* By letter: who is answered another name than it offered is to fail, RFC 6455 4.1.  mqttv3.1 is
 * what clients offered before the standard had a name. */
static void see_subprotocol(struct request *r, struct bytes value)
{
    r->offers_mqtt |= list_has(value, "mqtt", is_exactly);
    r->offers_mqttv31 |= list_has(value, "mqttv3.1", is_exactly);
}

static void see_length(struct request *r, struct bytes value)
{
    r->has_body |= !is_same(value, "0");
}

static void see_coding(struct request *r, struct bytes value)
{
    (void)value;
    r->has_body = true;
}

static const struct field {
    const char *name;
    void (*see)(struct request *r, struct bytes value);
} fields[] = {
    {"Host", see_host},
    {"Upgrade", see_upgrade},
    {"Connection", see_connection},
    {"Sec-WebSocket-Key", see_key},
    {"Sec-WebSocket-Version", see_version},
    {"Sec-WebSocket-Protocol", see_subprotocol},
    {"Origin", see_origin},
    {"Content-Length", see_length},
    {"Transfer-Encoding", see_coding},
};

static bool read_field(struct request *r, struct bytes line)
{
    struct bytes value;
    struct bytes name = cut(line, ':', &value);

    if (!is_token(name) || value.at == NULL)
        return false;
    value = trimmed(value);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (is_same(name, fields[i].name))
            fields[i].see(r, value);
    }
    return true;
}

static bool read_first_line(struct request *r, struct bytes line)
{
    struct bytes rest;
    struct bytes version;

    r->method = cut(line, ' ', &rest);
    r->target = cut(rest, ' ', &version);
    return is_token(r->method) && r->target.len > 0 && bytes_equal(version, BYTES("HTTP/1.1"));
}

/* No control character but the blank; what else a line may hold is nobody's trouble here. */
static bool is_text(struct bytes line)
{
    for (size_t i = 0; i < line.len; i++) {
        if ((line.at[i] < 0x20 && line.at[i] != '\t') || line.at[i] == 0x7f)
            return false;
    }
    return true;
}

/* @line: with its CR, without its LF */
static bool read_line(struct request *r, struct bytes line, bool is_first)
{
    if (line.len == 0 || line.at[line.len - 1] != '\r')
        return false;
    line.len--;
    return is_text(line) && (is_first ? read_first_line(r, line) : read_field(r, line));
}

/* @head: its lines, each with its CRLF */
static bool read_head(struct request *r, struct bytes head)
{
    bool is_first = true;

    while (head.len > 0) {
        struct bytes rest;

        if (!read_line(r, cut(head, '\n', &rest), is_first))
            return false;
        is_first = false;
        head = rest;
    }
    return r->n_hosts == 1 && r->n_keys <= 1 && r->n_versions <= 1 && r->n_origins <= 1;
}

/* ---- what it asks for ---- */

/* The path alone: also of "http://host/path?query", which a server must take [RFC 9112, 3.2.2]. */
static struct bytes path_of(struct bytes target)
{
    static const char *const schemes[] = {"http://", "https://"};
    struct bytes rest;

    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        size_t len = strlen(schemes[i]);

        if (target.len >= len && is_same(bytes_of(target.at, len), schemes[i])) {
            const uint8_t *slash = memchr(target.at + len, '/', target.len - len);

            target = slash != NULL ? bytes_of(slash, target.len - (size_t)(slash - target.at))
                                   : BYTES("/");
        }
    }
    return cut(target, '?', &rest);
}

static bool is_key(struct bytes key)
{
    if (key.len != KEY_LEN || key.at[KEY_LEN - 2] != '=' || key.at[KEY_LEN - 1] != '=')
        return false;
    for (size_t i = 0; i < KEY_LEN - 2; i++) {
        if (!is_alnum(key.at[i]) && key.at[i] != '+' && key.at[i] != '/')
            return false;
    }
    return strchr("AQgw", key.at[KEY_LEN - 3]) != NULL; /* the bits past the 16th byte are zero */
}

/* "http://localhost:8080", "https://127.0.0.1", "http://[::1]:3000" */
static bool is_loopback_origin(struct bytes origin)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    const uint8_t *at = origin.len > 0 ? memmem(origin.at, origin.len, "://", 3) : NULL;
    size_t left = at != NULL ? origin.len - (size_t)(at - origin.at) - 3 : 0;

    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        size_t len = strlen(hosts[i]);

        if (left >= len && is_same(bytes_of(at + 3, len), hosts[i]) &&
            (left == len || at[3 + len] == ':'))
            return true;
    }
    return false;
}

/* Programs name no Origin, browsers always do: a page from anywhere must not reach the node by the
 * browser of somebody who may.  RFC 6455 section 10.2. */
static bool may_come_from(const struct request *r, const struct ws_rules *rules)
{
    if (r->n_origins == 0)
        return true;
    for (size_t i = 0; i < rules->n_origins; i++) {
        if (is_same(r->origin, rules->origins[i]))
            return true;
    }
    return rules->loopback_origins && rules->n_origins == 0 && is_loopback_origin(r->origin);
}

static enum ws_opening_outcome judge(const struct request *r, const struct ws_rules *rules)
{
    if (!bytes_equal(r->method, BYTES("GET")))
        return WS_OPENING_E_METHOD;
    if (r->has_body)
        return WS_OPENING_E_BODY;
    if (!bytes_equal(path_of(r->target), bytes_str(rules->path)))
        return WS_OPENING_E_PATH;
    if (!r->upgrades || !r->connection)
        return WS_OPENING_E_UPGRADE;
    if (!bytes_equal(r->version, BYTES("13")))
        return WS_OPENING_E_VERSION;
    if (!is_key(r->key))
        return WS_OPENING_E_KEY;
    if (!r->offers_mqtt && !r->offers_mqttv31) /* [MQTT5-6.0.0-3] [MQTT3-6.0.0-3] */
        return WS_OPENING_E_SUBPROTOCOL;
    return may_come_from(r, rules) ? WS_OPENING_OK : WS_OPENING_E_ORIGIN;
}

/* May it become a request yet?  Who speaks something else, such as MQTT or TLS, waits for an answer
 * and never ends a head. */
static bool may_become(struct bytes in)
{
    struct request r = {0};
    struct bytes rest;
    struct bytes line = cut(in, '\n', &rest);

    if (rest.at != NULL)
        return read_line(&r, line, true);
    return in.len == 0 || is_token(bytes_of(in.at, 1));
}

/**
 * ws_opening_read() - is there a whole request, and may it be granted?
 * @in:   all that has come so far
 * @ret:  written on WS_OPENING_OK
 *
 * Return: WS_OPENING_MORE when its head is not at its end and may still get there, the first broken
 *         rule otherwise.
 */
enum ws_opening_outcome ws_opening_read(struct bytes in, const struct ws_rules *rules,
                                        struct ws_opening *ret)
{
    struct bytes head = bytes_of(in.at, MIN(in.len, (size_t)WS_REQUEST_BYTES_MAX));
    const uint8_t *end = head.len > 0 ? memmem(head.at, head.len, "\r\n\r\n", 4) : NULL;
    enum ws_opening_outcome outcome;
    struct request r = {0};

    if (!may_become(head))
        return WS_OPENING_E_MALFORMED;
    if (end == NULL)
        return in.len < WS_REQUEST_BYTES_MAX ? WS_OPENING_MORE : WS_OPENING_E_TOO_LARGE;
    head.len = (size_t)(end - head.at) + 2;
    if (!read_head(&r, head))
        return WS_OPENING_E_MALFORMED;
    outcome = judge(&r, rules);
    if (outcome != WS_OPENING_OK)
        return outcome;
    *ret = (struct ws_opening){
        .len = head.len + 2,
        .key = r.key,
        .subprotocol = r.offers_mqtt ? "mqtt" : "mqttv3.1", /* [MQTT5-6.0.0-4] [MQTT3-6.0.0-4] */
    };
    return WS_OPENING_OK;
}

/* ---- the answer ---- */

static const struct answer {
    unsigned status;
    const char *phrase;
    const char *text;
} answers[] = {
#define X(name, status, phrase, text) [WS_OPENING_##name] = {status, phrase, text},
    WS_OPENINGS(X)
#undef X
};

/** ws_opening_text() - what was wrong with a request, for a person; static */
const char *ws_opening_text(enum ws_opening_outcome outcome)
{
    return answers[outcome].text;
}

/** ws_opening_grant() - append the answer to @o; @accept: base64 of SHA-1 of its key and WS_GUID */
void ws_opening_grant(struct buf *out, const struct ws_opening *o, const char accept[WS_ACCEPT_LEN])
{
    buf_addf(out,
             "HTTP/1.1 101 Switching Protocols\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %.*s\r\n"
             "Sec-WebSocket-Protocol: %s\r\n\r\n",
             WS_ACCEPT_LEN, accept, o->subprotocol);
}

/** ws_opening_refuse() - append an answer that says why not; the connection is to be closed */
void ws_opening_refuse(struct buf *out, enum ws_opening_outcome outcome)
{
    const struct answer *a = &answers[outcome];

    check(a->status >= 400);
    buf_addf(out, "HTTP/1.1 %u %s\r\n", a->status, a->phrase);
    if (outcome == WS_OPENING_E_METHOD)
        buf_addf(out, "Allow: GET\r\n");
    if (a->status == 426)
        buf_addf(out, "Upgrade: websocket\r\nConnection: Upgrade, close\r\n"
                      "Sec-WebSocket-Version: 13\r\n");
    else
        buf_addf(out, "Connection: close\r\n");
    buf_addf(out,
             "Content-Type: text/plain; charset=utf-8\r\n"
             "Content-Length: %zu\r\n\r\n%s\n",
             strlen(a->text) + 1, a->text);
}
