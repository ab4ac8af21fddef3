/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_attacks.c - the attacks of `bastide drill`, each in small: a table
 *
 * What is not here compares a client with what it was used to for hours, or says
 * something of the whole fleet, which would be untrue of this one.  The unit tests exercise
 * that.  All clients come by the one certificate of the drill, so that the register of
 * devices has one more and not many.
 *
 * MQ.DE.NM-01 MQ.DE.NM-02 MQ.DE.ID-01 MQ.DE.ID-02 MQ.DE.ID-03 MQ.DE.ID-04 MQ.PR.SP-03 MQ.PR.SP-05
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/client.h"
#include "io/io.h"
#include "lab/drill_bout.h"

#define ANSWER_MS      60000 /* who guesses is answered with delay, by a small machine slowly */
#define LARGE_BYTES    300000
#define DEEP_LEVELS    40
#define PROPERTY_BYTES 20000
#define FLOOD_MESSAGES 100 /* in FLOOD_MS, each attempt */
#define FLOOD_MS       250
#define QUEUE_MESSAGES 700
#define KEEP_ALIVE_S   300 /* of who says nothing: longer than the drill */
#define BOMB_FILTERS   120
#define SESSION_S      60 /* that is left behind */
#define USER_PROPERTY  0x26

/* ---- those who attack ---- */

static struct client_settings settings_of(const struct bout *b)
{
    const struct drill *d = b->d;

    return (struct client_settings){
        .host = d->home.address,
        .port = d->home.port,
        .bind_address = b->source,
        .tls = d->tls,
        .server_name = d->home.server_name,
        .client_id = b->client_id,
        .timeout_ms = ANSWER_MS,
    };
}

/* It is the bout's from here on, and closed at its end. */
static struct client *hold(struct bout *b, struct client *c)
{
    check(b->n_clients < BOUT_PEERS_MAX);
    return b->clients[b->n_clients++] = c;
}

static struct client *attacker(const struct bout *b)
{
    return b->clients[0];
}

static struct client *connected(struct bout *b, const struct client_settings *s)
{
    struct client *c = hold(b, client_new(s));

    return client_connect(c) == CLIENT_OK ? c : NULL;
}

/** bout_comes_in() - the attacker must be let in before it can do harm */
bool bout_comes_in(struct bout *b, char **ret_error)
{
    const struct client_settings s = settings_of(b);

    return drill_comes_in(b->d, hold(b, client_new(&s)), ret_error);
}

/* Comes in, and goes as @how says. */
static bool visits(const struct client_settings *s, bool says_goodbye)
{
    struct client *c = client_new(s);
    enum client_outcome o = client_connect(c);

    if (says_goodbye)
        client_disconnect(c, REASON_SUCCESS);
    client_free(c);
    return o == CLIENT_OK || o == CLIENT_E_REFUSED;
}

/* ---- connections ---- */

static bool comes_again(struct bout *b, unsigned i)
{
    const struct client_settings s = settings_of(b);

    (void)i;
    return visits(&s, true);
}

static bool is_cut_off(struct bout *b, unsigned i)
{
    const struct client_settings s = settings_of(b);

    (void)i;
    return visits(&s, false);
}

static struct stream *knock(const struct bout *b, struct tls_context *tls)
{
    const struct stream_target to = {
        .host = b->d->home.address,
        .port = b->d->home.port,
        .source = b->source,
        .tls = tls,
        .server_name = b->d->home.server_name,
        .timeout_ms = ANSWER_MS,
    };
    char *error = NULL;
    struct stream *s = stream_connect(&to, &error);

    free(error);
    return s;
}

static bool knocks_and_runs(struct bout *b, unsigned i)
{
    struct stream *s = knock(b, NULL);

    (void)i;
    stream_free(s);
    return s != NULL;
}

static bool knocks_and_waits(struct bout *b, unsigned i)
{
    struct stream *s = knock(b, NULL);

    (void)i;
    check(b->n_streams < BOUT_PEERS_MAX);
    b->streams[b->n_streams++] = s;
    return s != NULL;
}

static bool waits_for(const struct stream *s)
{
    struct pollfd p = {.fd = stream_fd(s), .events = POLLIN};

    if (stream_wants(s) & LOOP_WRITE)
        p.events |= POLLOUT;
    return poll(&p, 1, ANSWER_MS) > 0;
}

/* A packet type that there is not. */
static bool talks_nonsense(struct bout *b, unsigned i)
{
    static const uint8_t nonsense[] = {0x00, 0x00};
    struct stream *s = knock(b, b->d->tls_nobody);
    enum stream_outcome o = STREAM_FAILED;
    bool was_said;
    size_t n = 0;

    (void)i;
    while (s != NULL && (o = stream_handshake(s)) == STREAM_AGAIN && waits_for(s))
        continue;
    if (o == STREAM_OK)
        o = stream_write(s, nonsense, sizeof(nonsense), &n);
    was_said = n == sizeof(nonsense);
    while (o == STREAM_OK || (o == STREAM_AGAIN && waits_for(s))) { /* until it hangs up */
        uint8_t answer[64];

        o = stream_read(s, answer, sizeof(answer), &n);
    }
    stream_free(s);
    return was_said;
}

static bool is_silent(struct bout *b, uint16_t keep_alive_s, unsigned i)
{
    struct client_settings s = settings_of(b);
    char id[sizeof(b->client_id) + 8];

    snprintf(id, sizeof(id), "%s-%u", b->client_id, i);
    s.client_id = id;
    s.keep_alive_s = keep_alive_s;
    return connected(b, &s) != NULL;
}

static bool says_nothing(struct bout *b, unsigned i)
{
    return is_silent(b, KEEP_ALIVE_S, i);
}

static bool says_nothing_for_ever(struct bout *b, unsigned i)
{
    return is_silent(b, 0, i);
}

/* ---- identities ---- */

static bool tries(struct bout *b, const char *user, const char *password)
{
    struct client_settings s = settings_of(b);

    s.tls = b->d->tls_nobody;
    s.user_name = user;
    s.password = password;
    return visits(&s, true);
}

static bool guesses(struct bout *b, unsigned i)
{
    char guess[16];

    snprintf(guess, sizeof(guess), "guess-%u", i);
    return tries(b, DRILL_NAME, guess);
}

static bool tries_many_names(struct bout *b, unsigned i)
{
    char name[24];

    snprintf(name, sizeof(name), "drill-nobody-%u", i);
    return tries(b, name, "password");
}

static bool tries_default_name(struct bout *b, unsigned i)
{
    static const char *const names[] = {"root", "guest", "test"};

    return tries(b, names[i % COUNT_OF(names)], "password");
}

/* From two places in turns, each taking the session from the other. */
static bool takes_over(struct bout *b, unsigned i)
{
    struct client_settings s = settings_of(b);
    char elsewhere[16];

    snprintf(elsewhere, sizeof(elsewhere), "127.0.3.%u", (unsigned)(b->run % 250) + 1);
    if (i % 2 == 1)
        s.bind_address = elsewhere;
    return connected(b, &s) != NULL;
}

static bool makes_up_client_ids(struct bout *b, unsigned i)
{
    struct client_settings s = settings_of(b);
    char id[sizeof(b->client_id) + 24];

    snprintf(id, sizeof(id), "%s-%u-%u", b->client_id, b->run, i);
    s.client_id = id;
    s.session_expiry_s = SESSION_S;
    return visits(&s, true);
}

static bool comes_with_an_older_version(struct bout *b, unsigned i)
{
    struct client_settings s = settings_of(b);

    s.level = i < 3 ? WIRE_V5 : WIRE_V311; /* known after three */
    return visits(&s, true);
}

static bool comes_from_elsewhere(struct bout *b, unsigned i)
{
    struct client_settings s = settings_of(b);
    char elsewhere[16];

    snprintf(elsewhere, sizeof(elsewhere), "127.%u.%u.1", b->run / 250 % 250 + 1, b->run % 250 + 1);
    if (i >= 3)
        s.bind_address = elsewhere;
    return visits(&s, true);
}

static bool shows_a_strange_certificate(struct bout *b, unsigned i)
{
    struct client_settings s = settings_of(b);
    char *error = NULL;

    (void)i;
    s.tls = drill_strange_tls(b->d, DRILL_NAME, &error);
    if (s.tls != NULL)
        (void)visits(&s, true);
    tls_context_unref(s.tls);
    free(error);
    return s.tls != NULL;
}

static bool leaves_a_bad_will(struct bout *b, unsigned i)
{
    const struct client_message will = {.topic = BYTES("fmb/command/breaker-1/switch"),
                                        .payload = BYTES("{}")};
    struct client_settings s = settings_of(b);

    (void)i;
    s.will = &will;
    return visits(&s, true);
}

/* ---- messages ---- */

static bool publishes(struct client *c, const struct client_message *m)
{
    enum client_outcome o = client_publish(c, m);

    return o == CLIENT_OK || o == CLIENT_E_REFUSED;
}

static bool says(struct bout *b, const char *topic, bool retain)
{
    const struct client_message m = {
        .topic = bytes_str(topic), .payload = BYTES("{}"), .qos = 1, .retain = retain};

    return publishes(attacker(b), &m);
}

static bool publishes_elsewhere(struct bout *b, unsigned i)
{
    char topic[BOUT_TOPIC_MAX];

    snprintf(topic, sizeof(topic), BOUT_OWN "/scan-%u-%u", b->run, i);
    return says(b, topic, false);
}

static bool publishes_to_nobody(struct bout *b, unsigned i)
{
    (void)i;
    return says(b, BOUT_OWN "/nobody", false);
}

static bool retains(struct bout *b, unsigned i)
{
    char topic[BOUT_TOPIC_MAX];

    snprintf(topic, sizeof(topic), BOUT_OWN "/kept-%u", i);
    return says(b, topic, true);
}

static bool commands_what_it_may_not(struct bout *b, unsigned i)
{
    (void)i;
    return says(b, "fmb/command/breaker-1/switch", false);
}

static bool commands_without_end(struct bout *b, unsigned i)
{
    (void)i;
    return says(b, BOUT_OWN "/command/lamp", false);
}

static void add_text(struct buf *to, const char *text)
{
    buf_add_u8(to, (uint8_t)(strlen(text) >> 8));
    buf_add_u8(to, (uint8_t)strlen(text));
    buf_add(to, bytes_str(text));
}

static void add_property(struct buf *to, const char *name, const char *value)
{
    buf_add_u8(to, USER_PROPERTY);
    add_text(to, name);
    add_text(to, value);
}

static bool says_with(struct bout *b, const char *topic, const struct buf *properties)
{
    const struct client_message m = {.topic = bytes_str(topic),
                                     .payload = BYTES("{}"),
                                     .forward = buf_view(properties),
                                     .qos = 1};

    return publishes(attacker(b), &m);
}

/* The same command again and again, as somebody would who has recorded it. */
static bool replays(struct bout *b, unsigned i)
{
    CLEANUP(buf_done) struct buf properties = {0};
    char sequence[24], now[24];

    (void)i;
    snprintf(sequence, sizeof(sequence), "%u", b->run);
    snprintf(now, sizeof(now), "%llu", (unsigned long long)clock_unix_ms());
    add_property(&properties, "sequence", sequence);
    add_property(&properties, "time", now);
    return says_with(b, BOUT_OWN "/command/lamp", &properties);
}

static bool publishes_properties(struct bout *b, unsigned i)
{
    CLEANUP(buf_done) struct buf properties = {0};
    char *value = mem_zero(PROPERTY_BYTES + 1);
    bool ok;

    (void)i;
    memset(value, 'x', PROPERTY_BYTES);
    add_property(&properties, "drill", value);
    ok = says_with(b, BOUT_OWN "/properties", &properties);
    free(value);
    return ok;
}

static bool publishes_deep(struct bout *b, unsigned i)
{
    CLEANUP(buf_done) struct buf topic = {0};

    (void)i;
    buf_addf(&topic, BOUT_OWN);
    for (unsigned k = 0; k < DEEP_LEVELS; k++)
        buf_addf(&topic, "/d");
    buf_add_u8(&topic, '\0');
    return says(b, (const char *)topic.at, false);
}

static bool publishes_large(struct bout *b, unsigned i)
{
    uint8_t *payload = mem_zero(LARGE_BYTES);
    const struct client_message m = {
        .topic = BYTES(BOUT_OWN "/large"), .payload = bytes_of(payload, LARGE_BYTES), .qos = 1};
    bool ok = publishes(attacker(b), &m);

    (void)i;
    free(payload);
    return ok;
}

static bool floods(struct bout *b, unsigned i)
{
    const struct client_message m = {.topic = BYTES(BOUT_OWN "/flood"), .payload = BYTES("{}")};

    (void)i;
    for (unsigned k = 0; k < FLOOD_MESSAGES; k++)
        if (client_publish_start(attacker(b), &m) != CLIENT_OK)
            return false;
    usleep(FLOOD_MS * 1000); /* it is the rate that is tried */
    return true;
}

/* Nothing is read, so PUBREL never comes. */
static bool leaves_qos2_open(struct bout *b, unsigned i)
{
    const struct client_message m = {
        .topic = BYTES(BOUT_OWN "/open"), .payload = BYTES("{}"), .qos = 2};

    (void)i;
    return client_publish_start(attacker(b), &m) == CLIENT_OK;
}

/* The attacker subscribes and does not read; somebody else publishes. */
static bool does_not_read(struct bout *b, unsigned i)
{
    const struct client_message m = {
        .topic = BYTES(BOUT_OWN "/unread"), .payload = BYTES("{}"), .qos = 1};
    struct client_settings s = settings_of(b);
    char id[sizeof(b->client_id) + 8];
    struct client *other;
    bool ok = client_subscribe(attacker(b), BOUT_OWN "/unread", 1) == CLIENT_OK;

    (void)i;
    snprintf(id, sizeof(id), "%s-other", b->client_id);
    s.client_id = id;
    other = connected(b, &s);
    for (unsigned k = 0; ok && other != NULL && k < QUEUE_MESSAGES; k++)
        ok = client_publish_start(other, &m) == CLIENT_OK;
    return ok && other != NULL;
}

/* ---- what is another one's ---- */

static bool owner_says(struct bout *b, const char *topic, bool retain)
{
    const struct client_message m = {
        .topic = bytes_str(topic), .payload = BYTES("{}"), .qos = 1, .retain = retain};
    struct client_settings s = settings_of(b);
    char id[sizeof(b->client_id) + 8];
    struct client *c;
    bool ok;

    snprintf(id, sizeof(id), "%s-owner", b->client_id);
    s.client_id = id;
    c = client_new(&s);
    ok = client_connect(c) == CLIENT_OK && publishes(c, &m);
    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
    return ok;
}

static bool replaces_what_is_retained(struct bout *b, unsigned i)
{
    (void)i;
    return owner_says(b, BOUT_OWN "/owned", true) && says(b, BOUT_OWN "/owned", true);
}

/* It is its owner's when it was seen there five times. */
static bool speaks_for_another(struct bout *b, unsigned i)
{
    return i < 5 ? owner_says(b, BOUT_OWN "/report", false) : says(b, BOUT_OWN "/report", false);
}

/* ---- subscriptions ---- */

static bool subscribes(struct bout *b, const char *filter)
{
    enum client_outcome o = client_subscribe(attacker(b), filter, 0);

    return o == CLIENT_OK || o == CLIENT_E_REFUSED;
}

static bool subscribes_elsewhere(struct bout *b, unsigned i)
{
    char filter[BOUT_TOPIC_MAX];

    snprintf(filter, sizeof(filter), BOUT_OWN "/scan-%u-%u/+", b->run, i);
    return subscribes(b, filter);
}

/* All in one packet: one after another they would be a scan, and end sooner. */
static bool subscribes_without_end(struct bout *b, unsigned i)
{
    struct wire_subscription subs[BOMB_FILTERS];
    uint8_t reasons[BOMB_FILTERS];
    char filters[BOMB_FILTERS][64];

    (void)i;
    memset(subs, 0, sizeof(subs));
    for (unsigned k = 0; k < BOMB_FILTERS; k++) {
        snprintf(filters[k], sizeof(filters[k]), BOUT_OWN "/bomb-%u-%u", b->run, k);
        subs[k].filter = bytes_str(filters[k]);
    }
    return client_subscribe_all(attacker(b), subs, BOMB_FILTERS, reasons) == CLIENT_OK;
}

static bool asks_for_what_is_not_its(struct bout *b, unsigned i)
{
    char filter[BOUT_TOPIC_MAX];

    snprintf(filter, sizeof(filter), "fmb/not-its/%u", i % 5);
    return subscribes(b, filter);
}

static bool asks_for_sys(struct bout *b, unsigned i)
{
    (void)i;
    return subscribes(b, "$SYS/#");
}

static bool asks_for_all(struct bout *b, unsigned i)
{
    (void)i;
    return subscribes(b, "+/drill/" DRILL_ID "/#");
}

/* ---- the table ---- */

/* clang-format off */
static const struct attack attacks[] = {
    {"silent connections",          "MQ.DE.ID-04", "R07", "connection-pileup",            true,  false, says_nothing,              10,  150, true},
    {"silence without end",         "MQ.DE.ID-04", "R07", "keepalive-abuse",              true,  false, says_nothing_for_ever,     5,   150, true},
    {"connections without CONNECT", "MQ.PR.SP-05", "R07", "slow-connect",                 true,  false, knocks_and_waits,          6,   60,  true},
    {"connections again and again", "MQ.DE.NM-01", "R07", "repeated-connection-attempts", false, false, comes_again,               16,  15,  false},
    {"connections to nothing",      "MQ.DE.NM-01", "R07", "connection-flood",             true,  false, knocks_and_runs,           40,  15,  false},
    {"connections that are cut",    "MQ.DE.NM-02", "R07", "abnormal-termination",         false, false, is_cut_off,                10,  15,  false},
    {"password guessing",           "MQ.DE.ID-01", "R01", "repeated-auth-failures",       true,  false, guesses,                   12,  15,  false},
    {"many names",                  "MQ.DE.ID-01", "R01", "credential-stuffing",          true,  false, tries_many_names,          6,   15,  false},
    {"names that everybody knows",  "MQ.PR.IA-03", "R01", "default-credentials",          true,  false, tries_default_name,        3,   15,  false},
    {"a fight for a client id",     "MQ.PR.IA-03", "R02", "client-id-takeover-war",       false, false, takes_over,                8,   15,  false},
    {"made-up client ids",          "MQ.PR.SP-05", "R07", "session-hoarding",             true,  false, makes_up_client_ids,       30,  15,  false},
    {"an older version",            "MQ.PR.IP-01", "R06", "protocol-downgrade",           false, false, comes_with_an_older_version, 4, 15,  false},
    {"another network",             "MQ.PR.IA-03", "R01", "source-change",                false, false, comes_from_elsewhere,      4,   15,  false},
    {"a certificate of a stranger", "MQ.PR.IA-02", "R02", "bad-certificate",              true,  false, shows_a_strange_certificate, 1, 15,  false},
    {"packets that are none",       "MQ.PR.SP-01", "R07", "malformed-packets",            true,  false, talks_nonsense,            6,   15,  false},
    {"a Will on a command topic",   "MQ.PR.SP-03", "R04", "will-abuse",                   false, false, leaves_a_bad_will,         1,   15,  false},
    {"topic scan by publishing",    "MQ.DE.ID-02", "R04", "topic-scan-publish",           false, true,  publishes_elsewhere,       60,  15,  false},
    {"topic scan by subscribing",   "MQ.DE.ID-02", "R07", "topic-scan-subscribe",         false, true,  subscribes_elsewhere,      30,  15,  false},
    {"subscriptions without end",   "MQ.PR.SP-05", "R07", "subscription-bomb",            false, true,  subscribes_without_end,    1,   15,  false},
    {"a filter for everything",     "MQ.DE.ID-02", "R03", "wildcard-snoop",               false, true,  asks_for_all,              1,   15,  false},
    {"what is not its",             "MQ.DE.ID-02", "R07", "acl-violations",               false, true,  asks_for_what_is_not_its,  11,  15,  false},
    {"the node's own topics",       "MQ.DE.ID-02", "R07", "sys-recon",                    false, true,  asks_for_sys,              1,   15,  false},
    {"messages to nobody",          "MQ.DE.ID-03", "R07", "undeliverable-messages",       false, true,  publishes_to_nobody,       110, 60,  false},
    {"a command of nobody",         "MQ.PR.SP-03", "R04", "unauthorized-command",         false, true,  commands_what_it_may_not,  1,   15,  false},
    {"commands without end",        "MQ.PR.SP-03", "R04", "brute-force-io",               false, true,  commands_without_end,      40,  15,  false},
    {"a command again",             "MQ.PR.IP-02", "R04", "message-replay",               false, true,  replays,                   2,   15,  false},
    {"another's retained message",  "MQ.PR.IP-02", "R04", "retained-poisoning",           false, true,  replaces_what_is_retained, 1,   15,  false},
    {"a report for another",        "MQ.PR.IP-02", "R04", "spoofed-report",               false, true,  speaks_for_another,        6,   15,  false},
    {"a flood of retained topics",  "MQ.PR.SP-05", "R07", "retained-flood",               false, true,  retains,                   110, 15,  false},
    {"a flood of messages",         "MQ.PR.SP-05", "R07", "publish-flood",                false, true,  floods,                    40,  15,  false},
    {"a topic of 40 levels",        "MQ.PR.SP-05", "R07", "topic-depth-abuse",            false, true,  publishes_deep,            1,   15,  false},
    {"a payload of 300 kB",         "MQ.PR.SP-05", "R07", "oversize-payload",             false, true,  publishes_large,           1,   15,  false},
    {"20 kB of properties",         "MQ.PR.SP-05", "R07", "property-abuse",               false, true,  publishes_properties,      1,   15,  false},
    {"QoS 2 that is not finished",  "MQ.PR.SP-05", "R07", "qos2-inflight-exhaustion",     false, true,  leaves_qos2_open,          50,  15,  false},
    {"a reader that does not read", "MQ.PR.SP-05", "R07", "slow-consumer",                false, true,  does_not_read,             1,   15,  false},
};
/* clang-format on */

/** drill_attack() - Return: the @i-th; NULL after the last. */
const struct attack *drill_attack(size_t i)
{
    return i < COUNT_OF(attacks) ? &attacks[i] : NULL;
}

/* What is left in the node of it goes, so that the next round is the first one again. */
static void forget_retained(struct bout *b, const char *topic)
{
    const struct client_message nothing = {.topic = bytes_str(topic), .qos = 1, .retain = true};

    if (b->n_clients > 0)
        (void)publishes(attacker(b), &nothing);
}

/** bout_clean_up() - all that it holds ends, and what it left in the node goes */
void bout_clean_up(struct bout *b)
{
    char topic[BOUT_TOPIC_MAX];

    for (unsigned i = 0; b->attack->attempt == retains && i < b->attack->attempts; i++) {
        snprintf(topic, sizeof(topic), BOUT_OWN "/kept-%u", i);
        forget_retained(b, topic);
    }
    if (b->attack->attempt == replaces_what_is_retained)
        forget_retained(b, BOUT_OWN "/owned");
    for (unsigned i = 0; i < b->n_clients; i++) {
        client_disconnect(b->clients[i], REASON_SUCCESS);
        client_free(b->clients[i]);
    }
    for (unsigned i = 0; i < b->n_streams; i++)
        stream_free(b->streams[i]);
    b->n_clients = b->n_streams = 0;
}
