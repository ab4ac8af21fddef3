/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/bytes.h - a borrowed run of bytes, and a buffer that owns its own
 *
 * A struct bytes borrows and is passed by value; a struct buf owns.  A string
 * in a struct bytes is not terminated by a zero.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)      (1U << (n))
#define BIT64(n)    (1ULL << (n))
#define MIN(a, b)   ((a) < (b) ? (a) : (b))
#define MAX(a, b)   ((a) > (b) ? (a) : (b))

#define MUST_CHECK   __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a), nonnull(f)))
#define CLEANUP(fn)  __attribute__((cleanup(fn)))

struct bytes {
    const uint8_t *at; /* borrowed */
    size_t len;
};

#define BYTES_NONE ((struct bytes){NULL, 0})
#define BYTES(lit) ((struct bytes){(const uint8_t *)(lit), sizeof(lit) - 1})
/* For printf("%.*s"). */
#define BYTES_ARG(b) (int)(b).len, (const char *)((b).at != NULL ? (b).at : (const uint8_t *)"")

static inline struct bytes bytes_of(const void *at, size_t len)
{
    return (struct bytes){at, len};
}

static inline struct bytes bytes_str(const char *s)
{
    return (struct bytes){(const uint8_t *)s, s != NULL ? strlen(s) : 0};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool bytes_equal_secret(struct bytes a, struct bytes b);
int bytes_compare(struct bytes a, struct bytes b);
bool bytes_has_prefix(struct bytes a, struct bytes prefix);
struct bytes bytes_dup(struct bytes b);
char *bytes_dup_str(struct bytes b);
void bytes_free(struct bytes b);

/* Growing, contiguous.  Zero-initialised is valid and empty. */
struct buf {
    uint8_t *at; /* owned */
    size_t len;
    size_t cap;
};

void buf_done(struct buf *b);
uint8_t *buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, struct bytes more);
void buf_add_u8(struct buf *b, uint8_t v);
void buf_addf(struct buf *b, const char *format, ...) PRINTF(2, 3);
void buf_drop_front(struct buf *b, size_t n);

static inline struct bytes buf_view(const struct buf *b)
{
    return bytes_of(b->at, b->len);
}
