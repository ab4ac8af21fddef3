/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_cut.c - how long it takes until a client is cut off and stays so
 *
 * Each round has an address of its own, so that the detectors do not take the
 * refusals that a drill provokes for an attack.  MQ.PR.SP-02 MQ.PR.SP-04 MQ.RS.RP-01
 * MQ.RS.RP-02 MQ.RS.RP-03
 */
#include "lab/drill.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/io.h"

#define REVOKE_ROUNDS  10 /* a percentile needs that many */
#define DISABLE_ROUNDS 3
#define ROUNDS_MAX     50

static unsigned rounds_of(const struct drill *d, unsigned otherwise)
{
    unsigned n = d->o->rounds > 0 ? d->o->rounds : otherwise;

    return n < ROUNDS_MAX ? n : ROUNDS_MAX;
}

static void take_source(struct drill *d, unsigned first)
{
    snprintf(d->source, sizeof(d->source), "127.0.0.%u", first + d->round);
}

/* ---- revoke ---- */

static bool strike_revoke(struct drill *d, char **ret_error)
{
    static const char *const revoke[] = {"pki", "revoke", DRILL_ID, NULL};
    static const char *const reload[] = {"reload", NULL};

    return operator_do(&d->home, revoke, NULL, ret_error) &&
           operator_do(&d->home, reload, NULL, ret_error);
}

static bool is_refused_as(const struct drill *d, struct tls_context *tls, const char *id,
                          const char *source)
{
    struct client *c = drill_client(d, tls, id, source);
    bool is_out = drill_is_refused(d, c);

    client_free(c);
    return is_out;
}

/* By its name alone, when the certificate is of no use any more. */
static bool is_refused_by_name(const struct drill *d)
{
    const struct client_settings s = {
        .host = d->home.address,
        .port = d->home.port,
        .bind_address = d->source,
        .tls = d->tls_nobody,
        .server_name = d->home.server_name,
        .client_id = DRILL_ID,
        .user_name = DRILL_ID,
    };
    struct client *c = client_new(&s);
    bool is_out = drill_is_refused(d, c);

    client_free(c);
    return is_out;
}

static bool tries_again_in_vain(const struct drill *d)
{
    char elsewhere[16];

    snprintf(elsewhere, sizeof(elsewhere), "127.0.1.%u", d->round + 1);
    return is_refused_as(d, d->tls, "drill-1-again", d->source) &&
           is_refused_as(d, d->tls, DRILL_ID, elsewhere) && is_refused_by_name(d);
}

static bool revoke_once(struct drill *d, struct drill_times *worst, bool *blocked, char **ret_error)
{
    struct client *c;
    bool ok;

    take_source(d, 100);
    if (!drill_new_certificate(d, ret_error))
        return false;
    c = drill_client(d, d->tls, DRILL_ID, d->source);
    ok = drill_comes_in(d, c, ret_error) &&
         drill_measure(d, c, DRILL_ID, strike_revoke, worst, ret_error);
    if (ok)
        *blocked = tries_again_in_vain(d) && *blocked;
    client_free(c);
    return ok;
}

/** drill_revoke() - from `bastide pki revoke` and `reload` to the end of the session */
bool drill_revoke(struct drill *d, char **ret_error)
{
    unsigned rounds = rounds_of(d, REVOKE_ROUNDS);
    struct drill_times worst = {0};
    bool blocked = true;

    for (d->round = 0; d->round < rounds; d->round++)
        if (!revoke_once(d, &worst, &blocked, ret_error))
            return false;
    drill_say(d, "%u certificates revoked: the session is cut after %.3f s at the latest", worst.n,
              worst.cut_s);
    drill_say(d, "a new connection is refused after %.3f s at the latest", worst.refused_s);
    drill_say(d, "with another client id, from another address, by its name alone: %s",
              blocked ? "refused" : "LET IN");
    return drill_value(d, "MQ.PR.SP-02.t3", worst.cut_s, worst.n, "R02", ret_error) &&
           drill_value(d, "MQ.RS.RP-01.t1", worst.refused_s, worst.n, "R02", ret_error) &&
           drill_value(d, "MQ.RS.RP-01.t2", worst.cut_s, worst.n, "R02", ret_error) &&
           drill_value(d, "MQ.RS.RP-03.t2", blocked, worst.n, "R02", ret_error);
}

/* ---- disable ---- */

static bool set_enabled(struct drill *d, bool enabled, char **ret_error)
{
    const char *const user[] = {"user", enabled ? "enable" : "disable", DRILL_NAME, NULL};
    static const char *const reload[] = {"reload", NULL};

    return operator_do(&d->home, user, NULL, ret_error) &&
           operator_do(&d->home, reload, NULL, ret_error);
}

static bool strike_disable(struct drill *d, char **ret_error)
{
    return set_enabled(d, false, ret_error);
}

static bool disable_once(struct drill *d, struct drill_times *worst, char **ret_error)
{
    struct client *c;
    char *why = NULL;
    bool ok;

    take_source(d, 150);
    c = drill_client(d, d->tls_nobody, DRILL_NAME, d->source);
    ok = drill_comes_in(d, c, ret_error) &&
         drill_measure(d, c, DRILL_NAME, strike_disable, worst, ret_error);
    client_free(c);
    if (set_enabled(d, true, &why))
        return ok;
    if (ok)
        *ret_error = why;
    else
        free(why);
    return false;
}

/** drill_disable() - from `bastide user disable` and `reload` to the end of the session */
bool drill_disable(struct drill *d, char **ret_error)
{
    unsigned rounds = rounds_of(d, DISABLE_ROUNDS);
    struct drill_times worst = {0};

    for (d->round = 0; d->round < rounds; d->round++)
        if (!disable_once(d, &worst, ret_error))
            return false;
    drill_say(d,
              "%u times disabled: the session is cut after %.3f s, a new connection refused after "
              "%.3f s at the latest",
              worst.n, worst.cut_s, worst.refused_s);
    return drill_value(d, "MQ.RS.RP-02.t1", worst.refused_s, worst.n, "R01", ret_error);
}

/* ---- ban ---- */

static const struct ban_way {
    const char *title;
    const char *kind;
    const char *subject;
} ban_ways[] = {
    {"its address", "address", "127.0.0.200"},
    {"a prefix around it", "address", "127.0.0.200/29"},
    {"its client id", "client", DRILL_ID},
    {"its user", "user", DRILL_ID},
};

static bool strike_ban(struct drill *d, char **ret_error)
{
    const struct ban_way *w = &ban_ways[d->round];
    const char *const ban[] = {"ban", w->kind,    w->subject, "--for",
                               "5m",  "--reason", "drill",    NULL};

    return operator_do(&d->home, ban, NULL, ret_error);
}

static bool ban_once(struct drill *d, struct drill_times *worst, char **ret_error)
{
    const struct ban_way *w = &ban_ways[d->round];
    const char *const unban[] = {"unban", w->kind, w->subject, NULL};
    struct client *c = drill_client(d, d->tls, DRILL_ID, d->source);
    struct drill_times own = {0};
    bool ok = drill_comes_in(d, c, ret_error) &&
              drill_measure(d, c, DRILL_ID, strike_ban, &own, ret_error) &&
              operator_do(&d->home, unban, NULL, ret_error);

    client_free(c);
    if (!ok)
        return false;
    drill_say(d, "%-18s cut after %.3f s, refused after %.3f s", w->title, own.cut_s,
              own.refused_s);
    worst->cut_s = own.cut_s > worst->cut_s ? own.cut_s : worst->cut_s;
    worst->refused_s = own.refused_s > worst->refused_s ? own.refused_s : worst->refused_s;
    worst->n++;
    return true;
}

/** drill_ban() - from `bastide ban` to the end of the session, by each of the four subjects */
bool drill_ban(struct drill *d, char **ret_error)
{
    struct drill_times worst = {0};

    snprintf(d->source, sizeof(d->source), "127.0.0.200");
    if (!drill_new_certificate(d, ret_error))
        return false;
    for (d->round = 0; d->round < COUNT_OF(ban_ways); d->round++)
        if (!ban_once(d, &worst, ret_error))
            return false;
    return drill_value(d, "MQ.PR.SP-04.t1", worst.refused_s, worst.n, "R01", ret_error) &&
           drill_value(d, "MQ.PR.SP-04.t2", worst.cut_s, worst.n, "R01", ret_error);
}
