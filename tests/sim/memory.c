/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/memory.c - how many blocks of base/mem.h are in use: as many after a seed as before it
 *
 * Large blocks are kept for the next seed, for the system is slow to give and take them
 * and most of a short life would be spent on that.  While they are not in use, nobody may touch
 * them, as if they were freed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "sim/sim.h"
#include "sim/wrap.h"

#ifndef __has_feature /* clang's */
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)
#define ASAN_UNPOISON_MEMORY_REGION(at, size)
#endif

#define LARGE_BYTES  32768
#define LARGE_BLOCKS 32 /* of more the rest is as small ones are */

static uint64_t n_blocks;

static struct large {
    void *at; /* owned; NULL: none */
    size_t size;
    bool in_use;
} large[LARGE_BLOCKS];

/** memory_blocks() - in use now */
uint64_t memory_blocks(void)
{
    return n_blocks;
}

static struct large *large_at(const void *at)
{
    for (size_t i = 0; at != NULL && i < LARGE_BLOCKS && large[i].at != NULL; i++) {
        if (large[i].at == at)
            return &large[i];
    }
    return NULL;
}

/* One of @size that is not in use, or the first place for a new one; NULL: there is neither. */
static struct large *large_for(size_t size)
{
    struct large *l = large;

    if (size < LARGE_BYTES)
        return NULL;
    while (l < large + LARGE_BLOCKS && l->at != NULL && (l->in_use || l->size != size))
        l++;
    return l < large + LARGE_BLOCKS ? l : NULL;
}

static void *take(size_t size)
{
    struct large *l = large_for(size);

    if (l == NULL)
        return __real_mem_alloc(size);
    if (l->at == NULL)
        *l = (struct large){__real_mem_alloc(size), size, false};
    l->in_use = true;
    ASAN_UNPOISON_MEMORY_REGION(l->at, l->size);
    return l->at;
}

void *__wrap_mem_alloc(size_t size)
{
    n_blocks++;
    return take(size);
}

void *__wrap_mem_zero(size_t size)
{
    n_blocks++;
    return size < LARGE_BYTES ? __real_mem_zero(size) : memset(take(size), 0, size);
}

/* A block that has changed its size is as small ones are. */
void *__wrap_mem_resize(void *at, size_t size)
{
    struct large *l = large_at(at);

    n_blocks += at == NULL;
    if (l != NULL) {
        size_t last = l - large;

        while (last + 1 < LARGE_BLOCKS && large[last + 1].at != NULL)
            last++;
        *l = large[last];
        large[last] = (struct large){0};
    }
    return __real_mem_resize(at, size);
}

void __wrap_free(void *at)
{
    struct large *l = large_at(at);

    n_blocks -= at != NULL;
    if (l == NULL) {
        __real_free(at);
        return;
    }
    expect(l->in_use, "a block of %zu bytes is freed twice", l->size);
    l->in_use = false;
    ASAN_POISON_MEMORY_REGION(l->at, l->size);
}
