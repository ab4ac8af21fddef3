/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor/format.c - a record as a JSON line with the field names of Zeek's MQTT logs
 *
 * What is not UTF-8 in a payload is shown as \xNN, as Zeek does.  "user" and the
 * reason of a refusal are beyond what a listener on the network could know.
 */
#include "base/clock.h"
#include "monitor/private.h"
#include "wire/wire.h"

#define REFUSED 0x80

/* ---- JSON ---- */

static void add_byte(struct buf *to, uint8_t c, bool is_utf8)
{
    if (c == '"' || c == '\\')
        buf_addf(to, "\\%c", c);
    else if (c < ' ' || c == 0x7f)
        buf_addf(to, "\\u%04x", c);
    else if (c >= 0x80 && !is_utf8)
        buf_addf(to, "\\\\x%02x", c);
    else
        buf_add_u8(to, c);
}

static void add_text(struct buf *to, const char *key, struct bytes text)
{
    bool is_utf8 = wire_utf8_valid(text);

    buf_addf(to, ",\"%s\":\"", key);
    for (size_t i = 0; i < text.len; i++)
        add_byte(to, text.at[i], is_utf8);
    buf_add_u8(to, '"');
}

static void add_known(struct buf *to, const char *key, struct bytes text)
{
    if (text.len > 0)
        add_text(to, key, text);
}

/* ---- what all have ---- */

static void add_head(struct buf *to, const struct monitor_record *r, struct monitor_now now,
                     uint64_t started_unix_ms)
{
    uint64_t ago_us = now.ns > r->at_ns ? (now.ns - r->at_ns) / 1000 : 0;
    uint64_t at_us = now.unix_ms * 1000 - ago_us;

    buf_addf(to, "{\"ts\":%llu.%06llu,\"uid\":\"C%llx%06llx\"",
             (unsigned long long)(at_us / 1000000), (unsigned long long)(at_us % 1000000),
             (unsigned long long)started_unix_ms, (unsigned long long)r->conn);
    add_text(to, "id.orig_h", r->client_address);
    buf_addf(to, ",\"id.orig_p\":%u", r->client_port);
    add_text(to, "id.resp_h", r->listener_address);
    buf_addf(to, ",\"id.resp_p\":%u", r->listener_port);
}

/* ---- kinds ---- */

static const char *version_text(uint8_t level)
{
    return level == WIRE_V5 ? "5.0" : level == WIRE_V311 ? "3.1.1" : "3.1";
}

static void add_connect(struct buf *to, const struct monitor_record *r)
{
    add_text(to, "proto_name", bytes_str(r->level == WIRE_V31 ? "MQIsdp" : "MQTT"));
    add_text(to, "proto_version", bytes_str(version_text(r->level)));
    add_text(to, "client_id", r->client_id);
    add_text(to, "connect_status", r->status);
    add_known(to, "will_topic", r->topic);
    add_known(to, "will_payload", r->payload);
    add_known(to, "user", r->user);
}

static void add_subscribe(struct buf *to, const struct monitor_record *r)
{
    bool is_done = r->granted < REFUSED;

    add_text(to, "action", bytes_str(r->is_unsubscribe ? "MQTT::UNSUBSCRIBE" : "MQTT::SUBSCRIBE"));
    buf_addf(to, ",\"topics\":[\"");
    for (size_t i = 0; i < r->topic.len; i++)
        add_byte(to, r->topic.at[i], true);
    buf_addf(to, "\"]");
    if (!r->is_unsubscribe)
        buf_addf(to, ",\"qos_levels\":[%u]", r->qos);
    if (!r->is_unsubscribe && is_done)
        buf_addf(to, ",\"granted_qos_level\":%u", r->granted);
    buf_addf(to, ",\"ack\":%s", is_done ? "true" : "false");
    add_text(to, "client_id", r->client_id);
}

static void add_publish(struct buf *to, const struct monitor_record *r)
{
    static const char *const levels[] = {"at most once", "at least once", "exactly once"};

    buf_addf(to, ",\"from_client\":true,\"retain\":%s", r->retain ? "true" : "false");
    add_text(to, "qos", bytes_str(levels[MIN(r->qos, 2)]));
    add_text(to, "status", r->status);
    add_text(to, "topic", r->topic);
    add_known(to, "payload", r->payload);
    buf_addf(to, ",\"payload_len\":%u", r->payload_len);
    add_text(to, "client_id", r->client_id);
}

/** monitor_format() - one line, with its newline */
void monitor_format(struct buf *to, const struct monitor_record *r, struct monitor_now now,
                    uint64_t started_unix_ms)
{
    static void (*const adders[MONITOR_KIND_N])(struct buf *, const struct monitor_record *) = {
        [MONITOR_CONNECT] = add_connect,
        [MONITOR_SUBSCRIBE] = add_subscribe,
        [MONITOR_PUBLISH] = add_publish,
    };

    add_head(to, r, now, started_unix_ms);
    adders[r->kind](to, r);
    buf_addf(to, "}\n");
}
