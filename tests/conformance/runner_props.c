/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner_props.c - properties of MQTT 5.0
 *
 * Scripts may put any property into any packet, also where it does not belong.
 * From the broker only what the standard allows is taken.
 */
#include <stdio.h>
#include <stdlib.h>

#include "runner.h"

enum kind {
    KIND_FLAG,
    KIND_U8,
    KIND_U16,
    KIND_U32,
    KIND_VARINT,
    KIND_UTF8,
    KIND_BINARY,
    KIND_PAIR
};

struct property {
    uint8_t id;
    const char *name;
    enum kind kind;
    uint32_t from_broker; /* BIT(enum packet_type) */
    bool not_zero;
    bool repeats;
};

#define IN(type) BIT(PACKET_##type)
#define IN_ANSWERS                                                                                 \
    (IN(CONNACK) | IN(PUBACK) | IN(PUBREC) | IN(PUBREL) | IN(PUBCOMP) | IN(SUBACK) |               \
     IN(UNSUBACK) | IN(DISCONNECT) | IN(AUTH))

/* clang-format off */
static const struct property properties[] = {
    {0x01, "payload-format",     KIND_FLAG,   IN(PUBLISH), false, false},
    {0x02, "expiry",             KIND_U32,    IN(PUBLISH), false, false},
    {0x03, "content-type",       KIND_UTF8,   IN(PUBLISH), false, false}, /* [MQTT5-3.3.2-19] */
    {0x08, "response-topic",     KIND_UTF8,   IN(PUBLISH), false, false}, /* [MQTT5-3.3.2-13] */
    {0x09, "correlation",        KIND_BINARY, IN(PUBLISH), false, false},
    {0x0b, "subid",              KIND_VARINT, IN(PUBLISH), true,  true},
    {0x11, "session-expiry",     KIND_U32,    IN(CONNACK), false, false}, /* not in DISCONNECT [MQTT5-3.14.2-2] */
    {0x12, "assigned-id",        KIND_UTF8,   IN(CONNACK), false, false},
    {0x13, "server-keepalive",   KIND_U16,    IN(CONNACK), false, false},
    {0x15, "auth-method",        KIND_UTF8,   IN(CONNACK) | IN(AUTH), false, false},
    {0x16, "auth-data",          KIND_BINARY, IN(CONNACK) | IN(AUTH), false, false},
    {0x17, "request-problem",    KIND_U8,     0, false, false},
    {0x18, "will-delay",         KIND_U32,    0, false, false},
    {0x19, "request-response",   KIND_U8,     0, false, false},
    {0x1a, "response-info",      KIND_UTF8,   IN(CONNACK), false, false},
    {0x1c, "server-ref",         KIND_UTF8,   IN(CONNACK) | IN(DISCONNECT), false, false},
    {0x1f, "reason",             KIND_UTF8,   IN_ANSWERS, false, false},
    {0x21, "receive-max",        KIND_U16,    IN(CONNACK), true,  false},
    {0x22, "alias-max",          KIND_U16,    IN(CONNACK), false, false},
    {0x23, "alias",              KIND_U16,    IN(PUBLISH), true,  false}, /* [MQTT5-3.3.2-8] */
    {0x24, "max-qos",            KIND_FLAG,   IN(CONNACK), false, false},
    {0x25, "retain-available",   KIND_FLAG,   IN(CONNACK), false, false},
    {0x26, "user",               KIND_PAIR,   IN_ANSWERS | IN(PUBLISH), false, true},
    {0x27, "max-packet",         KIND_U32,    IN(CONNACK), true,  false},
    {0x28, "wildcard-available", KIND_FLAG,   IN(CONNACK), false, false},
    {0x29, "subid-available",    KIND_FLAG,   IN(CONNACK), false, false},
    {0x2a, "shared-available",   KIND_FLAG,   IN(CONNACK), false, false},
};
/* clang-format on */

/* ---- to the broker ---- */

static void add_varint(struct buf *to, uint64_t v)
{
    do {
        buf_add_u8(to, (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0)));
        v >>= 7;
    } while (v > 0);
}

static void add_pair(struct script *s, const struct word *w, struct buf *to)
{
    struct bytes text = buf_view(&w->value);
    const uint8_t *colon = text.len > 0 ? memchr(text.at, ':', text.len) : NULL;

    if (colon == NULL)
        script_fail(s, "user=NAME:VALUE");
    buf_add_string(to, bytes_of(text.at, (size_t)(colon - text.at)));
    buf_add_string(to, bytes_of(colon + 1, (size_t)(text.at + text.len - colon - 1)));
}

/** property_add() - append the property that @w names to @to; Return: false if it names none */
bool property_add(struct script *s, const struct word *w, struct buf *to)
{
    const struct property *p = NULL;

    for (size_t i = 0; i < COUNT_OF(properties) && p == NULL; i++)
        if (strcmp(properties[i].name, w->key) == 0)
            p = &properties[i];
    if (p == NULL || !w->has_value)
        return false;
    buf_add_u8(to, p->id);
    switch (p->kind) {
    case KIND_FLAG:
    case KIND_U8:
        buf_add_u8(to, (uint8_t)word_number(s, w));
        break;
    case KIND_U16:
        buf_add_u16(to, (uint16_t)word_number(s, w));
        break;
    case KIND_U32:
        buf_add_u16(to, (uint16_t)(word_number(s, w) >> 16));
        buf_add_u16(to, (uint16_t)word_number(s, w));
        break;
    case KIND_VARINT:
        add_varint(to, word_number(s, w));
        break;
    case KIND_UTF8:
    case KIND_BINARY:
        buf_add_string(to, buf_view(&w->value));
        break;
    case KIND_PAIR:
        add_pair(s, w, to);
        break;
    }
    return true;
}

/* ---- from the broker ---- */

static void read_value(struct cursor *c, const struct property *p, struct event *to)
{
    struct buf pair = {0};
    uint64_t n = 0;

    switch (p->kind) {
    case KIND_FLAG:
        n = cursor_u8(c);
        if (n > 1)
            cursor_wrong(c, "a property that is 0 or 1 is neither");
        break;
    case KIND_U8:
        n = cursor_u8(c);
        break;
    case KIND_U16:
        n = cursor_u16(c);
        break;
    case KIND_U32:
        n = (uint64_t)cursor_u16(c) << 16;
        n |= cursor_u16(c);
        break;
    case KIND_VARINT:
        n = cursor_varint(c);
        break;
    case KIND_UTF8:
        event_add_text(to, p->name, cursor_utf8(c));
        return;
    case KIND_BINARY:
        event_add_text(to, p->name, cursor_take(c, cursor_u16(c)));
        return;
    case KIND_PAIR: /* [MQTT5-1.5.7-1] */
        buf_add(&pair, cursor_utf8(c));
        buf_add_u8(&pair, ':');
        buf_add(&pair, cursor_utf8(c));
        event_add_text(to, p->name, buf_view(&pair));
        return;
    }
    if (p->not_zero && n == 0)
        cursor_wrong(c, "a property that may not be zero is zero");
    event_add_number(to, p->name, n);
}

/**
 * cursor_properties() - read the properties of a packet of @type into fields of @to
 *
 * The length is always there [MQTT5-2.2.2-1]; each property belongs to the packet
 * and stands there once, unless it may repeat.
 */
void cursor_properties(struct cursor *c, enum packet_type type, struct event *to)
{
    uint32_t len = cursor_varint(c);
    struct cursor inner = {.rest = cursor_take(c, len), .wrong = c->wrong};

    while (inner.wrong == NULL && inner.rest.len > 0) {
        uint32_t id = cursor_varint(&inner);
        const struct property *p = NULL;

        for (size_t i = 0; i < COUNT_OF(properties) && p == NULL; i++)
            if (properties[i].id == id)
                p = &properties[i];
        if (p == NULL)
            cursor_wrong(&inner, "an unknown property");
        else if (!(p->from_broker & BIT(type)))
            cursor_wrong(&inner, "a property that does not belong to the packet");
        else if (!p->repeats && event_find(to, p->name) != NULL)
            cursor_wrong(&inner, "a property twice");
        else
            read_value(&inner, p, to);
    }
    c->wrong = inner.wrong;
}
