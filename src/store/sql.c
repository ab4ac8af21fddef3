/* SPDX-License-Identifier: Apache-2.0 */
/* store/sql.c - SQLite in few words */
#include "store/control_private.h"

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

/** sql_exec() - run statements that give no rows */
bool sql_exec(sqlite3 *db, const char *text)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;
}

/** sql_roll_back() - end the transaction, if there is one, as if it had not been */
void sql_roll_back(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db) && !sql_exec(db, "ROLLBACK"))
        log_warning("store", "a transaction could not be rolled back: %s", sql_why(db));
}

/** sql_prepare() - a statement that is run again and again; NULL on failure */
sqlite3_stmt *sql_prepare(sqlite3 *db, const char *text)
{
    sqlite3_stmt *s = NULL;

    return sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) == SQLITE_OK
               ? s
               : NULL;
}

/** sql_number() - the one number that @query gives; false when it cannot be read or gives none */
bool sql_number(sqlite3 *db, const char *query, int64_t *ret)
{
    sqlite3_stmt *s = sql_prepare(db, query);
    bool ok = s != NULL && sqlite3_step(s) == SQLITE_ROW;

    if (ok)
        *ret = sqlite3_column_int64(s, 0);
    return sqlite3_finalize(s) == SQLITE_OK && ok;
}

/** sql_bind_text() - parameter @i of @s; the text must live until the statement has run */
void sql_bind_text(sqlite3_stmt *s, int i, const char *text)
{
    check(sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC) == SQLITE_OK);
}

/** sql_step_done() - run a change, and make its statement ready for the next */
bool sql_step_done(sqlite3_stmt *s)
{
    bool ok = sqlite3_step(s) == SQLITE_DONE;

    ok = sqlite3_reset(s) == SQLITE_OK && ok;
    sqlite3_clear_bindings(s);
    return ok;
}

/** sql_why() - what SQLite says of the last failure, for a person; borrowed */
const char *sql_why(sqlite3 *db)
{
    switch (sqlite3_extended_errcode(db)) {
    case SQLITE_IOERR_DATA:
        return "a page does not authenticate: it was changed or damaged on disk";
    case SQLITE_BUSY:
        return "another program has it open: the node runs, or another command";
    default:
        return sqlite3_errmsg(db);
    }
}

/** sql_text() - a column as text, until the next step; "" for NULL */
const char *sql_text(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    return text_or_empty(text);
}
