/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/wheel.h - what is due at which second: a hierarchical timer wheel
 *
 * Four wheels of 64 places (Varghese, Lauck 1987): 1 s, 64 s, 4096 s and 262144 s a
 * place.  To set, to clear and to fire are O(1), whatever is pending; a timer moves
 * down at most three times.  194 days ahead is the farthest; later ones fire then.
 */
#pragma once

#include "base/list.h"

#include <stdint.h>

#define WHEEL_LEVELS 4
#define WHEEL_PLACES 64

/* Inside another object.  Zero-initialised: not set. */
struct wheel_timer {
    struct list link;
    uint32_t due_s;
};

struct wheel {
    struct list places[WHEEL_LEVELS][WHEEL_PLACES];
    struct list due;
    uint32_t now_s;
};

void wheel_init(struct wheel *w, uint32_t now_s);
void wheel_set(struct wheel *w, struct wheel_timer *t, uint32_t due_s);
void wheel_clear(struct wheel_timer *t);
void wheel_advance(struct wheel *w, uint32_t now_s);
struct wheel_timer *wheel_take(struct wheel *w);
