/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/opened.h - a journal on a disk of disk.h, and what must hold of it */
#pragma once

#include "keys.h"
#include "ledger.h"

static const struct journal_settings small = {
    .segment_bytes = 4096,
    .bytes_max = 1 << 20,
};

static inline struct journal *opened(struct disk *d, struct keyring *keys,
                                     struct journal_report *ret)
{
    char *error = NULL;
    struct journal *j = journal_open(&small, &d->io, keys, ret, &error);

    if (j == NULL)
        fail_msg("%s", error);
    return j;
}

static inline int commit(struct journal *j, struct batch *b)
{
    const struct bytes bytes = buf_view(&b->bytes);
    int r = journal_commit(j, &bytes, 1);

    b->bytes.len = 0;
    return r;
}

static inline void assert_sound(const struct journal_report *r)
{
    if (r->n_damage > 0)
        fail_msg("segment %llu, %llu to %llu: %s", (unsigned long long)r->damage[0].segment,
                 (unsigned long long)r->damage[0].from, (unsigned long long)r->damage[0].to,
                 r->damage[0].what);
}

/* Open again, as after a stop or a kill: what was written is there, flushed or not. */
static inline void assert_holds(struct disk *d, struct keyring *keys, const struct ledger *expected)
{
    struct journal_report report;
    struct journal *j = opened(d, keys, &report);
    struct ledger l;

    assert_sound(&report);
    ledger_of(j, &l);
    assert_true(ledger_equal(&l, expected));
    journal_close(j);
}
