/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner_parse.c - packets into fields
 *
 * Strict: what a broker sends has the format of the standard, byte for byte.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "runner.h"

/* ---- fields ---- */

static struct field *add_field(struct event *e, const char *key)
{
    struct field *f = &e->fields[e->n_fields];

    if (e->n_fields == FIELDS_MAX)
        return &e->fields[FIELDS_MAX - 1];
    e->n_fields++;
    f->key = key;
    return f;
}

/** event_add_text() - @key is static, @value is copied */
void event_add_text(struct event *e, const char *key, struct bytes value)
{
    buf_add(&add_field(e, key)->text, value);
}

/** event_add_number() - @key is static */
void event_add_number(struct event *e, const char *key, uint64_t value)
{
    struct field *f = add_field(e, key);

    f->is_number = true;
    f->number = value;
    buf_addf(&f->text, "%llu", (unsigned long long)value);
}

/** event_find() - the first field of this key, or NULL */
const struct field *event_find(const struct event *e, const char *key)
{
    for (size_t i = 0; i < e->n_fields; i++)
        if (strcmp(e->fields[i].key, key) == 0)
            return &e->fields[i];
    return NULL;
}

/** event_describe() - for people: "publish qos=1 topic=a/b" */
void event_describe(const struct event *e, struct buf *ret)
{
    buf_addf(ret, "%s", e->type == PACKET_NONE ? "closed" : packet_type_name(e->type));
    for (size_t i = 0; i < e->n_fields; i++) {
        const struct field *f = &e->fields[i];
        size_t shown = MIN(f->text.len, (size_t)60);

        buf_addf(ret, " %s=", f->key);
        for (size_t k = 0; k < shown; k++)
            buf_addf(ret, f->text.at[k] < ' ' || f->text.at[k] > '~' ? "\\x%02x" : "%c",
                     f->text.at[k]);
        if (shown < f->text.len)
            buf_addf(ret, "...(%zu bytes)", f->text.len);
    }
}

/** packet_type_named() - PACKET_NONE if there is no such packet */
enum packet_type packet_type_named(const char *name)
{
#define X(type, n, text)                                                                           \
    if (strcmp(name, text) == 0)                                                                   \
        return PACKET_##type;
    PACKETS(X)
    OTHER_EVENTS(X)
#undef X
    return PACKET_NONE;
}

/** packet_type_name() - static */
const char *packet_type_name(enum packet_type type)
{
    static const char *const names[] = {[PACKET_NONE] = "reserved",
#define X(packet, n, text) [PACKET_##packet] = text,
                                        PACKETS(X) OTHER_EVENTS(X)
#undef X
    };

    return names[type];
}

/* ---- the cursor ---- */

/** cursor_wrong() - the first complaint stays */
void cursor_wrong(struct cursor *c, const char *why)
{
    if (c->wrong == NULL)
        c->wrong = why;
}

/** cursor_take() - the next @n bytes; none, and a complaint, if they are not there */
struct bytes cursor_take(struct cursor *c, size_t n)
{
    struct bytes taken = {c->rest.at, n};

    if (c->wrong != NULL || c->rest.len < n) {
        cursor_wrong(c, "it ends inside a field");
        return BYTES_NONE;
    }
    c->rest = bytes_of(c->rest.at + n, c->rest.len - n);
    return taken;
}

uint8_t cursor_u8(struct cursor *c)
{
    struct bytes b = cursor_take(c, 1);

    return b.len == 1 ? b.at[0] : 0;
}

uint16_t cursor_u16(struct cursor *c)
{
    struct bytes b = cursor_take(c, 2);

    return b.len == 2 ? (uint16_t)(b.at[0] * 256U + b.at[1]) : 0;
}

/** cursor_varint() - in as few bytes as the number needs [MQTT5-1.5.5-1] */
uint32_t cursor_varint(struct cursor *c)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 4; i++) {
        uint8_t octet = cursor_u8(c);

        v |= (uint32_t)(octet & 0x7f) << (7 * i);
        if (octet & 0x80)
            continue;
        if (octet == 0 && i > 0)
            cursor_wrong(c, "a number longer than it needs to be");
        return v;
    }
    cursor_wrong(c, "a number of more than four bytes");
    return 0;
}

/* How many bytes the character at the front takes; 0 if it is none that a string may have. */
static size_t character_len(struct bytes text)
{
    static const uint32_t first[] = {0, 1, 0x80, 0x800, 0x10000};
    uint8_t lead = text.at[0];
    size_t len = lead < 0x80                   ? 1
                 : lead >= 0xc2 && lead < 0xe0 ? 2
                 : lead >= 0xe0 && lead < 0xf0 ? 3
                                               : 4;
    uint32_t code = len == 1 ? lead : lead & (0xffu >> (len + 1));

    if ((len == 4 && (lead < 0xf0 || lead > 0xf4)) || text.len < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((text.at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text.at[i] & 0x3f);
    }
    if (code < first[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return len;
}

/** cursor_utf8() - well-formed, without surrogates and U+0000 [MQTT5-1.5.4-1] [MQTT5-1.5.4-2] */
struct bytes cursor_utf8(struct cursor *c)
{
    struct bytes text = cursor_take(c, cursor_u16(c));

    for (size_t i = 0, len; i < text.len; i += len) {
        len = character_len(bytes_of(text.at + i, text.len - i));
        if (len == 0) {
            cursor_wrong(c, "a string that is not UTF-8, or has U+0000");
            break;
        }
    }
    return text;
}

/* ---- packets ---- */

struct parser {
    const struct client *client;
    uint8_t flags;
    struct cursor c;
    struct event *e;
};

static bool is_5(const struct parser *p)
{
    return p->client->level == LEVEL_5;
}

static void reserved_flags(struct parser *p, uint8_t value)
{
    if (p->flags != value) /* [MQTT5-2.1.3-1] [MQTT3-2.2.2-1] */
        cursor_wrong(&p->c, "reserved flags of the fixed header that are not as they have to be");
}

static void read_reason(struct parser *p)
{
    uint8_t reason = cursor_u8(&p->c);

    event_add_number(p->e, "rc", reason);
    if (is_5(p) && !reason_is_legal(p->e->type, reason))
        cursor_wrong(&p->c, "a reason code that this packet may not have");
}

static void read_id(struct parser *p)
{
    uint16_t id = cursor_u16(&p->c);

    event_add_number(p->e, "id", id);
    if (id == 0)
        cursor_wrong(&p->c, "a packet identifier of zero");
}

static void read_connack(struct parser *p)
{
    uint8_t flags = cursor_u8(&p->c);

    reserved_flags(p, 0);
    if (flags > 1) /* [MQTT5-3.2.2-1] */
        cursor_wrong(&p->c, "CONNACK with reserved flags set");
    event_add_number(p->e, "sp", flags & 1);
    /* A server that does not know 5.0, or the level that was asked for, may say so as 3.1.1 does.
     */
    if (!is_5(p) || (p->c.rest.len == 1 && p->c.rest.at[0] == 1)) {
        uint8_t code = cursor_u8(&p->c);

        event_add_number(p->e, "rc", code);
        if (code > 5)
            cursor_wrong(&p->c, "a return code that CONNACK may not have");
        return;
    }
    read_reason(p);
    cursor_properties(&p->c, PACKET_CONNACK, p->e);
}

static void read_publish(struct parser *p)
{
    unsigned qos = (p->flags >> 1) & 3;

    event_add_number(p->e, "qos", qos);
    event_add_number(p->e, "retain", p->flags & 1);
    event_add_number(p->e, "dup", p->flags >> 3);
    if (qos == 3) /* [MQTT5-3.3.1-4] */
        cursor_wrong(&p->c, "PUBLISH of QoS 3");
    if (qos == 0 && p->flags >> 3) /* [MQTT5-3.3.1-2] [MQTT5-4.3.1-1] */
        cursor_wrong(&p->c, "PUBLISH of QoS 0 with DUP");
    event_add_text(p->e, "topic", cursor_utf8(&p->c)); /* [MQTT5-3.3.2-1] */
    if (qos > 0)
        read_id(p);
    if (is_5(p))
        cursor_properties(&p->c, PACKET_PUBLISH, p->e);
    event_add_text(p->e, "payload", cursor_take(&p->c, p->c.rest.len));
}

static void read_ack(struct parser *p)
{
    reserved_flags(p, p->e->type == PACKET_PUBREL ? 2 : 0);
    read_id(p);
    if (is_5(p) && p->c.rest.len > 0)
        read_reason(p);
    else
        event_add_number(p->e, "rc", 0);
    if (is_5(p) && p->c.rest.len > 0)
        cursor_properties(&p->c, p->e->type, p->e);
}

static void read_suback(struct parser *p)
{
    reserved_flags(p, 0);
    read_id(p);
    if (is_5(p))
        cursor_properties(&p->c, p->e->type, p->e);
    else if (p->e->type == PACKET_UNSUBACK)
        return;
    if (p->c.rest.len == 0)
        cursor_wrong(&p->c, "no reason code");
    while (p->c.wrong == NULL && p->c.rest.len > 0)
        read_reason(p);
}

static void read_pingresp(struct parser *p)
{
    reserved_flags(p, 0);
}

static void read_disconnect(struct parser *p)
{
    reserved_flags(p, 0);
    if (!is_5(p)) {
        cursor_wrong(&p->c, "a packet that only 5.0 allows a server to send");
        return;
    }
    if (p->c.rest.len > 0)
        read_reason(p);
    else
        event_add_number(p->e, "rc", 0);
    if (p->c.rest.len > 0)
        cursor_properties(&p->c, p->e->type, p->e);
}

/**
 * packet_parse() - what is in a packet of the broker
 * @first:  first byte of the fixed header
 * @ret:    empty; filled
 *
 * Return: NULL, or what is wrong with it.
 */
const char *packet_parse(const struct client *c, uint8_t first, struct bytes body,
                         struct event *ret)
{
    static void (*const read[])(struct parser * p) = {
        [PACKET_CONNACK] = read_connack,   [PACKET_PUBLISH] = read_publish,
        [PACKET_PUBACK] = read_ack,        [PACKET_PUBREC] = read_ack,
        [PACKET_PUBREL] = read_ack,        [PACKET_PUBCOMP] = read_ack,
        [PACKET_SUBACK] = read_suback,     [PACKET_UNSUBACK] = read_suback,
        [PACKET_PINGRESP] = read_pingresp, [PACKET_DISCONNECT] = read_disconnect,
        [PACKET_AUTH] = read_disconnect,
    };
    struct parser p = {.client = c, .flags = first & 0x0f, .c = {.rest = body}, .e = ret};

    ret->type = first >> 4;
    if (read[ret->type] == NULL)
        return "a packet that no server may send";
    read[ret->type](&p);
    if (p.c.rest.len > 0)
        cursor_wrong(&p.c, "bytes after its end");
    if (ret->n_fields == FIELDS_MAX)
        cursor_wrong(&p.c, "more fields than the runner takes");
    return p.c.wrong;
}
