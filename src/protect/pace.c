/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/pace.c - who of many goes when: one after another, critical ones first
 *
 * What rank somebody has is not proved when it is asked for.  So of CRITICAL_RUN turns one is for
 * the others: who only says to be critical can have nobody wait for ever.
 *
 * Pure; one thread.  MQ.PR.SP-05 MQ.RS.RP-03
 */
#include "base/clock.h"
#include "protect/protect.h"

#define CRITICAL_RUN   4
#define PACE_WINDOW_NS (100 * NS_PER_MS) /* turns that came late are made up for */

/** pace_init() - nobody waits */
void pace_init(struct pace *p)
{
    *p = (struct pace){0};
    for (size_t i = 0; i < PACE_RANK_N; i++)
        list_init(&p->waiting[i]);
}

/** pace_is_idle() - does nobody wait? */
bool pace_is_idle(const struct pace *p)
{
    return list_is_empty(&p->waiting[PACE_CRITICAL]) && list_is_empty(&p->waiting[PACE_OTHER]);
}

/**
 * pace_enter() - somebody has come: may they go at once?
 * @cost_ns:  between two; may change from call to call
 *
 * Return: false: pace_wait(), and then pace_next() has them.
 */
bool pace_enter(struct pace *p, uint64_t cost_ns, uint64_t now_ns)
{
    return pace_is_idle(p) && quota_take_each(&p->turns, cost_ns, PACE_WINDOW_NS, now_ns) == 0;
}

/** pace_wait() - behind those of @rank that wait already; who leaves takes @who off its list */
void pace_wait(struct pace *p, struct list *who, enum pace_rank rank)
{
    list_append(&p->waiting[rank], who);
}

static enum pace_rank rank_of_next(struct pace *p)
{
    if (list_is_empty(&p->waiting[PACE_OTHER]))
        return PACE_CRITICAL;
    if (list_is_empty(&p->waiting[PACE_CRITICAL]) || p->n_critical == CRITICAL_RUN - 1) {
        p->n_critical = 0;
        return PACE_OTHER;
    }
    p->n_critical++;
    return PACE_CRITICAL;
}

/**
 * pace_next() - whose turn it is
 * @cost_ns:      as for pace_enter()
 * @ret_wait_ns:  written when it is nobody's yet: until when
 *
 * Return: who, taken off the list; NULL: somebody has to wait for @ret_wait_ns more.  Not to be
 *         asked when nobody waits.
 */
struct list *pace_next(struct pace *p, uint64_t cost_ns, uint64_t now_ns, uint64_t *ret_wait_ns)
{
    uint64_t wait_ns = quota_take_each(&p->turns, cost_ns, PACE_WINDOW_NS, now_ns);
    struct list *who;

    if (wait_ns > 0) {
        *ret_wait_ns = wait_ns;
        return NULL;
    }
    who = p->waiting[rank_of_next(p)].next;
    list_remove(who);
    return who;
}
