/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/self_trials.c - the node is tried over loopback as a stranger would
 *
 * A trial that cannot be made (no listener that it could use) reports nothing: its
 * test stays unknown.
 *
 * MQ.PR.IA-03 MQ.PR.IA-05 MQ.PR.IP-01 MQ.PR.IP-02 MQ.PR.SP-02 MQ.DE.ID-01 MQ.DE.ID-02 MQ.DE.ID-03
 */
#include "node/self_trials.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/client.h"

#define ARRIVAL_MS  2000 /* of an event at the sentinel */
#define PATIENCE_MS 5000 /* beyond a limit that is waited for */

/* Bytes without TLS, whatever the listener expects; NULL when it does not answer. */
static struct stream *plain_stream(const struct config_listener *l)
{
    const struct stream_target to = {
        .host = door_address(l), .port = l->port, .timeout_ms = TRIAL_MS};
    char *error = NULL;
    struct stream *s = stream_connect(&to, &error);

    free(error);
    return s;
}

static bool is_stopping(const struct trial_kit *kit)
{
    struct pollfd p = {.fd = kit->stop_fd, .events = POLLIN};

    return poll(&p, 1, 0) != 0;
}

/* ---- MQ.PR.IA-03.t1 ---- */

/* Who is behind a proxy may be anywhere. */
static bool is_beyond_loopback(const struct config_listener *l)
{
    return l->proxy_protocol ||
           (config_listener_unix_path(l) == NULL && !address_is_loopback(l->address));
}

/* A CONNECT without credentials.  Where no TLS comes about no trial has a result: that is told. */
static enum client_outcome knock(const struct trial_kit *kit, const struct door *d)
{
    char id[TRIAL_ID_LEN];
    const struct client_settings s = trial_settings(kit, d, UINT32_MAX, "anonymous", id);
    struct client *c = client_new(&s);
    enum client_outcome o = client_connect(c);

    if (o == CLIENT_E_UNREACHABLE && !is_stopping(kit))
        log_warning("self-test",
                    "listener \"%s\" cannot be tried at %s, and results are missing: %s",
                    d->listener->name, s.host, client_error(c));
    client_free(c);
    return o;
}

static void try_anonymous(struct trial_kit *kit, struct evidence_list *e)
{
    const struct config *c = kit->node->started;
    unsigned n_tried = 0;
    unsigned n_let_in = 0;
    unsigned n_beyond = 0;

    for (size_t i = 0; i < c->n_listeners; i++) {
        bool beyond = is_beyond_loopback(&c->listeners[i]);
        struct door d;
        enum client_outcome o =
            door_open(&c->listeners[i], &d) ? knock(kit, &d) : CLIENT_E_UNREACHABLE;

        if (o == CLIENT_E_UNREACHABLE) { /* it is taken at its word */
            n_let_in += c->listeners[i].anonymous && beyond;
        } else {
            n_tried++;
            n_let_in += o == CLIENT_OK && beyond;
        }
        n_beyond += beyond;
        door_close(&d);
    }
    if (n_tried > 0)
        evidence_add(e, "MQ.PR.IA-03.t1", n_let_in, n_tried, NULL,
                     "a CONNECT without credentials was tried on %u listeners; %u are beyond "
                     "loopback, %u of those "
                     "let it in",
                     n_tried, n_beyond, n_let_in);
}

/* ---- MQ.PR.IA-05.t1, MQ.DE.ID-02.t3, MQ.DE.ID-03.t1 ---- */

static unsigned grown(const struct trial_kit *kit, unsigned (*of)(struct trial_seen s),
                      unsigned before, unsigned by)
{
    uint64_t end_ns = clock_now_ns() + ARRIVAL_MS * NS_PER_MS;
    unsigned n;

    do {
        struct timespec pause = {.tv_nsec = (long)(10 * NS_PER_MS)};

        n = of(kit->seen(kit->seen_arg)) - before;
        if (n < by)
            nanosleep(&pause, NULL);
    } while (n < by && clock_now_ns() < end_ns);
    return n;
}

static unsigned denied_of(struct trial_seen s)
{
    return s.n_denied;
}

static unsigned auth_failed_of(struct trial_seen s)
{
    return s.n_auth_failed;
}

static void try_rights(struct trial_kit *kit, struct evidence_list *e)
{
    const struct client_message elsewhere = {
        .topic = BYTES("somewhere/else/entirely"), .payload = BYTES("x"), .qos = 1};
    const struct client_message alone = {
        .topic = BYTES(SELF_TEST_TOPICS "alone"), .payload = BYTES("x"), .qos = 1};
    unsigned before = kit->seen(kit->seen_arg).n_denied;
    char id[TRIAL_ID_LEN];
    struct client_settings s;
    struct client *c;
    struct door d;
    bool refused;

    if (!door_first(kit, &d))
        return;
    s = trial_settings(kit, &d, 0, "rights", id);
    c = trial_client(&s);
    if (c != NULL) {
        refused = trial_is_refused(c, client_subscribe(c, "somewhere/else/#", 0));
        refused = trial_is_refused(c, client_publish(c, &elsewhere)) && refused;
        evidence_add(
            e, "MQ.PR.IA-05.t1", refused, 1, NULL,
            "a principal without rules was %s to publish and to subscribe on listener \"%s\"",
            refused ? "refused" : "NOT refused", d.listener->name);
        evidence_add(e, "MQ.PR.IP-03.t3", trial_is_refused(c, client_subscribe(c, "$SYS/#", 0)), 1,
                     NULL, "a principal that is no operator asked for $SYS/#");
        evidence_add(e, "MQ.DE.ID-02.t3", refused && grown(kit, denied_of, before, 3) == 3, 1, NULL,
                     "all three refusals were answered by 0x87 and reached the detectors");
        evidence_add(e, "MQ.DE.ID-03.t1",
                     client_publish(c, &alone) == CLIENT_OK &&
                         client_reason(c) == REASON_NO_MATCHING_SUBSCRIBERS,
                     1, NULL, "a publish that nobody subscribes to was answered by 0x10");
        client_disconnect(c, REASON_SUCCESS);
    }
    client_free(c);
    door_close(&d);
}

/* ---- MQ.DE.ID-01.t1 ---- */

static void try_credentials(struct trial_kit *kit, struct evidence_list *e)
{
    static const char *const kinds[][2] = {{"known", "a wrong password"},
                                           {"bastide-self-test-nobody", "no such user"}};
    unsigned before = kit->seen(kit->seen_arg).n_auth_failed;
    unsigned n_seen;
    struct door d;

    if (!door_first(kit, &d))
        return;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        char id[TRIAL_ID_LEN];
        struct client_settings s = trial_settings(kit, &d, 0, "guess", id);

        s.password = kinds[i][1];
        if (i > 0)
            s.user_name = kinds[i][0];
        client_free(trial_client(&s));
    }
    n_seen = grown(kit, auth_failed_of, before, COUNT_OF(kinds));
    evidence_add(e, "MQ.DE.ID-01.t1",
                 (double)MIN(n_seen, (unsigned)COUNT_OF(kinds)) / COUNT_OF(kinds), COUNT_OF(kinds),
                 NULL, "%u of %zu kinds left an event: wrong password, unknown user", n_seen,
                 COUNT_OF(kinds));
    door_close(&d);
}

/* ---- MQ.PR.SP-02 ---- */

static void try_keep_alive(struct trial_kit *kit, struct evidence_list *e)
{
    char id[TRIAL_ID_LEN];
    struct client_settings s;
    struct client *c;
    struct door d;

    if (!door_first(kit, &d))
        return;
    s = trial_settings(kit, &d, 0, "silent", id);
    s.keep_alive_s = 1;
    c = trial_client(&s);
    if (c != NULL) {
        uint64_t ms = trial_closed_after_ms(kit, client_fd(c), clock_now_ns(), PATIENCE_MS);

        evidence_add(e, "MQ.PR.SP-02.t1", ms <= 2500, 1, NULL,
                     "a silent client with keep alive 1 s was %s after %llu ms",
                     ms == UINT64_MAX ? "not closed" : "closed",
                     (unsigned long long)(ms == UINT64_MAX ? PATIENCE_MS : ms));
    }
    client_free(c);
    door_close(&d);
}

static const struct config_listener *first_direct(const struct config *c)
{
    for (size_t i = 0; i < c->n_listeners; i++) {
        if (config_listener_is_direct(&c->listeners[i]))
            return &c->listeners[i];
    }
    return NULL;
}

static void try_connect_timeout(struct trial_kit *kit, struct evidence_list *e)
{
    const struct config_listener *l = first_direct(kit->node->started);
    unsigned limit_ms = (unsigned)kit->node->started->policy.limits.connect_timeout_ms;
    uint64_t since_ns = clock_now_ns();
    struct stream *s = l != NULL ? plain_stream(l) : NULL;
    uint64_t ms;

    if (s == NULL)
        return;
    ms = trial_closed_after_ms(kit, stream_fd(s), since_ns, limit_ms + PATIENCE_MS);
    if (ms != UINT64_MAX)
        evidence_add(
            e, "MQ.PR.SP-02.t2", (double)ms / 1000.0, 1, NULL,
            "a connection without a CONNECT to listener \"%s\" was closed after that many seconds",
            l->name);
    stream_free(s);
}

static void try_takeover(struct trial_kit *kit, struct evidence_list *e)
{
    char id[TRIAL_ID_LEN];
    struct client_settings mine;
    struct client_settings other;
    struct client *first;
    struct client *second;
    struct client *thief;
    struct door d;
    bool taken;

    if (!door_first(kit, &d))
        return;
    mine = trial_settings(kit, &d, 0, "twice", id);
    other = trial_settings(kit, &d, 1, "twice", id);
    first = trial_client(&mine);
    second = trial_client(&mine);
    thief = trial_client(&other);
    if (first != NULL && second != NULL) {
        taken =
            trial_closed_after_ms(kit, client_fd(first), clock_now_ns(), TRIAL_MS) != UINT64_MAX;
        evidence_add(e, "MQ.PR.SP-02.t4", taken && thief == NULL, 1, NULL,
                     "the same principal %s the client id over; another was %s",
                     taken ? "took" : "did not take", thief == NULL ? "refused" : "let in");
    }
    client_free(first);
    client_free(second);
    client_free(thief);
    door_close(&d);
}

/* ---- MQ.PR.IP-01.t3: bytes of a handshake that offers only what is too old ---- */

/* clang-format off */
static const uint8_t old_hello[] = {
    0x16, 0x03, 0x01, 0x00, 0x37,             /* handshake record, TLS 1.0 */
    0x01, 0x00, 0x00, 0x33, 0x03, 0x02,       /* ClientHello, TLS 1.1 */
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    0x00,                                     /* no session */
    0x00, 0x0c, 0x00, 0x2f, 0x00, 0x35, 0x00, 0x0a, 0x00, 0x05, 0x00, 0x02, 0x00, 0x01, /* static RSA, 3DES, RC4, NULL */
    0x01, 0x00,                               /* no compression */
};
/* clang-format on */

static bool old_tls_refused(const struct config_listener *l)
{
    struct stream *s = plain_stream(l);
    struct pollfd p = {.events = POLLIN};
    uint8_t first = 0;
    size_t n = 0;
    bool refused;

    if (s == NULL)
        return false;
    p.fd = stream_fd(s);
    refused = stream_write(s, old_hello, sizeof(old_hello), &n) == STREAM_OK &&
              n == sizeof(old_hello) && poll(&p, 1, TRIAL_MS) == 1 &&
              (recv(p.fd, &first, 1, MSG_DONTWAIT) <= 0 || first == 0x15);
    stream_free(s);
    return refused;
}

static void try_old_tls(struct trial_kit *kit, struct evidence_list *e)
{
    const struct config *c = kit->node->started;
    unsigned n = 0;
    unsigned n_refused = 0;

    for (size_t i = 0; i < c->n_listeners; i++) {
        const struct config_listener *l = &c->listeners[i];

        if (!l->has_tls || l->proxy_protocol || config_listener_unix_path(l) != NULL)
            continue;
        n++;
        n_refused += old_tls_refused(l);
    }
    if (n > 0)
        evidence_add(e, "MQ.PR.IP-01.t3", n_refused == n, n, NULL,
                     "%u of %u TLS listeners refused a handshake with TLS 1.1, static RSA, 3DES, "
                     "RC4 and NULL",
                     n_refused, n);
}

/* ---- MQ.PR.IP-02.t2: packets that nobody may send, instead of a CONNECT ---- */

static const struct bytes malformed[] = {
    BYTES("\x00\x00"),                                      /* no such type */
    BYTES("\xc0\x00"),                                      /* PINGREQ before CONNECT */
    BYTES("\x30\x05\x00\x01t12"),                           /* PUBLISH before CONNECT */
    BYTES("\x82\x06\x00\x01\x00\x01t\x00"),                 /* SUBSCRIBE before CONNECT */
    BYTES("\x20\x02\x00\x00"),                              /* CONNACK from a client */
    BYTES("\xd0\x00"),                                      /* PINGRESP from a client */
    BYTES("\x90\x03\x00\x01\x00"),                          /* SUBACK from a client */
    BYTES("\x10\xff\xff\xff\xff\x7f"),                      /* remaining length of five bytes */
    BYTES("\x11\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x"), /* reserved flags of CONNECT */
    BYTES("\x10\x0d\x00\x04MQTT\x04\x03\x00\x3c\x00\x01x"), /* reserved connect flag */
    BYTES("\x10\x0d\x00\x04MQTX\x04\x02\x00\x3c\x00\x01x"), /* protocol name */
    BYTES("\x10\x0d\x00\x04MQTT\x09\x02\x00\x3c\x00\x01x"), /* protocol level */
    BYTES("\x10\x0d\x00\x04MQTT\x04\x1a\x00\x3c\x00\x01x"), /* Will QoS 3 without a Will */
    BYTES(
        "\x10\x0d\x00\x04MQTT\x04\x42\x00\x3c\x00\x01x"), /* password without user name in 3.1.1 */
    BYTES("\x10\x0d\x00\x04MQTT\x04\x22\x00\x3c\x00\x01x"),    /* Will Retain without a Will */
    BYTES("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01\xff"), /* ill-formed UTF-8 */
    BYTES("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01\x00"), /* U+0000 */
    BYTES("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x09x"),    /* string past the end */
    BYTES("\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00"),     /* no client id, session kept */
    BYTES("\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x01xy"),   /* bytes behind the end */
    BYTES("\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x03\x21\x00\x00\x00\x01x"), /* Receive Maximum 0 */
    BYTES("\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x02\x17\x02\x00\x01x"),     /* Request Problem 2 */
};

static bool is_closed_for(const struct trial_kit *kit, const struct config_listener *l,
                          struct bytes packet)
{
    struct stream *s = plain_stream(l);
    bool closed = false;
    size_t n = 0;

    if (s != NULL && stream_write(s, packet.at, packet.len, &n) == STREAM_OK)
        closed = trial_closed_after_ms(kit, stream_fd(s), clock_now_ns(), TRIAL_MS) != UINT64_MAX;
    stream_free(s);
    return closed;
}

static void try_malformed(struct trial_kit *kit, struct evidence_list *e)
{
    const struct config *c = kit->node->started;

    for (size_t i = 0; i < c->n_listeners; i++) {
        size_t n_closed = 0;

        if (c->listeners[i].has_tls || !config_listener_is_direct(&c->listeners[i]))
            continue;
        for (size_t k = 0; k < COUNT_OF(malformed); k++)
            n_closed += is_closed_for(kit, &c->listeners[i], malformed[k]);
        kit->n_malformed += COUNT_OF(malformed);
        evidence_add(
            e, "MQ.PR.IP-02.t2", (double)n_closed / COUNT_OF(malformed), COUNT_OF(malformed), NULL,
            "%zu of %zu malformed packets ended their connection", n_closed, COUNT_OF(malformed));
        return;
    }
}

/**
 * self_trials() - one round; takes as long as the connect timeout and a few seconds more
 *
 * Return: false if the node stops: what @e has then does not count.
 */
bool self_trials(struct trial_kit *kit, struct evidence_list *e)
{
    static void (*const trials[])(struct trial_kit * kit, struct evidence_list * e) = {
        try_anonymous, try_rights,     try_credentials, try_old_tls, try_renegotiation,
        try_malformed, try_keep_alive, try_takeover,    try_blocks,  try_connect_timeout,
    };

    for (size_t i = 0; i < COUNT_OF(trials) && !is_stopping(kit); i++)
        trials[i](kit, e);
    return !is_stopping(kit);
}
