/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/feed.c - incidents.jsonl: one line a change, and the numbers of incidents
 *
 * A line is one write(2) to a file opened with O_APPEND.  When the file is full it
 * becomes incidents.jsonl.1, and so on to .4.  A line that a crash has torn is ended
 * before the next one, so that only it is lost.  Where the file cannot be written
 * this is said once, and tried again with each line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "respond/private.h"

#define FILE_NAME     "incidents.jsonl"
#define FILE_MODE     0600
#define OLD_FILES     4
#define SIZE_MAX_ELSE (64U << 20)
#define DATE_MIN      19700101U
#define DATE_MAX      99991231U

static char *old_path(const struct feed *f, unsigned n)
{
    struct buf path = {0};
    char *text;

    buf_addf(&path, "%s", f->path);
    if (n > 0)
        buf_addf(&path, ".%u", n);
    text = bytes_dup_str(buf_view(&path));
    buf_done(&path);
    return text;
}

/* The greatest id in a file of the feed; our own JSON, in which a quote inside a text is escaped.
 */
static void restore_number(struct feed *f, unsigned old)
{
    char *path = old_path(f, old);
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;

    free(path);
    if (file == NULL)
        return;
    while (getline(&line, &cap, file) > 0) {
        const char *id = strstr(line, "\"id\":\"I-");
        unsigned date;
        unsigned number;

        if (id == NULL || sscanf(id, "\"id\":\"I-%8u-%9u\"", &date, &number) != 2)
            continue;
        if (date < DATE_MIN || date > DATE_MAX || date < f->last_date)
            continue;
        f->last_number = date > f->last_date ? number : MAX(number, f->last_number);
        f->last_date = date;
    }
    free(line);
    fclose(file);
}

/**
 * feed_init() - find the file, and the number to go on from
 * @state_dir:  NULL: no file
 * @size_max:   0: 64 MiB
 */
void feed_init(struct feed *f, const char *state_dir, uint64_t size_max)
{
    struct buf path = {0};

    *f = (struct feed){.fd = -1, .size_max = size_max > 0 ? size_max : SIZE_MAX_ELSE};
    if (state_dir == NULL)
        return;
    buf_addf(&path, "%s/" FILE_NAME, state_dir);
    f->path = bytes_dup_str(buf_view(&path));
    buf_done(&path);
    restore_number(f, 1);
    restore_number(f, 0);
}

static void close_file(struct feed *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

/** feed_done() - close */
void feed_done(struct feed *f)
{
    close_file(f);
    free(f->path);
    f->path = NULL;
}

static int open_file(struct feed *f)
{
    struct stat st;
    char last = '\n';

    if (f->fd >= 0)
        return 0;
    f->fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (f->fd < 0 || fstat(f->fd, &st) < 0)
        return -errno;
    f->size = (uint64_t)st.st_size;
    if (f->size > 0 && pread(f->fd, &last, 1, st.st_size - 1) < 0)
        return -errno;
    f->line_is_torn = last != '\n';
    return 0;
}

static void rotate(struct feed *f)
{
    close_file(f);
    for (unsigned n = OLD_FILES; n > 0; n--) {
        char *from = old_path(f, n - 1);
        char *to = old_path(f, n);

        if (rename(from, to) < 0 && errno != ENOENT)
            log_warning("respond", "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
        free(from);
        free(to);
    }
}

static int write_line(struct feed *f, const char *line)
{
    struct buf out = {0};
    ssize_t n;
    int err = open_file(f);

    if (err == 0 && f->size > 0 && f->size + strlen(line) + 1 > f->size_max) {
        rotate(f);
        err = open_file(f);
    }
    if (err < 0)
        return err;
    buf_addf(&out, "%s%s\n", f->line_is_torn ? "\n" : "", line);
    n = write(f->fd, out.at, out.len);
    err = n < 0 ? -errno : (size_t)n < out.len ? -ENOSPC : 0;
    if (n > 0) {
        f->size += (uint64_t)n;
        f->line_is_torn = err < 0;
    }
    buf_done(&out);
    return err;
}

/**
 * feed_append() - one more line
 * @line:  without newline
 *
 * Return: false when it could not be written; the first time this is logged.
 */
bool feed_append(struct feed *f, const char *line)
{
    int err;

    if (f->path == NULL)
        return true;
    err = write_line(f, line);
    if (err < 0) {
        close_file(f);
        if (!f->failed)
            log_error("respond",
                      "%s: cannot be written: %s; incidents are kept in memory only until it can",
                      f->path, strerror(-err));
    } else if (f->failed) {
        log_warning("respond", "%s: can be written again; the incidents before are not in it",
                    f->path);
    }
    f->failed = err < 0;
    return err == 0;
}

/* The end of a file of the feed, from the first whole line on. */
static void add_end(const struct feed *f, unsigned old, struct buf *ret)
{
    char *path = old_path(f, old);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    ssize_t n = 0;
    off_t from;

    free(path);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        from = MAX(st.st_size - (off_t)FEED_READ_BACK_BYTES, 0);
        n = pread(fd, buf_reserve(ret, (size_t)(st.st_size - from)), (size_t)(st.st_size - from),
                  from);
        ret->len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
}

/** feed_read_back() - the records of earlier runs, oldest first, one a line; the first may be cut
 */
void feed_read_back(const struct feed *f, struct buf *ret)
{
    if (f->path == NULL)
        return;
    add_end(f, 1, ret);
    add_end(f, 0, ret);
}

/**
 * feed_next_id() - "I-20261125-0001", never given before
 *
 * The date is of UTC.  When the clock was turned back, the last date goes on.
 */
void feed_next_id(struct feed *f, uint64_t now_unix_ms, char ret[INCIDENT_ID_BYTES])
{
    time_t s = (time_t)(now_unix_ms / 1000);
    struct tm tm;
    unsigned date;

    gmtime_r(&s, &tm);
    date = (unsigned)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
    if (date > f->last_date) {
        f->last_date = date;
        f->last_number = 0;
    }
    snprintf(ret, INCIDENT_ID_BYTES, "I-%08u-%04u", f->last_date % 100000000U, ++f->last_number);
}
