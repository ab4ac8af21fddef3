/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

static void what_is_replaced_is_read_back(void **state)
{
    const char *path = in(*state, "a");
    struct buf text = {0};
    char *error = NULL;

    assert_true(file_replace(path, BYTES("first"), 0600, &error));
    assert_true(file_replace(path, BYTES("second, longer"), 0600, &error));
    assert_true(file_read(path, 14, &text, &error));
    assert_true(bytes_equal(buf_view(&text), BYTES("second, longer")));
    assert_null(error);
    buf_done(&text);
}

static void the_mode_is_exact_whatever_the_umask(void **state)
{
    mode_t old = umask(0077);
    char *error = NULL;

    assert_true(file_replace(in(*state, "public"), BYTES("x"), 0644, &error));
    umask(0);
    assert_true(file_replace(in(*state, "private"), BYTES("x"), 0600, &error));
    umask(old);
    assert_int_equal(mode_of(in(*state, "public")), 0644);
    assert_int_equal(mode_of(in(*state, "private")), 0600);
}

static void a_failed_replacement_leaves_nothing_behind(void **state)
{
    struct folder *f = *state;
    char *error = NULL;

    /* A folder that is not empty cannot be replaced by a file. */
    assert_int_equal(mkdir(in(f, "taken"), 0700), 0);
    put(in(f, "taken/inside"), "x", 0600);
    assert_refused(file_replace(in(f, "taken"), BYTES("x"), 0600, &error), &error, "taken");
    assert_int_equal(count_files(f->path), 1);
    assert_refused(file_replace(in(f, "absent/a"), BYTES("x"), 0600, &error), &error, "absent/a");
}

static void what_is_no_file_is_left_alone(void **state)
{
    struct folder *f = *state;
    char *error = NULL;
    struct stat st;

    assert_int_equal(mkfifo(in(f, "pipe"), 0600), 0);
    assert_int_equal(symlink(in(f, "pipe"), in(f, "leads-there")), 0);
    assert_refused(file_replace(in(f, "pipe"), BYTES("x"), 0600, &error), &error,
                   "no regular file");
    assert_refused(file_replace(in(f, "leads-there"), BYTES("x"), 0600, &error), &error,
                   "no regular file");
    assert_int_equal(lstat(in(f, "pipe"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(lstat(in(f, "leads-there"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void a_symbolic_link_is_replaced_and_not_followed(void **state)
{
    struct buf text = {0};
    char *error = NULL;

    put(in(*state, "target"), "kept", 0644);
    assert_int_equal(symlink(in(*state, "target"), in(*state, "link")), 0);
    assert_true(file_replace(in(*state, "link"), BYTES("new"), 0600, &error));
    assert_true(file_read(in(*state, "target"), 100, &text, &error));
    assert_true(bytes_equal(buf_view(&text), BYTES("kept")));
    buf_done(&text);
}

static void a_file_that_is_too_long_or_none_is_refused(void **state)
{
    struct buf text = {0};
    char *error = NULL;

    put(in(*state, "long"), "12345", 0600);
    assert_refused(file_read(in(*state, "long"), 4, &text, &error), &error, "more than the 4");
    assert_refused(file_read(in(*state, "absent"), 4, &text, &error), &error, "No such file");
    assert_refused(file_read(((struct folder *)*state)->path, 4, &text, &error), &error,
                   "not a regular file");
    assert_int_equal(text.len, 0);
    buf_done(&text);
}

static void a_lock_keeps_another_process_out(void **state)
{
    const char *path = ((struct folder *)*state)->path;
    char *error = NULL;
    int lock = folder_lock(path, &error);
    int status;
    pid_t child;

    assert_true(lock >= 0);
    child = fork();
    if (child == 0) { /* asks without waiting, as a second process */
        FILE *dir = fopen(path, "re");

        _exit(dir != NULL && flock(fileno(dir), LOCK_EX | LOCK_NB) != 0 ? 7 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);

    folder_unlock(lock);
    lock = folder_lock(path, &error);
    assert_true(lock >= 0);
    folder_unlock(lock);
    assert_refused(folder_lock(in(*state, "absent"), &error) >= 0, &error, "absent");
}

static void root_does_not_take_a_file_from_its_owner(void **state)
{
    struct folder *f = *state;
    char *error = NULL;
    struct stat st;

    if (geteuid() == 0) {
        assert_int_equal(chown(f->path, 4711, 4712), 0);
        put(in(f, "other"), "x", 0600);
        assert_int_equal(chown(in(f, "other"), 4713, 4714), 0);
        assert_true(file_replace(in(f, "other"), BYTES("y"), 0600, &error));
        assert_int_equal(stat(in(f, "other"), &st), 0);
        assert_int_equal(st.st_uid, 4713);
        assert_int_equal(st.st_gid, 4714);
    }
    assert_int_equal(stat(f->path, &st), 0);
    assert_true(file_replace(in(f, "new"), BYTES("y"), 0600, &error));
    {
        struct stat made;

        assert_int_equal(stat(in(f, "new"), &made), 0);
        assert_int_equal(made.st_uid, st.st_uid);
        assert_int_equal(made.st_gid, st.st_gid);
    }
}

static void a_folder_is_private_and_of_whose_folder_it_is_in(void **state)
{
    struct folder *f = *state;
    char *error = NULL;
    struct stat outer, made;

    if (geteuid() == 0)
        assert_int_equal(chown(f->path, 4711, 4712), 0);
    assert_true(folder_make(in(f, "inner"), &error));
    assert_int_equal(stat(f->path, &outer), 0);
    assert_int_equal(stat(in(f, "inner"), &made), 0);
    assert_int_equal(made.st_mode & 07777, 0700);
    assert_int_equal(made.st_uid, outer.st_uid);
    assert_int_equal(made.st_gid, outer.st_gid);
    assert_int_equal(chmod(in(f, "inner"), 0750), 0);
    assert_true(folder_make(in(f, "inner"), &error)); /* there already: as it was */
    assert_int_equal(mode_of(in(f, "inner")), 0750);
    assert_refused(folder_make(in(f, "absent/inner"), &error), &error, "absent/inner");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_replaced_is_read_back),
        IN_FOLDER(the_mode_is_exact_whatever_the_umask),
        IN_FOLDER(a_failed_replacement_leaves_nothing_behind),
        IN_FOLDER(what_is_no_file_is_left_alone),
        IN_FOLDER(a_symbolic_link_is_replaced_and_not_followed),
        IN_FOLDER(a_file_that_is_too_long_or_none_is_refused),
        IN_FOLDER(a_lock_keeps_another_process_out),
        IN_FOLDER(root_does_not_take_a_file_from_its_owner),
        IN_FOLDER(a_folder_is_private_and_of_whose_folder_it_is_in),
    };

    return cmocka_run_group_tests_name("crypto/file", tests, NULL, NULL);
}
