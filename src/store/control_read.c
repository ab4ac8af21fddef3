/* SPDX-License-Identifier: Apache-2.0 */
/* store/control_read.c - rows of the control store */
#include "store/control_private.h"

#include "base/text.h"

struct each {
    enum control_table table;
    size_t limit;
    control_row_fn *fn;
    void *arg;
    char **ret_error;
    bool ok;
};

static sqlite3_stmt *select_rows(struct control *c, const struct each *e)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_addf(&text,
             "SELECT key, at, doc FROM (SELECT id, key, at, doc FROM %s ORDER BY id DESC LIMIT "
             "%lld) ORDER BY id",
             control_table_text(e->table), e->limit > 0 ? (long long)e->limit : -1LL);
    buf_add_u8(&text, 0);
    return sql_prepare(c->db, (const char *)text.at);
}

static void each(struct control *c, void *arg)
{
    struct each *e = arg;
    sqlite3_stmt *s = select_rows(c, e);
    int rc = SQLITE_ERROR;

    while (s != NULL && (rc = sqlite3_step(s)) == SQLITE_ROW)
        e->fn(e->arg, sql_text(s, 0), (uint64_t)sqlite3_column_int64(s, 1), sql_text(s, 2));
    e->ok = rc == SQLITE_DONE;
    if (!e->ok)
        (void)text_fail(e->ret_error, "%s: table %s cannot be read: %s", c->db_path,
                        control_table_text(e->table), sql_why(c->db));
    sqlite3_finalize(s);
}

/** control_each() - see control.h */
bool control_each(struct control *c, enum control_table t, size_t limit, control_row_fn *fn,
                  void *arg, char **ret_error)
{
    struct each e = {.table = t, .limit = limit, .fn = fn, .arg = arg, .ret_error = ret_error};

    control_call(c, each, &e);
    return e.ok;
}
