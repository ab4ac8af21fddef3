/* SPDX-License-Identifier: Apache-2.0 */
/* sim/memory.c - how many blocks of base/mem.h are in use: as many after a seed as before it */
#include <stdlib.h>

#include "sim/sim.h"
#include "sim/wrap.h"

static uint64_t n_blocks;

/** memory_blocks() - in use now */
uint64_t memory_blocks(void)
{
    return n_blocks;
}

void *__wrap_mem_alloc(size_t size)
{
    n_blocks++;
    return __real_mem_alloc(size);
}

void *__wrap_mem_zero(size_t size)
{
    n_blocks++;
    return __real_mem_zero(size);
}

void *__wrap_mem_resize(void *at, size_t size)
{
    n_blocks += at == NULL;
    return __real_mem_resize(at, size);
}

void __wrap_free(void *at)
{
    n_blocks -= at != NULL;
    __real_free(at);
}
