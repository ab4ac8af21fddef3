/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/clock.h - the two clocks
 *
 * Durations and deadlines are ns of CLOCK_MONOTONIC, names end in _ns.  Dates
 * are ms since 1970, names end in _unix_ms.  Pure modules take a time and never
 * call these.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL

#define CLOCK_TEXT_LEN 25 /* "2026-11-25T21:22:23.456Z" and a zero */

uint64_t clock_now_ns(void);
uint64_t clock_unix_ms(void);
const char *clock_format(uint64_t unix_ms, char ret[CLOCK_TEXT_LEN]);
bool clock_parse(const char *text, uint64_t *ret_unix_ms);
