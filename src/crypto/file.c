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

/**
 * file_replace_told() - write @path as a whole, or leave it as it was
 * @mode:  permissions, not narrowed by the umask
 *
 * A file with this name is replaced, also if it is a symbolic link; what is no file is left alone.
 *
 * Return: which file is there; @ret_error unless FILE_REPLACED.
 */
enum file_replaced file_replace_told(const char *path, struct bytes content, unsigned mode,
                                     char **ret_error)
{
    SIGNALS_HELD_HERE(); /* the file beside it does not stay */
    char *dir = folder_of(path);
    struct buf name = {0};
    const char *why = NULL;
    bool is_there;
    int fd;

    if (!is_replaceable(path)) {
        text_fail(ret_error, "writing %s: it is there, and no regular file; name another one",
                  path);
        free(dir);
        return FILE_AS_IT_WAS;
    }
    buf_addf(&name, "%s.XXXXXX", path);
    buf_add_u8(&name, 0);
    fd = mkostemp((char *)name.at, O_CLOEXEC);
    if (fd < 0)
        why = "cannot make a file beside it";
    else if (!keep_owner(fd, path, dir))
        why = "cannot give it its owner";
    else if (fchmod(fd, mode) != 0)
        why = "cannot give it its mode";
    else if (!file_write_all(fd, content) || fsync(fd) != 0)
        why = "cannot write all of it";
    else if (rename((const char *)name.at, path) != 0)
        why = "cannot put it in its place";

    is_there = why == NULL;
    if (is_there && !sync_folder(dir))
        why = "it is written, but its folder cannot be made durable";
    if (why != NULL) {
        text_fail(ret_error, "writing %s: %s: %s", path, why, strerror(errno));
        if (fd >= 0 && !is_there)
            unlink((const char *)name.at);
    }
    if (fd >= 0)
        close(fd);
    buf_done(&name);
    free(dir);
    if (why == NULL)
        return FILE_REPLACED;
    return is_there ? FILE_NOT_LASTING : FILE_AS_IT_WAS;
}

/** file_replace() - see crypto.h */
bool file_replace(const char *path, struct bytes content, unsigned mode, char **ret_error)
{
    return file_replace_told(path, content, mode, ret_error) == FILE_REPLACED;
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
