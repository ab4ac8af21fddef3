/* SPDX-License-Identifier: Apache-2.0 */
/* base/signals.c - see signals.h */
#include "base/signals.h"

#include "base/bytes.h"
#include "base/err.h"

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};

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
    for (size_t i = 0; i < COUNT_OF(ending); i++)
        sigaddset(&held, ending[i]);
    check(pthread_sigmask(SIG_BLOCK, &held, &before) == 0);
    return before;
}

/** signals_are_waiting() - has one come that is held, and would end the process? */
bool signals_are_waiting(void)
{
    sigset_t pending;

    check(sigpending(&pending) == 0);
    for (size_t i = 0; i < COUNT_OF(ending); i++) {
        struct sigaction now;

        check(sigaction(ending[i], NULL, &now) == 0);
        if (sigismember(&pending, ending[i]) == 1 && now.sa_handler != SIG_IGN)
            return true;
    }
    return false;
}

/** signals_release() - what came meanwhile takes effect now, unless it was held before */
void signals_release(const sigset_t *before)
{
    check(pthread_sigmask(SIG_SETMASK, before, NULL) == 0);
}
