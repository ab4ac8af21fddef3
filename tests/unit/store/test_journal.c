/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/test_journal.c - what was committed is there again, whatever fails and when
 *
 * MQ.PR.SP-06 */
#include <errno.h>

#include "opened.h"
#include "store/segment.h"

static void what_was_committed_is_there_again(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct batch b = {0};
    uint64_t seed = 1;
    uint64_t next = 1;
    uint64_t most = 0;

    disk_init(&d, 1);
    for (unsigned run = 0; run < 20; run++) {
        struct journal_report report;
        struct journal *j = opened(&d, k->keyring, &report);
        struct journal_stat stat;

        assert_int_equal(report.torn_bytes, 0);
        for (unsigned i = 0; i < 40; i++) {
            ledger_change(&l, &b, &seed, &next);
            assert_int_equal(commit(j, &b), 0);
            most = MAX(most, disk_bytes(&d));
        }
        assert_int_equal(journal_id_max(j), next - 1);
        journal_stat(j, &stat);
        assert_int_equal(stat.n_records, l.n);
        assert_true(run < 5 || stat.n_cleaned > 0);
        journal_close(j);
        assert_holds(&d, k->keyring, &l);
    }
    /* Some 500 kB were written; what is needed is a tenth of a record each. */
    assert_true(most < 100000);
    buf_done(&b.bytes);
    disk_done(&d);
}

/* ---- calls that fail ---- */

/* Whatever fails, what was acknowledged is there after a power cut, and what is pending is there
 * whole or not at all.  Return: whether the call that was to fail was reached. */
static bool survives(struct keys *k, enum disk_call call, unsigned n, bool fails_on)
{
    static struct disk d;
    struct ledger acknowledged = {0};
    struct ledger l = {0};
    struct ledger found;
    struct batch b = {0};
    struct journal_report report;
    struct journal *j;
    uint64_t seed = n;
    uint64_t next = 1;
    bool reached;

    disk_init(&d, n * 8 + call);
    j = opened(&d, k->keyring, &report);
    d.fail_at[call] = d.n_calls[call] + n;
    d.fails_on = fails_on;
    for (unsigned i = 0; i < 60; i++) {
        ledger_change(&l, &b, &seed, &next);
        if (commit(j, &b) < 0 && (journal_retry(j) < 0 || fails_on)) {
            if (journal_is_pending(j))
                break;
        }
        acknowledged = l;
    }
    reached = d.n_calls[call] >= d.fail_at[call];
    if (journal_is_pending(j) && noise(&seed) % 2) { /* it works again, later */
        d.fail_at[call] = 0;
        assert_int_equal(journal_retry(j), 0);
        acknowledged = l;
    }
    journal_close(j);
    d.fail_at[call] = 0;
    disk_cut_power(&d);
    j = opened(&d, k->keyring, &report);
    assert_sound(&report);
    ledger_of(j, &found);
    if (!ledger_equal(&found, &acknowledged) && !ledger_equal(&found, &l))
        fail_msg("call %u failed at %u%s: %u records, %u acknowledged, %u with what is pending",
                 call, n, fails_on ? " and on" : "", found.n, acknowledged.n, l.n);
    l = found;
    /* And it goes on. */
    for (unsigned i = 0; i < 5; i++) {
        ledger_change(&l, &b, &seed, &next);
        assert_int_equal(commit(j, &b), 0);
    }
    journal_close(j);
    assert_holds(&d, k->keyring, &l);
    buf_done(&b.bytes);
    disk_done(&d);
    return reached;
}

static void any_call_may_fail(void **state)
{
    for (unsigned call = 0; call < DISK_CALL_N; call++) {
        for (unsigned fails_on = 0; fails_on < 2; fails_on++) {
            unsigned n = 1;

            while (survives(*state, (enum disk_call)call, n, fails_on))
                n++;
        }
    }
}

static void a_flush_that_failed_is_not_believed_later(void **state)
{
    struct keys *k = *state;

    /* Flushes of heads and of frames, the first and later ones. */
    for (unsigned n = 1; n <= 40; n++)
        survives(k, DISK_SYNC, n, false);
}

static void opening_says_which_file_cannot_be_read(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct batch b = {0};
    struct journal_report report;
    struct journal *j;
    uint64_t seed = 3;
    uint64_t next = 1;

    disk_init(&d, 3);
    j = opened(&d, k->keyring, &report);
    for (unsigned i = 0; i < 40; i++) {
        ledger_change(&l, &b, &seed, &next);
        assert_int_equal(commit(j, &b), 0);
    }
    journal_close(j);
    for (unsigned n = 1; n < 10; n++) {
        char *error = NULL;

        d.n_calls[DISK_READ] = 0;
        d.fail_at[DISK_READ] = n;
        assert_null(journal_open(&small, &d.io, k->keyring, &report, &error));
        assert_non_null(strstr(error, ".journal: cannot be read: Input/output error"));
        free(error);
    }
    buf_done(&b.bytes);
    disk_done(&d);
}

/* ---- power cuts ---- */

static void a_power_cut_loses_nothing_acknowledged(void **state)
{
    struct keys *k = *state;

    for (uint64_t round = 1; round <= 150; round++) {
        static struct disk d;
        struct ledger acknowledged = {0};
        struct ledger l = {0};
        struct batch b = {0};
        uint64_t seed = round;
        uint64_t next = 1;

        disk_init(&d, round);
        for (unsigned cut = 0; cut < 4; cut++) {
            struct journal_report report;
            struct journal *j = opened(&d, k->keyring, &report);
            struct ledger found;

            assert_sound(&report);
            ledger_of(j, &found);
            assert_true(ledger_equal(&found, &acknowledged) || ledger_equal(&found, &l));
            acknowledged = l = found;
            for (uint64_t i = noise(&seed) % 25; i > 0; i--) {
                ledger_change(&l, &b, &seed, &next);
                assert_int_equal(commit(j, &b), 0);
                acknowledged = l;
            }
            /* The last one is cut short at a call of some kind. */
            ledger_change(&l, &b, &seed, &next);
            d.fail_at[DISK_SYNC] = noise(&seed) % 2 ? d.n_calls[DISK_SYNC] + 1 : 0;
            d.fail_at[DISK_WRITE] = noise(&seed) % 2 ? d.n_calls[DISK_WRITE] + 1 : 0;
            if (commit(j, &b) == 0)
                acknowledged = l;
            d.fail_at[DISK_SYNC] = d.fail_at[DISK_WRITE] = 0;
            journal_close(j);
            disk_cut_power(&d);
        }
        buf_done(&b.bytes);
        disk_done(&d);
    }
}

/* Killed between writing and flushing: the next run reads the frame and relies on it. */
static void what_a_killed_process_did_not_flush_is_flushed_by_the_next(void **state)
{
    struct keys *k = *state;

    for (uint64_t round = 1; round <= 30; round++) {
        static struct disk d;
        struct ledger l = {0};
        struct batch b = {0};
        uint64_t seed = round;
        uint64_t next = 1;

        disk_init(&d, round);
        for (unsigned run = 0; run < 4; run++) {
            struct journal_report report;
            struct journal *j = opened(&d, k->keyring, &report);

            assert_sound(&report);
            ledger_change(&l, &b, &seed, &next);
            assert_int_equal(commit(j, &b), 0);
            disk_forget_sync(&d, true);
            ledger_change(&l, &b, &seed, &next);
            assert_int_equal(commit(j, &b), 0);
            disk_forget_sync(&d, false);
            journal_close(j);
            j = opened(&d, k->keyring, &report);
            ledger_change(&l, &b, &seed, &next);
            assert_int_equal(commit(j, &b), 0);
            journal_close(j);
            disk_cut_power(&d);
            assert_holds(&d, k->keyring, &l);
        }
        buf_done(&b.bytes);
        disk_done(&d);
    }
}

static void a_former_end_that_cannot_be_flushed_is_not_built_upon(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct batch b = {0};
    struct journal_report report;
    struct journal *j;
    uint64_t seed = 4;
    uint64_t next = 1;

    disk_init(&d, 4);
    j = opened(&d, k->keyring, &report);
    ledger_change(&l, &b, &seed, &next);
    assert_int_equal(commit(j, &b), 0);
    journal_close(j);
    j = opened(&d, k->keyring, &report);
    d.fail_at[DISK_SYNC] = d.n_calls[DISK_SYNC] + 1;
    assert_int_equal(journal_commit(j, NULL, 0), -EIO);
    assert_int_equal(journal_retry(j), -EIO); /* though a flush would succeed now */
    journal_close(j);
    buf_done(&b.bytes);
    disk_done(&d);
}

/* ---- keys and space ---- */

static void under_a_new_data_key_all_is_sealed_anew(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct batch b = {0};
    struct journal_report report;
    struct journal *j;
    struct journal_stat stat;
    uint64_t seed = 9;
    uint64_t next = 1;
    uint32_t key;
    char *error = NULL;

    disk_init(&d, 9);
    j = opened(&d, k->keyring, &report);
    for (unsigned i = 0; i < 60; i++) {
        ledger_change(&l, &b, &seed, &next);
        assert_int_equal(commit(j, &b), 0);
    }
    assert_true(keyring_add(k->keyring, &key, &error));
    do {
        assert_int_equal(journal_commit(j, NULL, 0), 0);
    } while (journal_wants_cleaning(j));
    journal_stat(j, &stat);
    assert_int_equal(stat.oldest_key, key);
    journal_close(j);
    assert_true(keyring_drop(k->keyring, key - 1, &error));
    assert_holds(&d, k->keyring, &l);
    buf_done(&b.bytes);
    disk_done(&d);
}

static void a_full_disk_is_noticed_before_and_got_over(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct batch b = {0};
    struct journal_report report;
    struct journal_settings s = small;
    struct journal *j;
    uint64_t next = 1;
    char *error = NULL;

    disk_init(&d, 2);
    s.bytes_max = 20000;
    s.space_min = 1000;
    j = journal_open(&s, &d.io, k->keyring, &report, &error);
    assert_non_null(j);
    while (journal_has_room(j)) {
        ledger_put(&l, &b, next++, 500);
        assert_int_equal(commit(j, &b), 0);
    }
    assert_true(disk_bytes(&d) > s.bytes_max / 8 * 7 && disk_bytes(&d) < s.bytes_max);
    for (uint64_t id = 1; id < next - 2; id++)
        ledger_drop(&l, &b, id);
    assert_int_equal(commit(j, &b), 0);
    while (journal_wants_cleaning(j))
        assert_int_equal(journal_commit(j, NULL, 0), 0);
    assert_true(journal_has_room(j));
    d.space = 999;
    assert_false(journal_has_room(j));
    d.space = UINT64_MAX;
    /* And when it is full all the same. */
    d.fail_at[DISK_WRITE] = 1;
    d.fails_on = true;
    d.fail_with = -ENOSPC;
    ledger_put(&l, &b, next++, 500);
    assert_int_equal(commit(j, &b), -ENOSPC);
    assert_int_equal(journal_retry(j), -ENOSPC);
    assert_true(journal_is_pending(j));
    d.fail_at[DISK_WRITE] = 0;
    assert_int_equal(journal_retry(j), 0);
    journal_close(j);
    assert_holds(&d, k->keyring, &l);
    buf_done(&b.bytes);
    disk_done(&d);
}

/* ---- on a real file system ---- */

static bool file_has(const char *path, const char *text)
{
    struct buf b = {0};
    char *error = NULL;
    bool has;

    assert_true(file_read(path, 1 << 20, &b, &error));
    has = memmem(b.at, b.len, text, strlen(text)) != NULL;
    buf_done(&b);
    return has;
}

static void files_are_sealed_and_locked(void **state)
{
    struct keys *k = *state;
    char dir[80];
    char path[160];
    char name[SEGMENT_NAME_MAX];
    char *error = NULL;
    struct journal_io *io;
    struct journal_report report;
    struct journal *j;
    struct batch b = {0};
    struct ledger l = {0};
    struct ledger found;

    snprintf(dir, sizeof(dir), "%s/journal", k->dir);
    for (unsigned run = 0; run < 2; run++) {
        io = journal_io_open(dir, &error);
        assert_non_null(io);
        assert_null(journal_io_open(dir, &error));
        assert_non_null(strstr(error, "another process has it open"));
        free(error);
        j = journal_open(&small, io, k->keyring, &report, &error);
        assert_non_null(j);
        ledger_of(j, &found);
        assert_true(ledger_equal(&found, &l));
        ledger_put(&l, &b, run + 1, 100);
        assert_int_equal(commit(j, &b), 0);
        assert_int_equal(journal_renew(j), 0);
        assert_true(journal_has_room(j));
        journal_close(j);
        journal_io_close(io);
    }
    segment_name(4, name);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_false(file_has(path, "the record"));
    assert_true(file_has(path, "BASTJNL1"));
    buf_done(&b.bytes);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    struct keys *k = *state;
    char dir[128];
    char *error = NULL;

    snprintf(dir, sizeof(dir), "%s/no/journal", k->dir);
    assert_null(journal_io_open(dir, &error));
    assert_non_null(strstr(error, dir));
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(what_was_committed_is_there_again),
        WITH_KEYS(any_call_may_fail),
        WITH_KEYS(a_flush_that_failed_is_not_believed_later),
        WITH_KEYS(opening_says_which_file_cannot_be_read),
        WITH_KEYS(what_a_killed_process_did_not_flush_is_flushed_by_the_next),
        WITH_KEYS(a_former_end_that_cannot_be_flushed_is_not_built_upon),
        WITH_KEYS(a_power_cut_loses_nothing_acknowledged),
        WITH_KEYS(under_a_new_data_key_all_is_sealed_anew),
        WITH_KEYS(a_full_disk_is_noticed_before_and_got_over),
        WITH_KEYS(files_are_sealed_and_locked),
        WITH_KEYS(a_folder_that_cannot_be_made_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
