/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/args.h - one table of verbs and options: it drives parsing, help, the manual
 * page and completion
 */
#pragma once

#include "base/bytes.h"
#include "cli/verbs.h"

#define CLI_OPTIONS_MAX 40

struct cli_option {
    const char *name;   /* "--for" */
    const char *letter; /* "-c"; NULL */
    const char *arg;    /* "DURATION"; NULL: a flag */
    const char *text;
};

typedef int cli_verb_fn(int argc, char **argv);

struct cli_verb {
    const char *name;
    cli_verb_fn *run;
    const char *summary;  /* one line, without a full stop */
    const char *operands; /* "KIND SUBJECT"; words that are to be typed stand in lower case; "" */
    const struct cli_option *options; /* until a row without name; NULL: none */
    const char *more;                 /* paragraphs that say what the reader must know; NULL */
};

extern const struct cli_verb cli_verbs[];
extern const size_t cli_verbs_n;

/* What stood on the command line.  All borrowed. */
struct cli_args {
    const struct cli_verb *verb;
    const char *values[CLI_OPTIONS_MAX]; /* beside verb->options; "" for a flag; NULL: not given */
    char **operands;
    int n_operands;
};

const struct cli_verb *cli_verb_find(const char *name);
const char *cli_verb_like(const char *name);
int cli_args_parse(struct cli_args *a, int argc, char **argv, int operands_min, int operands_max);
const char *cli_arg(const struct cli_args *a, const char *name);
bool cli_flag(const struct cli_args *a, const char *name);
int cli_json_is_for(const struct cli_args *a, bool is_asked, const char *words);
int cli_plain(const struct cli_args *a, const char *name, const char *text);
int cli_plain_args(const struct cli_args *a, const char *const *names, size_t n);
int cli_usage(const struct cli_verb *v, const char *format, ...) PRINTF(2, 3);
int cli_fail(const char *format, ...) PRINTF(1, 2);
