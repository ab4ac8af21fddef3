/* SPDX-License-Identifier: Apache-2.0 */
/* cli/args.c - see args.h */
#include "cli/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/guess.h"
#include "base/shown.h"
#include "base/text.h"
#include "cli/human.h"

/** cli_verb_find() - the verb called @name; Return: NULL when there is none */
const struct cli_verb *cli_verb_find(const char *name)
{
    for (size_t i = 0; i < cli_verbs_n; i++) {
        if (strcmp(cli_verbs[i].name, name) == 0)
            return &cli_verbs[i];
    }
    return NULL;
}

#define LETTERS_OFF 3 /* so many letters off is another word */

/** cli_verb_like() - the verb that a mistyped @name may have meant; Return: NULL when none is near
 */
const char *cli_verb_like(const char *name)
{
    struct guess g = {.typed = name, .n_edits = LETTERS_OFF};

    for (size_t i = 0; i < cli_verbs_n; i++)
        guess_at(&g, cli_verbs[i].name);
    return g.nearest;
}

/* What is said may hold what a stranger chose. */
static void __attribute__((format(printf, 1, 0))) complain(const char *format, va_list args)
{
    CLEANUP(buf_done) struct buf out = {0};
    char *text = text_vformat(format, args);

    human_lines(&out, bytes_str(text));
    (void)fprintf(stderr, "%.*s", BYTES_ARG(buf_view(&out)));
    free(text);
}

/** cli_usage() - say what is wrong with the command line; Return: CLI_USAGE */
int cli_usage(const struct cli_verb *v, const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "bastide %s: ", v->name);
    va_start(args, format);
    complain(format, args);
    va_end(args);
    (void)fprintf(stderr, "; see bastide help %s\n", v->name);
    return CLI_USAGE;
}

/** cli_fail() - say what failed; Return: CLI_NO */
int cli_fail(const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "bastide: ");
    va_start(args, format);
    complain(format, args);
    va_end(args);
    (void)fprintf(stderr, "\n");
    return CLI_NO;
}

/* "--for", "--for=10m", "-c": the option's place in the table, or -1.  @ret_value is what follows
 * the "=", NULL when there is none. */
static int find_option(const struct cli_verb *v, const char *word, const char **ret_value)
{
    size_t len = strcspn(word, "=");

    *ret_value = word[len] == '=' ? word + len + 1 : NULL;
    for (int i = 0; v->options != NULL && v->options[i].name != NULL; i++) {
        const struct cli_option *o = &v->options[i];

        check(i < CLI_OPTIONS_MAX);
        if (strlen(o->name) == len && memcmp(o->name, word, len) == 0)
            return i;
        if (o->letter != NULL && strcmp(o->letter, word) == 0)
            return i;
    }
    return -1;
}

static int no_such_option(const struct cli_verb *v, const char *word)
{
    char *typed = bytes_dup_str(bytes_of(word, strcspn(word, "=")));
    struct guess g = {.typed = typed, .n_edits = LETTERS_OFF};
    int rc;

    for (size_t i = 0; v->options != NULL && v->options[i].name != NULL; i++)
        guess_at(&g, v->options[i].name);
    rc = cli_usage(v, "there is no option %s%s%s", typed,
                   g.nearest != NULL ? "; did you mean " : "", text_or_empty(g.nearest));
    free(typed);
    return rc;
}

/* Take the option at argv[*i], and its argument if that is the next word. */
static int take_option(struct cli_args *a, int argc, char **argv, int *i)
{
    const char *value = NULL;
    int place = find_option(a->verb, argv[*i], &value);
    const struct cli_option *o;

    if (place < 0)
        return no_such_option(a->verb, argv[*i]);
    o = &a->verb->options[place];
    if (a->values[place] != NULL)
        return cli_usage(a->verb, "%s is given twice", o->name);
    if (o->arg == NULL && value != NULL)
        return cli_usage(a->verb, "%s takes no argument", o->name);
    if (o->arg != NULL && value == NULL) {
        if (*i + 1 == argc)
            return cli_usage(a->verb, "%s needs an argument: %s", o->name, o->arg);
        value = argv[++*i];
    }
    a->values[place] = o->arg != NULL ? value : "";
    return CLI_OK;
}

/**
 * cli_args_parse() - read the command line of a verb by its row of the table
 * @argv:  argv[0] is the verb; its operands are moved to the front
 *
 * "--" ends the options; a lone "-" is an operand.
 *
 * Return: CLI_OK, or CLI_USAGE and standard error says why.
 */
int cli_args_parse(struct cli_args *a, int argc, char **argv, int operands_min, int operands_max)
{
    bool options_end = false;

    *a = (struct cli_args){.verb = cli_verb_find(argv[0]), .operands = argv + 1};
    check(a->verb != NULL);
    for (int i = 1; i < argc; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            int rc = take_option(a, argc, argv, &i);

            if (rc != CLI_OK)
                return rc;
        } else {
            a->operands[a->n_operands++] = argv[i];
        }
    }
    if (a->n_operands < operands_min)
        return cli_usage(a->verb, "too few operands: %s", a->verb->operands);
    if (a->n_operands > operands_max)
        return cli_usage(a->verb, "unexpected operand %s", a->operands[operands_max]);
    return CLI_OK;
}

/** cli_arg() - the argument of option @name of the verb's table; Return: NULL when not given */
const char *cli_arg(const struct cli_args *a, const char *name)
{
    const struct cli_option *options = a->verb->options;
    size_t i = 0;

    while (options[i].name != NULL && strcmp(options[i].name, name) != 0)
        i++;
    check(options[i].name != NULL);
    return a->values[i];
}

/** cli_flag() - was flag @name given? */
bool cli_flag(const struct cli_args *a, const char *name)
{
    return cli_arg(a, name) != NULL;
}

/**
 * cli_json_is_for() - --json is refused where none is written
 * @is_asked:  one of @words stands on the command line
 *
 * Return: CLI_OK, or CLI_USAGE and standard error says why.
 */
int cli_json_is_for(const struct cli_args *a, bool is_asked, const char *words)
{
    if (is_asked || !cli_flag(a, "--json"))
        return CLI_OK;
    return cli_usage(a->verb, "--json is for %s", words);
}

/**
 * cli_plain() - is @text, which is kept and shown to others, of one line and nothing that is
 * unseen?
 * @name:  where it stands, "--by"
 *
 * Return: CLI_OK, or CLI_USAGE and it was said which character is not.
 */
int cli_plain(const struct cli_args *a, const char *name, const char *text)
{
    uint32_t code = 0;
    size_t at = shown_treacherous(bytes_str(text), &code);

    return at == 0 ? CLI_OK
                   : cli_usage(a->verb,
                               "%s: character %zu is U+%04X, which would steer a terminal, forge a "
                               "line or is not seen; leave it out",
                               name, at, code);
}

/** cli_plain_args() - the same of options, as far as they are given */
int cli_plain_args(const struct cli_args *a, const char *const *names, size_t n)
{
    int rc = CLI_OK;

    for (size_t i = 0; i < n && rc == CLI_OK; i++)
        if (cli_arg(a, names[i]) != NULL)
            rc = cli_plain(a, names[i], cli_arg(a, names[i]));
    return rc;
}
