/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner_build.c - words into packets
 *
 * Whatever a script says is built, also what no client may send.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "runner.h"

#define CONNECT_CLEAN     0x02
#define CONNECT_WILL      0x04
#define CONNECT_RETAIN    0x20
#define CONNECT_PASSWORD  0x40
#define CONNECT_USER_NAME 0x80

/* The packet that grows, and the words that say what goes into it. */
struct builder {
    struct script *script;
    struct client *client;
    const struct words *words;
    size_t from;
    enum packet_type type;
    struct buf body;
    struct buf props;
    struct buf will_props;
    uint8_t flags;
};

void buf_add_u16(struct buf *b, uint16_t v)
{
    buf_add_u8(b, (uint8_t)(v >> 8));
    buf_add_u8(b, (uint8_t)v);
}

/** buf_add_string() - with its length before it */
void buf_add_string(struct buf *b, struct bytes text)
{
    buf_add_u16(b, (uint16_t)text.len);
    buf_add(b, bytes_of(text.at, MIN(text.len, (size_t)UINT16_MAX)));
}

static void add_varint(struct buf *b, size_t v)
{
    do {
        buf_add_u8(b, (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0)));
        v >>= 7;
    } while (v > 0);
}

/** packet_frame() - fixed header and body */
void packet_frame(uint8_t first, struct bytes body, struct buf *to)
{
    buf_add_u8(to, first);
    add_varint(to, body.len);
    buf_add(to, body);
}

static struct bytes text_or(const struct builder *b, const char *key, const char *otherwise)
{
    const struct word *w = words_find(b->words, b->from, key);

    return w != NULL ? buf_view(&w->value) : bytes_str(otherwise);
}

static uint64_t number_or(const struct builder *b, const char *key, uint64_t otherwise)
{
    const struct word *w = words_find(b->words, b->from, key);

    return w != NULL ? word_number(b->script, w) : otherwise;
}

static bool has(const struct builder *b, const char *key)
{
    return words_find(b->words, b->from, key) != NULL;
}

/* "props" gives the bytes of the whole section, its length included. */
static void add_props(struct builder *b, const struct buf *props, const char *raw_key)
{
    const struct word *raw = words_find(b->words, b->from, raw_key);

    if (b->client->level != LEVEL_5)
        return;
    if (raw != NULL) {
        buf_add(&b->body, buf_view(&raw->value));
        return;
    }
    add_varint(&b->body, props->len);
    buf_add(&b->body, buf_view(props));
}

/* Everything that is not one of the packet's own words is a property. */
static void collect_props(struct builder *b, const char *const *own)
{
    static const char *const common[] = {"flags", "length", "rest", "props", "id", NULL};

    for (size_t i = b->from; i < b->words->n; i++) {
        const struct word *w = &b->words->at[i];
        bool known = false;

        for (size_t k = 0; common[k] != NULL && !known; k++)
            known = strcmp(common[k], w->key) == 0;
        for (size_t k = 0; own[k] != NULL && !known; k++)
            known = strcmp(own[k], w->key) == 0;
        if (!known && strncmp(w->key, "will.", 5) == 0) {
            struct word inner = *w;

            memmove(inner.key, w->key + 5, strlen(w->key + 5) + 1);
            known = property_add(b->script, &inner, &b->will_props);
        }
        if (!known && !property_add(b->script, w, &b->props))
            script_fail(b->script, "%s knows no word \"%s\"", packet_type_name(b->type), w->key);
    }
}

static void agree_level(struct builder *b)
{
    struct client *c = b->client;

    c->level = has(b, "v31") ? LEVEL_31 : has(b, "v3") ? LEVEL_311 : LEVEL_5;
    c->max_packet = number_or(b, "max-packet", UINT64_MAX);
    if (c->max_packet == 0) /* no maximum but an error */
        c->max_packet = UINT64_MAX;
    c->alias_max = number_or(b, "alias-max", 0);
    c->problem_wanted = number_or(b, "request-problem", 1) != 0;
    c->response_wanted = number_or(b, "request-response", 0) != 0;
}

static uint8_t connect_flags(const struct builder *b)
{
    unsigned flags = number_or(b, "clean", 1) ? CONNECT_CLEAN : 0;

    if (has(b, "will.topic"))
        flags |= CONNECT_WILL | (unsigned)number_or(b, "will.qos", 0) << 3;
    if (number_or(b, "will.retain", 0))
        flags |= CONNECT_RETAIN;
    if (has(b, "username"))
        flags |= CONNECT_USER_NAME;
    if (has(b, "password"))
        flags |= CONNECT_PASSWORD;
    return (uint8_t)number_or(b, "cflags", flags);
}

static void build_connect(struct builder *b)
{
    static const char *const own[] = {
        "v5",           "v3",        "v31",         "protocol",   "level",    "clean",
        "cflags",       "keepalive", "clientid",    "username",   "password", "will.topic",
        "will.payload", "will.qos",  "will.retain", "will.props", NULL};
    char client_id[64];

    agree_level(b);
    collect_props(b, own);
    snprintf(client_id, sizeof(client_id), "%s%s", (const char *)b->script->variables[0].value.at,
             b->client->name);
    buf_add_string(&b->body,
                   text_or(b, "protocol", b->client->level == LEVEL_31 ? "MQIsdp" : "MQTT"));
    buf_add_u8(&b->body, (uint8_t)number_or(b, "level", b->client->level));
    buf_add_u8(&b->body, connect_flags(b));
    buf_add_u16(&b->body, (uint16_t)number_or(b, "keepalive", 60));
    add_props(b, &b->props, "props");
    buf_add_string(&b->body, text_or(b, "clientid", client_id));
    if (has(b, "will.topic")) {
        add_props(b, &b->will_props, "will.props");
        buf_add_string(&b->body, text_or(b, "will.topic", ""));
        buf_add_string(&b->body, text_or(b, "will.payload", ""));
    }
    if (has(b, "username"))
        buf_add_string(&b->body, text_or(b, "username", ""));
    if (has(b, "password"))
        buf_add_string(&b->body, text_or(b, "password", ""));
}

static void add_id(struct builder *b, uint16_t otherwise)
{
    uint16_t id = otherwise;

    if (id == 0 && !has(b, "id"))
        id = ++b->client->next_id;
    buf_add_u16(&b->body, (uint16_t)number_or(b, "id", id));
}

static void build_publish(struct builder *b)
{
    static const char *const own[] = {"topic", "payload", "qos", "retain", "dup", NULL};
    uint64_t qos = number_or(b, "qos", 0);

    collect_props(b, own);
    b->flags = (uint8_t)(number_or(b, "dup", 0) << 3 | qos << 1 | number_or(b, "retain", 0));
    buf_add_string(&b->body, text_or(b, "topic", ""));
    if (qos > 0)
        add_id(b, 0);
    add_props(b, &b->props, "props");
    buf_add(&b->body, text_or(b, "payload", ""));
}

/* filter=TOPIC:QOS[,nl][,rap][,rh=N], or filter=TOPIC:0xNN */
static void add_filter(struct builder *b, struct bytes text)
{
    const uint8_t *colon = text.len > 0 ? memrchr(text.at, ':', text.len) : NULL;
    const char *options = (const char *)colon + 1;
    unsigned bits;
    char *end;

    if (colon == NULL)
        script_fail(b->script, "filter=TOPIC:QOS[,nl][,rap][,rh=N]");
    buf_add_string(&b->body, bytes_of(text.at, (size_t)(colon - text.at)));
    bits = (unsigned)strtoul(options, &end, 0);
    while (*end == ',') {
        if (strncmp(end, ",nl", 3) == 0) {
            bits |= 0x04;
            end += 3;
        } else if (strncmp(end, ",rap", 4) == 0) {
            bits |= 0x08;
            end += 4;
        } else if (strncmp(end, ",rh=", 4) == 0) {
            bits |= (unsigned)strtoul(end + 4, &end, 10) << 4;
        } else {
            break;
        }
    }
    if (end == options || *end != '\0')
        script_fail(b->script, "filter options: QOS[,nl][,rap][,rh=N]");
    buf_add_u8(&b->body, (uint8_t)bits);
}

static void build_subscribe(struct builder *b)
{
    static const char *const own[] = {"filter", NULL};

    collect_props(b, own);
    b->flags = 2;
    add_id(b, 0);
    add_props(b, &b->props, "props");
    for (size_t i = b->from; i < b->words->n; i++) {
        struct word w = b->words->at[i];

        if (strcmp(w.key, "filter") != 0)
            continue;
        buf_add_u8(&w.value, '\0'); /* ends the options for strtoul() */
        w.value.len--;
        if (b->type == PACKET_SUBSCRIBE)
            add_filter(b, buf_view(&w.value));
        else
            buf_add_string(&b->body, buf_view(&w.value));
    }
}

/* PUBACK answers the last PUBLISH, PUBREL the last PUBREC, PUBCOMP the last PUBREL. */
static uint16_t answered_id(const struct builder *b)
{
    if (b->type == PACKET_PUBREL)
        return b->client->last_id[PACKET_PUBREC];
    if (b->type == PACKET_PUBCOMP)
        return b->client->last_id[PACKET_PUBREL];
    return b->client->last_id[PACKET_PUBLISH];
}

static void build_answer(struct builder *b)
{
    static const char *const own[] = {"rc", NULL};

    collect_props(b, own);
    if (b->type >= PACKET_PUBACK && b->type <= PACKET_PUBCOMP)
        add_id(b, answered_id(b));
    if (b->type == PACKET_PUBREL)
        b->flags = 2;
    if (!has(b, "rc") && !has(b, "props") && b->props.len == 0)
        return;
    buf_add_u8(&b->body, (uint8_t)number_or(b, "rc", 0));
    if (has(b, "props") || b->props.len > 0)
        add_props(b, &b->props, "props");
}

/**
 * packet_build() - a packet of @type from the words from @from on, appended to @to
 *
 * Words for every packet: flags, the low bits of the first byte; length, the
 * Remaining Length that is claimed; rest, more bytes at the end; props, the bytes
 * of the property section.
 */
void packet_build(struct script *s, struct client *c, enum packet_type type, const struct words *w,
                  size_t from, struct buf *to)
{
    static void (*const build[])(struct builder * b) = {
        [PACKET_CONNECT] = build_connect,     [PACKET_PUBLISH] = build_publish,
        [PACKET_PUBACK] = build_answer,       [PACKET_PUBREC] = build_answer,
        [PACKET_PUBREL] = build_answer,       [PACKET_PUBCOMP] = build_answer,
        [PACKET_SUBSCRIBE] = build_subscribe, [PACKET_UNSUBSCRIBE] = build_subscribe,
        [PACKET_PINGREQ] = build_answer,      [PACKET_DISCONNECT] = build_answer,
        [PACKET_AUTH] = build_answer,
    };
    struct builder b = {.script = s, .client = c, .words = w, .from = from, .type = type};

    if (type >= COUNT_OF(build) || build[type] == NULL)
        script_fail(s, "a client sends no %s; use raw", packet_type_name(type));
    build[type](&b);
    buf_add(&b.body, text_or(&b, "rest", ""));
    buf_add_u8(to, (uint8_t)(type << 4 | (number_or(&b, "flags", b.flags) & 0x0f)));
    add_varint(to, number_or(&b, "length", b.body.len));
    buf_add(to, buf_view(&b.body));
}

/** packet_build_raw() - hexadecimal bytes, text=..., and string=... with its length before it */
void packet_build_raw(struct script *s, const struct words *w, size_t from, struct buf *to)
{
    for (size_t i = from; i < w->n; i++) {
        const struct word *word = &w->at[i];
        char *end;
        unsigned long octet = strtoul(word->key, &end, 16);

        if (strcmp(word->key, "text") == 0)
            buf_add(to, buf_view(&word->value));
        else if (strcmp(word->key, "string") == 0)
            buf_add_string(to, buf_view(&word->value));
        else if (strlen(word->key) == 2 && *end == '\0')
            buf_add_u8(to, (uint8_t)octet);
        else
            script_fail(s, "raw: \"%s\" is neither two hexadecimal digits nor text= nor string=",
                        word->key);
    }
}
