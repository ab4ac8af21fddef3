/* SPDX-License-Identifier: Apache-2.0 */
/* store/control_import.c - files of lines, in which an older version kept what is a table now */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/control_private.h"

#define OLD_BYTES_MAX (256U << 20)

/* A last line without its end was cut while it was written, and is none. */
static size_t append_lines(struct control *c, enum control_table t, struct bytes text)
{
    const uint8_t *end;
    size_t n = 0;

    while (text.len > 0 && (end = memchr(text.at, '\n', text.len)) != NULL) {
        size_t len = (size_t)(end - text.at);
        char *line = bytes_dup_str(bytes_of(text.at, len));

        if (len > 0 && len <= CONTROL_DOC_BYTES_MAX) {
            control_append(c, t, clock_unix_ms(), line);
            n++;
        }
        free(line);
        text = bytes_of(end + 1, text.len - len - 1);
    }
    return n;
}

/**
 * control_import_lines() - once: each line of @name becomes a row, then the file goes
 * @name:  in the state folder; missing is fine
 */
void control_import_lines(struct control *c, enum control_table t, const char *name)
{
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf text = {0};
    char *error = NULL;
    size_t n;

    buf_addf(&path, "%s/%s", c->state_dir, name);
    buf_add_u8(&path, 0);
    if (access((const char *)path.at, F_OK) != 0)
        return;
    if (!file_read((const char *)path.at, OLD_BYTES_MAX, &text, &error)) {
        log_error("store", "%s is left alone: %s", (const char *)path.at, error);
        free(error);
        return;
    }
    n = append_lines(c, t, buf_view(&text));
    if (control_flush(c) && unlink((const char *)path.at) == 0)
        log_warning("store", "%s: %zu lines were taken into the control store; the file is removed",
                    (const char *)path.at, n);
    else
        log_error("store", "%s: its lines could not be stored, so it stays: %s",
                  (const char *)path.at, strerror(errno));
}
