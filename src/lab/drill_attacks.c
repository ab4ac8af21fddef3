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
#include <stdio.h>

#include "base/err.h"
#include "client/client.h"
#include "io/io.h"
#include "lab/drill_acts.h"

/* ---- those who attack ---- */

/** bout_settings() - a client of the bout, from its address; texts borrowed from it */
struct client_settings bout_settings(const struct bout *b)
{
    const struct drill *d = b->d;

    return (struct client_settings){
        .host = d->home.address,
        .port = d->home.port,
        .bind_address = b->source,
        .tls = d->tls,
        .server_name = d->home.server_name,
        .client_id = b->client_id,
        .timeout_ms = b->answer_ms,
    };
}

/** bout_hold() - it is the bout's from here on, and closed at its end */
struct client *bout_hold(struct bout *b, struct client *c)
{
    check(b->n_clients < BOUT_PEERS_MAX);
    return b->clients[b->n_clients++] = c;
}

/** bout_attacker() - its first client */
struct client *bout_attacker(const struct bout *b)
{
    return b->clients[0];
}

/** bout_connect() - one client more, that is connected; NULL: it could not */
struct client *bout_connect(struct bout *b, const struct client_settings *s)
{
    struct client *c = bout_hold(b, client_new(s));

    return client_connect(c) == CLIENT_OK ? c : NULL;
}

/** bout_comes_in() - the attacker must be let in before it can do harm */
bool bout_comes_in(struct bout *b, char **ret_error)
{
    const struct client_settings s = bout_settings(b);

    return drill_comes_in(b->d, bout_hold(b, client_new(&s)), ret_error);
}

/** bout_publish() - that it is refused is an attempt, too */
bool bout_publish(struct client *c, const struct client_message *m)
{
    enum client_outcome o = client_publish(c, m);

    return o == CLIENT_OK || o == CLIENT_E_REFUSED;
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
        (void)bout_publish(bout_attacker(b), &nothing);
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
