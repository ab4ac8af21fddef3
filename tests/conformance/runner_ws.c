/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner_ws.c - MQTT in WebSocket, from a client's side (RFC 6455)
 *
 * With --ws every connection begins with the request that opens a WebSocket, and
 * packets go in binary frames, one each unless a script cuts them up or holds them
 * together.  What the broker sends is held to the rules of frames; its Pings are
 * answered, its Close frame's code is a field of "closed".
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "runner.h"

/* The key of RFC 6455 section 1.3, and what has to be answered to it. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define FIN         0x80
#define CONTINUED   0x0
#define BINARY      0x2
#define CLOSE       0x8
#define PING        0x9
#define PONG        0xa
#define MASKED      0x80
#define CONTROL_MAX 125

/** ws_frame() - append a frame as a client sends it; @first: FIN and opcode */
void ws_frame(uint8_t first, struct bytes payload, struct buf *to)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

    buf_add_u8(to, first);
    if (payload.len < 126) {
        buf_add_u8(to, (uint8_t)(MASKED | payload.len));
    } else if (payload.len <= UINT16_MAX) {
        buf_add_u8(to, MASKED | 126);
        buf_add_u16(to, (uint16_t)payload.len);
    } else {
        buf_add_u8(to, MASKED | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_add_u8(to, (uint8_t)((uint64_t)payload.len >> shift));
    }
    buf_add(to, bytes_of(mask, sizeof(mask)));
    for (size_t i = 0; i < payload.len; i++)
        buf_add_u8(to, payload.at[i] ^ mask[i % 4]);
}

/**
 * ws_wrap() - @packet in frames, as the client was told to cut it
 *
 * Return: what is to be sent, in @to; nothing while the client holds packets together.
 */
void ws_wrap(struct client *c, struct bytes packet, struct buf *to)
{
    size_t most = c->cut > 0 ? c->cut : SIZE_MAX;
    uint8_t opcode = BINARY;

    if (c->holds) {
        buf_add(&c->held, packet);
        return;
    }
    while (packet.len > 0) {
        size_t n = MIN(most, packet.len);
        bool is_last = n == packet.len || !c->one_message;

        ws_frame(opcode | (is_last ? FIN : 0), bytes_of(packet.at, n), to);
        opcode = c->one_message ? CONTINUED : BINARY;
        packet = bytes_of(packet.at + n, packet.len - n);
    }
}

/* ---- what the broker sends ---- */

static void answer_ping(struct script *s, struct client *c, struct bytes payload)
{
    struct buf frame = {0};

    ws_frame(FIN | PONG, payload, &frame);
    client_send_bytes(s, c, buf_view(&frame));
    buf_done(&frame);
}

static void take_control(struct script *s, struct client *c, uint8_t opcode, struct bytes payload)
{
    struct event *e;

    if (payload.len > CONTROL_MAX)
        script_fail(s, "%s got a control frame of %zu bytes", c->name, payload.len);
    if (opcode == PING) {
        answer_ping(s, c, payload);
    } else if (opcode == CLOSE) {
        c->close_code = payload.len >= 2 ? (unsigned)payload.at[0] << 8 | payload.at[1] : 0;
        c->has_close_code = true;
    } else {
        e = client_event(c, PACKET_WS_PONG);
        event_add_text(e, "payload", payload);
    }
}

static void take_frame(struct script *s, struct client *c, uint8_t first, struct bytes payload)
{
    uint8_t opcode = first & 0x0f;

    if (first & 0x70)
        script_fail(s, "%s got a frame with reserved bits", c->name);
    if (c->has_close_code)
        script_fail(s, "%s got a frame behind a Close frame", c->name);
    if (opcode == BINARY || opcode == CONTINUED) /* [MQTT5-6.0.0-1] */
        buf_add(&c->in, payload);
    else if (opcode >= CLOSE && opcode <= PONG && (first & FIN))
        take_control(s, c, opcode, payload);
    else
        script_fail(s, "%s got a frame that begins with %#x", c->name, first);
}

/* Return: bytes of the frame at the front, its payload in @ret; 0: it is not whole. */
static size_t frame_at_front(struct script *s, const struct client *c, struct bytes *ret)
{
    struct cursor in = {.rest = buf_view(&c->raw)};
    uint64_t len;

    cursor_u8(&in);
    len = cursor_u8(&in);
    if (in.wrong == NULL && (len & MASKED))
        script_fail(s, "%s got a masked frame", c->name);
    if (len == 126) {
        len = cursor_u16(&in);
    } else if (len == 127) {
        len = 0;
        for (int i = 0; i < 8; i++)
            len = len << 8 | cursor_u8(&in);
    }
    if (in.wrong != NULL || in.rest.len < len)
        return 0;
    *ret = bytes_of(in.rest.at, (size_t)len);
    return c->raw.len - in.rest.len + (size_t)len;
}

/** ws_unwrap() - take whole frames out of what has come; MQTT's bytes go to c->in */
void ws_unwrap(struct script *s, struct client *c)
{
    struct bytes payload;
    size_t n;

    while ((n = frame_at_front(s, c, &payload)) > 0) {
        take_frame(s, c, c->raw.at[0], payload);
        buf_drop_front(&c->raw, n);
    }
}

/* ---- opening ---- */

static const char *word_or(const struct words *w, const char *key, const char *otherwise)
{
    const struct word *found = w != NULL ? words_find(w, 3, key) : NULL;
    static char text[1024];

    if (found == NULL)
        return otherwise;
    snprintf(text, sizeof(text), "%.*s", BYTES_ARG(buf_view(&found->value)));
    return text;
}

static void ask(struct script *s, struct client *c, const struct words *w)
{
    struct buf request = {0};

    buf_addf(&request, "GET %s HTTP/1.1\r\n", word_or(w, "ws.path", s->ws_path));
    buf_addf(&request, "Host: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", s->host);
    buf_addf(&request, "Sec-WebSocket-Version: %s\r\n", word_or(w, "ws.version", "13"));
    buf_addf(&request, "Sec-WebSocket-Key: %s\r\n", word_or(w, "ws.key", KEY));
    if (word_or(w, "ws.protocol", "mqtt")[0] != '\0') /* [MQTT5-6.0.0-3] */
        buf_addf(&request, "Sec-WebSocket-Protocol: %s\r\n", word_or(w, "ws.protocol", "mqtt"));
    buf_addf(&request, "\r\n");
    client_send_bytes(s, c, buf_view(&request));
    buf_done(&request);
}

/* The answer's head as a text, or NULL while it is not whole. */
static char *head_of(struct client *c)
{
    char *end;

    buf_add_u8(&c->raw, '\0');
    c->raw.len--;
    end = strstr((char *)c->raw.at, "\r\n\r\n");
    return end != NULL ? bytes_dup_str(bytes_of(c->raw.at, (size_t)(end + 4 - (char *)c->raw.at)))
                       : NULL;
}

/**
 * ws_open() - ask for a WebSocket and wait for the answer
 * @w:  of the line "client NAME open", with ws.path= ws.version= ws.key= ws.protocol=; NULL: none
 *
 * What is refused is an event "ws-answer" with the status; what is granted has to be granted right.
 */
void ws_open(struct script *s, struct client *c, const struct words *w)
{
    unsigned status = 0;
    char *head;

    ask(s, c, w);
    while ((head = head_of(c)) == NULL) {
        if (!client_read(s, c, s->end_ns))
            script_fail(s, "the broker does not answer the request for a WebSocket");
    }
    sscanf(head, "HTTP/1.1 %3u ", &status);
    if (status != 101) {
        event_add_number(client_event(c, PACKET_WS_ANSWER), "status", status);
    } else if (strstr(head, "\r\nSec-WebSocket-Accept: " ACCEPT "\r\n") == NULL ||
               strstr(head, "\r\nSec-WebSocket-Protocol: mqtt\r\n") == NULL) { /* [MQTT5-6.0.0-4] */
        script_fail(s, "the WebSocket is granted without the key's answer or the subprotocol");
    } else {
        buf_drop_front(&c->raw, strlen(head));
        c->is_ws = true;
    }
    free(head);
}
