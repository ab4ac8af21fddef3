/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/sim.c - run seeds
 *
 *   sim --seeds N        seeds 1 to N, each from a clean start
 *   sim --from N         begin at N instead of 1
 *   sim --random         and one that was drawn now; it is printed
 *   sim --seed N --trace one, with all its steps
 *   sim --twice          each seed twice: both runs must be the same
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/disk.h"
#include "sim/paging.h"
#include "sim/sim.h"

struct options {
    uint64_t from;
    uint64_t n;
    bool random;
    bool trace;
    bool twice;
};

static void bad_usage(const char *word)
{
    fprintf(stderr,
            "sim: what is \"%s\"? --seeds N, --from N, --seed N, --random, --trace or --twice\n",
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

static struct options options_of(char **argv)
{
    struct options o = {.from = 1, .n = 0};

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

static void run(uint64_t seed, const struct options *o)
{
    uint64_t before = memory_blocks();
    uint64_t hash;

    world_run(seed, o->trace);
    expect(memory_blocks() == before, "seed %llu: %lld blocks of memory are not given back",
           (unsigned long long)seed, (long long)(memory_blocks() - before));
    if (!o->twice)
        return;
    hash = trace_hash();
    world_run(seed, o->trace);
    expect(hash == trace_hash(), "seed %llu: two runs differ", (unsigned long long)seed);
}

int main(int argc, char **argv)
{
    struct options o = options_of(argv);

    (void)argc;
    disk_keys_make();
    for (uint64_t i = 0; i < o.n; i++) {
        run(o.from + i, &o);
        if (o.n >= 1000 && (i + 1) % (o.n / 10) == 0)
            fprintf(stderr, "%llu seeds\n", (unsigned long long)(i + 1));
    }
    if (o.random) {
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        o.from = (uint64_t)t.tv_sec * 1000000007U + (uint64_t)t.tv_nsec;
        printf("a random seed: %llu\n", (unsigned long long)o.from);
        fflush(stdout);
        run(o.from, &o);
    }
    disk_keys_free();
    paging_expect_reached(o.n);
    printf("%llu seeds passed\n", (unsigned long long)(o.n + o.random));
    return 0;
}
