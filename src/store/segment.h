/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/segment.h - the files of the journal and the frames in them
 *
 *   file   %016x.journal: head 128 | frame | frame | ...
 *   head   "BASTJNL1" | data key id u32 | 0 u32 | segment id u64 | salt 16 | journal id 16
 *          | of the segment before: end u64, last tag 16 | first u64 | 0 × 24 | tag 16
 *   frame  at a multiple of 16: "BJF1" | length u32 | number u64 | first u64
 *          | a batch, encrypted | tag 16 | zeros up to a multiple of 16
 *
 * Integers are little-endian.  "first" is the id of the first segment that is needed:
 * older ones may be gone.  Each segment has a key of its own, derived from a data key of the
 * keyring, the segment's id and salt; a frame's nonce is its offset.  So a frame is authentic in
 * one place only.  A segment's head names the end of the one before it, so that none can be taken
 * out, shortened or exchanged unseen.
 *
 * Private to store.
 */
#pragma once

#include "store/journal.h"

#define SEGMENT_HEAD_BYTES 128
#define SEGMENT_SALT_BYTES 16
#define SEGMENT_NAME_MAX   40
#define FRAME_HEAD_LEN     24
#define FRAME_ALIGN        16
#define FRAME_PLAIN_MAX    (1U << 30)

struct segment_head {
    uint32_t key_id;
    uint64_t id;
    uint8_t salt[SEGMENT_SALT_BYTES];
    uint8_t journal_id[JOURNAL_ID_BYTES];
    uint64_t before_end; /* 0: there is none */
    uint8_t before_tag[SEAL_TAG_BYTES];
    uint64_t first;
};

struct frame_head {
    uint32_t len; /* of the batch */
    uint64_t number;
    uint64_t first;
};

void segment_name(uint64_t id, char ret[SEGMENT_NAME_MAX]);
bool segment_name_parse(const char *name, uint64_t *ret_id);
MUST_CHECK bool segment_key(struct keyring *keys, const struct segment_head *h,
                            uint8_t ret_secret[SEAL_KEY_BYTES]);
void segment_head_seal(const struct segment_head *h, const uint8_t key[SEAL_KEY_BYTES],
                       uint8_t ret[SEGMENT_HEAD_BYTES]);

enum segment_outcome {
    SEGMENT_OK,
    SEGMENT_E_KEY,       /* the keyring has no such data key (any more) */
    SEGMENT_E_AUTHENTIC, /* not what was written */
};

/* @at: SEGMENT_HEAD_BYTES */
enum segment_outcome segment_head_unseal(struct keyring *keys, const uint8_t *at,
                                         struct segment_head *ret,
                                         uint8_t ret_key_secret[SEAL_KEY_BYTES]);
const uint8_t *segment_head_tag(const uint8_t *at);

static inline uint64_t frame_bytes(uint32_t len)
{
    return (FRAME_HEAD_LEN + (uint64_t)len + SEAL_TAG_BYTES + FRAME_ALIGN - 1) &
           ~(uint64_t)(FRAME_ALIGN - 1);
}

/* @at: frame_bytes(h->len), the batch in its place in clear; it is encrypted there. */
void frame_seal(const struct frame_head *h, const uint8_t key[SEAL_KEY_BYTES], uint64_t offset,
                uint8_t *at);
/* False: no frame begins like this. @at: FRAME_HEAD_LEN */
bool frame_head_read(const uint8_t *at, struct frame_head *ret);
/* @at: frame_bytes(h->len); the batch is decrypted to @ret, which may be its place. */
MUST_CHECK bool frame_unseal(const struct frame_head *h, const uint8_t key[SEAL_KEY_BYTES],
                             uint64_t offset, const uint8_t *at, uint8_t *ret);
const uint8_t *frame_tag(const struct frame_head *h, const uint8_t *at);
