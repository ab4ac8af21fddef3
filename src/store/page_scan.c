/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/page_scan.c - is all in the files of a database authentic?
 *
 * SQLite takes a log's first frame that is not sound for its end, without a word.
 * Of a crash that is true: what was not synced may be there in part, but then only of
 * the last transaction.  So a frame that does not authenticate with the ends of two
 * transactions behind it, or of one that is not the last frame, was damaged.  (A last
 * transaction that is damaged is noticed by the mark, see control_mark.c.)
 *
 * A page of the database that the log holds anew may be half written.
 */
#include "store/page_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define FRAME_SIZE_AT    4  /* in a frame's head */
#define DATABASE_SIZE_AT 28 /* in page 1 */

struct scan {
    struct keyring *keys;
    struct page_scan *out;
    uint8_t *in_log; /* bits, by page number; owned */
    uint32_t size;   /* of the database in pages, as it says itself; 0: not known */
};

static bool read_at(int fd, void *to, size_t n, uint64_t offset)
{
    return pread(fd, to, n, (off_t)offset) == (ssize_t)n;
}

static void saw_key(struct page_scan *s, uint32_t id)
{
    if (s->oldest_key == 0 || id < s->oldest_key)
        s->oldest_key = id;
}

static uint32_t number_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_in_log(const struct scan *s, uint32_t number)
{
    return number <= PAGES_MAX && (s->in_log[number / 8] >> (number % 8) & 1) != 0;
}

/* One that authenticates. */
static void good_frame(struct scan *s, const struct page_place *p, const uint8_t frame[FRAME_BYTES],
                       uint64_t *n_open)
{
    uint32_t size = number_at(frame + FRAME_SIZE_AT); /* not 0: the end of a transaction */

    if (s->out->first_bad_frame > 0) {
        s->out->n_commits_behind += size != 0;
        *n_open = size != 0 ? 0 : *n_open + 1;
        return;
    }
    if (size != 0)
        s->size = size;
    s->out->n_frames++;
    saw_key(s->out, page_key_id(frame + FRAME_HEAD_BYTES));
    if (p->number <= PAGES_MAX)
        s->in_log[p->number / 8] |= (uint8_t)(1U << (p->number % 8));
}

static void scan_log(struct scan *s, int fd, uint64_t size)
{
    uint8_t head[WAL_HEAD_BYTES];
    uint8_t frame[FRAME_BYTES];
    uint8_t plain[PAGE_BYTES];
    uint64_t n_open = 0; /* behind the last end of a transaction */

    if (size < WAL_HEAD_BYTES || !read_at(fd, head, sizeof(head), 0))
        return;
    for (uint64_t i = 0; WAL_HEAD_BYTES + (i + 1) * FRAME_BYTES <= size; i++) {
        struct page_place p;

        if (!read_at(fd, frame, sizeof(frame), WAL_HEAD_BYTES + i * FRAME_BYTES))
            return;
        p = page_place_of_frame(i, frame);
        if (memcmp(frame + 8, head + 16, FRAME_BOUND_BYTES) == 0 &&
            page_unseal(s->keys, &p, frame + FRAME_HEAD_BYTES, plain))
            good_frame(s, &p, frame, &n_open);
        else if (s->out->first_bad_frame == 0)
            s->out->first_bad_frame = (uint32_t)i + 1;
    }
    /* More behind the only commit: it was not the last transaction, so it had been synced. */
    s->out->n_commits_behind += s->out->n_commits_behind == 1 && n_open > 0;
}

static bool scan_page(struct scan *s, int fd, uint32_t number)
{
    struct page_place p = {PAGE_OF_DATABASE, number, 0, {0}};
    uint8_t page[PAGE_BYTES];
    uint8_t plain[PAGE_BYTES];

    if (!read_at(fd, page, sizeof(page), (uint64_t)(number - 1) * PAGE_BYTES) ||
        !page_unseal(s->keys, &p, page, plain))
        return false;
    saw_key(s->out, page_key_id(page));
    if (number == 1 && s->size == 0)
        s->size = number_at(plain + DATABASE_SIZE_AT);
    return true;
}

/* Page 1 may say any size: none of what is larger than a database can be is there. */
static void count_missing(struct scan *s)
{
    uint32_t most = MIN(s->size, (uint32_t)PAGES_MAX);

    for (uint32_t number = s->out->n_pages + 1; number <= most; number++)
        s->out->n_missing_pages += !is_in_log(s, number);
    if (s->size > PAGES_MAX)
        s->out->n_missing_pages += s->size - MAX((uint32_t)PAGES_MAX, s->out->n_pages);
}

static void scan_database(struct scan *s, int fd, uint64_t size)
{
    s->out->n_pages = (uint32_t)(size / PAGE_BYTES);
    for (uint32_t number = 1; number <= s->out->n_pages; number++) {
        if (is_in_log(s, number) || scan_page(s, fd, number))
            continue;
        if (s->out->n_bad_pages++ == 0)
            s->out->first_bad_page = number;
    }
    count_missing(s);
}

static bool with_file(struct scan *s, const char *path, bool must,
                      void (*fn)(struct scan *s, int fd, uint64_t size), char **ret_error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct buf text = {0};
    struct stat st;

    if (fd < 0 && errno == ENOENT && !must)
        return true;
    if (fd < 0 || fstat(fd, &st) < 0) {
        buf_addf(&text, "cannot read %s: %s", path, strerror(errno));
        *ret_error = bytes_dup_str(buf_view(&text));
        buf_done(&text);
        if (fd >= 0)
            close(fd);
        return false;
    }
    fn(s, fd, (uint64_t)st.st_size);
    close(fd);
    return true;
}

/**
 * page_scan() - authenticate every page of database @path and of its log
 * @ret:  what was found; a log that is missing is empty
 *
 * Reads only.  Return: false with @ret_error when a file cannot be read.
 */
bool page_scan(struct keyring *keys, const char *path, struct page_scan *ret, char **ret_error)
{
    struct scan s = {.keys = keys, .out = ret, .in_log = mem_zero(PAGES_MAX / 8 + 1)};
    struct buf log = {0};
    bool ok;

    *ret = (struct page_scan){0};
    buf_addf(&log, "%s-wal", path);
    buf_add_u8(&log, 0);
    ok = with_file(&s, (const char *)log.at, false, scan_log, ret_error) &&
         with_file(&s, path, true, scan_database, ret_error);
    buf_done(&log);
    free(s.in_log);
    return ok;
}

/** page_scan_describe() - see page_vfs.h */
void page_scan_describe(const struct page_scan *s, const char *path, struct buf *ret)
{
    if (s->n_missing_pages > 0)
        buf_addf(ret, "%s was cut: %u pages behind page %u are missing. ", path, s->n_missing_pages,
                 s->n_pages);
    if (s->n_bad_pages > 0)
        buf_addf(ret, "%u of %u pages of %s do not authenticate, the first is page %u. ",
                 s->n_bad_pages, s->n_pages, path, s->first_bad_page);
    if (s->n_commits_behind > 1)
        buf_addf(ret,
                 "frame %u of %s-wal does not authenticate, but %u transactions behind it do. ",
                 s->first_bad_frame, path, s->n_commits_behind);
}
