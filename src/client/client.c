/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/client.c - a client's life: connect, disconnect, what went wrong
 *
 * Over TCP, or TLS over it [MQTT5-4.2.0-1] [MQTT3-7.1.2-1].
 */
#include "client/client_private.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

/**
 * client_new() - a client that is not connected yet
 * @s:  copied; what its pointers point to is borrowed for the client's life
 */
struct client *client_new(const struct client_settings *s)
{
    struct client *c = mem_new(struct client);

    check(s->host != NULL && s->port != 0 && s->client_id != NULL);
    c->s = *s;
    c->level = s->level != 0 ? s->level : WIRE_V5;
    c->id = text_dup(s->client_id);
    list_init(&c->flights);
    list_init(&c->inbox);
    return c;
}

static void hang_up(struct client *c)
{
    c->stream = stream_free(c->stream);
    proof_done(c);
    c->has_connack = false;
    c->ping_ns = 0;
    wire_aliases_done(&c->aliases);
}

/** client_free() - closes without DISCONNECT, so that the server publishes the Will; NULL is fine;
 * Return: NULL */
struct client *client_free(struct client *c)
{
    if (c == NULL)
        return NULL;
    hang_up(c);
    flights_forget(c);
    inbox_done(c);
    buf_done(&c->in);
    buf_done(&c->out);
    free(c->id);
    free(c->error);
    free(c);
    return NULL;
}

/* ---- what the other files need ---- */

/** client_timeout_ms() - how long the server may take for an answer */
unsigned client_timeout_ms(const struct client *c)
{
    return c->s.timeout_ms != 0 ? c->s.timeout_ms : CLIENT_TIMEOUT_MS;
}

/** client_deadline_ns() - when an answer is due that is asked for now */
uint64_t client_deadline_ns(const struct client *c)
{
    return clock_now_ns() + (uint64_t)client_timeout_ms(c) * NS_PER_MS;
}

/** client_error_set() - keep @text, which is emptied, for client_error() */
void client_error_set(struct client *c, struct buf *text)
{
    free(c->error);
    c->error = bytes_dup_str(buf_view(text));
    buf_done(text);
}

/** client_fail() - the connection is at its end; Return: @o */
enum client_outcome client_fail(struct client *c, enum client_outcome o, uint8_t reason,
                                const char *format, ...)
{
    char *text;
    va_list args;

    va_start(args, format);
    text = text_vformat(format, args);
    va_end(args);
    free(c->error);
    c->error = text;
    c->reason = reason;
    hang_up(c);
    return o;
}

static void send_disconnect(struct client *c, uint8_t reason, uint64_t deadline_ns)
{
    struct wire_disconnect d = {.reason = reason};

    c->out.len = 0;
    wire_encode_disconnect(&c->out, WIRE_DISCONNECT, &d, c->level);
    if (channel_send(c, buf_view(&c->out), deadline_ns) == CLIENT_OK)
        stream_shutdown(c->stream);
}

/**
 * client_misbehaved() - the server broke the protocol: say so, and close [MQTT5-4.13.1-1]
 * @type:  of the packet; 0: not known
 */
enum client_outcome client_misbehaved(struct client *c, enum wire_outcome o, enum wire_type type)
{
    uint8_t reason = wire_outcome_reason(o);

    if (c->has_connack && c->level == WIRE_V5)
        send_disconnect(c, reason, clock_now_ns());
    return client_fail(c, CLIENT_E_MALFORMED, reason, "the server sent a bad %s: %s",
                       type != 0 ? wire_type_name(type) : "packet", wire_outcome_text(o));
}

/* ---- connect ---- */

static void add_properties(struct wire_connect *p, const struct client_settings *s)
{
    p->props.session_expiry_s = s->session_expiry_s;
    p->props.packet_max = s->packet_max != 0 ? s->packet_max : CLIENT_PACKET_MAX;
    p->props.receive_max = s->receive_max;
    p->props.topic_alias_max = s->alias_max;
    p->props.set = BIT64(PROP_PACKET_MAX) | BIT64(PROP_SESSION_EXPIRY);
    if (s->receive_max != 0)
        p->props.set |= BIT64(PROP_RECEIVE_MAX);
    if (s->alias_max != 0)
        p->props.set |= BIT64(PROP_TOPIC_ALIAS_MAX);
    if (s->will != NULL && s->will_delay_s != 0) {
        p->will_props.will_delay_s = s->will_delay_s;
        p->will_props.set = BIT64(PROP_WILL_DELAY);
    }
}

static enum client_outcome send_connect(struct client *c)
{
    const struct client_settings *s = &c->s;
    struct wire_connect p = {
        .level = (uint8_t)c->level,
        .clean_start = !s->resume,
        .has_user_name = s->user_name != NULL && !s->scram,
        .has_password = s->password != NULL && !s->scram,
        .has_will = s->will != NULL,
        .keep_alive_s = s->keep_alive_s,
        .client_id = bytes_str(c->id),
        .user_name = bytes_str(s->user_name),
        .password = bytes_str(s->password),
    };
    CLEANUP(buf_done) struct buf hello = {0};
    enum client_outcome o;

    if (s->will != NULL) {
        p.will_qos = s->will->qos;
        p.will_retain = s->will->retain;
        p.will_topic = s->will->topic;
        p.will_payload = s->will->payload;
    }
    add_properties(&p, s);
    if (s->scram)
        proof_hello(c, &p.props, &hello);
    c->out.len = 0;
    wire_encode_connect(&c->out, &p);
    o = channel_send(c, buf_view(&c->out), client_deadline_ns(c));
    explicit_bzero(c->out.at, c->out.len); /* the password */
    return o;
}

static void take_limits(struct client *c, const struct wire_props *p)
{
    uint16_t keep_alive_s = c->s.keep_alive_s;

    c->window = CLIENT_INFLIGHT_MAX;
    c->server_packet_max = WIRE_PACKET_MAX;
    c->server_qos_max = 2;
    c->server_retains = !(p->set & BIT64(PROP_RETAIN_AVAILABLE)) || p->retain_available;
    if (p->set & BIT64(PROP_RECEIVE_MAX))
        c->window = MIN(c->window, (size_t)p->receive_max);
    if (p->set & BIT64(PROP_PACKET_MAX))
        c->server_packet_max = MIN(c->server_packet_max, p->packet_max);
    if (p->set & BIT64(PROP_QOS_MAX))
        c->server_qos_max = p->qos_max;
    if (p->set & BIT64(PROP_SERVER_KEEP_ALIVE)) /* [MQTT5-3.1.2-21] [MQTT5-3.2.2-21] */
        keep_alive_s = p->server_keep_alive_s;
    c->keep_alive_ns = keep_alive_s * NS_PER_S;
}

/** client_connack() - the server's answer to CONNECT, taken by channel_step() */
enum client_outcome client_connack(struct client *c, const struct wire_frame *f)
{
    struct wire_connack a;
    enum wire_outcome o = wire_decode_connack(f->flags, f->body, c->level, &a);

    if (o == WIRE_OK && a.session_present && !c->s.resume) /* [MQTT5-3.2.2-4] */
        o = WIRE_E_PROTOCOL;
    if (o != WIRE_OK)
        return client_misbehaved(c, o, f->type);
    if (a.reason != REASON_SUCCESS)
        return client_fail(
            c, CLIENT_E_REFUSED, a.reason, "refused: %s (0x%02x)%s%.*s", wire_reason_text(a.reason),
            a.reason, a.props.reason_string.len > 0 ? ": " : "", BYTES_ARG(a.props.reason_string));
    if (c->s.scram && !proof_check(c, &a.props))
        return client_fail(c, CLIENT_E_MALFORMED, 0,
                           "the server does not show that it knows the password");
    c->has_connack = true;
    c->session_present = a.session_present;
    take_limits(c, &a.props);
    if (a.props.set & BIT64(PROP_ASSIGNED_CLIENT_ID)) {
        free(c->id);
        c->id = bytes_dup_str(a.props.assigned_client_id);
    }
    return CLIENT_OK;
}

static enum client_outcome open_stream(struct client *c)
{
    const struct client_settings *s = &c->s;
    const struct stream_target target = {
        .host = s->host,
        .port = s->port,
        .source = s->bind_address,
        .tls = s->tls,
        .server_name = s->server_name,
        .timeout_ms = client_timeout_ms(c),
    };
    enum client_outcome o;
    char *why = NULL;

    c->stream = stream_connect(&target, &why);
    if (c->stream != NULL)
        return channel_handshake(c);
    o = client_fail(c, CLIENT_E_UNREACHABLE, 0, "%s", why);
    free(why);
    return o;
}

/**
 * client_connect() - connect, and be accepted
 *
 * May be called again when the connection has ended.  If the server kept the
 * session, what was not acknowledged is sent again before this returns.
 *
 * Return: CLIENT_OK; CLIENT_E_UNREACHABLE, the server was not reached;
 *         CLIENT_E_REFUSED, client_reason() says why; or how it ended otherwise.
 */
enum client_outcome client_connect(struct client *c)
{
    uint64_t deadline_ns;
    enum client_outcome o;

    check(c->stream == NULL);
    check(!c->s.scram || (c->level == WIRE_V5 && c->s.user_name != NULL));
    c->in.len = c->in_used = 0;
    c->aliases.max = c->s.alias_max;
    o = open_stream(c);
    if (o == CLIENT_OK)
        o = send_connect(c);
    deadline_ns = client_deadline_ns(c);
    while (o == CLIENT_OK && !c->has_connack)
        o = channel_step(c, deadline_ns);
    if (o == CLIENT_NOTHING)
        return client_fail(c, CLIENT_E_TIMEOUT, 0, "no answer to CONNECT in time");
    if (o != CLIENT_OK)
        return o;
    inbox_resume(c);
    return flights_resume(c);
}

/* Until the server has closed, too: closing with bytes unread would reset the connection, and the
 * server might never see the DISCONNECT. */
static void drain(struct client *c, uint64_t deadline_ns)
{
    uint8_t scratch[4096];
    enum stream_outcome o;
    size_t n;

    do {
        o = stream_read(c->stream, scratch, sizeof(scratch), &n);
        if (o == STREAM_AGAIN && channel_wait(c, deadline_ns) != CLIENT_OK)
            return;
    } while ((o == STREAM_OK || o == STREAM_AGAIN) && clock_now_ns() < deadline_ns);
}

/**
 * client_disconnect() - say good-bye and close; nothing is sent after it
 *
 * [MQTT5-3.14.4-1] [MQTT5-3.14.4-2] [MQTT3-3.14.4-1] [MQTT3-3.14.4-2]
 *
 * @reason:  REASON_SUCCESS, or REASON_DISCONNECT_WITH_WILL (5.0)
 *
 * Takes at most CLIENT_CLOSE_MS.  Not connected: nothing.
 */
void client_disconnect(struct client *c, enum wire_reason reason)
{
    uint64_t deadline_ns = clock_now_ns() + CLIENT_CLOSE_MS * NS_PER_MS;

    if (c->stream != NULL)
        send_disconnect(c, (uint8_t)reason, deadline_ns);
    if (c->stream != NULL)
        drain(c, deadline_ns);
    hang_up(c);
}

/* ---- questions ---- */

/** client_is_connected() - as far as is known: a connection that broke shows when it is used */
bool client_is_connected(const struct client *c)
{
    return c->stream != NULL;
}

/** client_session_present() - did the server know the session at the last client_connect()? */
bool client_session_present(const struct client *c)
{
    return c->session_present;
}

/** client_id() - borrowed; the one that the server chose if none was given */
const char *client_id(const struct client *c)
{
    return c->id;
}

/** client_fd() - to poll() for reading; -1 when not connected */
int client_fd(const struct client *c)
{
    return c->stream != NULL ? stream_fd(c->stream) : -1;
}

/** client_due_ms() - call client_next() by then for a ping that is due; -1: never */
int client_due_ms(const struct client *c)
{
    return c->stream != NULL ? channel_due_ms(c) : -1;
}

/** client_outcome_text() - a few words */
const char *client_outcome_text(enum client_outcome o)
{
    /* clang-format off */
    static const char *const texts[] = {
#define X(name, text) [CLIENT_##name] = (text),
        CLIENT_OUTCOMES(X)
#undef X
    };
    /* clang-format on */

    return texts[o];
}

/** client_reason() - reason code of the server's last answer; of a SUBSCRIBE the QoS granted */
uint8_t client_reason(const struct client *c)
{
    return c->reason;
}

/** client_error() - what went wrong last, one line; borrowed until the next call; "" if nothing did
 */
const char *client_error(const struct client *c)
{
    return text_or_empty(c->error);
}
