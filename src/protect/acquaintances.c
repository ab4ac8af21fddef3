/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/acquaintances.c - who was let in lately with which client id from which address
 *
 * Two Bloom filters of the whole node under a key of this process: asked by any worker before a
 * password costs anything, added to when a CONNECT is accepted.  Both are asked; what is new goes
 * to the newer one.  When that has ACQUAINTANCES_MAX pairs, the older one is cleared and becomes
 * the newer.  So the last ACQUAINTANCES_MAX pairs at least are known, two strangers in a thousand
 * are taken for acquaintances and are not delayed as the others are, and it stays so however long
 * the node runs.  Who comes again is taken over into the newer one.  A client that is let in under
 * one name after the other can have others forgotten, who are strangers then until they come again;
 * that strangers are known it cannot bring about.
 *
 * No lock: bits are set and asked in any order.  A thread that was held up while the filters took
 * turns may add to the one that is cleared next, or is being cleared: then a pair is forgotten
 * sooner, and that is all.
 *
 * MQ.RS.RP-03 (detection, D06)
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "protect/protect.h"

#define WORDS  32768 /* 256 KiB each, of which the machine gives what is used */
#define PROBES 4

struct acquaintances {
    atomic_uint newer;   /* of the two */
    atomic_uint n_newer; /* pairs that it has */
    _Atomic uint64_t words[2][WORDS];
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

/* Return: was it not there? */
static bool add(_Atomic uint64_t *words, uint64_t pair)
{
    bool is_new = false;

    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t bit = probe(pair, i);
        uint64_t before =
            atomic_fetch_or_explicit(&words[bit / 64], BIT64(bit % 64), memory_order_relaxed);

        is_new |= !(before & BIT64(bit % 64));
    }
    return is_new;
}

static bool has(const _Atomic uint64_t *words, uint64_t pair)
{
    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t bit = probe(pair, i);

        if (!(atomic_load_explicit(&words[bit / 64], memory_order_relaxed) & BIT64(bit % 64)))
            return false;
    }
    return true;
}

/* By who has added the last pair, and nobody else. */
static void take_turns(struct acquaintances *a, unsigned older)
{
    for (size_t i = 0; i < WORDS; i++)
        atomic_store_explicit(&a->words[older][i], 0, memory_order_relaxed);
    atomic_store(&a->n_newer, 0);
    atomic_store(&a->newer, older);
}

/** acquaintances_add() - it was let in; any thread */
void acquaintances_add(struct acquaintances *a, struct bytes address, struct bytes client_id)
{
    unsigned newer = atomic_load(&a->newer);

    if (add(a->words[newer], pair_of(address, client_id)) &&
        atomic_fetch_add(&a->n_newer, 1) == ACQUAINTANCES_MAX - 1)
        take_turns(a, 1 - newer);
}

/** acquaintances_have() - was it let in, from there, as far as is remembered? Any thread */
bool acquaintances_have(const struct acquaintances *a, struct bytes address, struct bytes client_id)
{
    uint64_t pair = pair_of(address, client_id);

    return has(a->words[0], pair) || has(a->words[1], pair);
}
