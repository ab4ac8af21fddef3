/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/stream_ws.c - a stream in WebSocket frames, server side
 *
 * Reading: frames are taken apart in the caller's place, payload moved over their
 * heads as it is unmasked; nothing is kept but a head or a control frame that is not
 * whole.  Writing: each stream_write() begins one message of one frame; its head goes
 * out together with the first of its payload, the rest from the caller's place.  What
 * this side has to say itself, the answer, a Pong or a Close, waits for the end of a
 * frame, one of each at most.
 *
 * Sources: RFC 6455; [MQTT5-6.0.0-1] to [MQTT5-6.0.0-4], [MQTT3-6.0.0-1] to [MQTT3-6.0.0-4].
 */
#include "io/stream.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "base/mem.h"
#include "wire/ws.h"

#define GATHER_BYTES       16384 /* of head and payload in one write; a record of TLS */
#define REQUEST_READ_BYTES 2048

enum phase {
    AWAITING,  /* the request */
    ANSWERING, /* it is granted */
    OPEN,
    CLOSED,   /* the peer's Close frame has come; read_end says so */
    BROKEN,   /* what came cannot be read; the caller does not know yet */
    DRAINING, /* what comes is thrown away */
};

struct stream_ws {
    struct websocket_settings settings;
    enum phase phase;
    struct buf in; /* the request; then what came behind it, until it is read */
    struct ws_reader reader;

    struct buf out; /* to be sent from @out_at on */
    size_t out_at;
    size_t out_payload;  /* so much at the end of @out are bytes that the caller still has */
    uint64_t frame_left; /* payload of the frame that has begun, not sent yet */
    size_t credit;       /* payload that was sent and the caller has not been told */

    bool owes_pong;
    bool owes_close;
    bool has_closed; /* no frame may be sent any more */
    uint8_t pong_len;
    uint8_t pong[WS_CONTROL_MAX];
    unsigned close_code;
    const char *close_why; /* static */
};

/**
 * stream_expect_websocket() - the peer has to open a WebSocket; after stream_new()
 * @w:  copied; what it points to is borrowed
 */
void stream_expect_websocket(struct stream *s, const struct websocket_settings *w)
{
    check(s->ws == NULL);
    s->ws = mem_new(struct stream_ws);
    s->ws->settings = *w;
    s->ws->close_code = WS_CODE_NORMAL;
    s->ws->close_why = "";
}

/** stream_ws_begun() - as stream_begun() */
struct bytes stream_ws_begun(const struct stream_ws *w)
{
    return buf_view(&w->in);
}

/** stream_ws_free() - Return: NULL */
struct stream_ws *stream_ws_free(struct stream_ws *w)
{
    if (w == NULL)
        return NULL;
    buf_done(&w->in);
    buf_done(&w->out);
    free(w);
    return NULL;
}

/* ---- sending ---- */

static size_t payload_sent(const struct stream_ws *w)
{
    size_t before = w->out.len - w->out_payload;

    return w->out_at > before ? w->out_at - before : 0;
}

/* What stands in @out; a socket that does not take all of it is full. */
static enum stream_outcome send_out(struct stream *s)
{
    struct stream_ws *w = s->ws;
    size_t before = payload_sent(w);
    enum stream_outcome outcome;
    size_t n = 0;

    if (w->out.len == 0)
        return STREAM_OK;
    outcome = stream_lower_write(s, w->out.at + w->out_at, w->out.len - w->out_at, &n);
    if (outcome != STREAM_OK)
        return outcome;
    w->out_at += n;
    w->credit += payload_sent(w) - before;
    w->frame_left -= payload_sent(w) - before;
    if (w->out_at < w->out.len)
        return STREAM_AGAIN;
    buf_done(&w->out);
    w->out_at = w->out_payload = 0;
    return STREAM_OK;
}

/* All that may be sent before more payload. */
static enum stream_outcome send_owed(struct stream *s)
{
    struct stream_ws *w = s->ws;

    for (;;) {
        enum stream_outcome outcome = send_out(s);

        if (outcome != STREAM_OK || w->frame_left > 0)
            return outcome;
        if (w->owes_pong) {
            ws_write_control(&w->out, WS_OPCODE_PONG, bytes_of(w->pong, w->pong_len));
            w->owes_pong = false;
        } else if (w->owes_close) {
            ws_write_close(&w->out, w->close_code, w->close_why);
            w->owes_close = false;
            w->has_closed = true;
        } else {
            return STREAM_OK;
        }
    }
}

static void begin_frame(struct stream_ws *w, const uint8_t *at, size_t len)
{
    ws_write_head(&w->out, len);
    w->out_payload = MIN(len, GATHER_BYTES - w->out.len);
    buf_add(&w->out, bytes_of(at, w->out_payload));
    w->frame_left = len;
}

/* From the caller's place, what the frame has been announced with. */
static enum stream_outcome send_payload(struct stream *s, const uint8_t *at)
{
    struct stream_ws *w = s->ws;
    size_t n = 0;
    enum stream_outcome outcome = stream_lower_write(s, at, (size_t)w->frame_left, &n);

    if (outcome != STREAM_OK)
        return outcome;
    w->credit += n;
    w->frame_left -= n;
    return w->frame_left > 0 ? STREAM_AGAIN : STREAM_OK;
}

/** stream_ws_write() - as stream_write() */
enum stream_outcome stream_ws_write(struct stream *s, const void *at, size_t len, size_t *ret_n)
{
    struct stream_ws *w = s->ws;
    enum stream_outcome outcome = STREAM_OK;
    const uint8_t *from = at;

    if (w->has_closed || w->owes_close)
        return STREAM_END;
    check(w->frame_left + w->credit <= len);
    while (outcome == STREAM_OK && w->credit < len) {
        outcome = send_owed(s);
        if (outcome == STREAM_OK && w->frame_left > 0)
            outcome = send_payload(s, from + w->credit);
        else if (outcome == STREAM_OK && w->credit < len)
            begin_frame(w, from + w->credit, len - w->credit);
    }
    if (w->credit == 0)
        return outcome;
    *ret_n = w->credit;
    w->credit = 0;
    return STREAM_OK;
}

/** stream_ws_flush() - as stream_flush() */
enum stream_outcome stream_ws_flush(struct stream *s)
{
    return send_owed(s);
}

/** stream_ws_shutdown() - send a Close frame, if none was sent and the socket takes it at once */
void stream_ws_shutdown(struct stream *s)
{
    struct stream_ws *w = s->ws;

    if (w->phase == AWAITING || w->phase == ANSWERING)
        return;
    w->owes_close = !w->has_closed;
    (void)send_owed(s);
}

/* ---- the opening ---- */

static void grant(struct stream_ws *w, const struct ws_opening *o)
{
    struct buf text CLEANUP(buf_done) = {0};
    unsigned char digest[EVP_MAX_MD_SIZE];
    char accept[EVP_MAX_MD_SIZE * 2];
    unsigned len = 0;

    buf_add(&text, o->key);
    buf_add(&text, BYTES(WS_GUID));
    check(EVP_Digest(text.at, text.len, digest, &len, EVP_sha1(), NULL) == 1);
    check(EVP_EncodeBlock((unsigned char *)accept, digest, (int)len) == WS_ACCEPT_LEN);
    ws_opening_grant(&w->out, o, accept);
    buf_drop_front(&w->in, o->len);
    if (w->in.len == 0)
        buf_done(&w->in);
    w->phase = ANSWERING;
}

static void refuse(struct stream *s, enum ws_opening_outcome why)
{
    struct stream_ws *w = s->ws;
    struct buf text CLEANUP(buf_done) = {0};

    buf_addf(&text, "WebSocket request refused: %s", ws_opening_text(why));
    stream_note(s, bytes_dup_str(buf_view(&text)));
    ws_opening_refuse(&w->out, why);
    w->has_closed = true;
    w->phase = DRAINING;
}

/* Until there is an answer in @out. */
static enum stream_outcome read_request(struct stream *s)
{
    struct stream_ws *w = s->ws;
    const struct ws_rules rules = {
        .path = w->settings.path,
        .origins = w->settings.origins,
        .n_origins = w->settings.n_origins,
        .loopback_origins = s->peer.is_loopback,
    };

    while (w->phase == AWAITING) {
        size_t cap = MIN((size_t)REQUEST_READ_BYTES, WS_REQUEST_BYTES_MAX - w->in.len);
        enum ws_opening_outcome found;
        enum stream_outcome outcome;
        struct ws_opening o;
        size_t n = 0;

        outcome = stream_lower_read(s, buf_reserve(&w->in, cap), cap, &n);
        if (outcome == STREAM_END)
            stream_note(s, bytes_dup_str(BYTES("closed before the WebSocket request")));
        if (outcome != STREAM_OK)
            return outcome;
        w->in.len += n;
        found = ws_opening_read(buf_view(&w->in), &rules, &o);
        if (found == WS_OPENING_OK)
            grant(w, &o);
        else if (found != WS_OPENING_MORE)
            refuse(s, found);
    }
    return STREAM_OK;
}

/** stream_ws_handshake() - as stream_handshake(), once TLS is established */
enum stream_outcome stream_ws_handshake(struct stream *s)
{
    struct stream_ws *w = s->ws;
    enum stream_outcome outcome = read_request(s);

    if (w->phase == AWAITING || outcome != STREAM_OK)
        return outcome;
    outcome = send_owed(s);
    if (w->phase == DRAINING && outcome != STREAM_FAILED)
        return STREAM_BAD;
    s->read_wants = outcome == STREAM_AGAIN ? 0 : LOOP_READ;
    if (outcome == STREAM_OK)
        w->phase = OPEN;
    return outcome;
}

/* ---- reading ---- */

static void owe_pong(struct stream_ws *w, struct bytes payload)
{
    /* Of several that were not answered yet the last will do: RFC 6455 section 5.5.3. */
    memcpy(w->pong, payload.at, payload.len);
    w->pong_len = (uint8_t)payload.len;
    w->owes_pong = !w->has_closed;
}

/* The caller is told, has its last word, and then stream_shutdown() sends the code. */
static void break_off(struct stream *s, const struct ws_step *step)
{
    struct buf text CLEANUP(buf_done) = {0};

    buf_addf(&text, "WebSocket: %s", step->why);
    stream_note(s, bytes_dup_str(buf_view(&text)));
    s->ws->close_code = step->code;
    s->ws->close_why = step->why;
    s->ws->phase = BROKEN;
}

/* @at: @len bytes of frames, of which payload is left; Return: how much. */
static size_t take_frames(struct stream *s, uint8_t *at, size_t len)
{
    struct stream_ws *w = s->ws;
    size_t used = 0;
    size_t n = 0;

    while (used < len && w->phase == OPEN) {
        struct ws_step step = ws_read(&w->reader, bytes_of(at + used, len - used), at + n);

        used += step.used;
        switch (step.event) {
        case WS_DATA:
            n += step.data.len;
            break;
        case WS_PING:
            owe_pong(w, step.data);
            break;
        case WS_CLOSE:
            w->close_code = step.code; /* for stream_shutdown(); what is owed goes before it */
            w->phase = CLOSED;
            s->read_end = STREAM_END;
            break;
        case WS_BAD:
            break_off(s, &step);
            break;
        case WS_PONG:
        case WS_NOTHING:
            break;
        }
    }
    return n;
}

/* What came behind the request comes first. */
static enum stream_outcome read_raw(struct stream *s, void *at, size_t cap, size_t *ret_n)
{
    struct stream_ws *w = s->ws;

    if (w->in.len == 0)
        return stream_lower_read(s, at, cap, ret_n);
    *ret_n = MIN(cap, w->in.len);
    memcpy(at, w->in.at, *ret_n);
    explicit_bzero(w->in.at, *ret_n);
    buf_drop_front(&w->in, *ret_n);
    if (w->in.len == 0)
        buf_done(&w->in);
    return STREAM_OK;
}

/** stream_ws_read() - as stream_read() */
enum stream_outcome stream_ws_read(struct stream *s, void *at, size_t cap, size_t *ret_n)
{
    struct stream_ws *w = s->ws;
    size_t raw = 0;
    size_t n = 0;

    if (w->phase != BROKEN) {
        enum stream_outcome outcome = read_raw(s, at, cap, &raw);

        if (outcome != STREAM_OK)
            return outcome;
        n = take_frames(s, at, raw);
        /* Heads and moved payload: what the caller does not get it cannot wipe. */
        explicit_bzero((uint8_t *)at + n, raw - n);
        if (w->owes_pong && s->write_end == STREAM_OK)
            (void)send_owed(s);
    }
    if (n > 0) {
        s->has_news |= s->read_end != STREAM_OK;
        *ret_n = n;
        return STREAM_OK;
    }
    if (w->phase == BROKEN) {
        w->phase = DRAINING;
        return STREAM_BAD;
    }
    s->has_news = false;
    return s->read_end != STREAM_OK ? s->read_end : STREAM_AGAIN;
}

/** stream_ws_has_pending() - could a read give something although the socket has nothing? */
bool stream_ws_has_pending(const struct stream_ws *w)
{
    return w->phase == BROKEN || (w->phase == OPEN && w->in.len > 0);
}
