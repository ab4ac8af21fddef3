/* SPDX-License-Identifier: Apache-2.0 */
/* detect/counters.c - see counters.h */
#include "detect/counters.h"

#include <math.h>

static uint32_t index_at(uint64_t length_ns, uint64_t now_ns)
{
    return (uint32_t)(now_ns / length_ns);
}

/* The part of the previous window that the last @length_ns still overlap, 0..1. */
static double overlap(uint64_t length_ns, uint64_t now_ns)
{
    return 1.0 - (double)(now_ns % length_ns) / (double)length_ns;
}

/**
 * window_add() - count @n more
 * @length_ns:  of the window; the same at each call for @w
 * @n:          may be a fraction
 *
 * What comes late, from before the current window, counts in the current one.
 */
void window_add(struct window *w, uint64_t length_ns, uint64_t now_ns, double n)
{
    uint32_t index = index_at(length_ns, now_ns);

    if (index > w->index) {
        w->previous = index == w->index + 1 ? w->current : 0;
        w->current = 0;
        w->index = index;
    }
    w->current += (float)n;
}

/** window_level() - Return: about how many in the @length_ns before @now_ns. */
double window_level(const struct window *w, uint64_t length_ns, uint64_t now_ns)
{
    uint32_t index = index_at(length_ns, now_ns);

    if (index < w->index)
        return (double)w->current + (double)w->previous;
    if (index == w->index)
        return (double)w->current + (double)w->previous * overlap(length_ns, now_ns);
    if (index == w->index + 1)
        return (double)w->current * overlap(length_ns, now_ns);
    return 0;
}

/** decay_add() - count @n more; late events do not turn back the time */
void decay_add(struct decay *d, uint64_t half_life_ns, uint64_t now_ns, double n)
{
    d->level = decay_level(d, half_life_ns, now_ns) + n;
    d->at_ns = MAX(d->at_ns, now_ns);
}

/** decay_level() - Return: what is left of what was counted; rate x half-life / ln 2 when steady.
 */
double decay_level(const struct decay *d, uint64_t half_life_ns, uint64_t now_ns)
{
    uint64_t age_ns = now_ns > d->at_ns ? now_ns - d->at_ns : 0;

    return d->level * exp2(-(double)age_ns / (double)half_life_ns);
}

static uint8_t linear_bit(uint64_t hash)
{
    return (uint8_t)(hash >> 56);
}

static void linear_set(struct linear *l, uint8_t bit)
{
    l->bits[bit / 64] |= BIT64(bit % 64);
}

/** linear_add() - @hash must be keyed, or the peer chooses collisions */
void linear_add(struct linear *l, uint64_t hash)
{
    linear_set(l, linear_bit(hash));
}

/** linear_estimate() - Return: about how many different ones, at most LINEAR_MAX. */
double linear_estimate(const struct linear *l)
{
    int zeros = LINEAR_BITS;

    for (size_t i = 0; i < COUNT_OF(l->bits); i++)
        zeros -= __builtin_popcountll(l->bits[i]);
    return zeros == 0 ? LINEAR_MAX : LINEAR_BITS * log((double)LINEAR_BITS / zeros);
}

/** linear_window_add() - window_add() for different ones */
void linear_window_add(struct linear_window *w, uint64_t length_ns, uint64_t now_ns, uint64_t hash)
{
    uint32_t index = index_at(length_ns, now_ns);

    if (index > w->index) {
        w->previous = index == w->index + 1 ? w->current : (struct linear){0};
        w->current = (struct linear){0};
        w->index = index;
    }
    linear_add(&w->current, hash);
}

/**
 * linear_window_level() - window_level() for different ones
 *
 * Of the previous window only those count that are not in the current one too.
 */
double linear_window_level(const struct linear_window *w, uint64_t length_ns, uint64_t now_ns)
{
    uint32_t index = index_at(length_ns, now_ns);
    struct linear both = w->current;
    double current;

    if (index > w->index + 1)
        return 0;
    current = linear_estimate(&w->current);
    if (index == w->index + 1)
        return current * overlap(length_ns, now_ns);

    for (size_t i = 0; i < COUNT_OF(both.bits); i++)
        both.bits[i] |= w->previous.bits[i];
    return current + (linear_estimate(&both) - current) *
                         (index < w->index ? 1.0 : overlap(length_ns, now_ns));
}

/**
 * linear_few_add() - linear_window_add() while there is room for it
 *
 * Return: false: they are no longer few, or of two windows; go on with linear_few_window().
 */
bool linear_few_add(struct linear_few *f, uint64_t length_ns, uint64_t now_ns, uint64_t hash)
{
    uint32_t index = index_at(length_ns, now_ns);

    if (f->n == 0 || index > f->index + 1)
        *f = (struct linear_few){.index = index};
    if (index > f->index)
        return false;
    if (f->n > 0 && memchr(f->bits, linear_bit(hash), f->n) != NULL)
        return true;
    if (f->n == COUNT_OF(f->bits))
        return false;
    f->bits[f->n++] = linear_bit(hash);
    return true;
}

/** linear_few_window() - the window that @f stands for */
struct linear_window linear_few_window(const struct linear_few *f)
{
    struct linear_window w = {.index = f->index};

    for (unsigned i = 0; i < f->n; i++)
        linear_set(&w.current, f->bits[i]);
    return w;
}

/* Kirsch and Mitzenmacher 2006: two hashes are as good as many. */
static unsigned bloom_bit(uint64_t hash, unsigned i)
{
    return ((uint32_t)hash + i * ((uint32_t)(hash >> 32) | 1)) % BLOOM_BITS;
}

/** bloom_add() - @hash must be keyed */
void bloom_add(struct bloom *b, uint64_t hash)
{
    for (unsigned i = 0; i < BLOOM_HASHES; i++) {
        unsigned bit = bloom_bit(hash, i);

        b->bits[bit / 64] |= BIT64(bit % 64);
    }
}

/** bloom_has() - Return: false when it was never added; true when it was, or seldom by chance. */
bool bloom_has(const struct bloom *b, uint64_t hash)
{
    for (unsigned i = 0; i < BLOOM_HASHES; i++) {
        unsigned bit = bloom_bit(hash, i);

        if (!(b->bits[bit / 64] & BIT64(bit % 64)))
            return false;
    }
    return true;
}

/** bloom_estimate() - Return: about how many were added. */
double bloom_estimate(const struct bloom *b)
{
    int ones = 0;

    for (size_t i = 0; i < COUNT_OF(b->bits); i++)
        ones += __builtin_popcountll(b->bits[i]);
    ones = MIN(ones, BLOOM_BITS - 1);
    return -(double)BLOOM_BITS / BLOOM_HASHES * log(1.0 - (double)ones / BLOOM_BITS);
}

/** ewma_add() - one more value */
void ewma_add(struct ewma *e, double x)
{
    double weight = 1.0 / MIN(e->n + 1, (uint32_t)EWMA_WEIGHT);
    double off = x - (double)e->mean;

    e->mean += (float)(weight * off);
    e->variance = (float)((1 - weight) * ((double)e->variance + weight * off * off));
    e->n += e->n < UINT32_MAX;
}

/** ewma_deviation() - Return: the standard deviation. */
double ewma_deviation(const struct ewma *e)
{
    return sqrt((double)e->variance);
}

/** bucket_spent() - Return: what is missing to a full bucket. */
double bucket_spent(const struct bucket *b, double per_s, uint64_t now_ns)
{
    uint64_t age_ns = now_ns > b->at_ns ? now_ns - b->at_ns : 0;

    return MAX(0.0, b->spent - per_s * (double)age_ns / 1e9);
}

/**
 * bucket_take() - take @n out
 *
 * Return: false when it is empty; it then stays empty, and owes nothing.
 */
bool bucket_take(struct bucket *b, double per_s, double capacity, uint64_t now_ns, double n)
{
    double spent = bucket_spent(b, per_s, now_ns) + n;

    b->spent = MIN(spent, capacity);
    b->at_ns = MAX(b->at_ns, now_ns);
    return spent <= capacity;
}

static void replay_advance(struct replay *r, uint64_t by)
{
    for (uint64_t i = 1; i <= MIN(by, (uint64_t)REPLAY_BITS); i++) {
        uint64_t bit = (r->highest + i) % REPLAY_BITS;

        r->bits[bit / 64] &= ~BIT64(bit % 64);
    }
    r->highest += by;
}

/** replay_is_new() - Return: false if @number was given before, or is too old to know. */
bool replay_is_new(struct replay *r, uint64_t number)
{
    uint64_t bit = number % REPLAY_BITS;
    bool is_new;

    if (number > r->highest)
        replay_advance(r, number - r->highest);
    if (r->highest - number >= REPLAY_BITS)
        return false;
    is_new = !(r->bits[bit / 64] & BIT64(bit % 64));
    r->bits[bit / 64] |= BIT64(bit % 64);
    return is_new;
}
