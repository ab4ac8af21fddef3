/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/unit.h - cmocka with what it needs included before it, and helpers for struct bytes */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

/* Deterministic noise: the same everywhere, every time. */
static inline uint64_t noise(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

#define assert_bytes_equal(a, b) assert_true(bytes_equal((a), (b)))
