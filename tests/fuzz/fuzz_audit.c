/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_audit.c - an audit that was exported and comes back: lines of JSON, entries and
 * heads
 *
 * Nobody here knows the key, so no head is good, and no chain is without a fault that has heads.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <jansson.h>

#include "store/audit.h"

#define PUBLIC "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static void take_line(struct audit_check *c, struct bytes line, bool are_heads, size_t *n_heads)
{
    json_t *o = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
    struct audit_head head;
    struct audit_row row;

    if (are_heads && audit_head_parse(o, &head)) {
        audit_check_head(c, &head);
        ++*n_heads;
    } else if (!are_heads && audit_row_parse(o, &row)) {
        audit_check_row(c, &row);
    }
    json_decref(o);
}

/* All heads come before the first entry. */
static void take_lines(struct audit_check *c, struct bytes text, bool are_heads, size_t *n_heads)
{
    while (text.len > 0) {
        const uint8_t *end = memchr(text.at, '\n', text.len);
        size_t n = end != NULL ? (size_t)(end - text.at) : text.len;

        take_line(c, bytes_of(text.at, n), are_heads, n_heads);
        n = MIN(n + 1, text.len);
        text = bytes_of(text.at + n, text.len - n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_check *c = audit_check_new(PUBLIC);
    struct bytes text = bytes_of(data, size);
    struct buf problems = {0};
    size_t n_heads = 0;
    bool is_whole;

    take_lines(c, text, true, &n_heads);
    take_lines(c, text, false, &n_heads);
    is_whole = audit_check_end(c, &problems);
    check(audit_check_heads(c) == 0);
    check(!is_whole || (n_heads == 0 && problems.len == 0));
    audit_check_free(c);
    buf_done(&problems);
    return 0;
}
