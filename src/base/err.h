/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/err.h - the three kinds of failure
 *
 * Ours (a bug): check(), which stays on in release, prints and aborts; never on
 * input.  The machine's: an int, 0 or -errno, marked err_origin() where it is
 * born and err_trace() where it is passed on; the last few marks of each thread
 * are kept for the log.  The peer's: a named enum of the function.
 */
#pragma once

#include "base/bytes.h"

#define check(cond)                                                                                \
    (__builtin_expect(!!(cond), 1) ? (void)0 : check_failed(#cond, __FILE__, __LINE__, __func__))
#define err_origin(code) err_mark((code), __FILE__, __LINE__, true)
#define err_trace(code)  err_mark((code), __FILE__, __LINE__, false)

_Noreturn void check_failed(const char *cond, const char *file, int line, const char *func);
int err_mark(int code, const char *file, int line, bool born);
void err_format(struct buf *ret);
