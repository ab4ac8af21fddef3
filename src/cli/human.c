/* SPDX-License-Identifier: Apache-2.0 */
/* cli/human.c - see human.h */
#include "cli/human.h"

#include "base/clock.h"
#include "base/shown.h"

#define SPAN_S_MAX (10ULL * 366 * 24 * 3600)

/* ---- texts ---- */

/** human_lines() - as shown_add(), but a line end stays one, CR LF too */
void human_lines(struct buf *to, struct bytes text)
{
    const uint8_t *lf;

    while (text.len > 0 && (lf = memchr(text.at, '\n', text.len)) != NULL) {
        const uint8_t *end = lf > text.at && lf[-1] == '\r' ? lf - 1 : lf;
        const uint8_t *next = lf + 1;

        shown_add(to, bytes_of(text.at, (size_t)(end - text.at)));
        buf_add(to, bytes_of(end, (size_t)(next - end)));
        text = bytes_of(next, text.len - (size_t)(next - text.at));
    }
    shown_add(to, text);
}

/* East Asian wide forms take two columns, combining marks none: the blocks that matter. */
static size_t width(uint32_t c)
{
    if ((c >= 0x300 && c < 0x370) || c == 0x200b || c == 0x200d || (c >= 0xfe00 && c < 0xfe10))
        return 0;
    if ((c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4) ||
        (c >= 0xf900 && c < 0xfb00) || (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61) ||
        (c >= 0x1f300 && c < 0x1faff) || (c >= 0x20000 && c < 0x40000))
        return 2;
    return 1;
}

/** human_columns() - columns that what shown_add() made takes on a terminal */
size_t human_columns(struct bytes text)
{
    size_t columns = 0;

    while (text.len > 0) {
        size_t len = 0;
        uint32_t code = shown_character(text, &len);

        columns += width(code);
        text = bytes_of(text.at + MAX(len, 1), text.len - MAX(len, 1));
    }
    return columns;
}

/** human_cut() - as much of the beginning of @text as takes no more than @columns */
struct bytes human_cut(struct bytes text, size_t columns)
{
    size_t at = 0;

    while (at < text.len) {
        size_t len = 0;
        size_t wide = width(shown_character(bytes_of(text.at + at, text.len - at), &len));

        if (wide > columns)
            break;
        columns -= wide;
        at += MAX(len, 1);
    }
    return bytes_of(text.at, at);
}

/* ---- times ---- */

/* clang-format off */
static const struct unit {
    char letter;
    uint64_t s;
    uint64_t until_s; /* the unit is used below this */
    const char *name;
} units[] = {
    {'s', 1,     2ULL * 60,    "s"},
    {'m', 60,    2ULL * 3600,  "min"},
    {'h', 3600,  2ULL * 86400, "h"},
    {'d', 86400, UINT64_MAX,   "days"},
};
/* clang-format on */

/** human_span() - "90 s", "5 min", "47 h", "12 days", rounded down */
void human_span(struct buf *to, uint64_t span_ms)
{
    uint64_t s = span_ms / 1000;

    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (s < units[i].until_s) {
            buf_addf(to, "%llu %s", (unsigned long long)(s / units[i].s), units[i].name);
            return;
        }
    }
}

/** human_ago() - "3 min ago"; 0 is "-"; clocks that differ a little give "now" */
void human_ago(struct buf *to, uint64_t then_unix_ms, uint64_t now_unix_ms)
{
    if (then_unix_ms == 0) {
        buf_addf(to, "-");
    } else if (then_unix_ms + 1000 > now_unix_ms) {
        buf_addf(to, "now");
    } else {
        human_span(to, now_unix_ms - then_unix_ms);
        buf_addf(to, " ago");
    }
}

/** human_until() - "in 10 min"; 0 is @never, the past "over" */
void human_until(struct buf *to, uint64_t then_unix_ms, uint64_t now_unix_ms, const char *never)
{
    if (then_unix_ms == 0) {
        buf_addf(to, "%s", never);
    } else if (then_unix_ms <= now_unix_ms) {
        buf_addf(to, "over");
    } else {
        buf_addf(to, "in ");
        human_span(to, then_unix_ms - now_unix_ms + 999);
    }
}

/** human_bytes() - "512 B", "16.0 MiB" */
void human_bytes(struct buf *to, uint64_t bytes)
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes / 1024;
    size_t i = 0;

    if (bytes < 1024) {
        buf_addf(to, "%llu B", (unsigned long long)bytes);
        return;
    }
    while (n >= 1024 && i + 1 < COUNT_OF(names)) {
        n /= 1024;
        i++;
    }
    buf_addf(to, "%.1f %s", n, names[i]);
}

/** human_decimal() - "1234", "12", "2.5", "0.017"; what is next to nothing is "<0.001" */
void human_decimal(struct buf *to, double number)
{
    if (number > 0 && number < 0.001)
        buf_addf(to, "<0.001");
    else if (number < 10)
        buf_addf(to, "%.2g", number);
    else
        buf_addf(to, "%.0f", number);
}

static uint64_t unit_s(char letter)
{
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (units[i].letter == letter)
            return units[i].s;
    }
    return 0;
}

/**
 * human_span_parse() - read "90s", "10m", "1h30m", "2d"
 * @ret_s:  seconds, 1 to ten years
 *
 * Return: false when it is none; a number needs its unit.
 */
bool human_span_parse(const char *text, uint64_t *ret_s)
{
    uint64_t sum = 0;

    while (*text != '\0') {
        uint64_t n = 0;
        const char *digits = text;

        for (; *text >= '0' && *text <= '9'; text++) {
            n = n * 10 + (uint64_t)(*text - '0');
            if (n > SPAN_S_MAX)
                return false;
        }
        if (text == digits || unit_s(*text) == 0)
            return false;
        sum += n * unit_s(*text++);
        if (sum > SPAN_S_MAX)
            return false;
    }
    if (sum == 0)
        return false;
    *ret_s = sum;
    return true;
}
