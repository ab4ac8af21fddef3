/* SPDX-License-Identifier: Apache-2.0 */
/* sim/chance.c - xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64 */
#include "sim/sim.h"

#include "base/err.h"

static uint64_t state[4];

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/** chance_seed() - the same choices again for the same @seed */
void chance_seed(uint64_t seed)
{
    for (size_t i = 0; i < COUNT_OF(state); i++)
        state[i] = splitmix(&seed);
}

static uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

/** chance_u64() - any 64 bits */
uint64_t chance_u64(void)
{
    uint64_t r = rotl(state[1] * 5, 7) * 9;
    uint64_t t = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = rotl(state[3], 45);
    return r;
}

/** chance_below() - 0 to @n - 1 */
uint64_t chance_below(uint64_t n)
{
    check(n > 0);
    return chance_u64() % n;
}

/** chance_between() - @lo to @hi, both included */
uint64_t chance_between(uint64_t lo, uint64_t hi)
{
    return lo + chance_below(hi - lo + 1);
}

/** one_in() - true once in @n times on average */
bool one_in(uint64_t n)
{
    return chance_below(n) == 0;
}
