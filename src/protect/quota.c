/* SPDX-License-Identifier: Apache-2.0 */
/* protect/quota.c - so many a second, averaged: the generic cell rate algorithm; MQ.PR.SP-05 */
#include "base/clock.h"
#include "base/err.h"
#include "protect/protect.h"

#define QUOTA_WINDOW_NS (5 * NS_PER_S)

/**
 * quota_take() - count one, if it is within the rate
 * @q:       zero-initialised is a quota not used yet
 * @per_s:   1 to 100,000,000; may change from call to call
 * @now_ns:  CLOCK_MONOTONIC
 *
 * Who was quiet may send what 5 s are worth at once; over any longer time the rate holds.
 *
 * Return: 0 when taken, otherwise the ns after which it can be, and nothing was taken.
 */
uint64_t quota_take(struct quota *q, uint64_t per_s, uint64_t now_ns)
{
    uint64_t cost_ns;
    uint64_t next_ns;

    check(per_s > 0);
    cost_ns = MAX(NS_PER_S / per_s, 1U);
    next_ns = MAX(q->full_at_ns, now_ns) + cost_ns;
    if (next_ns - now_ns > QUOTA_WINDOW_NS)
        return next_ns - now_ns - QUOTA_WINDOW_NS;
    q->full_at_ns = next_ns;
    return 0;
}
