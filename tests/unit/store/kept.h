/* SPDX-License-Identifier: Apache-2.0 */
/* kept.h - a state folder of its own for each test, with a keyring and a control store in it */
#pragma once

#include <fcntl.h>
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

#include "base/err.h"
#include "store/control.h"

struct kept {
    char dir[128];
    char key[160];
    struct keyring *keys;
    struct control *c;
    char *error;
};

static inline const char *in(const struct kept *k, const char *name)
{
    static char paths[8][200];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", k->dir, name);
    return path;
}

static inline int kept_setup(void **state)
{
    struct kept *k = calloc(1, sizeof(*k));
    struct key_source from = {.kind = KEY_FROM_FILE, .name = k->key};

    snprintf(k->dir, sizeof(k->dir), "/dev/shm/bastide-store-XXXXXX");
    check(mkdtemp(k->dir) != NULL);
    snprintf(k->key, sizeof(k->key), "%s/at-rest.key", k->dir);
    check(at_rest_key_create(k->key, &k->error));
    k->keys = keyring_create(in(k, "keyring"), &from, &k->error);
    check(k->keys != NULL);
    *state = k;
    return 0;
}

static inline int kept_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int kept_teardown(void **state)
{
    struct kept *k = *state;
    int r;

    control_close(k->c);
    keyring_free(k->keys);
    r = nftw(k->dir, kept_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(k->error);
    free(k);
    return r;
}

/* k->c is open, or k->error says why not. */
static inline bool try_open(struct kept *k)
{
    free(k->error);
    k->error = NULL;
    k->c = control_open(k->dir, k->keys, &k->error);
    return k->c != NULL;
}

static inline void open_store(struct kept *k)
{
    if (!try_open(k))
        fail_msg("%s", k->error);
}

static inline void close_store(struct kept *k)
{
    k->c = control_close(k->c);
}

/* As file_replace(), but whether it outlives a power cut does not matter here. */
static inline void put_file(const char *path, struct bytes content)
{
    FILE *f = fopen(path, "we");

    check(f != NULL && fwrite(content.at, 1, content.len, f) == content.len);
    check(fclose(f) == 0);
}

/* As a crash leaves it: the files are copied while it is open, and put back when it is closed. */
static inline void crash_store(struct kept *k)
{
    static const char *const names[] = {"control.db", "control.db-wal", "control.mark"};
    struct buf files[3] = {{0}};
    char *error = NULL;

    for (int i = 0; i < 3; i++)
        check(file_read(in(k, names[i]), 64U << 20, &files[i], &error));
    close_store(k);
    for (int i = 0; i < 3; i++) {
        put_file(in(k, names[i]), buf_view(&files[i]));
        buf_done(&files[i]);
    }
}

/* The rows of a table as "key=doc;". */
static inline void add_row(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    (void)at_unix_ms;
    buf_addf(arg, "%s=%s;", key, doc);
}

static inline void assert_rows(struct kept *k, enum control_table t, const char *rows)
{
    struct buf text = {0};
    char *error = NULL;

    if (!control_each(k->c, t, 0, add_row, &text, &error))
        fail_msg("%s", error);
    buf_add_u8(&text, 0);
    assert_string_equal((const char *)text.at, rows);
    buf_done(&text);
}

static inline void assert_refused_with(struct kept *k, const char *what)
{
    if (try_open(k))
        fail_msg("it was opened");
    if (strstr(k->error, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", k->error, what);
}

#define KEPT(test) cmocka_unit_test_setup_teardown(test, kept_setup, kept_teardown)
