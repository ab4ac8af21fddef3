/* SPDX-License-Identifier: Apache-2.0 */
/* bench/stamp.c - what stands in a payload, and what has come of a sequence of them */
#include "bench/private.h"

#define TRACK_SEEN_MAX 64

/* What follows the stamp is this word again and again, so that one memcmp() of it with itself, a
 * word further on, tells whether it is whole. */
static const uint8_t word[8] = {0x62, 0x61, 0x73, 0x74, 0x69, 0x64, 0x65, 0x0a};

/** stamp_fill() - what stands behind the stamp in a payload of @len bytes */
void stamp_fill(uint8_t *at, size_t len)
{
    for (size_t i = STAMP_BYTES; i < len; i++)
        at[i] = word[(i - STAMP_BYTES) % sizeof(word)];
}

static bool is_filled(struct bytes payload)
{
    const uint8_t *at = payload.at + STAMP_BYTES;
    size_t len = payload.len - STAMP_BYTES;

    return memcmp(at, word, MIN(len, sizeof(word))) == 0 &&
           (len <= sizeof(word) || memcmp(at, at + sizeof(word), len - sizeof(word)) == 0);
}

static uint32_t check_of(const struct stamp *s, size_t payload_len)
{
    uint64_t mix = s->due_ns * 0x9e3779b97f4a7c15ULL ^ s->sequence;

    mix = (mix ^ mix >> 29) * 0xbf58476d1ce4e5b9ULL ^ ((uint64_t)s->publisher << 32 | s->topic);
    mix = (mix ^ mix >> 32) * 0x94d049bb133111ebULL ^ ((uint64_t)s->run << 32 | payload_len);
    return (uint32_t)(mix ^ mix >> 31);
}

/** stamp_write() - put @s, with its check, in front of a payload */
void stamp_write(uint8_t *at, struct stamp s, size_t payload_len)
{
    _Static_assert(sizeof(s) == STAMP_BYTES, "no holes");
    s.check = check_of(&s, payload_len);
    memcpy(at, &s, STAMP_BYTES);
}

/** stamp_read() - is that a payload of run @run, as it was sent? */
bool stamp_read(struct bytes payload, uint32_t run, struct stamp *ret)
{
    struct stamp s;

    if (payload.len < STAMP_BYTES)
        return false;
    memcpy(&s, payload.at, STAMP_BYTES);
    if (s.run != run || s.check != check_of(&s, payload.len) || !is_filled(payload))
        return false;
    *ret = s;
    return true;
}

/**
 * track_add() - message number @sequence of one publisher and topic has come
 *
 * The last TRACK_SEEN_MAX are known one by one.  One from before them is late
 * while there are gaps before them, and otherwise a duplicate.
 */
enum tracked track_add(struct track *t, uint64_t sequence)
{
    uint64_t back, known;

    if (sequence >= t->next) {
        uint64_t step = sequence - t->next + 1;

        t->seen = (step < TRACK_SEEN_MAX ? t->seen << step : 0) | 1;
        t->n_missing += step - 1;
        t->next = sequence + 1;
        return TRACK_NEW;
    }
    back = t->next - 1 - sequence;
    if (back < TRACK_SEEN_MAX) {
        if ((t->seen & BIT64(back)) != 0)
            return TRACK_DUPLICATE;
        t->seen |= BIT64(back);
    } else {
        known = MIN(t->next, (uint64_t)TRACK_SEEN_MAX) - (uint64_t)__builtin_popcountll(t->seen);
        if (t->n_missing <= known)
            return TRACK_DUPLICATE;
    }
    t->n_missing--;
    return TRACK_LATE;
}
