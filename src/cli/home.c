/* SPDX-License-Identifier: Apache-2.0 */
/* cli/home.c - see home.h */
#include "cli/home.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/human.h"
#include "cli/print.h"

/**
 * home_dir() - the folder of the configuration that the command line means
 * @ret:  owned by the caller; written on CLI_OK
 *
 * The configuration is not read, so this works also when it is out of order.
 *
 * Return: CLI_OK, or CLI_USAGE or CLI_NO and standard error says why.
 */
int home_dir(const struct cli_args *a, char **ret)
{
    char *path = NULL;
    int rc = ask_config_path(a, &path);
    struct stat st;
    char *slash;

    if (rc != CLI_OK)
        return rc;
    slash = strrchr(path, '/');
    if (slash == NULL) {
        free(path);
        path = bytes_dup_str(BYTES("."));
    } else {
        slash[slash == path] = '\0';
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        rc = cli_fail("there is no folder %s; bastide init makes a node's home", path);
        free(path);
        return rc;
    }
    *ret = path;
    return CLI_OK;
}

/** home_path() - @name in folder @dir; owned by the caller */
char *home_path(const char *dir, const char *name)
{
    return text_format("%s/%s", dir, name);
}

/** home_absolute() - realpath() of what need not be there yet; owned by the caller */
char *home_absolute(const char *path)
{
    char cwd[PATH_MAX];

    if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
        return text_dup(path);
    return home_path(cwd, path);
}

/** home_say() - to standard output; what it holds of others' texts cannot steer a terminal */
void home_say(const char *format, ...)
{
    CLEANUP(buf_done) struct buf out = {0};
    char *text;
    va_list args;

    va_start(args, format);
    text = text_vformat(format, args);
    va_end(args);
    human_lines(&out, bytes_str(text));
    print_buf(&out);
    free(text);
}

/** home_hint_reload() - say how a running node learns of a change */
void home_hint_reload(const char *dir)
{
    home_say("A running node takes it up by: bastide reload --home %s\n", dir);
}

/** home_failed() - say @error on standard error and free it; Return: CLI_NO */
int home_failed(char *error)
{
    int rc = cli_fail("%s", error);

    free(error);
    return rc;
}

static uid_t walk_uid; /* nftw() passes nothing on; this program has one thread here */
static gid_t walk_gid;

static int give_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return lchown(path, walk_uid, walk_gid);
}

/**
 * home_give() - @dir with all that is in it belongs to that user from here on
 * @name:       of the user, for the message
 * @ret_error:  why not; owned by the caller
 *
 * For root.
 */
bool home_give(const char *dir, const char *name, uid_t uid, gid_t gid, char **ret_error)
{
    walk_uid = uid;
    walk_gid = gid;
    if (nftw(dir, give_one, HOME_OPEN_FILES_MAX, FTW_PHYS | FTW_DEPTH) == 0)
        return true;
    return text_fail(ret_error, "cannot give %s to %s: %s", dir, name, strerror(errno));
}

/** date_text() - "2026-01-31T10:00:00Z", which conf_date_parse() reads; Return: @ret */
const char *date_text(uint64_t unix_ms, char ret[21])
{
    char text[CLOCK_TEXT_LEN];

    snprintf(ret, 21, "%.19sZ", clock_format(unix_ms, text));
    return ret;
}

/** number_parse() - read a decimal number from @min to @max; false when it is none */
bool number_parse(const char *text, unsigned min, unsigned max, unsigned *ret)
{
    size_t len = strlen(text);
    unsigned long n;

    if (len == 0 || len > 9 || strspn(text, "0123456789") != len)
        return false;
    n = strtoul(text, NULL, 10);
    if (n < min || n > max)
        return false;
    *ret = (unsigned)n;
    return true;
}
