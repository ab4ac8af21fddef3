/* SPDX-License-Identifier: Apache-2.0 */
/* base/hash.c - SipHash-1-3 (Aumasson, Bernstein 2012), keyed from getrandom(2) */
#include "base/hash.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/err.h"

static uint64_t key[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void draw_key(void)
{
    check(getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key));
}

static void keep_key(void)
{
}

/**
 * hash_key_set() - fix the key, so that a run can be repeated
 *
 * Only before the first hash_keyed(), by simulations and tests.
 */
void hash_key_set(uint64_t k0, uint64_t k1)
{
    pthread_once(&once, keep_key);
    key[0] = k0;
    key[1] = k1;
}

static inline uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static inline void round_of(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static inline uint64_t word_at(const uint8_t *at)
{
    uint64_t w;

    memcpy(&w, at, sizeof(w));
    return w;
}

static inline uint64_t half_at(const uint8_t *at)
{
    uint32_t w;

    memcpy(&w, at, sizeof(w));
    return w;
}

/* The bytes behind the last whole word, without a call of memcpy(): what is read twice is the same.
 */
static inline uint64_t tail_of(struct bytes b)
{
    size_t n = b.len & 7;

    if (n == 0)
        return 0;
    if (b.len > 8)
        return word_at(b.at + b.len - 8) >> (64 - 8 * n);
    if (n >= 4)
        return half_at(b.at) | half_at(b.at + n - 4) << 8 * (n - 4);
    return b.at[0] | (uint64_t)b.at[n / 2] << 8 * (n / 2) | (uint64_t)b.at[n - 1] << 8 * (n - 1);
}

static inline uint64_t sip(const uint64_t k[2], struct bytes b)
{
    uint64_t v[4];
    uint64_t last = (uint64_t)b.len << 56;
    size_t whole = b.len & ~(size_t)7;

    v[0] = k[0] ^ 0x736f6d6570736575ULL;
    v[1] = k[1] ^ 0x646f72616e646f6dULL;
    v[2] = k[0] ^ 0x6c7967656e657261ULL;
    v[3] = k[1] ^ 0x7465646279746573ULL;

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t w = word_at(b.at + i);

        v[3] ^= w;
        round_of(v);
        v[0] ^= w;
    }
    last |= tail_of(b);
    v[3] ^= last;
    round_of(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        round_of(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/** hash_keyed() - 64 bits of @b under this process' key; any thread */
uint64_t hash_keyed(struct bytes b)
{
    pthread_once(&once, draw_key);
    return sip(key, b);
}

/** hash_with() - 64 bits of @b under a key of the caller's: for hashes that are kept over a restart
 */
uint64_t hash_with(const struct hash_key *k, struct bytes b)
{
    return sip(k->k, b);
}
