/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.c - see log.h */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/shown.h"

static const char *const names[] = {"error", "warning", "info", "debug"};
static atomic_int level_most = LOG_INFO;

/** log_level_set() - lines above @most are not written */
void log_level_set(enum log_level most)
{
    atomic_store_explicit(&level_most, (int)most, memory_order_relaxed);
}

/** log_level_get() - the level set last; LOG_INFO at first */
enum log_level log_level_get(void)
{
    return (enum log_level)atomic_load_explicit(&level_most, memory_order_relaxed);
}

/* The last characters give way to dots, and no character to half of them. */
static void mark_cut(char text[LOG_LINE_MAX])
{
    size_t at = LOG_LINE_MAX - sizeof("...");

    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    memcpy(text + at, "...", sizeof("..."));
}

/** log_line() - "<date> <level> <area>: <text>"; use the macros */
void log_line(enum log_level level, const char *area, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    char date[CLOCK_TEXT_LEN];
    CLEANUP(buf_done) struct buf line = {0};
    va_list args;
    int n;

    if (level > log_level_get())
        return;
    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n >= (int)sizeof(text))
        mark_cut(text);

    buf_addf(&line, "%s %s %s: ", clock_format(clock_unix_ms(), date), names[level], area);
    shown_add(&line, bytes_str(text));
    buf_add_u8(&line, '\n');
    if (write(STDERR_FILENO, line.at, line.len) < 0)
        return; /* nowhere left to say so */
}
