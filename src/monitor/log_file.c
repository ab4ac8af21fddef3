/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor/log_file.c - a log that is rotated
 *
 * Lines are appended whole.  When the file is full it becomes NAME.1, and so on;
 * the oldest goes.  Where it cannot be written this is said once, and tried again with
 * each batch.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "monitor/private.h"

#define FILE_MODE 0640
#define DIR_MODE  0750

/** log_file_init() - DIR/NAME.log; nothing is opened */
void log_file_init(struct log_file *f, const char *dir, const char *name, uint64_t size_max,
                   unsigned n_old)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_addf(&path, "%s/%s.log", dir, name);
    *f = (struct log_file){
        .path = bytes_dup_str(buf_view(&path)), .fd = -1, .size_max = size_max, .n_old = n_old};
}

/** log_file_close() - the next line opens it anew */
void log_file_close(struct log_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

/** log_file_done() - close and free */
void log_file_done(struct log_file *f)
{
    log_file_close(f);
    free(f->path);
}

static char *old_path(const struct log_file *f, unsigned n)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_addf(&path, "%s", f->path);
    if (n > 0)
        buf_addf(&path, ".%u", n);
    return bytes_dup_str(buf_view(&path));
}

static void rotate(struct log_file *f)
{
    log_file_close(f);
    for (unsigned n = f->n_old; n > 0; n--) {
        char *from = old_path(f, n - 1);
        char *to = old_path(f, n);

        (void)rename(from, to); /* one that is missing leaves a gap, and no more */
        free(from);
        free(to);
    }
    if (f->n_old == 0)
        (void)unlink(f->path);
}

/* Its folder may not be there yet. */
static int open_path(const struct log_file *f)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    int fd = open(f->path, flags, FILE_MODE);
    char *dir;

    if (fd >= 0 || errno != ENOENT)
        return fd;
    dir = bytes_dup_str(bytes_of(f->path, (size_t)(strrchr(f->path, '/') - f->path)));
    fd = mkdir(dir, DIR_MODE) == 0 ? open(f->path, flags, FILE_MODE) : -1;
    free(dir);
    return fd;
}

static int open_file(struct log_file *f)
{
    struct stat st;

    if (f->fd >= 0)
        return 0;
    f->fd = open_path(f);
    if (f->fd < 0 || fstat(f->fd, &st) < 0)
        return -errno;
    f->size = (uint64_t)st.st_size;
    return 0;
}

static int write_all(struct log_file *f, struct bytes lines)
{
    int err = open_file(f);

    if (err == 0 && f->size > 0 && f->size + lines.len > f->size_max) {
        rotate(f);
        err = open_file(f);
    }
    while (err == 0 && lines.len > 0) {
        ssize_t n = write(f->fd, lines.at, lines.len);

        if (n < 0) {
            err = -errno;
            break;
        }
        f->size += (uint64_t)n;
        lines = bytes_of(lines.at + n, lines.len - (size_t)n);
    }
    return err;
}

/** log_file_append() - Return: false when it could not be written; the first time this is logged */
bool log_file_append(struct log_file *f, struct bytes lines)
{
    int err = write_all(f, lines);

    if (err < 0) {
        log_file_close(f);
        if (!f->failed)
            log_error("monitor", "%s: cannot be written: %s; records are lost until it can",
                      f->path, strerror(-err));
    }
    f->failed = err < 0;
    return err == 0;
}
