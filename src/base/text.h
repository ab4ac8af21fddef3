/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/text.h - texts made of a format, for people and for paths
 *
 * Owned by who asked, freed by free(); memory cannot fail (base/mem.h).
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

#include "base/bytes.h"

char *text_format(const char *format, ...) PRINTF(1, 2);
char *text_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
bool text_fail(char **ret_error, const char *format, ...) __attribute__((format(printf, 2, 3)));
