/* SPDX-License-Identifier: Apache-2.0 */
/* base/hist.c - see hist.h */
#include "base/hist.h"

#include "base/err.h"

/* Values below HIST_STEPS have a place each; from there on every power of two has HIST_STEPS. */
static size_t place_of(uint64_t value)
{
    unsigned power;

    if (value < HIST_STEPS)
        return (size_t)value;
    power = 63 - (unsigned)__builtin_clzll(value);
    return (size_t)(power - HIST_STEP_BITS + 1) * HIST_STEPS +
           ((value >> (power - HIST_STEP_BITS)) & (HIST_STEPS - 1));
}

/* The largest value that is counted at @place. */
static uint64_t top_of(size_t place)
{
    unsigned shift;

    if (place < HIST_STEPS)
        return place;
    shift = (unsigned)(place / HIST_STEPS) - 1;
    return ((HIST_STEPS + place % HIST_STEPS) << shift) + ((1ULL << shift) - 1);
}

/** hist_add() - count @value once */
void hist_add(struct hist *h, uint64_t value)
{
    h->n++;
    h->max = MAX(h->max, value);
    h->counts[place_of(value)]++;
}

/** hist_merge() - count in @to what was counted in @from as well */
void hist_merge(struct hist *to, const struct hist *from)
{
    to->n += from->n;
    to->max = MAX(to->max, from->max);
    for (size_t i = 0; i < HIST_COUNTS; i++)
        to->counts[i] += from->counts[i];
}

/**
 * hist_quantile() - the value that the part @q of all values does not exceed
 * @q:  0 to 1; 0.5 is the median, 1 the maximum, 0 the minimum
 *
 * Never less than the true one, more by less than 1 in HIST_STEPS, at most the
 * maximum, which is exact.
 *
 * Return: 0 when nothing was counted.
 */
uint64_t hist_quantile(const struct hist *h, double q)
{
    double rank = q * (double)h->n;
    uint64_t seen = 0;

    check(q >= 0 && q <= 1);
    for (size_t i = 0; i < HIST_COUNTS && h->n > 0; i++) {
        seen += h->counts[i];
        if (h->counts[i] > 0 && (double)seen >= rank)
            return MIN(top_of(i), h->max);
    }
    return h->max;
}
