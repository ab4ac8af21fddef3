/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/seeds.c - which seeds are run, and how
 *
 *   --seeds N        seeds 1 to N, each from a clean start
 *   --from N         begin at N instead of 1
 *   --random         and one that was drawn now; it is printed
 *   --seed N         one
 *   --trace          all steps are printed
 *   --twice          each seed twice: both runs must be the same
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/sim.h"

static void bad_usage(const char *word)
{
    fprintf(stderr, "what is \"%s\"? --seeds N, --from N, --seed N, --random, --trace or --twice\n",
            word);
    exit(2);
}

static uint64_t number_after(char **argv, int *i)
{
    char *end = NULL;
    uint64_t n = argv[*i + 1] != NULL ? strtoull(argv[*i + 1], &end, 10) : 0;

    if (end == NULL || *end != '\0')
        bad_usage(argv[*i]);
    ++*i;
    return n;
}

/** seeds_options() - as the command line has them; ends the program if it has others */
struct seeds_options seeds_options(char **argv)
{
    struct seeds_options o = {.from = 1, .n = 0};

    for (int i = 1; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "--seeds") == 0) {
            o.n = number_after(argv, &i);
        } else if (strcmp(argv[i], "--from") == 0) {
            o.from = number_after(argv, &i);
        } else if (strcmp(argv[i], "--seed") == 0) {
            o.from = number_after(argv, &i);
            o.n = 1;
        } else if (strcmp(argv[i], "--random") == 0) {
            o.random = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            o.trace = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            o.twice = true;
        } else {
            bad_usage(argv[i]);
        }
    }
    return o;
}

static uint64_t random_seed(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000007U + (uint64_t)t.tv_nsec;
}

/** seeds_run() - all that @o says; says how many passed */
void seeds_run(const struct seeds_options *o,
               void (*run)(uint64_t seed, const struct seeds_options *o))
{
    for (uint64_t i = 0; i < o->n; i++) {
        run(o->from + i, o);
        if (o->n >= 1000 && (i + 1) % (o->n / 10) == 0)
            fprintf(stderr, "%llu seeds\n", (unsigned long long)(i + 1));
    }
    if (o->random) {
        uint64_t seed = random_seed();

        printf("a random seed: %llu\n", (unsigned long long)seed);
        fflush(stdout);
        run(seed, o);
    }
    printf("%llu seeds passed\n", (unsigned long long)(o->n + o->random));
}
