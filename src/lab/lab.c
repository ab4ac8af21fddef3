/* SPDX-License-Identifier: Apache-2.0 */
/* lab/lab.c - the options of `bastide lab`; their help is in the table of cli/verbs.c */
#include "lab/lab.h"

#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lab/lab_private.h"

#define EXIT_USAGE 2

enum option_id {
    OPTION_PREPARE = 256,
    OPTION_INTRUDER,
    OPTION_DRILL,
    OPTION_SOURCE,
    OPTION_BACKUPS,
    OPTION_HOME,
    OPTION_ROUNDS,
    OPTION_DURATION,
    OPTION_INTERVAL,
    OPTION_STEP_TIMEOUT,
    OPTION_QUIET,
    OPTION_JSON,
    OPTION_ASCII,
};

/* clang-format off */
static const struct option options[] = {
    {"prepare",      no_argument,       NULL, OPTION_PREPARE},
    {"intruder",     no_argument,       NULL, OPTION_INTRUDER},
    {"drill",        required_argument, NULL, OPTION_DRILL},
    {"source",       required_argument, NULL, OPTION_SOURCE},
    {"backups",      required_argument, NULL, OPTION_BACKUPS},
    {"home",         required_argument, NULL, OPTION_HOME},
    {"rounds",       required_argument, NULL, OPTION_ROUNDS},
    {"duration",     required_argument, NULL, OPTION_DURATION},
    {"interval",     required_argument, NULL, OPTION_INTERVAL},
    {"step-timeout", required_argument, NULL, OPTION_STEP_TIMEOUT},
    {"quiet",        no_argument,       NULL, OPTION_QUIET},
    {"json",         no_argument,       NULL, OPTION_JSON},
    {"ascii",        no_argument,       NULL, OPTION_ASCII},
    {NULL, 0, NULL, 0},
};
/* clang-format on */

struct command {
    struct lab_options o;
    bool prepare;
    bool intruder;
};

static bool read_number(const char *name, const char *text, unsigned min, unsigned max,
                        unsigned *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max) {
        fprintf(stderr, "bastide lab: --%s %s: a number from %u to %u is expected\n", name, text,
                min, max);
        return false;
    }
    *ret = (unsigned)n;
    return true;
}

static bool take_option(struct command *c, int id, const char *word)
{
    struct lab_options *o = &c->o;

    switch (id) {
    case OPTION_PREPARE:
        return c->prepare = true;
    case OPTION_INTRUDER:
        return c->intruder = true;
    case OPTION_DRILL:
        o->drill = optarg;
        if (lab_has_drill(optarg))
            return true;
        fprintf(stderr,
                "bastide lab: --drill %s: revoke, disable, ban, block, posture, firewall, "
                "burst, canary, rogue-server, all, detectors or a detector's name is expected\n",
                optarg);
        return false;
    case OPTION_SOURCE:
        return (o->source = optarg) != NULL;
    case OPTION_BACKUPS:
        return (o->backups = optarg) != NULL;
    case OPTION_HOME:
        return (o->home = optarg) != NULL;
    case OPTION_ROUNDS:
        return read_number("rounds", optarg, 1, 1000000, &o->rounds);
    case OPTION_DURATION:
        return read_number("duration", optarg, 1, 86400, &o->duration_s);
    case OPTION_INTERVAL:
        o->interval_ms = 0;
        if (!read_number("interval", optarg, 0, 3600, &o->interval_ms))
            return false;
        o->interval_ms *= 1000;
        return true;
    case OPTION_STEP_TIMEOUT:
        return read_number("step-timeout", optarg, 1, 600000, &o->step_timeout_ms);
    case OPTION_QUIET:
        return o->is_quiet = true;
    case OPTION_JSON:
        return o->is_json = true;
    case OPTION_ASCII:
        return o->is_ascii = true;
    default:
        fprintf(stderr, "bastide lab: %s: no such option, or not as it is used\n", word);
        return false;
    }
}

static bool take_options(struct command *c, int argc, char **argv)
{
    int id;

    optind = 0; /* another verb may have used it */
    opterr = 0;
    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!take_option(c, id, argv[optind - 1]))
            return false;
    }
    if (c->o.home == NULL)
        c->o.home = getenv("BASTIDE_HOME");
    if (optind < argc)
        fprintf(stderr, "bastide lab: unexpected operand %s\n", argv[optind]);
    else if (c->o.home == NULL || c->o.home[0] == '\0')
        fprintf(stderr, "bastide lab: say which node by --home DIR, or by BASTIDE_HOME\n");
    else if (c->prepare + c->intruder + (c->o.drill != NULL) > 1)
        fprintf(stderr, "bastide lab: --prepare, --intruder and --drill are three things\n");
    else
        return true;
    return false;
}

/* What the terminal can show. */
static void look_at_terminal(struct lab_options *o)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);

    if (locale == (locale_t)0 || strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") != 0)
        o->is_ascii = true;
    if (locale != (locale_t)0)
        freelocale(locale);
    o->has_colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

/**
 * lab_main() - `bastide lab`
 * @argv:  argv[0] is "lab"
 *
 * Return: exit status: 0, 1 when it failed, 2 when the command line is wrong.
 */
int lab_main(int argc, char **argv)
{
    struct command c = {.o = {.interval_ms = 2000, .step_timeout_ms = 5000}};

    if (!take_options(&c, argc, argv)) {
        fprintf(stderr, "bastide help lab says how it is used\n");
        return EXIT_USAGE;
    }
    if (c.o.rounds == 0 && c.o.duration_s == 0 && c.o.drill == NULL)
        c.o.rounds = 1;
    look_at_terminal(&c.o);
    if (c.prepare)
        return lab_prepare(c.o.home, c.o.is_quiet);
    if (c.o.drill != NULL)
        return drill_run(&c.o);
    return c.intruder ? lab_intruder_run(&c.o) : lab_scene_run(&c.o);
}
