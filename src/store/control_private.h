/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/control_private.h - the parts of the control store, for one another
 *
 *   control.c         life, and the checks before anything is believed
 *   control_queue.c   jobs, and the thread that does them
 *   control_write.c   transactions
 *   control_read.c    what is read
 *   control_schema.c  the tables, and how an older version becomes this one
 *   control_mark.c    the number of the last transaction, outside of the database
 *   sql.c             SQLite's errors as texts
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "store/audit.h"
#include "store/control.h"
#include "store/page_vfs.h"

/* ---- sql.c ---- */

MUST_CHECK bool sql_exec(sqlite3 *db, const char *text);
void sql_roll_back(sqlite3 *db);
MUST_CHECK bool sql_number(sqlite3 *db, const char *query, int64_t *ret);
sqlite3_stmt *sql_prepare(sqlite3 *db, const char *text);     /* NULL on failure */
void sql_bind_text(sqlite3_stmt *s, int i, const char *text); /* NULL: null */
MUST_CHECK bool sql_step_done(sqlite3_stmt *s); /* run a change; then ready to run again */
const char *sql_why(sqlite3 *db);
sqlite3 *sql_open(const struct page_vfs *vfs, const char *path, char **ret_error); /* control.c */
const char *sql_text(sqlite3_stmt *s, int column);

/* ---- control_mark.c ---- */

struct mark {
    int fd; /* -1: not open */
    struct keyring *keys;
};

enum mark_found {
    MARK_OK,
    MARK_MISSING,
    MARK_DAMAGED,
};

enum mark_found mark_open(struct mark *m, const char *path, struct keyring *keys,
                          uint64_t *ret_number);
MUST_CHECK bool mark_create(struct mark *m, const char *path, struct keyring *keys);
void mark_close(struct mark *m);
MUST_CHECK int mark_write(struct mark *m, uint64_t number);

/* ---- jobs ---- */

enum job_kind {
    JOB_PUT,
    JOB_APPEND,
    JOB_DELETE,
    JOB_AUDIT,
    JOB_CALL, /* run @call between two transactions */
};

#define JOB_DOCUMENT_KINDS JOB_AUDIT /* those before it have a statement for each table */
#define AUDIT_TEXTS        5

struct job {
    struct list link;
    enum job_kind kind;
    enum control_table table;
    uint64_t at_unix_ms;
    char *key;                /* owned; NULL */
    char *doc;                /* owned; NULL */
    char *texts[AUDIT_TEXTS]; /* JOB_AUDIT; owned */
    /* JOB_CALL; the asker waits for it, and owns the job */
    void (*call)(struct control *c, void *arg);
    void *arg;
    bool is_done;
};

/* The end of the audit. */
struct audit_chain {
    uint64_t seq;
    char hash[SHA256_TEXT_LEN];
};

struct control {
    char *state_dir; /* owned, as are the paths */
    char *db_path;
    struct keyring *keys;
    struct page_vfs *vfs;
    sqlite3 *db;
    struct mark mark;
    sqlite3_stmt *changes[CONTROL_TABLE_N][JOB_DOCUMENT_KINDS]; /* by table and kind of job */
    sqlite3_stmt *set_number;
    sqlite3_stmt *add_entry;
    sqlite3_stmt *add_head;

    pthread_mutex_t lock;
    pthread_cond_t wanted;
    pthread_cond_t done;
    struct list jobs; /* under the lock */
    bool has_thread;
    bool stopping; /* under the lock */
    pthread_t thread;
    void (*begin)(void *arg);
    void *begin_arg;

    struct list waiting;      /* changes of a transaction that could not be written; the writer's */
    uint64_t number;          /* of the last transaction; the writer's */
    struct audit_chain chain; /* the writer's, as are these */
    struct audit_head head;   /* the newest; seq 0: none since the start */
    uint64_t exported_seq;
    uint64_t export_ns; /* not before */
    uint64_t retry_ns;
    uint64_t tidy_ns; /* when rows beyond a table's number are taken out */
    bool is_open;     /* what is asked for waits if it cannot be written */
    bool said;        /* that changes wait */
    atomic_bool is_kept;
    atomic_bool is_broken; /* a sync failed */
    atomic_size_t n_waiting;
    atomic_ullong n_transactions, n_changes, n_failures, n_refused, n_bytes;
};

/* control_queue.c */
void control_ask(struct control *c, struct job *j); /* a change; @j is taken */
void control_call(struct control *c, void (*call)(struct control *c, void *arg), void *arg);
void control_stop_thread(struct control *c);
void job_free(struct job *j);

/* control_write.c */
MUST_CHECK bool control_prepare(struct control *c, char **ret_error);
void control_unprepare(struct control *c);
void control_write_waiting(struct control *c);
void control_tidy(struct control *c);

/* audit.c */
MUST_CHECK bool audit_prepare(struct control *c, char **ret_error);
void audit_unprepare(struct control *c);
MUST_CHECK bool audit_add(struct control *c, const struct job *j);
MUST_CHECK bool audit_sign(struct control *c);
void audit_export(struct control *c, bool now);
void audit_tidy(struct control *c);
void audit_hash(const struct audit_row *r, char ret[AUDIT_HASH_TEXT_LEN]);
void audit_head_message(const struct audit_head *h, struct buf *ret);

/* control_schema.c */
MUST_CHECK bool schema_upgrade(sqlite3 *db, char **ret_error);
