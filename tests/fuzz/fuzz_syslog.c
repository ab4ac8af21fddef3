/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_syslog.c - an incident as a syslog message (RFC 5424), with what clients say in
 * it
 *
 * The input is four lines: client id, user name, subject and sentence.  The message is one line,
 * and its structured data end where they should.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <jansson.h>

#include "alert/private.h"

#define BEGIN " [incident@32473"
#define END   "] \xef\xbb\xbf"

static json_t *take(struct bytes *rest)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    size_t n = end != NULL ? (size_t)(end - rest->at) : rest->len;
    struct bytes line = bytes_of(rest->at, n);

    n = MIN(n + 1, rest->len);
    *rest = bytes_of(rest->at + n, rest->len - n);
    return wire_utf8_valid(line) ? json_stringn((const char *)line.at, line.len) : NULL;
}

/* Where the structured data end, as a receiver reads them (section 6.3). */
static size_t data_end(struct bytes data)
{
    bool is_inside = false;
    size_t i = 0;

    for (; i < data.len && (is_inside || data.at[i] != ']'); i++) {
        if (is_inside && data.at[i] == '\\')
            i++;
        else if (data.at[i] == '"')
            is_inside = !is_inside;
    }
    return i;
}

static void check_message(struct bytes message)
{
    const uint8_t *begin = memmem(message.at, message.len, BEGIN, sizeof(BEGIN) - 1);
    struct bytes rest;

    for (size_t i = 0; i < message.len; i++)
        check(message.at[i] >= ' ');
    check(begin != NULL);
    rest = bytes_of(begin, message.len - (size_t)(begin - message.at));
    rest = bytes_of(rest.at + data_end(rest), rest.len - data_end(rest));
    check(bytes_has_prefix(rest, BYTES(END)));
    check(wire_utf8_valid(rest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"client_id", "username", "subject", "text"};
    json_t *record = json_pack("{s:s, s:s, s:s, s:i}", "time", "2026-11-26T07:00:00.000Z", "kind",
                               "topic-scan", "severity", "high", "count", 3);
    struct bytes rest = bytes_of(data, size);
    struct buf message = {0};

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        (void)json_object_set_new(record, keys[i], take(&rest));
    syslog_format(&message, record, "node.example", 7);
    check_message(buf_view(&message));
    buf_done(&message);
    json_decref(record);
    return 0;
}
