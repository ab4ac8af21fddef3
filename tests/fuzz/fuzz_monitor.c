/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_monitor.c - what clients say of themselves, as lines for other people's tools
 *
 * The first two bytes choose the kind and the flags; then come texts, each with its length
 * before it.  Whatever they are, the record is one line of JSON whose topic is the client's.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <jansson.h>

#include "monitor/private.h"

static struct bytes take(struct bytes *rest)
{
    size_t n = rest->len > 0 ? MIN(rest->at[0], rest->len - 1) : 0;
    struct bytes text = n > 0 ? bytes_of(rest->at + 1, n) : BYTES_NONE;

    if (rest->len > 0)
        *rest = bytes_of(rest->at + 1 + n, rest->len - 1 - n);
    return text;
}

/* As the decoder of wire lets it in. */
static struct bytes take_utf8(struct bytes *rest)
{
    struct bytes text = take(rest);

    return wire_utf8_valid(text) ? text : BYTES_NONE;
}

static const json_t *topic_of(const json_t *line, enum monitor_kind kind)
{
    return kind == MONITOR_SUBSCRIBE ? json_array_get(json_object_get(line, "topics"), 0)
           : kind == MONITOR_PUBLISH ? json_object_get(line, "topic")
                                     : json_object_get(line, "will_topic");
}

static void check_line(struct bytes text, const struct monitor_record *r)
{
    json_t *line =
        json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *topic = topic_of(line, r->kind);

    check(line != NULL);
    check(memchr(text.at, '\n', text.len) == text.at + text.len - 1);
    check(topic != NULL || r->topic.len == 0);
    check(bytes_equal(r->topic, bytes_of(json_string_value(topic), json_string_length(topic))));
    json_decref(line);
}

static struct monitor_record record_of(const uint8_t head[2], struct bytes rest)
{
    struct monitor_record r = {
        .kind = (enum monitor_kind)(head[0] % MONITOR_KIND_N),
        .at_ns = (uint64_t)head[1] << 27,
        .client_address = BYTES("192.0.2.1"),
        .listener_address = BYTES("::1"),
        .level = (uint8_t)(3 + head[0] / 16 % 3),
        .qos = head[1] % 3,
        .granted = head[1],
        .retain = head[1] & 4,
        .is_unsubscribe = head[1] & 8,
        .status = BYTES("ok"),
    };

    r.client_id = take_utf8(&rest);
    r.user = take_utf8(&rest);
    r.topic = take_utf8(&rest);
    r.payload = take(&rest);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct monitor_now now = {.ns = 5000000000, .unix_ms = 1800000000000};
    struct buf line = {0};
    struct monitor_record r;

    if (size < 2)
        return 0;
    r = record_of(data, bytes_of(data + 2, size - 2));
    monitor_format(&line, &r, now, 1800000000000);
    check_line(buf_view(&line), &r);
    buf_done(&line);
    return 0;
}
