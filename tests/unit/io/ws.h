/* SPDX-License-Identifier: Apache-2.0 */
/* ws.h - the other side of a WebSocket: frames as a client sends them */
#pragma once

#include "peer.h"

#define BIG_BYTES (3U << 20) /* more than the buffers of two sockets */
#define KEY       "\x37\xfa\x21\x3d"
#define REQUEST                                                                                    \
    "GET /mqtt HTTP/1.1\r\nHost: node.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"    \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"                 \
    "Sec-WebSocket-Protocol: mqtt\r\n"
#define ANSWER                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"

extern const struct websocket_settings ws_settings;

void say(int fd, struct bytes what);
void expect(int fd, struct bytes what);
/* A frame from a client, the key in front of what it masks. */
void add_frame(struct buf *out, unsigned first, struct bytes payload);
void say_frame(int fd, unsigned first, struct bytes payload);
/* A stream whose peer at @ret_fd has opened the WebSocket. */
struct stream *opened(int *ret_fd);
void expect_read(struct stream *s, const char *text);
enum stream_outcome read_none(struct stream *s);
/* All that has come. */
void drain(int fd, struct buf *ret);
