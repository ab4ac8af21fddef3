/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/file.c - files that are whole or absent, and that are as private as they have to be */
#include "crypto/private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/text.h"

/* What follows fstat(): the whole of @fd into @ret, in memory that is asked for once, so that no
 * copy of a secret is left behind by growing. */
static bool read_all(int fd, const char *path, size_t max, struct buf *ret, char **ret_error)
{
    struct stat st;
    size_t len = 0;
    size_t cap;
    uint8_t *at;

    if (fstat(fd, &st) != 0)
        return text_fail(ret_error, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return text_fail(ret_error, "%s is not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return text_fail(ret_error,
                         "%s has %llu bytes, more than the %zu that such a file may have", path,
                         (unsigned long long)st.st_size, max);
    cap = (size_t)st.st_size;
    at = buf_reserve(ret, cap);
    while (len < cap) {
        ssize_t n = read(fd, at + len, cap - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return text_fail(ret_error, "cannot read %s: %s", path, strerror(errno));
        if (n == 0)
            break; /* it became shorter meanwhile */
        len += (size_t)n;
    }
    ret->len += len;
    return true;
}

static bool open_failed(const char *path, char **ret_error)
{
    return text_fail(ret_error, "cannot open %s: %s", path, strerror(errno));
}

/**
 * file_read() - append a regular file to @ret
 * @max:  bytes; a longer file is refused
 */
bool file_read(const char *path, size_t max, struct buf *ret, char **ret_error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool ok;

    if (fd < 0)
        return open_failed(path, ret_error);
    ok = read_all(fd, path, max, ret, ret_error);
    close(fd);
    return ok;
}

/** secret_file_read() - file_read() of a file of this user or root that nobody else can read */
bool secret_file_read(const char *path, size_t max, struct buf *ret, char **ret_error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uid_t me = geteuid();
    struct stat st;
    bool ok;

    if (fd < 0)
        return open_failed(path, ret_error);
    if (fstat(fd, &st) != 0)
        ok = text_fail(ret_error, "cannot look at %s: %s", path, strerror(errno));
    else if (st.st_uid != me && st.st_uid != 0 && me != 0)
        ok = text_fail(ret_error,
                       "%s holds a secret but belongs to user %u; make it yours: chown %u '%s'",
                       path, (unsigned)st.st_uid, (unsigned)me, path);
    else if ((st.st_mode & 077) != 0)
        ok = text_fail(ret_error,
                       "%s holds a secret but others than its owner may use it (mode %04o); "
                       "close it: chmod 600 '%s'",
                       path, (unsigned)(st.st_mode & 07777), path);
    else
        ok = read_all(fd, path, max, ret, ret_error);
    close(fd);
    return ok;
}

static char *folder_of(const char *path)
{
    char *copy = text_dup(path);
    char *dir = text_dup(dirname(copy));

    free(copy);
    return dir;
}

/** file_write_all() - from where @fd stands; false with errno, also when the disk takes no more */
bool file_write_all(int fd, struct bytes content)
{
    size_t done = 0;

    while (done < content.len) {
        ssize_t n = write(fd, content.at + done, content.len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* Root must not take a file away from the node's user. */
static bool keep_owner(int fd, const char *path, const char *dir)
{
    struct stat st;

    if (geteuid() != 0)
        return true;
    if (lstat(path, &st) != 0 && stat(dir, &st) != 0)
        return false;
    return fchown(fd, st.st_uid, st.st_gid) == 0;
}

static bool sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Devices, pipes and sockets would be gone for all who use them. */
static bool is_replaceable(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

/* What is to be a file, written beside it under another name. */
struct draft {
    const struct file_new *of;
    char *dir;
    char *name;
    int fd;
    bool is_there;
};

static struct draft draft_of(const struct file_new *f)
{
    return (struct draft){
        .of = f,
        .dir = folder_of(f->path),
        .name = text_format("%s.XXXXXX", f->path),
        .fd = -1,
    };
}

static bool draft_fail(const struct draft *d, const char *why, char **ret_error)
{
    return text_fail(ret_error, "writing %s: %s: %s", d->of->path, why, strerror(errno));
}

static bool draft_write(struct draft *d, char **ret_error)
{
    const struct file_new *f = d->of;

    if (!is_replaceable(f->path))
        return text_fail(ret_error,
                         "writing %s: it is there, and no regular file; name another "
                         "one",
                         f->path);
    d->fd = mkostemp(d->name, O_CLOEXEC);
    d->is_there = d->fd >= 0;
    if (d->fd < 0)
        return draft_fail(d, "cannot make a file beside it", ret_error);
    if (!keep_owner(d->fd, f->path, d->dir))
        return draft_fail(d, "cannot give it its owner", ret_error);
    if (fchmod(d->fd, f->mode) != 0)
        return draft_fail(d, "cannot give it its mode", ret_error);
    if (!file_write_all(d->fd, f->content) || fsync(d->fd) != 0)
        return draft_fail(d, "cannot write all of it", ret_error);
    return true;
}

static bool draft_put(struct draft *d, char **ret_error)
{
    if (rename(d->name, d->of->path) != 0)
        return draft_fail(d, "cannot put it in its place", ret_error);
    d->is_there = false;
    return true;
}

static void draft_done(struct draft *d)
{
    if (d->is_there)
        unlink(d->name);
    if (d->fd >= 0)
        close(d->fd);
    free(d->name);
    free(d->dir);
}

/**
 * files_replace() - write all of @files, or leave them as they were
 * @n:  FILES_AT_ONCE_MAX at most
 *
 * A file with this name is replaced, also if it is a symbolic link; what is no file is left alone.
 * The first is put in its place when all are written, flushed, beside theirs: then nothing but the
 * power can keep the others from it.
 *
 * Return: which files are there; @ret_error unless FILE_REPLACED.
 */
enum file_replaced files_replace(const struct file_new *files, size_t n, char **ret_error)
{
    SIGNALS_HELD_HERE(); /* the files beside them do not stay */
    struct draft drafts[FILES_AT_ONCE_MAX];
    bool are_there;
    bool ok = true;

    check(n <= FILES_AT_ONCE_MAX);
    for (size_t i = 0; i < n; i++)
        drafts[i] = draft_of(&files[i]);
    for (size_t i = 0; i < n && ok; i++)
        ok = draft_write(&drafts[i], ret_error);
    for (size_t i = 0; i < n && ok; i++)
        ok = draft_put(&drafts[i], ret_error);
    are_there = ok;
    for (size_t i = 0; i < n && ok; i++)
        ok = sync_folder(drafts[i].dir) ||
             draft_fail(&drafts[i], "it is written, but its folder cannot be made durable",
                        ret_error);
    for (size_t i = 0; i < n; i++)
        draft_done(&drafts[i]);
    if (ok)
        return FILE_REPLACED;
    return are_there ? FILE_NOT_LASTING : FILE_AS_IT_WAS;
}

/** file_replace() - see crypto.h */
bool file_replace(const char *path, struct bytes content, unsigned mode, char **ret_error)
{
    const struct file_new f = {path, content, mode};

    return files_replace(&f, 1, ret_error) == FILE_REPLACED;
}

/* No link is followed: the folder it stands in may be another user's. */
static bool give_to_owner_of(const char *path, const char *dir)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    bool ok = fd >= 0 && stat(dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

/** folder_make() - see crypto.h */
bool folder_make(const char *path, char **ret_error)
{
    char *dir = folder_of(path);
    bool ok = true;

    if (mkdir(path, 0700) != 0)
        ok = errno == EEXIST ||
             text_fail(ret_error, "cannot make the folder %s: %s", path, strerror(errno));
    else if (geteuid() == 0 && !give_to_owner_of(path, dir))
        ok = text_fail(ret_error, "cannot give the folder %s the owner of %s: %s", path, dir,
                       strerror(errno));
    free(dir);
    return ok;
}

/**
 * folder_lock() - keep other processes from changing what is in @dir
 *
 * Advisory: holds against whoever asks for it too.  Ends with the process.
 *
 * Return: for folder_unlock(), or -1 with @ret_error.
 */
int folder_lock(const char *dir, char **ret_error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (fd < 0) {
        open_failed(dir, ret_error);
        return -1;
    }
    do {
        r = flock(fd, LOCK_EX);
    } while (r != 0 && errno == EINTR);
    if (r != 0) {
        text_fail(ret_error, "cannot lock %s: %s", dir, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/** folder_unlock() - let the next one have it */
void folder_unlock(int lock)
{
    close(lock);
}
