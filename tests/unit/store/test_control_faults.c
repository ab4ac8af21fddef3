/* SPDX-License-Identifier: Apache-2.0 */
/* Damage, files that are taken away or exchanged, full disks: each is noticed and said, and nothing
 * that was kept is lost in silence. */
#include "kept.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/page_vfs.h"

/* Some pages of rows, in the database and in the log. */
static void fill(struct kept *k, bool crash)
{
    open_store(k);
    for (unsigned i = 0; i < 60; i++) {
        char key[32];

        snprintf(key, sizeof(key), "key %u", i);
        control_put(k->c, CONTROL_ASSET, key, i, "\"something of some length, to fill a page\"");
        if (crash && i % 10 == 0)
            assert_true(control_flush(k->c));
    }
    assert_true(control_flush(k->c));
    if (crash)
        crash_store(k);
    else
        close_store(k);
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static off_t size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void a_flipped_bit_in_any_page_of_the_database_is_refused(void **state)
{
    struct kept *k = *state;
    const char *path = in(k, "control.db");
    off_t size;

    fill(k, false);
    size = size_of(path);
    assert_true(size > 4 * PAGE_BYTES);
    for (off_t at = 7; at < size; at += 1021) { /* several in each page, each time elsewhere */
        flip(path, at);
        assert_refused_with(k, "do not authenticate");
        flip(path, at);
    }
    open_store(k);
}

static void a_flipped_bit_anywhere_in_the_log_is_refused(void **state)
{
    struct kept *k = *state;
    const char *path = in(k, "control.db-wal");
    off_t size;

    fill(k, true);
    size = size_of(path);
    assert_true(size > 10 * FRAME_BYTES);
    for (off_t at = 0; at < size; at += at < 2 * FRAME_BYTES ? 37 : 1019) {
        struct buf log = {0};

        assert_true(file_read(path, 64U << 20, &log, &k->error));
        flip(path, at);
        if (try_open(k))
            fail_msg("byte %lld of the log was flipped, and nobody noticed", (long long)at);
        put_file(path, buf_view(&log));
        buf_done(&log);
    }
    open_store(k);
}

static void two_pages_that_were_exchanged_are_refused(void **state)
{
    struct kept *k = *state;
    const char *path = in(k, "control.db");
    struct buf file = {0};
    uint8_t page[PAGE_BYTES];

    fill(k, false);
    assert_true(file_read(path, 64U << 20, &file, &k->error));
    memcpy(page, file.at + PAGE_BYTES, PAGE_BYTES);
    memcpy(file.at + PAGE_BYTES, file.at + 2 * PAGE_BYTES, PAGE_BYTES);
    memcpy(file.at + 2 * PAGE_BYTES, page, PAGE_BYTES);
    put_file(path, buf_view(&file));
    assert_refused_with(k, "2 of");
    buf_done(&file);
}

static void a_database_that_was_cut_is_refused(void **state)
{
    struct kept *k = *state;
    const char *path = in(k, "control.db");
    off_t size;

    fill(k, false);
    size = size_of(path);
    for (off_t less = 100; less < size; less += 3 * PAGE_BYTES / 2) {
        struct buf file = {0};

        assert_true(file_read(path, 64U << 20, &file, &k->error));
        assert_int_equal(truncate(path, size - less), 0);
        assert_refused_with(k, "control.db");
        put_file(path, buf_view(&file));
        buf_done(&file);
    }
    open_store(k);
}

static void a_log_that_was_cut_or_taken_away_is_refused(void **state)
{
    struct kept *k = *state;
    const char *path = in(k, "control.db-wal");
    struct buf log = {0};

    fill(k, true);
    assert_true(file_read(path, 64U << 20, &log, &k->error));
    for (size_t len = 0; len < log.len; len += FRAME_BYTES / 2) {
        put_file(path, bytes_of(log.at, len));
        assert_refused_with(k, "was cut off");
    }
    assert_int_equal(unlink(path), 0);
    assert_refused_with(k, "was cut off");
    put_file(path, buf_view(&log));
    buf_done(&log);
    open_store(k);
}

/* What a power cut leaves of a transaction that was not acknowledged is no damage. */
static void a_last_transaction_that_was_half_written_is_left_out(void **state)
{
    struct kept *k = *state;
    const char *path = in(k, "control.db-wal");
    struct buf mark = {0};
    struct buf log = {0};

    open_store(k);
    control_put(k->c, CONTROL_BAN, "a", 1, "1");
    assert_true(control_flush(k->c));
    assert_true(file_read(in(k, "control.mark"), 4096, &mark, &k->error));
    assert_true(file_read(path, 64U << 20, &log, &k->error));
    control_put(k->c, CONTROL_BAN, "b", 1, "2");
    assert_true(control_flush(k->c));
    crash_store(k);
    assert_true(size_of(path) > (off_t)log.len + FRAME_BYTES);
    flip(path, (off_t)log.len + 500);
    put_file(in(k, "control.mark"), buf_view(&mark));
    open_store(k);
    assert_rows(k, CONTROL_BAN, "a=1;");
    buf_done(&mark);
    buf_done(&log);
}

static void an_older_copy_of_the_database_is_refused(void **state)
{
    struct kept *k = *state;
    struct buf file = {0};

    fill(k, false);
    assert_true(file_read(in(k, "control.db"), 64U << 20, &file, &k->error));
    open_store(k);
    control_put(k->c, CONTROL_BAN, "a", 1, "1");
    close_store(k);
    put_file(in(k, "control.db"), buf_view(&file));
    assert_refused_with(k, "replaced by an older one");
    buf_done(&file);
}

static void a_file_that_is_missing_is_not_an_empty_store(void **state)
{
    static const struct {
        const char *name;
        const char *says;
    } files[] = {{"control.db", "is missing, but held"}, {"control.mark", "is missing, so"}};
    struct kept *k = *state;

    fill(k, false);
    for (unsigned i = 0; i < COUNT_OF(files); i++) {
        struct buf path = {0};

        buf_addf(&path, "%s/%s", k->dir, files[i].name);
        buf_add_u8(&path, 0);
        assert_int_equal(rename((char *)path.at, in(k, "aside")), 0);
        assert_refused_with(k, files[i].says);
        assert_int_equal(rename(in(k, "aside"), (char *)path.at), 0);
        buf_done(&path);
    }
    flip(in(k, "control.mark"), 20);
    open_store(k); /* the other slot is whole */
    close_store(k);
    assert_int_equal(truncate(in(k, "control.mark"), 10), 0);
    assert_refused_with(k, "control.mark does not authenticate");
}

static void another_keyring_opens_nothing(void **state)
{
    struct kept *k = *state;
    struct key_source from = {.kind = KEY_FROM_FILE, .name = k->key};

    fill(k, false);
    keyring_free(k->keys);
    k->keys = keyring_create(in(k, "keyring-2"), &from, &k->error);
    assert_refused_with(k, "does not authenticate");
}

static void a_beginning_that_was_cut_short_begins_anew(void **state)
{
    struct kept *k = *state;

    fill(k, false);
    assert_int_equal(rename(in(k, "control.db"), in(k, "control.db.new")), 0);
    assert_int_equal(truncate(in(k, "control.db.new"), 5000), 0);
    assert_int_equal(unlink(in(k, "control.mark")), 0);
    open_store(k);
    assert_rows(k, CONTROL_ASSET, "");
}

/* ---- what the disk refuses ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_a_full_disk_refuses_waits_and_is_written_later(void **state)
{
    struct kept *k = *state;

    signal(SIGXFSZ, SIG_IGN);
    open_store(k);
    control_put(k->c, CONTROL_BAN, "a", 1, "1");
    assert_true(control_flush(k->c));
    limit_files(20000);
    for (unsigned i = 0; i < 300; i++) {
        char key[32];

        snprintf(key, sizeof(key), "key %u", i);
        control_put(k->c, CONTROL_ASSET, key, i, "\"something of some length, to fill pages\"");
    }
    control_put(k->c, CONTROL_BAN, "b", 2, "2");
    assert_false(control_flush(k->c));
    assert_false(control_is_kept(k->c));
    assert_true(control_counts(k->c).failures > 0);
    assert_rows(k, CONTROL_BAN, "a=1;"); /* what is on disk can be read */
    limit_files(RLIM_INFINITY);
    assert_true(control_flush(k->c));
    assert_true(control_is_kept(k->c));
    assert_rows(k, CONTROL_BAN, "a=1;b=2;");
    close_store(k);
    open_store(k);
    assert_rows(k, CONTROL_BAN, "a=1;b=2;");
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    struct kept *k = *state;

    snprintf(k->dir + strlen(k->dir), 8, "/none");
    assert_refused_with(k, "cannot make");
    k->dir[strlen(k->dir) - 5] = '\0';
}

/* The n-th write fails: whatever it was of, what was acknowledged is there, and the rest waits. */
static int until_failure = -1; /* -1: none */
static unsigned n_failures;
static bool syncs_fail;
static ssize_t (*real_write)(int fd, const void *from, size_t n, off_t at);

static ssize_t failing_write(int fd, const void *from, size_t n, off_t at)
{
    if (until_failure < 0 || until_failure-- > 0)
        return real_write(fd, from, n, at);
    n_failures++;
    errno = ENOSPC;
    return -1;
}

static void with_failing_writes(bool on)
{
    sqlite3_vfs *v = sqlite3_vfs_find("unix");

    if (on)
        real_write = (ssize_t(*)(int, const void *, size_t, off_t))v->xGetSystemCall(v, "pwrite64");
    assert_int_equal(
        v->xSetSystemCall(v, "pwrite64", on ? (sqlite3_syscall_ptr)failing_write : NULL),
        SQLITE_OK);
}

static void whichever_write_fails_nothing_acknowledged_is_lost(void **state)
{
    struct kept *k = *state;
    char want[512] = "";

    with_failing_writes(true);
    open_store(k);
    for (int n = 0; n < 40; n++) {
        char key[16];
        bool kept;

        snprintf(key, sizeof(key), "%d", n);
        control_put(k->c, CONTROL_BAN, key, 1, "1");
        until_failure = n % 7;
        kept = control_flush(k->c);
        until_failure = -1;
        if (!kept)
            assert_true(control_flush(k->c)); /* it waited */
        snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s=1;", key);
        if (n % 5 == 0) {
            crash_store(k);
            open_store(k);
        }
        assert_rows(k, CONTROL_BAN, want);
    }
    assert_true(n_failures > 10);
    with_failing_writes(false);
}

/* In place of the library's, also for SQLite. */
int fdatasync(int fd)
{
    if (!syncs_fail)
        return fsync(fd);
    errno = EIO;
    return -1;
}

static void after_a_sync_that_failed_nothing_is_written_until_a_restart(void **state)
{
    struct kept *k = *state;

    open_store(k);
    control_put(k->c, CONTROL_BAN, "a", 1, "1");
    assert_true(control_flush(k->c));
    control_put(k->c, CONTROL_BAN, "b", 1, "2");
    syncs_fail = true;
    assert_false(control_flush(k->c));
    syncs_fail = false;
    assert_false(control_flush(k->c));
    assert_false(control_is_kept(k->c));
    crash_store(k);
    open_store(k); /* whether b is there is not known: it was not acknowledged */
    control_delete(k->c, CONTROL_BAN, "b");
    assert_rows(k, CONTROL_BAN, "a=1;");
}

/* Page 1 is authentic and says what no file can have: as many pages are missing, which takes no
 * time to count. */
static void a_size_that_no_database_has_is_told_at_once(void **state)
{
    struct kept *k = *state;
    struct page_place first = {PAGE_OF_DATABASE, 1, 0, {0}};
    uint8_t plain[PAGE_BYTES];
    uint8_t page[PAGE_BYTES];
    struct page_scan s;

    memset(plain, 0xff, sizeof(plain));
    page_seal(k->keys, &first, plain, page);
    assert_true(file_replace(in(k, "control.db"), bytes_of(page, sizeof(page)), 0600, &k->error));
    assert_true(page_scan(k->keys, in(k, "control.db"), &s, &k->error));
    assert_int_equal(s.n_bad_pages, 0);
    assert_int_equal(s.n_missing_pages, UINT32_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(a_flipped_bit_in_any_page_of_the_database_is_refused),
        KEPT(a_flipped_bit_anywhere_in_the_log_is_refused),
        KEPT(two_pages_that_were_exchanged_are_refused),
        KEPT(a_database_that_was_cut_is_refused),
        KEPT(a_log_that_was_cut_or_taken_away_is_refused),
        KEPT(a_size_that_no_database_has_is_told_at_once),
        KEPT(a_last_transaction_that_was_half_written_is_left_out),
        KEPT(an_older_copy_of_the_database_is_refused),
        KEPT(a_file_that_is_missing_is_not_an_empty_store),
        KEPT(another_keyring_opens_nothing),
        KEPT(a_beginning_that_was_cut_short_begins_anew),
        KEPT(what_a_full_disk_refuses_waits_and_is_written_later),
        KEPT(a_folder_that_is_not_there_is_named),
        KEPT(whichever_write_fails_nothing_acknowledged_is_lost),
        KEPT(after_a_sync_that_failed_nothing_is_written_until_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
