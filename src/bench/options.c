/* SPDX-License-Identifier: Apache-2.0 */
/* bench/options.c - the command line, by the table in bench.h */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/private.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_COUNT,
    OPTION_SECONDS,
    OPTION_FLAG,
};

static const struct option_row {
    enum option_kind kind;
    size_t at; /* in struct bench_options */
    const char *name;
    double least;
    double most;
} rows[] = {
#define X(kind, field, option, argument, least, most, text)                                        \
    {OPTION_##kind, offsetof(struct bench_options, field), option, least, most},
    BENCH_OPTIONS(X)
#undef X
};

static bool PRINTF(1, 2) wrong(const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "bastide bench: ");
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "; see bastide help bench\n");
    return false;
}

static bool in_range(const struct option_row *row, double value, const char *end)
{
    return *end == '\0' && end != optarg && value >= row->least && value <= row->most;
}

static bool take(struct bench_options *o, const struct option_row *row)
{
    void *at = (char *)o + row->at;
    char *end = NULL;

    switch (row->kind) {
    case OPTION_TEXT:
        *(const char **)at = optarg;
        return true;
    case OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case OPTION_COUNT:
        *(uint64_t *)at = strtoull(optarg, &end, 10);
        if (*optarg >= '0' && *optarg <= '9' && in_range(row, (double)*(uint64_t *)at, end))
            return true;
        return wrong("%s %s: a whole number from %.0f to %.0f is expected", row->name, optarg,
                     row->least, row->most);
    case OPTION_SECONDS:
        *(double *)at = strtod(optarg, &end);
        if (in_range(row, *(double *)at, end))
            return true;
        return wrong("%s %s: a number of seconds from %g to %g is expected", row->name, optarg,
                     row->least, row->most);
    }
    return false;
}

/* What no single option can say. */
static bool fits_together(const struct bench_options *o)
{
    if ((o->cert != NULL) != (o->key != NULL))
        return wrong("--cert and --key go together");
    if (o->cert != NULL && o->ca == NULL)
        return wrong("--cert needs --ca: without it there is no TLS");
    if ((o->control_cert != NULL) != (o->control_key != NULL))
        return wrong("--control-cert and --control-key go together");
    if (o->protocol != NULL && strcmp(o->protocol, "5") != 0 && strcmp(o->protocol, "3.1.1") != 0)
        return wrong("--protocol %s: 5 or 3.1.1 is expected", o->protocol);
    if (o->password_file != NULL && o->user == NULL)
        return wrong("--password-file needs --user");
    if (o->prefix != NULL && !wire_topic_name_valid(bytes_str(o->prefix)))
        return wrong("--prefix %s: that is no topic", o->prefix);
    return true;
}

/**
 * options_read() - read the command line
 * @argv:          argv[0] is the verb; permuted
 * @ret:           what was given; the rest as the table says
 * @ret_scenario:  the operand
 *
 * Return: false, and standard error says why.
 */
bool options_read(int argc, char **argv, struct bench_options *ret, const char **ret_scenario)
{
    struct option all[COUNT_OF(rows) + 1] = {0};
    int id;

    *ret = (struct bench_options){.duration = -1, .warmup = -1};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        all[i] = (struct option){
            .name = rows[i].name + 2,
            .has_arg = rows[i].kind == OPTION_FLAG ? no_argument : required_argument,
            .val = 256 + (int)i,
        };
    optind = 0; /* another verb may have used it */
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":", all, NULL)) != -1) {
        if (id == ':')
            return wrong("%s needs an argument", argv[optind - 1]);
        if (id < 256)
            return wrong("there is no option %s", argv[optind - 1]);
        if (!take(ret, &rows[id - 256]))
            return false;
    }
    if (argc - optind != 1)
        return wrong(argc == optind ? "which scenario?" : "one scenario at a time");
    *ret_scenario = argv[optind];
    return fits_together(ret);
}
