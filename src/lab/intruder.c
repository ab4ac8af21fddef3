/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/intruder.c - `bastide lab --intruder`: what somebody with stolen low rights can try
 *
 * It has a contractor's password, comes from an address of its own, and tries
 * what such people try: to pass for a device, to command equipment, to find
 * topics, to guess the administrator's password.  Nothing here may succeed, and in the
 * end the node has to have shut it out.
 */
#include "lab/lab_private.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "io/io.h"

#define SOURCE       "127.0.0.66"
#define OTHER_SOURCE "127.0.0.1" /* from here the node must still answer */
#define STOLEN_NAME  "contractor-1"
#define VICTIM_NAME  "admin"
#define ANSWER_MS    60000 /* who guesses is answered with delay, by a small machine slowly */
#define GUESSES_MAX  40
#define PASSWORD_MAX 256

/* clang-format off */
enum act { ACT_PASS, ACT_COMMAND, ACT_SUBSCRIBE, ACT_PUBLISH, ACT_GUESS, ACTS_N };

/* Passing for a device is refused, and nothing to be noticed beyond that. */
static const struct exercise_plan plans[ACTS_N] = {
    [ACT_COMMAND]   = {"false commands",                 "MQ.PR.SP-03", "R04", "unauthorized-command",   "client:" STOLEN_NAME},
    [ACT_SUBSCRIBE] = {"topic scan by subscribing",      "MQ.DE.ID-02", "R07", "topic-scan-subscribe",   "client:" STOLEN_NAME},
    [ACT_PUBLISH]   = {"topic scan by publishing",       "MQ.DE.ID-02", "R04", "topic-scan-publish",     "client:" STOLEN_NAME},
    [ACT_GUESS]     = {"password guessing, one address", "MQ.DE.ID-01", "R01", "repeated-auth-failures", "ip:" SOURCE},
};
/* clang-format on */

struct intruder {
    const struct lab_options *o;
    struct lab_home home;
    struct tls_context *tls;
    struct buf password; /* the stolen one */
    unsigned n_attempts;
    unsigned n_successes; /* each is a failure of the node */
    enum act act;
    uint64_t begun_unix_ms; /* the attempt under way */
    struct exercise exercises[ACTS_N];
};

/* ---- what is tried ---- */

static const char *const filters[] = {
    "#",
    "+/#",
    "fmb/#",
    "fmb/command/#",
    "fmb/+/+/voltage",
    "fmb/status/#",
    "fmb/diagram/#",
    "fmb/work-order/#",
    "$SYS/#",
    "$bastide/#",
    "$share/x/fmb/#",
};

static const char *const places[] = {
    "relay-1",    "relay-2",   "breaker-1",  "breaker-2",  "recloser-1",     "transformer-1",
    "meter-1",    "meter-2",   "cap-bank-1", "cap-bank-2", "power-supply-1", "regulator-1",
    "inverter-1", "battery-1", "gateway-1",  "rtu-1",      "scada",          "historian",
    "dms-1",      "ems",       "oms",        "tablet-1",
};

static const char *const kinds[] = {"switch", "voltage", "setpoint"};

static const char *const guesses[GUESSES_MAX] = {
    "operator",     "Operator",  "operator1",     "operator123", "Operator2024", "Operator2025",
    "Operator2026", "operator!", "password",      "Password1",   "Passw0rd!",    "P@ssw0rd",
    "admin",        "admin123",  "administrator", "root",        "toor",         "changeme",
    "change-me",    "letmein",   "welcome",       "Welcome1",    "qwerty",       "qwertz",
    "123456",       "12345678",  "1234567890",    "111111",      "000000",       "abc123",
    "scada",        "Scada2024", "substation",    "Substation1", "mosquitto",    "mqtt",
    "bastide",      "Bastide1",  "Summer2026!",   "Winter2026!",
};

/* ---- how it went ---- */

static bool was_refused(const struct intruder *i, enum client_outcome o)
{
    switch (o) {
    case CLIENT_E_REFUSED:
        return true;
    case CLIENT_E_CLOSED:
    case CLIENT_E_UNREACHABLE:
        return lab_node_answers(&i->home, OTHER_SOURCE);
    case CLIENT_OK:
    case CLIENT_NOTHING:
    case CLIENT_E_TIMEOUT:
    case CLIENT_E_MALFORMED:
    case CLIENT_E_OVERRUN:
        break;
    }
    return false;
}

static void tell_json(const struct intruder *i, const char *what, const char *answer, bool is_good)
{
    json_t *line =
        json_pack("{s:s, s:i, s:s, s:b, s:s}", "event", "attempt", "number", (int)i->n_attempts,
                  "what", what, "refused", (int)is_good, "answer", answer);

    check(line != NULL && json_dumpf(line, stdout, JSON_COMPACT) == 0);
    putchar('\n');
    json_decref(line);
}

static void answer_of(enum client_outcome o, const struct client *c, struct buf *ret)
{
    if (o == CLIENT_OK)
        buf_addf(ret, "IT WORKED");
    else if (o == CLIENT_E_REFUSED)
        buf_addf(ret, "refused: %s (0x%02x)", wire_reason_text(client_reason(c)), client_reason(c));
    else
        buf_addf(ret, "%s", client_error(c));
    buf_add_u8(ret, 0);
}

/* One attempt, and what the node said to it. */
static void tell(struct intruder *i, const char *what, enum client_outcome o,
                 const struct client *c)
{
    bool is_good = was_refused(i, o);
    struct buf answer = {0};

    answer_of(o, c, &answer);
    exercise_attempt(&i->exercises[i->act], i->begun_unix_ms);
    i->begun_unix_ms = clock_unix_ms();
    i->n_attempts++;
    i->n_successes += !is_good;
    if (i->o->is_json)
        tell_json(i, what, (const char *)answer.at, is_good);
    else if (!i->o->is_quiet || !is_good)
        printf("  %s%s%s %-62s %s\n", screen_colour(i->o, is_good ? "\033[32m" : "\033[31m"),
               screen_mark(i->o, is_good), screen_colour(i->o, "\033[0m"), what,
               (const char *)answer.at);
    fflush(stdout);
    buf_done(&answer);
}

static void say(struct intruder *i, enum act act, const char *text)
{
    i->act = act;
    i->begun_unix_ms = clock_unix_ms();
    if (!i->o->is_quiet && !i->o->is_json)
        printf("\n%s%s%s\n", screen_colour(i->o, "\033[1m"), text, screen_colour(i->o, "\033[0m"));
    fflush(stdout);
}

/* ---- connections ---- */

static struct client *client_of(struct intruder *i, const char *id, const char *user,
                                const char *password)
{
    const struct client_settings s = {
        .host = i->home.address,
        .port = i->home.port,
        .bind_address = SOURCE,
        .tls = i->tls,
        .server_name = i->home.server_name,
        .client_id = id,
        .user_name = user,
        .password = password,
        .timeout_ms = ANSWER_MS,
    };

    return client_new(&s);
}

/* With what was stolen.  That this works is no failure; that it does not any more is the end. */
static bool come_in(struct intruder *i, struct client *c)
{
    enum client_outcome o = client_connect(c);

    if (o != CLIENT_OK)
        tell(i, "connect with the stolen password", o, c);
    return o == CLIENT_OK;
}

/* A connection that the node closed is made again. */
static bool still_in(struct intruder *i, struct client *c)
{
    return client_is_connected(c) || come_in(i, c);
}

/* ---- the attempts ---- */

/* While the device is connected its name is refused; else a name alone must give none of its
 * rights. */
static void pass_for_a_device(struct intruder *i)
{
    struct client *c = client_of(i, lab_cap_bank.id, STOLEN_NAME, (const char *)i->password.at);
    enum client_outcome o = client_connect(c);

    if (o == CLIENT_OK)
        o = client_subscribe(c, lab_cap_bank.filters[0], 1);
    tell(i, "pass for cap-bank-1 by its name", o, c);
    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
}

static void command_equipment(struct intruder *i, struct client *c)
{
    static const struct client_message commands[] = {
        {.topic = BYTES(TOPIC_CAP_COMMAND), .payload = BYTES("{\"position\":\"open\"}"), .qos = 1},
        {.topic = BYTES(TOPIC_SUPPLY_COMMAND), .payload = BYTES("{\"volts\":100.0}"), .qos = 1},
        {.topic = BYTES(TOPIC_CAP_STATUS),
         .payload = BYTES("{\"position\":\"open\"}"),
         .qos = 1,
         .retain = true},
    };

    for (size_t k = 0; k < COUNT_OF(commands) && still_in(i, c); k++) {
        char what[160];

        snprintf(what, sizeof(what), "publish %.*s to %.*s", BYTES_ARG(commands[k].payload),
                 BYTES_ARG(commands[k].topic));
        tell(i, what, client_publish(c, &commands[k]), c);
    }
}

static void try_filter(struct intruder *i, struct client *c, const char *filter)
{
    char what[160];

    snprintf(what, sizeof(what), "subscribe to %s", filter);
    tell(i, what, client_subscribe(c, filter, 1), c);
}

static void scan_by_subscribe(struct intruder *i, struct client *c)
{
    for (size_t k = 0; k < COUNT_OF(filters) && still_in(i, c); k++)
        try_filter(i, c, filters[k]);
    for (size_t k = 0; k < COUNT_OF(places) && still_in(i, c); k++) {
        char filter[80];

        snprintf(filter, sizeof(filter), "fmb/status/%s/+", places[k]);
        try_filter(i, c, filter);
    }
}

static void scan_by_publish(struct intruder *i, struct client *c)
{
    for (size_t k = 0; k < COUNT_OF(places) * COUNT_OF(kinds) && still_in(i, c); k++) {
        struct client_message m = {.payload = BYTES("{}"), .qos = 1};
        char topic[80], what[160];

        snprintf(topic, sizeof(topic), "fmb/command/%s/%s", places[k / COUNT_OF(kinds)],
                 kinds[k % COUNT_OF(kinds)]);
        snprintf(what, sizeof(what), "publish to %s", topic);
        m.topic = bytes_str(topic);
        tell(i, what, client_publish(c, &m), c);
    }
}

static void misuse_what_was_stolen(struct intruder *i)
{
    struct client *c = client_of(i, STOLEN_NAME, STOLEN_NAME, (const char *)i->password.at);

    if (come_in(i, c)) {
        say(i, ACT_COMMAND, "A contractor's stolen password lets it in; false commands:");
        command_equipment(i, c);
        say(i, ACT_SUBSCRIBE, "Looking for topics by subscribing:");
        scan_by_subscribe(i, c);
        say(i, ACT_PUBLISH, "Looking for topics by publishing:");
        scan_by_publish(i, c);
    }
    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
}

/* ---- shut out ---- */

static bool is_shut_out(const struct intruder *i, enum client_outcome o, const struct client *c)
{
    if (o == CLIENT_E_REFUSED)
        return client_reason(c) == REASON_BANNED;
    return (o == CLIENT_E_CLOSED || o == CLIENT_E_UNREACHABLE) &&
           lab_node_answers(&i->home, OTHER_SOURCE);
}

/* Guesses until the node has had enough of this address.  Return: it has. */
static bool guess(struct intruder *i)
{
    bool is_out = false;

    for (size_t k = 0; k < GUESSES_MAX && !is_out; k++) {
        struct client *c = client_of(i, "laptop", VICTIM_NAME, guesses[k]);
        enum client_outcome o = client_connect(c);
        char what[80];

        snprintf(what, sizeof(what), "connect as %s, guess %zu of the password", VICTIM_NAME,
                 k + 1);
        tell(i, what, o, c);
        is_out = is_shut_out(i, o, c);
        client_free(c);
    }
    return is_out;
}

/* Neither does the stolen password help any more. */
static bool stays_out(struct intruder *i)
{
    struct client *c = client_of(i, STOLEN_NAME, STOLEN_NAME, (const char *)i->password.at);
    enum client_outcome o = client_connect(c);
    bool is_out = is_shut_out(i, o, c);

    tell(i, "connect with the stolen password once more", o, c);
    client_free(c);
    return is_out;
}

static bool attack(struct intruder *i)
{
    say(i, ACT_PASS, "Passing for a device:");
    pass_for_a_device(i);
    misuse_what_was_stolen(i);
    say(i, ACT_GUESS, "Guessing the administrator's password:");
    return guess(i) && stays_out(i);
}

/* ---- what the node noticed of it ---- */

static bool keep_one(const struct intruder *i, const struct exercise *e, const json_t *incidents,
                     char **ret_error)
{
    char *text = NULL;
    json_t *line = exercise_result(e, incidents, &text);

    if (i->o->is_json) {
        json_t *event =
            line != NULL ? json_pack("{s:s, s:O}", "event", "exercise", "result", line)
                         : json_pack("{s:s, s:n, s:s}", "event", "exercise", "result", "why", text);

        check(event != NULL && json_dumpf(event, stdout, JSON_COMPACT) == 0);
        putchar('\n');
        json_decref(event);
    } else if (!i->o->is_quiet) {
        printf("  %s\n", text);
    }
    free(text);
    return line == NULL || drill_record(&i->home, line, "bastide lab --intruder", ret_error);
}

static bool keep_results(struct intruder *i, char **ret_error)
{
    static const char *const words[] = {"incidents", "list", "--json", NULL};
    json_t *incidents = operator_ask(&i->home, words, ret_error);
    bool ok = incidents != NULL;

    if (ok && !i->o->is_json && !i->o->is_quiet)
        printf("\n%sWhat the node noticed, kept as evidence:%s\n", screen_colour(i->o, "\033[1m"),
               screen_colour(i->o, "\033[0m"));
    for (unsigned k = 0; k < ACTS_N && ok; k++)
        if (i->exercises[k].plan->what != NULL)
            ok = keep_one(i, &i->exercises[k], incidents, ret_error);
    json_decref(incidents);
    return ok;
}

/* ---- from begin to end ---- */

static bool steal_password(struct intruder *i, char **ret_error)
{
    char *path = lab_path(i->home.dir, STOLEN_NAME, ".password");
    bool ok = file_read(path, PASSWORD_MAX, &i->password, ret_error);

    buf_add_u8(&i->password, 0);
    free(path);
    return ok;
}

static bool begin(struct intruder *i, char **ret_error)
{
    if (!lab_home_open(&i->home, i->o->home, ret_error) || !steal_password(i, ret_error))
        return false;
    if (!lab_node_answers(&i->home, OTHER_SOURCE))
        return text_fail(ret_error, "nothing answers at %s port %u; is the node running?",
                         i->home.address, i->home.port);
    i->tls = tls_context_new_client(i->home.ca, NULL, NULL, ret_error);
    return i->tls != NULL;
}

static int sum_up(const struct intruder *i, bool is_out)
{
    bool ok = is_out && i->n_successes == 0;

    if (i->o->is_json)
        printf("{\"event\":\"end\",\"attempts\":%u,\"successes\":%u,\"banned\":%s}\n",
               i->n_attempts, i->n_successes, is_out ? "true" : "false");
    else
        printf("\n%s%s%s %u attempts, %u worked; the node %s " SOURCE "\n",
               screen_colour(i->o, ok ? "\033[32m" : "\033[31m"), screen_mark(i->o, ok),
               screen_colour(i->o, "\033[0m"), i->n_attempts, i->n_successes,
               is_out ? "has banned" : "HAS NOT banned");
    fflush(stdout);
    if (!ok)
        fprintf(stderr, "bastide lab: the intruder %s\n",
                i->n_successes > 0 ? "did what it must not be able to do"
                                   : "was refused, but never banned");
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static struct intruder *intruder_new(const struct lab_options *o)
{
    struct intruder *i = mem_new(struct intruder);

    i->o = o;
    for (unsigned k = 0; k < ACTS_N; k++)
        i->exercises[k].plan = &plans[k];
    return i;
}

static void intruder_free(struct intruder *i)
{
    secret_buf_done(&i->password);
    tls_context_unref(i->tls);
    lab_home_done(&i->home);
    free(i);
}

/**
 * lab_intruder_run() - attack the node of @o->home
 *
 * Return: exit status: 0 if all was refused and the intruder ended banned.
 */
int lab_intruder_run(const struct lab_options *o)
{
    struct intruder *i = intruder_new(o);
    char *error = NULL;
    int status = EXIT_FAILURE;
    bool is_out;

    if (begin(i, &error)) {
        is_out = attack(i);
        if (keep_results(i, &error))
            status = sum_up(i, is_out);
    }
    if (error != NULL)
        fprintf(stderr, "bastide lab: %s\n", error);
    free(error);
    intruder_free(i);
    return status;
}
