/* SPDX-License-Identifier: Apache-2.0 */
/* store/segment.c - heads of segments and frames, sealed and unsealed */
#include "store/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/batch.h"

#define HEAD_MAGIC  "BASTJNL1"
#define FRAME_MAGIC "BJF1"
#define NAME_END    ".journal"
#define TAG_AT      (SEGMENT_HEAD_BYTES - SEAL_TAG_BYTES)

/** segment_name() - of its file */
void segment_name(uint64_t id, char ret[SEGMENT_NAME_MAX])
{
    snprintf(ret, SEGMENT_NAME_MAX, "%016" PRIx64 NAME_END, id);
}

/** segment_name_parse() - false: not the name of a segment */
bool segment_name_parse(const char *name, uint64_t *ret_id)
{
    char again[SEGMENT_NAME_MAX];
    uint64_t id = strtoull(name, NULL, 16);

    segment_name(id, again);
    if (strcmp(name, again) != 0)
        return false;
    *ret_id = id;
    return true;
}

/** segment_key() - of one segment; false: the keyring has no such data key */
bool segment_key(struct keyring *keys, const struct segment_head *h,
                 uint8_t ret_secret[SEAL_KEY_BYTES])
{
    uint8_t info[15 + 8 + SEGMENT_SALT_BYTES] = "bastide journal";

    le_put(info + 15, h->id, 8);
    memcpy(info + 15 + 8, h->salt, SEGMENT_SALT_BYTES);
    return keyring_derive(keys, h->key_id, bytes_of(info, sizeof(info)), ret_secret);
}

static void nonce_at(uint64_t offset, uint8_t ret[SEAL_NONCE_BYTES])
{
    memset(ret, 0, SEAL_NONCE_BYTES);
    le_put(ret + SEAL_NONCE_BYTES - 8, offset, 8);
}

/** segment_head_seal() - as it stands at the front of the file */
void segment_head_seal(const struct segment_head *h, const uint8_t key[SEAL_KEY_BYTES],
                       uint8_t ret[SEGMENT_HEAD_BYTES])
{
    uint8_t nonce[SEAL_NONCE_BYTES];

    memset(ret, 0, SEGMENT_HEAD_BYTES);
    memcpy(ret, HEAD_MAGIC, 8);
    le_put(ret + 8, h->key_id, 4);
    le_put(ret + 16, h->id, 8);
    memcpy(ret + 24, h->salt, SEGMENT_SALT_BYTES);
    memcpy(ret + 40, h->journal_id, JOURNAL_ID_BYTES);
    le_put(ret + 56, h->before_end, 8);
    memcpy(ret + 64, h->before_tag, SEAL_TAG_BYTES);
    le_put(ret + 80, h->first, 8);
    nonce_at(0, nonce);
    seal(key, nonce, bytes_of(ret, TAG_AT), BYTES_NONE, NULL, ret + TAG_AT);
}

/** segment_head_unseal() - is it authentic?  @ret_key_secret is the segment's, to be wiped */
enum segment_outcome segment_head_unseal(struct keyring *keys, const uint8_t *at,
                                         struct segment_head *ret,
                                         uint8_t ret_key_secret[SEAL_KEY_BYTES])
{
    uint8_t nonce[SEAL_NONCE_BYTES];
    struct segment_head h = {
        .key_id = (uint32_t)le_get(at + 8, 4),
        .id = le_get(at + 16, 8),
        .before_end = le_get(at + 56, 8),
        .first = le_get(at + 80, 8),
    };

    memcpy(h.salt, at + 24, SEGMENT_SALT_BYTES);
    memcpy(h.journal_id, at + 40, JOURNAL_ID_BYTES);
    memcpy(h.before_tag, at + 64, SEAL_TAG_BYTES);
    if (memcmp(at, HEAD_MAGIC, 8) != 0)
        return SEGMENT_E_AUTHENTIC;
    if (!segment_key(keys, &h, ret_key_secret))
        return SEGMENT_E_KEY;
    nonce_at(0, nonce);
    if (!unseal(ret_key_secret, nonce, bytes_of(at, TAG_AT), BYTES_NONE, at + TAG_AT, NULL))
        return SEGMENT_E_AUTHENTIC;
    *ret = h;
    return SEGMENT_OK;
}

/** segment_head_tag() - what the next segment's head names if there is no frame */
const uint8_t *segment_head_tag(const uint8_t *at)
{
    return at + TAG_AT;
}

/** frame_seal() - see segment.h; no two frames are sealed for one offset of a segment */
void frame_seal(const struct frame_head *h, const uint8_t key[SEAL_KEY_BYTES], uint64_t offset,
                uint8_t *at)
{
    uint8_t *batch = at + FRAME_HEAD_LEN;
    uint8_t nonce[SEAL_NONCE_BYTES];
    uint64_t end = FRAME_HEAD_LEN + (uint64_t)h->len + SEAL_TAG_BYTES;

    memcpy(at, FRAME_MAGIC, 4);
    le_put(at + 4, h->len, 4);
    le_put(at + 8, h->number, 8);
    le_put(at + 16, h->first, 8);
    memset(at + end, 0, frame_bytes(h->len) - end);
    nonce_at(offset, nonce);
    seal(key, nonce, bytes_of(at, FRAME_HEAD_LEN), bytes_of(batch, h->len), batch, batch + h->len);
}

/** frame_head_read() - what it claims; not authentic before frame_unseal() says so */
bool frame_head_read(const uint8_t *at, struct frame_head *ret)
{
    if (memcmp(at, FRAME_MAGIC, 4) != 0)
        return false;
    ret->len = (uint32_t)le_get(at + 4, 4);
    ret->number = le_get(at + 8, 8);
    ret->first = le_get(at + 16, 8);
    return ret->len <= FRAME_PLAIN_MAX;
}

static bool is_zero(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (at[i] != 0)
            return false;
    }
    return true;
}

/** frame_unseal() - see segment.h; false: not what was written there */
bool frame_unseal(const struct frame_head *h, const uint8_t key[SEAL_KEY_BYTES], uint64_t offset,
                  const uint8_t *at, uint8_t *ret)
{
    const uint8_t *batch = at + FRAME_HEAD_LEN;
    uint8_t nonce[SEAL_NONCE_BYTES];
    uint64_t end = FRAME_HEAD_LEN + (uint64_t)h->len + SEAL_TAG_BYTES;

    nonce_at(offset, nonce);
    return is_zero(at + end, (size_t)(frame_bytes(h->len) - end)) &&
           unseal(key, nonce, bytes_of(at, FRAME_HEAD_LEN), bytes_of(batch, h->len), batch + h->len,
                  ret);
}

/** frame_tag() - of a whole frame */
const uint8_t *frame_tag(const struct frame_head *h, const uint8_t *at)
{
    return at + FRAME_HEAD_LEN + h->len;
}
