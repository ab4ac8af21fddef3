/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_firewall.c - an attacker who does not stop, until the firewall drops its packets
 *
 * It attacks in a way that is answered by a ban, and when the ban is lifted in another, until
 * the playbook asks bastide-ward for a block.  Then its knocks find no answer: real packets,
 * dropped by the kernel.  Loopback is never blocked, so it comes from an address of this machine
 * that the operator names and nobody else uses.
 *
 * MQ.RS.RP-05
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/text.h"
#include "client/client.h"
#include "conf/conf.h"
#include "io/io.h"
#include "lab/drill_acts.h"

#define PATIENT_MS 5000 /* who is blocked in the middle of something is not answered */
#define KNOCK_MS   300
#define KNOCK_EACH 100 /* ms; so few that the knocks are no attack of their own */
#define KNOCKS     15
#define LOOKS      60
#define LOOK_EACH  250 /* ms */

/* Each is of severity high, of the address; the third such one within a day asks for the firewall.
 * Twice what that takes, as some are cut off in the middle. */
static const struct attack rounds[] = {
    {.what = "many names",
     .incident = "credential-stuffing",
     .attempt = tries_many_names,
     .attempts = 10},
    {.what = "packets that are none",
     .incident = "malformed-packets",
     .attempt = talks_nonsense,
     .attempts = 30},
    {.what = "connections to nothing",
     .incident = "connection-flood",
     .attempt = knocks_and_runs,
     .attempts = 180},
};

enum answer {
    ANSWER_NONE,     /* to what was done in this round */
    ANSWER_BAN,      /* the attacker is kept out by the node */
    ANSWER_NOT_DONE, /* the node wanted to, and did not: f->state says why */
    ANSWER_FIREWALL,
};

struct fire {
    struct drill *d;
    struct bout b;
    uint64_t began_unix_ms; /* the round */
    uint64_t asked_unix_ms; /* the ward, by the node */
    uint64_t lost_unix_ms;  /* when the first knock without an answer began; 0: none */
    char state[16];         /* of an action that was not done */
};

/* ---- what the node did ---- */

static const char *text_of(const json_t *o, const char *key)
{
    return text_or_empty(json_string_value(json_object_get(o, key)));
}

static uint64_t time_of(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static enum answer answer_of(struct fire *f, const json_t *action)
{
    bool is_firewall = strcmp(text_of(action, "what"), "firewall") == 0;

    if (time_of(action, "at_unix_ms") < f->began_unix_ms ||
        (!is_firewall && strcmp(text_of(action, "what"), "ban") != 0))
        return ANSWER_NONE;
    if (strcmp(text_of(action, "state"), "done") != 0) {
        snprintf(f->state, sizeof(f->state), "%s", text_of(action, "state"));
        return ANSWER_NOT_DONE;
    }
    if (!is_firewall)
        return ANSWER_BAN;
    f->asked_unix_ms = time_of(action, "at_unix_ms");
    return ANSWER_FIREWALL;
}

static bool look(struct fire *f, enum answer *ret, char **ret_error)
{
    static const char *const words[] = {"incidents", "list", "--json", NULL};
    json_t *incidents = operator_ask(&f->d->home, words, ret_error);
    const json_t *incident;
    const json_t *action;
    size_t i, k;

    *ret = ANSWER_NONE;
    json_array_foreach(incidents, i, incident)
    {
        if (strcmp(text_of(incident, "subject"), f->b.subject) != 0)
            continue;
        json_array_foreach(json_object_get(incident, "actions"), k, action)
        {
            enum answer a = answer_of(f, action);

            *ret = a > *ret ? a : *ret;
        }
    }
    json_decref(incidents);
    return incidents != NULL;
}

static bool await(struct fire *f, enum answer *ret, char **ret_error)
{
    for (unsigned i = 0; i < LOOKS; i++) {
        if (!look(f, ret, ret_error))
            return false;
        if (*ret != ANSWER_NONE)
            return true;
        usleep(LOOK_EACH * 1000);
    }
    return true;
}

/* ---- the attacker ---- */

static bool is_answered(const struct fire *f)
{
    const struct stream_target to = {.host = f->d->home.address,
                                     .port = f->d->home.port,
                                     .source = f->b.source,
                                     .timeout_ms = KNOCK_MS};
    char *error = NULL;
    struct stream *s = stream_connect(&to, &error);
    bool answered = s != NULL;

    stream_free(s);
    free(error);
    return answered;
}

static void knock(struct fire *f)
{
    for (unsigned i = 0; f->lost_unix_ms == 0 && i < KNOCKS; i++) {
        uint64_t begun_unix_ms = clock_unix_ms();

        if (!is_answered(f))
            f->lost_unix_ms = begun_unix_ms;
        else
            usleep(KNOCK_EACH * 1000);
    }
}

/* Whatever comes of single attempts: until the first that finds no answer at all. */
static void go_on(struct fire *f, const struct attack *a)
{
    for (unsigned i = 0; i < a->attempts && f->lost_unix_ms == 0; i++) {
        uint64_t begun_unix_ms = clock_unix_ms();
        uint64_t failed_unix_ms;

        if (a->attempt(&f->b, i))
            continue;
        failed_unix_ms = clock_unix_ms();
        if (!is_answered(f)) /* a knock is lost as a whole, others were under way */
            f->lost_unix_ms = a->attempt == knocks_and_runs ? begun_unix_ms : failed_unix_ms;
    }
}

/* One kind of attack; and, while no more than a ban came of it, the ban is lifted. */
static bool attack(struct fire *f, const struct attack *a, enum answer *ret, char **ret_error)
{
    const char *const unban[] = {"unban", "address", f->b.source, NULL};
    char *text = NULL;

    f->b.attack = a;
    f->began_unix_ms = clock_unix_ms();
    f->lost_unix_ms = 0;
    go_on(f, a);
    knock(f);
    if (!await(f, ret, ret_error))
        return false;
    if (*ret == ANSWER_NONE) {
        text = text_format("%s: no answer; such an incident of %s may stand from before: try "
                           "again in ten minutes",
                           a->what, f->b.source);
        drill_tell(f->d, false, text);
        free(text);
    }
    return *ret != ANSWER_BAN || operator_do(&f->d->home, unban, NULL, ret_error);
}

/* ---- from begin to end ---- */

/* Everybody is let in again. */
static bool undo(struct fire *f, double *ret_s, char **ret_error)
{
    const char *const undo[] = {"respond", "undo", "firewall", "address", f->b.source, NULL};
    const char *const unban[] = {"unban", "address", f->b.source, NULL};
    uint64_t begun_ns = clock_now_ns();

    if (!operator_do(&f->d->home, undo, NULL, ret_error))
        return false;
    while (!is_answered(f))
        if (clock_now_ns() - begun_ns > DRILL_PATIENCE_S * NS_PER_S)
            return text_fail(ret_error, "packets of %s are still dropped %d s after the undo",
                             f->b.source, DRILL_PATIENCE_S);
    *ret_s = (double)(clock_now_ns() - begun_ns) / (double)NS_PER_S;
    return operator_do(&f->d->home, unban, NULL, ret_error);
}

static bool record(const struct fire *f, double dropped_s, char **ret_error)
{
    return drill_keep(f->d,
                      json_pack("{s:s, s:s, s:i, s:i, s:i, s:[f]}", "subcategory", "MQ.RS.RP-05",
                                "scenario", "R07", "injected", 1, "detected", 1, "contained", 1,
                                "contain_seconds", dropped_s),
                      ret_error);
}

static bool is_dropped(struct fire *f, char **ret_error)
{
    double dropped_s;
    double back_s = 0;
    char *why = NULL;
    bool ok;

    while (f->lost_unix_ms == 0 && clock_unix_ms() < f->asked_unix_ms + DRILL_PATIENCE_S * 1000ULL)
        knock(f);
    ok = f->lost_unix_ms != 0 || text_fail(ret_error, "packets of %s were not dropped within %d s",
                                           f->b.source, DRILL_PATIENCE_S);
    ok = ok && bystander_is_well(f->d, ret_error);
    if (!undo(f, &back_s, ok ? ret_error : &why)) {
        free(why);
        return false;
    }
    if (!ok)
        return false;
    dropped_s = f->lost_unix_ms > f->asked_unix_ms
                    ? (double)(f->lost_unix_ms - f->asked_unix_ms) / 1000.0
                    : 0;
    drill_say(f->d,
              "packets of %s are dropped within %.3f s of the order, a bystander is undisturbed, "
              "and they pass again %.3f s after the undo",
              f->b.source, dropped_s, back_s);
    return record(f, dropped_s, ret_error);
}

static bool not_done(const struct fire *f)
{
    char *text = text_format(
        "the node wanted to keep %s out, and what it did is: %s. Nothing is measured. Where that "
        "is "
        "\"failed\", the node's log says why: is bastide-ward running (systemctl status "
        "bastide-ward)? Where it is \"observed\", set respond.mode to enforce",
        f->b.source, f->state);

    drill_unmeasured(f->d, f->d->name, text);
    free(text);
    return true;
}

static bool go(struct fire *f, char **ret_error)
{
    enum answer a = ANSWER_NONE;

    for (size_t i = 0; i < COUNT_OF(rounds) && a < ANSWER_NOT_DONE; i++)
        if (!attack(f, &rounds[i], &a, ret_error))
            return false;
    switch (a) {
    case ANSWER_FIREWALL:
        return is_dropped(f, ret_error);
    case ANSWER_NOT_DONE:
        return not_done(f);
    case ANSWER_NONE:
    case ANSWER_BAN:
        break;
    }
    drill_unmeasured(f->d, f->d->name,
                     "the answer did not go up to the firewall: nothing is measured");
    return true;
}

/* Does bastide.yaml say where a ward is? */
static bool has_ward(const struct drill *d, bool *ret, char **ret_error)
{
    char *path = text_format("%s/bastide.yaml", d->home.dir);
    struct conf *c = conf_open(path);
    bool ok;

    *ret = conf_given(conf_get(conf_get(conf_root(c), "respond"), "ward"));
    ok = conf_ok(c, ret_error);
    conf_close(c);
    free(path);
    return ok;
}

/* Return: what has to be done first; NULL: nothing; static. */
static const char *lacks(const struct drill *d, bool ward_is_set)
{
    if (!ward_is_set)
        return "nobody keeps the firewall, so nothing is measured: start bastide-ward, set "
               "respond.ward in bastide.yaml to its socket, and restart the node; see "
               "bastide-ward(8)";
    if (d->o->source == NULL)
        return "nothing is measured: say by --source which address of this machine, that nobody "
               "else uses, the attack is to come from. Such a one is made by 'ip address add "
               "198.51.100.9/32 dev lo'; loopback is never blocked";
    return NULL;
}

/** drill_firewall() - until packets are dropped, and pass again; where there is no ward, or no
 * address to come from, it says what to do and measures nothing */
bool drill_firewall(struct drill *d, char **ret_error)
{
    struct fire f = {.d = d, .b = {.d = d, .answer_ms = PATIENT_MS}};
    bool ward_is_set = false;
    const char *missing;
    bool ok;

    if (!has_ward(d, &ward_is_set, ret_error))
        return false;
    missing = lacks(d, ward_is_set);
    if (missing != NULL) {
        drill_unmeasured(d, d->name, missing);
        return true;
    }
    snprintf(f.b.source, sizeof(f.b.source), "%s", d->o->source);
    snprintf(f.b.subject, sizeof(f.b.subject), "ip:%s", f.b.source);
    snprintf(f.b.client_id, sizeof(f.b.client_id), DRILL_ID "-firewall");
    if (address_is_loopback(f.b.source))
        return text_fail(ret_error, "--source %s: loopback is never blocked", f.b.source);
    if (!is_answered(&f))
        return text_fail(ret_error,
                         "%s is not reached from --source %s: is that an address of this machine, "
                         "and not blocked?",
                         d->home.address, f.b.source);
    ok = bystander_comes(d, ret_error) && go(&f, ret_error);
    bystander_leaves(d);
    return ok;
}
