/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/recent.h - records that were read back lately
 *
 * What went to many sessions is read back for each of them, at about the same time when they all
 * come back.  A ring of bytes: the newest write over the oldest.  Records do not change, so what
 * is found here is right as long as it is needed at all, which the caller has to know.
 *
 * Takes RECENT_BYTES and a little, from the first record on.  Private to store.
 */
#pragma once

#include "base/bytes.h"

#define RECENT_BYTES (4U << 20)

struct recent {
    uint8_t *bytes;            /* owned; NULL: nothing was put yet */
    struct recent_slot *slots; /* owned, by id; a later one may take the place of an earlier one */
    uint64_t end;              /* so many bytes were put, or skipped before the ring's end */
};

void recent_done(struct recent *r);
/* One that is larger than an eighth of the ring is not kept. */
void recent_put(struct recent *r, uint64_t id, uint8_t kind, struct bytes record);
/* @ret is borrowed until the next put. */
bool recent_find(const struct recent *r, uint64_t id, uint8_t *ret_kind, struct bytes *ret);
