/* SPDX-License-Identifier: Apache-2.0 */
/* wire/ws.c - frames of WebSocket, RFC 6455 section 5; see ws.h */
#include "wire/ws.h"

#include "base/err.h"
#include "wire/wire.h"

#define FIN                BIT(7)
#define RESERVED           (BIT(6) | BIT(5) | BIT(4))
#define OPCODE             0xfU
#define IS_MASKED          BIT(7)
#define LEN_BITS           0x7fU
#define LEN_16             126U /* the length stands in the next two bytes */
#define LEN_64             127U /* the length stands in the next eight bytes */
#define MASK_LEN           4U
#define IS_CONTROL(opcode) ((opcode) >= WS_OPCODE_CLOSE)

/* ---- the head of a frame ---- */

static size_t len_bytes(const struct ws_reader *r)
{
    unsigned len = r->head[1] & LEN_BITS;

    return len == LEN_64 ? 8 : (len == LEN_16 ? 2 : 0);
}

static size_t head_size(const struct ws_reader *r)
{
    return r->head_len < 2 ? 2 : 2 + len_bytes(r) + MASK_LEN;
}

static uint64_t payload_len(const struct ws_reader *r)
{
    size_t n = len_bytes(r);
    uint64_t len = 0;

    for (size_t i = 0; i < n; i++)
        len = len << 8 | r->head[2 + i];
    return n > 0 ? len : r->head[1] & LEN_BITS;
}

static struct ws_step bad(unsigned code, const char *why)
{
    return (struct ws_step){.event = WS_BAD, .code = code, .why = why};
}

/* What the first two bytes say already. */
static struct ws_step check_start(const struct ws_reader *r)
{
    unsigned opcode = r->head[0] & OPCODE;
    bool is_last = r->head[0] & FIN;

    if (r->head[0] & RESERVED)
        return bad(WS_CODE_PROTOCOL, "reserved bits of a frame are set");
    if (!(r->head[1] & IS_MASKED))
        return bad(WS_CODE_PROTOCOL, "a frame from a client is not masked");
    switch (opcode) {
    case WS_OPCODE_CLOSE:
    case WS_OPCODE_PING:
    case WS_OPCODE_PONG:
        if (!is_last || (r->head[1] & LEN_BITS) > WS_CONTROL_MAX)
            return bad(WS_CODE_PROTOCOL, "a control frame is split or longer than 125 bytes");
        break;
    case WS_OPCODE_CONTINUATION:
        if (!r->in_message)
            return bad(WS_CODE_PROTOCOL, "a continuation without a beginning");
        break;
    case WS_OPCODE_BINARY:
        if (r->in_message)
            return bad(WS_CODE_PROTOCOL, "a message begins inside another");
        break;
    case WS_OPCODE_TEXT: /* [MQTT5-6.0.0-1] [MQTT3-6.0.0-1] */
        return bad(WS_CODE_NOT_BINARY, "a text frame; MQTT goes in binary frames");
    default:
        return bad(WS_CODE_PROTOCOL, "a frame of an unknown kind");
    }
    return (struct ws_step){.event = WS_NOTHING};
}

static struct ws_step check_len(const struct ws_reader *r, uint64_t len)
{
    size_t n = len_bytes(r);

    if ((n == 2 && len < LEN_16) || (n == 8 && len <= UINT16_MAX))
        return bad(WS_CODE_PROTOCOL, "the length of a frame is not in its shortest form");
    if (n == 8 && (r->head[2] & BIT(7)))
        return bad(WS_CODE_PROTOCOL, "the length of a frame is larger than 63 bits");
    return (struct ws_step){.event = WS_NOTHING};
}

/* Take what there is of the head; with the last of it the payload begins. */
static struct ws_step read_head(struct ws_reader *r, struct bytes in)
{
    struct ws_step s = {.event = WS_NOTHING};
    size_t used = 0;

    while (r->head_len < head_size(r) && used < in.len)
        r->head[r->head_len++] = in.at[used++];
    if (r->head_len >= 2)
        s = check_start(r);
    if (s.event == WS_NOTHING && r->head_len > 2 && r->head_len == head_size(r)) {
        r->left = payload_len(r);
        r->mask_phase = 0;
        r->control_len = 0;
        r->in_payload = true;
        s = check_len(r, r->left);
    }
    s.used = used;
    return s;
}

/* ---- its payload ---- */

/* @to may be @from or before it: each word is read before it is written. */
static void unmask(struct ws_reader *r, uint8_t *to, const uint8_t *from, size_t n)
{
    const uint8_t *key = &r->head[r->head_len - MASK_LEN];
    uint8_t keys[8];
    uint64_t mask;
    size_t i = 0;

    for (size_t k = 0; k < sizeof(keys); k++)
        keys[k] = key[(r->mask_phase + k) % MASK_LEN];
    memcpy(&mask, keys, sizeof(mask));
    for (; i + sizeof(mask) <= n; i += sizeof(mask)) {
        uint64_t word;

        memcpy(&word, from + i, sizeof(word));
        word ^= mask;
        memcpy(to + i, &word, sizeof(word));
    }
    for (; i < n; i++)
        to[i] = from[i] ^ keys[i % sizeof(keys)];
    r->mask_phase = (uint8_t)((r->mask_phase + n) % MASK_LEN);
    r->left -= n;
}

static void end_frame(struct ws_reader *r)
{
    if (!IS_CONTROL(r->head[0] & OPCODE))
        r->in_message = !(r->head[0] & FIN);
    r->in_payload = false;
    r->head_len = 0;
}

/* Those that may be sent: RFC 6455 section 7.4, and what IANA has given out since. */
static bool code_is_known(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static struct ws_step closed(const struct ws_reader *r)
{
    unsigned code;

    if (r->control_len == 0)
        return (struct ws_step){.event = WS_CLOSE, .code = WS_CODE_NONE};
    if (r->control_len == 1)
        return bad(WS_CODE_PROTOCOL, "half a code in a Close frame");
    code = (unsigned)r->control[0] << 8 | r->control[1];
    if (!code_is_known(code))
        return bad(WS_CODE_PROTOCOL, "a code in a Close frame that nobody may send");
    if (!wire_utf8_valid(bytes_of(r->control + 2, r->control_len - 2U)))
        return bad(WS_CODE_NOT_UTF8, "the reason in a Close frame is not UTF-8");
    return (struct ws_step){.event = WS_CLOSE, .code = code};
}

static struct ws_step read_control(struct ws_reader *r, struct bytes in)
{
    struct ws_step s = {.event = WS_NOTHING};
    size_t n = MIN(r->left, (uint64_t)in.len);

    unmask(r, r->control + r->control_len, in.at, n);
    r->control_len = (uint8_t)(r->control_len + n);
    if (r->left == 0) {
        unsigned opcode = r->head[0] & OPCODE;

        if (opcode == WS_OPCODE_CLOSE)
            s = closed(r);
        else
            s.event = opcode == WS_OPCODE_PING ? WS_PING : WS_PONG;
        s.data = bytes_of(r->control, r->control_len);
        end_frame(r);
    }
    s.used = n;
    return s;
}

static struct ws_step read_data(struct ws_reader *r, struct bytes in, uint8_t *to)
{
    size_t n = MIN(r->left, (uint64_t)in.len);
    struct ws_step s = {
        .event = n > 0 ? WS_DATA : WS_NOTHING,
        .used = n,
        .data = bytes_of(to, n),
    };

    unmask(r, to, in.at, n);
    if (r->left == 0)
        end_frame(r);
    return s;
}

/**
 * ws_read() - the next thing in what a client has sent, however it was split
 * @r:   kept by the caller from call to call
 * @in:  not empty
 * @to:  room for @in.len bytes; may be @in.at or before it, for payload is never longer than the
 *       frame that it came in
 *
 * MQTT packets need not begin or end with a frame [MQTT5-6.0.0-2] [MQTT3-6.0.0-2]: frames of data
 * and messages of several frames come out as one run of bytes, and a frame may have any length.
 *
 * Return: what it was.  After WS_CLOSE and WS_BAD there is no next.
 */
struct ws_step ws_read(struct ws_reader *r, struct bytes in, uint8_t *to)
{
    struct ws_step head = {.event = WS_NOTHING};
    struct ws_step s;

    check(in.len > 0);
    if (!r->in_payload) {
        head = read_head(r, in);
        if (head.event == WS_BAD || !r->in_payload)
            return head;
        in = bytes_of(in.at + head.used, in.len - head.used);
    }
    if (IS_CONTROL(r->head[0] & OPCODE))
        s = read_control(r, in);
    else
        s = read_data(r, in, to);
    s.used += head.used;
    return s;
}

/* ---- writing ---- */

static void write_head(struct buf *out, enum ws_opcode opcode, size_t len)
{
    buf_add_u8(out, (uint8_t)(FIN | opcode));
    if (len < LEN_16) {
        buf_add_u8(out, (uint8_t)len);
        return;
    }
    buf_add_u8(out, len <= UINT16_MAX ? LEN_16 : LEN_64);
    for (unsigned bits = len <= UINT16_MAX ? 16 : 64; bits > 0; bits -= 8)
        buf_add_u8(out, (uint8_t)((uint64_t)len >> (bits - 8)));
}

/** ws_write_head() - append what goes before @len bytes of data, which are a message of their own
 */
void ws_write_head(struct buf *out, size_t len)
{
    write_head(out, WS_OPCODE_BINARY, len);
}

/** ws_write_control() - append a control frame; @payload of at most WS_CONTROL_MAX bytes */
void ws_write_control(struct buf *out, enum ws_opcode opcode, struct bytes payload)
{
    check(payload.len <= WS_CONTROL_MAX);
    write_head(out, opcode, payload.len);
    buf_add(out, payload);
}

/**
 * ws_write_close() - append a Close frame
 * @code:  WS_CODE_NONE: an empty one
 * @why:   UTF-8, at most WS_CONTROL_MAX - 2 bytes; "" for none
 */
void ws_write_close(struct buf *out, unsigned code, const char *why)
{
    struct bytes text = code == WS_CODE_NONE ? BYTES_NONE : bytes_str(why);

    check(text.len <= WS_CONTROL_MAX - 2);
    write_head(out, WS_OPCODE_CLOSE, code == WS_CODE_NONE ? 0 : 2 + text.len);
    if (code == WS_CODE_NONE)
        return;
    buf_add_u8(out, (uint8_t)(code >> 8));
    buf_add_u8(out, (uint8_t)code);
    buf_add(out, text);
}
