/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log.h - lines for the operator, on standard error
 *
 * One line is one write(2); any thread may log.  What is printed
 * is shown (base/shown.h), so a client id cannot forge a line.  Never a
 * secret.  Only L3 and above log; what is below returns or leaves an event.
 */
#pragma once

#include "base/bytes.h"

#define LOG_LINE_MAX 1024 /* longer lines are cut and end in "..." */

enum log_level {
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
};

void log_level_set(enum log_level most);
enum log_level log_level_get(void);
void log_line(enum log_level level, const char *area, const char *format, ...) PRINTF(3, 4);

#define log_error(area, ...)   log_line(LOG_ERROR, area, __VA_ARGS__)
#define log_warning(area, ...) log_line(LOG_WARNING, area, __VA_ARGS__)
#define log_info(area, ...)    log_line(LOG_INFO, area, __VA_ARGS__)
#define log_debug(area, ...)   log_line(LOG_DEBUG, area, __VA_ARGS__)
