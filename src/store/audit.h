/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/audit.h - who did what, in a chain that shows what was changed of it
 *
 * An entry has a number, one more than the entry before it, that entry's hash, and a
 * hash of its own:
 *
 *   SHA-256 over number, time, actor, action, object, reason, result, hash of the
 *   entry before, each followed by a zero byte; numbers and the time (unix ms) in
 *   decimal, hashes in lower-case hex.  Entry 1 follows the hash of 64 zeros.
 *
 * With each transaction that adds entries the head is signed, Ed25519 over
 *
 *   "bastide audit head", number, hash, time, each followed by a zero byte
 *
 * and kept beside them; the newest is exported to audit.head in the state folder, and
 * may be kept elsewhere.  So an entry that was removed, changed or moved is found from
 * the entries alone, and a tail that was cut off from the newest head that is known.
 *
 * The newest AUDIT_ENTRIES_MAX are kept; the oldest of them follows a signed head.
 *
 * MQ.PR.IP-04
 */
#pragma once

#include <jansson.h>

#include "store/control.h"

#define AUDIT_ENTRIES_MAX    1000000
#define AUDIT_TEXT_BYTES_MAX 4096 /* of each text; more is cut */
#define AUDIT_HASH_TEXT_LEN  SHA256_TEXT_LEN

/* All borrowed; NULL is "". */
struct audit_entry {
    uint64_t at_unix_ms;
    const char *actor;  /* "admin:alice", "detector:topic-scan-publish", "node" */
    const char *action; /* "ban", "disconnect", ... */
    const char *object; /* "client m-1" */
    const char *reason;
    const char *result; /* "done", or what came of it */
};

struct audit_row {
    uint64_t seq;
    struct audit_entry entry;
    const char *prev_hash;
    const char *hash;
};

struct audit_head {
    uint64_t seq;
    uint64_t at_unix_ms;
    char hash[AUDIT_HASH_TEXT_LEN];
    char signature[SIGNATURE_TEXT_LEN];
};

/* A change as others of control.h; the entries of one thread keep their order. */
void control_audit(struct control *c, const struct audit_entry *e);

/* Entries behind number @after, oldest first, at most @limit (0: all); waits.  @fn may ask for
 * changes, but not wait.  False with @ret_error. */
typedef void audit_row_fn(void *arg, const struct audit_row *r);
MUST_CHECK bool control_audit_each(struct control *c, uint64_t after, size_t limit,
                                   audit_row_fn *fn, void *arg, char **ret_error);
typedef void audit_head_fn(void *arg, const struct audit_head *h);
MUST_CHECK bool control_audit_heads(struct control *c, audit_head_fn *fn, void *arg,
                                    char **ret_error);

/* ---- as JSON, for the API and exports: see audit_json.c ---- */

json_t *control_audit_json(struct control *c, uint64_t after, size_t limit, char **ret_error);
json_t *control_audit_heads_json(struct control *c, char **ret_error);
MUST_CHECK bool audit_row_parse(json_t *o, struct audit_row *ret);
MUST_CHECK bool audit_head_parse(const json_t *o, struct audit_head *ret);
/* {"seq", "hash", "at_unix_ms", "signature", "key"} in one line; appended to @ret. */
void audit_head_text(const struct audit_head *h, const char *public_text, struct buf *ret);

/* ---- audit_check.c: is the chain whole?  Of the store, or of an export of it ---- */

struct audit_check;

struct audit_check *audit_check_new(const char *public_text);
struct audit_check *audit_check_free(struct audit_check *c);
/* All heads that are known, in any order, before the first entry. */
void audit_check_head(struct audit_check *c, const struct audit_head *h);
void audit_check_row(struct audit_check *c, const struct audit_row *r);
/* What is wrong, one a line, is appended to @ret.  Return: nothing is. */
MUST_CHECK bool audit_check_end(struct audit_check *c, struct buf *ret);
size_t audit_check_entries(const struct audit_check *c);
size_t audit_check_heads(const struct audit_check *c); /* whose signature holds */
