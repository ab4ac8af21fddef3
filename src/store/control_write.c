/* SPDX-License-Identifier: Apache-2.0 */
/* store/control_write.c - changes in transactions: all of one, or none */
#include "store/control_private.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

#define RETRY_NS NS_PER_S

/* clang-format off */
static const struct {
    const char *name;
    unsigned rows_max;
    const char *sql[JOB_DOCUMENT_KINDS];
} tables[CONTROL_TABLE_N] = {
#define X(name, table, rows_max, what)                                                          \
    [CONTROL_##name] = {table, rows_max, {                                                      \
        [JOB_PUT] = "INSERT INTO " table "(key, at, doc) VALUES(?1, ?2, ?3) ON CONFLICT(key)"   \
                    " DO UPDATE SET at = ?2, doc = ?3 WHERE at <> ?2 OR doc <> ?3",             \
        [JOB_APPEND] = "INSERT INTO " table "(key, at, doc) VALUES(?1, ?2, ?3)",                \
        [JOB_DELETE] = "DELETE FROM " table " WHERE key = ?1"}},
    CONTROL_TABLES(X)
#undef X
};
/* clang-format on */

/** control_table_text() - its name; static */
const char *control_table_text(enum control_table t)
{
    return tables[t].name;
}

/** control_table_parse() - false if @text names no table; @ret is then untouched */
bool control_table_parse(const char *text, enum control_table *ret)
{
    for (enum control_table t = 0; t < CONTROL_TABLE_N; t++) {
        if (strcmp(text, tables[t].name) == 0) {
            *ret = t;
            return true;
        }
    }
    return false;
}

/** control_prepare() - the statements of all changes */
bool control_prepare(struct control *c, char **ret_error)
{
    bool ok = true;

    for (enum control_table t = 0; t < CONTROL_TABLE_N; t++)
        for (enum job_kind k = 0; k < JOB_DOCUMENT_KINDS; k++) {
            c->changes[t][k] = sql_prepare(c->db, tables[t].sql[k]);
            ok = ok && c->changes[t][k] != NULL;
        }
    c->set_number = sql_prepare(c->db, "UPDATE meta SET value = ?1 WHERE name = 'number'");
    if (ok && c->set_number != NULL)
        return audit_prepare(c, ret_error);
    return text_fail(ret_error, "%s: a table is not as it has to be: %s", c->db_path,
                     sql_why(c->db));
}

/** control_unprepare() - the opposite; half of it is fine */
void control_unprepare(struct control *c)
{
    for (enum control_table t = 0; t < CONTROL_TABLE_N; t++)
        for (enum job_kind k = 0; k < JOB_DOCUMENT_KINDS; k++)
            sqlite3_finalize(c->changes[t][k]);
    sqlite3_finalize(c->set_number);
    audit_unprepare(c);
}

static bool apply(struct control *c, const struct job *j)
{
    sqlite3_stmt *s;

    if (j->kind == JOB_AUDIT)
        return audit_add(c, j);
    s = c->changes[j->table][j->kind];
    sql_bind_text(s, 1, j->key);
    if (j->kind != JOB_DELETE) {
        check(sqlite3_bind_int64(s, 2, (sqlite3_int64)j->at_unix_ms) == SQLITE_OK);
        sql_bind_text(s, 3, j->doc);
    }
    return sql_step_done(s);
}

static bool apply_all(struct control *c)
{
    uint64_t seq = c->chain.seq;

    list_each (it, &c->waiting)
        if (!apply(c, list_item(it, struct job, link)))
            return false;
    if (c->chain.seq != seq && !audit_sign(c))
        return false;
    check(sqlite3_bind_int64(c->set_number, 1, (sqlite3_int64)c->number + 1) == SQLITE_OK);
    return sql_step_done(c->set_number);
}

static void learn_size(struct control *c)
{
    struct stat st;

    if (stat(c->db_path, &st) == 0)
        atomic_store(&c->n_bytes, (unsigned long long)st.st_size);
}

static void written(struct control *c)
{
    size_t n = 0;

    list_each (it, &c->waiting) {
        list_remove(it);
        job_free(list_item(it, struct job, link));
        n++;
    }
    atomic_fetch_sub(&c->n_waiting, n);
    atomic_fetch_add(&c->n_changes, n);
    atomic_store(&c->n_transactions, c->number);
    atomic_store(&c->is_kept, atomic_load(&c->n_refused) == 0);
    if (c->said)
        log_warning("store", "%s: can be written again; nothing was lost", c->db_path);
    c->said = false;
    learn_size(c);
}

static void not_written(struct control *c, const char *why, bool is_sync)
{
    atomic_fetch_add(&c->n_failures, 1);
    atomic_store(&c->is_kept, false);
    if (is_sync) {
        atomic_store(&c->is_broken, true);
        log_error("store",
                  "%s: a sync failed (%s), so what is on disk is not known: nothing more is "
                  "written; look to the disk, then restart the node",
                  c->db_path, why);
    } else if (!c->said) {
        log_error("store", "%s: cannot be written: %s%s", c->db_path, why,
                  c->is_open ? "; changes wait in memory and are lost with a restart until it can"
                             : "");
    }
    c->said = true;
    c->retry_ns = clock_now_ns() + RETRY_NS;
}

static bool is_sync_error(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);

    return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

static void failed_transaction(struct control *c)
{
    char *why = sqlite3_mprintf("%s", sql_why(c->db));
    bool is_sync = is_sync_error(c->db);

    sql_roll_back(c->db);
    not_written(c, why, is_sync);
    sqlite3_free(why);
}

/**
 * control_write_waiting() - make one transaction of all changes that wait
 *
 * On failure they go on waiting.  The writer's thread.
 */
void control_write_waiting(struct control *c)
{
    struct audit_chain chain = c->chain;
    struct audit_head head = c->head;
    int err;

    if (list_is_empty(&c->waiting) || atomic_load(&c->is_broken))
        return;
    if (!sql_exec(c->db, "BEGIN IMMEDIATE") || !apply_all(c) || !sql_exec(c->db, "COMMIT")) {
        failed_transaction(c);
        c->chain = chain;
        c->head = head;
        return;
    }
    c->number++;
    written(c);
    err = mark_write(&c->mark, c->number);
    if (err < 0)
        log_warning("store", "transaction %llu could not be marked: %s; the next one is tried",
                    (unsigned long long)c->number, strerror(-err));
    audit_export(c, false);
}

static void tidy(struct control *c, enum control_table t)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (tables[t].rows_max == 0)
        return;
    buf_addf(&text,
             "DELETE FROM %s WHERE id <= (SELECT id FROM %s ORDER BY id DESC LIMIT 1 OFFSET %u)",
             tables[t].name, tables[t].name, tables[t].rows_max);
    buf_add_u8(&text, 0);
    if (!sql_exec(c->db, (const char *)text.at))
        log_warning("store", "%s: old rows of %s stay: %s", c->db_path, tables[t].name,
                    sql_why(c->db));
}

/** control_tidy() - take out the oldest rows beyond a table's number; the writer's thread */
void control_tidy(struct control *c)
{
    for (enum control_table t = 0; t < CONTROL_TABLE_N; t++)
        tidy(c, t);
    audit_tidy(c);
}

struct reseal {
    char **ret_error;
    bool ok;
};

/* VACUUM writes every page anew, in one transaction by the log; then the log goes into the
 * database, and what is left of it is of the new key. */
static void reseal(struct control *c, void *arg)
{
    struct reseal *r = arg;
    struct page_scan s;

    control_write_waiting(c);
    r->ok = sql_exec(c->db, "VACUUM") && sql_exec(c->db, "PRAGMA wal_checkpoint(TRUNCATE)") &&
            mark_write(&c->mark, c->number - 1) == 0 && mark_write(&c->mark, c->number) == 0;
    if (!r->ok)
        (void)text_fail(r->ret_error, "%s cannot be sealed anew: %s", c->db_path, sql_why(c->db));
    else if (!page_scan(c->keys, c->db_path, &s, r->ret_error))
        r->ok = false;
    else if (s.oldest_key != keyring_current(c->keys))
        r->ok = text_fail(r->ret_error, "%s: pages under an older key are left", c->db_path);
}

/** control_reseal() - see control.h; other changes wait meanwhile */
bool control_reseal(struct control *c, char **ret_error)
{
    struct reseal r = {.ret_error = ret_error};

    control_call(c, reseal, &r);
    return r.ok;
}
