/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/test_journal.c - what was committed is there again, whatever fails and when
 *
 * MQ.PR.SP-06 */
#include <errno.h>

#include "keys.h"
#include "ledger.h"
#include "store/segment.h"

static const struct journal_settings small = {
    .segment_bytes = 4096,
    .bytes_max = 1 << 20,
};

static struct journal *opened(struct disk *d, struct keyring *keys, struct journal_report *ret)
{
    char *error = NULL;
    struct journal *j = journal_open(&small, &d->io, keys, ret, &error);

    if (j == NULL)
        fail_msg("%s", error);
    return j;
}

static int commit(struct journal *j, struct batch *b)
{
    const struct bytes bytes = buf_view(&b->bytes);
    int r = journal_commit(j, &bytes, 1);

    b->bytes.len = 0;
    return r;
}

static void assert_sound(const struct journal_report *r)
{
    if (r->n_damage > 0)
        fail_msg("segment %llu, %llu to %llu: %s", (unsigned long long)r->damage[0].segment,
                 (unsigned long long)r->damage[0].from, (unsigned long long)r->damage[0].to,
                 r->damage[0].what);
}

/* Open again, as after a stop or a kill: what was written is there, flushed or not. */
static void assert_holds(struct disk *d, struct keyring *keys, const struct ledger *expected)
{
    struct journal_report report;
    struct journal *j = opened(d, keys, &report);
    struct ledger l;

    assert_sound(&report);
    ledger_of(j, &l);
    assert_true(ledger_equal(&l, expected));
    journal_close(j);
}

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

/* ---- files that are not as they were written ---- */

struct written {
    struct disk disk;
    struct ledger ledger;
};

static void write_some(struct keys *k, struct written *w, unsigned n_runs, unsigned n_batches)
{
    struct batch b = {0};
    uint64_t seed = 5;
    uint64_t next = 1;

    memset(w, 0, sizeof(*w));
    disk_init(&w->disk, 5);
    for (unsigned run = 0; run < n_runs; run++) {
        struct journal_report report;
        struct journal *j = opened(&w->disk, k->keyring, &report);

        for (unsigned i = 0; i < n_batches; i++) {
            ledger_put(&w->ledger, &b, next++, 40 + noise(&seed) % 60);
            assert_int_equal(commit(j, &b), 0);
        }
        assert_false(journal_is_proven(j));
        assert_int_equal(journal_commit(j, NULL, 0), 0);
        assert_true(journal_is_proven(j));
        journal_close(j);
    }
    buf_done(&b.bytes);
}

enum noticed {
    NOTHING_LOST, /* all is there and nothing is said */
    TORN,         /* all is there but the end, which holds nothing */
    DAMAGED,
    REFUSED,
};

/* Never a record that was not put; what is missing is said. */
static enum noticed noticed(struct keys *k, struct written *w)
{
    struct journal_report report;
    char *error = NULL;
    struct journal *j = journal_open(&small, &w->disk.io, k->keyring, &report, &error);
    struct ledger found;
    enum noticed how = NOTHING_LOST;

    if (j == NULL) {
        free(error);
        return REFUSED;
    }
    ledger_of(j, &found);
    assert_true(ledger_is_part(&found, &w->ledger));
    if (report.n_damage > 0)
        how = DAMAGED;
    else if (report.torn_bytes > 0)
        how = TORN;
    if (how != DAMAGED)
        assert_true(ledger_equal(&found, &w->ledger));
    journal_close(j);
    return how;
}

static void a_flipped_bit_in_any_byte_is_noticed(void **state)
{
    struct keys *k = *state;
    static struct written w;

    write_some(k, &w, 3, 5);
    assert_int_equal(noticed(k, &w), NOTHING_LOST);
    for (size_t f = 0; f < w.disk.n_files; f++) {
        struct buf *b = &w.disk.files[f].now;

        for (size_t i = 0; i < b->len; i++) {
            b->at[i] ^= (uint8_t)(1 << (i % 8));
            assert_int_not_equal(noticed(k, &w), NOTHING_LOST);
            b->at[i] ^= (uint8_t)(1 << (i % 8));
        }
    }
    assert_int_equal(noticed(k, &w), NOTHING_LOST);
    disk_done(&w.disk);
}

static void what_stands_behind_damage_is_still_read(void **state)
{
    struct keys *k = *state;
    static struct written w;
    struct journal_report report;
    struct journal *j;
    struct ledger found;

    write_some(k, &w, 1, 20);
    w.disk.files[0].now.at[SEGMENT_HEAD_BYTES + 4] ^= 1; /* the length of the first frame */
    j = opened(&w.disk, k->keyring, &report);
    assert_int_equal(report.n_damage, 1);
    assert_int_equal(report.damage[0].segment, 1);
    assert_int_equal(report.damage[0].from, SEGMENT_HEAD_BYTES);
    ledger_of(j, &found);
    assert_int_equal(found.n, 19);
    assert_int_equal(journal_keep_damaged(j), 0);
    assert_int_equal(w.disk.n_aside, 1);
    journal_close(j);
    disk_done(&w.disk);
}

static void a_torn_end_is_no_damage(void **state)
{
    struct keys *k = *state;
    static struct written w;
    size_t len;

    write_some(k, &w, 1, 6);
    len = w.disk.files[0].now.len;
    /* The frame without entries is the last. */
    for (size_t n = len - frame_bytes(0) + 1; n < len; n++) {
        w.disk.files[0].now.len = n;
        assert_int_equal(noticed(k, &w), TORN);
    }
    w.disk.files[0].now.len = len - frame_bytes(0);
    assert_int_equal(noticed(k, &w), NOTHING_LOST);
    disk_done(&w.disk);
}

static void a_segment_that_is_missing_or_elsewhere_is_noticed(void **state)
{
    struct keys *k = *state;
    static struct written w;
    static struct written older;
    struct buf other;

    write_some(k, &w, 4, 8);
    /* Any but the newest, which leaves no trace of its own. */
    for (size_t i = 0; i + 1 < w.disk.n_files; i++) {
        w.disk.files[i].is_there = false;
        assert_int_equal(noticed(k, &w), DAMAGED);
        w.disk.files[i].is_there = true;
    }
    for (size_t i = 0; i + 1 < w.disk.n_files; i++) {
        other = w.disk.files[i].now;
        w.disk.files[i].now = w.disk.files[i + 1].now;
        w.disk.files[i + 1].now = other;
        assert_int_equal(noticed(k, &w), DAMAGED);
        w.disk.files[i + 1].now = w.disk.files[i].now;
        w.disk.files[i].now = other;
    }
    /* Shortened at the end of a frame, which looks whole in itself. */
    w.disk.files[0].now.len -= frame_bytes(0);
    assert_int_equal(noticed(k, &w), DAMAGED);
    w.disk.files[0].now.len += frame_bytes(0);
    /* The same segment of another journal under the same keys. */
    write_some(k, &older, 4, 8);
    other = w.disk.files[1].now;
    w.disk.files[1].now = older.disk.files[1].now;
    assert_int_equal(noticed(k, &w), DAMAGED);
    w.disk.files[1].now = other;
    assert_int_equal(noticed(k, &w), NOTHING_LOST);
    disk_done(&w.disk);
    disk_done(&older.disk);
}

/* A segment that was cleaned away and is put back does not bring back what was dropped. */
static void a_segment_that_went_does_not_come_back(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    static struct disk before;
    struct ledger l = {0};
    struct batch b = {0};
    struct journal_report report;
    struct journal *j;
    struct journal_stat stat;
    uint64_t seed = 11;
    uint64_t next = 1;

    disk_init(&d, 11);
    j = opened(&d, k->keyring, &report);
    while (disk_bytes(&d) < 3 * small.segment_bytes) {
        ledger_change(&l, &b, &seed, &next);
        assert_int_equal(commit(j, &b), 0);
    }
    disk_copy(&before, &d);
    assert_int_equal(journal_renew(j), 0);
    journal_stat(j, &stat);
    assert_true(stat.n_cleaned >= 2);
    journal_close(j);
    for (size_t i = 0; i < d.n_files; i++) {
        if (d.files[i].is_there || !before.files[i].is_there)
            continue;
        d.files[i].is_there = true;
        d.files[i].now.len = 0;
        buf_add(&d.files[i].now, buf_view(&before.files[i].now));
    }
    assert_holds(&d, k->keyring, &l);
    buf_done(&b.bytes);
    disk_done(&d);
    disk_done(&before);
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

static void without_its_data_key_it_is_refused(void **state)
{
    struct keys *k = *state;
    static struct written w;
    struct journal_report report;
    uint32_t key;
    char *error = NULL;

    write_some(k, &w, 2, 3);
    assert_true(keyring_add(k->keyring, &key, &error));
    assert_true(keyring_drop(k->keyring, key - 1, &error));
    assert_null(journal_open(&small, &w.disk.io, k->keyring, &report, &error));
    assert_non_null(strstr(error, "data key 1, which the keyring does not hold"));
    free(error);
    disk_done(&w.disk);
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
        WITH_KEYS(a_power_cut_loses_nothing_acknowledged),
        WITH_KEYS(a_flipped_bit_in_any_byte_is_noticed),
        WITH_KEYS(what_stands_behind_damage_is_still_read),
        WITH_KEYS(a_torn_end_is_no_damage),
        WITH_KEYS(a_segment_that_is_missing_or_elsewhere_is_noticed),
        WITH_KEYS(a_segment_that_went_does_not_come_back),
        WITH_KEYS(under_a_new_data_key_all_is_sealed_anew),
        WITH_KEYS(without_its_data_key_it_is_refused),
        WITH_KEYS(a_full_disk_is_noticed_before_and_got_over),
        WITH_KEYS(files_are_sealed_and_locked),
        WITH_KEYS(a_folder_that_cannot_be_made_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
