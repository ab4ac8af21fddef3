/* SPDX-License-Identifier: Apache-2.0 */
/* assess/jsonl.c - files of one JSON object a line, which only grow */
#include "assess/private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define FILE_MODE 0600

/* A new file made by root belongs to whom the folder belongs to: to the node. */
static int give_to_node(int fd, const char *path)
{
    char *copy;
    struct stat file;
    struct stat folder;
    int err = 0;

    if (geteuid() != 0 || fstat(fd, &file) != 0 || file.st_size > 0)
        return 0;
    copy = bytes_dup_str(bytes_str(path));
    if (stat(dirname(copy), &folder) != 0 || fchown(fd, folder.st_uid, folder.st_gid) != 0)
        err = err_origin(-errno);
    free(copy);
    return err;
}

/* A last line without its end was cut while it was written, and is none. */
static int drop_cut_line(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    off_t end = size;
    char c = '\n';

    while (end > 0) {
        if (pread(fd, &c, 1, end - 1) != 1)
            return err_origin(-EIO);
        if (c == '\n')
            break;
        end--;
    }
    return end == size || ftruncate(fd, end) == 0 ? 0 : err_origin(-errno);
}

/* One write, so that two writers never mix their lines. */
static int write_line(int fd, const json_t *o)
{
    CLEANUP(buf_done) struct buf line = {0};
    char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
    ssize_t n;

    check(text != NULL);
    buf_addf(&line, "%s\n", text);
    free(text);
    n = write(fd, line.at, line.len);
    if (n != (ssize_t)line.len)
        return err_origin(n < 0 ? -errno : -ENOSPC);
    return fsync(fd) == 0 ? 0 : err_origin(-errno);
}

int jsonl_append(const char *path, json_t *o)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);
    int err = fd < 0 ? err_origin(-errno) : give_to_node(fd, path);

    if (err == 0)
        err = drop_cut_line(fd);
    if (err == 0)
        err = write_line(fd, o);
    json_decref(o);
    if (fd >= 0 && close(fd) != 0 && err == 0)
        err = err_origin(-errno);
    return err;
}
