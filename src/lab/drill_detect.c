/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_detect.c - `bastide drill DETECTOR`: an attack in small, and whether the node notices
 *
 * By the drills' own client, or by nobody, each from an address of its own, so that
 * what is done about it hits nobody else.  How many were noticed and how soon is kept
 * as evidence.  What takes longer than a minute, such as all that compares a client with
 * what it is used to, is exercised by the unit tests alone.
 *
 * MQ.DE.NM-01 MQ.DE.ID-01 MQ.DE.ID-02 MQ.DE.ID-03 MQ.PR.SP-03 MQ.PR.SP-05
 */
#include "lab/drill.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "client/client.h"

#define FIRST_SOURCE 200 /* 127.0.0.200 and up */
#define LOOK_EACH_MS 250
#define LOOK_S       15
#define LARGE_BYTES  300000
#define DEEP_LEVELS  40
#define OWN          "fmb/drill/" DRILL_NAME
#define OTHER_SOURCE "127.0.0.1"
#define TOPIC_MAX    256

struct bout {
    struct drill *d;
    struct exercise e;
};

typedef bool attack_fn(struct bout *b, unsigned i); /* one attempt; false: it did not work */

struct attack {
    struct exercise_plan plan; /* its subject without the address, where that is the subject */
    attack_fn *attempt;        /* with a client that is connected, or a new one each time */
    unsigned attempts;
    unsigned look_s;
};

/* ---- attempts ---- */

static struct client *own_client(const struct bout *b, const struct client_message *will,
                                 const char *user, const char *password)
{
    const struct drill *d = b->d;
    const struct client_settings s = {
        .host = d->home.address,
        .port = d->home.port,
        .bind_address = d->source,
        .tls = d->tls_nobody,
        .server_name = d->home.server_name,
        .client_id = DRILL_NAME,
        .user_name = user,
        .password = password,
        .will = will,
    };

    return client_new(&s);
}

static const char *own_secret(const struct bout *b)
{
    return (const char *)b->d->password_secret.at;
}

/* Comes in, does one thing, leaves. */
static bool connects_as(struct bout *b, const struct client_message *will, const char *user,
                        const char *password)
{
    struct client *c = own_client(b, will, user, password);
    enum client_outcome o = client_connect(c);

    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
    return o == CLIENT_OK || o == CLIENT_E_REFUSED;
}

static bool comes_again(struct bout *b, unsigned i)
{
    (void)i;
    return connects_as(b, NULL, DRILL_NAME, own_secret(b));
}

static bool guesses(struct bout *b, unsigned i)
{
    char guess[16];

    snprintf(guess, sizeof(guess), "guess-%u", i);
    return connects_as(b, NULL, DRILL_NAME, guess);
}

static bool tries_default_name(struct bout *b, unsigned i)
{
    static const char *const names[] = {"root", "guest", "test"};

    return connects_as(b, NULL, names[i % COUNT_OF(names)], "password");
}

static bool leaves_a_bad_will(struct bout *b, unsigned i)
{
    const struct client_message will = {.topic = BYTES("fmb/command/breaker-1/switch"),
                                        .payload = BYTES("{}")};

    (void)i;
    return connects_as(b, &will, DRILL_NAME, own_secret(b));
}

static bool publishes(struct bout *b, const char *topic, struct bytes payload, bool retain)
{
    const struct client_message m = {
        .topic = bytes_str(topic), .payload = payload, .qos = 1, .retain = retain};
    enum client_outcome o = client_publish(b->d->attacker, &m);

    return o == CLIENT_OK || o == CLIENT_E_REFUSED;
}

static bool publishes_elsewhere(struct bout *b, unsigned i)
{
    char topic[TOPIC_MAX];

    snprintf(topic, sizeof(topic), OWN "/scan-%u", i);
    return publishes(b, topic, BYTES("{}"), false);
}

static bool publishes_to_nobody(struct bout *b, unsigned i)
{
    (void)i;
    return publishes(b, OWN "/nobody", BYTES("{}"), false);
}

static bool retains(struct bout *b, unsigned i)
{
    char topic[TOPIC_MAX];

    snprintf(topic, sizeof(topic), OWN "/kept-%u", i);
    return publishes(b, topic, BYTES("{}"), true);
}

static bool publishes_deep(struct bout *b, unsigned i)
{
    CLEANUP(buf_done) struct buf topic = {0};

    (void)i;
    buf_addf(&topic, OWN);
    for (unsigned k = 0; k < DEEP_LEVELS; k++)
        buf_addf(&topic, "/d");
    buf_add_u8(&topic, '\0');
    return publishes(b, (const char *)topic.at, BYTES("{}"), false);
}

static bool publishes_large(struct bout *b, unsigned i)
{
    uint8_t *payload = mem_zero(LARGE_BYTES);
    bool ok = publishes(b, OWN "/large", bytes_of(payload, LARGE_BYTES), false);

    (void)i;
    free(payload);
    return ok;
}

static bool subscribes(struct bout *b, const char *filter)
{
    enum client_outcome o = client_subscribe(b->d->attacker, filter, 0);

    return o == CLIENT_OK || o == CLIENT_E_REFUSED;
}

static bool subscribes_elsewhere(struct bout *b, unsigned i)
{
    char filter[TOPIC_MAX];

    snprintf(filter, sizeof(filter), OWN "/scan-%u/+", i);
    return subscribes(b, filter);
}

static bool asks_for_what_is_not_its(struct bout *b, unsigned i)
{
    char filter[TOPIC_MAX];

    snprintf(filter, sizeof(filter), "fmb/not-its/%u", i % 5);
    return subscribes(b, filter);
}

static bool asks_for_sys(struct bout *b, unsigned i)
{
    (void)i;
    return subscribes(b, "$SYS/#");
}

/* ---- the table ---- */

#define CLIENT "client:" DRILL_NAME
#define SOURCE "ip:"

/* clang-format off */
static const struct attack attacks[] = {
    {{"connections again and again", "MQ.DE.NM-01", "R07", "repeated-connection-attempts", CLIENT}, comes_again,              16, LOOK_S},
    {{"password guessing",           "MQ.DE.ID-01", "R01", "repeated-auth-failures",       SOURCE}, guesses,                  6,  LOOK_S},
    {{"names that everybody knows",  "MQ.PR.IA-03", "R01", "default-credentials",          SOURCE}, tries_default_name,       3,  LOOK_S},
    {{"topic scan by publishing",    "MQ.DE.ID-02", "R04", "topic-scan-publish",           CLIENT}, publishes_elsewhere,      60, LOOK_S},
    {{"topic scan by subscribing",   "MQ.DE.ID-02", "R07", "topic-scan-subscribe",         CLIENT}, subscribes_elsewhere,     30, LOOK_S},
    {{"what is not its",             "MQ.DE.ID-02", "R07", "acl-violations",               CLIENT}, asks_for_what_is_not_its, 11, LOOK_S},
    {{"the node's own topics",       "MQ.DE.ID-02", "R07", "sys-recon",                    CLIENT}, asks_for_sys,             1,  LOOK_S},
    {{"messages to nobody",          "MQ.DE.ID-03", "R07", "undeliverable-messages",       CLIENT}, publishes_to_nobody,      110, 60},
    {{"a Will on a command topic",   "MQ.PR.SP-03", "R04", "will-abuse",                   CLIENT}, leaves_a_bad_will,        1,  LOOK_S},
    {{"a flood of retained topics",  "MQ.PR.SP-05", "R07", "retained-flood",               CLIENT}, retains,                  110, LOOK_S},
    {{"a topic of 40 levels",        "MQ.PR.SP-05", "R07", "topic-depth-abuse",            CLIENT}, publishes_deep,           1,  LOOK_S},
    {{"a payload of 300 kB",         "MQ.PR.SP-05", "R07", "oversize-payload",             CLIENT}, publishes_large,          1,  LOOK_S},
};
/* clang-format on */

/** drill_detects() - is there a drill for the detector @name? */
bool drill_detects(const char *name)
{
    for (size_t k = 0; k < COUNT_OF(attacks); k++)
        if (strcmp(attacks[k].plan.incident, name) == 0)
            return true;
    return false;
}

/* ---- one bout ---- */

static bool needs_client(const struct attack *a)
{
    return a->attempt != comes_again && a->attempt != guesses && a->attempt != tries_default_name &&
           a->attempt != leaves_a_bad_will;
}

/* The client is cut when the node has had enough: that is no failure of the drill. */
static void attack(struct bout *b, const struct attack *a)
{
    for (unsigned i = 0; i < a->attempts; i++) {
        uint64_t begun_unix_ms = clock_unix_ms();
        bool ok = a->attempt(b, i);

        exercise_attempt(&b->e, begun_unix_ms);
        if (!ok)
            break;
    }
}

/* What is left in the node of it goes, so that the next round is the first one again. */
static void clean_up(struct bout *b, const struct attack *a)
{
    char topic[TOPIC_MAX];

    for (unsigned i = 0; a->attempt == retains && i < a->attempts; i++) {
        snprintf(topic, sizeof(topic), OWN "/kept-%u", i);
        if (!publishes(b, topic, BYTES_NONE, true))
            break;
    }
}

/* The exercise's line, once the node has noticed or there was time enough to. */
static json_t *result_of(struct bout *b, const struct attack *a, char **ret_text, char **ret_error)
{
    static const char *const words[] = {"incidents", "list", "--json", NULL};
    uint64_t until_ns = clock_now_ns() + a->look_s * NS_PER_S;
    json_t *line = NULL;

    while (true) {
        json_t *incidents = operator_ask(&b->d->home, words, ret_error);

        if (incidents == NULL)
            return NULL;
        json_decref(line);
        free(*ret_text);
        *ret_text = NULL;
        line = exercise_result(&b->e, incidents, ret_text);
        json_decref(incidents);
        if (line == NULL || json_integer_value(json_object_get(line, "detected")) > 0 ||
            clock_now_ns() >= until_ns)
            return line;
        usleep(LOOK_EACH_MS * 1000);
    }
}

static bool keep(struct bout *b, json_t *line, const char *text, char **ret_error)
{
    drill_say(b->d, "%s", text);
    if (line == NULL)
        return true;
    if (b->d->o->is_json) {
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
    }
    return drill_record(&b->d->home, line, b->d->tool, ret_error);
}

static bool meet(struct bout *b, const struct attack *a, char **ret_error)
{
    if (!needs_client(a)) {
        attack(b, a);
        return true;
    }
    b->d->attacker = own_client(b, NULL, DRILL_NAME, own_secret(b));
    if (!drill_comes_in(b->d, b->d->attacker, ret_error))
        return false;
    attack(b, a);
    clean_up(b, a);
    client_disconnect(b->d->attacker, REASON_SUCCESS);
    return true;
}

static bool run_bout(struct drill *d, const struct attack *a, char **ret_error)
{
    struct bout *b = mem_new(struct bout);
    struct exercise_plan plan = a->plan;
    char subject[64], *text = NULL;
    json_t *line;
    bool ok;

    snprintf(d->source, sizeof(d->source), "127.0.0.%u", FIRST_SOURCE + (unsigned)(a - attacks));
    snprintf(subject, sizeof(subject), "%s%s", a->plan.subject,
             strcmp(a->plan.subject, SOURCE) == 0 ? d->source : "");
    plan.subject = subject;
    b->d = d;
    b->e.plan = &plan;
    ok = meet(b, a, ret_error);
    client_free(d->attacker);
    d->attacker = NULL;
    if (ok) {
        line = result_of(b, a, &text, ret_error);
        ok = *ret_error == NULL && keep(b, line, text, ret_error);
    }
    free(text);
    free(b);
    return ok && (lab_node_answers(&d->home, OTHER_SOURCE) ||
                  text_fail(ret_error, "the node does not answer others any more"));
}

/** drill_detect() - the drill of one detector, or of all that have one: @d->o->drill */
bool drill_detect(struct drill *d, char **ret_error)
{
    bool is_all = strcmp(d->o->drill, DRILL_DETECTORS) == 0;

    for (size_t k = 0; k < COUNT_OF(attacks); k++)
        if ((is_all || strcmp(attacks[k].plan.incident, d->o->drill) == 0) &&
            !run_bout(d, &attacks[k], ret_error))
            return false;
    return true;
}
