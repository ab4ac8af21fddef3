/* SPDX-License-Identifier: Apache-2.0 */
/* base/err.c - broken invariants, and the trail an error leaves on its way up */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MARKS_MAX 16

static _Thread_local struct {
    const char *file;
    int line;
    int code;
} marks[MARKS_MAX];
static _Thread_local unsigned n_marks;

/** check_failed() - say which invariant broke, and abort */
_Noreturn void check_failed(const char *cond, const char *file, int line, const char *func)
{
    char text[512];
    int n = snprintf(text, sizeof(text), "bastide: bug: %s:%d: %s(): broken: %s\n", file, line,
                     func, cond);
    ssize_t written = write(STDERR_FILENO, text, MIN((size_t)MAX(n, 0), sizeof(text) - 1));

    (void)written;
    abort();
}

/**
 * err_mark() - leave a mark in this thread's trail; used by err_origin(), err_trace()
 * @born:  the trail starts anew
 *
 * Return: @code.
 */
int err_mark(int code, const char *file, int line, bool born)
{
    if (born)
        n_marks = 0;
    if (n_marks < MARKS_MAX) {
        marks[n_marks].file = file;
        marks[n_marks].line = line;
        marks[n_marks].code = code;
        n_marks++;
    }
    return code;
}

/** err_format() - append this thread's last trail: "text (file:line < file:line)" */
void err_format(struct buf *ret)
{
    if (n_marks == 0)
        return;
    buf_addf(ret, "%s (", strerror(-marks[0].code));
    for (unsigned i = 0; i < n_marks; i++)
        buf_addf(ret, "%s%s:%d", i > 0 ? " < " : "", marks[i].file, marks[i].line);
    buf_addf(ret, ")");
}
