/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/crypto/test_file_faults.c - whichever call fails, a file is the old one or the new one
 *
 * The linker puts the __wrap_ functions in the place of system calls; see meson.build. */
#include "folder.h"

#include <errno.h>

#include "crypto/keyring.h"

static unsigned n_calls;
static unsigned fail_at; /* this one of all, counted from 1; 0: none */

static bool fails(void)
{
    if (++n_calls != fail_at)
        return false;
    errno = EIO;
    return true;
}

int __real_mkostemp64(char *name, int flags);
int __wrap_mkostemp64(char *name, int flags);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
ssize_t __real_write(int fd, const void *at, size_t len);
ssize_t __wrap_write(int fd, const void *at, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_mkostemp64(char *name, int flags)
{
    return fails() ? -1 : __real_mkostemp64(name, flags);
}

int __wrap_fchmod(int fd, mode_t mode)
{
    return fails() ? -1 : __real_fchmod(fd, mode);
}

ssize_t __wrap_write(int fd, const void *at, size_t len)
{
    return fails() ? -1 : __real_write(fd, at, len);
}

int __wrap_fsync(int fd)
{
    return fails() ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    return fails() ? -1 : __real_rename(from, to);
}

static bool holds(const char *path, const char *text)
{
    struct buf found = {0};
    char *error = NULL;
    bool same;

    assert_true(file_read(path, 100, &found, &error));
    same = bytes_equal(buf_view(&found), bytes_str(text));
    buf_done(&found);
    return same;
}

/* Return: whether it was replaced without a failure. */
static bool replace(struct folder *f, unsigned n)
{
    const char *path = in(f, "a");
    char *error = NULL;
    bool ok;

    put(path, "old", 0600);
    n_calls = 0;
    fail_at = n;
    ok = file_replace(path, BYTES("new"), 0600, &error);
    fail_at = 0;
    assert_int_equal(count_files(f->path), 1);
    if (ok) {
        assert_true(holds(path, "new"));
        return true;
    }
    assert_non_null(strstr(error, path));
    /* Once it is in its place it stays, and it is said that it may not last. */
    assert_true(holds(path, strstr(error, "it is written") != NULL ? "new" : "old"));
    free(error);
    return false;
}

/* ---- what is kept by such a file ---- */

static bool opens(const char *path, const struct key_source *from)
{
    char *error = NULL;
    struct keyring *k = keyring_open(path, from, &error);
    bool ok = k != NULL;

    free(error);
    keyring_free(k);
    return ok;
}

static struct key_source key_file(const struct folder *f, const char *name)
{
    struct key_source from = {.kind = KEY_FROM_FILE, .name = in(f, name)};
    char *error = NULL;

    if (access(from.name, F_OK) != 0)
        assert_true(at_rest_key_create(from.name, &error));
    return from;
}

/* Return: whether it was sealed anew without a failure. */
static bool reseal(struct folder *f, unsigned n)
{
    struct key_source before = key_file(f, "before.key");
    struct key_source after = key_file(f, "after.key");
    const char *path = in(f, "keyring");
    struct keyring *k;
    char *error = NULL;
    uint32_t id = 0;
    bool ok, is_under_new;

    (void)unlink(path);
    k = keyring_create(path, &before, &error);
    assert_non_null(k);
    n_calls = 0;
    fail_at = n;
    ok = keyring_reseal(k, &after, &error);
    fail_at = 0;
    is_under_new = ok || strstr(error, "is under the new at-rest key") != NULL;
    assert_int_equal(opens(path, &after), is_under_new);
    assert_int_equal(opens(path, &before), !is_under_new);
    free(error);
    error = NULL;
    assert_true(keyring_add(k, &id, &error)); /* what is written later is under the same one */
    assert_int_equal(opens(path, &after), is_under_new);
    assert_int_equal(opens(path, &before), !is_under_new);
    keyring_free(k);
    return ok;
}

static void whichever_call_fails_a_keyring_opens_with_the_key_that_was_told(void **state)
{
    unsigned n = 1;

    while (!reseal(*state, n))
        n++;
    assert_int_equal(n, 7);
}

/* Return: whether a data key was added without a failure. */
static bool add_key(struct folder *f, unsigned n)
{
    struct key_source from = key_file(f, "before.key");
    const char *path = in(f, "keyring");
    struct keyring *k;
    char *error = NULL;
    uint32_t id = 0;
    bool ok;

    (void)unlink(path);
    k = keyring_create(path, &from, &error);
    assert_non_null(k);
    n_calls = 0;
    fail_at = n;
    ok = keyring_add(k, &id, &error);
    fail_at = 0;
    free(error);
    assert_int_equal(keyring_current(k), ok ? 2 : 1); /* nothing is sealed with what may not last */
    assert_true(opens(path, &from));
    keyring_free(k);
    return ok;
}

static void whichever_call_fails_no_data_key_is_used_that_may_not_last(void **state)
{
    unsigned n = 1;

    while (!add_key(*state, n))
        n++;
    assert_int_equal(n, 7);
}

/* ---- a key and its certificate ---- */

#define CALLS_OF_PAIR 18 /* 6 of what is kept of it among the issued; then 4 and 4, 2 and 2 */
#define SECOND_RENAME 16 /* the one that leaves half a pair */

static void read_into(const char *path, struct buf *ret)
{
    char *error = NULL;

    ret->len = 0;
    assert_true(file_read(path, 10000, ret, &error));
}

static bool has_changed(const char *path, const struct buf *before)
{
    struct buf now = {0};
    bool same;

    read_into(path, &now);
    same = bytes_equal(buf_view(&now), buf_view(before));
    buf_done(&now);
    return !same;
}

/* Return: whether it was issued again without a failure. */
static bool issue_again(struct folder *f, unsigned n)
{
    const struct pki_request r = {PKI_CLIENT, "a", NULL, 0, 1000, 1000000};
    const char *key = in(f, "a.key");
    const char *crt = in(f, "a.crt");
    struct buf key_before = {0};
    struct buf crt_before = {0};
    char *error = NULL;
    bool ok;

    read_into(key, &key_before);
    read_into(crt, &crt_before);
    n_calls = 0;
    fail_at = n;
    ok = pki_issue(in(f, "ca"), &r, crt, key, NULL, &error);
    fail_at = 0;
    if (n != SECOND_RENAME)
        assert_int_equal(has_changed(key, &key_before), has_changed(crt, &crt_before));
    assert_true(!ok || has_changed(key, &key_before));
    free(error);
    buf_done(&key_before);
    buf_done(&crt_before);
    return ok;
}

static void whichever_call_but_one_fails_a_pair_is_the_old_or_the_new_one(void **state)
{
    struct folder *f = *state;
    char *error = NULL;
    unsigned n = 1;

    assert_int_equal(mkdir(in(f, "ca"), 0700), 0);
    assert_true(pki_create(in(f, "ca"), "CA", 1000, 2000000, &error));
    put(in(f, "a.key"), "old key", 0600);
    put(in(f, "a.crt"), "old certificate", 0644);
    while (!issue_again(f, n))
        n++;
    assert_int_equal(n, CALLS_OF_PAIR + 1);
}

static void whichever_call_fails_it_is_the_old_or_the_new_one(void **state)
{
    unsigned n = 1;

    while (!replace(*state, n))
        n++;
    assert_int_equal(n, 7); /* make, mode, write, flush, rename, and the folder's flush */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(whichever_call_fails_it_is_the_old_or_the_new_one),
        IN_FOLDER(whichever_call_fails_a_keyring_opens_with_the_key_that_was_told),
        IN_FOLDER(whichever_call_fails_no_data_key_is_used_that_may_not_last),
        IN_FOLDER(whichever_call_but_one_fails_a_pair_is_the_old_or_the_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
