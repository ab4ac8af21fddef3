/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/shape.c - what a payload looks like, in two numbers; pure, for workers
 *
 * One shallow pass over the beginning, no parsing: its class (JSON with these
 * top-level keys, a number, text, binary) and how mixed its bytes are.
 */

#include <math.h>
#include <pthread.h>

#include "base/hash.h"
#include "detect/detect.h"

#define LOOKED_AT_MAX 1024 /* of a longer payload only the class is said */
#define SKIPPED_ABOVE 4096
#define ENTROPY_OF    256

enum look {
    LOOK_NUMBER = 1,
    LOOK_TEXT,
    LOOK_BINARY,
    LOOK_JSON,
};

static double n_log2_n[ENTROPY_OF + 1];

static void reckon(void)
{
    for (unsigned n = 2; n < COUNT_OF(n_log2_n); n++)
        n_log2_n[n] = n * log2(n);
}

/* log2(len) - sum(n log2(n)) / len, over how often each byte is there: the sum grows with each
 * byte, so that bytes that are not there cost nothing. */
static uint8_t entropy_of(struct bytes b)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint16_t n_of[256] = {0};
    double sum = 0;

    pthread_once(&once, reckon);
    for (size_t i = 0; i < b.len; i++) {
        unsigned n = ++n_of[b.at[i]];

        sum += n_log2_n[n] - n_log2_n[n - 1];
    }
    return (uint8_t)((n_log2_n[b.len] - sum) / (double)b.len * 16);
}

static size_t string_end(struct bytes b, size_t at)
{
    while (at < b.len && b.at[at] != '"')
        at += b.at[at] == '\\' ? 2 : 1;
    return MIN(at, b.len);
}

static bool is_key(struct bytes b, size_t after)
{
    while (after < b.len && (b.at[after] == ' ' || b.at[after] == '\t'))
        after++;
    return after < b.len && b.at[after] == ':';
}

/* Of the keys at the first level, in whatever order they stand. */
static uint32_t keys_of(struct bytes b)
{
    uint64_t sum = 0;
    int depth = 0;

    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.at[i];

        if (c == '"') {
            size_t end = string_end(b, i + 1);

            if (depth == 1 && is_key(b, end + 1))
                sum += hash_keyed(bytes_of(b.at + i + 1, end - i - 1));
            i = end;
        } else {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        }
    }
    return (uint32_t)(sum >> 32);
}

static enum look look_of(struct bytes b)
{
    bool is_number = true;

    if (b.at[0] == '{')
        return LOOK_JSON;
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.at[i];

        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return LOOK_BINARY;
        is_number = is_number && strchr("0123456789+-.eE \n", c) != NULL;
    }
    return is_number ? LOOK_NUMBER : LOOK_TEXT;
}

/** detect_shape() - the same for all payloads of a kind, in this process */
struct detect_shape detect_shape(struct bytes payload)
{
    struct bytes looked_at = bytes_of(payload.at, MIN(payload.len, (size_t)LOOKED_AT_MAX));
    struct detect_shape s = {0};
    enum look look;

    if (payload.len == 0 || payload.len > SKIPPED_ABOVE)
        return s;
    look = look_of(looked_at);
    s.shape = look == LOOK_JSON && looked_at.len == payload.len ? keys_of(looked_at) : 0;
    s.shape = (s.shape & ~7U) | look;
    s.entropy = entropy_of(bytes_of(payload.at, MIN(payload.len, (size_t)ENTROPY_OF)));
    return s;
}
