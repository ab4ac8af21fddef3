/* SPDX-License-Identifier: Apache-2.0 */
/* store/audit_check.c - a chain of entries against itself and against signed heads */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/audit.h"
#include "store/control_private.h"

#define PROBLEMS_MAX 50 /* of the first ones the rest mostly follows */

struct audit_check {
    char *public_text;        /* owned */
    struct audit_head *heads; /* owned; signed */
    size_t n_heads;
    size_t next_head;
    size_t n_bad_heads; /* whose signature does not hold */
    uint64_t first_bad_head;
    bool is_sorted;
    size_t n_entries;
    uint64_t last_seq;
    char last_hash[AUDIT_HASH_TEXT_LEN];
    struct buf problems;
    size_t n_problems;
};

static void problem(struct audit_check *c, const char *format, ...) PRINTF(2, 3);
static void problem(struct audit_check *c, const char *format, ...)
{
    char *text;
    va_list args;

    if (c->n_problems++ >= PROBLEMS_MAX)
        return;
    va_start(args, format);
    text = text_vformat(format, args);
    va_end(args);
    buf_addf(&c->problems, "%s\n", text);
    free(text);
}

/** audit_check_new() - by the public key of who signed the heads */
struct audit_check *audit_check_new(const char *public_text)
{
    struct audit_check *c = mem_new(struct audit_check);

    c->public_text = text_dup(public_text);
    return c;
}

/** audit_check_free() - NULL is fine; Return: NULL */
struct audit_check *audit_check_free(struct audit_check *c)
{
    if (c == NULL)
        return NULL;
    free(c->public_text);
    free(c->heads);
    buf_done(&c->problems);
    free(c);
    return NULL;
}

/** audit_check_head() - see audit.h */
void audit_check_head(struct audit_check *c, const struct audit_head *h)
{
    struct buf message = {0};
    bool good;

    audit_head_message(h, &message);
    good = signature_text_check(c->public_text, buf_view(&message), h->signature);
    buf_done(&message);
    if (!good) {
        if (c->n_bad_heads++ == 0)
            c->first_bad_head = h->seq;
        return;
    }
    c->heads = mem_resize(c->heads, (c->n_heads + 1) * sizeof(*c->heads));
    c->heads[c->n_heads++] = *h;
    c->is_sorted = false;
}

static int by_seq(const void *a, const void *b)
{
    uint64_t x = ((const struct audit_head *)a)->seq;
    uint64_t y = ((const struct audit_head *)b)->seq;

    return x < y ? -1 : x > y;
}

static void sort_heads(struct audit_check *c)
{
    if (!c->is_sorted && c->n_heads > 0)
        qsort(c->heads, c->n_heads, sizeof(*c->heads), by_seq);
    c->is_sorted = true;
}

/* Is @hash what was signed for entry @seq?  True when nothing was. */
static bool is_signed_as(struct audit_check *c, uint64_t seq, const char *hash, bool *ret_found)
{
    bool good = true;

    sort_heads(c);
    while (c->next_head < c->n_heads && c->heads[c->next_head].seq < seq)
        c->next_head++;
    for (size_t i = c->next_head; i < c->n_heads && c->heads[i].seq == seq; i++) {
        *ret_found = true;
        good = good && strcmp(c->heads[i].hash, hash) == 0;
    }
    return good;
}

/* The oldest that is kept is entry 1, or follows a signed head. */
static void check_first(struct audit_check *c, const struct audit_row *r)
{
    bool found = false;

    memset(c->last_hash, '0', AUDIT_HASH_TEXT_LEN - 1);
    if (r->seq == 1)
        return;
    if (!is_signed_as(c, r->seq - 1, r->prev_hash, &found) || !found)
        problem(c, "the entries before %" PRIu64 " are missing", r->seq);
    snprintf(c->last_hash, sizeof(c->last_hash), "%s", r->prev_hash);
    c->last_seq = r->seq - 1;
}

static void check_place(struct audit_check *c, const struct audit_row *r)
{
    if (r->seq <= c->last_seq)
        problem(c, "entry %" PRIu64 " stands behind entry %" PRIu64, r->seq, c->last_seq);
    else if (r->seq == c->last_seq + 2)
        problem(c, "entry %" PRIu64 " is missing", c->last_seq + 1);
    else if (r->seq > c->last_seq + 1)
        problem(c, "entries %" PRIu64 " to %" PRIu64 " are missing", c->last_seq + 1, r->seq - 1);
    else if (strcmp(r->prev_hash, c->last_hash) != 0)
        problem(c, "entry %" PRIu64 " does not follow the entry before it: one of them was changed",
                r->seq);
}

/** audit_check_row() - the next entry; in the order in which they stand */
void audit_check_row(struct audit_check *c, const struct audit_row *r)
{
    char hash[AUDIT_HASH_TEXT_LEN];
    bool found = false;

    if (c->n_entries++ == 0)
        check_first(c, r);
    check_place(c, r);
    audit_hash(r, hash);
    if (strcmp(hash, r->hash) != 0)
        problem(c, "entry %" PRIu64 " was changed: its hash is of other content", r->seq);
    else if (!is_signed_as(c, r->seq, r->hash, &found))
        problem(c, "entry %" PRIu64 " is another one than was signed", r->seq);
    c->last_seq = r->seq;
    memcpy(c->last_hash, hash, sizeof(hash));
}

/* One line, however many: of another key it is all of them. */
static void check_signatures(struct audit_check *c)
{
    if (c->n_bad_heads == 1)
        problem(c, "head %" PRIu64 ": its signature does not hold", c->first_bad_head);
    else if (c->n_bad_heads > 0)
        problem(c, "%zu heads, the first of them %" PRIu64 ": their signatures do not hold%s",
                c->n_bad_heads, c->first_bad_head,
                c->n_heads == 0 ? "; is the key the one that they were signed by?" : "");
}

/** audit_check_end() - see audit.h */
bool audit_check_end(struct audit_check *c, struct buf *ret)
{
    const struct audit_head *newest;

    check_signatures(c);
    sort_heads(c);
    newest = c->n_heads > 0 ? &c->heads[c->n_heads - 1] : NULL;
    if (newest != NULL && newest->seq > c->last_seq)
        problem(c, "the end is missing: %" PRIu64 " entries were signed, the last is %" PRIu64,
                newest->seq, c->last_seq);
    else if (c->n_entries > 0 && (c->n_heads > 0 || c->n_bad_heads == 0) &&
             (newest == NULL || newest->seq < c->last_seq))
        problem(c, "the entries behind %" PRIu64 " are not signed",
                newest != NULL ? newest->seq : 0);
    buf_add(ret, buf_view(&c->problems));
    if (c->n_problems > PROBLEMS_MAX)
        buf_addf(ret, "and %zu more\n", c->n_problems - PROBLEMS_MAX);
    return c->n_problems == 0;
}

/** audit_check_entries() - how many were looked at */
size_t audit_check_entries(const struct audit_check *c)
{
    return c->n_entries;
}

/** audit_check_heads() - see audit.h */
size_t audit_check_heads(const struct audit_check *c)
{
    return c->n_heads;
}
