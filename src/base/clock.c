/* SPDX-License-Identifier: Apache-2.0 */
/* base/clock.c - see clock.h */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

/** clock_now_ns() - CLOCK_MONOTONIC */
uint64_t clock_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/** clock_unix_ms() - the date, ms since 1970 */
uint64_t clock_unix_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / NS_PER_MS;
}

/** clock_format() - RFC 3339 in UTC with milliseconds; Return: @ret */
const char *clock_format(uint64_t unix_ms, char ret[CLOCK_TEXT_LEN])
{
    time_t s = (time_t)(unix_ms / 1000);
    struct tm tm;
    char date[CLOCK_TEXT_LEN];

    gmtime_r(&s, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret, CLOCK_TEXT_LEN, "%.19s.%03uZ", date, (unsigned)(unix_ms % 1000));
    return ret;
}
