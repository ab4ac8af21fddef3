/* SPDX-License-Identifier: Apache-2.0 */
/* store/journal_aside.c - a journal that is not used any more keeps out of the way, and is kept */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "store/journal_io.h"
#include "store/segment.h"

#define ASIDE_PREFIX "journal-"

static int segments_only(const struct dirent *e)
{
    uint64_t id;

    return segment_name_parse(e->d_name, &id);
}

static int aside_only(const struct dirent *e)
{
    return strncmp(e->d_name, ASIDE_PREFIX, strlen(ASIDE_PREFIX)) == 0;
}

/* Return: how many, or -errno. */
static int count(const char *dir, int (*which)(const struct dirent *e))
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, which, NULL);

    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return n;
}

static bool fail(char **ret_error, const char *dir, int error)
{
    return text_fail(ret_error, "cannot set the journal of before aside, %s: %s", dir,
                     strerror(error));
}

/* Its new name is on the device. */
static int move(const char *dir, const char *aside)
{
    char *slash = strrchr(aside, '/');
    char *parent = slash != NULL ? strndup(aside, (size_t)(slash - aside)) : strdup(".");
    int r = rename(dir, aside) == 0 ? 0 : -errno;
    int fd = r == 0 ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (r == 0 && (fd < 0 || fsync(fd) < 0))
        r = -errno;
    if (fd >= 0)
        close(fd);
    free(parent);
    return r;
}

/** journal_set_aside() - see journal_io.h */
bool journal_set_aside(const char *dir, uint64_t now_unix_ms, char **ret_aside, char **ret_error)
{
    time_t now = (time_t)(now_unix_ms / 1000);
    char date[32];
    char *aside = NULL;
    int n = count(dir, segments_only);
    struct tm tm;
    int r;

    if (n == 0 || n == -ENOENT)
        return true;
    if (n < 0)
        return fail(ret_error, dir, -n);
    gmtime_r(&now, &tm);
    strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
    aside = text_format("%s-%s", dir, date);
    r = move(dir, aside);
    if (r < 0) {
        free(aside);
        return fail(ret_error, dir, -r);
    }
    *ret_aside = aside;
    return true;
}

/** journal_is_aside() - see journal_io.h; also when it cannot be told */
bool journal_is_aside(const char *state_dir)
{
    return count(state_dir, aside_only) != 0;
}
