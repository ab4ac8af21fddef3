/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_block.c - how long it takes until a telemetry channel is blocked, and what others
 * notice
 *
 * The drill's client publishes and reads two topics of its own.  One of them is quarantined,
 * with a message that is retained and one that waits for a session that is away; the other has
 * to go on as if nothing were.
 *
 * MQ.RS.RP-04
 */
#include "lab/drill.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/client.h"

#define OWN       "fmb/drill/" DRILL_NAME
#define BLOCKED   OWN "/blocked"
#define OPEN      OWN "/open"
#define READER    "drill-2-reader"
#define SOURCE    "127.0.0.210"
#define AWAY_S    300
#define LATE_S    1.0 /* a message of another channel that takes longer counts as disturbed */
#define NOTHING_S 1   /* so long nothing of the blocked one may come */
#define N_OPEN    200

struct block {
    struct drill *d;
    struct client *writer; /* owned */
    struct client *reader; /* owned; is away while it is blocked */
    double apply_s;
    unsigned n_disturbed;
    bool nothing_came;
};

static double seconds_since(uint64_t begun_ns)
{
    return (double)(clock_now_ns() - begun_ns) / (double)NS_PER_S;
}

static enum client_outcome publish(struct block *b, const char *topic, bool retain)
{
    const struct client_message m = {
        .topic = bytes_str(topic), .payload = BYTES("drill"), .qos = 1, .retain = retain};

    return client_publish(b->writer, &m);
}

static bool said(struct client *c, const char *what, char **ret_error)
{
    return text_fail(ret_error, "%s: %s", what, client_error(c));
}

/* Does one of @topic come within @patience_s? */
static bool comes(struct client *c, const char *topic, double patience_s)
{
    uint64_t begun_ns = clock_now_ns();
    struct client_message m;

    while (seconds_since(begun_ns) < patience_s)
        if (client_next(c, 100, &m) == CLIENT_OK && bytes_equal(m.topic, bytes_str(topic)))
            return true;
    return false;
}

/* ---- the steps ---- */

static bool begin(struct block *b, char **ret_error)
{
    b->writer = drill_sleeper(b->d, DRILL_NAME, SOURCE, AWAY_S, false);
    b->reader = drill_sleeper(b->d, READER, SOURCE, AWAY_S, false);
    if (client_connect(b->writer) != CLIENT_OK || client_subscribe(b->writer, OPEN, 1) != CLIENT_OK)
        return said(b->writer, "the drill's client", ret_error);
    if (client_connect(b->reader) != CLIENT_OK ||
        client_subscribe(b->reader, BLOCKED, 1) != CLIENT_OK)
        return said(b->reader, "the drill's reader", ret_error);
    if (publish(b, BLOCKED, true) != CLIENT_OK || !comes(b->reader, BLOCKED, DRILL_PATIENCE_S))
        return text_fail(ret_error, "before the block nothing comes on " BLOCKED);
    client_disconnect(b->reader, REASON_SUCCESS);
    if (publish(b, BLOCKED, false) != CLIENT_OK) /* waits for who is away */
        return said(b->writer, "the drill's client", ret_error);
    return true;
}

static bool strike(struct block *b, char **ret_error)
{
    static const char *const quarantine[] = {"respond", "run", "quarantine", "topic", BLOCKED,
                                             "--for",   "5m",  "--reason",   "drill", NULL};
    uint64_t begun_ns = clock_now_ns();

    if (!operator_do(&b->d->home, quarantine, NULL, ret_error))
        return false;
    while (publish(b, BLOCKED, false) != CLIENT_E_REFUSED)
        if (seconds_since(begun_ns) > DRILL_PATIENCE_S)
            return text_fail(ret_error, "publishing was not refused within %d s", DRILL_PATIENCE_S);
    b->apply_s = seconds_since(begun_ns);
    return true;
}

/* Neither what waits nor what is retained. */
static bool look_at_blocked(struct block *b, char **ret_error)
{
    client_free(b->reader);
    b->reader = drill_sleeper(b->d, READER, SOURCE, AWAY_S, true);
    if (client_connect(b->reader) != CLIENT_OK ||
        client_subscribe(b->reader, BLOCKED, 1) != CLIENT_OK)
        return said(b->reader, "the drill's reader", ret_error);
    b->nothing_came = !comes(b->reader, BLOCKED, NOTHING_S);
    return true;
}

static bool look_at_others(struct block *b, char **ret_error)
{
    for (unsigned i = 0; i < N_OPEN; i++) {
        uint64_t begun_ns = clock_now_ns();

        if (publish(b, OPEN, false) != CLIENT_OK)
            return said(b->writer, "the other channel", ret_error);
        b->n_disturbed += !comes(b->writer, OPEN, LATE_S) || seconds_since(begun_ns) > LATE_S;
    }
    return true;
}

static bool undo(struct block *b, char **ret_error)
{
    static const char *const undo[] = {"respond", "undo",     "quarantine",        "topic",
                                       BLOCKED,   "--reason", "the drill is over", NULL};
    const struct client_message gone = {.topic = BYTES(BLOCKED), .qos = 1, .retain = true};

    if (!operator_do(&b->d->home, undo, NULL, ret_error))
        return false;
    if (client_publish(b->writer, &gone) != CLIENT_OK) /* nothing of the drill stays retained */
        return text_fail(ret_error, "publishing is still refused after the undo");
    return true;
}

static bool whole(struct block *b, char **ret_error)
{
    char *error = NULL;
    bool ok = begin(b, ret_error);
    bool is_blocked = ok && strike(b, ret_error);

    ok = is_blocked && look_at_blocked(b, ret_error) && look_at_others(b, ret_error);
    if (!is_blocked)
        return false;
    if (undo(b, &error))
        return ok;
    if (ok)
        *ret_error = error;
    else
        free(error);
    return false;
}

static bool report(const struct block *b, char **ret_error)
{
    struct drill *d = b->d;
    double ratio = (double)b->n_disturbed / N_OPEN;

    if (!b->nothing_came)
        return text_fail(ret_error,
                         "what waited or was retained was delivered in spite of the block");
    drill_say(d, "a topic is quarantined: refused after %.3f s, and nothing of it is delivered",
              b->apply_s);
    drill_say(d, "%u messages of another channel meanwhile: %u lost or late", N_OPEN,
              b->n_disturbed);
    return drill_value(d, "MQ.RS.RP-04.t2", b->apply_s, 1, "R04", ret_error) &&
           drill_value(d, "MQ.RS.RP-04.t3", ratio, N_OPEN, "R04", ret_error);
}

/** drill_block() - from `bastide respond run quarantine` until nothing of the topic is taken any
 * more
 */
bool drill_block(struct drill *d, char **ret_error)
{
    struct block b = {.d = d};
    bool ok = whole(&b, ret_error) && report(&b, ret_error);

    client_free(b.writer);
    client_free(b.reader);
    return ok;
}
