/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_connections.c - attacks of `bastide drill` by connections and by identities
 *
 * MQ.DE.NM-01 MQ.DE.NM-02 MQ.DE.ID-01 MQ.DE.ID-04 MQ.PR.IA-02 MQ.PR.IA-03 MQ.PR.SP-05
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "client/client.h"
#include "io/io.h"
#include "lab/drill_acts.h"

#define KEEP_ALIVE_S 300 /* of who says nothing: longer than the drill */
#define SESSION_S    5   /* that is left behind; of a user only so many are kept at a time */

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

bool comes_again(struct bout *b, unsigned i)
{
    const struct client_settings s = bout_settings(b);

    (void)i;
    return visits(&s, true);
}

bool is_cut_off(struct bout *b, unsigned i)
{
    const struct client_settings s = bout_settings(b);

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
        .timeout_ms = b->answer_ms,
    };
    char *error = NULL;
    struct stream *s = stream_connect(&to, &error);

    free(error);
    return s;
}

bool knocks_and_runs(struct bout *b, unsigned i)
{
    struct stream *s = knock(b, NULL);

    (void)i;
    stream_free(s);
    return s != NULL;
}

bool knocks_and_waits(struct bout *b, unsigned i)
{
    struct stream *s = knock(b, NULL);

    (void)i;
    check(b->n_streams < BOUT_PEERS_MAX);
    b->streams[b->n_streams++] = s;
    return s != NULL;
}

static bool waits_for(const struct bout *b, const struct stream *s)
{
    struct pollfd p = {.fd = stream_fd(s), .events = POLLIN};

    if (stream_wants(s) & LOOP_WRITE)
        p.events |= POLLOUT;
    return poll(&p, 1, (int)b->answer_ms) > 0;
}

/* A packet type that there is not. */
bool talks_nonsense(struct bout *b, unsigned i)
{
    static const uint8_t nonsense[] = {0x00, 0x00};
    struct stream *s = knock(b, b->d->tls_nobody);
    enum stream_outcome o = STREAM_FAILED;
    bool was_said;
    size_t n = 0;

    (void)i;
    while (s != NULL && (o = stream_handshake(s)) == STREAM_AGAIN && waits_for(b, s))
        continue;
    if (o == STREAM_OK)
        o = stream_write(s, nonsense, sizeof(nonsense), &n);
    was_said = n == sizeof(nonsense);
    while (o == STREAM_OK || (o == STREAM_AGAIN && waits_for(b, s))) { /* until it hangs up */
        uint8_t answer[64];

        o = stream_read(s, answer, sizeof(answer), &n);
    }
    stream_free(s);
    return was_said;
}

static bool is_silent(struct bout *b, uint16_t keep_alive_s, unsigned i)
{
    struct client_settings s = bout_settings(b);
    char id[sizeof(b->client_id) + 8];

    snprintf(id, sizeof(id), "%s-%u", b->client_id, i);
    s.client_id = id;
    s.keep_alive_s = keep_alive_s;
    return bout_connect(b, &s) != NULL;
}

bool says_nothing(struct bout *b, unsigned i)
{
    return is_silent(b, KEEP_ALIVE_S, i);
}

bool says_nothing_for_ever(struct bout *b, unsigned i)
{
    return is_silent(b, 0, i);
}

/* ---- identities ---- */

static bool tries(struct bout *b, const char *user, const char *password)
{
    struct client_settings s = bout_settings(b);

    s.tls = b->d->tls_nobody;
    s.user_name = user;
    s.password = password;
    return visits(&s, true);
}

bool guesses(struct bout *b, unsigned i)
{
    char guess[16];

    snprintf(guess, sizeof(guess), "guess-%u", i);
    return tries(b, DRILL_NAME, guess);
}

bool tries_many_names(struct bout *b, unsigned i)
{
    char name[24];

    snprintf(name, sizeof(name), "drill-nobody-%u", i);
    return tries(b, name, "password");
}

bool tries_default_name(struct bout *b, unsigned i)
{
    static const char *const names[] = {"root", "guest", "test"};

    return tries(b, names[i % COUNT_OF(names)], "password");
}

/* From two places in turns, each taking the session from the other. */
bool takes_over(struct bout *b, unsigned i)
{
    struct client_settings s = bout_settings(b);
    char elsewhere[16];

    snprintf(elsewhere, sizeof(elsewhere), "127.0.3.%u", (unsigned)(b->run % 250) + 1);
    if (i % 2 == 1)
        s.bind_address = elsewhere;
    return bout_connect(b, &s) != NULL;
}

bool makes_up_client_ids(struct bout *b, unsigned i)
{
    struct client_settings s = bout_settings(b);
    char id[sizeof(b->client_id) + 24];

    snprintf(id, sizeof(id), "%s-%u-%u", b->client_id, b->run, i);
    s.client_id = id;
    s.session_expiry_s = SESSION_S;
    return visits(&s, true);
}

bool comes_with_an_older_version(struct bout *b, unsigned i)
{
    struct client_settings s = bout_settings(b);

    s.level = i < 3 ? WIRE_V5 : WIRE_V311; /* known after three */
    return visits(&s, true);
}

bool comes_from_elsewhere(struct bout *b, unsigned i)
{
    struct client_settings s = bout_settings(b);
    char elsewhere[16];

    snprintf(elsewhere, sizeof(elsewhere), "127.%u.%u.1", b->run / 250 % 250 + 1, b->run % 250 + 1);
    if (i >= 3)
        s.bind_address = elsewhere;
    return visits(&s, true);
}

bool shows_a_strange_certificate(struct bout *b, unsigned i)
{
    struct client_settings s = bout_settings(b);
    char *error = NULL;

    (void)i;
    s.tls = drill_strange_tls(b->d, DRILL_NAME, &error);
    if (s.tls != NULL)
        (void)visits(&s, true);
    tls_context_unref(s.tls);
    free(error);
    return s.tls != NULL;
}

bool leaves_a_bad_will(struct bout *b, unsigned i)
{
    const struct client_message will = {.topic = BYTES("fmb/command/breaker-1/switch"),
                                        .payload = BYTES("{}")};
    struct client_settings s = bout_settings(b);

    (void)i;
    s.will = &will;
    return visits(&s, true);
}
