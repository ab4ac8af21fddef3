/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/control.h - the control store: what a node knows of others and did to them
 *
 * One database (state/control.db) of sealed pages holds assets, flows, incidents,
 * bans, assessments, drills and the audit.  A thread of its own writes; who asks for a
 * change does not wait, and changes that are asked for together become one
 * transaction.  What has been asked for before a control_flush() or a reading call is
 * seen by it.  Until control_start(), and in programs that have no use for a thread,
 * changes are made by the calls that wait, on the calling thread.
 *
 * Each transaction has a number; the last one is also kept, sealed, in control.mark.
 * So a database or log that was cut, replaced by an older one or taken away is
 * noticed: the store is then not opened, and never starts empty in silence.
 *
 * A full disk: changes wait in memory, control_is_kept() is false, and it is tried
 * again each second.  A sync that failed is not tried again: nothing is written until
 * the node has been restarted.
 *
 * A program that keeps the store open keeps others out.
 */
#pragma once

#include <jansson.h>

#include "crypto/keyring.h"

struct control;

/* clang-format off */
/*    name        table         rows kept (0: all that are put)   what a row is */
#define CONTROL_TABLES(X)                                                                       \
    X(ASSET,      "asset",      0,      "an asset that was seen, by its id")                    \
    X(FLOW,       "flow",       0,      "publisher, topic and subscriber")                      \
    X(SEEN,       "seen",       0,      "addresses, shared principals, retired devices that came")\
    X(INCIDENT,   "incident",   20000,  "the last record of an incident, by its id")            \
    X(BAN,        "ban",        0,      "a ban in force")                                       \
    X(SUBJECT,    "subject",    0,      "what a subject did before: how long its next ban is")  \
    X(GUARDED,    "guarded",    0,      "whom nothing is done to automatically")                \
    X(DRILL,      "drill",      100000, "what an exercise or a person measured")                \
    X(ASSESSMENT, "assessment", 100000, "a run of the assessment, a change, an indicator")      \
    X(SETTING,    "setting",    0,      "what an operator set and a restart keeps")            \
    X(HABIT,      "habit",      0,      "what a client is used to")
/* clang-format on */

enum control_table {
#define X(name, table, rows_max, what) CONTROL_##name,
    CONTROL_TABLES(X)
#undef X
        CONTROL_TABLE_N,
};

#define CONTROL_DOC_BYTES_MAX (1U << 20) /* of a row; a larger one is refused */
#define CONTROL_WAITING_MAX   200000     /* changes that are not yet on disk; more are refused */

const char *control_table_text(enum control_table t);
bool control_table_parse(const char *text, enum control_table *ret);

/* ---- life ---- */

/* The keyring of a state folder, which is made when nothing is stored there yet; with it the file
 * of the at-rest key, if it is to come from one that is missing.  NULL with @ret_error. */
struct keyring *state_keyring_open(const char *state_dir, const struct key_source *from,
                                   char **ret_error);
char *state_keyring_path(const char *state_dir); /* owned by the caller */
/* {"current", "keys": [ids of data keys], "locked": bool (kept off swap)} */
json_t *state_keys_json(struct keyring *keys);

bool control_exists(const char *state_dir);
/* Opened, made when there is none yet, and of an older version brought up to date.  @keys outlives
 * it.  NULL with @ret_error: what is wrong, with which file, and what to do; nothing was changed.
 */
struct control *control_open(const char *state_dir, struct keyring *keys, char **ret_error);
/* The thread, which calls @begin first (NULL: nothing); 0 or -errno. */
MUST_CHECK int control_start(struct control *c, void (*begin)(void *arg), void *arg);
/* What was asked for is written first.  NULL is fine.  Return: NULL. */
struct control *control_close(struct control *c);

/* ---- changes; any thread, do not wait; texts are copied ---- */

/* In place of the row with the same key, which then keeps its place in the order. */
void control_put(struct control *c, enum control_table t, const char *key, uint64_t at_unix_ms,
                 const char *doc);
void control_append(struct control *c, enum control_table t, uint64_t at_unix_ms, const char *doc);
void control_delete(struct control *c, enum control_table t, const char *key);

/* ---- calls that wait ---- */

/* False: not all that was asked for is on disk. */
MUST_CHECK bool control_flush(struct control *c);
/* @key is "" for what was appended.  All borrowed for the call. */
typedef void control_row_fn(void *arg, const char *key, uint64_t at_unix_ms, const char *doc);
/* The rows in the order in which they came, the newest @limit of them (0: all).  @fn may ask for
 * changes, but not wait.  False with @ret_error (may be NULL): not all could be read. */
MUST_CHECK bool control_each(struct control *c, enum control_table t, size_t limit,
                             control_row_fn *fn, void *arg, char **ret_error);
/* All rows, oldest first, appended to the array @to; false as control_each(). */
MUST_CHECK bool control_rows_json(struct control *c, enum control_table t, json_t *to,
                                  char **ret_error);
/* All pages sealed under the current data key, so that the older ones can be dropped. */
MUST_CHECK bool control_reseal(struct control *c, char **ret_error);

/* A file of lines in the state folder, of an older version, becomes rows and is removed; missing is
 * fine. */
void control_import_lines(struct control *c, enum control_table t, const char *name);

bool control_is_kept(const struct control *c); /* any thread: is on disk what was asked for? */

struct control_counts {
    uint64_t transactions; /* since the store was made */
    uint64_t changes;      /* since the start */
    uint64_t failures;     /* transactions that could not be written */
    uint64_t refused;      /* changes that there was no room for */
    uint64_t bytes;        /* on disk */
};
struct control_counts control_counts(const struct control *c); /* any thread */
