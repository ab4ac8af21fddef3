/* SPDX-License-Identifier: Apache-2.0 */
/* store/control_pages.c - the control store as pages, for backups, and from pages */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/backup_private.h"

struct pages {
    control_page_fn *fn;
    void *arg;
    uint64_t number;
    char **ret_error;
    bool ok;
};

static bool each_page(const struct control *c, struct pages *p, int fd)
{
    uint8_t page[PAGE_BYTES];
    ssize_t n;

    for (uint32_t number = 1;
         (n = pread(fd, page, PAGE_BYTES, (off_t)(number - 1) * PAGE_BYTES)) == PAGE_BYTES;
         number++) {
        struct page_place place = {PAGE_OF_DATABASE, number, 0, {0}};

        if (!page_unseal(c->keys, &place, page, page))
            return text_fail(p->ret_error, "page %u of %s does not authenticate", number,
                             c->db_path);
        if (!p->fn(p->arg, page, p->ret_error))
            return false;
    }
    return n == 0 || text_fail(p->ret_error, "cannot read all of %s: %s", c->db_path,
                               n < 0 ? strerror(errno) : "it ends within a page");
}

/* All is in the database, and nothing changes while the writer is here. */
static void read_pages(struct control *c, void *arg)
{
    struct pages *p = arg;
    int fd;

    p->number = c->number;
    if (!list_is_empty(&c->waiting)) {
        p->ok = text_fail(p->ret_error, "%s has changes that could not be written yet", c->db_path);
        return;
    }
    if (!sql_exec(c->db, "PRAGMA wal_checkpoint(TRUNCATE)")) {
        p->ok = text_fail(p->ret_error, "%s: its log cannot be emptied: %s", c->db_path,
                          sql_why(c->db));
        return;
    }
    fd = open(c->db_path, O_RDONLY | O_CLOEXEC);
    p->ok = fd >= 0 ? each_page(c, p, fd)
                    : text_fail(p->ret_error, "cannot open %s: %s", c->db_path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/**
 * control_pages() - give @fn every page, in order
 * @ret_number:  of the last transaction in them
 *
 * Changes wait meanwhile.  @fn must not ask for any.
 */
bool control_pages(struct control *c, control_page_fn *fn, void *arg, uint64_t *ret_number,
                   char **ret_error)
{
    struct pages p = {.fn = fn, .arg = arg, .ret_error = ret_error};

    control_call(c, read_pages, &p);
    if (p.ok)
        *ret_number = p.number;
    return p.ok;
}

/* ---- the other way ---- */

struct page_writer {
    char *path; /* owned, as is this */
    char *mark;
    struct keyring *keys;
    int fd;
    uint32_t number;
};

static struct page_writer *page_writer_free(struct page_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    free(w->path);
    free(w->mark);
    free(w);
    return NULL;
}

/** page_writer_new() - a store that is to be made in @state_dir, where there is none */
struct page_writer *page_writer_new(const char *state_dir, struct keyring *keys, char **ret_error)
{
    struct page_writer *w = mem_new(struct page_writer);

    w->path = text_format("%s/control.db", state_dir);
    w->mark = text_format("%s/control.mark", state_dir);
    w->keys = keys;
    w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (w->fd >= 0)
        return w;
    (void)text_fail(ret_error, "cannot make %s: %s", w->path, strerror(errno));
    return page_writer_free(w);
}

/** page_writer_add() - the next page */
bool page_writer_add(struct page_writer *w, const uint8_t plain[PAGE_BYTES], char **ret_error)
{
    struct page_place place = {PAGE_OF_DATABASE, ++w->number, 0, {0}};
    uint8_t page[PAGE_BYTES];

    page_seal(w->keys, &place, plain, page);
    if (file_write_all(w->fd, bytes_of(page, PAGE_BYTES)))
        return true;
    return text_fail(ret_error, "cannot write %s: %s", w->path, strerror(errno));
}

/** page_writer_end() - the store is whole, up to transaction @number; @w is freed in any case */
bool page_writer_end(struct page_writer *w, uint64_t number, char **ret_error)
{
    struct mark m;
    bool ok = fsync(w->fd) == 0 && mark_create(&m, w->mark, w->keys);

    if (ok) {
        ok = mark_write(&m, number) == 0;
        mark_close(&m);
    }
    if (!ok)
        (void)text_fail(ret_error, "cannot write %s and its mark: %s", w->path, strerror(errno));
    page_writer_free(w);
    return ok;
}
