/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h - a folder of its own for each test, and what the tests of this module share */
#pragma once

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/crypto.h"

#define PATHS_MAX 8

struct folder {
    char path[64];
};

static inline int folder_setup(void **state)
{
    struct folder *f = calloc(1, sizeof(*f));

    snprintf(f->path, sizeof(f->path), "/tmp/bastide-crypto-XXXXXX");
    *state = f;
    return mkdtemp(f->path) == NULL;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type,
                                    struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int folder_teardown(void **state)
{
    struct folder *f = *state;
    int r = nftw(f->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);

    free(f);
    return r;
}

/* The path of @name in the folder; good until PATHS_MAX more are asked for. */
static inline const char *in(const struct folder *f, const char *name)
{
    static char paths[PATHS_MAX][128];
    static unsigned next;
    char *path = paths[next++ % PATHS_MAX];

    snprintf(path, sizeof(paths[0]), "%s/%s", f->path, name);
    return path;
}

/* Hidden ones are none. */
static inline size_t count_files(const char *path)
{
    DIR *dir = opendir(path);
    size_t n = 0;

    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static inline unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static inline void put(const char *path, const char *text, unsigned mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* @ok is false and *@error says @what; *@error is freed and may be used again. */
static inline void assert_refused(bool ok, char **error, const char *what)
{
    assert_false(ok);
    if (*error == NULL)
        fail_msg("refused without a reason");
    else if (strstr(*error, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", *error, what);
    free(*error);
    *error = NULL;
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
