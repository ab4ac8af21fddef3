/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/text.h - texts made of a format, for people and for paths
 *
 * Owned by who asked, freed by free(); memory cannot fail (base/mem.h).
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/bytes.h"

/* For a struct whose texts are owned, and const for those who look at them; NULL is fine. */
static inline void text_free(const char *text)
{
    free((void *)(uintptr_t)text);
}

static inline const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

char *text_dup(const char *text);
char *text_format(const char *format, ...) PRINTF(1, 2);
char *text_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
bool text_fail(char **ret_error, const char *format, ...) __attribute__((format(printf, 2, 3)));
