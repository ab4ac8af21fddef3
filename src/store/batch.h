/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/batch.h - what the journal is told: entries, gathered in a batch
 *
 * An entry puts a record or drops one.  A record has an id that is given once and for
 * ever and bytes that do not change; what changes is put anew under another id and
 * dropped under the old one, in the same batch.  A batch is kept whole or not at all.
 *
 *   put:   kind u8 (not 0) | id u64 | length u32 | the record's bytes
 *   drop:  0 u8 | id u64
 *
 * Integers are little-endian.  Pure: no clock, no file.
 */
#pragma once

#include "base/bytes.h"

#define BATCH_PUT_BYTES  13 /* of a put beside the record */
#define BATCH_DROP_BYTES 9

struct batch {
    struct buf bytes;
};

void batch_put(struct batch *b, uint8_t kind, uint64_t id, struct bytes record);
/* For a record that is written in place: append it to b->bytes between the two. */
size_t batch_begin(struct batch *b, uint8_t kind, uint64_t id);
void batch_end(struct batch *b, size_t begun);
void batch_drop(struct batch *b, uint64_t id);

struct batch_entry {
    uint8_t kind; /* 0: a drop */
    uint64_t id;
    struct bytes record; /* borrowed */
};

enum batch_next {
    BATCH_ENTRY,
    BATCH_END,
    BATCH_BAD, /* no entries begin like this */
};

enum batch_next batch_next(struct bytes *rest, struct batch_entry *ret);

/* The integers of records. */
void le_put(uint8_t *at, uint64_t n, size_t n_bytes);
uint64_t le_get(const uint8_t *at, size_t n_bytes);
