/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/trace.c - the last steps of a run, printed when it fails
 *
 * Also when a check() of the node or a sanitizer aborts: then a handler of SIGABRT
 * prints them.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "sim/kernel.h"
#include "sim/sim.h"

#define LINES    160
#define LINE_LEN 200

static char lines[LINES][LINE_LEN];
static uint64_t n_lines;
static uint64_t hash;
static uint64_t seed_now;
static bool printing;

static void print_last(void)
{
    uint64_t from = n_lines > LINES ? n_lines - LINES : 0;

    if (!printing) {
        for (uint64_t i = from; i < n_lines; i++)
            fprintf(stderr, "%s\n", lines[i % LINES]);
    }
    fprintf(stderr, "seed %llu failed after %llu steps; again with: %s --seed %llu --trace\n",
            (unsigned long long)seed_now, (unsigned long long)n_lines,
            program_invocation_short_name, (unsigned long long)seed_now);
}

static void on_abort(int sig)
{
    signal(sig, SIG_DFL);
    print_last();
    fflush(stderr);
    raise(sig);
}

/** trace_start() - forget the steps of the last seed; @print: each step as it is made */
void trace_start(uint64_t seed, bool print)
{
    n_lines = 0;
    hash = 0;
    seed_now = seed;
    printing = print;
    signal(SIGABRT, on_abort);
}

/** trace_done() - the seed has passed: an abort from here on is not its fault */
void trace_done(void)
{
    signal(SIGABRT, SIG_DFL);
}

static void mix(const char *line)
{
    for (; *line != '\0'; line++)
        hash = (hash ^ (uint8_t)*line) * 0x100000001b3ULL;
}

/** trace() - one step */
void trace(const char *format, ...)
{
    char *line = lines[n_lines++ % LINES];
    uint64_t us = kernel_elapsed_ns() / 1000;
    int n = snprintf(line, LINE_LEN, "%llu.%06llu ", (unsigned long long)(us / 1000000),
                     (unsigned long long)(us % 1000000));
    va_list args;

    va_start(args, format);
    vsnprintf(line + n, LINE_LEN - (size_t)n, format, args);
    va_end(args);
    mix(line);
    if (printing)
        fprintf(stderr, "%s\n", line);
}

/** trace_hash() - equal for equal runs */
uint64_t trace_hash(void)
{
    return hash;
}

/** fail() - something that must not happen has happened */
void fail(const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_last();
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
    _exit(1);
}
