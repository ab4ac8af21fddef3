/* SPDX-License-Identifier: Apache-2.0 */
/* lab/actor.c - what all actors have in common: a connection, a loop, reports */
#include "lab/lab_private.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/io.h"

#define KEEP_ALIVE_S 30
#define ALIAS_MAX    16 /* an actor hears the same few topics again and again */

/* clang-format off */
const struct lab_actor *const lab_actors[LAB_ACTORS_N] = {
    [LAB_SUPPLY]   = &lab_supply,
    [LAB_CAP_BANK] = &lab_cap_bank,
    [LAB_METER]    = &lab_meter,
    [LAB_DMS]      = &lab_dms,
    [LAB_TABLET]   = &lab_tablet,
};
/* clang-format on */

/** lab_report_text() - the stable name of an event */
const char *lab_report_text(enum lab_report_kind k)
{
    /* clang-format off */
    static const char *const texts[] = {
#define X(name, text) [LAB_##name] = (text),
        LAB_REPORTS(X)
#undef X
    };
    /* clang-format on */

    return texts[k];
}

static unsigned index_of(const struct lab_actor *a)
{
    unsigned i = 0;

    while (lab_actors[i] != a)
        i++;
    return i;
}

static void send_report(struct lab_stage *s, enum lab_report_kind kind, const char *text)
{
    struct lab_report r = {
        .kind = kind,
        .actor = index_of(s->actor),
        .at_ns = clock_now_ns(),
        .at_unix_ms = clock_unix_ms(),
        .state = s->state,
    };
    ssize_t n;

    snprintf(r.text, sizeof(r.text), "%s", text);
    n = write(s->reports, &r, sizeof(r)); /* less than PIPE_BUF: whole or not at all */
    (void)n;                              /* nobody reads any more: the manager's end shows soon */
}

/** lab_report() - tell the stage manager; before the message that causes the next one goes out */
void lab_report(struct lab_stage *s, enum lab_report_kind kind)
{
    send_report(s, kind, "");
}

static bool failed(struct lab_stage *s, const char *what)
{
    char text[256];

    snprintf(text, sizeof(text), "%s: %s", what, client_error(s->client));
    send_report(s, LAB_FAILED, text);
    return false;
}

/**
 * lab_publish() - at QoS 1, and wait for the acknowledgement
 * @json:  taken
 *
 * Return: false if it was refused or the connection ended; reported already.
 */
bool lab_publish(struct lab_stage *s, const char *topic, char *json, bool retain)
{
    struct client_message m = {
        .topic = bytes_str(topic), .payload = bytes_str(json), .qos = 1, .retain = retain};
    enum client_outcome o = client_publish(s->client, &m);

    free(json);
    return o == CLIENT_OK || failed(s, client_outcome_text(o));
}

/** lab_plant_set() - act on the plant; its answer comes by sense() */
bool lab_plant_set(struct lab_stage *s, double value)
{
    return send(s->plant, &value, sizeof(value), MSG_NOSIGNAL) == (ssize_t)sizeof(value);
}

/* ---- the loop ---- */

/* All messages that are there; Return: false, the connection ended or the actor gave up. */
static bool take_messages(struct lab_stage *s)
{
    struct client_message m;
    enum client_outcome o;

    while ((o = client_next(s->client, 0, &m)) == CLIENT_OK) {
        if (s->actor->receive != NULL && !s->actor->receive(s, m.topic, m.payload))
            return false;
    }
    return o == CLIENT_NOTHING || failed(s, client_outcome_text(o));
}

static bool take_sense(struct lab_stage *s)
{
    double value;

    if (recv(s->plant, &value, sizeof(value), 0) != (ssize_t)sizeof(value)) {
        send_report(s, LAB_FAILED, "the plant is gone");
        return false;
    }
    return s->actor->sense(s, value);
}

/* Return: false at the end of the play, or the actor gave up. */
static bool take_touch(struct lab_stage *s, bool *ret_is_over)
{
    uint8_t touch;

    *ret_is_over = recv(s->manager, &touch, sizeof(touch), 0) != (ssize_t)sizeof(touch);
    if (*ret_is_over)
        return false;
    return s->actor->touch == NULL || s->actor->touch(s, (enum lab_touch)touch);
}

/* Return: true at the end of the play, false when something went wrong. */
static bool play(struct lab_stage *s)
{
    struct pollfd p[] = {
        {.events = POLLIN},
        {.fd = s->plant, .events = POLLIN},
        {.fd = s->manager, .events = POLLIN},
    };
    bool is_over = false;
    bool ok = true;

    while (ok && take_messages(s)) {
        p[0].fd = client_fd(s->client);
        if (poll(p, COUNT_OF(p), client_due_ms(s->client)) < 0 && errno != EINTR)
            return false;
        if (p[2].revents != 0)
            ok = take_touch(s, &is_over);
        if (ok && p[1].revents != 0)
            ok = take_sense(s);
    }
    return is_over;
}

/* ---- from the first to the last breath ---- */

static bool begin(struct lab_stage *s)
{
    enum client_outcome o = client_connect(s->client);

    if (o != CLIENT_OK)
        return failed(s, "connect");
    for (size_t i = 0; i < LAB_TOPICS_MAX && s->actor->filters[i] != NULL; i++) {
        o = client_subscribe(s->client, s->actor->filters[i], 1);
        if (o != CLIENT_OK)
            return failed(s, "subscribe");
    }
    if (s->actor->start != NULL && !s->actor->start(s))
        return false;
    lab_report(s, LAB_READY);
    return true;
}

/** lab_actor_settings() - how @a connects; borrows all it is given */
struct client_settings lab_actor_settings(const struct lab_home *h, const struct lab_actor *a,
                                          struct tls_context *tls)
{
    return (struct client_settings){
        .host = h->address,
        .port = h->port,
        .tls = tls,
        .server_name = h->server_name,
        .client_id = a->id,
        .keep_alive_s = KEEP_ALIVE_S,
        .alias_max = ALIAS_MAX,
    };
}

static bool live(struct lab_stage *s, const struct lab_home *h, struct tls_context *tls)
{
    struct client_settings settings = lab_actor_settings(h, s->actor, tls);
    bool ok;

    s->client = client_new(&settings);
    ok = begin(s) && play(s);
    client_disconnect(s->client, REASON_SUCCESS);
    s->client = client_free(s->client);
    return ok;
}

static bool is_prepared(const struct lab_home *h, const char *certificate, char **ret_error)
{
    return access(certificate, F_OK) == 0 ||
           text_fail(ret_error, "there is no %s; make it by 'bastide lab --prepare --home %s'",
                     certificate, h->dir);
}

/**
 * lab_actor_run() - one actor, in its own process, until @manager is closed
 * @plant:    its wire, or -1
 * @manager:  where touches come from
 * @reports:  a pipe
 *
 * Of the home it reads its own certificate and key and the CA's certificate.
 *
 * Return: exit status.
 */
int lab_actor_run(const struct lab_home *h, const struct lab_actor *a, int plant, int manager,
                  int reports)
{
    struct lab_stage s = {.actor = a, .plant = plant, .manager = manager, .reports = reports};
    char *certificate = lab_path(h->dir, a->id, ".crt");
    char *key = lab_path(h->dir, a->id, ".key");
    char *error = NULL;
    struct tls_context *tls = is_prepared(h, certificate, &error)
                                  ? tls_context_new_client(h->ca, certificate, key, &error)
                                  : NULL;
    bool ok = false;

    if (tls == NULL)
        send_report(&s, LAB_FAILED, error);
    else
        ok = live(&s, h, tls);
    tls_context_unref(tls);
    free(error);
    free(certificate);
    free(key);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
