/* SPDX-License-Identifier: Apache-2.0 */
/* node/violation.c - see violation.h */
#include "node/violation.h"

#include <stdio.h>

#include "base/err.h"
#include "node/worker.h"

/** violation_text() - its name; static */
const char *violation_text(enum violation v)
{
    static const char *const texts[] = {
#define X(name, text) [VIOLATION_##name] = text,
        VIOLATIONS(X)
#undef X
    };

    check(v < VIOLATION_N);
    return texts[v];
}

/** violation_of_outcome() - of a packet that was not decoded; not of WIRE_OK */
enum violation violation_of_outcome(enum wire_outcome outcome)
{
    static const enum violation of[] = {
        [WIRE_E_MALFORMED] = VIOLATION_MALFORMED_TRAFFIC,
        [WIRE_E_PROTOCOL] = VIOLATION_PROTOCOL_ERROR,
        [WIRE_E_QOS] = VIOLATION_INVALID_QOS_LEVEL,
        [WIRE_E_QOS_WANTED] = VIOLATION_INVALID_QOS_LEVEL,
        [WIRE_E_PACKET_ID] = VIOLATION_MISSING_MSG_ID,
        [WIRE_E_LEVEL] = VIOLATION_UNSUPPORTED_LEVEL,
        [WIRE_E_CLIENT_ID] = VIOLATION_INVALID_CLIENT_ID,
        [WIRE_E_TOPIC_FILTER] = VIOLATION_INVALID_TOPIC,
        [WIRE_E_TOPIC_NAME] = VIOLATION_INVALID_TOPIC,
        [WIRE_E_TOPIC_ALIAS] = VIOLATION_INVALID_TOPIC_ALIAS,
        [WIRE_E_QUOTA] = VIOLATION_TOO_MANY_MESSAGES,
    };

    check(outcome != WIRE_OK && outcome < COUNT_OF(of));
    return of[outcome];
}

/** violation_of_type() - of a packet that may not come now; @is_connected: behind CONNACK */
enum violation violation_of_type(enum wire_type type, enum wire_level level, bool is_connected)
{
    static const enum violation of[16] = {
        [WIRE_CONNECT] = VIOLATION_DOUBLE_CONNECT,
        [WIRE_CONNACK] = VIOLATION_MISSING_CONNECT,
        [WIRE_SUBACK] = VIOLATION_MISSING_SUBSCRIBE,
        [WIRE_UNSUBACK] = VIOLATION_MISSING_UNSUBSCRIBE,
        [WIRE_PINGRESP] = VIOLATION_PROTOCOL_ERROR,
        [WIRE_AUTH] = VIOLATION_PROTOCOL_ERROR,
    };

    if (!is_connected && type != WIRE_CONNECT) /* the first CONNECT may come */
        return VIOLATION_UNINTRODUCED_MESSAGE;
    if (type == WIRE_AUTH && level < WIRE_V5)
        return VIOLATION_UNASSIGNED_MSG_TYPE;
    return of[type];
}

/* What somebody speaks who does not begin with what is awaited: "; it looks like TLS", or "". */
static const char *looks_like(const struct link *l)
{
    static const struct {
        struct bytes begin;
        const char *text;
        const char *awaited; /* where it is right, but for what is wrong behind it */
    } looks[] = {
        {BYTES("PROXY "), "; it looks like a PROXY header", "PROXY header"},
        {BYTES("\r\n\r\n\0\r\nQUIT\n"), "; it looks like a PROXY header", "PROXY header"},
        {BYTES("\x16\x03"), "; it looks like TLS", "TLS handshake"},
        {BYTES("GET "), "; it looks like HTTP", "WebSocket request"},
        {BYTES("POST "), "; it looks like HTTP", "WebSocket request"},
        {BYTES("\x10"), "; it looks like MQTT", "CONNECT"},
    };
    const char *awaited = l->phase == LINK_HANDSHAKE ? admit_awaited(l) : "CONNECT";
    struct bytes begun = l->phase == LINK_HANDSHAKE ? stream_begun(l->stream) : buf_view(&l->in);

    for (size_t i = 0; l->conn.state == CONN_AWAIT_CONNECT && i < COUNT_OF(looks); i++) {
        if (bytes_has_prefix(begun, looks[i].begin) && strcmp(awaited, looks[i].awaited) != 0)
            return looks[i].text;
    }
    return "";
}

/**
 * violation_tell() - count it, leave an event, write a line
 * @reason:  of MQTT 5.0, whatever the peer speaks
 * @why:     static or kept until return
 */
void violation_tell(struct link *l, enum violation v, uint8_t reason, const char *why)
{
    struct worker *w = l->worker;
    char text[REFUSAL_TEXT_MAX];

    snprintf(text, sizeof(text), "%s: %s%s", violation_text(v), why, looks_like(l));
    w->counters.protocol_errors++;
    w->violations[v]++;
    worker_event_of(w, l, EVENT_PROTOCOL_ERROR, reason, BYTES_NONE, text);
    link_log(l, "flow", "%s: %s", wire_reason_text(reason), text);
}
