/* SPDX-License-Identifier: Apache-2.0 */
/* base/signals.h - what a person ends a program by waits while something is half done */
#pragma once

#include <signal.h>
#include <stdbool.h>

/* CLEANUP(signals_release) sigset_t held = signals_hold(); may be done again inside. */
sigset_t signals_hold(void);
bool signals_are_waiting(void);
void signals_release(const sigset_t *before);
