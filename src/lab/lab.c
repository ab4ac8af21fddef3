/* SPDX-License-Identifier: Apache-2.0 */
/* lab/lab.c - the options of `bastide lab` */
#include "lab/lab.h"

#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lab/lab_private.h"

#define EXIT_USAGE 2

static const char usage[] =
    "usage: bastide lab [--prepare | --intruder] --home DIR [OPTION ...]\n"
    "\n"
    "Runs the energy provider's field message bus (Appendix A) against the node of DIR:\n"
    "tablet, power supply, smart meter, distribution management system and cap bank\n"
    "controller, each a process with its own certificate and no more rights than it needs.\n"
    "Exits 0 when every step came in time.\n"
    "\n"
    "  --prepare           add roles, users, inventory and certificates of the lab to DIR\n"
    "  --intruder          attack instead, with a contractor's stolen password, from\n"
    "                      127.0.0.66; exits 0 when all was refused and it was banned\n"
    "  --home DIR          a folder that bastide init made\n"
    "  --rounds N          play it N times (1)\n"
    "  --duration SECONDS  play it again and again for so long\n"
    "  --interval SECONDS  between two rounds (2)\n"
    "  --step-timeout MS   how long a step may take (5000)\n"
    "  --quiet             results only\n"
    "  --json              an event a line, for programs\n"
    "  --ascii             no other characters\n";

enum option_id {
    OPTION_PREPARE = 256,
    OPTION_INTRUDER,
    OPTION_HOME,
    OPTION_ROUNDS,
    OPTION_DURATION,
    OPTION_INTERVAL,
    OPTION_STEP_TIMEOUT,
    OPTION_QUIET,
    OPTION_JSON,
    OPTION_ASCII,
    OPTION_HELP,
};

/* clang-format off */
static const struct option options[] = {
    {"prepare",      no_argument,       NULL, OPTION_PREPARE},
    {"intruder",     no_argument,       NULL, OPTION_INTRUDER},
    {"home",         required_argument, NULL, OPTION_HOME},
    {"rounds",       required_argument, NULL, OPTION_ROUNDS},
    {"duration",     required_argument, NULL, OPTION_DURATION},
    {"interval",     required_argument, NULL, OPTION_INTERVAL},
    {"step-timeout", required_argument, NULL, OPTION_STEP_TIMEOUT},
    {"quiet",        no_argument,       NULL, OPTION_QUIET},
    {"json",         no_argument,       NULL, OPTION_JSON},
    {"ascii",        no_argument,       NULL, OPTION_ASCII},
    {"help",         no_argument,       NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};
/* clang-format on */

struct command {
    struct lab_options o;
    bool prepare;
    bool intruder;
    bool help;
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

static bool take_option(struct command *c, int id)
{
    struct lab_options *o = &c->o;

    switch (id) {
    case OPTION_PREPARE:
        return c->prepare = true;
    case OPTION_INTRUDER:
        return c->intruder = true;
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
    case OPTION_HELP:
        return c->help = true;
    default: /* getopt_long() has said why */
        return false;
    }
}

static bool take_options(struct command *c, int argc, char **argv)
{
    int id;

    optind = 0; /* another verb may have used it */
    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!take_option(c, id))
            return false;
    }
    if (c->help)
        return true;
    if (optind < argc || c->o.home == NULL || (c->prepare && c->intruder)) {
        fputs(usage, stderr);
        return false;
    }
    return true;
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

    if (!take_options(&c, argc, argv))
        return EXIT_USAGE;
    if (c.help)
        return fputs(usage, stdout) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (c.o.rounds == 0 && c.o.duration_s == 0)
        c.o.rounds = 1;
    look_at_terminal(&c.o);
    if (c.prepare)
        return lab_prepare(c.o.home, c.o.is_quiet);
    return c.intruder ? lab_intruder_run(&c.o) : lab_scene_run(&c.o);
}
