/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/test_journal_search.c - single records are read back, each once
 *
 * MQ.PR.SP-06 */
#include <errno.h>

#include "opened.h"

/* Any of the ids that were ever given, and some that were not. */
static size_t some_ids(uint64_t *seed, uint64_t next, uint64_t *ret)
{
    size_t n = 1 + noise(seed) % 50;

    for (size_t i = 0; i < n; i++)
        ret[i] = 1 + noise(seed) % (next + 10);
    return n;
}

static void assert_finds(struct journal *j, const struct ledger *l, uint64_t *seed, uint64_t next)
{
    uint64_t ids[50];
    size_t n = some_ids(seed, next, ids);
    struct ledger found;
    unsigned n_found = 0;

    assert_int_equal(ledger_search(j, ids, n, 1 + noise(seed) % 3000, &found), 0);
    assert_true(ledger_is_part(&found, l));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(found.has[ids[i]], l->has[ids[i]]);
        for (size_t k = 0; k < i; k++) {
            if (ids[k] == ids[i])
                ids[i] = 0;
        }
        n_found += ids[i] != 0 && found.has[ids[i]];
    }
    assert_int_equal(n_found, found.n); /* nothing else was given */
}

static void single_records_are_read_back(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct batch b = {0};
    uint64_t seed = 11;
    uint64_t next = 1;
    uint64_t n_cleaned = 0;

    disk_init(&d, 11);
    for (unsigned run = 0; run < 10; run++) {
        struct journal_report report;
        struct journal *j = opened(&d, k->keyring, &report);
        struct journal_stat stat;

        for (unsigned i = 0; i < 60; i++) {
            ledger_change(&l, &b, &seed, &next);
            d.fail_at[DISK_WRITE] = noise(&seed) % 4 ? 0 : d.n_calls[DISK_WRITE] + 1;
            if (commit(j, &b) < 0) /* it goes to another segment than was foreseen */
                assert_int_equal(journal_retry(j), 0);
            assert_finds(j, &l, &seed, next);
        }
        journal_stat(j, &stat);
        n_cleaned += stat.n_cleaned;
        journal_close(j);
    }
    assert_true(n_cleaned > 10);
    buf_done(&b.bytes);
    disk_done(&d);
}

#define N 200

static void fill(struct disk *d, struct keyring *keys, struct ledger *l, uint64_t ret_ids[N])
{
    struct batch b = {0};
    struct journal_report report;
    struct journal *j = opened(d, keys, &report);

    for (uint64_t id = 1; id <= N; id++) {
        ret_ids[id - 1] = id;
        ledger_put(l, &b, id, 100);
        assert_int_equal(commit(j, &b), 0);
    }
    journal_close(j);
    buf_done(&b.bytes);
}

static void a_search_that_could_not_read_can_go_on(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct ledger found;
    struct journal_report report;
    struct journal *j;
    uint64_t ids[N];

    disk_init(&d, 4);
    fill(&d, k->keyring, &l, ids);
    for (unsigned n = 1; n <= 10; n++) {
        j = opened(&d, k->keyring, &report); /* what it has found it does not read again */
        d.fail_at[DISK_READ] = d.n_calls[DISK_READ] + n;
        d.fail_with = -EIO;
        assert_int_equal(ledger_search(j, ids, N, UINT64_MAX, &found), -EIO);
        assert_true(ledger_is_part(&found, &l));
        assert_int_equal(ledger_search(j, ids, N, UINT64_MAX, &found), 0);
        assert_true(ledger_equal(&found, &l));
        journal_close(j);
    }
    disk_done(&d);
}

static void what_was_found_is_not_read_again_and_not_given_when_it_has_gone(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct ledger found;
    struct batch b = {0};
    struct journal_report report;
    struct journal *j;
    uint64_t ids[N];
    unsigned n_reads;

    disk_init(&d, 5);
    fill(&d, k->keyring, &l, ids);
    j = opened(&d, k->keyring, &report);
    assert_int_equal(ledger_search(j, ids, N, UINT64_MAX, &found), 0);
    assert_true(ledger_equal(&found, &l));
    n_reads = d.n_calls[DISK_READ];
    assert_int_equal(ledger_search(j, ids, N, 1, &found), 0);
    assert_true(ledger_equal(&found, &l));
    ledger_drop(&l, &b, 7);
    assert_int_equal(commit(j, &b), 0);
    assert_int_equal(ledger_search(j, ids, N, 1, &found), 0);
    assert_true(ledger_equal(&found, &l));
    assert_int_equal(d.n_calls[DISK_READ], n_reads);
    journal_close(j);
    buf_done(&b.bytes);
    disk_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(single_records_are_read_back),
        WITH_KEYS(a_search_that_could_not_read_can_go_on),
        WITH_KEYS(what_was_found_is_not_read_again_and_not_given_when_it_has_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
