/* SPDX-License-Identifier: Apache-2.0 */
/* store/journal_posix.c - the journal's files on a real file system */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/journal_io.h"

#define ASIDE "quarantine"

struct posix {
    struct journal_io io;
    int dir; /* locked */
};

static int posix_create(void *owner, const char *name, int *ret_file)
{
    const struct posix *p = owner;
    int fd = openat(p->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    *ret_file = fd;
    return 0;
}

static int posix_open(void *owner, const char *name, int *ret_file)
{
    const struct posix *p = owner;
    int fd = openat(p->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return -errno;
    *ret_file = fd;
    return 0;
}

static void posix_close(void *owner, int file)
{
    (void)owner;
    close(file);
}

static int posix_size(void *owner, int file, uint64_t *ret)
{
    struct stat st;

    (void)owner;
    if (fstat(file, &st) < 0)
        return -errno;
    *ret = (uint64_t)st.st_size;
    return 0;
}

static int posix_read(void *owner, int file, uint64_t offset, void *at, size_t len)
{
    size_t done = 0;

    (void)owner;
    while (done < len) {
        ssize_t n = pread(file, (uint8_t *)at + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return 0;
}

static int posix_write(void *owner, int file, uint64_t offset, const void *at, size_t len)
{
    size_t done = 0;

    (void)owner;
    while (done < len) {
        ssize_t n = pwrite(file, (const uint8_t *)at + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return 0;
}

static int posix_sync(void *owner, int file)
{
    (void)owner;
    return fdatasync(file) == 0 ? 0 : -errno;
}

static int posix_sync_folder(void *owner)
{
    const struct posix *p = owner;

    return fsync(p->dir) == 0 ? 0 : -errno;
}

static int posix_remove(void *owner, const char *name)
{
    const struct posix *p = owner;

    return unlinkat(p->dir, name, 0) == 0 ? 0 : -errno;
}

static int posix_keep_aside(void *owner, const char *name)
{
    const struct posix *p = owner;
    int aside;
    int r = 0;

    if (mkdirat(p->dir, ASIDE, 0700) < 0 && errno != EEXIST)
        return -errno;
    aside = openat(p->dir, ASIDE, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (aside < 0)
        return -errno;
    if (linkat(p->dir, name, aside, name, 0) < 0 || fsync(aside) < 0)
        r = -errno;
    close(aside);
    return r;
}

static int posix_list(void *owner, journal_name_fn *each, void *arg)
{
    const struct posix *p = owner;
    int fd = openat(p->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;

    if (dir == NULL) {
        int r = -errno;

        if (fd >= 0)
            close(fd);
        return r;
    }
    errno = 0;
    while ((e = readdir(dir)) != NULL)
        each(arg, e->d_name);
    closedir(dir);
    return -errno;
}

static int posix_space(void *owner, uint64_t *ret)
{
    const struct posix *p = owner;
    struct statvfs v;

    if (fstatvfs(p->dir, &v) < 0)
        return -errno;
    *ret = (uint64_t)v.f_bavail * v.f_frsize;
    return 0;
}

static void say(char **ret_error, const char *what, const char *dir, const char *why)
{
    struct buf text = {0};

    buf_addf(&text, "%s %s: %s", what, dir, why);
    buf_add_u8(&text, 0);
    *ret_error = (char *)text.at;
}

static int open_folder(const char *dir, char **ret_error)
{
    int fd;

    if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
        say(ret_error, "cannot make the folder of the journal,", dir, strerror(errno));
        return -1;
    }
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        say(ret_error, "cannot open the folder of the journal,", dir, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        say(ret_error, "cannot lock the journal,", dir,
            errno == EWOULDBLOCK ? "another process has it open; stop the node first: bastide stop"
                                 : strerror(errno));
        close(fd);
        fd = -1;
    }
    return fd;
}

/** journal_io_open() - see journal_io.h */
struct journal_io *journal_io_open(const char *dir, char **ret_error)
{
    int fd = open_folder(dir, ret_error);
    struct posix *p;

    if (fd < 0)
        return NULL;
    p = mem_new(struct posix);
    p->dir = fd;
    p->io = (struct journal_io){
        .owner = p,
        .create = posix_create,
        .open = posix_open,
        .close = posix_close,
        .size = posix_size,
        .read = posix_read,
        .write = posix_write,
        .sync = posix_sync,
        .sync_folder = posix_sync_folder,
        .remove = posix_remove,
        .keep_aside = posix_keep_aside,
        .list = posix_list,
        .space = posix_space,
    };
    return &p->io;
}

/** journal_io_close() - unlocks; Return: NULL */
struct journal_io *journal_io_close(struct journal_io *io)
{
    if (io != NULL) {
        struct posix *p = io->owner;

        close(p->dir);
        free(p);
    }
    return NULL;
}
