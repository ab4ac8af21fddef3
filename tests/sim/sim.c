/* SPDX-License-Identifier: Apache-2.0 */
/* sim/sim.c - a world for each seed; its options are in seeds.c */
#include "sim/disk.h"
#include "sim/paging.h"
#include "sim/sim.h"

static void run(uint64_t seed, const struct seeds_options *o)
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
    struct seeds_options o = seeds_options(argv);

    (void)argc;
    disk_keys_make();
    seeds_run(&o, run);
    disk_keys_free();
    paging_expect_reached(o.n);
    return 0;
}
