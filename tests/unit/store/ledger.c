/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/ledger.c - see ledger.h */
#include "ledger.h"

#include <string.h>

#include "unit/unit.h"

#define KIND(id) (uint8_t)(1 + (id) % 200)

static void record_of(uint64_t id, struct buf *ret, size_t len)
{
    buf_addf(ret, "the record with id %llu ", (unsigned long long)id);
    while (ret->len < len)
        buf_add_u8(ret, (uint8_t)(id * 31 + ret->len));
}

void ledger_put(struct ledger *l, struct batch *b, uint64_t id, size_t len)
{
    struct buf record = {0};

    assert_true(id > 0 && id < LEDGER_IDS);
    record_of(id, &record, len);
    batch_put(b, KIND(id), id, buf_view(&record));
    buf_done(&record);
    l->n += !l->has[id];
    l->has[id] = true;
}

void ledger_drop(struct ledger *l, struct batch *b, uint64_t id)
{
    batch_drop(b, id);
    l->n -= l->has[id];
    l->has[id] = false;
}

void ledger_change(struct ledger *l, struct batch *b, uint64_t *noise_state, uint64_t *next)
{
    uint64_t n = 1 + noise(noise_state) % 5;

    for (uint64_t i = 0; i < n && *next < LEDGER_IDS; i++)
        ledger_put(l, b, (*next)++, noise(noise_state) % 300);
    /* Most of what is old goes, a little stays. */
    for (uint64_t id = 1; id < *next; id++) {
        if (l->has[id] && id % 23 != 0 && noise(noise_state) % 6 == 0)
            ledger_drop(l, b, id);
    }
}

static void found(void *arg, uint8_t kind, uint64_t id, struct bytes record)
{
    struct ledger *l = arg;
    struct buf expected = {0};

    assert_true(id > 0 && id < LEDGER_IDS);
    assert_int_equal(kind, KIND(id));
    record_of(id, &expected, record.len);
    assert_bytes_equal(record, buf_view(&expected));
    assert_false(l->has[id]);
    l->has[id] = true;
    l->n++;
    buf_done(&expected);
}

void ledger_of(struct journal *j, struct ledger *ret)
{
    memset(ret, 0, sizeof(*ret));
    assert_int_equal(journal_each(j, found, ret), 0);
}

int ledger_search(struct journal *j, const uint64_t *ids, size_t n, uint64_t budget,
                  struct ledger *ret)
{
    struct journal_search *s = journal_search_new(ids, n);
    int r;

    memset(ret, 0, sizeof(*ret));
    do {
        r = journal_search_some(j, s, budget, found, ret);
    } while (r > 0);
    journal_search_free(s);
    return r;
}

bool ledger_equal(const struct ledger *a, const struct ledger *b)
{
    return memcmp(a->has, b->has, sizeof(a->has)) == 0;
}

bool ledger_is_part(const struct ledger *part, const struct ledger *whole)
{
    for (size_t id = 0; id < LEDGER_IDS; id++) {
        if (part->has[id] && !whole->has[id])
            return false;
    }
    return true;
}
