/* SPDX-License-Identifier: Apache-2.0 */
/* store/batch.c - entries as bytes, both ways */
#include "store/batch.h"

#include "base/err.h"

/** le_put() - the low @n_bytes of @n, little-endian */
void le_put(uint8_t *at, uint64_t n, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        at[i] = (uint8_t)(n >> (8 * i));
}

/** le_get() - what le_put() wrote */
uint64_t le_get(const uint8_t *at, size_t n_bytes)
{
    uint64_t n = 0;

    for (size_t i = 0; i < n_bytes; i++)
        n |= (uint64_t)at[i] << (8 * i);
    return n;
}

/**
 * batch_begin() - a put whose record is appended to b->bytes until batch_end()
 * @kind:  not 0
 * @id:    not 0; never given before, unless to a record of the same bytes
 *
 * Return: what batch_end() takes.
 */
size_t batch_begin(struct batch *b, uint8_t kind, uint64_t id)
{
    uint8_t *at = buf_reserve(&b->bytes, BATCH_PUT_BYTES);
    size_t begun = b->bytes.len;

    check(kind != 0 && id != 0);
    at[0] = kind;
    le_put(at + 1, id, 8);
    b->bytes.len += BATCH_PUT_BYTES;
    return begun;
}

/** batch_end() - the record is whole */
void batch_end(struct batch *b, size_t begun)
{
    size_t len = b->bytes.len - begun - BATCH_PUT_BYTES;

    check(len <= UINT32_MAX);
    le_put(b->bytes.at + begun + 9, len, 4);
}

/** batch_put() - as batch_begin(), of a record that is there already */
void batch_put(struct batch *b, uint8_t kind, uint64_t id, struct bytes record)
{
    size_t begun = batch_begin(b, kind, id);

    buf_add(&b->bytes, record);
    batch_end(b, begun);
}

/** batch_drop() - the record is not needed any more; fine if it is not there */
void batch_drop(struct batch *b, uint64_t id)
{
    uint8_t *at = buf_reserve(&b->bytes, BATCH_DROP_BYTES);

    at[0] = 0;
    le_put(at + 1, id, 8);
    b->bytes.len += BATCH_DROP_BYTES;
}

/** batch_next() - the entry at the front of @rest, which is shortened by it */
enum batch_next batch_next(struct bytes *rest, struct batch_entry *ret)
{
    size_t head = rest->len > 0 && rest->at[0] != 0 ? BATCH_PUT_BYTES : BATCH_DROP_BYTES;
    size_t len = 0;

    if (rest->len == 0)
        return BATCH_END;
    if (rest->len < head)
        return BATCH_BAD;
    if (head == BATCH_PUT_BYTES)
        len = (size_t)le_get(rest->at + 9, 4);
    if (rest->len - head < len)
        return BATCH_BAD;
    *ret = (struct batch_entry){
        .kind = rest->at[0],
        .id = le_get(rest->at + 1, 8),
        .record = bytes_of(rest->at + head, len),
    };
    *rest = bytes_of(rest->at + head + len, rest->len - head - len);
    return ret->id != 0 ? BATCH_ENTRY : BATCH_BAD;
}
