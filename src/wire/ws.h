/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/ws.h - WebSocket (RFC 6455) as a server speaks it: the opening request, and frames
 *
 * Pure functions over bytes.  A frame's payload is given out as it comes, unmasked
 * into a place of the caller's; nothing but a frame's head and a control frame's
 * payload is ever kept.
 */
#pragma once

#include "base/bytes.h"

/* ---- the opening request ---- */

#define WS_REQUEST_BYTES_MAX 8192
#define WS_ACCEPT_LEN        28 /* of Sec-WebSocket-Accept */
#define WS_GUID              "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* clang-format off */
/*    name           status  reason phrase                      what is said of it */
#define WS_OPENINGS(X)                                                                                \
    X(OK,            101, "Switching Protocols",             "")                                      \
    X(MORE,          0,   "",                                "")                                      \
    X(E_MALFORMED,   400, "Bad Request",                     "not a request of HTTP/1.1")             \
    X(E_TOO_LARGE,   431, "Request Header Fields Too Large", "the head of a request is at most 8 KiB") \
    X(E_BODY,        400, "Bad Request",                     "a WebSocket request has no body")       \
    X(E_METHOD,      405, "Method Not Allowed",              "only GET is known here")                \
    X(E_PATH,        404, "Not Found",                       "MQTT is at another path")               \
    X(E_UPGRADE,     426, "Upgrade Required",                "only MQTT over WebSocket is spoken here") \
    X(E_VERSION,     426, "Upgrade Required",                "only version 13 of WebSocket is spoken here") \
    X(E_KEY,         400, "Bad Request",                     "Sec-WebSocket-Key is not 16 bytes in base64") \
    X(E_SUBPROTOCOL, 400, "Bad Request",                     "Sec-WebSocket-Protocol does not offer mqtt") \
    X(E_ORIGIN,      403, "Forbidden",                       "pages of this Origin may not connect")
/* clang-format on */

enum ws_opening_outcome {
#define X(name, status, phrase, text) WS_OPENING_##name,
    WS_OPENINGS(X)
#undef X
};

/* What a request has to ask for; all borrowed. */
struct ws_rules {
    const char *path;
    char *const *origins; /* of pages that may connect, besides programs, which name none */
    size_t n_origins;
    bool loopback_origins; /* pages from this machine may, too */
};

/* A request that may be granted; borrowed from the bytes of the request. */
struct ws_opening {
    size_t len; /* what is behind that are frames already */
    struct bytes key;
    const char *subprotocol; /* static */
};

enum ws_opening_outcome ws_opening_read(struct bytes in, const struct ws_rules *rules,
                                        struct ws_opening *ret);
const char *ws_opening_text(enum ws_opening_outcome outcome);
void ws_opening_grant(struct buf *out, const struct ws_opening *o,
                      const char accept[WS_ACCEPT_LEN]);
void ws_opening_refuse(struct buf *out, enum ws_opening_outcome outcome);

/* ---- frames ---- */

#define WS_HEAD_MAX    14  /* of a frame from a client */
#define WS_CONTROL_MAX 125 /* bytes in a control frame */

enum ws_opcode {
    WS_OPCODE_CONTINUATION = 0x0,
    WS_OPCODE_TEXT = 0x1,
    WS_OPCODE_BINARY = 0x2,
    WS_OPCODE_CLOSE = 0x8,
    WS_OPCODE_PING = 0x9,
    WS_OPCODE_PONG = 0xa,
};

/* Codes of a Close frame; RFC 6455 section 7.4.1. */
enum ws_code {
    WS_CODE_NONE = 0, /* an empty Close frame */
    WS_CODE_NORMAL = 1000,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_NOT_BINARY = 1003,
    WS_CODE_NOT_UTF8 = 1007,
};

/* Where in a frame a client's bytes are; zeroed before the first. */
struct ws_reader {
    uint64_t left; /* payload of this frame that is still to come */
    uint8_t head[WS_HEAD_MAX];
    uint8_t head_len;
    uint8_t mask_phase; /* payload bytes so far, modulo 4 */
    bool in_payload;
    bool in_message; /* a message of several frames is not at its end */
    uint8_t control_len;
    uint8_t control[WS_CONTROL_MAX];
};

enum ws_event {
    WS_NOTHING, /* go on with the bytes that are left, if there are */
    WS_DATA,    /* .data was written */
    WS_PING,    /* .data is to be sent back; borrowed from the reader until the next call */
    WS_PONG,
    WS_CLOSE, /* .code; nothing comes behind it */
    WS_BAD,   /* .code and .why, static; nothing can be read any more */
};

struct ws_step {
    enum ws_event event;
    size_t used; /* of the bytes given */
    struct bytes data;
    unsigned code;
    const char *why;
};

struct ws_step ws_read(struct ws_reader *r, struct bytes in, uint8_t *to);
void ws_write_head(struct buf *out, size_t len);
void ws_write_control(struct buf *out, enum ws_opcode opcode, struct bytes payload);
void ws_write_close(struct buf *out, unsigned code, const char *why);
