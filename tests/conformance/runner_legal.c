/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner_legal.c - what a server may send at all
 *
 * Rules that hold on every connection, so that every script tests them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "runner.h"

/* ---- reason codes ---- */

/* clang-format off */
static const struct {
    enum packet_type type;
    uint8_t n;
    uint8_t codes[40];
} legal[] = {
    /* [MQTT5-3.2.2-8] */
    {PACKET_CONNACK, 22, {0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90,
                          0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f}},
    /* [MQTT5-3.4.2-1] [MQTT5-3.5.2-1] */
    {PACKET_PUBACK, 9, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}},
    {PACKET_PUBREC, 9, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}},
    /* [MQTT5-3.6.2-1] [MQTT5-3.7.2-1] */
    {PACKET_PUBREL, 2, {0x00, 0x92}},
    {PACKET_PUBCOMP, 2, {0x00, 0x92}},
    /* [MQTT5-3.9.3-2] */
    {PACKET_SUBACK, 12, {0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2}},
    /* [MQTT5-3.11.3-2] */
    {PACKET_UNSUBACK, 7, {0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91}},
    /* [MQTT5-3.14.2-1] */
    {PACKET_DISCONNECT, 28, {0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94,
                             0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2}},
    /* [MQTT5-3.15.2-1] [MQTT5-4.12.0-2] */
    {PACKET_AUTH, 2, {0x00, 0x18}},
};
/* clang-format on */

/** reason_is_legal() - may a server of MQTT 5.0 say this in a packet of @type? */
bool reason_is_legal(enum packet_type type, uint64_t reason)
{
    for (size_t i = 0; i < COUNT_OF(legal); i++) {
        if (legal[i].type != type)
            continue;
        for (unsigned k = 0; k < legal[i].n; k++)
            if (legal[i].codes[k] == reason)
                return true;
        return false;
    }
    return true;
}

/* ---- what depends on what went before ---- */

static const char *first_is_connack(const struct client *c, const struct event *e)
{
    const struct field *reason = event_find(e, "rc");

    if (e->type == PACKET_CONNACK && c->connack_seen) /* [MQTT5-3.2.0-2] */
        return "a second CONNACK";
    if (e->type != PACKET_CONNACK && e->type != PACKET_AUTH && !c->connack_seen)
        return "a packet before CONNACK"; /* [MQTT5-3.2.0-1] [MQTT3-3.2.0-1] [MQTT5-3.14.0-1] */
    if (c->disconnect_seen)               /* [MQTT5-3.14.4-1] */
        return "a packet after DISCONNECT";
    if (e->type == PACKET_CONNACK && reason->number != 0 && event_find(e, "sp")->number != 0)
        return "a refusal with Session Present"; /* [MQTT5-3.2.2-6] [MQTT3-3.2.2-4] */
    return NULL;
}

static const char *asked_for(const struct client *c, const struct event *e)
{
    const bool explains =
        e->type == PACKET_PUBLISH || e->type == PACKET_CONNACK || e->type == PACKET_DISCONNECT;

    if (!c->problem_wanted && !explains && (event_find(e, "reason") || event_find(e, "user")))
        return "a reason string that was not wanted";          /* [MQTT5-3.1.2-29] */
    if (!c->response_wanted && event_find(e, "response-info")) /* [MQTT5-3.1.2-28] */
        return "response information that was not wanted";
    return NULL;
}

static bool has_wildcard(struct bytes topic)
{
    return topic.len > 0 &&
           (memchr(topic.at, '#', topic.len) != NULL || memchr(topic.at, '+', topic.len) != NULL);
}

/* The topic that an alias stands for is put into the event's own topic. */
static const char *resolve_alias(struct client *c, struct event *e)
{
    const struct field *alias = event_find(e, "alias");
    struct field *topic = (struct field *)(uintptr_t)event_find(e, "topic");
    struct buf *known;

    if (has_wildcard(buf_view(&topic->text)))
        return "a topic with a wildcard"; /* [MQTT5-3.3.2-2] [MQTT3-3.3.2-2] [MQTT5-4.7.0-1] */
    if (alias == NULL)
        return topic->text.len == 0 ? "an empty topic" : NULL; /* [MQTT5-4.7.3-1] */
    if (alias->number > c->alias_max) /* [MQTT5-3.1.2-26] [MQTT5-3.1.2-27] [MQTT5-3.3.2-11] */
        return "a topic alias above the client's maximum";
    known = &c->aliases[MIN(alias->number, (uint64_t)ALIASES_MAX)];
    if (topic->text.len == 0) {
        if (known->len == 0)
            return "a topic alias that stands for nothing";
        buf_add(&topic->text, buf_view(known));
    } else {
        known->len = 0;
        buf_add(known, buf_view(&topic->text));
    }
    return NULL;
}

/**
 * packet_legal() - may the broker send this now?
 *
 * Return: NULL, or which rule it breaks.
 */
const char *packet_legal(struct client *c, struct event *e)
{
    const char *wrong = first_is_connack(c, e);
    const struct field *id = event_find(e, "id");

    if (wrong == NULL)
        wrong = asked_for(c, e);
    if (wrong == NULL && event_find(e, "bytes")->number > c->max_packet)
        wrong = "a packet larger than the client's maximum"; /* [MQTT5-3.1.2-24] */
    if (wrong == NULL && e->type == PACKET_PUBLISH)
        wrong = resolve_alias(c, e);
    c->connack_seen = c->connack_seen || e->type == PACKET_CONNACK;
    c->disconnect_seen = e->type == PACKET_DISCONNECT;
    if (id != NULL)
        c->last_id[e->type] = (uint16_t)id->number;
    return wrong;
}
