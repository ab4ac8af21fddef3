/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/conf.h - a YAML file as a tree whose values know their place
 *
 * A loader walks the tree by a schema it knows, so depth is the schema's.  What
 * is wrong is collected as "file:line:column: what", so that a person mends a
 * file in one go; after the walk conf_ok() is asked once.  A value that is wrong
 * or absent leaves the caller's variable as it was.
 *
 * Of YAML there is what a person writes by hand: no anchors and aliases (&a, *a),
 * no tags (!t), one document, at most CONF_DEPTH_MAX levels.
 */
#pragma once

#include "base/bytes.h"

#define CONF_BYTES_MAX  (16U << 20)
#define CONF_ERRORS_MAX 20 /* more are counted, not told */
#define CONF_DEPTH_MAX  16 /* collections in collections */

struct conf;

/* A value in the tree, or none; passed by value, borrowed from its struct conf. */
struct conf_value {
    struct conf *conf;
    int node; /* 0: none */
};

/* Never NULL: a file that cannot be read or parsed is an empty tree with an error. */
struct conf *conf_open(const char *path);
struct conf *conf_parse(const char *name, struct bytes text);
struct conf *conf_close(struct conf *c);
/* True: no error.  False: *ret_error (owned by the caller) has one line an error. */
bool conf_ok(struct conf *c, char **ret_error);

struct conf_value conf_root(struct conf *c);
void conf_fail(struct conf_value v, const char *format, ...) PRINTF(2, 3);
void conf_place(struct conf_value v, struct buf *ret); /* "file:line:column" is appended */

enum conf_kind {
    CONF_NONE, /* no value: the key is not there */
    CONF_NULL, /* nothing, "~" or "null" */
    CONF_TEXT, /* any other scalar */
    CONF_MAPPING,
    CONF_LIST,
};

enum conf_kind conf_kind(struct conf_value v);

/* Mappings.  @keys ends with NULL: every other key, and every key twice, is an error. */
void conf_keys(struct conf_value map, const char *const *keys);
struct conf_value conf_get(struct conf_value map, const char *key);
struct conf_value conf_need(struct conf_value map, const char *key); /* its absence is an error */
size_t conf_pairs(struct conf_value map);
struct conf_value conf_pair(struct conf_value map, size_t i, struct conf_value *ret_key);

/* Sequences.  No value is an empty one. */
size_t conf_len(struct conf_value list);
struct conf_value conf_item(struct conf_value list, size_t i);

static inline bool conf_given(struct conf_value v)
{
    return v.node != 0;
}

/* Scalars.  Each is true when @ret was written. */
const char *conf_text(struct conf_value v); /* borrowed; NULL when none, null or not a scalar */
bool conf_string(struct conf_value v, char **ret); /* a copy, in place of the old text */
bool conf_bool(struct conf_value v, bool *ret);
bool conf_number(struct conf_value v, double min, double max, double *ret);
bool conf_date(struct conf_value v, uint64_t *ret_unix_ms);
bool conf_choice(struct conf_value v, const char *const *names,
                 unsigned *ret); /* names ends with NULL */

/* "2026-01-31" or "2026-01-31T10:00:00Z" */
bool conf_date_parse(const char *text, uint64_t *ret_unix_ms);
