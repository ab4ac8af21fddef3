/* SPDX-License-Identifier: Apache-2.0 */
/* wire/utf8.c - is this text that MQTT may carry? */
#include "wire/wire.h"

#define ONES  0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

#define CHARACTER_BYTES_MAX 4

/* The lead bytes of RFC 3629, section 4, of more than one byte.  The second byte has a range of its
 * own after a few of them, which is what keeps out overlong forms, surrogates and what is above
 * U+10FFFF. */
/* clang-format off */
static const struct lead {
    uint8_t first, last;
    uint8_t more;
    uint8_t second_min, second_max;
} leads[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf},
    {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf},
    {0xed, 0xed, 2, 0x80, 0x9f}, /* no U+D800 to U+DFFF [MQTT5-1.5.4-1] [MQTT3-1.5.3-1] */
    {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf},
    {0xf1, 0xf3, 3, 0x80, 0xbf},
    {0xf4, 0xf4, 3, 0x80, 0x8f},
};
/* clang-format on */

/* U+0001 to U+007F.  U+0000 is not text [MQTT5-1.5.4-2] [MQTT3-1.5.3-2]. */
static bool is_ascii(uint8_t byte)
{
    return byte - 1U < 0x7f;
}

static const struct lead *lead_of(uint8_t byte)
{
    for (size_t i = 0; i < COUNT_OF(leads); i++) {
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    }
    return NULL;
}

/* Return: the length of the character that begins @s, more than one byte; or 0 if none does. */
static size_t character_len(struct bytes s)
{
    const struct lead *lead = lead_of(s.at[0]);

    if (lead == NULL || s.len <= lead->more)
        return 0;
    if (s.at[1] < lead->second_min || s.at[1] > lead->second_max)
        return 0;
    for (size_t i = 2; i <= lead->more; i++) {
        if ((s.at[i] & 0xc0) != 0x80)
            return 0;
    }
    return lead->more + 1U;
}

/* Return: how many bytes from @i on are certain to be U+0001 to U+007F, in steps of eight. */
static size_t skip_ascii(struct bytes s, size_t i)
{
    for (; s.len - i >= 8; i += 8) {
        uint64_t word;

        memcpy(&word, s.at + i, sizeof(word));
        /* A zero byte borrows, so its high bit, or that of one above it, is set. */
        if ((word | (word - ONES)) & HIGHS)
            break;
    }
    return i;
}

/**
 * wire_utf8_valid() - is this well-formed UTF-8 without U+0000?
 *
 * Control characters and non-characters are let through: both standards only
 * say SHOULD NOT.  U+FEFF is a character like any other [MQTT5-1.5.4-3]
 * [MQTT3-1.5.3-3].
 */
bool wire_utf8_valid(struct bytes s)
{
    size_t i = 0;

    while (i < s.len) {
        i = skip_ascii(s, i);
        /* What stopped it, or the last few bytes. */
        for (size_t stop = MIN(s.len, i + 8); i < stop;) {
            size_t n = is_ascii(s.at[i]) ? 1 : character_len(bytes_of(s.at + i, s.len - i));

            if (n == 0)
                return false;
            i += n;
        }
    }
    return true;
}

/**
 * wire_utf8_whole_len() - how much of text that was cut off somewhere is whole characters
 *
 * Return: at most s.len; 0 if the text was not valid before it was cut.
 */
size_t wire_utf8_whole_len(struct bytes s)
{
    for (size_t cut = 0; cut < CHARACTER_BYTES_MAX && cut <= s.len; cut++) {
        if (wire_utf8_valid(bytes_of(s.at, s.len - cut)))
            return s.len - cut;
    }
    return 0;
}

/** wire_text_valid() - is this well-formed UTF-8, where U+0000 is a character like any other?  Of
 * payloads, section 3.3.2.3.2. */
bool wire_text_valid(struct bytes s)
{
    while (s.len > 0) {
        const uint8_t *zero = memchr(s.at, 0, s.len);
        size_t len = zero != NULL ? (size_t)(zero - s.at) : s.len;

        if (!wire_utf8_valid(bytes_of(s.at, len)))
            return false;
        len += zero != NULL;
        s = bytes_of(s.at + len, s.len - len);
    }
    return true;
}
