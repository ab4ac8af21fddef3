/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client.c - the client against a server that follows a script, over TCP [MQTT3-7.1.2-1]
 *
 * The script's bytes are written by hand, so that a mistake in the codec cannot
 * hide itself.  A step waits for one packet of the client and answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/client.h"

#define PEER_PACKETS_MAX 64

/* A packet that is expected, by its first byte; 0: nothing is waited for.  Then what is answered.
 */
struct step {
    uint8_t expect;
    struct bytes answer;
    bool is_deaf; /* does nothing until peer.go_on is written */
    bool hang_up; /* afterwards, and the next step is of a new connection */
};

struct peer {
    pthread_t thread;
    int listener;
    int go_on; /* eventfd */
    uint16_t port;
    const struct step *steps;
    size_t n_steps;
    bool ok; /* the script was followed to its end, which is the client's */
    struct buf got[PEER_PACKETS_MAX]; /* the packets, in order */
    size_t n_got;
    char source[INET_ADDRSTRLEN];
};

/* One whole packet; a remaining length below 16,384 is enough here.  Return: false at the end. */
static bool read_packet(int fd, struct buf *ret)
{
    size_t need = 2;
    size_t header = 0;

    while (ret->len < need) {
        ssize_t n = read(fd, buf_reserve(ret, need - ret->len), need - ret->len);

        if (n <= 0)
            return false;
        ret->len += (size_t)n;
        if (ret->len < 2 || header != 0)
            continue;
        if (ret->at[1] < 0x80) {
            header = 2;
            need = header + ret->at[1];
        } else if (ret->len < 3) {
            need = 3;
        } else {
            header = 3;
            need = header + (ret->at[1] & 0x7fU) + ret->at[2] * 128U;
        }
    }
    return true;
}

static int accept_one(struct peer *p)
{
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    int fd = accept(p->listener, (struct sockaddr *)&from, &len);

    inet_ntop(AF_INET, &from.sin_addr, p->source, sizeof(p->source));
    return fd;
}

static bool follow(struct peer *p, int fd, const struct step *s)
{
    struct buf *packet = &p->got[p->n_got];
    eventfd_t n;

    if (s->is_deaf)
        return eventfd_read(p->go_on, &n) == 0;
    if (s->expect != 0) {
        p->n_got++;
        if (!read_packet(fd, packet) || packet->at[0] != s->expect)
            return false;
    }
    return s->answer.len == 0 ||
           send(fd, s->answer.at, s->answer.len, MSG_NOSIGNAL) == (ssize_t)s->answer.len;
}

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    struct buf rest = {0};
    bool ok = true;
    int fd = -1;

    for (size_t i = 0; ok && i < p->n_steps; i++) {
        if (fd < 0)
            fd = accept_one(p);
        ok = follow(p, fd, &p->steps[i]);
        if (p->steps[i].hang_up) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0) {
        while (read_packet(fd, &rest)) { /* what comes after the script is kept as well */
            p->got[p->n_got++] = rest;
            rest = (struct buf){0};
        }
        close(fd);
    }
    buf_done(&rest);
    p->ok = ok;
    return NULL;
}

static struct peer *peer_new(const struct step *steps, size_t n)
{
    struct peer *p = calloc(1, sizeof(*p));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(p->listener, 4), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &len), 0);
    p->port = ntohs(at.sin_port);
    p->go_on = eventfd(0, EFD_CLOEXEC);
    p->steps = steps;
    p->n_steps = n;
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
    return p;
}

static void peer_join(struct peer *p)
{
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    assert_true(p->ok);
}

static void peer_free(struct peer *p)
{
    for (size_t i = 0; i < COUNT_OF(p->got); i++)
        buf_done(&p->got[i]);
    close(p->listener);
    close(p->go_on);
    free(p);
}

#define PEER(...)                                                                                  \
    peer_new((const struct step[]){__VA_ARGS__}, COUNT_OF(((const struct step[]){__VA_ARGS__})))

static struct client_settings settings(const struct peer *p)
{
    return (struct client_settings){
        .host = "127.0.0.1", .port = p->port, .client_id = "c", .timeout_ms = 5000};
}

/* A client that has been accepted. */
static struct client *connected(const struct client_settings *s)
{
    struct client *c = client_new(s);

    assert_int_equal(client_connect(c), CLIENT_OK);
    return c;
}

static const struct client_message message = {
    .topic = BYTES("t"), .payload = BYTES("hello"), .qos = 1};

#define ACCEPTED   BYTES("\x20\x03\0\0\0")
#define ACCEPTED_3 BYTES("\x20\x02\0\0")
#define RESUMED    BYTES("\x20\x03\1\0\0")

static void assert_packet(const struct peer *p, size_t i, struct bytes expected)
{
    assert_true(i < p->n_got);
    assert_int_equal(p->got[i].len, expected.len);
    assert_memory_equal(p->got[i].at, expected.at, expected.len);
}

/* ---- connect ---- */

static void a_connect_carries_what_was_set(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED_3});
    struct client_settings s = settings(p);
    struct client_message will = {
        .topic = BYTES("w"), .payload = BYTES("x"), .qos = 1, .retain = true};
    struct client *c;

    (void)state;
    s.level = WIRE_V311;
    s.user_name = "u";
    s.password = "p";
    s.keep_alive_s = 60;
    s.will = &will;
    c = connected(&s);
    assert_true(client_is_connected(c));
    assert_string_equal(client_id(c), "c");
    client_disconnect(c, REASON_SUCCESS);
    assert_false(client_is_connected(c));
    peer_join(p);
    assert_packet(p, 0, BYTES("\x10\x19\0\4MQTT\4\xee\0\x3c\0\1c\0\1w\0\1x\0\1u\0\1p"));
    assert_packet(p, 1, BYTES("\xe0\0"));
    client_free(c);
    peer_free(p);
}

static const struct refusal {
    const char *name;
    enum wire_level level;
    struct bytes connack;
    uint8_t reason;
    const char *text;
} refusals[] = {
    {"3.1.1 code 4", WIRE_V311, BYTES("\x20\2\0\4"), REASON_BAD_USER_NAME_OR_PASSWORD,
     "refused: Bad User Name or Password (0x86)"},
    {"3.1.1 code 5", WIRE_V311, BYTES("\x20\2\0\5"), REASON_NOT_AUTHORIZED,
     "refused: Not authorized (0x87)"},
    {"5.0 banned, with a reason string", WIRE_V5, BYTES("\x20\x09\0\x8a\6\x1f\0\3why"),
     REASON_BANNED, "refused: Banned (0x8a): why"},
};

static void a_refusal_is_told_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct peer *p = PEER({0x10, refusals[i].connack});
        struct client_settings s = settings(p);
        struct client *c;

        print_message("  %s\n", refusals[i].name);
        s.level = refusals[i].level;
        c = client_new(&s);
        assert_int_equal(client_connect(c), CLIENT_E_REFUSED);
        assert_int_equal(client_reason(c), refusals[i].reason);
        assert_string_equal(client_error(c), refusals[i].text);
        assert_false(client_is_connected(c));
        client_free(c);
        peer_join(p);
        peer_free(p);
    }
}

static void a_session_that_was_not_kept_here_is_refused(void **state)
{
    struct peer *p = PEER({0x10, RESUMED});
    struct client_settings s = settings(p);
    struct client *c = client_new(&s);

    (void)state;
    assert_int_equal(client_connect(c), CLIENT_E_MALFORMED); /* [MQTT5-3.2.2-4] */
    assert_false(client_is_connected(c));
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void the_server_may_choose_the_client_id(void **state)
{
    struct peer *p = PEER({0x10, BYTES("\x20\x08\0\0\5\x12\0\2id")});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.client_id = "";
    c = connected(&s);
    assert_string_equal(client_id(c), "id");
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void the_source_address_can_be_chosen(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.bind_address = "127.0.0.66";
    c = connected(&s);
    client_free(c);
    peer_join(p);
    assert_string_equal(p->source, "127.0.0.66");
    peer_free(p);
}

static void nobody_there_is_unreachable(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);

    (void)state;
    client_disconnect(c, REASON_SUCCESS);
    peer_join(p);
    close(p->listener);
    p->listener = -1;
    assert_int_equal(client_connect(c), CLIENT_E_UNREACHABLE);
    assert_non_null(strstr(client_error(c), "Connection refused"));
    client_free(c);
    peer_free(p);
}

static void a_silent_server_is_given_up(void **state)
{
    struct peer *p = PEER({0x10, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.timeout_ms = 50;
    c = client_new(&s);
    assert_int_equal(client_connect(c), CLIENT_E_TIMEOUT);
    assert_false(client_is_connected(c));
    client_free(c);
    peer_join(p);
    peer_free(p);
}

/* ---- publish ---- */

static void a_publish_of_qos_0_is_sent(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0x31, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = {.topic = BYTES("t"), .payload = BYTES("x"), .retain = true};

    (void)state;
    assert_int_equal(client_publish(c, &m), CLIENT_OK);
    client_disconnect(c, REASON_SUCCESS);
    peer_join(p);
    assert_packet(p, 1, BYTES("\x31\5\0\1t\0x"));
    client_free(c);
    peer_free(p);
}

static const struct answer {
    const char *name;
    struct bytes puback;
    enum client_outcome outcome;
    uint8_t reason;
} answers[] = {
    {"accepted", BYTES("\x40\2\0\1"), CLIENT_OK, REASON_SUCCESS},
    {"nobody is there", BYTES("\x40\3\0\1\x10"), CLIENT_OK, REASON_NO_MATCHING_SUBSCRIBERS},
    {"not allowed", BYTES("\x40\3\0\1\x87"), CLIENT_E_REFUSED, REASON_NOT_AUTHORIZED},
};

static void a_publish_of_qos_1_waits_for_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct peer *p = PEER({0x10, ACCEPTED}, {0x32, answers[i].puback});
        struct client_settings s = settings(p);
        struct client *c = connected(&s);

        print_message("  %s\n", answers[i].name);
        assert_int_equal(client_publish(c, &message), answers[i].outcome);
        assert_int_equal(client_reason(c), answers[i].reason);
        assert_true(client_is_connected(c));
        client_free(c);
        peer_join(p);
        assert_packet(p, 1, BYTES("\x32\x0b\0\1t\0\1\0hello"));
        peer_free(p);
    }
}

static void a_publish_of_qos_2_takes_four_packets(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED}, {0x34, BYTES("\x50\2\0\1")}, {0x62, BYTES("\x70\2\0\1")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = message;

    (void)state;
    m.qos = 2;
    assert_int_equal(client_publish(c, &m), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_packet(p, 2, BYTES("\x62\2\0\1"));
    peer_free(p);
}

static void a_pubrec_that_says_no_ends_the_exchange(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0x34, BYTES("\x50\3\0\1\x87")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = message;

    (void)state;
    m.qos = 2;
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_NOT_AUTHORIZED);
    assert_int_equal(client_flush(c),
                     CLIENT_E_REFUSED); /* told once more for the batch, then no more */
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void many_may_be_under_way_and_answered_in_any_order(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0x32, BYTES_NONE}, {0x32, BYTES_NONE},
                          {0x32, BYTES("\x40\2\0\2\x40\2\0\3\x40\2\0\1")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(client_publish_start(c, &message), CLIENT_OK);
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    for (size_t i = 1; i <= 3; i++) /* [MQTT3-2.3.1-2] */
        assert_int_equal(p->got[i].at[6], i);
    peer_free(p);
}

static void no_more_is_sent_than_the_server_takes(void **state)
{
    struct peer *p = PEER({0x10, BYTES("\x20\6\0\0\3\x21\0\1")}, {0x32, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.timeout_ms = 100;
    c = connected(&s);
    assert_int_equal(client_publish_start(c, &message), CLIENT_OK);
    assert_int_equal(client_publish_start(c, &message), CLIENT_E_TIMEOUT);
    client_free(c);
    peer_join(p);
    assert_int_equal(p->n_got, 2); /* [MQTT5-3.3.4-9] */
    peer_free(p);
}

/* [MQTT5-3.3.4-8] */
static void other_packets_go_out_while_no_publish_may(void **state)
{
    struct peer *p = PEER({0x10, BYTES("\x20\6\0\0\3\x21\0\1")}, {0x32, BYTES_NONE},
                          {0x82, BYTES("\x90\4\0\2\0\1\x40\2\0\1")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);

    (void)state;
    assert_int_equal(client_publish_start(c, &message), CLIENT_OK);
    assert_int_equal(client_subscribe(c, "a", 1), CLIENT_OK);
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

/* [MQTT5-4.6.0-4] [MQTT3-4.6.0-4] */
static void pubrels_keep_the_order_of_the_pubrecs(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED}, {0x34, BYTES_NONE}, {0x34, BYTES("\x50\2\0\2\x50\2\0\1")},
             {0x62, BYTES_NONE}, {0x62, BYTES("\x70\2\0\1\x70\2\0\2")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = message;

    (void)state;
    m.qos = 2;
    assert_int_equal(client_publish_start(c, &m), CLIENT_OK);
    assert_int_equal(client_publish_start(c, &m), CLIENT_OK);
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_packet(p, 3, BYTES("\x62\2\0\2"));
    assert_packet(p, 4, BYTES("\x62\2\0\1"));
    peer_free(p);
}

/* [MQTT5-3.2.2-11] [MQTT5-3.2.2-14] [MQTT5-3.2.2-15] */
static void what_the_server_cannot_take_is_not_sent(void **state)
{
    /* Maximum Packet Size 12, Maximum QoS 1, Retain Available 0 */
    struct peer *p = PEER({0x10, BYTES("\x20\x0c\0\0\x09\x27\0\0\0\x0c\x24\1\x25\0")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = message;

    (void)state;
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_PACKET_TOO_LARGE);
    m.payload = BYTES_NONE;
    m.qos = 2;
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_QOS_NOT_SUPPORTED);
    m.qos = 0;
    m.retain = true;
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_RETAIN_NOT_SUPPORTED);
    m.topic = BYTES("a/#");
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_TOPIC_NAME_INVALID);
    assert_true(client_is_connected(c));
    client_free(c);
    peer_join(p);
    assert_int_equal(p->n_got, 1);
    peer_free(p);
}

/* In its order, and with its packet ids [MQTT5-4.6.0-1] [MQTT3-4.6.0-1] [MQTT3-2.3.1-3]. */
static void a_kept_session_gets_again_what_was_not_acknowledged(void **state)
{
    struct peer *p = PEER({0x10, RESUMED}, {0x32, BYTES_NONE}, {0x34, BYTES("\x50\2\0\2")},
                          {0x62, BYTES_NONE, .hang_up = true}, {0x10, RESUMED},
                          {0x3a, BYTES("\x40\2\0\1")}, {0x62, BYTES("\x70\2\0\2")});
    struct client_settings s = settings(p);
    struct client_message m = message;
    struct client *c;

    (void)state;
    s.resume = true;
    c = connected(&s);
    assert_int_equal(client_publish_start(c, &m), CLIENT_OK);
    m.qos = 2;
    assert_int_equal(client_publish_start(c, &m), CLIENT_OK);
    assert_int_equal(client_flush(c), CLIENT_E_CLOSED);
    assert_int_equal(client_connect(c), CLIENT_OK);
    assert_true(client_session_present(c));
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_packet(p, 5, BYTES("\x3a\x0b\0\1t\0\1\0hello")); /* [MQTT5-4.4.0-1] [MQTT5-3.3.1-1] */
    peer_free(p);
}

/* [MQTT5-3.2.2-5] */
static void a_lost_session_forgets_what_was_not_acknowledged(void **state)
{
    struct peer *p = PEER({0x10, RESUMED}, {0x32, BYTES_NONE, .hang_up = true}, {0x10, ACCEPTED});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.resume = true;
    c = connected(&s);
    assert_int_equal(client_publish(c, &message), CLIENT_E_CLOSED);
    assert_int_equal(client_connect(c), CLIENT_OK);
    assert_false(client_session_present(c));
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_int_equal(p->n_got, 3);
    peer_free(p);
}

/* ---- subscribe, receive ---- */

static void a_subscription_is_granted_or_refused(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0x82, BYTES("\x90\4\0\1\0\1")},
                          {0x82, BYTES("\x90\5\0\2\0\2\x87")}, {0xa2, BYTES("\xb0\4\0\3\0\0")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct wire_subscription two[] = {{.filter = BYTES("a"), .qos = 2}, {.filter = BYTES("#")}};
    uint8_t reasons[2];

    (void)state;
    assert_int_equal(client_subscribe(c, "a/+", 2), CLIENT_OK);
    assert_int_equal(client_reason(c), REASON_GRANTED_QOS_1);
    assert_int_equal(client_subscribe_all(c, two, 2, reasons), CLIENT_E_REFUSED);
    assert_int_equal(reasons[0], 2);
    assert_int_equal(reasons[1], REASON_NOT_AUTHORIZED);
    assert_string_equal(client_error(c), "subscribe to #: Not authorized (0x87)");
    assert_int_equal(client_unsubscribe(c, "a/+"), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_packet(p, 1, BYTES("\x82\x09\0\1\0\0\3a/+\2"));
    peer_free(p);
}

static void a_message_is_acknowledged_when_it_is_handed_out(void **state)
{
    /* The messages come before the SUBACK, so that they wait in the inbox. */
    struct peer *p =
        PEER({0x10, ACCEPTED},
             {0x82, BYTES("\x32\7\0\1a\0\7\0x\x34\7\0\1b\0\x08\0y\x30\5\0\1c\0z\x90\4\0\1\0\2")},
             {0x40, BYTES_NONE}, {0x50, BYTES("\x62\2\0\x08")}, {0x70, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    assert_int_equal(client_subscribe(c, "#", 2), CLIENT_OK);
    assert_int_equal(client_next(c, 0, &m), CLIENT_OK);
    assert_memory_equal(m.topic.at, "a", 1);
    assert_int_equal(m.qos, 1);
    assert_int_equal(client_next(c, 0, &m), CLIENT_OK);
    assert_memory_equal(m.payload.at, "y", 1);
    assert_int_equal(m.qos, 2);
    assert_int_equal(client_next(c, 0, &m), CLIENT_OK);
    assert_memory_equal(m.topic.at, "c", 1);
    while (client_next(c, 10, &m) != CLIENT_NOTHING)
        ;
    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
    peer_join(p);
    assert_packet(p, 2, BYTES("\x40\2\0\7"));
    assert_packet(p, 3, BYTES("\x50\2\0\x08"));
    assert_packet(p, 4, BYTES("\x70\2\0\x08"));
    peer_free(p);
}

/* [MQTT5-4.6.0-2] [MQTT5-4.6.0-3] [MQTT5-4.5.0-2] [MQTT3-4.6.0-2] [MQTT3-4.6.0-3] [MQTT3-4.5.0-2]
 */
static void acknowledgements_keep_the_order_of_the_messages(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED},
             {0, BYTES("\x32\7\0\1a\0\x09\0x\x32\7\0\1a\0\4\0x"
                       "\x34\7\0\1a\0\x08\0x\x34\7\0\1a\0\3\0x")},
             {0x40, BYTES_NONE}, {0x40, BYTES_NONE}, {0x50, BYTES_NONE}, {0x50, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
    peer_join(p);
    assert_packet(p, 1, BYTES("\x40\2\0\x09"));
    assert_packet(p, 2, BYTES("\x40\2\0\4"));
    assert_packet(p, 3, BYTES("\x50\2\0\x08"));
    assert_packet(p, 4, BYTES("\x50\2\0\3"));
    peer_free(p);
}

static void a_message_of_qos_2_is_handed_out_once(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0, BYTES("\x34\7\0\1b\0\x08\0y")},
                          {0x50, BYTES("\x3c\7\0\1b\0\x08\0y")}, {0x50, BYTES("\x62\2\0\x08")},
                          {0x70, BYTES("\x34\7\0\1b\0\x08\0z")}, {0x50, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    assert_memory_equal(m.payload.at, "y", 1);
    assert_int_equal(client_next(c, 5000, &m),
                     CLIENT_OK); /* the second y was dropped [MQTT5-4.3.3-10] */
    assert_memory_equal(m.payload.at, "z", 1);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void properties_travel_with_a_message(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED}, {0, BYTES("\x30\x12\0\1a\x0d\2\0\0\0\x3c\x26\0\1k\0\2vvx")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct wire_pair pair;
    struct client_message m;
    size_t cursor = 0;

    (void)state;
    assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    assert_true(m.has_expiry);
    assert_int_equal(m.expiry_s, 60);
    assert_true(wire_user_next(m.forward, &cursor, &pair));
    assert_memory_equal(pair.value.at, "vv", 2);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

/* A topic with alias 2 and a payload; the alias alone. */
#define WITH_ALIAS(topic, payload) "\x30\x08\0\1" topic "\3\x23\0\2" payload
#define BY_ALIAS(payload)          "\x30\x07\0\0\3\x23\0\2" payload

static void a_topic_may_come_as_its_alias(void **state)
{
    static const char *const expected[][2] = {{"a", "1"}, {"a", "2"}, {"b", "3"}, {"b", "4"}};
    struct peer *p =
        PEER({0x10, ACCEPTED},
             {0, BYTES(WITH_ALIAS("a", "1") BY_ALIAS("2") WITH_ALIAS("b", "3") BY_ALIAS("4")),
              .hang_up = true},
             {0x10, ACCEPTED}, {0, BYTES(BY_ALIAS("5"))});
    struct client_settings s = settings(p);
    struct client_message m;
    struct client *c;

    (void)state;
    s.alias_max = 2;
    c = connected(&s);
    for (size_t i = 0; i < COUNT_OF(expected); i++) { /* [MQTT5-3.3.2-10] */
        assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
        assert_true(bytes_equal(m.topic, bytes_str(expected[i][0])));
        assert_true(bytes_equal(m.payload, bytes_str(expected[i][1])));
    }
    assert_int_equal(client_next(c, 5000, &m), CLIENT_E_CLOSED);
    assert_int_equal(client_connect(c), CLIENT_OK);
    assert_int_equal(client_next(c, 5000, &m), CLIENT_E_MALFORMED); /* [MQTT5-3.3.2-7] */
    assert_int_equal(client_reason(c), REASON_TOPIC_ALIAS_INVALID);
    client_free(c);
    peer_join(p);
    assert_non_null(memmem(p->got[0].at, p->got[0].len, "\x22\0\2", 3)); /* the maximum */
    peer_free(p);
}

static void nothing_is_not_an_end(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    assert_int_equal(client_next(c, 0, &m), CLIENT_NOTHING);
    assert_int_equal(client_next(c, 20, &m), CLIENT_NOTHING);
    assert_true(client_is_connected(c));
    assert_int_equal(client_due_ms(c), -1);
    assert_true(client_fd(c) >= 0);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

/* ---- the end ---- */

static const struct ending {
    const char *name;
    struct bytes sent;
    bool hang_up;
    enum client_outcome outcome;
    uint8_t reason;
} endings[] = {
    {"closed without a word", BYTES_NONE, true, CLIENT_E_CLOSED, 0},
    {"DISCONNECT with a reason", BYTES("\xe0\1\x98"), true, CLIENT_E_CLOSED,
     REASON_ADMINISTRATIVE_ACTION},
    {"no such packet type", BYTES("\0\0"), false, CLIENT_E_MALFORMED, REASON_MALFORMED_PACKET},
    {"a second CONNACK", ACCEPTED, false, CLIENT_E_MALFORMED, REASON_PROTOCOL_ERROR},
    {"a client's packet", BYTES("\xc0\0"), false, CLIENT_E_MALFORMED, REASON_PROTOCOL_ERROR},
    {"SUBACK that nobody asked for", BYTES("\x90\4\0\1\0\0"), false, CLIENT_E_MALFORMED,
     REASON_PROTOCOL_ERROR},
    {"topic alias, and we allow none", BYTES("\x30\7\0\1a\3\x23\0\1"), false, CLIENT_E_MALFORMED,
     REASON_TOPIC_ALIAS_INVALID},
    {"wildcard in a topic", BYTES("\x30\4\0\1#\0"), false, CLIENT_E_MALFORMED,
     REASON_TOPIC_NAME_INVALID},
    {"larger than we said that we take", BYTES("\x30\xff\xff\xff\x7f"), false, CLIENT_E_OVERRUN, 0},
};

static void the_end_of_a_connection_has_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        const struct ending *e = &endings[i];
        struct peer *p = PEER({0x10, ACCEPTED}, {0, e->sent, .hang_up = e->hang_up});
        struct client_settings s = settings(p);
        struct client *c = connected(&s);
        struct client_message m;

        print_message("  %s\n", e->name);
        assert_int_equal(client_next(c, 5000, &m), e->outcome);
        assert_int_equal(client_reason(c), e->reason);
        assert_true(strlen(client_error(c)) > 0);
        assert_false(client_is_connected(c));
        assert_int_equal(client_next(c, 0, &m), CLIENT_E_CLOSED);
        assert_int_equal(client_publish(c, &message), CLIENT_E_CLOSED);
        client_free(c);
        peer_join(p);
        peer_free(p);
    }
}

static void messages_before_a_disconnect_are_handed_out(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED}, {0, BYTES("\x30\5\0\1a\0x\xe0\1\x8b"), .hang_up = true});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    assert_int_equal(client_next(c, 5000, &m), CLIENT_E_CLOSED);
    assert_int_equal(client_reason(c), REASON_SERVER_SHUTTING_DOWN);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void pings_go_out_by_the_servers_keep_alive(void **state)
{
    /* Server Keep Alive 1 [MQTT5-3.1.2-20] [MQTT5-3.1.2-21] [MQTT5-3.2.2-21] [MQTT3-3.1.2-23] */
    struct peer *p = PEER({0x10, BYTES("\x20\6\0\0\3\x13\0\1")},
                          {0xc0, BYTES("\xd0\0\x30\5\0\1a\0x")}, {0xc0, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c;
    struct client_message m;
    int due_ms;

    (void)state;
    s.keep_alive_s = 600;
    s.timeout_ms = 500;
    c = connected(&s);
    due_ms = client_due_ms(c);
    assert_in_range(due_ms, 0, 1000);
    assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    assert_int_equal(client_next(c, 5000, &m), CLIENT_E_TIMEOUT); /* the second is not answered */
    assert_string_equal(client_error(c), "no answer to a ping");
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void a_server_that_does_not_read_is_given_up(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {.is_deaf = true}, {.hang_up = true});
    struct client_settings s = settings(p);
    struct client_message m = {.topic = BYTES("t"), .payload = {calloc(1, 8U << 20), 8U << 20}};
    struct client *c;

    (void)state;
    s.timeout_ms = 100;
    c = connected(&s);
    assert_int_equal(client_publish(c, &m), CLIENT_E_TIMEOUT);
    assert_string_equal(client_error(c), "the server does not read");
    assert_int_equal(eventfd_write(p->go_on, 1), 0);
    client_free(c);
    peer_join(p);
    free((void *)m.payload.at);
    peer_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connect_carries_what_was_set),
        cmocka_unit_test(a_refusal_is_told_with_its_reason),
        cmocka_unit_test(a_session_that_was_not_kept_here_is_refused),
        cmocka_unit_test(the_server_may_choose_the_client_id),
        cmocka_unit_test(the_source_address_can_be_chosen),
        cmocka_unit_test(nobody_there_is_unreachable),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(a_publish_of_qos_0_is_sent),
        cmocka_unit_test(a_publish_of_qos_1_waits_for_its_answer),
        cmocka_unit_test(a_publish_of_qos_2_takes_four_packets),
        cmocka_unit_test(a_pubrec_that_says_no_ends_the_exchange),
        cmocka_unit_test(many_may_be_under_way_and_answered_in_any_order),
        cmocka_unit_test(no_more_is_sent_than_the_server_takes),
        cmocka_unit_test(other_packets_go_out_while_no_publish_may),
        cmocka_unit_test(pubrels_keep_the_order_of_the_pubrecs),
        cmocka_unit_test(what_the_server_cannot_take_is_not_sent),
        cmocka_unit_test(a_kept_session_gets_again_what_was_not_acknowledged),
        cmocka_unit_test(a_lost_session_forgets_what_was_not_acknowledged),
        cmocka_unit_test(a_subscription_is_granted_or_refused),
        cmocka_unit_test(a_message_is_acknowledged_when_it_is_handed_out),
        cmocka_unit_test(acknowledgements_keep_the_order_of_the_messages),
        cmocka_unit_test(a_message_of_qos_2_is_handed_out_once),
        cmocka_unit_test(properties_travel_with_a_message),
        cmocka_unit_test(a_topic_may_come_as_its_alias),
        cmocka_unit_test(nothing_is_not_an_end),
        cmocka_unit_test(the_end_of_a_connection_has_a_name),
        cmocka_unit_test(messages_before_a_disconnect_are_handed_out),
        cmocka_unit_test(a_server_that_does_not_read_is_given_up),
        cmocka_unit_test(pings_go_out_by_the_servers_keep_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
