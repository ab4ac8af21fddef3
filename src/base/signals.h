/* SPDX-License-Identifier: Apache-2.0 */
/* base/signals.h - what a person ends a program by waits while something is half done */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/bytes.h"

/* As a declaration: until the end of the block; may be done again inside. */
#define SIGNALS_HELD_HERE()                                                                        \
    CLEANUP(signals_release) __attribute__((unused)) sigset_t signals_held = signals_hold()

sigset_t signals_hold(void);
bool signals_are_waiting(void);
void signals_release(const sigset_t *before);
