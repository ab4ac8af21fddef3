/* SPDX-License-Identifier: Apache-2.0 */
/* base/signals.c - see signals.h */
#include "base/signals.h"

#include "base/err.h"

/**
 * signals_hold() - let SIGINT, SIGTERM and SIGHUP wait, for this thread
 *
 * Return: what held before, for signals_release().
 */
sigset_t signals_hold(void)
{
    sigset_t held;
    sigset_t before;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    check(pthread_sigmask(SIG_BLOCK, &held, &before) == 0);
    return before;
}

/** signals_release() - what came meanwhile takes effect now, unless it was held before */
void signals_release(const sigset_t *before)
{
    check(pthread_sigmask(SIG_SETMASK, before, NULL) == 0);
}
