/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli.c - from the command line to a verb */
#include "cli/cli.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/help.h"
#include "detect/detect.h"
#include "lab/lab.h"

/** cli_help() - bastide help [VERB] */
int cli_help(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 0, 1);
    const struct cli_verb *v;

    if (rc != CLI_OK)
        return rc;
    if (a.n_operands == 0) {
        help_all(stdout);
        return CLI_OK;
    }
    v = cli_verb_find(a.operands[0]);
    if (v == NULL)
        return cli_usage(a.verb, "there is no verb %s", a.operands[0]);
    help_verb(stdout, v);
    return CLI_OK;
}

/** cli_version() - bastide version */
int cli_version(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    if (rc == CLI_OK)
        (void)printf("bastide " BASTIDE_VERSION "\n");
    return rc;
}

/** cli_lab() - bastide lab */
int cli_lab(int argc, char **argv)
{
    return lab_main(argc, argv);
}

#define DRILL_WORDS_MAX 16

static bool is_detector(const char *name)
{
    for (size_t i = 0; i < detect_detectors(); i++) {
        if (strcmp(detect_detector(i)->name, name) == 0)
            return true;
    }
    return false;
}

/* As docs/guide/detect.md has it. */
static int no_drill(const char *name)
{
    if (is_detector(name))
        (void)cli_fail("no drill of %s, because it compares hours, or finds what is of the whole "
                       "fleet; 'bastide drill all' tries those that there are",
                       name);
    else
        (void)cli_fail("there is no detector %s; docs/reference/detectors.md lists them", name);
    return CLI_USAGE;
}

/** cli_drill() - bastide drill DETECTOR: a drill of the lab under a name of its own */
int cli_drill(int argc, char **argv)
{
    static char lab[] = "lab", drill[] = "--drill", all[] = "detectors";
    char *words[DRILL_WORDS_MAX + 3] = {lab, drill};
    int n = 2;

    if (argc < 2 || argv[1][0] == '-' || argc > DRILL_WORDS_MAX) {
        (void)cli_fail(
            "drill: name a detector, or say all; docs/reference/detectors.md lists them");
        return CLI_USAGE;
    }
    if (!lab_has_drill(argv[1]))
        return no_drill(argv[1]);
    words[n++] = strcmp(argv[1], "all") == 0 ? all : argv[1];
    for (int i = 2; i < argc; i++)
        words[n++] = argv[i];
    return lab_main(n, words);
}

static int unknown_verb(const char *name)
{
    const char *like = cli_verb_like(name);

    (void)cli_fail("there is no verb %s%s%s; bastide help lists them", name,
                   like != NULL ? "; did you mean " : "", text_or_empty(like));
    return CLI_USAGE;
}

/* --help wherever it stands before "--" is a wish that goes before all others. */
static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static int run_verb(const struct cli_verb *v, int argc, char **argv)
{
    if (wants_help(argc, argv)) {
        help_verb(stdout, v);
        return CLI_OK;
    }
    return v->run(argc, argv);
}

/**
 * cli_main() - the whole program
 *
 * Return: one of enum cli_exit.
 */
int cli_main(int argc, char **argv)
{
    static char synonyms[][2][10] = {
        {"--help", "help"}, {"-h", "help"}, {"--version", "version"}, {"-V", "version"}};
    const struct cli_verb *v;
    int rc;

    /* As base/mem.h: what a library cannot allocate is the machine's end. */
    json_set_alloc_funcs(mem_alloc, free);
    event_set_mem_functions(mem_alloc, mem_resize, free);

    if (argc < 2) {
        help_all(stderr);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < COUNT_OF(synonyms); i++) {
        if (strcmp(argv[1], synonyms[i][0]) == 0)
            argv[1] = synonyms[i][1];
    }
    v = cli_verb_find(argv[1]);
    rc = v != NULL ? run_verb(v, argc - 1, argv + 1) : unknown_verb(argv[1]);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        if (rc == CLI_OK)
            rc = cli_fail("standard output cannot be written: %s", strerror(errno));
    }
    return rc;
}
