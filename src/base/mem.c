/* SPDX-License-Identifier: Apache-2.0 */
/* base/mem.c - malloc, calloc and realloc that abort instead of failing */
#include "base/mem.h"

#include <stdlib.h>

#include "base/err.h"

/** mem_alloc() - @size bytes, not initialised; at least one */
void *mem_alloc(size_t size)
{
    void *at = malloc(size > 0 ? size : 1);

    check(at != NULL);
    return at;
}

/** mem_zero() - @size bytes of zero */
void *mem_zero(size_t size)
{
    void *at = calloc(1, size > 0 ? size : 1);

    check(at != NULL);
    return at;
}

/** mem_resize() - @at, owned, or NULL, moved to @size bytes */
void *mem_resize(void *at, size_t size)
{
    void *moved = realloc(at, size > 0 ? size : 1);

    check(moved != NULL);
    return moved;
}
