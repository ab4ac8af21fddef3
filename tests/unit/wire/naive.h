/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/wire/naive.h - topic matching and UTF-8 as a reader of the standard would write them
 *
 * Slow and plain on purpose; what is tested is compared with these.
 */
#pragma once

#include "base/bytes.h"

/* Does the filter from @f on match the levels of the topic from @t on? */
static inline bool naive_match_levels(const char *f, const char *t)
{
    size_t f_len = strcspn(f, "/");
    size_t t_len;

    if (strcmp(f, "#") == 0)
        return true;
    if (t == NULL)
        return false;
    t_len = strcspn(t, "/");
    if (!(f_len == 1 && *f == '+') && (f_len != t_len || strncmp(f, t, f_len) != 0))
        return false;
    t = t[t_len] == '/' ? t + t_len + 1 : NULL;
    if (f[f_len] == '/')
        return naive_match_levels(f + f_len + 1, t);
    return t == NULL;
}

static inline bool naive_match(const char *filter, const char *topic)
{
    if (*topic == '$' && (*filter == '+' || *filter == '#'))
        return false;
    return naive_match_levels(filter, topic);
}

/* RFC 3629 by way of code points: decode, then ask whether this was the shortest form. */
static inline bool naive_utf8(struct bytes s)
{
    for (size_t i = 0; i < s.len;) {
        uint8_t lead = s.at[i];
        size_t n = lead < 0x80       ? 1
                   : lead >> 5 == 6  ? 2
                   : lead >> 4 == 14 ? 3
                   : lead >> 3 == 30 ? 4
                                     : 0;
        static const uint32_t least[] = {0, 0x1, 0x80, 0x800, 0x10000};
        uint32_t point = n == 1 ? lead : lead & (0xffU >> (n + 1));

        if (n == 0 || n > s.len - i)
            return false;
        for (size_t k = 1; k < n; k++) {
            if (s.at[i + k] >> 6 != 2)
                return false;
            point = point << 6 | (s.at[i + k] & 0x3f);
        }
        if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        i += n;
    }
    return true;
}
