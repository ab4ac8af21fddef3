/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/test_journal_damage.c - what is not as it was written is noticed, and never
 * believed
 *
 * MQ.PR.SP-06 */
#include "opened.h"
#include "store/segment.h"

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

/* ---- the mark ---- */

static struct journal *opened_by(struct disk *d, struct keyring *keys,
                                 const struct journal_mark *mark, bool is_repair,
                                 struct journal_report *ret, char **ret_error)
{
    struct journal_settings s = small;

    s.mark = *mark;
    s.is_repair = is_repair;
    return journal_open(&s, &d->io, keys, ret, ret_error);
}

static void mark_of(struct keys *k, struct written *w, struct journal_mark *ret)
{
    struct journal_report report;
    struct journal *j = opened(&w->disk, k->keyring, &report);

    journal_mark_of(j, ret);
    assert_int_equal(ret->number, report.n_batches);
    journal_close(j);
}

static void by_the_mark_the_newest_segments_are_missed(void **state)
{
    struct keys *k = *state;
    static struct written w;
    struct journal_mark mark;
    struct journal_report report;
    struct journal *j;
    char *error = NULL;

    write_some(k, &w, 4, 8);
    mark_of(k, &w, &mark);
    j = opened_by(&w.disk, k->keyring, &mark, false, &report, &error);
    assert_sound(&report);
    journal_close(j);
    for (size_t n = 1; n < w.disk.n_files; n++) { /* the newest @n */
        w.disk.files[w.disk.n_files - n].is_there = false;
        j = opened_by(&w.disk, k->keyring, &mark, false, &report, &error);
        assert_non_null(j);
        assert_int_equal(report.n_damage, 1);
        assert_string_equal(report.damage[0].what, "what was written from here on is missing");
        assert_int_equal(report.n_missing, mark.number - report.n_batches);
        /* Nor is it forgotten when it is opened again, until another mark says how far it comes. */
        journal_mark_of(j, &mark);
        mark.number += report.n_missing;
        journal_close(j);
    }
    w.disk.files[0].is_there = false;
    assert_null(opened_by(&w.disk, k->keyring, &mark, false, &report, &error));
    assert_non_null(strstr(error, "there is none, but 36 batches were on the device"));
    free(error);
    j = opened_by(&w.disk, k->keyring, &mark, true, &report, &error);
    assert_non_null(j);
    assert_int_equal(report.n_missing, 36);
    assert_int_equal(journal_renew(j), 0);
    journal_close(j);
    disk_done(&w.disk);
}

static void by_the_mark_a_cut_end_is_no_torn_one(void **state)
{
    struct keys *k = *state;
    static struct written w;
    struct journal_mark mark;
    struct journal_report report;
    struct journal *j;
    char *error = NULL;

    write_some(k, &w, 1, 6);
    mark_of(k, &w, &mark);
    w.disk.files[0].now.at[w.disk.files[0].now.len - 1] ^= 1;
    j = opened_by(&w.disk, k->keyring, &mark, false, &report, &error);
    assert_non_null(j);
    assert_int_equal(report.torn_bytes, 0);
    assert_int_equal(report.n_missing, 1);
    assert_int_equal(report.damage[0].to, w.disk.files[0].now.len);
    assert_int_equal(journal_keep_damaged(j), 0);
    assert_int_equal(w.disk.n_aside, 1);
    journal_close(j);
    disk_done(&w.disk);
}

static void another_journal_in_its_place_is_noticed(void **state)
{
    struct keys *k = *state;
    static struct written w;
    static struct written other;
    struct journal_mark mark;
    struct journal_report report;
    struct journal *j;
    char *error = NULL;

    write_some(k, &w, 1, 3);
    write_some(k, &other, 1, 30);
    mark_of(k, &w, &mark);
    j = opened_by(&other.disk, k->keyring, &mark, false, &report, &error);
    assert_non_null(j);
    assert_int_equal(report.n_damage, 1);
    assert_string_equal(report.damage[0].what, "not the journal that was written last");
    journal_close(j);
    disk_done(&w.disk);
    disk_done(&other.disk);
}

static void what_is_pending_is_not_marked(void **state)
{
    struct keys *k = *state;
    static struct written w;
    struct journal_mark before;
    struct journal_mark after;
    struct journal_report report;
    struct journal *j;

    write_some(k, &w, 1, 3);
    j = opened(&w.disk, k->keyring, &report);
    assert_int_equal(journal_commit(j, NULL, 0), 0);
    journal_mark_of(j, &before);
    w.disk.fail_at[DISK_SYNC] = w.disk.n_calls[DISK_SYNC] + 1;
    assert_true(journal_commit(j, NULL, 0) < 0);
    journal_mark_of(j, &after);
    assert_int_equal(after.number, before.number);
    assert_int_equal(journal_retry(j), 0);
    journal_mark_of(j, &after);
    assert_int_equal(after.number, before.number + 1);
    journal_close(j);
    disk_done(&w.disk);
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

/* Changed behind the back of a journal that is open: none of it is given, the rest is, and the file
 * is kept aside. */
static void what_changed_since_it_was_opened_is_not_read_back(void **state)
{
    struct keys *k = *state;
    static struct written w;
    uint64_t seed = 8;

    for (unsigned round = 0; round < 100; round++) {
        struct journal_report report;
        struct journal_stat stat;
        struct journal *j;
        struct ledger found;
        struct disk_file *f;
        uint64_t ids[50];

        write_some(k, &w, 3, 10);
        j = opened(&w.disk, k->keyring, &report);
        f = &w.disk.files[noise(&seed) % w.disk.n_files];
        f->now.at[SEGMENT_HEAD_BYTES + noise(&seed) % (f->now.len - SEGMENT_HEAD_BYTES)] ^= 16;
        for (uint64_t i = 0; i < w.ledger.n; i++)
            ids[i] = i + 1;
        assert_int_equal(ledger_search(j, ids, w.ledger.n, 1000, &found), 0);
        assert_true(ledger_is_part(&found, &w.ledger));
        assert_true(found.n >= w.ledger.n - 1);
        journal_stat(j, &stat);
        assert_true(found.n == w.ledger.n || (stat.n_damaged == 1 && w.disk.n_aside == 1));
        journal_close(j);
        disk_done(&w.disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(a_flipped_bit_in_any_byte_is_noticed),
        WITH_KEYS(what_stands_behind_damage_is_still_read),
        WITH_KEYS(a_torn_end_is_no_damage),
        WITH_KEYS(a_segment_that_is_missing_or_elsewhere_is_noticed),
        WITH_KEYS(a_segment_that_went_does_not_come_back),
        WITH_KEYS(by_the_mark_the_newest_segments_are_missed),
        WITH_KEYS(by_the_mark_a_cut_end_is_no_torn_one),
        WITH_KEYS(another_journal_in_its_place_is_noticed),
        WITH_KEYS(what_is_pending_is_not_marked),
        WITH_KEYS(without_its_data_key_it_is_refused),
        WITH_KEYS(what_changed_since_it_was_opened_is_not_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
