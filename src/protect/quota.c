/* SPDX-License-Identifier: Apache-2.0 */
/* protect/quota.c - so many a second, averaged: the generic cell rate algorithm; MQ.PR.SP-05 */
#include "base/clock.h"
#include "base/err.h"
#include "protect/protect.h"

#define QUOTA_WINDOW_NS (5 * NS_PER_S)

/**
 * quota_take_each() - count one, if there is one in @cost_ns
 * @q:          zero-initialised is a quota not used yet
 * @cost_ns:    1 or more; may change from call to call
 * @window_ns:  who was quiet may have at once what so much time is worth, and one at least
 * @now_ns:     CLOCK_MONOTONIC
 *
 * Return: 0 when taken, otherwise the ns after which it can be, and nothing was taken.
 */
uint64_t quota_take_each(struct quota *q, uint64_t cost_ns, uint64_t window_ns, uint64_t now_ns)
{
    uint64_t next_ns = MAX(q->full_at_ns, now_ns) + cost_ns;
    uint64_t ahead_ns = MAX(window_ns, cost_ns);

    check(cost_ns > 0);
    if (next_ns - now_ns > ahead_ns)
        return next_ns - now_ns - ahead_ns;
    q->full_at_ns = next_ns;
    return 0;
}

/**
 * quota_take() - count one, if it is within the rate
 * @q, @now_ns:  as for quota_take_each()
 * @per_s:       1 to 100,000,000; may change from call to call
 *
 * Who was quiet may send what 5 s are worth at once; over any longer time the rate holds.
 *
 * Return: as quota_take_each().
 */
uint64_t quota_take(struct quota *q, uint64_t per_s, uint64_t now_ns)
{
    check(per_s > 0);
    return quota_take_each(q, MAX(NS_PER_S / per_s, 1U), QUOTA_WINDOW_NS, now_ns);
}
