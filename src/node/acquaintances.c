/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/acquaintances.c - who was let in with which client id from which address, since the start
 *
 * A Bloom filter of the whole node under a key of this process: asked by any worker before a
 * password costs anything, added to when a CONNECT is accepted.  Bits are only ever set, so no
 * order between them matters and no lock is needed.  Of 200,000 pairs one stranger in a hundred is
 * taken for an acquaintance, and is not delayed as the others are.
 *
 * MQ.RS.RP-03 (detection, D06)
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "node/node_private.h"

#define WORDS  32768 /* 256 KiB, of which the machine gives what is used */
#define PROBES 4

struct acquaintances {
    _Atomic uint64_t words[WORDS];
};

/** acquaintances_new() - nobody yet */
struct acquaintances *acquaintances_new(void)
{
    return mem_new(struct acquaintances);
}

/** acquaintances_free() - @a may be NULL; Return: NULL */
struct acquaintances *acquaintances_free(struct acquaintances *a)
{
    free(a);
    return NULL;
}

static uint64_t pair_of(struct bytes address, struct bytes client_id)
{
    const uint64_t both[] = {hash_keyed(address), hash_keyed(client_id)};

    return hash_keyed(bytes_of(both, sizeof(both)));
}

/* Of the two halves of the hash, one is where to begin and one is the step. */
static uint32_t probe(uint64_t pair, unsigned i)
{
    return ((uint32_t)pair + i * ((uint32_t)(pair >> 32) | 1)) % (64U * WORDS);
}

/** acquaintances_add() - it was let in; any thread */
void acquaintances_add(struct acquaintances *a, struct bytes address, struct bytes client_id)
{
    uint64_t pair = pair_of(address, client_id);

    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t bit = probe(pair, i);

        atomic_fetch_or_explicit(&a->words[bit / 64], BIT64(bit % 64), memory_order_relaxed);
    }
}

/** acquaintances_have() - was it let in, from there? Any thread */
bool acquaintances_have(const struct acquaintances *a, struct bytes address, struct bytes client_id)
{
    uint64_t pair = pair_of(address, client_id);

    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t bit = probe(pair, i);

        if (!(atomic_load_explicit(&a->words[bit / 64], memory_order_relaxed) & BIT64(bit % 64)))
            return false;
    }
    return true;
}
