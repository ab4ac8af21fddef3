/* SPDX-License-Identifier: Apache-2.0 */
/* respond/blast.c - how many clients automatic actions have touched of late */
#include <stdlib.h>

#include "base/mem.h"
#include "respond/private.h"

/** blast_done() - free */
void blast_done(struct blast *b)
{
    free(b->touches);
    *b = (struct blast){0};
}

/**
 * blast_with() - how many clients were touched since @since_ns, if these were too
 * @key:      of a client, or of an address with so many @clients
 *
 * Whoever was touched already counts once.  Older touches are forgotten.
 */
unsigned blast_with(struct blast *b, uint64_t key, unsigned clients, uint64_t since_ns)
{
    unsigned sum = clients;
    size_t kept = 0;

    for (size_t i = 0; i < b->n; i++) {
        if (b->touches[i].at_ns < since_ns)
            continue;
        b->touches[kept++] = b->touches[i];
        if (b->touches[i].key != key)
            sum += b->touches[i].clients;
    }
    b->n = kept;
    return sum;
}

/** blast_touch() - they are touched now; bounded by the limit that is asked before */
void blast_touch(struct blast *b, uint64_t key, unsigned clients, uint64_t now_ns)
{
    if (clients == 0)
        return;
    for (size_t i = 0; i < b->n; i++) {
        if (b->touches[i].key == key) {
            b->touches[i].clients = MAX(b->touches[i].clients, clients);
            b->touches[i].at_ns = now_ns;
            return;
        }
    }
    if (b->n == b->cap) {
        b->cap = b->cap > 0 ? b->cap * 2 : 16;
        b->touches = mem_resize(b->touches, b->cap * sizeof(*b->touches));
    }
    b->touches[b->n++] = (struct touch){.key = key, .clients = clients, .at_ns = now_ns};
}
