/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_posture.c - how long it takes until the next posture is in force, and until it is over
 *
 * In force: a listener that the posture closes lets nobody in, as a connection of the drill's
 * finds. Who is connected there is cut off, as in earnest; so this is for a time when that may be.
 *
 * MQ.RS.RP-05
 */
#include "lab/drill.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/conf.h"
#include "io/io.h"

#define SOURCE    "127.0.0.211"
#define CLOSES_MS 500 /* who is not let in is hung up on sooner */
#define PAUSE_MS  20
#define FOR       "2m" /* it ends by itself, whatever becomes of the drill */

struct closed {
    const char *posture; /* static; NULL: none closes a listener */
    char *address;       /* owned; of the first listener that it closes */
    uint16_t port;
};

static void read_listener(struct conf_value all, const char *name, struct closed *ret)
{
    for (size_t i = 0; i < conf_len(all); i++) {
        struct conf_value one = conf_item(all, i);
        const char *its = conf_text(conf_get(one, "name"));
        double port = 0;

        if (its == NULL || strcmp(its, name) != 0)
            continue;
        if (conf_number(conf_need(one, "port"), 1, 65535, &port) &&
            conf_string(conf_need(one, "address"), &ret->address))
            ret->port = (uint16_t)port;
    }
}

/* The mildest posture that closes a listener. */
static bool find_posture(const struct drill *d, struct closed *ret, char **ret_error)
{
    static const char *const postures[] = {"elevated", "lockdown"};
    char *path = text_format("%s/bastide.yaml", d->home.dir);
    struct conf *c = conf_open(path);
    struct conf_value all = conf_get(conf_root(c), "postures");
    bool ok;

    for (size_t i = 0; i < COUNT_OF(postures) && ret->posture == NULL; i++) {
        struct conf_value closed = conf_get(conf_get(all, postures[i]), "closed_listeners");

        if (conf_len(closed) == 0)
            continue;
        ret->posture = postures[i];
        read_listener(conf_get(conf_root(c), "listeners"), conf_text(conf_item(closed, 0)), ret);
    }
    ok = conf_ok(c, ret_error);
    conf_close(c);
    free(path);
    return ok;
}

/* Is nobody let in?  Where one is, the node waits for what it says. */
static bool is_closed(const struct closed *c)
{
    const struct stream_target to = {
        .host = c->address, .port = c->port, .source = SOURCE, .timeout_ms = CLOSES_MS};
    char *error = NULL;
    struct stream *s = stream_connect(&to, &error);
    struct pollfd p = {.fd = s != NULL ? stream_fd(s) : -1, .events = POLLIN};
    bool hangs_up = s == NULL || poll(&p, 1, CLOSES_MS) > 0;

    stream_free(s);
    free(error);
    return hangs_up;
}

static double seconds_since(uint64_t begun_ns)
{
    return (double)(clock_now_ns() - begun_ns) / (double)NS_PER_S;
}

/* @words are the operator's; until the listener is as it is then to be. */
static bool measure(const struct drill *d, const struct closed *c, const char *const *words,
                    bool closes, double *ret_s, char **ret_error)
{
    uint64_t begun_ns = clock_now_ns();

    if (!operator_do(&d->home, words, NULL, ret_error))
        return false;
    while (is_closed(c) != closes) {
        if (seconds_since(begun_ns) > DRILL_PATIENCE_S)
            return text_fail(ret_error, "%s:%u is not %s after %d s", c->address, c->port,
                             closes ? "closed" : "open", DRILL_PATIENCE_S);
        (void)poll(NULL, 0, PAUSE_MS);
    }
    *ret_s = seconds_since(begun_ns);
    return true;
}

static bool switch_and_back(struct drill *d, const struct closed *c, char **ret_error)
{
    const char *const run[] = {"respond", "run",      "posture", c->posture, "--for",
                               FOR,       "--reason", "drill",   NULL};
    static const char *const undo[] = {"respond", "undo", "posture", NULL};
    double there_s = 0, back_s = 0;

    if (is_closed(c))
        return text_fail(ret_error, "%s:%u is closed before the drill", c->address, c->port);
    if (!measure(d, c, run, true, &there_s, ret_error) ||
        !measure(d, c, undo, false, &back_s, ret_error))
        return false;
    drill_say(d,
              "posture %s: %s:%u lets nobody in after %.3f s, and is open again %.3f s after "
              "the undo",
              c->posture, c->address, c->port, there_s, back_s);
    return drill_value(d, "MQ.RS.RP-05.t2", there_s, 1, "R05", ret_error);
}

/** drill_posture() - from `bastide respond run posture` until a listener that it closes lets nobody
 * in; where no posture closes one, it says so and measures nothing */
bool drill_posture(struct drill *d, char **ret_error)
{
    struct closed c = {0};
    bool ok = find_posture(d, &c, ret_error);

    if (ok && c.address == NULL)
        drill_unmeasured(d, d->name,
                         "no posture of bastide.yaml has closed_listeners: nothing is measured");
    else if (ok)
        ok = switch_and_back(d, &c, ret_error);
    free(c.address);
    return ok;
}
