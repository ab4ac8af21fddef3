/* SPDX-License-Identifier: Apache-2.0 */
/* lab/drill.c - `bastide lab --drill`: which drills there are, and what they have in common */
#include "lab/drill.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "io/io.h"
#include "lab/lab.h"

#define PASSWORD_MAX     256
#define CERTIFICATE_DAYS "1"
#define ANSWER_MS        10000
#define RETRY_MS         50 /* oftener would be a flood of connections to the detectors */

/* clang-format off */
static const struct drill_row {
    const char *name;
    const char *tool;
    const char *what;
    bool (*run)(struct drill *d, char **ret_error);
} drills[] = {
    {"revoke",       "bastide lab --drill revoke",       "A certificate is revoked while its device is connected", drill_revoke},
    {"disable",      "bastide lab --drill disable",      "A user is disabled while it is connected",               drill_disable},
    {"ban",          "bastide lab --drill ban",          "A client is banned while it is connected, in each way",  drill_ban},
    {"block",        "bastide lab --drill block",        "A topic is quarantined while it is in use",              drill_block},
    {"posture",      "bastide lab --drill posture",      "The next posture closes a listener, and opens it again", drill_posture},
    {"firewall",     "bastide lab --drill firewall",     "An attacker who does not stop, until its packets are dropped", drill_firewall},
    {"burst",        "bastide lab --drill burst",        "One client sends at ten times its limit",               drill_burst},
    {"canary",       "bastide lab --drill canary",       "A message is looked for in all that is stored",         drill_canary},
    {"rogue-server", "bastide lab --drill rogue-server", "Each kind of client meets a server that it must not trust", drill_rogue_server},
    {DRILL_DETECTORS, "bastide drill",                   "Attacks in small, and whether the node notices",            drill_detect},
};
/* clang-format on */

static bool is_of_detectors(const char *name)
{
    return strcmp(name, DRILL_DETECTORS) == 0 || drill_detects(name);
}

/** lab_has_drill() - see lab.h */
bool lab_has_drill(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(drills); i++)
        if (strcmp(drills[i].name, name) == 0)
            return true;
    return strcmp(name, "all") == 0 || is_of_detectors(name);
}

static void mark(const struct drill *d, bool is_good)
{
    printf("  %s%s%s ", screen_colour(d->o, is_good ? "\033[32m" : "\033[31m"),
           screen_mark(d->o, is_good), screen_colour(d->o, "\033[0m"));
}

/** drill_say() - a line on what was measured; with --json the line of evidence stands instead */
void drill_say(const struct drill *d, const char *format, ...)
{
    va_list args;

    if (d->o->is_json)
        return;
    mark(d, true);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/** drill_tell() - drill_say(), of what may be bad */
void drill_tell(const struct drill *d, bool is_good, const char *text)
{
    if (d->o->is_json)
        return;
    mark(d, is_good);
    puts(text);
    fflush(stdout);
}

/* Consumes @line. */
static void show_json(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

/**
 * drill_unmeasured() - @what was drilled, and nothing came of it: @why, with what would help
 *
 * With --json a line says so too, so that a program need not take silence for success.
 */
void drill_unmeasured(const struct drill *d, const char *what, const char *why)
{
    drill_tell(d, false, why);
    if (d->o->is_json)
        show_json(json_pack("{s:s, s:b, s:s}", "drill", what, "measured", 0, "why", why));
}

/** drill_keep() - record a line of evidence, and show it with --json; @line is consumed */
bool drill_keep(const struct drill *d, json_t *line, char **ret_error)
{
    if (d->o->is_json)
        show_json(json_incref(line));
    return drill_record(&d->home, line, d->tool, ret_error);
}

/** drill_value() - record one measured value */
bool drill_value(struct drill *d, const char *test, double value, unsigned samples,
                 const char *scenario, char **ret_error)
{
    json_t *line = json_pack("{s:s, s:f, s:i, s:s}", "test", test, "value", value, "samples",
                             (int)samples, "scenario", scenario);

    return drill_keep(d, line, ret_error);
}

/* ---- the client that is cut ---- */

/** drill_new_certificate() - for DRILL_ID, by the node's CA; d->tls comes by it from now on */
bool drill_new_certificate(struct drill *d, char **ret_error)
{
    char *certificate = lab_path(d->home.dir, DRILL_ID, ".crt");
    char *key = lab_path(d->home.dir, DRILL_ID, ".key");
    bool ok = operator_issue(d->home.dir, DRILL_ID, DRILL_ID, NULL, CERTIFICATE_DAYS, ret_error);

    tls_context_unref(d->tls);
    d->tls = ok ? tls_context_new_client(d->home.ca, certificate, key, ret_error) : NULL;
    free(certificate);
    free(key);
    return d->tls != NULL;
}

static struct client *client_of(const struct drill *d, struct client_settings s)
{
    bool by_password = s.tls == d->tls_nobody;

    s.host = d->home.address;
    s.port = d->home.port;
    s.server_name = d->home.server_name;
    s.user_name = by_password ? DRILL_NAME : NULL;
    s.password = by_password ? (const char *)d->password_secret.at : NULL;
    return client_new(&s);
}

/** drill_client() - DRILL_ID by its certificate, or without one DRILL_NAME by its password */
struct client *drill_client(const struct drill *d, struct tls_context *tls, const char *id,
                            const char *source)
{
    return client_of(
        d, (struct client_settings){
               .bind_address = source, .tls = tls, .client_id = id, .timeout_ms = ANSWER_MS});
}

/**
 * drill_sleeper() - DRILL_NAME by its password, with a session that stays when it goes
 * @expiry_s:  for so long; 0: it goes with its connection
 * @resume:    go on with the session that is there
 */
struct client *drill_sleeper(const struct drill *d, const char *id, const char *source,
                             unsigned expiry_s, bool resume)
{
    return client_of(d, (struct client_settings){.bind_address = source,
                                                 .tls = d->tls_nobody,
                                                 .client_id = id,
                                                 .session_expiry_s = expiry_s,
                                                 .resume = resume});
}

/** drill_comes_in() - it must be let in before it can be cut */
bool drill_comes_in(const struct drill *d, struct client *c, char **ret_error)
{
    if (client_connect(c) == CLIENT_OK)
        return true;
    return text_fail(ret_error,
                     "the drill's client is not let in: %s; were bastide lab --prepare and bastide "
                     "reload run, and is %s not banned?",
                     client_error(c), d->source);
}

/* From elsewhere; not always the same, as many such questions from one address are a flood. */
static bool node_is_there(const struct drill *d)
{
    char elsewhere[16];

    snprintf(elsewhere, sizeof(elsewhere), "127.0.2.%u", d->round + 1);
    return lab_node_answers(&d->home, elsewhere);
}

/** drill_is_refused() - by the node, not because there is none */
bool drill_is_refused(const struct drill *d, struct client *c)
{
    enum client_outcome o = client_connect(c);

    if (o == CLIENT_E_REFUSED)
        return true;
    client_disconnect(c, REASON_SUCCESS);
    return (o == CLIENT_E_CLOSED || o == CLIENT_E_UNREACHABLE) && node_is_there(d);
}

static double seconds_since(uint64_t begun_ns)
{
    return (double)(clock_now_ns() - begun_ns) / (double)NS_PER_S;
}

/* Return: false: not within DRILL_PATIENCE_S. */
static bool is_cut(struct client *c, uint64_t begun_ns)
{
    struct client_message m;

    while (seconds_since(begun_ns) < DRILL_PATIENCE_S) {
        enum client_outcome o = client_next(c, 100, &m);

        if (o == CLIENT_E_CLOSED || o == CLIENT_E_UNREACHABLE)
            return true;
    }
    return false;
}

static bool stays_out(const struct drill *d, struct tls_context *tls, const char *id,
                      uint64_t begun_ns)
{
    bool out = false;

    while (!out && seconds_since(begun_ns) < DRILL_PATIENCE_S) {
        struct client *c = drill_client(d, tls, id, d->source);

        out = drill_is_refused(d, c);
        client_free(c);
        if (!out)
            usleep(RETRY_MS * 1000);
    }
    return out;
}

/**
 * drill_measure() - strike, and look until @c is cut and a new connection as @id is refused
 * @c:      connected
 * @worst:  grows
 *
 * The stop watch runs from before the operator's commands are started.
 */
bool drill_measure(struct drill *d, struct client *c, const char *id,
                   bool (*strike)(struct drill *d, char **ret_error), struct drill_times *worst,
                   char **ret_error)
{
    struct tls_context *tls = d->tls != NULL ? d->tls : d->tls_nobody;
    uint64_t begun_ns = clock_now_ns();
    double cut_s, refused_s;

    if (!strike(d, ret_error))
        return false;
    if (!is_cut(c, begun_ns))
        return text_fail(ret_error, "the session was not cut within %d s", DRILL_PATIENCE_S);
    cut_s = seconds_since(begun_ns);
    if (!stays_out(d, tls, id, begun_ns))
        return text_fail(ret_error, "a new connection was not refused within %d s",
                         DRILL_PATIENCE_S);
    refused_s = seconds_since(begun_ns);
    worst->cut_s = worst->cut_s > cut_s ? worst->cut_s : cut_s;
    worst->refused_s = worst->refused_s > refused_s ? worst->refused_s : refused_s;
    worst->n++;
    return true;
}

/* ---- from begin to end ---- */

static bool read_password(struct drill *d, char **ret_error)
{
    char *path = lab_path(d->home.dir, DRILL_NAME, ".password");
    bool ok =
        access(path, F_OK) < 0
            ? text_fail(ret_error, "there is no %s; make it by 'bastide lab --prepare --home %s'",
                        path, d->home.dir)
            : file_read(path, PASSWORD_MAX, &d->password_secret, ret_error);

    buf_add_u8(&d->password_secret, 0);
    free(path);
    return ok;
}

static bool begin(struct drill *d, char **ret_error)
{
    if (!lab_home_open(&d->home, d->o->home, ret_error) || !read_password(d, ret_error))
        return false;
    if (!node_is_there(d))
        return text_fail(ret_error, "nothing answers at %s port %u; is the node running?",
                         d->home.address, d->home.port);
    d->tls_nobody = tls_context_new_client(d->home.ca, NULL, NULL, ret_error);
    return d->tls_nobody != NULL;
}

static void end(struct drill *d)
{
    tls_context_unref(d->tls);
    tls_context_unref(d->tls_nobody);
    secret_buf_done(&d->password_secret);
    lab_home_done(&d->home);
}

/* "all" means what operators do; what detectors notice is drilled by name, or as DRILL_DETECTORS.
 */
static bool is_meant(const char *name, const struct drill_row *row)
{
    if (row->run == drill_detect)
        return is_of_detectors(name);
    return strcmp(name, "all") == 0 || strcmp(name, row->name) == 0;
}

static int run_one(const struct lab_options *o, size_t k)
{
    struct drill d = {.o = o, .name = drills[k].name, .tool = drills[k].tool};
    char *error = NULL;
    bool ok;

    if (!o->is_json && !o->is_quiet)
        printf("%s%s%s\n", screen_colour(o, "\033[1m"), drills[k].what,
               screen_colour(o, "\033[0m"));
    ok = begin(&d, &error) && drills[k].run(&d, &error);
    if (!ok)
        fprintf(stderr, "bastide lab: drill %s: %s\n", drills[k].name, error);
    free(error);
    end(&d);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/**
 * drill_run() - the drill @o->drill, or all of them
 *
 * Return: exit status: 0 if all that was to be measured was.
 */
int drill_run(const struct lab_options *o)
{
    int status = EXIT_SUCCESS;

    for (size_t k = 0; k < COUNT_OF(drills); k++)
        if (is_meant(o->drill, &drills[k]) && run_one(o, k) != EXIT_SUCCESS)
            status = EXIT_FAILURE;
    return status;
}
