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

/** clock_parse() - what clock_format() makes; Return: false when it is nothing of the kind */
bool clock_parse(const char *text, uint64_t *ret_unix_ms)
{
    struct tm tm = {0};
    unsigned ms = 0;
    int used = 0;
    time_t s;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &used) != 7 ||
        used != CLOCK_TEXT_LEN - 1 || text[used] != '\0')
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    s = timegm(&tm);
    if (s < 0)
        return false;
    *ret_unix_ms = (uint64_t)s * 1000 + ms;
    return true;
}
