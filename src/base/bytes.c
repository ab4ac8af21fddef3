/* SPDX-License-Identifier: Apache-2.0 */
/* base/bytes.c - comparisons, copies and the growing buffer */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define BUF_CAP_MIN 64

/**
 * bytes_equal_secret() - compare without telling by time where they differ
 *
 * The time depends on the lengths only.  For password hashes, tokens and MACs.
 */
bool bytes_equal_secret(struct bytes a, struct bytes b)
{
    volatile uint8_t diff = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        diff = (uint8_t)(diff | (a.at[i] ^ b.at[i]));
    return diff == 0;
}

/**
 * bytes_compare() - order as memcmp does, the shorter first among equals
 *
 * Return: below, at or above zero.
 */
int bytes_compare(struct bytes a, struct bytes b)
{
    size_t n = MIN(a.len, b.len);
    int c = n > 0 ? memcmp(a.at, b.at, n) : 0;

    if (c != 0)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

/** bytes_has_prefix() - does @a begin with @prefix? */
bool bytes_has_prefix(struct bytes a, struct bytes prefix)
{
    return a.len >= prefix.len && bytes_equal(bytes_of(a.at, prefix.len), prefix);
}

/**
 * bytes_dup() - copy to the heap; a zero byte that is not counted follows
 *
 * Return: owned, to be given to bytes_free().
 */
struct bytes bytes_dup(struct bytes b)
{
    return bytes_of(bytes_dup_str(b), b.len);
}

/**
 * bytes_dup_str() - copy to the heap as a C string
 *
 * Return: owned, to be given to free().
 */
char *bytes_dup_str(struct bytes b)
{
    char *s = mem_alloc(b.len + 1);

    if (b.len > 0)
        memcpy(s, b.at, b.len);
    s[b.len] = '\0';
    return s;
}

/** bytes_free() - free what bytes_dup() returned */
void bytes_free(struct bytes b)
{
    free((void *)(uintptr_t)b.at);
}

/** buf_done() - free; @b is empty and usable again */
void buf_done(struct buf *b)
{
    free(b->at);
    *b = (struct buf){0};
}

/**
 * buf_reserve() - make room for @more bytes past the end
 *
 * Return: where they go; the caller adds what it wrote to @b->len.
 */
uint8_t *buf_reserve(struct buf *b, size_t more)
{
    if (b->at == NULL || b->cap - b->len < more) {
        size_t cap = MAX(MAX(b->cap * 2, b->len + more), (size_t)BUF_CAP_MIN);

        check(cap > b->len);
        b->at = mem_resize(b->at, cap);
        b->cap = cap;
    }
    return b->at + b->len;
}

/** buf_add() - append; @more must not lie in @b */
void buf_add(struct buf *b, struct bytes more)
{
    if (more.len == 0)
        return;
    memcpy(buf_reserve(b, more.len), more.at, more.len);
    b->len += more.len;
}

/** buf_add_u8() - append one byte */
void buf_add_u8(struct buf *b, uint8_t v)
{
    *buf_reserve(b, 1) = v;
    b->len++;
}

/** buf_addf() - append formatted text, without its terminating zero */
void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    check(n >= 0);
    vsnprintf((char *)buf_reserve(b, (size_t)n + 1), (size_t)n + 1, format, again);
    va_end(again);
    b->len += (size_t)n;
}

/** buf_drop_front() - take @n bytes away from the front; the rest moves up */
void buf_drop_front(struct buf *b, size_t n)
{
    check(n <= b->len);
    if (n > 0 && n < b->len)
        memmove(b->at, b->at + n, b->len - n);
    b->len -= n;
}
