/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/disk.c - see disk.h */
#include "disk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "unit/unit.h"

#define SECTOR 512

/* Return: 0, or what this call fails with. */
static int count(struct disk *d, enum disk_call call)
{
    unsigned n = ++d->n_calls[call];

    if (d->fail_at[call] == 0 || n < d->fail_at[call] || (n > d->fail_at[call] && !d->fails_on))
        return 0;
    return d->fail_with;
}

static struct disk_file *find(struct disk *d, const char *name)
{
    for (size_t i = 0; i < d->n_files; i++) {
        if (strcmp(d->files[i].name, name) == 0)
            return &d->files[i];
    }
    return NULL;
}

struct disk_file *disk_file(struct disk *d, const char *name)
{
    struct disk_file *f = find(d, name);

    return f != NULL && f->is_there ? f : NULL;
}

static int disk_create(void *owner, const char *name, int *ret_file)
{
    struct disk *d = owner;
    struct disk_file *f = find(d, name);
    int r = count(d, DISK_CREATE);

    if (r < 0)
        return r;
    if (f != NULL && f->is_there)
        return -EEXIST;
    if (f == NULL) {
        check(d->n_files < DISK_FILES_MAX);
        f = &d->files[d->n_files++];
        snprintf(f->name, sizeof(f->name), "%s", name);
    }
    f->is_there = true;
    f->now.len = 0;
    f->kept.len = 0;
    *ret_file = (int)(f - d->files);
    return 0;
}

static int disk_open(void *owner, const char *name, int *ret_file)
{
    struct disk *d = owner;
    struct disk_file *f = disk_file(d, name);
    int r = count(d, DISK_OPEN);

    if (r < 0)
        return r;
    if (f == NULL)
        return -ENOENT;
    *ret_file = (int)(f - d->files);
    return 0;
}

static void disk_close(void *owner, int file)
{
    (void)owner;
    check(file >= 0);
}

static int disk_size(void *owner, int file, uint64_t *ret)
{
    struct disk *d = owner;

    *ret = d->files[file].now.len;
    return count(d, DISK_SIZE);
}

static int disk_read(void *owner, int file, uint64_t offset, void *at, size_t len)
{
    struct disk *d = owner;
    const struct disk_file *f = &d->files[file];
    int r = count(d, DISK_READ);

    if (r < 0)
        return r;
    if (offset + len > f->now.len)
        return -EIO;
    memcpy(at, f->now.at + offset, len);
    return 0;
}

static void put(struct buf *b, uint64_t offset, const uint8_t *at, size_t len)
{
    if (b->len < offset + len) {
        size_t more = (size_t)(offset + len) - b->len;

        memset(buf_reserve(b, more), 0, more);
        b->len += more;
    }
    if (len > 0)
        memcpy(b->at + offset, at, len);
}

/* A write that fails may have been done in part. */
static int disk_write(void *owner, int file, uint64_t offset, const void *at, size_t len)
{
    struct disk *d = owner;
    int r = count(d, DISK_WRITE);

    put(&d->files[file].now, offset, at, r < 0 ? (size_t)(noise(&d->noise) % (len + 1)) : len);
    return r;
}

static void keep_sectors(struct disk *d, struct disk_file *f)
{
    size_t len = f->now.len;

    if (len > f->kept.len && noise(&d->noise) % 2)
        len = f->kept.len + noise(&d->noise) % (len - f->kept.len + 1);
    for (size_t at = 0; at < len; at += SECTOR) {
        size_t n = MIN(len - at, (size_t)SECTOR);
        static const uint8_t zeros[SECTOR];

        if (noise(&d->noise) % 2)
            put(&f->kept, at, f->now.at + at, n);
        else if (at + n > f->kept.len) /* the size came through, the bytes did not */
            put(&f->kept, MAX(at, f->kept.len), zeros, at + n - MAX(at, f->kept.len));
    }
}

/* After a failure the system takes the pages for clean: a later success says nothing of them. */
static int disk_sync(void *owner, int file)
{
    struct disk *d = owner;
    struct disk_file *f = &d->files[file];
    int r = count(d, DISK_SYNC);

    if (r < 0) {
        keep_sectors(d, f);
        return r;
    }
    if (d->forgets_sync)
        return 0;
    f->kept.len = 0;
    buf_add(&f->kept, buf_view(&f->now));
    return 0;
}

static int disk_sync_folder(void *owner)
{
    struct disk *d = owner;
    int r = count(d, DISK_SYNC_FOLDER);

    for (size_t i = 0; r == 0 && !d->forgets_sync && i < d->n_files; i++)
        d->files[i].is_kept = d->files[i].is_there;
    return r;
}

static int disk_remove(void *owner, const char *name)
{
    struct disk *d = owner;
    struct disk_file *f = disk_file(d, name);
    int r = count(d, DISK_REMOVE);

    if (r < 0)
        return r;
    if (f == NULL)
        return -ENOENT;
    f->is_there = false;
    return 0;
}

static int disk_keep_aside(void *owner, const char *name)
{
    struct disk *d = owner;
    int r = count(d, DISK_KEEP_ASIDE);

    check(disk_file(d, name) != NULL);
    d->n_aside += r == 0;
    return r;
}

static int disk_list(void *owner, journal_name_fn *each, void *arg)
{
    struct disk *d = owner;
    int r = count(d, DISK_LIST);

    each(arg, "something else");
    for (size_t i = 0; r == 0 && i < d->n_files; i++) {
        if (d->files[i].is_there)
            each(arg, d->files[i].name);
    }
    return r;
}

static int disk_space(void *owner, uint64_t *ret)
{
    *ret = ((struct disk *)owner)->space;
    return 0;
}

void disk_init(struct disk *d, uint64_t seed)
{
    *d = (struct disk){.noise = seed, .fail_with = -EIO, .space = UINT64_MAX};
    d->io = (struct journal_io){
        .owner = d,
        .create = disk_create,
        .open = disk_open,
        .close = disk_close,
        .size = disk_size,
        .read = disk_read,
        .write = disk_write,
        .sync = disk_sync,
        .sync_folder = disk_sync_folder,
        .remove = disk_remove,
        .keep_aside = disk_keep_aside,
        .list = disk_list,
        .space = disk_space,
    };
}

void disk_done(struct disk *d)
{
    for (size_t i = 0; i < d->n_files; i++) {
        buf_done(&d->files[i].now);
        buf_done(&d->files[i].kept);
    }
}

void disk_forget_sync(struct disk *d, bool yes)
{
    d->forgets_sync = yes;
}

void disk_cut_power(struct disk *d)
{
    for (size_t i = 0; i < d->n_files; i++) {
        struct disk_file *f = &d->files[i];

        if (f->is_there != f->is_kept && noise(&d->noise) % 2)
            f->is_kept = f->is_there;
        f->is_there = f->is_kept;
        keep_sectors(d, f);
        f->now.len = 0;
        buf_add(&f->now, buf_view(&f->kept));
    }
}

void disk_copy(struct disk *to, const struct disk *from)
{
    disk_init(to, from->noise);
    to->n_files = from->n_files;
    for (size_t i = 0; i < from->n_files; i++) {
        to->files[i] = from->files[i];
        to->files[i].now = (struct buf){0};
        to->files[i].kept = (struct buf){0};
        buf_add(&to->files[i].now, buf_view(&from->files[i].now));
        buf_add(&to->files[i].kept, buf_view(&from->files[i].kept));
    }
}

uint64_t disk_bytes(const struct disk *d)
{
    uint64_t n = 0;

    for (size_t i = 0; i < d->n_files; i++)
        n += d->files[i].is_there ? d->files[i].now.len : 0;
    return n;
}
