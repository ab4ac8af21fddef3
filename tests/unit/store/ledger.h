/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store/ledger.h - what a journal was told, to be held against what it gives back
 *
 * The bytes of a record follow from its id, so that a ledger is a set of ids.
 */
#pragma once

#include "disk.h"
#include "store/journal.h"

#define LEDGER_IDS 4096

struct ledger {
    bool has[LEDGER_IDS];
    unsigned n;
};

void ledger_put(struct ledger *l, struct batch *b, uint64_t id, size_t len);
void ledger_drop(struct ledger *l, struct batch *b, uint64_t id);
/* A few puts and drops; *next is the next id that was never given. */
void ledger_change(struct ledger *l, struct batch *b, uint64_t *noise_state, uint64_t *next);
/* What the journal holds; fails on a record that is not as it was put. */
void ledger_of(struct journal *j, struct ledger *ret);
/* What a search for @ids finds, so many bytes at a time; the last outcome of it. */
int ledger_search(struct journal *j, const uint64_t *ids, size_t n, uint64_t budget,
                  struct ledger *ret);
bool ledger_equal(const struct ledger *a, const struct ledger *b);
bool ledger_is_part(const struct ledger *part, const struct ledger *whole);
