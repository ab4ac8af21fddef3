/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/test_journal_clean.c - cleaning finds what was damaged or cannot be read since
 *
 * MQ.PR.SP-06 */
#include <errno.h>

#include "opened.h"
#include "store/segment.h"

static void churn_until_cleaned(struct journal *j, struct ledger *l, uint64_t *next)
{
    struct journal_stat stat = {0};
    struct batch b = {0};
    uint64_t seed = 7;

    for (unsigned i = 0; i < 400 && stat.n_cleaned == 0; i++) {
        ledger_change(l, &b, &seed, next);
        assert_int_equal(commit(j, &b), 0);
        journal_stat(j, &stat);
    }
    assert_int_equal(stat.n_cleaned, 1);
    buf_done(&b.bytes);
}

/* Record 1 is in it, and in no authentic frame. */
static struct journal *damaged_meanwhile(struct disk *d, struct keyring *keys, struct ledger *l)
{
    struct batch b = {0};
    struct journal_report report;
    struct journal *j;

    disk_init(d, 11);
    j = opened(d, keys, &report);
    ledger_put(l, &b, 1, 100);
    assert_int_equal(commit(j, &b), 0);
    d->files[0].now.at[SEGMENT_HEAD_BYTES + 40] ^= 1;
    buf_done(&b.bytes);
    return j;
}

static void what_is_damaged_meanwhile_is_kept_aside_when_it_is_cleaned(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct ledger found;
    struct journal_report report;
    struct journal_stat stat;
    struct journal *j = damaged_meanwhile(&d, k->keyring, &l);
    uint64_t next = 2;

    churn_until_cleaned(j, &l, &next);
    journal_stat(j, &stat);
    assert_int_equal(stat.n_damaged, 1);
    assert_int_equal(d.n_aside, 1);
    journal_close(j);
    j = opened(&d, k->keyring, &report);
    assert_sound(&report);
    ledger_of(j, &found);
    assert_true(ledger_is_part(&found, &l));
    journal_close(j);
    disk_done(&d);
}

static void damage_that_cannot_be_kept_aside_is_not_cleaned_away(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct batch b = {0};
    struct journal_stat stat;
    struct journal *j = damaged_meanwhile(&d, k->keyring, &l);
    uint64_t next = 2;

    d.fail_at[DISK_KEEP_ASIDE] = 1;
    d.fail_with = -ENOSPC;
    while (d.n_calls[DISK_KEEP_ASIDE] == 0) {
        ledger_put(&l, &b, next++, 100);
        ledger_drop(&l, &b, next - 1);
        assert_int_equal(commit(j, &b), 0);
    }
    journal_stat(j, &stat);
    assert_int_equal(stat.clean_error, -ENOSPC);
    assert_int_equal(stat.n_cleaned, 0);
    assert_true(d.files[0].is_there);
    while (journal_commit(j, NULL, 0) == 0 && stat.n_cleaned == 0)
        journal_stat(j, &stat);
    assert_int_equal(d.n_aside, 1);
    assert_false(d.files[0].is_there);
    journal_close(j);
    buf_done(&b.bytes);
    disk_done(&d);
}

static void a_segment_that_could_not_be_read_is_cleaned_later(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct journal_report report;
    struct journal *j;
    uint64_t next = 1;

    disk_init(&d, 12);
    j = opened(&d, k->keyring, &report);
    d.fail_at[DISK_OPEN] = d.n_calls[DISK_OPEN] + 1;
    churn_until_cleaned(j, &l, &next);
    assert_true(d.n_calls[DISK_OPEN] > d.fail_at[DISK_OPEN]);
    journal_close(j);
    assert_holds(&d, k->keyring, &l);
    disk_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(what_is_damaged_meanwhile_is_kept_aside_when_it_is_cleaned),
        WITH_KEYS(damage_that_cannot_be_kept_aside_is_not_cleaned_away),
        WITH_KEYS(a_segment_that_could_not_be_read_is_cleaned_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
