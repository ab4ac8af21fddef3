/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/live.h - which records are needed, and about where each stands
 *
 * Ids are given one after another, so neighbours live and end together: 32 ids that differ in
 * five bits of their count only (session/record.h) and stand in one segment are one block of
 * 32 bytes.  A block knows the frames between which its records are, not the frame of each: who
 * reads one reads its neighbours too.
 *
 * At most three quarters of the slots are in use: 1.3 to 2.7 bytes a record where all of a
 * block are needed, 43 to 85 where one of it is.  Private to store.
 */
#pragma once

#include "base/bytes.h"

struct live_place {
    uint32_t segment; /* the low bits of its id */
    uint64_t from;    /* offset of the first frame that it may be in, */
    uint64_t last;    /* and of the last */
};

struct live {
    struct live_block *blocks; /* owned */
    size_t n;                  /* records */
    size_t n_blocks;
    size_t cap;     /* zero or a power of two */
    uint64_t bytes; /* of entries that are needed; one that goes counts as the mean of its block */
};

void live_done(struct live *l);
/* @offset: of the frame, a multiple of FRAME_ALIGN.  An id that is in already is there now. */
void live_put(struct live *l, uint64_t id, size_t size, uint64_t segment, uint64_t offset);
void live_drop(struct live *l, uint64_t id);
bool live_has(const struct live *l, uint64_t id);
bool live_find(const struct live *l, uint64_t id, struct live_place *ret);
bool live_is_in(const struct live *l, uint64_t id, uint64_t segment);
/* True once for each id that is in this segment. */
bool live_see(struct live *l, uint64_t id, uint64_t segment);
void live_unsee_all(struct live *l);
